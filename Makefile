# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Everything that is built goes to $(BUILD).

BUILD	?= build
CC	?= gcc
CLANG	?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
V	?= 0
SAN	?=
WERROR	?= -Werror
# Debian's: a python3 earlier in PATH may lack pytest and yaml
PYTEST	?= /usr/bin/python3 -m pytest

LAYERS	 := base loop http telemetry config net kernel image mesh proxy agent cli
CPPFLAGS += -D_GNU_SOURCE -DPCRE2_CODE_UNIT_WIDTH=8 -Iinclude -Iuser -I. -I$(BUILD) $(XCPPFLAGS)
WARN	 := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	    -Wno-unused-parameter $(WERROR)
OPT	 ?= -O2
CFLAGS	 += -std=gnu11 $(OPT) -g -fno-omit-frame-pointer $(WARN) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) $(XCFLAGS)
LDFLAGS	 += $(if $(SAN),-fsanitize=$(SAN))
LDLIBS	 := -Wl,--as-needed -lbpf -lyaml -lpcre2-8 -ljansson -lpthread -lm
BPF_CFLAGS := -std=gnu11 -O2 -g -mcpu=v3 -target bpf -Wall -Wextra -Wno-unused-parameter $(WERROR) \
	      -Iinclude -I. -I$(BUILD) -idirafter /usr/include/$(shell $(CC) -print-multiarch)

Q   := $(if $(filter 1,$(V)),,@)
msg  = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' "$(1)" "$(patsubst $(abspath .)/%,%,$(2))")

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all help check check-quick test unit bench format format-check lint layers fuzz fuzz-smoke \
	fuzz-bins soak docs docs-check clean e2e bpf-test unit-bins bpf-bins

all: $(BUILD)/weftd $(BUILD)/weft-proxy $(BUILD)/weft ## the three programs

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | \
		awk -F':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

# --- the kernel side -----------------------------------------------------------------------------
BPF_OBJS := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h bpf/lib/*.h include/weft/*.h) vmlinux.h
	$(call msg,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/weft.bpf.o: $(BPF_OBJS)
	$(call msg,GEN-OBJ,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(BUILD)/weft.skel.h: $(BUILD)/weft.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name weft_bpf > $@

# --- user space: an archive a layer, a program a main --------------------------------------------
MAINS	:= user/agent/main.c user/proxy/main.c user/cli/main.c
SRCS	:= $(filter-out $(MAINS),$(wildcard $(LAYERS:%=user/%/*.c) $(LAYERS:%=user/%/*/*.c)))
ARCHIVES := $(LAYERS:%=$(BUILD)/lib/%.a)
LINK	 = -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LDLIBS)

