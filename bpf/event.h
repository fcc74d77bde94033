/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef MP_BPF_EVENT_H
#define MP_BPF_EVENT_H

/*
 * What the kernel side and the user side say to each other. Included by both: needs __u8 … __u64
 * (linux/types.h, or bpf/kernel.h on the kernel side) and nothing else.
 */

/* A container is known by the 64 hexadecimal digits of its ID. */
#define MP_CONTAINER_ID_LEN 64

/* PATH_MAX of the kernel, with its NUL. */
#define MP_PATH_SIZE 4096

/* Names in a path of PATH_MAX: none is deeper that is not too long as well. */
#define MP_PATH_DEPTH (MP_PATH_SIZE / 2)

/* Flags of an event. The first ten have the bits of enum mp_trace_flag (core/trace.h). */
#define MP_EVENT_WRITE 0x0001
#define MP_EVENT_CREATE 0x0002
#define MP_EVENT_DIR 0x0004
#define MP_EVENT_DELETED 0x0008
#define MP_EVENT_FOREIGN 0x0010 /* what was reached is outside of the mount namespace */
#define MP_EVENT_SCRIPT 0x0020
#define MP_EVENT_NOFOLLOW 0x0040
#define MP_EVENT_MOUNTED 0x0080 /* what was reached is on another mount than the root */
#define MP_EVENT_LOCATED 0x0100
#define MP_EVENT_CREATED 0x0200
#define MP_EVENT_TRACE_FLAGS 0x03ff
#define MP_EVENT_BASE_FOREIGN 0x00010000 /* the path begins outside of the mount namespace */
#define MP_EVENT_TRUNCATED 0x00020000    /* too long or too deep: the names are not whole */
#define MP_EVENT_UNREAD 0x00040000       /* a name could not be read */
#define MP_EVENT_HAS_REAL 0x00080000     /* the real path was recorded */
#define MP_EVENT_EXECUTED 0x00100000     /* an exec that took place: new_exe_id is valid */
#define MP_EVENT_PENDING 0x00200000      /* of a request whose result comes by itself, or never */
#define MP_EVENT_RESULT 0x00400000       /* that result: nothing but error, flags and real */
#define MP_EVENT_CONTAINER 0x00800000    /* no event: a container began; path is its ID */

/* Values of enum mp_trace_op that the kernel side names itself; the others are in its tables. */
#define MP_EVENT_OP_EXEC 0
#define MP_EVENT_OP_OPEN 1
#define MP_EVENT_OP_STAT 2
#define MP_EVENT_OP_READLINK 4
#define MP_EVENT_OP_CREATE 6
#define MP_EVENT_OP_REMOVE 7
#define MP_EVENT_OP_ATTR 8
#define MP_EVENT_OP_SOCKET 9
#define MP_EVENT_OP_OTHER 11

/*
 * One thing that was done with a path; behind it path_len + base_len + real_len bytes:
 *
 *   path  the text as given to the system call, with its NUL; relative to base also where it begins
 *         with '/' (base is the process's root then); empty: base is all there is
 *   base  where the path begins: the names from there up to the root of the mount namespace, each
 *         with a NUL, the deepest first
 *   real  what was reached, in the form of base; the text from rest on (0: nothing) follows it
 *
 * All integers in the byte order of the host.
 */
struct mp_event {
	__u64 time_ns; /* CLOCK_MONOTONIC; the one member that does not make events differ */
	__u64 exe_id;  /* the program that asked: new_exe_id of its exec; 0: none that was seen */
	__u64 new_exe_id; /* of the program that an exec started */
	__u64 request;    /* PENDING and RESULT: which belong together */
	__u32 sink;       /* where it goes: mp_target.sink of what is followed */
	__u32 session;
	__s32 error; /* 0 or an errno, positive */
	__u32 flags;
	__u16 op; /* enum mp_trace_op */
	__u16 path_len;
	__u16 base_len;
	__u16 real_len;
	__u16 rest;
	__u16 unused[3];
};

