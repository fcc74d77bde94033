/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/libc_symbols.h"

#include "core/cleanup.h"

#include <stdlib.h>
#include <string.h>

struct symbol {
	const char *name;
	unsigned int uses;
};

/* In the order of strcmp. What glibc's headers make of a call (__iconv_open) is not imported. */
static const struct symbol symbols[] = {
	{ "authdes_getucred", MP_LIBC_PUBLICKEY },
	{ "backtrace", MP_LIBC_UNWIND },
	{ "ether_hostton", MP_LIBC_ETHERS },
	{ "ether_ntohost", MP_LIBC_ETHERS },
	{ "getaddrinfo", MP_LIBC_HOSTS | MP_LIBC_SERVICES },
	{ "getaddrinfo_a", MP_LIBC_HOSTS | MP_LIBC_SERVICES },
	{ "getaliasbyname", MP_LIBC_ALIASES },
	{ "getaliasbyname_r", MP_LIBC_ALIASES },
	{ "getaliasent", MP_LIBC_ALIASES },
	{ "getaliasent_r", MP_LIBC_ALIASES },
	{ "getgrent", MP_LIBC_GROUP },
	{ "getgrent_r", MP_LIBC_GROUP },
	{ "getgrgid", MP_LIBC_GROUP },
	{ "getgrgid_r", MP_LIBC_GROUP },
	{ "getgrnam", MP_LIBC_GROUP },
	{ "getgrnam_r", MP_LIBC_GROUP },
	{ "getgrouplist", MP_LIBC_INITGROUPS | MP_LIBC_GROUP },
	{ "gethostbyaddr", MP_LIBC_HOSTS },
	{ "gethostbyaddr_r", MP_LIBC_HOSTS },
	{ "gethostbyname", MP_LIBC_HOSTS },
	{ "gethostbyname2", MP_LIBC_HOSTS },
	{ "gethostbyname2_r", MP_LIBC_HOSTS },
	{ "gethostbyname_r", MP_LIBC_HOSTS },
	{ "gethostent", MP_LIBC_HOSTS },
	{ "gethostent_r", MP_LIBC_HOSTS },
	{ "getnameinfo", MP_LIBC_HOSTS | MP_LIBC_SERVICES },
	{ "getnetbyaddr", MP_LIBC_NETWORKS },
	{ "getnetbyaddr_r", MP_LIBC_NETWORKS },
	{ "getnetbyname", MP_LIBC_NETWORKS },
	{ "getnetbyname_r", MP_LIBC_NETWORKS },
	{ "getnetent", MP_LIBC_NETWORKS },
	{ "getnetent_r", MP_LIBC_NETWORKS },
	{ "getnetgrent", MP_LIBC_NETGROUP },
	{ "getnetgrent_r", MP_LIBC_NETGROUP },
	{ "getnetname", MP_LIBC_PUBLICKEY },
	{ "getprotobyname", MP_LIBC_PROTOCOLS },
	{ "getprotobyname_r", MP_LIBC_PROTOCOLS },
	{ "getprotobynumber", MP_LIBC_PROTOCOLS },
	{ "getprotobynumber_r", MP_LIBC_PROTOCOLS },
	{ "getprotoent", MP_LIBC_PROTOCOLS },
	{ "getprotoent_r", MP_LIBC_PROTOCOLS },
	{ "getpublickey", MP_LIBC_PUBLICKEY },
	{ "getpwent", MP_LIBC_PASSWD },
	{ "getpwent_r", MP_LIBC_PASSWD },
	{ "getpwnam", MP_LIBC_PASSWD },
	{ "getpwnam_r", MP_LIBC_PASSWD },
	{ "getpwuid", MP_LIBC_PASSWD },
	{ "getpwuid_r", MP_LIBC_PASSWD },
	{ "getrpcbyname", MP_LIBC_RPC },
	{ "getrpcbyname_r", MP_LIBC_RPC },
	{ "getrpcbynumber", MP_LIBC_RPC },
	{ "getrpcbynumber_r", MP_LIBC_RPC },
	{ "getrpcent", MP_LIBC_RPC },
	{ "getrpcent_r", MP_LIBC_RPC },
	{ "getsecretkey", MP_LIBC_PUBLICKEY },
	{ "getservbyname", MP_LIBC_SERVICES },
	{ "getservbyname_r", MP_LIBC_SERVICES },
	{ "getservbyport", MP_LIBC_SERVICES },
	{ "getservbyport_r", MP_LIBC_SERVICES },
	{ "getservent", MP_LIBC_SERVICES },
	{ "getservent_r", MP_LIBC_SERVICES },
	{ "getsgent", MP_LIBC_GSHADOW },
	{ "getsgnam", MP_LIBC_GSHADOW },
	{ "getsgnam_r", MP_LIBC_GSHADOW },
	{ "getspent", MP_LIBC_SHADOW },
	{ "getspent_r", MP_LIBC_SHADOW },
	{ "getspnam", MP_LIBC_SHADOW },
	{ "getspnam_r", MP_LIBC_SHADOW },
	{ "iconv_open", MP_LIBC_ICONV },
	{ "initgroups", MP_LIBC_INITGROUPS | MP_LIBC_GROUP },
	{ "innetgr", MP_LIBC_NETGROUP },
	{ "iruserok", MP_LIBC_HOSTS | MP_LIBC_PASSWD },
	{ "newlocale", MP_LIBC_LOCALE },
	{ "pthread_cancel", MP_LIBC_UNWIND },
	{ "pthread_exit", MP_LIBC_UNWIND },
	{ "rcmd", MP_LIBC_HOSTS },
	{ "rcmd_af", MP_LIBC_HOSTS },
	{ "rexec", MP_LIBC_HOSTS },
	{ "ruserok", MP_LIBC_HOSTS | MP_LIBC_PASSWD },
	{ "setlocale", MP_LIBC_LOCALE },
	{ "setnetgrent", MP_LIBC_NETGROUP },
	{ "thrd_exit", MP_LIBC_UNWIND },
	{ "wordexp", MP_LIBC_PASSWD },
};

static int by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct symbol *)element)->name);
}

unsigned int mp_libc_use_of(const char *symbol)
{
	const struct symbol *found =
		bsearch(symbol, symbols, MP_ARRAY_LEN(symbols), sizeof(*symbols), by_name);

	return found ? found->uses : 0;
}
