/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef MP_BPF_MESSAGE_H
#define MP_BPF_MESSAGE_H

/*
 * Sockets: messages to an address in the file system, and descriptors that come with messages, as
 * their sender may be nobody who is followed. Included by trace.bpf.c alone.
 */

/* The members that matter of struct msghdr, and of that of a 32-bit program. */
static __always_inline bool read_message(struct scratch *s, __u64 address, bool compat)
{
	struct message *message = &s->message;

	if (compat) {
		if (bpf_probe_read_user(s->halves, sizeof(s->halves), (void *)address))
			return false;
		message->name = s->halves[0];
		message->name_len = s->halves[1];
		message->control = s->halves[4];
		message->control_len = s->halves[5];
		return true;
	}
	if (bpf_probe_read_user(s->words, sizeof(s->words), (void *)address))
		return false;
	message->name = s->words[0];
	message->name_len = (__u32)s->words[1];
	message->control = s->words[4];
	message->control_len = s->words[5];
	return true;
}

/* The path that a message is sent to, as socket_path has it. */
static __always_inline const char *message_path(struct scratch *s, __u64 address, bool compat,
						__u32 *room_out)
{
	if (!read_message(s, address, compat))
		return 0;
	return socket_path((void *)s->message.name, s->message.name_len, room_out);
}

/* The header of a control message; its data begins behind it. */
static __always_inline bool read_control(struct scratch *s, __u64 address, bool compat)
{
	struct control *control = &s->control;

	if (!compat)
		return !bpf_probe_read_user(control, sizeof(*control), (void *)address);
	if (bpf_probe_read_user(s->halves, 3 * sizeof(s->halves[0]), (void *)address))
		return false;
	control->len = s->halves[0];
	control->level = s->halves[1];
	control->type = s->halves[2];
	return true;
}

#define DESCRIPTORS 16

/* Reports the files behind the first of @n descriptors at @address (user memory). */
__noinline int report_some_descriptors(__u32 which, __u64 address, __u32 n)
{
	struct scratch *s = scratch_at(which);

	for (__u32 i = 0; s && i < DESCRIPTORS && i < n; i++) {
		__u32 fd = 0;

		if (bpf_probe_read_user(&fd, sizeof(fd), (void *)(address + i * 4)))
			return 0;
		report_opened(s, fd);
	}
	return 0;
}

/* All of them. */
__noinline int report_descriptors(__u32 which, __u64 address, __u32 n)
{
	for (__u32 i = 0; i < SCM_MAX_FD && i < n; i += DESCRIPTORS)
		report_some_descriptors(which, address + i * 4, n - i);
	return 0;
}

#define CONTROLS 8

/* Reports the files whose descriptors came with the message whose struct msghdr is at @address. */
__noinline int report_received(__u32 which, __u64 address, __u32 compat)
{
	const __u64 head = compat ? 12 : 16, align = compat ? 3 : 7;
	struct scratch *s = scratch_at(which);
	__u64 at, end;

	if (!s || !read_message(s, address, compat) || s->message.control_len < head)
		return 0;
	at = s->message.control;
	end = at + s->message.control_len;
	for (int i = 0; i < CONTROLS && at + head <= end; i++) {
		__u64 len;

		if (!read_control(s, at, compat))
			return 0;
		len = s->control.len;
		if (len < head)
			return 0;
		if (s->control.level == SOL_SOCKET && s->control.type == SCM_RIGHTS)
			report_descriptors(which, at + head, (len - head) / 4);
		at += (len + align) & ~align;
	}
	if (at + head <= end)
		count(MP_COUNT_UNREAD);
	return 0;
}

static __always_inline bool is_unix_socket(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);

	return BPF_CORE_READ(socket, sk, __sk_common.skc_family) == AF_UNIX;
}

/* Reports where the message was sent whose struct msghdr is at @address. Returns the event's key.
 */
__noinline __u64 report_sent(__u32 which, __u64 address, long ret, __u32 compat)
{
	struct scratch *s = scratch_at(which);
	const char *text;
	__u32 room;

	if (!s)
		return 0;
	text = message_path(s, address, compat, &room);
	return text && set_path(s, text, room, AT_FDCWD, 0, ret) ? report(which) : 0;
}

/* sendmmsg(2) and recvmmsg(2): as many messages as @ret says. */
#define MESSAGES 64

static __always_inline __u64 message_at(__u64 address, __u32 index, bool compat)
{
	return address + index * (compat ? 32 : 64);
}

/* These are inline: functions may be but eight deep. */
static __always_inline void report_received_many(__u32 which, __u64 address, long ret, bool compat)
{
	for (__u32 i = 0; i < MESSAGES && i < ret; i++)
		report_received(which, message_at(address, i, compat), compat);
	if (ret > MESSAGES)
		count(MP_COUNT_UNREAD);
}

/* Where none was sent, the first one is why. */
static __always_inline void report_sent_many(__u32 which, __u64 address, long ret, bool compat)
{
	if (ret < 0)
		report_sent(which, address, ret, compat);
	for (__u32 i = 0; i < MESSAGES && i < ret; i++)
		report_sent(which, message_at(address, i, compat), ret, compat);
	if (ret > MESSAGES)
		count(MP_COUNT_UNREAD);
}

/* socketcall(2), a 32-bit program's only way to sockets before Linux 4.3. */
enum {
	CALL_BIND = 2,
	CALL_CONNECT = 3,
	CALL_SENDTO = 11,
	CALL_SENDMSG = 16,
	CALL_RECVMSG = 17,
	CALL_RECVMMSG = 19,
	CALL_SENDMMSG = 20,
};

/* The path of an address in @call with its arguments at @address; flags go to the event. */
static __always_inline const char *socketcall_path(struct scratch *s, __u64 call, __u64 address,
						   long ret, __u32 *room_out)
{
	__u32 *args = s->halves;

	/* How many there are depends on the call: what is behind them need not be there. */
	if (bpf_probe_read_user(args, 3 * sizeof(args[0]), (void *)address))
		return 0;
	switch (call) {
	case CALL_BIND:
		s->event.flags |= MP_EVENT_CREATE;
		return socket_path((void *)(__u64)args[1], args[2], room_out);
	case CALL_CONNECT:
		return socket_path((void *)(__u64)args[1], args[2], room_out);
	case CALL_SENDTO:
		if (bpf_probe_read_user(args, sizeof(s->halves), (void *)address))
			return 0;
		return socket_path((void *)(__u64)args[4], args[5], room_out);
	case CALL_SENDMSG:
		return message_path(s, args[1], true, room_out);
	case CALL_RECVMSG:
		if (ret >= 0)
			report_received(s->which, args[1], true);
		return 0;
	case CALL_RECVMMSG:
		if (is_unix_socket(file_of(s, args[0])))
			report_received_many(s->which, args[1], ret, true);
		return 0;
	case CALL_SENDMMSG:
		if (is_unix_socket(file_of(s, args[0])))
			report_sent_many(s->which, args[1], ret, true);
		return 0;
	}
	return 0;
}

#endif