/* How a system call names its paths: one entry of a table by call number. */
struct mp_call {
	__u8 op;        /* enum mp_trace_op of the path */
	__u8 kind;      /* MP_CALL_*; 0: the call takes no path */
	__u8 flags;     /* MP_EVENT_WRITE, _CREATE, _NOFOLLOW that the call always has */
	__s8 dirfd_arg; /* index of the argument with the directory; -1: the working directory */
	__s8 path_arg;  /* index of the argument with the path, or as the kind says */
	__s8 how_arg;   /* index of the argument with the flags, or as the kind says; -1: none */
	__u8 second_op; /* a second path, as of rename and link: its op … */
	__u8 second_flags;
	__s8 second_dirfd_arg;
	__s8 second_path_arg; /* … and arguments; -1: none */
	__u8 nofollow_bit;    /* of the flags, where they are not AT_* flags; 0: they are */
	__u8 unused;
};

enum {
	MP_CALL_NONE,
	MP_CALL_PATH,       /* a path; how_arg: AT_* flags */
	MP_CALL_OPEN,       /* gives a file descriptor; how_arg: O_* flags */
	MP_CALL_OPENAT2,    /* the same; how_arg: struct open_how * */
	MP_CALL_EXEC,       /* only its failures: what succeeds is seen at sched_process_exec */
	MP_CALL_CHDIR,      /* changes the working directory */
	MP_CALL_CHROOT,     /* changes the root directory */
	MP_CALL_FCHDIR,     /* changes the working directory, to a descriptor's */
	MP_CALL_PIVOT,      /* changes the root directory, and everybody's */
	MP_CALL_MOUNT,      /* the second path is one for some flags only */
	MP_CALL_NAMESPACE,  /* may change both: names no path */
	MP_CALL_LIST,       /* path_arg: the descriptor of a directory that is read */
	MP_CALL_DESCRIPTOR, /* gives a file descriptor of a file that it names by no path */
	MP_CALL_SOCKET,     /* path_arg: struct sockaddr *; how_arg: its length */
	MP_CALL_SOCKETCALL, /* the 32-bit socketcall(2) */
	MP_CALL_BPF,        /* path_arg: union bpf_attr *, for objects that are files */
	MP_CALL_SENDMSG,    /* path_arg: struct msghdr * with an address */
	MP_CALL_SENDMMSG,   /* path_arg: struct mmsghdr *, as many as the result says */
	MP_CALL_RECVMSG,    /* path_arg: struct msghdr * with which descriptors may have come */
	MP_CALL_RECVMMSG,   /* path_arg: struct mmsghdr *, as many as the result says */
};

/* Highest call number + 1 in the tables; the calls of the x32 ABI end there. */
#define MP_CALLS 560

/* Indices of the counters map. */
enum {
	MP_COUNT_DROPPED,    /* the ring buffer was full */
	MP_COUNT_UNREAD,     /* a path that a call was given could not be read */
	MP_COUNT_UNTRACKED,  /* a process could not be followed: the table was full */
	MP_COUNT_CONTAINERS, /* no loss: containers that were not asked for */
	MP_COUNTERS,
};

/* Value of the processes map, by thread group ID. */
struct mp_process {
	__u64 exe_id;
	__u32 sink;
	__u32 session;
	__u32 pending; /* 1: not before its next exec */
	__u32 unused;
};

/* Key of the targets map: a container by its ID, or a control group. */
union mp_target_key {
	char container[MP_CONTAINER_ID_LEN];
	struct {
		__u64 id;      /* of its directory: the inode number. No ID begins like it. */
		char name[56]; /* of its directory, cut: inodes are numbered by each hierarchy */
	} cgroup;
};

/* Value of the targets map. */
struct mp_target {
	__u32 sink;
	__u32 started; /* 1: its main process has been seen */
	__u32 ignored; /* 1: the user side was asked, and it is of no interest */
	__u32 on_host; /* 1: a control group, whose processes may be in the host's mount namespace
			*/
};

/* The sink of a container that was not asked for: this and a number. The user side says what of it.
 */
#define MP_SINK_NEW 0x80000000u

/* Both sides mix the words of what must not be reported twice into 64 bits. */
static inline __u64 mp_mix(__u64 h, __u64 word)
{
	h = (h ^ word) * 0xff51afd7ed558ccdull;
	return h ^ h >> 32;
}

#endif
