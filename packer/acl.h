/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_PACKER_ACL_H
#define MP_PACKER_ACL_H

#include "packer/rootfs.h"

/* ACLs as attributes: linux/posix_acl_xattr.h, little-endian on every machine. */
#define MP_ACL_ACCESS "system.posix_acl_access"
#define MP_ACL_DEFAULT "system.posix_acl_default"
#define MP_ACL_NONE_SIZE 4
#define MP_ACL_OF_MODE_SIZE (4 + 3 * 8)

/* The access ACL that says no more than @mode: setting it takes away any other (acl(5)). */
void mp_acl_of_mode(mode_t mode, unsigned char acl[MP_ACL_OF_MODE_SIZE]);

/* Whether the attribute of a file with @mode is an ACL that says nothing: no file system keeps it.
 */
bool mp_acl_is_void(const struct mp_xattr *xattr, mode_t mode);

/* Whether @node has the ACL @name, MP_ACL_ACCESS or MP_ACL_DEFAULT, and it says something. */
bool mp_acl_is_there(const struct mp_node *node, const char *name);

#endif
