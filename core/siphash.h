/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CORE_SIPHASH_H
#define MP_CORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * Of @number and the @len bytes at @text, for tables of names: the key is random, and the same for
 * the whole life of the process, so that nobody can choose names that collide. SipHash-1-3
 * (Aumasson and Bernstein, "SipHash: a fast short-input PRF", with the rounds that hash tables
 * commonly take).
 */
uint64_t mp_siphash(uint64_t number, const char *text, size_t len);

#endif
