/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TRACER_DECODE_H
#define MP_TRACER_DECODE_H

#include "core/trace.h"

/*
 * Turns what the kernel side sends (bpf/event.h) into events of a trace: paths put together from
 * their names, programs named instead of numbered, requests joined with their results. What belongs
 * together may come in any order, so all records are shown twice: first to _learn, then to _feed.
 */
struct mp_decoder;

struct mp_decoder *mp_decoder_new(void);
void mp_decoder_freep(struct mp_decoder **decoder);

/* The program that is known as @id (mp_event.exe_id), where no record says so. */
void mp_decoder_add_program(struct mp_decoder *decoder, uint64_t id, const char *path);

/*
 * @data, @size: one record. -1 with MP_E_FORMAT for one that is malformed: then something was lost,
 * and the caller counts it; _feed will leave it out.
 */
MP_MUST_USE int mp_decoder_learn(struct mp_decoder *decoder, const void *data, size_t size,
				 struct mp_error *err);

/* Is given an event of the trace that @sink stands for; takes its strings. */
typedef void (*mp_decoder_emit)(unsigned int sink, struct mp_trace_event *event, void *context);

/* Emits the events of a record: none for what is no path of the container, else mostly one. */
void mp_decoder_feed(struct mp_decoder *decoder, const void *data, size_t size,
		     mp_decoder_emit emit, void *context);

/* Records so far whose names were not whole, or could not be read. */
void mp_decoder_losses(const struct mp_decoder *decoder, struct mp_trace_losses *losses);

#endif
