/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_CLEANUP_H
#define MP_CORE_CLEANUP_H

/*
 * Ownership by scope: a variable marked MP_AUTO(fn) is released by fn when it leaves its scope, and
 * leaves it alive only through MP_STEAL. Every fn takes a pointer to the variable and keeps errno.
 */
#define MP_AUTO(fn) __attribute__((cleanup(fn)))
#define MP_MUST_USE __attribute__((warn_unused_result))
#define MP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Moves a pointer out of an MP_AUTO variable, which is NULL afterwards. */
#define MP_STEAL(ptr)                                                                              \
	({                                                                                         \
		__typeof__(ptr) mp_stolen_ = (ptr);                                                \
		(ptr) = NULL;                                                                      \
		mp_stolen_;                                                                        \
	})

/* Moves a file descriptor out of an MP_AUTO variable, which is -1 afterwards. */
#define MP_STEAL_FD(fd)                                                                            \
	({                                                                                         \
		int mp_stolen_ = (fd);                                                             \
		(fd) = -1;                                                                         \
		mp_stolen_;                                                                        \
	})

#define MP_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* free() for any pointer variable, which is NULL afterwards: MP_AUTO(mp_freep) char *s. */
void mp_freep(void *ptr_to_ptr);
/* close() where the descriptor is not negative. */
void mp_closep(int *fd);

#endif