$(BUILD)/%.o: %.c
	$(call msg,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# the skeleton is generated: user/kernel/ must not be compiled before it is there
$(patsubst %.c,$(BUILD)/%.o,$(wildcard user/kernel/*.c)): $(BUILD)/weft.skel.h

define archive
$(BUILD)/lib/$(1).a: $$(patsubst %.c,$(BUILD)/%.o,$$(filter user/$(1)/%,$$(SRCS)))
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive,$(l))))

$(BUILD)/weftd: $(BUILD)/user/agent/main.o $(ARCHIVES)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $< $(LINK) -o $@
$(BUILD)/weft-proxy: $(BUILD)/user/proxy/main.o $(ARCHIVES)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $< $(LINK) -o $@
$(BUILD)/weft: $(BUILD)/user/cli/main.o $(ARCHIVES)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $< $(LINK) -o $@

# --- tests ---------------------------------------------------------------------------------------
# tests/unit/<layer>/<noun>_test.c is one cmocka program; tests/fuzz/<noun>_fuzz.c one libFuzzer
# target with its corpus in tests/fuzz/corpus/<noun>/; tests/bpf/<noun>_test.c needs root.
UNITS	  := $(wildcard tests/unit/*/*_test.c)
UNIT_BINS := $(UNITS:%.c=$(BUILD)/%)
BPFTESTS  := $(wildcard tests/bpf/*_test.c)
BPFTEST_BINS := $(BPFTESTS:%.c=$(BUILD)/%)
FUZZERS	  := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_BINS := $(FUZZERS:%=$(BUILD)/fuzz/%)
# an archive: a test takes what it uses, and may bring a layer's functions itself
TESTLIB	  := $(BUILD)/lib/tests.a
$(TESTLIB): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/lib/*.c))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^


$(BUILD)/tests/%_test: $(BUILD)/tests/%_test.o $(TESTLIB) $(ARCHIVES)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $< $(TESTLIB) $(LINK) -lcmocka -o $@

$(BUILD)/fuzz/%: tests/fuzz/%_fuzz.c $(ARCHIVES)
	$(call msg,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes -fsanitize=fuzzer $< $(LINK) -o $@

# objects of tests are no intermediates: keep them all
.SECONDARY:

unit-bins: $(UNIT_BINS)
fuzz-bins: $(FUZZ_BINS)
bpf-bins: $(BPFTEST_BINS)

unit: ## unit tests under ASan and UBSan
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/san SAN=address,undefined OPT=-O1 unit-bins
	$(Q)scripts/run-units $(BUILD)/san $(UNITS)

# CFLAGS and CPPFLAGS themselves are not for the command line: there they would replace everything
FUZZ_FLAGS := CC=$(CLANG) WERROR= SAN=address,undefined OPT=-O1 \
	      XCPPFLAGS=-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION XCFLAGS=-fsanitize=fuzzer-no-link
T	   ?= 60
P	   ?= $(FUZZERS)

fuzz: ## libFuzzer, T seconds each (60), P="names" (all); new inputs go to tests/fuzz/corpus
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/fz $(FUZZ_FLAGS) fuzz-bins
	$(Q)scripts/run-fuzz $(BUILD)/fz/fuzz $(T) $(P)

fuzz-smoke: ## replays every fuzz corpus
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/fz $(FUZZ_FLAGS) fuzz-bins
	$(Q)scripts/run-fuzz $(BUILD)/fz/fuzz 0 $(P)

# one after the other: tests that look at the clock do not like company
check: ## the gate: no root, about a minute once everything is built
	$(Q)$(MAKE) --no-print-directory format-check layers docs-check
	$(Q)$(MAKE) --no-print-directory lint
	$(Q)$(MAKE) --no-print-directory unit
	$(Q)$(MAKE) --no-print-directory fuzz-smoke

test: all ## check, then the kernel and end-to-end tests (root)
	$(Q)$(MAKE) --no-print-directory check
	$(Q)$(MAKE) --no-print-directory bpf-test
	$(Q)$(MAKE) --no-print-directory e2e

bpf-test: bpf-bins ## loads every program, runs packets through them (root)
	$(Q)scripts/run-units $(BUILD) $(BPFTESTS)

e2e: all ## end-to-end tests in network namespaces (root)
	$(Q)WEFT_BUILD=$(abspath $(BUILD)) $(PYTEST) -q tests/e2e tests/bench -m 'not soak'

soak: all ## the long versions of the churn tests (hours)
	$(Q)WEFT_SOAK=1 WEFT_BUILD=$(abspath $(BUILD)) $(PYTEST) -q tests/e2e -m soak

bench: all ## all variants interleaved; writes the table (root)
	$(Q)WEFT_BUILD=$(abspath $(BUILD)) scripts/bench

# --- the house -----------------------------------------------------------------------------------
C_FILES := $(shell git ls-files -co --exclude-standard '*.c' '*.h' | grep -v '^vmlinux.h$$')

format: ## clang-format in place
	$(Q)clang-format -i $(C_FILES)

format-check: ## fails when clang-format would change a file
	$(Q)clang-format --dry-run -Werror $(C_FILES)

lint: $(BUILD)/weft.skel.h ## clang-tidy, cppcheck, shellcheck
	$(Q)scripts/lint "$(BUILD)" "$(CPPFLAGS)"

layers: ## the include graph of scripts/layers.txt
	$(Q)scripts/layers

docs: $(BUILD)/weft ## regenerates the reference pages from the tables in the code
	$(Q)scripts/docs $(BUILD)/weft

docs-check: $(BUILD)/weft
	$(Q)scripts/docs $(BUILD)/weft --check

clean: ## removes $(BUILD)
	$(Q)rm -rf $(BUILD)

-include $(shell find $(BUILD)/user $(BUILD)/tests -name '*.d' 2>/dev/null)
