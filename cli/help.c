/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/options.h"

#define RUN_OPTIONS                                                                                \
	"How the container is started (as for docker run):\n"                                      \
	"  -e, --env NAME=VALUE     --env-file FILE        -u, --user USER\n"                      \
	"  -v, --volume SRC:DST     --mount SPEC           -w, --workdir DIR\n"                    \
	"  -p, --publish PORT       --network NETWORK      --entrypoint PROGRAM\n"                 \
	"      --cap-add CAP        --tmpfs DIR            -- COMMAND ARGUMENT...\n"               \
	"\n"                                                                                       \
	"What it has to do:\n"                                                                     \
	"      --tests SCRIPT       run SCRIPT on this host once the container is ready\n"         \
	"      --run 'ARGS'         start it with ARGS and wait for its end; repeatable\n"         \
	"      --for TIME           watch it for TIME (30s, 500ms, 2m)\n"                          \
	"      --ready-cmd CMD      it is ready when CMD, on this host, succeeds\n"                \
	"      --ready-timeout TIME how long it may take to be ready (60s)\n"                      \
	"      --stop-timeout TIME  between its stop signal and SIGKILL (10s)\n"                   \
	"  Without any of these it must end by itself, with exit status 0.\n"

#define RULE_OPTIONS                                                                               \
	"Rules (GLOB is as in a shell, '**' goes across '/'; @FILE has one a line):\n"             \
	"      --keep GLOB          also what matches; directories with all that is below\n"       \
	"      --drop GLOB          nothing that matches, as if the image did not have it\n"       \
	"      --keep-exe NAME      a program, by the image's PATH, and all that it needs\n"       \
	"      --keep-package NAME  all files of a package\n"                                      \
	"      --keep-shell         /bin/sh, and some programs to look around with\n"              \
	"      --keep-listed        what is in the directories that the run listed\n"              \
	"      --keep-suggested     also libraries that a dlopen note only suggests\n"             \
	"      --stat-only=MODE     keep, empty or drop: files that were only looked at\n"         \
	"      --no-package-db      no package records in it, no SPDX document beside it\n"

#define ARCHIVES                                                                                   \
	"                           or, without an engine, docker-archive:FILE[:REF],\n"           \
	"                           oci-archive:FILE[:REF] (- for standard input), or\n"           \
	"                           oci:DIR[:REF], an OCI layout\n"

#define COMMON_OPTIONS                                                                             \
	"  -q, --quiet              only errors and warnings\n"                                    \
	"      --verbose            more about what is done\n"                                     \
	"  -h, --help               this text; --version\n"

