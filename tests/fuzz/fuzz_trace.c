/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

/* The input is a trace. One that is read can be written, and is the same when it is read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = NULL;
	struct mp_error err = { 0 };

	if (mp_trace_parse((const char *)data, size, "input", &trace, &err)) {
		REQUIRE(!trace && err.code == MP_E_FORMAT && err.msg[0]);
		return 0;
	}
	for (size_t i = 0; i < trace->n_events; i++) {
		const struct mp_trace_event *event = &trace->events[i];

		REQUIRE(event->path && event->path[0] == '/');
		REQUIRE(!event->real || event->real[0] == '/');
		REQUIRE(event->op < MP_OP_COUNT);
	}
	if (mp_trace_check_complete(trace, &err))
		REQUIRE(err.code == MP_E_INCOMPLETE);
	else
		REQUIRE(trace->complete && !mp_trace_is_cut(trace));
	require_round_trip(trace);
	return 0;
}
