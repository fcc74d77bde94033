/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/import.h"
#include "tests/fuzz/fuzz.h"

/*
 * The first byte says the format, the rest is what that tool has written. Whatever is made of it
 * is a trace.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		char byte;
		struct mp_import_options options;
	} formats[] = {
		{ 's', { .format = "strace", .workdir = "/work/dir" } },
		{ 'S', { .format = "strace" } },
		{ 'b', { .format = "bpftrace" } },
		{ 'd', { .format = "sysdig" } },
		{ 'l', { .format = "list" } },
	};
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	struct mp_error err = { 0 };
	size_t which = 0;

	while (size > 0 && which < MP_ARRAY_LEN(formats) && formats[which].byte != (char)data[0])
		which++;
	if (size == 0 || which == MP_ARRAY_LEN(formats))
		return 0;
	if (mp_import(&formats[which].options, (const char *)data + 1, size - 1, "input", &trace,
		      &err)) {
		REQUIRE(!trace && err.code == MP_E_FORMAT && err.msg[0]);
		return 0;
	}
	for (size_t i = 0; i < trace->n_events; i++) {
		REQUIRE(trace->events[i].path && trace->events[i].path[0] == '/');
		REQUIRE(trace->events[i].first_ns >= 0);
	}
	require_round_trip(trace);
	return 0;
}