static const char *const help_texts[MP_COMMANDS] = {
	[MP_COMMAND_MICROPACK] =
		"usage: micropack IMAGE[:TAG] --tests SCRIPT [-o DIR] [--tag NEW] [OPTION]...\n"
		"       micropack trace|pack|explain|dockerfile|doctor|merge|diff|import [--help]\n"
		"\n"
		"Watches a container of IMAGE do its job, then makes an image of only what it\n"
		"used, and proves it by running the same tests on that.\n"
		"\n" RUN_OPTIONS "\n"
		"What is made of it:\n"
		"  -o, --output DIR         trace.jsonl, plan.txt, rootfs.tar, rootfs.spdx.json,\n"
		"                           Dockerfile (micropack-out)\n"
		"      --plan FILE          where the plan goes, instead of DIR/plan.txt\n"
		"  -t, --tag NAME:TAG       name of the packed image (IMAGE:TAG-micro)\n"
		"      --to DESTINATION     write the packed image there, too (see pack --help)\n"
		"      --build              the engine builds the Dockerfile, no image is loaded\n"
		"      --no-image           only the files, no image in the engine\n"
		"      --no-verify          do not run the tests on the packed image\n"
		"      --incomplete=ok      pack even if the trace has lost something\n"
		"      --source SOURCE      read the image by overlay, save, export, or auto\n"
		"      --main-only          trace without docker exec sessions and health checks\n"
		"      --buffer-size SIZE   between kernel and tracer (4M)\n"
		"      --json               the result as JSON on standard output\n" COMMON_OPTIONS
		"\n" RULE_OPTIONS "\n"
		"SCRIPT finds MICROPACK_CONTAINER, MICROPACK_HOST, MICROPACK_PORT and, for each\n"
		"exposed port n, MICROPACK_PORT_n in its environment. The engine is the one that\n"
		"docker would use (DOCKER_HOST). Tracing needs root.\n"
		"\n"
		"Exit status: 0 done, 1 unexpected failure, 2 usage, 3 cannot trace here,\n"
		"4 engine or image, 5 tests failed on the original, 6 trace incomplete,\n"
		"7 something needed is missing, 8 tests failed on the packed image.\n",
	[MP_COMMAND_TRACE] =
		"usage: micropack trace IMAGE[:TAG] [-o FILE] [OPTION]... [-- COMMAND...]\n"
		"       micropack trace [-o FILE] [OPTION]... -- COMMAND ARGUMENT...\n"
		"       micropack trace --container NAME [--attach] [-o FILE] [OPTION]...\n"
		"\n"
		"Records the paths that a container of IMAGE uses while it does its job, or with\n"
		"no IMAGE those that COMMAND uses on this host, or that others' containers and\n"
		"processes use.\n"
		"\n" RUN_OPTIONS "\n"
		"What others have started or will start, instead of IMAGE and COMMAND:\n"
		"      --container NAME     a container; repeatable, as the next three\n"
		"      --follow-image IMAGE every container of IMAGE that is started from now on\n"
		"      --cgroup DIR         the processes in a control group, of any engine\n"
		"      --pid PID            a process that runs, and its descendants\n"
		"      --attach             what runs already too, and what it has in use\n"
		"  The trace is written when all of it has ended, after --for, or at Ctrl-C.\n"
		"\n"
		"Other options:\n"
		"  -o, --output FILE        the trace (trace.jsonl); for containers of\n"
		"                           several images a directory, with a trace for each\n"
		"      --main-only          without docker exec sessions and health checks\n"
		"      --buffer-size SIZE   between kernel and tracer (4M)\n" COMMON_OPTIONS "\n"
		"For a COMMAND on this host only --for is of use (it is ended after that time),\n"
		"and --stop-timeout.\n",
	[MP_COMMAND_PACK] =
		"usage: micropack pack TRACE|LIST --image IMAGE[:TAG] [-o FILE] [OPTION]...\n"
		"       micropack pack TRACE|LIST --root DIR [--config FILE] [-o FILE]\n"
		"       micropack pack --from-plan PLAN --image IMAGE[:TAG] [OPTION]...\n"
		"\n"
		"Writes a root file system archive with what TRACE or LIST names of IMAGE, or of\n"
		"the directory DIR, and all that this needs: symlinks, parent directories,\n"
		"libraries, interpreters. LIST has one absolute path a line.\n"
		"\n"
		"      --image IMAGE        an image in the engine; it is read as it was "
		"built\n" ARCHIVES
		"      --root DIR           an unpacked root file system; / for this host\n"
		"      --config FILE        with --root: the configuration of the image, as what\n"
		"                           'docker image inspect' or an OCI image says\n"
		"  -o, --output FILE        the archive (rootfs.tar); compressed where its name\n"
		"                           ends in .tar.gz, .tgz, .tar.zst or .tzst\n"
		"      --to DESTINATION     write an image, with the configuration of IMAGE, to\n"
		"                             oci:DIR[:REF]\n"
		"                             oci-archive:FILE[:REF]\n"
		"                             docker-archive:FILE[:NAME:TAG]\n"
		"                             docker-daemon:NAME:TAG\n"
		"                           repeatable; without -o, no archive is left then\n"
		"      --plan FILE          write what would be packed and why, a path a line;\n"
		"                           without -o and --to, pack nothing\n"
		"      --from-plan FILE     pack just what such a plan says\n"
		"      --incomplete=ok      pack even if the trace has lost something\n"
		"      --source SOURCE      read the image by overlay, save, export, or auto\n"
		"      --json               the result as JSON on standard output\n" COMMON_OPTIONS
		"\n" RULE_OPTIONS,
	[MP_COMMAND_DOCKERFILE] =
		"usage: micropack dockerfile --image IMAGE[:TAG] [-o FILE]\n"
		"       micropack dockerfile --config FILE [-o FILE]\n"
		"\n"
		"Writes a Dockerfile that gives a root file system archive the configuration of\n"
		"IMAGE: ENV, WORKDIR, EXPOSE, VOLUME, USER, ENTRYPOINT, CMD, LABEL, STOPSIGNAL,\n"
		"HEALTHCHECK, SHELL, ONBUILD.\n"
		"\n"
		"      --image IMAGE        an image in the engine\n" ARCHIVES
		"      --config FILE        what 'docker image inspect' or an OCI image\n"
		"                           configuration says, no engine needed\n"
		"      --rootfs NAME        the archive's name beside it (rootfs.tar)\n"
		"  -o, --output FILE        where to write; standard output "
		"without\n" COMMON_OPTIONS,
	[MP_COMMAND_DOCTOR] =
		"usage: micropack doctor [--json]\n"
		"\n"
		"Says what this host can do: kernel, BTF, privileges, tracing, engine; and what\n"
		"to do about what is missing.\n"
		"\n"
		"      --json               as JSON on standard output\n" COMMON_OPTIONS "\n"
		"Exit status: 0 all there, 3 cannot trace, 4 no engine.\n",
	[MP_COMMAND_MERGE] =
		"usage: micropack merge TRACE... -o FILE\n"
		"\n"
		"Writes the union of traces of one image: of several test runs, or of several\n"
		"hosts. The order of the traces does not matter. If one of them has lost\n"
		"something or is cut short, so is the union.\n"
		"\n"
		"  -o, --output FILE        the merged trace\n" COMMON_OPTIONS,
	[MP_COMMAND_DIFF] =
		"usage: micropack diff TRACE1 TRACE2 [--json]\n"
		"\n"
		"Prints what only TRACE1 has after '-', and what only TRACE2 has after '+', by\n"
		"path. When it was first seen makes no difference.\n"
		"\n"
		"      --json               as JSON on standard output\n" COMMON_OPTIONS "\n"
		"Exit status: 0 the same, 1 different, 2 a trace is not usable.\n",
	[MP_COMMAND_IMPORT] =
		"usage: micropack import --format FORMAT FILE [-o TRACE]\n"
		"\n"
		"Makes a trace of what another tool has recorded in FILE. FORMAT is one of\n"
		"\n"
		"  strace                   strace -f -y -o FILE PROGRAM\n"
		"  bpftrace                 opensnoop.bt: PID COMM FD ERR PATH\n"
		"  sysdig                   %evt.type %evt.res %fs.path.name\n"
		"  list                     one absolute path a line\n"
		"\n"
		"The manual page, micropack-import(1), has the exact command for each. What\n"
		"cannot be resolved is counted, and 'pack' refuses such a trace.\n"
		"\n"
		"      --format FORMAT      what FILE is\n"
		"  -w, --workdir DIR        strace: the directory it was started in\n"
		"  -o, --output TRACE       the trace (trace.jsonl)\n" COMMON_OPTIONS,
	[MP_COMMAND_EXPLAIN] =
		"usage: micropack explain PATH... [--plan PLAN] [OPTION]...\n"
		"       micropack explain PATH... --trace TRACE --image IMAGE[:TAG] [OPTION]...\n"
		"\n"
		"Says why PATH is packed, back to what asked for it, or why it is not: by PLAN,\n"
		"the one in micropack-out unless given; or by what TRACE and the rules would\n"
		"pack. Symlinks on the way are explained too.\n"
		"\n"
		"      --plan PLAN          what 'micropack' or 'pack --plan' has written; a\n"
		"                           trace.jsonl beside it is read as well\n"
		"      --trace TRACE        a trace, or a list of paths\n"
		"      --image IMAGE        the image, to know what it has; also with a PLAN\n"
		"      --root DIR           the same: an unpacked root file system\n"
		"      --config FILE        the configuration of the image in DIR\n"
		"      --source SOURCE      read the image by overlay, save, export, or auto\n"
		"      --incomplete=ok      go by a trace even if it has lost something\n"
		"      --json               as JSON on standard output\n" COMMON_OPTIONS
		"\n" RULE_OPTIONS "\n"
		"Exit status: 0 all are packed, 1 one is not.\n",
};

const char *mp_help_text(enum mp_command command)
{
	return help_texts[command];
}
