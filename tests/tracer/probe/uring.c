/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe.h"

#include <linux/io_uring.h>
#include <sys/mman.h>

/* A ring of one entry, by its system calls alone. */

struct ring {
	int fd;
	struct io_uring_params params;
	char *submissions, *completions;
	struct io_uring_sqe *entry;
};

static uint32_t *word(char *area, uint32_t offset)
{
	return (uint32_t *)(area + offset);
}

static void *map(int fd, size_t size, off_t offset)
{
	void *area =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	REQUIRE(area != MAP_FAILED);
	return area;
}

/* One slot for a file that has no descriptor. */
static long make_slot(int fd)
{
	int none = -1;

	return sys(SYS_io_uring_register, fd, IORING_REGISTER_FILES, &none, 1);
}

static long ring_open(struct ring *r, int how)
{
	long fd;

	memset(r, 0, sizeof(*r));
	if (how == RING_POLLED) {
		r->params.flags = IORING_SETUP_SQPOLL;
		r->params.sq_thread_idle = 100;
	}
	fd = sys(SYS_io_uring_setup, 1, &r->params);
	if (fd < 0)
		return fd;
	r->fd = (int)fd;
	r->submissions = map(r->fd, r->params.sq_off.array + sizeof(uint32_t), IORING_OFF_SQ_RING);
	r->completions = map(
		r->fd, r->params.cq_off.cqes + r->params.cq_entries * sizeof(struct io_uring_cqe),
		IORING_OFF_CQ_RING);
	r->entry = map(r->fd, sizeof(*r->entry), IORING_OFF_SQES);
	return how == RING_DIRECT ? make_slot(r->fd) : 0;
}

/* Hands the one entry over, and waits for what becomes of it. */
static long ring_submit(struct ring *r, int how)
{
	uint32_t *tail = word(r->submissions, r->params.sq_off.tail);
	uint32_t *flags = word(r->submissions, r->params.sq_off.flags);
	uint32_t *completed = word(r->completions, r->params.cq_off.tail);
	const struct io_uring_cqe *answer =
		(const struct io_uring_cqe *)(r->completions + r->params.cq_off.cqes);
	unsigned int submit = how == RING_POLLED ? 0 : 1, enter = IORING_ENTER_GETEVENTS;
	long result = 0;

	*word(r->submissions, r->params.sq_off.array) = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_SEQ_CST);
	if (how == RING_POLLED &&
	    (__atomic_load_n(flags, __ATOMIC_SEQ_CST) & IORING_SQ_NEED_WAKEUP))
		enter |= IORING_ENTER_SQ_WAKEUP;
	while (__atomic_load_n(completed, __ATOMIC_ACQUIRE) == 0) {
		result = sys(SYS_io_uring_enter, r->fd, submit, 1, enter, NULL, 0);
		if (result < 0 && result != -EINTR)
			return result;
		if (result > 0)
			submit = 0;
	}
	return answer->res;
}

long ring(int how, unsigned int op, int fd, const void *addr, uint32_t len, const void *addr2,
	  uint32_t flags, const void *addr3)
{
	struct ring r;
	long result = ring_open(&r, how);

	if (result < 0)
		return result;
	*r.entry = (struct io_uring_sqe){
		.opcode = (uint8_t)op,
		.flags = how == RING_ASYNC ? IOSQE_ASYNC : 0,
		.fd = fd,
		.addr = (uintptr_t)addr,
		.len = len,
		.off = (uintptr_t)addr2,
		.open_flags = flags,
		.file_index = how == RING_DIRECT ? 1 : 0,
		.addr3 = (uintptr_t)addr3,
	};
	result = ring_submit(&r, how);
	close(r.fd);
	return result;
}
