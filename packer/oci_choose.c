/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/oci.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* How many of the images that there are an error names. */
#define NAMED 8

/* Platforms */

void mp_oci_platform_of_host(struct mp_oci_platform *platform_out)
{
	static const struct {
		const char *machine, *architecture, *variant;
	} known[] = {
		{ "x86_64", "amd64", NULL },
		{ "aarch64", "arm64", "v8" },
		{ "i686", "386", NULL },
		{ "i586", "386", NULL },
		{ "armv8l", "arm", "v7" },
		{ "armv7l", "arm", "v7" },
		{ "armv6l", "arm", "v6" },
		{ "armv5tel", "arm", "v5" },
		{ "loongarch64", "loong64", NULL },
	};
	static struct utsname host; /* other names are the same in both worlds (s390x, riscv64) */

	uname(&host);
	*platform_out = (struct mp_oci_platform){ "linux", host.machine, NULL };
	for (size_t i = 0; i < MP_ARRAY_LEN(known); i++) {
		if (strcmp(host.machine, known[i].machine) != 0)
			continue;
		platform_out->architecture = known[i].architecture;
		platform_out->variant = known[i].variant;
	}
}

/* "v7" is 7. What is left out is the oldest that the name alone stands for; -1: unknown. */
static long variant_number(const char *architecture, const char *variant)
{
	char *end = NULL;
	long number;

	if (!variant)
		return strcmp(architecture, "arm64") == 0 ? 8
		       : strcmp(architecture, "arm") == 0 ? 5
							  : 1;
	if (variant[0] != 'v' || variant[1] < '1' || variant[1] > '9')
		return -1;
	number = strtol(variant + 1, &end, 10);
	return *end || number > 99 ? -1 : number;
}

/* How well the entry suits: 0 not at all, 1 perhaps, more the better. */
static long rank(const struct mp_oci_descriptor *entry, const struct mp_oci_platform *platform)
{
	long has, wants;

	if (!entry->os || !entry->architecture || strcmp(entry->os, platform->os) != 0 ||
	    strcmp(entry->architecture, platform->architecture) != 0)
		return 0;
	has = variant_number(entry->architecture, entry->variant);
	wants = variant_number(platform->architecture, platform->variant);
	return has < 0 || has > wants ? 1 : 1 + has;
}

/* Choosing from an index */

static bool same_name(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* "@N" as a number below @n; else -1. */
static long position_of(const char *reference, size_t n)
{
	char *end = NULL;
	unsigned long position;

	if (reference[0] != '@' || reference[1] < '0' || reference[1] > '9')
		return -1;
	position = strtoul(reference + 1, &end, 10);
	return *end || position >= n ? -1 : (long)position;
}

static void describe(struct mp_buf *text, const struct mp_oci_descriptor *entry, size_t position)
{
	mp_buf_addf(text, "%s%s", text->len ? ", " : "", entry->name ? entry->name : "");
	if (!entry->name)
		mp_buf_addf(text, "@%zu", position);
	if (entry->os && entry->architecture)
		mp_buf_addf(text, " (%s/%s%s%s)", entry->os, entry->architecture,
			    entry->variant ? "/" : "", entry->variant ? entry->variant : "");
}

/* MP_E_USAGE: @what, and what there is. */
static int no_choice(const struct mp_oci_index *index, const char *what, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };

	for (size_t i = 0; i < index->n && i < NAMED; i++)
		describe(&text, &index->v[i], i);
	if (index->n > NAMED)
		mp_buf_addf(&text, " and %zu more", index->n - NAMED);
	if (index->n == 0)
		return mp_error_set(err, MP_E_USAGE, 0, "no image is in it");
	return mp_error_set(err, MP_E_USAGE, 0, "%s; there are: %s", what, text.data);
}

static bool is_candidate(const struct mp_oci_index *index, size_t i, const char *reference)
{
	if (!reference)
		return true;
	if (reference[0] == '@')
		return position_of(reference, index->n) == (long)i;
	return same_name(index->v[i].name, reference);
}

