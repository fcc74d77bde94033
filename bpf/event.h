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

/* How deep a path may be before it counts as truncated. */
#define MP_PATH_DEPTH 256

/* Flags of an event. The first seven have the bits of enum mp_trace_flag (core/trace.h). */
#define MP_EVENT_WRITE 0x0001
#define MP_EVENT_CREATE 0x0002
#define MP_EVENT_DIR 0x0004
#define MP_EVENT_DELETED 0x0008
#define MP_EVENT_FOREIGN 0x0010 /* what was reached is outside of the mount namespace */
#define MP_EVENT_SCRIPT 0x0020
#define MP_EVENT_NOFOLLOW 0x0040
#define MP_EVENT_BASE_FOREIGN 0x0100 /* the path begins outside of the mount namespace */
#define MP_EVENT_TRUNCATED 0x0200    /* too long or too deep: the names are not whole */
#define MP_EVENT_UNREAD 0x0400       /* a name could not be read */
#define MP_EVENT_HAS_REAL 0x0800     /* the real path was recorded */
#define MP_EVENT_EXECUTED 0x1000     /* an exec that took place: new_exe_id is valid */

/*
 * One thing that was done with a path; behind it base_len + path_len + real_len bytes:
 *
 *   base  where the path begins: the names from there up to the root of the mount namespace, each
 *         with a NUL, the deepest first
 *   path  the text as given to the system call, with its NUL; relative to base also where it begins
 *         with '/' (base is the process's root then)
 *   real  what was reached, in the form of base
 *
 * All integers in the byte order of the host.
 */
struct mp_event {
	__u64 time_ns; /* CLOCK_MONOTONIC; not part of the key */
	__u64 key;     /* a hash of everything below: equal events have equal keys */
	__u64 exe_id;  /* the program that asked: new_exe_id of its exec; 0: none that was seen */
	__u64 new_exe_id; /* of the program that an exec started: a hash of its real path */
	__u32 session;
	__s32 error; /* 0 or an errno, positive */
	__u16 op;    /* enum mp_trace_op */
	__u16 flags;
	__u16 base_len;
	__u16 path_len;
	__u16 real_len;
	__u16 unused[3];
};

/* How a system call names its paths: one entry of a table by call number. */
struct mp_call {
	__u8 op;        /* enum mp_trace_op of the path */
	__u8 kind;      /* MP_CALL_*; 0: the call takes no path */
	__u8 flags;     /* MP_EVENT_WRITE, _CREATE, _NOFOLLOW that the call always has */
	__s8 dirfd_arg; /* index of the argument with the directory; -1: the working directory */
	__s8 path_arg;  /* index of the argument with the path */
	__s8 how_arg;   /* index of the argument with the flags; -1: none */
	__u8 second_op; /* a second path, as of rename and link: its op … */
	__u8 second_flags;
	__s8 second_dirfd_arg;
	__s8 second_path_arg; /* … and arguments; -1: none */
};

enum {
	MP_CALL_NONE,
	MP_CALL_PATH,    /* a path; how_arg: AT_* flags */
	MP_CALL_OPEN,    /* gives a file descriptor; how_arg: O_* flags */
	MP_CALL_OPENAT2, /* the same; how_arg: struct open_how * */
	MP_CALL_EXEC,    /* only its failures: what succeeds is seen at sched_process_exec */
	MP_CALL_CHDIR,   /* changes the working directory */
	MP_CALL_CHROOT,  /* changes the root directory */
	MP_CALL_SOCKET,  /* path_arg: struct sockaddr * */
};

/* Highest call number + 1 in the tables. */
#define MP_CALLS 512

/* Indices of the counters map. */
enum {
	MP_COUNT_DROPPED,   /* the ring buffer was full */
	MP_COUNT_UNREAD,    /* the path argument of a call could not be read */
	MP_COUNT_UNTRACKED, /* a process could not be followed: the table was full */
	MP_COUNTERS,
};

/* Value of the processes map, by thread group ID. */
struct mp_process {
	__u64 exe_id;
	__u32 session;
	__u32 pending; /* 1: not before its next exec */
};

/* Value of the targets map, by container ID. */
struct mp_target {
	__u32 started; /* 1: its main process has been seen */
	__u32 unused;
};

#endif
