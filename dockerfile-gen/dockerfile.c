/* SPDX-License-Identifier: BSD-2-Clause */
#include "dockerfile-gen/dockerfile.h"

#include "dockerfile-gen/quote.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NS_PER_SECOND 1000000000LL
#define NS_PER_MS 1000000LL

/* What is being written, for functions that share their arguments. */
struct writer {
	struct mp_buf text;
	const struct mp_image_config *config;
	struct mp_error *err;
};

static int add_rootfs(struct writer *w, const char *name)
{
	MP_AUTO(mp_strv_free) struct mp_strv list = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf word = { 0 };

	if (mp_dockerfile_check("ADD", NULL, name, false, w->err))
		return -1;
	/* A pattern, an address, or a here-document to the builder. */
	if (!name[0] || strpbrk(name, "*?[\\:<"))
		return mp_dockerfile_refuse("ADD", name, "is a name with one of * ? [ \\ : <",
					    w->err);
	mp_dockerfile_add_word(&word, name, false);
	mp_buf_adds(&w->text, "FROM scratch\nADD ");
	if (strcmp(word.data, name) == 0) {
		mp_buf_addf(&w->text, "%s /\n", name);
	} else {
		mp_strv_push(&list, word.data);
		mp_strv_push(&list, "/");
		mp_dockerfile_add_json(&w->text, &list);
		mp_buf_addc(&w->text, '\n');
	}
	return 0;
}

/* One instruction for all pairs: each instruction costs the legacy builder a container. */
static int add_pair(struct writer *w, const char *instruction, const char *name, const char *value,
		    bool is_first)
{
	if (!name[0])
		return mp_dockerfile_refuse(instruction, NULL, "has an empty name", w->err);
	if (mp_dockerfile_check(instruction, name, name, false, w->err) ||
	    mp_dockerfile_check(instruction, name, value, false, w->err))
		return -1;
	/* The parser splits at the first one, quoted or not. */
	if (strchr(name, '='))
		return mp_dockerfile_refuse(instruction, name, "is a name with '='", w->err);
	if (is_first)
		mp_buf_addf(&w->text, "%s ", instruction);
	else
		mp_buf_addf(&w->text, " \\\n%*s", (int)strlen(instruction) + 1, "");
	mp_dockerfile_add_word(&w->text, name, true);
	mp_buf_addc(&w->text, '=');
	mp_dockerfile_add_word(&w->text, value, true);
	return 0;
}

static int add_env(struct writer *w)
{
	const struct mp_strv *env = &w->config->env;

	for (size_t i = 0; i < env->n; i++) {
		const char *equals = strchr(env->v[i], '=');
		MP_AUTO(mp_freep) char *name = NULL;

		if (!equals)
			return mp_dockerfile_refuse("ENV", env->v[i], "has no value", w->err);
		name = mp_xstrndup(env->v[i], (size_t)(equals - env->v[i]));
		if (add_pair(w, "ENV", name, equals + 1, i == 0))
			return -1;
	}
	if (env->n)
		mp_buf_addc(&w->text, '\n');
	return 0;
}

static int add_labels(struct writer *w)
{
	const struct mp_strv *keys = &w->config->label_keys;

	for (size_t i = 0; i < keys->n; i++) {
		if (add_pair(w, "LABEL", keys->v[i], w->config->label_values.v[i], i == 0))
			return -1;
	}
	if (keys->n)
		mp_buf_addc(&w->text, '\n');
	return 0;
}

static int add_value(struct writer *w, const char *instruction, const char *value)
{
	if (!value || !value[0])
		return 0;
	if (mp_dockerfile_check(instruction, NULL, value, false, w->err))
		return -1;
	mp_buf_addf(&w->text, "%s ", instruction);
	mp_dockerfile_add_word(&w->text, value, true);
	mp_buf_addc(&w->text, '\n');
	return 0;
}

static int add_working_dir(struct writer *w)
{
	const char *dir = w->config->working_dir;

	/* The builder would make it absolute; the engine refuses to start it as it is. */
	if (dir && dir[0] && dir[0] != '/')
		return mp_dockerfile_refuse("WORKDIR", dir, "is not an absolute path", w->err);
	return add_value(w, "WORKDIR", dir);
}

/* "80", "80/tcp", "8000-8010/udp": what the builder reads as a port and nothing else. */
static bool is_port(const char *text)
{
	static const char *const protocols[] = { "", "/tcp", "/udp", "/sctp" };
	char *end;

	for (int part = 0; part < 2; part++) {
		if (*text < '0' || *text > '9' || strtoul(text, &end, 10) > 65535)
			return false;
		text = end;
		if (*text != '-' || part == 1)
			break;
		text++;
	}
	for (size_t i = 0; i < MP_ARRAY_LEN(protocols); i++) {
		if (strcasecmp(text, protocols[i]) == 0)
			return true;
	}
	return false;
}

