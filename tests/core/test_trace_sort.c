/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/trace_sort.h"

#include "core/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

TestSuite(trace_sort, .timeout = 120);

/* The bytes that @trace has in a file. */
static char *bytes_of(const struct mp_trace *trace)
{
	MP_AUTO(mp_closep) int fd = memfd_create("trace", MFD_CLOEXEC);
	struct mp_buf text = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_trace_write_fd(trace, fd, "trace", &trace->losses, &err), 0, "%s", err.msg);
	lseek(fd, 0, SEEK_SET);
	cr_assert_eq(mp_fd_read_all(fd, "trace", 1 << 28, &text, &err), 0, "%s", err.msg);
	return mp_buf_steal(&text);
}

static struct mp_trace *parse(const char *text)
{
	struct mp_trace *trace = NULL;
	struct mp_error err = { 0 };

	cr_assert_eq(mp_trace_parse(text, strlen(text), "t", &trace, &err), 0, "%s", err.msg);
	return trace;
}

static const char *behind_header(const char *text)
{
	return strchr(text, '\n') + 1;
}

/* Of few values, so that many events differ in one member alone, or not at all. */
static struct mp_trace_event generate_event(unsigned int *seed)
{
	static const char *const texts[] = {
		NULL, "/a", "/a/b", "/A", "/\xff", "/\xc3\xa9", "/a\n"
	};
	size_t n = MP_ARRAY_LEN(texts);

	return (struct mp_trace_event){
		.op = (enum mp_trace_op)(rand_r(seed) % 3),
		.flags = (unsigned int)rand_r(seed) % 3,
		.error = rand_r(seed) % 3 ? 0 : ENOENT + rand_r(seed) % 2,
		.session = (unsigned int)rand_r(seed) % 2,
		.first_ns = rand_r(seed) % 1000 - 10,
		.path = mp_xstrdup(texts[1 + (size_t)rand_r(seed) % (n - 1)]),
		.real = mp_xstrdup(texts[(size_t)rand_r(seed) % n]),
		.exe = mp_xstrdup(texts[(size_t)rand_r(seed) % n]),
	};
}

static struct mp_trace *new_trace(void)
{
	struct mp_trace *trace = mp_xcalloc(1, sizeof(*trace));

	trace->header.source = mp_xstrdup("command");
	trace->complete = true;
	return trace;
}

static void add_copy(struct mp_trace *trace, const struct mp_trace_event *event)
{
	struct mp_trace_event copy = *event;

	copy.path = mp_xstrdup(copy.path);
	copy.real = mp_xstrdup(copy.real);
	copy.exe = mp_xstrdup(copy.exe);
	mp_trace_add_take(trace, &copy);
}

static struct mp_trace *generate(unsigned int *seed)
{
	struct mp_trace *trace = new_trace();
	int n = rand_r(seed) % 200;

	for (int i = 0; i < n; i++) {
		struct mp_trace_event event = generate_event(seed);

		mp_trace_add_take(trace, &event);
	}
	return trace;
}

/* All events of @trace, some of them twice or more, in another order. */
static struct mp_trace *shuffle(const struct mp_trace *trace, unsigned int *seed)
{
	struct mp_trace *shuffled = new_trace();

	for (size_t i = 0; i < trace->n_events; i++) {
		do
			add_copy(shuffled, &trace->events[i]);
		while (rand_r(seed) % 3 == 0);
	}
	for (size_t i = shuffled->n_events; i > 1; i--) {
		size_t other = (size_t)rand_r(seed) % i;
		struct mp_trace_event event = shuffled->events[other];

		shuffled->events[other] = shuffled->events[i - 1];
		shuffled->events[i - 1] = event;
	}
	return shuffled;
}

/* Neither the order of events, nor how often one is in, changes a byte; nor does reading it. */
Test(trace_sort, what_is_written_depends_on_the_set)
{
	unsigned int seed = 1;

	for (int round = 0; round < 300; round++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = generate(&seed);
		MP_AUTO(mp_trace_freep) struct mp_trace *shuffled = shuffle(trace, &seed);
		MP_AUTO(mp_freep) char *text = bytes_of(trace);
		MP_AUTO(mp_freep) char *other = bytes_of(shuffled);
		MP_AUTO(mp_trace_freep) struct mp_trace *read = parse(text);
		MP_AUTO(mp_freep) char *again = bytes_of(read);

		cr_assert_str_eq(text, other, "round %d", round);
		cr_assert_str_eq(text, again, "round %d", round);
		for (size_t i = 1; i < read->n_events; i++)
			cr_assert(mp_trace_event_compare(&read->events[i - 1], &read->events[i]) <
				  0);
	}
}

