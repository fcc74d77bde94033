# SPDX-License-Identifier: BSD-2-Clause
#
# make            the program (build/release/micropack)
# make check      every test, from a bare machine (root: installs packages, starts an engine)
# make demo       the nginx sample, packed and proven, from a bare machine (root)
# make unit       the unit tests alone         make san      the unit tests under ASan and UBSan
# make check-kernels   the tracer on Debian's kernels, in qemu (root: installs packages)
# make fuzz       inputs that the readers do not survive: SECONDS=60 for each of TARGETS="decode …"
# make replay     the inputs that are there already, under the sanitizers with VARIANT=san
# make lint       includes, formatting         make bench    measurements, as ratios
# make install    PREFIX=/usr/local DESTDIR=   make clean
#
# V=1 shows the commands; CFLAGS and LDFLAGS of the user come last; WERROR=1 for CI.

VERSION := 0.1.0
PREFIX ?= /usr/local
VARIANT ?= release
B ?= build/$(VARIANT)

CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool \
	/usr/lib/linux-tools/*/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
PACKAGES := libbpf libelf libarchive zlib libzstd libcurl libcrypto jansson sqlite3

ALL_MODULES := core tracer engine packer dockerfile-gen qa import
MODULES ?= $(ALL_MODULES)
BPF_ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/;s/ppc64le/powerpc/')
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

MP_CPPFLAGS := -D_GNU_SOURCE -DMP_VERSION='"$(VERSION)"' -I. -I$(B)
MP_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-format-truncation -fPIE
MP_LDFLAGS := -pie -pthread
ifeq ($(VARIANT),san)
MP_CFLAGS += -O1 -fsanitize=address,undefined -fno-omit-frame-pointer
MP_LDFLAGS += -fsanitize=address,undefined
endif
ifeq ($(VARIANT),fuzz)
# libFuzzer is a part of clang.
CC := $(CLANG)
MP_CFLAGS += -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -Wno-unknown-warning-option
MP_LDFLAGS += -fsanitize=address,undefined
endif
ifeq ($(WERROR),1)
MP_CFLAGS += -Werror
endif
LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lm

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(B)/%,%,$@)')

LIB_SRC := $(foreach m,$(MODULES),$(wildcard $(m)/*.c))
CLI_SRC := $(wildcard cli/*.c)
# Tests of cli/ need every module.
TEST_DIRS := $(MODULES) $(if $(filter-out $(MODULES),$(ALL_MODULES)),,cli)
TEST_SRC := $(foreach m,$(TEST_DIRS),$(wildcard tests/$(m)/test_*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
TESTS := $(TEST_SRC:%.c=$(B)/%)
# What tests/tracer/test_completeness.c runs.
PROBES := $(addprefix $(B)/tests/tracer/probe-,dynamic static $(if $(filter x86,$(BPF_ARCH)),i386))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_NAMES := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=%)
TARGETS ?= $(FUZZ_NAMES)
SECONDS ?= 60
SKEL := $(B)/bpf/trace.skel.h

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all unit san lint deps check check-kernels fuzz fuzz-run replay demo bench install clean

all: $(B)/micropack

$(B)/micropack: $(CLI_OBJ) $(B)/libmicropack.a
	$(call say,LINK)
	$(Q)$(CC) $(MP_LDFLAGS) -o $@ $^ $(LIBS) $(CFLAGS) $(LDFLAGS)

$(B)/libmicropack.a: $(LIB_OBJ)
	$(call say,AR)
	$(Q)rm -f $@ && ar rcsD $@ $^

$(B)/%.o: %.c
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(MP_CPPFLAGS) $(CPPFLAGS) $(MP_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/%: $(B)/tests/%.o $(B)/libmicropack.a
	$(call say,LINK)
	$(Q)$(CC) $(MP_LDFLAGS) -o $@ $^ -lcriterion $(LIBS) $(CFLAGS) $(LDFLAGS)

$(B)/tests/cli/%: $(B)/tests/cli/%.o $(filter-out %/main.o,$(CLI_OBJ)) $(B)/libmicropack.a
	$(call say,LINK)
	$(Q)$(CC) $(MP_LDFLAGS) -o $@ $^ -lcriterion $(LIBS) $(CFLAGS) $(LDFLAGS)

# Programs that are traced: plain ones, whatever the variant.
$(PROBES): $(wildcard tests/tracer/probe/*.[ch])
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wstrict-prototypes \
		-Wmissing-prototypes $(if $(filter 1,$(WERROR)),-Werror) -pthread $(probe_flags) \
		-o $@ $(filter %.c,$^)

$(B)/tests/tracer/probe-static: probe_flags := -static
# By gcc-multilib (scripts/install-deps.sh).
$(B)/tests/tracer/probe-i386: probe_flags := -static -m32

$(B)/tests/tracer/test_completeness: | $(PROBES)

$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/libmicropack.a
	$(call say,LINK)
	$(Q)$(CC) $(MP_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS) $(CFLAGS) $(LDFLAGS)

$(B)/tests/fuzz/replay_%: $(B)/tests/fuzz/replay.o $(B)/tests/fuzz/fuzz_%.o $(B)/libmicropack.a
	$(call say,LINK)
	$(Q)$(CC) $(MP_LDFLAGS) -o $@ $^ $(LIBS) $(CFLAGS) $(LDFLAGS)

$(B)/tests/fuzz/record: $(B)/tests/fuzz/record.o $(B)/libmicropack.a
	$(call say,LINK)
	$(Q)$(CC) $(MP_LDFLAGS) -o $@ $^ $(LIBS) $(CFLAGS) $(LDFLAGS)

# The kernel side: one object, turned into a header that embeds it.
$(B)/bpf/trace.bpf.o: bpf/trace.bpf.c $(wildcard bpf/*.h)
	$(call say,BPF)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -O2 -g -Wall -Wextra -Wno-unused-parameter -target bpf -D__TARGET_ARCH_$(BPF_ARCH) \
		-I. -idirafter /usr/include/$(MULTIARCH) -c -o $@ $<

$(SKEL): $(B)/bpf/trace.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name trace_bpf > $@

$(B)/tracer/session.o: $(SKEL)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TESTS:=.d) $(wildcard $(B)/tests/fuzz/*.d)

unit: $(TESTS)
	$(Q)tests/run-unit.sh $(TESTS)

san:
	$(Q)$(MAKE) --no-print-directory VARIANT=san unit

replay: $(TARGETS:%=$(B)/tests/fuzz/replay_%)
	$(Q)tests/fuzz/replay.sh $^

fuzz:
	$(Q)scripts/install-deps.sh --fuzz
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) VARIANT=fuzz fuzz-run

fuzz-run: $(TARGETS:%=$(B)/tests/fuzz/fuzz_%)
	$(Q)tests/fuzz/run.sh $(SECONDS) $^

lint:
	$(Q)tests/lint.sh

deps:
	$(Q)scripts/install-deps.sh

check: deps
	$(Q)scripts/with-engine.sh build/engine tests/check.sh

# KERNELS="6.1 6.12" boots those alone.
check-kernels:
	$(Q)scripts/install-deps.sh --kernels
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all $(filter $(B)/tests/tracer/%,$(TESTS))
	$(Q)tests/kernels/run.sh $(B) $(KERNELS)

demo: deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all
	$(Q)scripts/with-engine.sh build/engine scripts/demo.sh

bench:
	$(Q)scripts/install-deps.sh --bench
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all
	$(Q)scripts/with-engine.sh build/engine bench/run.sh

MAN := $(wildcard docs/*.1)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(B)/micropack $(DESTDIR)$(PREFIX)/bin/micropack
	install -m 644 $(MAN) $(DESTDIR)$(PREFIX)/share/man/man1

clean:
	rm -rf build/release build/san build/fuzz
