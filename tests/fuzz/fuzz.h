/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_TESTS_FUZZ_FUZZ_H
#define MP_TESTS_FUZZ_FUZZ_H

#include "core/file.h"
#include "core/trace.h"
#include "core/trace_sort.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * What the fuzz targets have in common. A target is a fuzz_NAME.c with the function that libFuzzer
 * calls; its inputs are in corpus/NAME, its words, if any, in NAME.dict. `make fuzz` looks for more
 * inputs, `make replay` shows each target those that are there (replay.c).
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has to be true of any input. */
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* @trace as it is written to a file. */
static inline char *text_of_trace(const struct mp_trace *trace, size_t *len_out)
{
	static int fd = -1;
	struct mp_buf text = { 0 };
	struct mp_error err = { 0 };

	if (fd < 0)
		fd = memfd_create("trace", MFD_CLOEXEC);
	REQUIRE(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	REQUIRE(mp_trace_write_fd(trace, fd, "trace",
				  mp_trace_is_cut(trace) ? NULL : &trace->losses, &err) == 0);
	REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
	REQUIRE(mp_fd_read_all(fd, "trace", (size_t)1 << 30, &text, &err) == 0);
	*len_out = text.len;
	return mp_buf_steal(&text);
}

static inline bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static inline void require_same(const struct mp_trace *a, const struct mp_trace *b)
{
	size_t n;
	MP_AUTO(mp_freep) const struct mp_trace_event **events = mp_trace_sort(&a, 1, &n);

	REQUIRE(same_text(a->header.source, b->header.source));
	REQUIRE(same_text(a->header.image, b->header.image));
	REQUIRE(same_text(a->header.image_id, b->header.image_id));
	REQUIRE(same_text(a->header.arch, b->header.arch));
	REQUIRE(same_text(a->header.kernel, b->header.kernel));
	REQUIRE(same_text(a->header.generator, b->header.generator));
	REQUIRE(memcmp(&a->losses, &b->losses, sizeof(a->losses)) == 0);
	REQUIRE(a->complete == b->complete);
	REQUIRE(n == b->n_events);
	for (size_t i = 0; i < n; i++) {
		REQUIRE(mp_trace_event_compare(events[i], &b->events[i]) == 0);
		REQUIRE(events[i]->first_ns == b->events[i].first_ns);
	}
}

/* What is written of @trace is read as the same, and what is written of that are the same bytes. */
static inline void require_round_trip(const struct mp_trace *trace)
{
	size_t len, again_len;
	MP_AUTO(mp_freep) char *text = text_of_trace(trace, &len);
	MP_AUTO(mp_freep) char *again = NULL;
	MP_AUTO(mp_trace_freep) struct mp_trace *read = NULL;
	struct mp_error err = { 0 };

	if (mp_trace_parse(text, len, "trace", &read, &err)) {
		fprintf(stderr, "%s, in:\n%s", err.msg, text);
		abort();
	}
	require_same(trace, read);
	again = text_of_trace(read, &again_len);
	REQUIRE(len == again_len && memcmp(text, again, len) == 0);
}

#endif
