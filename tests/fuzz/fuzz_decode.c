/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"
#include "tracer/decode.h"

#include <linux/types.h>

#include "bpf/event.h"

/*
 * The input is what the kernel side sends: records, each behind its length in two bytes, the lower
 * one first. Seeds are made by record.c.
 */

static void keep(unsigned int sink, struct mp_trace_event *event, void *context)
{
	struct mp_trace *trace = context;

	(void)sink;
	REQUIRE(event->path && event->path[0] == '/');
	REQUIRE(!event->real || event->real[0] == '/');
	REQUIRE(!event->exe || event->exe[0] == '/');
	REQUIRE(event->op < MP_OP_COUNT && event->flags <= MP_EVENT_TRACE_FLAGS);
	REQUIRE(event->error >= 0 && event->error < 4096);
	event->session &= INT32_MAX; /* the kernel side knows 0 and 1 */
	mp_trace_add_take(trace, event);
}

/* Shows each record by itself, so that a read beyond it is seen. */
static void each(const uint8_t *data, size_t size, struct mp_decoder *decoder,
		 struct mp_trace *trace)
{
	while (size >= 2) {
		size_t len = (size_t)data[0] | (size_t)data[1] << 8;
		MP_AUTO(mp_freep) char *record = NULL;
		struct mp_error err = { 0 };

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		record = mp_xmalloc(len ? len : 1);
		memcpy(record, data, len);
		data += len;
		size -= len;
		if (trace)
			mp_decoder_feed(decoder, record, len, keep, trace);
		else if (mp_decoder_learn(decoder, record, len, &err))
			REQUIRE(err.code == MP_E_FORMAT && err.msg[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MP_AUTO(mp_decoder_freep) struct mp_decoder *decoder = mp_decoder_new();
	struct mp_trace trace = { 0 };

	each(data, size, decoder, NULL);
	each(data, size, decoder, &trace);
	mp_decoder_losses(decoder, &trace.losses);
	trace.complete = !mp_trace_lost_any(&trace.losses);
	require_round_trip(&trace);
	for (size_t i = 0; i < trace.n_events; i++)
		mp_trace_event_clear(&trace.events[i]);
	mp_freep(&trace.events);
	return 0;
}
