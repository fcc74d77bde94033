/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/acl.h"

#include <string.h>

void mp_acl_of_mode(mode_t mode, unsigned char acl[MP_ACL_OF_MODE_SIZE])
{
	static const unsigned char tags[] = { 0x01, 0x04, 0x20 }; /* owner, group, other */

	memset(acl, 0, MP_ACL_OF_MODE_SIZE);
	acl[0] = 2; /* version */
	for (size_t i = 0; i < MP_ARRAY_LEN(tags); i++) {
		unsigned char *entry = acl + 4 + 8 * i;

		entry[0] = tags[i];
		entry[2] = mode >> (6 - 3 * i) & 7;
		memset(entry + 4, 0xff, 4);
	}
}

bool mp_acl_is_void(const struct mp_xattr *xattr, mode_t mode)
{
	unsigned char acl[MP_ACL_OF_MODE_SIZE];

	if (strcmp(xattr->name, MP_ACL_DEFAULT) == 0)
		return xattr->size <= MP_ACL_NONE_SIZE;
	mp_acl_of_mode(mode, acl);
	return strcmp(xattr->name, MP_ACL_ACCESS) == 0 && xattr->size == sizeof(acl) &&
	       memcmp(xattr->value, acl, sizeof(acl)) == 0;
}

bool mp_acl_is_there(const struct mp_node *node, const char *name)
{
	for (size_t i = 0; i < node->n_xattrs; i++) {
		if (strcmp(node->xattrs[i].name, name) == 0 &&
		    !mp_acl_is_void(&node->xattrs[i], node->mode))
			return true;
	}
	return false;
}
