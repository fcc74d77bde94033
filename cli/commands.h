/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_COMMANDS_H
#define MP_CLI_COMMANDS_H

#include "cli/options.h"
#include "core/error.h"

/*
 * A command each, in a file of its own: prints its result on standard output; -1 with @err ends
 * micropack with the exit status that the error's code stands for, a positive number with that one
 * and no error.
 */
MP_MUST_USE int mp_cmd_micropack(const struct mp_options *options, struct mp_error *err);
MP_MUST_USE int mp_cmd_trace(const struct mp_options *options, struct mp_error *err);
MP_MUST_USE int mp_cmd_pack(const struct mp_options *options, struct mp_error *err);
MP_MUST_USE int mp_cmd_dockerfile(const struct mp_options *options, struct mp_error *err);
MP_MUST_USE int mp_cmd_doctor(const struct mp_options *options, struct mp_error *err);
MP_MUST_USE int mp_cmd_merge(const struct mp_options *options, struct mp_error *err);
MP_MUST_USE int mp_cmd_diff(const struct mp_options *options, struct mp_error *err);
MP_MUST_USE int mp_cmd_import(const struct mp_options *options, struct mp_error *err);
MP_MUST_USE int mp_cmd_explain(const struct mp_options *options, struct mp_error *err);

#endif