int mp_oci_choose(const struct mp_oci_index *index, const char *reference,
		  const struct mp_oci_platform *platform,
		  const struct mp_oci_descriptor **chosen_out, struct mp_error *err)
{
	const struct mp_oci_descriptor *best = NULL;
	long best_rank = -1;
	size_t candidates = 0, equals = 0;

	for (size_t i = 0; i < index->n; i++) {
		const struct mp_oci_descriptor *entry = &index->v[i];
		long entry_rank = rank(entry, platform);

		if (!is_candidate(index, i, reference))
			continue;
		if (candidates++ && !reference && !same_name(entry->name, index->v[0].name))
			return no_choice(
				index, "several images: one has to be named, behind a colon", err);
		if (entry_rank > best_rank) {
			best = entry;
			best_rank = entry_rank;
			equals = 0;
		}
		equals += entry_rank == best_rank;
	}
	if (candidates == 0)
		return no_choice(index, reference ? "no such image" : "", err);
	if (candidates > 1 && (best_rank == 0 || equals > 1))
		return no_choice(index,
				 best_rank ? "more than one image is for this machine"
					   : "no image is for this machine",
				 err);
	*chosen_out = best;
	return 0;
}

/* Choosing from a docker archive */

void mp_docker_image_clear(struct mp_docker_image *image)
{
	mp_freep(&image->config);
	mp_strv_free(&image->tags);
	mp_strv_free(&image->layers);
}

/* As docker prints it, with a tag: what it leaves out is said by nobody (distribution/reference,
 * "familiar" names). Owned by the caller. */
static char *familiar_name(const char *name)
{
	static const char *const implied[] = { "index.docker.io/", "docker.io/", "library/" };
	const char *slash;

	for (size_t i = 0; i < MP_ARRAY_LEN(implied); i++) {
		if (strncmp(name, implied[i], strlen(implied[i])) == 0)
			name += strlen(implied[i]);
	}
	slash = strrchr(name, '/');
	return strpbrk(slash ? slash : name, ":@") ? mp_xstrdup(name)
						   : mp_xasprintf("%s:latest", name);
}

static bool has_tag(const struct mp_docker_image *image, const char *reference)
{
	MP_AUTO(mp_freep) char *wanted = familiar_name(reference);

	for (size_t i = 0; i < image->tags.n; i++) {
		MP_AUTO(mp_freep) char *tag = familiar_name(image->tags.v[i]);

		if (strcmp(tag, wanted) == 0)
			return true;
	}
	return false;
}

static int read_docker_image(const struct mp_json *json, struct mp_docker_image *image,
			     struct mp_error *err)
{
	if (!mp_json_is_object(json))
		return mp_error_set(err, MP_E_FORMAT, 0, "an image is not an object");
	if (mp_json_copy_string(json, "Config", &image->config, err) ||
	    mp_json_get_strv(json, "RepoTags", &image->tags, err) ||
	    mp_json_get_strv(json, "Layers", &image->layers, err))
		return -1;
	if (!image->config)
		return mp_error_set(err, MP_E_FORMAT, 0, "no 'Config'");
	if (image->layers.n > MP_OCI_LAYERS_MAX)
		return mp_error_set(err, MP_E_FORMAT, 0, "%zu layers; at most %d can be read",
				    image->layers.n, MP_OCI_LAYERS_MAX);
	return 0;
}

static void describe_docker(struct mp_buf *text, const struct mp_docker_image *image,
			    size_t position)
{
	if (position == NAMED)
		mp_buf_adds(text, " and more");
	if (position >= NAMED)
		return;
	mp_buf_adds(text, text->len ? ", " : "");
	if (image->tags.n)
		mp_buf_adds(text, image->tags.v[0]);
	else
		mp_buf_addf(text, "@%zu", position);
}

int mp_docker_choose(const struct mp_json *json, const char *reference,
		     struct mp_docker_image *image_out, struct mp_error *err)
{
	MP_AUTO(mp_docker_image_clear) struct mp_docker_image chosen = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	size_t n = mp_json_len(json), found = 0;

	for (size_t i = 0; i < n; i++) {
		MP_AUTO(mp_docker_image_clear) struct mp_docker_image image = { 0 };

		if (read_docker_image(mp_json_at(json, i), &image, err))
			return mp_error_prefix(err, "image %zu", i);
		describe_docker(&text, &image, i);
		if (reference && position_of(reference, n) != (long)i &&
		    !has_tag(&image, reference))
			continue;
		found++;
		mp_docker_image_clear(&chosen);
		chosen = image;
		image = (struct mp_docker_image){ 0 };
	}
	if (n == 0)
		return mp_error_set(err, MP_E_USAGE, 0, "no image is in it");
	if (found != 1)
		return mp_error_set(err, MP_E_USAGE, 0, "%s; there are: %s",
				    found ? "several images: one has to be named, behind a colon"
					  : "no such image",
				    text.data);
	*image_out = chosen;
	chosen = (struct mp_docker_image){ 0 };
	return 0;
}