static int add_exposed(struct writer *w)
{
	const struct mp_strv *ports = &w->config->exposed;

	for (size_t i = 0; i < ports->n; i++) {
		if (!is_port(ports->v[i]))
			return mp_dockerfile_refuse("EXPOSE", ports->v[i], "is not a port", w->err);
		mp_buf_addf(&w->text, "%s%s", i ? " " : "EXPOSE ", ports->v[i]);
	}
	if (ports->n)
		mp_buf_addc(&w->text, '\n');
	return 0;
}

/* In the JSON form each string is expanded as a word once more. */
static int add_volumes(struct writer *w)
{
	const struct mp_strv *volumes = &w->config->volumes;
	MP_AUTO(mp_strv_free) struct mp_strv words = { 0 };

	for (size_t i = 0; i < volumes->n; i++) {
		MP_AUTO(mp_buf_free) struct mp_buf word = { 0 };

		if (mp_dockerfile_check("VOLUME", NULL, volumes->v[i], false, w->err))
			return -1;
		if (!volumes->v[i][0])
			return mp_dockerfile_refuse("VOLUME", NULL, "is an empty path", w->err);
		mp_dockerfile_add_word(&word, volumes->v[i], false);
		mp_strv_push_take(&words, mp_buf_steal(&word));
	}
	if (words.n) {
		mp_buf_adds(&w->text, "VOLUME ");
		mp_dockerfile_add_json(&w->text, &words);
		mp_buf_addc(&w->text, '\n');
	}
	return 0;
}

/* @instruction is whose command @argv is, in errors. */
static int check_argv(struct writer *w, const char *instruction, const struct mp_strv *argv)
{
	for (size_t i = 0; i < argv->n; i++) {
		if (mp_dockerfile_check(instruction, NULL, argv->v[i], true, w->err))
			return -1;
	}
	return 0;
}

/* Always the JSON form: the shell form would put SHELL in front. */
static int add_argv(struct writer *w, const char *instruction, const struct mp_strv *argv)
{
	if (check_argv(w, instruction, argv))
		return -1;
	if (argv->n) {
		mp_buf_addf(&w->text, "%s ", instruction);
		mp_dockerfile_add_json(&w->text, argv);
		mp_buf_addc(&w->text, '\n');
	}
	return 0;
}

static int add_duration(struct mp_buf *out, const char *name, int64_t ns, struct mp_error *err)
{
	if (ns == 0)
		return 0;
	if (ns < NS_PER_MS)
		return mp_dockerfile_refuse("HEALTHCHECK", name, "is below a millisecond", err);
	if (ns % NS_PER_SECOND == 0)
		mp_buf_addf(out, "--%s=%llds ", name, (long long)(ns / NS_PER_SECOND));
	else if (ns % NS_PER_MS == 0)
		mp_buf_addf(out, "--%s=%lldms ", name, (long long)(ns / NS_PER_MS));
	else
		mp_buf_addf(out, "--%s=%lldns ", name, (long long)ns);
	return 0;
}

static int add_health_options(struct mp_buf *out, const struct mp_image_config *config,
			      struct mp_error *err)
{
	if (add_duration(out, "interval", config->health_interval_ns, err) ||
	    add_duration(out, "timeout", config->health_timeout_ns, err) ||
	    add_duration(out, "start-period", config->health_start_period_ns, err) ||
	    add_duration(out, "start-interval", config->health_start_interval_ns, err))
		return -1;
	if (config->health_retries < 0 || config->health_retries > INT32_MAX)
		return mp_dockerfile_refuse("HEALTHCHECK", "retries", "is out of range", err);
	if (config->health_retries)
		mp_buf_addf(out, "--retries=%lld ", (long long)config->health_retries);
	return 0;
}

/* The text after CMD goes to the shell as it is, unless the parser sees something else in it. */
static int add_health_shell(struct writer *w, const char *text)
{
	if (mp_dockerfile_check_raw("HEALTHCHECK", text, false, w->err))
		return -1;
	if (mp_dockerfile_reads_as_json(text))
		return mp_dockerfile_refuse("HEALTHCHECK", NULL,
					    "is a shell command that begins as a JSON array",
					    w->err);
	mp_buf_addf(&w->text, "CMD %s\n", text);
	return 0;
}

