/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef MP_BPF_URING_H
#define MP_BPF_URING_H

/*
 * io_uring: requests that name paths never pass through a system call of that name. The path is
 * seen when the request is submitted, its result when it completes, maybe much later and on another
 * thread. Included by trace.bpf.c alone.
 *
 * Before Linux 5.13 the tracepoint tells nothing but the request's operation: then a request that
 * names a path is counted as one that could not be read.
 */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct filename {
	const char *name;
};

struct io_kiocb {
	struct file *file;
	__u8 opcode;
	void *async_data;
};

struct io_uring_cqe {
	__s32 res;
};

struct open_how {
	__u64 flags;
};

/* An operation's own data is at the beginning of its request. */
struct io_open {
	int dfd;
	__u32 file_slot;
	struct filename *filename;
	struct open_how how;
};

struct io_statx {
	int dfd;
	unsigned int flags;
	struct filename *filename;
};

struct io_rename {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
};

struct io_unlink {
	int dfd;
	struct filename *filename;
};

struct io_mkdir {
	int dfd;
	struct filename *filename;
};

struct io_link {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
	int flags;
};

struct io_xattr {
	struct filename *filename;
};

struct io_connect {
	void *addr;
	int addr_len;
};

struct io_sr_msg {
	void *umsg;
};

struct io_async_msghdr {
	char addr[1]; /* any type: where it is matters */
};

#pragma clang attribute pop

/* Operations that name paths (linux/io_uring.h). */
enum {
	URING_SENDMSG = 9,
	URING_RECVMSG = 10,
	URING_CONNECT = 16,
	URING_OPENAT = 18,
	URING_STATX = 21,
	URING_OPENAT2 = 28,
	URING_RENAMEAT = 35,
	URING_UNLINKAT = 36,
	URING_MKDIRAT = 37,
	URING_SYMLINKAT = 38,
	URING_LINKAT = 39,
	URING_SETXATTR = 42,
	URING_GETXATTR = 44,
	URING_BIND = 56,
};

/* What is known of a request that was submitted: the keys of its events, 0: none. */
struct request {
	__u64 first, second;
	__u64 message; /* where descriptors may come to: a struct msghdr; 0: nowhere */
	__u32 opens;   /* 1: its result is a descriptor */
	__u32 compat;  /* 1: a 32-bit program's, and so is the message */
};

/* By the request's address. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct request);
} requests SEC(".maps");

/* Set by the user side before the program is loaded, from the tracepoints' arguments. */
enum { REQUEST_IS_FIRST, REQUEST_IS_SECOND, REQUEST_IS_HIDDEN };
const volatile __u32 submit_form;
enum { RESULT_IS_HIDDEN, RESULT_IS_FOURTH, RESULT_IN_CQE };
const volatile __u32 complete_form;

/* A path of a request. */
struct request_path {
	const char *text; /* NULL: none */
	int dirfd;
	__u32 op, flags;
};

static __always_inline bool names_path(__u32 opcode)
{
	return opcode == URING_CONNECT || opcode == URING_OPENAT || opcode == URING_STATX ||
	       opcode == URING_OPENAT2 || (opcode >= URING_RENAMEAT && opcode <= URING_LINKAT) ||
	       opcode == URING_SETXATTR || opcode == URING_GETXATTR || opcode == URING_SENDMSG ||
	       opcode == URING_RECVMSG || opcode == URING_BIND;
}

/* Not told apart before Linux 5.13 from those of any other socket: not counted there. */
static __always_inline bool is_message_request(__u32 opcode)
{
	return opcode == URING_SENDMSG || opcode == URING_RECVMSG;
}

static __always_inline bool is_user_address(const void *address)
{
	return (long)address > 0;
}

/* The text of a file name that a request has: until Linux 5.16 some have the program's own. */
static __always_inline const char *text_of_filename(struct filename *filename)
{
	return is_user_address(filename) ? (const char *)filename : BPF_CORE_READ(filename, name);
}

#define SET_PATH(path, type, req, member, dirfd_, op_, flags_)                                     \
	do {                                                                                       \
		if (bpf_core_field_exists(struct type, member)) {                                  \
			(path)->text =                                                             \
				text_of_filename(BPF_CORE_READ((struct type *)(req), member));     \
			(path)->dirfd = dirfd_;                                                    \
			(path)->op = op_;                                                          \
			(path)->flags = flags_;                                                    \
		}                                                                                  \
	} while (0)

/* The paths of @req; what it does not have stays as it is. */
static __always_inline void request_paths(void *req, __u32 opcode, struct request_path *first,
					  struct request_path *second)
{
	const __u32 w = MP_EVENT_WRITE, c = MP_EVENT_CREATE, n = MP_EVENT_NOFOLLOW;

