/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/commands.h"
#include "core/interrupt.h"
#include "engine/engine.h"
#include "tracer/session.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Capabilities that came with Linux 5.8; older headers do not have them. */
#define CAPABILITY_PERFMON 38
#define CAPABILITY_BPF 39

/* One thing that is looked at. */
struct check {
	const char *name;
	bool ok;
	enum mp_code code; /* what is not possible when it is not ok */
	char text[1024];   /* what was found, and what to do about it */
};

static void check_kernel(struct check *check)
{
	struct utsname host;
	int major = 0, minor = 0;

	uname(&host);
	check->ok = sscanf(host.release, "%d.%d", &major, &minor) == 2 &&
		    (major > 5 || (major == 5 && minor >= 8));
	snprintf(check->text, sizeof(check->text), "%s, %s%s", host.release, host.machine,
		 check->ok ? "" : "; Linux 5.8 or later is needed");
}

static void check_btf(struct check *check)
{
	check->ok = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	snprintf(check->text, sizeof(check->text), "%s",
		 check->ok ? "/sys/kernel/btf/vmlinux"
			   : "/sys/kernel/btf/vmlinux cannot be read; a kernel with "
			     "CONFIG_DEBUG_INFO_BTF=y is needed");
}

static void check_privileges(struct check *check)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	bool admin, bpf;

	syscall(SYS_capget, &header, data);
	admin = data[0].effective & 1u << CAP_SYS_ADMIN;
	bpf = (data[1].effective & 1u << (CAPABILITY_BPF - 32)) &&
	      (data[1].effective & 1u << (CAPABILITY_PERFMON - 32));
	check->ok = admin && bpf;
	snprintf(check->text, sizeof(check->text), "%s",
		 check->ok ? "CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN"
		 : bpf ? "no CAP_SYS_ADMIN, so images are read as the engine saves them; run with "
			 "sudo"
		       : "CAP_BPF and CAP_PERFMON are needed; run with sudo");
	if (bpf)
		check->code = MP_E_NONE;
}

/* Loads and attaches the real programs: what the kernel says about them is all that counts. */
static void check_tracing(struct check *check)
{
	const struct mp_session_options options = { 0 };
	MP_AUTO(mp_session_freep) struct mp_session *session = NULL;
	struct mp_error err = { 0 };

	check->ok = mp_session_open(&options, &session, &err) == 0;
	snprintf(check->text, sizeof(check->text), "%s",
		 check->ok ? "the programs load and attach" : err.msg);
}

static void check_engine(struct check *check)
{
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;
	struct mp_error err = { 0 };

	check->ok = mp_engine_connect(&engine, &err) == 0;
	if (!check->ok) {
		snprintf(check->text, sizeof(check->text), "%s", err.msg);
		return;
	}
	snprintf(check->text, sizeof(check->text), "%s, version %s, API %s, %s",
		 mp_engine_host(engine), mp_engine_version(engine), mp_engine_api_version(engine),
		 mp_engine_architecture(engine));
}

static void print_text(const struct check *checks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%-7s %-11s %s\n", checks[i].ok ? "ok" : "MISSING", checks[i].name,
		       checks[i].text);
}

static void print_json(const struct check *checks, size_t n)
{
	MP_AUTO(mp_json_freep) struct mp_json *list = mp_json_array();
	MP_AUTO(mp_freep) char *text = NULL;

	for (size_t i = 0; i < n; i++) {
		struct mp_json *entry = mp_json_object();

		mp_json_set_string(entry, "check", checks[i].name);
		mp_json_set_boolean(entry, "ok", checks[i].ok);
		mp_json_set_string(entry, "text", checks[i].text);
		mp_json_push_take(list, entry);
	}
	text = mp_json_dump_pretty(list);
	fputs(text, stdout);
}

int mp_cmd_doctor(const struct mp_options *options, struct mp_error *err)
{
	struct check checks[] = {
		{ .name = "kernel", .code = MP_E_TRACE },
		{ .name = "BTF", .code = MP_E_TRACE },
		{ .name = "privileges", .code = MP_E_TRACE },
		{ .name = "tracing", .code = MP_E_TRACE },
		{ .name = "engine", .code = MP_E_ENGINE },
	};
	static void (*const look[])(struct check *) = { check_kernel, check_btf, check_privileges,
							check_tracing, check_engine };

	if (options->arguments.n > 0 || options->has_separator)
		return mp_error_set(err, MP_E_USAGE, 0, "'doctor' takes no arguments");
	for (size_t i = 0; i < MP_ARRAY_LEN(checks); i++)
		look[i](&checks[i]);
	/* What was interrupted says nothing about this host. */
	if (mp_interrupt_check(err))
		return -1;
	if (options->json)
		print_json(checks, MP_ARRAY_LEN(checks));
	else
		print_text(checks, MP_ARRAY_LEN(checks));
	for (size_t i = 0; i < MP_ARRAY_LEN(checks); i++) {
		if (!checks[i].ok && checks[i].code != MP_E_NONE)
			return mp_error_set(err, checks[i].code, 0, "this host lacks something: %s",
					    checks[i].name);
	}
	return 0;
}