/* When things were done is told by the first line alone. */
Test(trace_sort, times_change_the_header_alone)
{
	unsigned int seed = 2;

	for (int round = 0; round < 300; round++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = generate(&seed);
		MP_AUTO(mp_trace_freep) struct mp_trace *later = shuffle(trace, &seed);
		MP_AUTO(mp_freep) char *text = bytes_of(trace);
		MP_AUTO(mp_freep) char *other = NULL;

		for (size_t i = 0; i < later->n_events; i++)
			later->events[i].first_ns = 1 + rand_r(&seed);
		other = bytes_of(later);
		cr_assert_str_eq(behind_header(text), behind_header(other), "round %d", round);
		if (trace->n_events > 0)
			cr_assert_neq(strncmp(text, other, (size_t)(behind_header(text) - text)),
				      0);
	}
}

/* Of the same event the least time is kept, wherever it stands. */
Test(trace_sort, the_first_time_is_kept)
{
	unsigned int seed = 3;

	for (int round = 0; round < 100; round++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = generate(&seed);
		MP_AUTO(mp_freep) char *text = bytes_of(trace);
		MP_AUTO(mp_trace_freep) struct mp_trace *read = parse(text);
		size_t found = 0;

		for (size_t i = 0; i < trace->n_events; i++) {
			const struct mp_trace_event *event = &trace->events[i];

			for (size_t j = 0; j < read->n_events; j++) {
				if (mp_trace_event_compare(event, &read->events[j]) != 0)
					continue;
				cr_assert_leq(read->events[j].first_ns, event->first_ns);
				found++;
			}
		}
		cr_assert_eq(found, trace->n_events, "every event is in it, once");
		for (size_t j = 0; j < read->n_events; j++) {
			bool is_one = false;

			for (size_t i = 0; i < trace->n_events && !is_one; i++)
				is_one = mp_trace_event_compare(&trace->events[i],
								&read->events[j]) == 0 &&
					 trace->events[i].first_ns == read->events[j].first_ns;
			cr_assert(is_one, "a time that no event had");
		}
	}
}

/* -1, 0 or 1. */
static int sign(int order)
{
	return (order > 0) - (order < 0);
}

/* An order: no two events are before each other, and before is before all that follows. */
Test(trace_sort, is_an_order)
{
	unsigned int seed = 4;

	for (int round = 0; round < 20; round++) {
		MP_AUTO(mp_trace_freep) struct mp_trace *trace = generate(&seed);
		size_t n = trace->n_events < 40 ? trace->n_events : 40;
		const struct mp_trace_event *e = trace->events;

		for (size_t a = 0; a < n; a++) {
			for (size_t b = 0; b < n; b++) {
				int ab = sign(mp_trace_event_compare(&e[a], &e[b]));

				cr_assert_eq(ab, -sign(mp_trace_event_compare(&e[b], &e[a])));
				for (size_t c = 0; ab <= 0 && c < n; c++) {
					int bc = sign(mp_trace_event_compare(&e[b], &e[c]));
					int ac = sign(mp_trace_event_compare(&e[a], &e[c]));

					cr_assert(bc > 0 || ac == (ab < bc ? ab : bc));
				}
			}
		}
	}
}

Test(trace_sort, by_time)
{
	static const char text[] = "{\"micropack_trace\":1,\"first_ns\":[5,-1,9,5,2]}\n"
				   "{\"op\":\"open\",\"path\":\"/c\"}\n"
				   "{\"op\":\"open\",\"path\":\"/d\"}\n"
				   "{\"op\":\"open\",\"path\":\"/e\"}\n"
				   "{\"op\":\"open\",\"path\":\"/a\"}\n"
				   "{\"op\":\"open\",\"path\":\"/e\"}\n";
	static const char *const expected[] = { "/d", "/e", "/a", "/c" };
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = parse(text);
	size_t n;
	MP_AUTO(mp_freep) const struct mp_trace_event **events = mp_trace_sort_by_time(trace, &n);

	cr_assert_eq(n, MP_ARRAY_LEN(expected));
	for (size_t i = 0; i < n; i++)
		cr_expect_str_eq(events[i]->path, expected[i]);
}

/* What is large takes several writes, of the header too. */
Test(trace_sort, many_events)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = new_trace();
	MP_AUTO(mp_trace_freep) struct mp_trace *read = NULL;
	MP_AUTO(mp_freep) char *text = NULL;
	const size_t n = 50000, stride = 7919;

	for (size_t i = 0; i < n; i++) {
		struct mp_trace_event event = {
			.path = mp_xasprintf("/%06zu", i * stride % n),
			.first_ns = (int64_t)i * 1000003,
		};

		mp_trace_add_take(trace, &event);
	}
	text = bytes_of(trace);
	read = parse(text);
	cr_assert_eq(read->n_events, n);
	for (size_t i = 0; i < n; i++) {
		size_t at = i * stride % n;

		cr_assert_eq(read->events[at].first_ns, (int64_t)i * 1000003);
		cr_assert_eq(strtoul(read->events[at].path + 1, NULL, 10), at);
	}
}