static int add_healthcheck(struct writer *w)
{
	const struct mp_strv *test = &w->config->healthcheck;
	const char *kind = test->n ? test->v[0] : "";
	MP_AUTO(mp_buf_free) struct mp_buf options = { 0 };

	if (add_health_options(&options, w->config, w->err))
		return -1;
	if (test->n == 0 && options.len == 0)
		return 0;
	mp_buf_adds(&w->text, "HEALTHCHECK ");
	mp_buf_add(&w->text, options.data, options.len);
	if (strcmp(kind, "CMD-SHELL") == 0 && test->n == 2)
		return add_health_shell(w, test->v[1]);
	if (strcmp(kind, "CMD") == 0 && test->n > 1) {
		struct mp_strv argv = { test->v + 1, test->n - 1, 0 };

		return check_argv(w, "HEALTHCHECK", &argv) || add_argv(w, "CMD", &argv) ? -1 : 0;
	}
	if (strcmp(kind, "NONE") == 0 && test->n == 1 && options.len == 0) {
		mp_buf_adds(&w->text, "NONE\n");
		return 0;
	}
	return mp_dockerfile_refuse("HEALTHCHECK", NULL,
				    "is neither NONE nor CMD nor CMD-SHELL with its command",
				    w->err);
}

/* Whether @trigger begins with an instruction that may be delayed. */
static bool is_trigger(const char *trigger)
{
	static const char *const instructions[] = {
		"ADD",   "ARG",        "CMD",         "COPY",   "ENTRYPOINT",
		"ENV",   "EXPOSE",     "HEALTHCHECK", "LABEL",  "RUN",
		"SHELL", "STOPSIGNAL", "USER",        "VOLUME", "WORKDIR",
	};
	size_t len = strcspn(trigger, " \t");

	for (size_t i = 0; i < MP_ARRAY_LEN(instructions); i++) {
		if (len == strlen(instructions[i]) &&
		    strncasecmp(trigger, instructions[i], len) == 0)
			return trigger[len] != '\0';
	}
	return false;
}

/*
 * Whether BuildKit may see a here-document in @text, and take the lines that follow for its
 * contents: a word that begins with "<<" after digits or nothing. (The legacy builder knows none.)
 * A word may begin after any blank, of which those beyond ASCII are not told from letters here.
 */
static bool has_heredoc(const char *text)
{
	for (const char *p = text; (p = strstr(p, "<<")) != NULL; p += 2 + strspn(p + 2, "<")) {
		const char *before = p;

		while (before > text && before[-1] >= '0' && before[-1] <= '9')
			before--;
		if (before > text && !(before[-1] & 0x80) && !strchr(" \t\v\f\r", before[-1]))
			continue;
		if (p[2] && !strchr("< \t\v\f\r", p[2]))
			return true;
	}
	return false;
}

static int add_onbuild(struct writer *w)
{
	const struct mp_strv *triggers = &w->config->onbuild;

	for (size_t i = 0; i < triggers->n; i++) {
		if (mp_dockerfile_check_raw("ONBUILD", triggers->v[i], true, w->err))
			return -1;
		if (!is_trigger(triggers->v[i]))
			return mp_dockerfile_refuse("ONBUILD", triggers->v[i],
						    "is no instruction that a builder delays",
						    w->err);
		if (has_heredoc(triggers->v[i]))
			return mp_dockerfile_refuse("ONBUILD", NULL, "holds a here-document",
						    w->err);
		mp_buf_addf(&w->text, "ONBUILD %s\n", triggers->v[i]);
	}
	return 0;
}

/* The instruction that a physical line of @text belongs to is its first word: only ENV and LABEL
 * spread over lines, and those wrap. */
static int check_lines(const char *text, struct mp_error *err)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > MP_DOCKERFILE_MAX_LINE) {
			MP_AUTO(mp_freep)
			char *word = mp_xstrndup(text, strcspn(text, " "));

			return mp_dockerfile_refuse(word, NULL, "needs a line of more than 64 KiB",
						    err);
		}
		text += len + (text[len] == '\n');
	}
	return 0;
}

int mp_dockerfile_generate(const struct mp_image_config *config, const char *rootfs_name,
			   char **text_out, struct mp_error *err)
{
	struct writer w = { .config = config, .err = err };
	int rc;

	/*
	 * WORKDIR makes the directory where it is missing: before VOLUME would hide it and before
	 * USER would own it. ENTRYPOINT clears CMD.
	 */
	rc = add_rootfs(&w, rootfs_name) || add_working_dir(&w) || add_env(&w) || add_labels(&w) ||
	     add_exposed(&w) || add_volumes(&w) ||
	     add_value(&w, "STOPSIGNAL", config->stop_signal) || add_healthcheck(&w) ||
	     add_argv(&w, "SHELL", &config->shell) || add_onbuild(&w) ||
	     add_value(&w, "USER", config->user) ||
	     add_argv(&w, "ENTRYPOINT", &config->entrypoint) || add_argv(&w, "CMD", &config->cmd);
	if (rc || check_lines(w.text.data, err)) {
		mp_buf_free(&w.text);
		return -1;
	}
	*text_out = mp_buf_steal(&w.text);
	return 0;
}
