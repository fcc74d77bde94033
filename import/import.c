/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/format.h"

#include "core/interrupt.h"
#include "core/path.h"

#include <string.h>

static const struct mp_import_format *const formats[] = {
	&mp_import_strace,
	&mp_import_bpftrace,
	&mp_import_sysdig,
	&mp_import_list,
};

static const struct mp_import_format *format_by_name(const char *name)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(formats); i++) {
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	}
	return NULL;
}

bool mp_import_knows(const char *format)
{
	return format_by_name(format) != NULL;
}

/* Everything but the time, with lengths, so that no two are alike. */
static char *event_key(const struct mp_trace_event *event)
{
	const char *real = event->real ? event->real : "";

	return mp_xasprintf("%d %u %d %zu %zu %s%s%s", event->op, event->flags, event->error,
			    strlen(event->path), strlen(real), event->path, real,
			    event->exe ? event->exe : "");
}

void mp_import_add(struct mp_import *import, const struct mp_trace_event *event)
{
	/* As the tracer has it: "/d/." and "/d//" are "/d", so that traces of the same are equal.
	 */
	MP_AUTO(mp_freep) char *path = mp_path_clean(event->path);
	MP_AUTO(mp_freep) char *key = NULL;
	struct mp_trace_event copy = *event;

	copy.path = path;
	key = event_key(&copy);
	if (mp_strmap_get(import->seen, key))
		return;
	mp_strmap_put(import->seen, key, import);
	copy.path = MP_STEAL(path);
	copy.real = mp_xstrdup(event->real);
	copy.exe = mp_xstrdup(event->exe);
	mp_trace_add_take(import->trace, &copy);
}

void mp_import_count_lost(uint64_t *count, unsigned long long lost)
{
	*count = lost < (uint64_t)INT64_MAX - *count ? *count + lost : (uint64_t)INT64_MAX;
}

char *mp_import_next_line(const struct mp_import *import, size_t *at, size_t *len_out)
{
	const char *start = import->text + *at;
	const char *newline;

	if (*at >= import->len)
		return NULL;
	newline = memchr(start, '\n', import->len - *at);
	*len_out = newline ? (size_t)(newline - start) : import->len - *at;
	*at += *len_out + 1;
	return mp_xstrndup(start, *len_out);
}

char *mp_import_word(char **text)
{
	char *word = *text;

	*text += strcspn(*text, " \t");
	if (**text)
		*(*text)++ = '\0';
	*text += strspn(*text, " \t");
	return word;
}

static int read_lines(struct mp_import *import, const struct mp_import_format *format, void *state,
		      struct mp_error *err)
{
	size_t at = 0, len;

	for (;;) {
		MP_AUTO(mp_freep) char *line = mp_import_next_line(import, &at, &len);

		if (!line)
			return 0;
		import->line++;
		if (mp_interrupt_check(err))
			return -1;
		if (strlen(line) != len)
			return mp_error_set(err, MP_E_FORMAT, 0, "a NUL byte");
		if (format->line(import, state, line, err))
			return -1;
	}
}

static int run(struct mp_import *import, const struct mp_import_format *format, const char *name,
	       struct mp_error *err)
{
	void *state = format->begin ? format->begin(import) : NULL;
	int rc = read_lines(import, format, state, err);

	if (rc == 0 && format->finish)
		format->finish(import, state);
	if (format->free)
		format->free(state);
	if (rc && err->code == MP_E_FORMAT)
		mp_error_prefix(err, "'%s' line %zu", name, import->line);
	return rc;
}

int mp_import(const struct mp_import_options *options, const char *text, size_t len,
	      const char *name, struct mp_trace **trace_out, struct mp_error *err)
{
	MP_AUTO(mp_trace_freep) struct mp_trace *trace = mp_xcalloc(1, sizeof(*trace));
	MP_AUTO(mp_strmap_freep) struct mp_strmap *seen = mp_strmap_new(NULL);
	struct mp_import import = { options, text, len, 0, trace, seen };

	trace->header.source = mp_xstrdup("import");
	trace->header.generator = mp_xstrdup("micropack " MP_VERSION);
	if (run(&import, format_by_name(options->format), name, err))
		return -1;
	trace->complete = !mp_trace_lost_any(&trace->losses);
	*trace_out = MP_STEAL(trace);
	return 0;
}
