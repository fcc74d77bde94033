/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/outputs.h"

#include "core/buf.h"
#include "core/path.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_NAME "trace.jsonl"
/* In a directory, of what is of no image. */
#define NO_IMAGE "processes"

size_t mp_outputs_add(struct mp_outputs *outputs, const char *image, const char *image_id)
{
	for (size_t i = 0; i < outputs->n; i++) {
		const char *other = outputs->v[i].image_id;

		if (image_id && other ? strcmp(image_id, other) == 0 : image_id == other)
			return i;
	}
	outputs->v = mp_array_grow(outputs->v, outputs->n, &outputs->cap, sizeof(*outputs->v));
	outputs->v[outputs->n] =
		(struct mp_output){ .image = mp_xstrdup(image), .image_id = mp_xstrdup(image_id) };
	return outputs->n++;
}

static bool is_taken(const struct mp_outputs *outputs, const char *path)
{
	for (size_t i = 0; i < outputs->n; i++) {
		if (outputs->v[i].path && strcmp(outputs->v[i].path, path) == 0)
			return true;
	}
	return false;
}

/* DIR/NAME.jsonl; of images whose names become the same the next has a number. */
static char *path_in(const struct mp_outputs *outputs, const char *dir, const char *image)
{
	MP_AUTO(mp_freep) char *name = mp_xstrdup(image ? image : NO_IMAGE);
	MP_AUTO(mp_freep) char *file = NULL;
	char *path;

	for (char *p = name; *p; p++) {
		if (*p == '/' || *p == ':')
			*p = '-';
	}
	file = mp_xasprintf("%s.jsonl", name);
	path = mp_path_join(dir, file);
	for (int number = 2; is_taken(outputs, path); number++) {
		mp_freep(&path);
		mp_freep(&file);
		file = mp_xasprintf("%s-%d.jsonl", name, number);
		path = mp_path_join(dir, file);
	}
	return path;
}

int mp_outputs_name(struct mp_outputs *outputs, const char *output, struct mp_error *err)
{
	struct stat st;
	bool is_directory = output && stat(output, &st) == 0 && S_ISDIR(st.st_mode);

	if (outputs->n > 1 && !is_directory)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "%zu traces are written, one for each image: -o has to be a "
				    "directory%s%s%s",
				    outputs->n, output ? ", which '" : " that exists",
				    output ? output : "", output ? "' is not" : "");
	for (size_t i = 0; i < outputs->n; i++)
		outputs->v[i].path = is_directory ? path_in(outputs, output, outputs->v[i].image)
						  : mp_xstrdup(output ? output : DEFAULT_NAME);
	return 0;
}

void mp_outputs_free(struct mp_outputs *outputs)
{
	for (size_t i = 0; i < outputs->n; i++) {
		mp_freep(&outputs->v[i].image);
		mp_freep(&outputs->v[i].image_id);
		mp_freep(&outputs->v[i].path);
	}
	mp_freep(&outputs->v);
	*outputs = (struct mp_outputs){ 0 };
}
