/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe.h"

#include <linux/io_uring.h>
#include <linux/net.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Sockets with a name in the file system. What only prepares a call goes through libc. */

static const struct sockaddr_un *address(const char *path)
{
	static _Thread_local struct sockaddr_un to;

	memset(&to, 0, sizeof(to));
	to.sun_family = AF_UNIX;
	REQUIRE(strlen(path) < sizeof(to.sun_path));
	strcpy(to.sun_path, path);
	return &to;
}

#define ADDRESS_SIZE sizeof(struct sockaddr_un)

#ifdef SYS_socketcall
#define SOCKETCALL(call, ...) sys(SYS_socketcall, call, ((unsigned long[]){ __VA_ARGS__ }))
#else
#define SOCKETCALL(call, ...) (-ENOSYS)
#endif

static int new_socket(int type)
{
	int fd = socket(AF_UNIX, type ? type : SOCK_DGRAM, 0);

	REQUIRE(fd >= 0);
	return fd;
}

/* Something at @path that takes what is sent; not where @type is 0. */
static void listen_at(const char *path, int type)
{
	int fd;

	if (!type)
		return;
	fd = new_socket(type);
	REQUIRE(bind(fd, (const struct sockaddr *)address(path), ADDRESS_SIZE) == 0);
	REQUIRE(type == SOCK_DGRAM || listen(fd, 1) == 0);
}

long sock_bind(const char *path, int type, int how)
{
	const struct sockaddr_un *to = address(path);
	int fd = new_socket(type);

	if (how == BY_SOCKETCALL)
		return SOCKETCALL(SYS_BIND, fd, (uintptr_t)to, ADDRESS_SIZE);
	if (how == BY_RING) /* IORING_OP_BIND, since Linux 6.11 */
		return ring(RING_PLAIN, 56, fd, to, 0, (void *)ADDRESS_SIZE, 0, NULL);
	return sys(SYS_bind, fd, to, ADDRESS_SIZE);
}

long sock_connect(const char *path, int type, int how)
{
	const struct sockaddr_un *to = address(path);
	int fd = new_socket(type);

	listen_at(path, type);
	if (how == BY_SOCKETCALL)
		return SOCKETCALL(SYS_CONNECT, fd, (uintptr_t)to, ADDRESS_SIZE);
	if (how == BY_RING)
		return ring(RING_PLAIN, IORING_OP_CONNECT, fd, to, 0, (void *)ADDRESS_SIZE, 0,
			    NULL);
	return sys(SYS_connect, fd, to, ADDRESS_SIZE);
}

long sock_sendto(const char *path, int type, int how)
{
	const struct sockaddr_un *to = address(path);
	int fd = new_socket(type);

	/* A stream's is refused before anybody looks for it. */
	listen_at(path, type == SOCK_STREAM ? 0 : type);
	if (how == BY_SOCKETCALL)
		return SOCKETCALL(SYS_SENDTO, fd, (uintptr_t) "1", 1, 0, (uintptr_t)to,
				  ADDRESS_SIZE);
	return sys(SYS_sendto, fd, "1", 1, 0, to, ADDRESS_SIZE);
}

static struct msghdr message(const struct sockaddr_un *to)
{
	static struct iovec data = { "1", 1 };

	return (struct msghdr){ .msg_name = (void *)to,
				.msg_namelen = ADDRESS_SIZE,
				.msg_iov = &data,
				.msg_iovlen = 1 };
}

long sock_sendmsg(const char *path, int type, int how)
{
	struct msghdr text = message(address(path));
	int fd = new_socket(type);

	listen_at(path, type);
	if (how == BY_SOCKETCALL)
		return SOCKETCALL(SYS_SENDMSG, fd, (uintptr_t)&text, 0);
	if (how == BY_RING)
		return ring(RING_PLAIN, IORING_OP_SENDMSG, fd, &text, 1, NULL, 0, NULL);
	return sys(SYS_sendmsg, fd, &text, 0);
}

/* Two messages, the second one to NAME.to. */
long sock_sendmmsg(const char *path, int type, int how)
{
	const char *other = beside(path, ".to");
	const struct sockaddr_un first = *address(path), second = *address(other);
	struct mmsghdr texts[2] = { { .msg_hdr = message(&first) },
				    { .msg_hdr = message(&second) } };
	int fd = new_socket(type);

	listen_at(path, type);
	listen_at(other, type);
	if (how == BY_SOCKETCALL)
		return SOCKETCALL(SYS_SENDMMSG, fd, (uintptr_t)texts, 2, 0);
	return sys(SYS_sendmmsg, fd, texts, 2, 0);
}

/* The other process */

/* Answers one request, "HOW NAME": with the file itself, or with its number alone. */
static void answer_one(int client)
{
	char request[512] = "", control[CMSG_SPACE(sizeof(int))] = "";
	int fd;
	struct iovec data = { &fd, sizeof(fd) };
	struct msghdr text = { .msg_iov = &data, .msg_iovlen = 1 };

	REQUIRE(read(client, request, sizeof(request) - 1) > 0);
	fd = open(request + 1, request[0] == 'w' ? O_RDWR : O_RDONLY);
	REQUIRE(fd >= 0);
	if (request[0] != 'p') {
		struct cmsghdr *head;

		text.msg_control = control;
		text.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&text);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	REQUIRE(sendmsg(client, &text, 0) == sizeof(fd));
}

void serve(void)
{
	int fd = new_socket(SOCK_SEQPACKET);

	/* Nobody finds it before it listens. */
	REQUIRE(bind(fd, (const struct sockaddr *)address(SERVER_SOCKET ".new"), ADDRESS_SIZE) ==
		0);
	REQUIRE(listen(fd, 8) == 0 && rename(SERVER_SOCKET ".new", SERVER_SOCKET) == 0);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		REQUIRE(client >= 0);
		answer_one(client);
	}
}

/* Takes the file that comes with a message. */
static long take(int fd, char how, struct msghdr *text)
{
	struct mmsghdr texts = { .msg_hdr = *text };
	long len;

	if (how == 'r')
		return ring(RING_PLAIN, IORING_OP_RECVMSG, fd, text, 1, NULL, 0, NULL);
	if (how != 'M')
		return sys(SYS_recvmsg, fd, text, 0);
	len = sys(SYS_recvmmsg, fd, &texts, 1, 0, NULL);
	*text = texts.msg_hdr;
	return len;
}

/* Has @path opened by the other process, and gets what that opened. */
long received(const char *path, char how)
{
	char control[CMSG_SPACE(sizeof(int))], request[512];
	int remote, fd = new_socket(SOCK_SEQPACKET);
	struct iovec data = { &remote, sizeof(remote) };
	struct msghdr text = { .msg_iov = &data,
			       .msg_iovlen = 1,
			       .msg_control = control,
			       .msg_controllen = sizeof(control) };
	struct ucred peer;
	socklen_t size = sizeof(peer);
	long result;

	REQUIRE(connect(fd, (const struct sockaddr *)address(SERVER_SOCKET), ADDRESS_SIZE) == 0);
	snprintf(request, sizeof(request), "%c%s", how, path);
	REQUIRE(write(fd, request, strlen(request)) > 0);
	result = take(fd, how, &text);
	if (result < 0)
		return result;
	if (how != 'p') {
		REQUIRE(text.msg_controllen >= CMSG_LEN(sizeof(int)));
		return 0;
	}
	REQUIRE(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0);
	result = sys(SYS_pidfd_open, peer.pid, 0);
	return result < 0 ? result : sys(SYS_pidfd_getfd, result, remote, 0);
}