	switch (opcode) {
	case URING_OPENAT:
	case URING_OPENAT2:
		SET_PATH(first, io_open, req, filename, BPF_CORE_READ((struct io_open *)req, dfd),
			 MP_EVENT_OP_OPEN,
			 open_flags(BPF_CORE_READ((struct io_open *)req, how.flags)));
		break;
	case URING_STATX:
		SET_PATH(first, io_statx, req, filename, BPF_CORE_READ((struct io_statx *)req, dfd),
			 MP_EVENT_OP_STAT,
			 path_flags(0, BPF_CORE_READ((struct io_statx *)req, flags)));
		break;
	case URING_RENAMEAT:
		SET_PATH(first, io_rename, req, oldpath,
			 BPF_CORE_READ((struct io_rename *)req, old_dfd), MP_EVENT_OP_REMOVE,
			 w | n);
		SET_PATH(second, io_rename, req, newpath,
			 BPF_CORE_READ((struct io_rename *)req, new_dfd), MP_EVENT_OP_CREATE,
			 c | n);
		break;
	case URING_UNLINKAT:
		SET_PATH(first, io_unlink, req, filename,
			 BPF_CORE_READ((struct io_unlink *)req, dfd), MP_EVENT_OP_REMOVE, w | n);
		break;
	case URING_MKDIRAT:
		SET_PATH(first, io_mkdir, req, filename, BPF_CORE_READ((struct io_mkdir *)req, dfd),
			 MP_EVENT_OP_CREATE, c);
		break;
	case URING_SYMLINKAT:
		SET_PATH(first, io_link, req, newpath,
			 BPF_CORE_READ((struct io_link *)req, new_dfd), MP_EVENT_OP_CREATE, c | n);
		break;
	case URING_LINKAT:
		SET_PATH(first, io_link, req, oldpath,
			 BPF_CORE_READ((struct io_link *)req, old_dfd), MP_EVENT_OP_OTHER,
			 path_flags(n, BPF_CORE_READ((struct io_link *)req, flags)));
		SET_PATH(second, io_link, req, newpath,
			 BPF_CORE_READ((struct io_link *)req, new_dfd), MP_EVENT_OP_CREATE, c | n);
		break;
	case URING_SETXATTR:
	case URING_GETXATTR:
		SET_PATH(first, io_xattr, req, filename, AT_FDCWD, MP_EVENT_OP_ATTR,
			 opcode == URING_SETXATTR ? w : 0);
		break;
	}
}

/* Reports one path of a request. Returns the event's key, 0 where there is nothing to report. */
static __always_inline __u64 report_request(struct scratch *s, const struct request_path *path)
{
	long len;

	s->event.op = path->op;
	s->event.flags = path->flags | MP_EVENT_PENDING;
	len = is_user_address(path->text)
		      ? bpf_probe_read_user_str(s->data, MP_PATH_SIZE, path->text)
		      : bpf_probe_read_kernel_str(s->data, MP_PATH_SIZE, path->text);
	if (len < 0) {
		count(MP_COUNT_UNREAD);
		return 0;
	}
	if (len <= 1) /* AT_EMPTY_PATH, or ENOENT */
		return 0;
	s->event.path_len = len;
	if (!base_of(s, s->data[0], path->dirfd, 0, &s->base))
		return 0;
	return report(s->which);
}

static __always_inline __u64 report_connect(struct scratch *s, void *req)
{
	const char *text;
	__u32 room;

	text = socket_path(BPF_CORE_READ((struct io_connect *)req, addr),
			   BPF_CORE_READ((struct io_connect *)req, addr_len), &room);
	s->event.op = MP_EVENT_OP_SOCKET;
	s->event.flags = MP_EVENT_PENDING;
	return set_path(s, text, room, AT_FDCWD, 0, 0) ? report(s->which) : 0;
}

/*
 * bind: the address was copied when the request was made, to a place of its own, or (Linux 6.11) to
 * one in a larger structure, which begins with a pointer. Its text begins behind its family.
 */
static __always_inline __u64 report_bind(struct scratch *s, void *req)
{
	struct request_path path = { .dirfd = AT_FDCWD,
				     .op = MP_EVENT_OP_SOCKET,
				     .flags = MP_EVENT_CREATE };
	const char *copy = BPF_CORE_READ((struct io_kiocb *)req, async_data);
	__u16 family = 0;

	bpf_probe_read_kernel(&family, sizeof(family), copy);
	if (family != AF_UNIX && bpf_core_field_exists(struct io_async_msghdr, addr)) {
		copy += bpf_core_field_offset(struct io_async_msghdr, addr);
		bpf_probe_read_kernel(&family, sizeof(family), copy);
	}
	if (family != AF_UNIX)
		return 0;
	path.text = copy + sizeof(family);
	return report_request(s, &path);
}

