/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/sha256.h"

#include "core/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

static void context_freep(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

void mp_hex(const void *data, size_t len, char *hex_out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++) {
		*hex_out++ = digits[bytes[i] >> 4];
		*hex_out++ = digits[bytes[i] & 15];
	}
	*hex_out = '\0';
}

/* @hex_out has room for the digest. */
static void finish_hex(EVP_MD_CTX *context, char *hex_out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	EVP_DigestFinal_ex(context, digest, &len);
	mp_hex(digest, len, hex_out);
}

void mp_sha256_hex(const void *data, size_t len, char hex_out[MP_SHA256_HEX_SIZE])
{
	MP_AUTO(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();

	EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	EVP_DigestUpdate(context, data, len);
	finish_hex(context, hex_out);
}

int mp_sha256_file(const char *path, char hex_out[MP_SHA256_HEX_SIZE], struct mp_error *err)
{
	MP_AUTO(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	MP_AUTO(mp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	MP_AUTO(mp_freep) char *chunk = mp_xmalloc(1 << 17);
	ssize_t got;

	if (fd < 0)
		return mp_error_set(err, MP_E_SYS, errno, "open '%s'", path);
	EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	while ((got = read(fd, chunk, 1 << 17)) > 0)
		EVP_DigestUpdate(context, chunk, (size_t)got);
	if (got < 0)
		return mp_error_set(err, MP_E_SYS, errno, "read '%s'", path);
	finish_hex(context, hex_out);
	return 0;
}

struct mp_sha256 *mp_sha256_new(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	return (struct mp_sha256 *)context;
}

void mp_sha256_add(struct mp_sha256 *sum, const void *data, size_t len)
{
	EVP_DigestUpdate((EVP_MD_CTX *)sum, data, len);
}

void mp_sha256_finish(struct mp_sha256 *sum, char hex_out[MP_SHA256_HEX_SIZE])
{
	finish_hex((EVP_MD_CTX *)sum, hex_out);
}

void mp_sha256_freep(struct mp_sha256 **sum)
{
	EVP_MD_CTX_free((EVP_MD_CTX *)*sum);
	*sum = NULL;
}

struct mp_sha1 *mp_sha1_new(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	EVP_DigestInit_ex(context, EVP_sha1(), NULL);
	return (struct mp_sha1 *)context;
}

void mp_sha1_add(struct mp_sha1 *sum, const void *data, size_t len)
{
	EVP_DigestUpdate((EVP_MD_CTX *)sum, data, len);
}

void mp_sha1_finish(struct mp_sha1 *sum, char hex_out[MP_SHA1_HEX_SIZE])
{
	finish_hex((EVP_MD_CTX *)sum, hex_out);
}

void mp_sha1_freep(struct mp_sha1 **sum)
{
	EVP_MD_CTX_free((EVP_MD_CTX *)*sum);
	*sum = NULL;
}

struct mp_sum *mp_sum_new(enum mp_sum_kind kind)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	EVP_DigestInit_ex(context, kind == MP_SUM_SHA1 ? EVP_sha1() : EVP_sha256(), NULL);
	return (struct mp_sum *)context;
}

void mp_sum_add(struct mp_sum *sum, const void *data, size_t len)
{
	EVP_DigestUpdate((EVP_MD_CTX *)sum, data, len);
}

void mp_sum_cut(struct mp_sum *sum, char *hex_out)
{
	EVP_MD_CTX *context = (EVP_MD_CTX *)sum;

	if (hex_out)
		finish_hex(context, hex_out);
	/* Without an algorithm it is the one from before, which is not looked for again. */
	EVP_DigestInit_ex(context, NULL, NULL);
}

void mp_sum_freep(struct mp_sum **sum)
{
	EVP_MD_CTX_free((EVP_MD_CTX *)*sum);
	*sum = NULL;
}
