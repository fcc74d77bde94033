/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_LIBC_SYMBOLS_H
#define MP_PACKER_LIBC_SYMBOLS_H

/*
 * What a program must import for glibc to load something by itself: a bit for each database of the
 * name service switch (nsswitch.conf(5)), and for what else there is.
 */
enum mp_libc_use {
	MP_LIBC_PASSWD = 1 << 0,
	MP_LIBC_GROUP = 1 << 1,
	MP_LIBC_INITGROUPS = 1 << 2,
	MP_LIBC_SHADOW = 1 << 3,
	MP_LIBC_GSHADOW = 1 << 4,
	MP_LIBC_HOSTS = 1 << 5,
	MP_LIBC_NETWORKS = 1 << 6,
	MP_LIBC_SERVICES = 1 << 7,
	MP_LIBC_PROTOCOLS = 1 << 8,
	MP_LIBC_RPC = 1 << 9,
	MP_LIBC_ETHERS = 1 << 10,
	MP_LIBC_NETGROUP = 1 << 11,
	MP_LIBC_ALIASES = 1 << 12,
	MP_LIBC_PUBLICKEY = 1 << 13,
	MP_LIBC_DATABASES = (1 << 14) - 1, /* any of those */

	MP_LIBC_ICONV = 1 << 14,  /* modules of iconv(3) */
	MP_LIBC_UNWIND = 1 << 15, /* libgcc_s.so.1: cancellation, pthread_exit(3), backtrace(3) */
	MP_LIBC_LOCALE = 1 << 16, /* the locales of setlocale(3) */
};

/* The bits of the function @symbol; 0 for any other. */
unsigned int mp_libc_use_of(const char *symbol);

#endif