/* Messages: where one is sent to, and the place into which another's descriptors will come. */
static __always_inline void set_message(struct scratch *s, void *req, __u32 opcode,
					struct request *request)
{
	__u64 address = (__u64)BPF_CORE_READ((struct io_sr_msg *)req, umsg);

	if (opcode == URING_RECVMSG) {
		request->message = address;
		/* Whether any come is not told: say so, unless none can. */
		if (complete_form == RESULT_IS_HIDDEN &&
		    is_unix_socket(BPF_CORE_READ((struct io_kiocb *)req, file)))
			count(MP_COUNT_UNREAD);
		return;
	}
	s->event.op = MP_EVENT_OP_SOCKET;
	s->event.flags = MP_EVENT_PENDING;
	request->first = report_sent(SCRATCH_REQUEST, address, 0, request->compat);
}

static __always_inline int submitted(void *req)
{
	struct task_struct *task = current_task();
	struct scratch *s = scratch_at(SCRATCH_REQUEST);
	struct request_path first = {}, second = {};
	const struct mp_process *process;
	struct request request = {};
	__u64 address = (__u64)req;
	__u32 opcode;

	process = s ? current_process(s, task) : 0;
	if (!process)
		return 0;
	opcode = BPF_CORE_READ((struct io_kiocb *)req, opcode);
	if (!names_path(opcode))
		return 0;
	scratch_begin(s, SCRATCH_REQUEST, task, process);
	request.compat = syscall_is_compat(task);
	request.opens = opcode == URING_OPENAT || opcode == URING_OPENAT2;
	if (request.opens && bpf_core_field_exists(struct io_open, file_slot) &&
	    BPF_CORE_READ((struct io_open *)req, file_slot))
		request.opens = 0; /* its result is no descriptor */
	if (opcode == URING_CONNECT)
		request.first = report_connect(s, req);
	else if (opcode == URING_BIND)
		request.first = report_bind(s, req);
	else if (is_message_request(opcode))
		set_message(s, req, opcode, &request);
	else
		request_paths(req, opcode, &first, &second);
	if (first.text)
		request.first = report_request(s, &first);
	if (second.text)
		request.second = report_request(s, &second);
	if (request.first || request.second || request.message)
		bpf_map_update_elem(&requests, &address, &request, BPF_ANY);
	return 0;
}

static __always_inline int completed(__u64 address, long res)
{
	struct task_struct *task = current_task();
	struct scratch *s = scratch_at(SCRATCH_REQUEST);
	const struct mp_process *process;
	struct request *known, request;

	process = s ? current_process(s, task) : 0;
	if (!process)
		return 0;
	known = bpf_map_lookup_elem(&requests, &address);
	if (!known)
		return 0;
	request = *known;
	bpf_map_delete_elem(&requests, &address);
	scratch_begin(s, SCRATCH_REQUEST, task, process);
	if (request.message) {
		s->event.op = MP_EVENT_OP_OPEN;
		if (res >= 0)
			report_received(SCRATCH_REQUEST, request.message, request.compat);
		return 0;
	}
	s->event.op = 0;
	s->event.flags = MP_EVENT_RESULT;
	s->event.error = error_of(res);
	if (request.opens && res >= 0)
		set_opened(s, res);
	s->event.request = request.first;
	if (request.first)
		report(s->which);
	s->real.dentry = 0;
	s->event.flags = MP_EVENT_RESULT;
	s->event.real_len = 0;
	s->event.request = request.second;
	if (request.second)
		report(s->which);
	return 0;
}

/* Linux 6.3 and later. */
SEC("raw_tp/io_uring_submit_req")
int on_submit_req(struct bpf_raw_tracepoint_args *ctx)
{
	return submitted((void *)ctx->args[0]);
}

SEC("raw_tp/io_uring_submit_sqe")
int on_submit_sqe(struct bpf_raw_tracepoint_args *ctx)
{
	struct scratch *s = scratch_at(SCRATCH_REQUEST);

	if (submit_form == REQUEST_IS_FIRST)
		return submitted((void *)ctx->args[0]);
	if (submit_form == REQUEST_IS_SECOND)
		return submitted((void *)ctx->args[1]);
	if (s && names_path((__u8)ctx->args[1]) && !is_message_request((__u8)ctx->args[1]) &&
	    current_process(s, current_task()))
		count(MP_COUNT_UNREAD);
	return 0;
}

SEC("raw_tp/io_uring_complete")
int on_complete(struct bpf_raw_tracepoint_args *ctx)
{
	struct io_uring_cqe *cqe;

	if (complete_form == RESULT_IS_FOURTH)
		return completed(ctx->args[1], (int)ctx->args[3]);
	if (complete_form != RESULT_IN_CQE)
		return 0;
	cqe = (void *)ctx->args[2];
	return completed(ctx->args[1], BPF_CORE_READ(cqe, res));
}

#endif
