/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_DECODE_H
#define MP_TRACER_DECODE_H

#include "core/trace.h"

/*
 * Turns what the kernel side sends (bpf/event.h) into events of a trace: paths put together from
 * their names, programs named instead of numbered, repetitions left out.
 */
struct mp_decoder;

struct mp_decoder *mp_decoder_new(void);
void mp_decoder_freep(struct mp_decoder **decoder);

/*
 * @data, @size: one record. Returns 1 and fills *event_out (the caller clears it) for something
 * new, 0 for what the trace has already or what is no path of the container, -1 with MP_E_FORMAT
 * for a record that is malformed: then something was lost, and the caller counts it.
 */
MP_MUST_USE int mp_decoder_feed(struct mp_decoder *decoder, const void *data, size_t size,
				struct mp_trace_event *event_out, struct mp_error *err);

/* Records so far whose names were not whole, or could not be read. */
void mp_decoder_losses(const struct mp_decoder *decoder, struct mp_trace_losses *losses);

#endif
