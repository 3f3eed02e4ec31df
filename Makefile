# SPDX-License-Identifier: BSD-2-Clause
# MPIP: what a user types is here; what each room builds is in its rules.mk.

MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
ifndef V # V=1 shows every command
MAKEFLAGS += -s
endif
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

BUILD   ?= build
# make itself cannot have these in the name of a file that it builds.
ifneq ($(shell case '$(subst ','\'',$(BUILD))' in (*[!A-Za-z0-9_./+,@~-]*|'') echo odd;; esac),)
$(error BUILD=$(BUILD): expected a name of letters, digits and _./+,@~- alone; a symbolic link can have one)
endif
CC      ?= gcc
AR      ?= ar
ifeq ($(origin CC),default)
CC      := gcc
endif
CLANG   ?= clang
OPT     ?= -O2
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CFLAGS  += -std=gnu17 -g $(OPT) $(WARN) -D_GNU_SOURCE -I. -MMD -MP
ifdef SANITIZE
CFLAGS  += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif

# The goal that installs what this machine lacks; make experiment and make test call it before they build.
# The others say what is missing. DEPS= does neither.
DEPS    ?= deps

# Lists that the rooms add to.
PROGRAMS :=
UNIT_TESTS :=

# The sources of folders that go into a program, the objects of these, and the unit tests there.
sources = $(filter-out %_test.c %_testbed.c %_bench.c %.bpf.c,$(wildcard $(addsuffix /*.c,$(1))))
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
tests = $(patsubst %.c,$(BUILD)/%,$(wildcard $(addsuffix /*_test.c,$(1))))

include mpip/rules.mk lab/rules.mk experiments/rules.mk analysis/rules.mk ci/rules.mk

# A word that nothing here reads is a misspelt one, and make would go on as if it were not there.
ifeq ($(MAKELEVEL),0)
WORDS := $(foreach word,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(word)))),$(word)))
ifneq ($(WORDS),)
KNOWN := $(shell grep -ohE '[$$].?[A-Z][A-Z0-9_]*|\b[A-Z][A-Z0-9_]*[ ?:+]*=' $(MAKEFILE_LIST) \
	*/*.sh */*/*.sh | tr -cd 'A-Z0-9_\n' | sort -u)
UNKNOWN := $(filter-out $(KNOWN),$(WORDS))
ifneq ($(UNKNOWN),)
$(error $(firstword $(UNKNOWN))=: there is no such word, see make help)
endif
endif
endif

.PHONY: all
all: $(PROGRAMS)

# Before the first build, what it needs is looked for: the compiler's own words for that are many.
ifneq ($(and $(DEPS),$(if $(MAKECMDGOALS),$(filter all install,$(MAKECMDGOALS)),all)),)
ifeq ($(MAKELEVEL)$(wildcard $(BUILD)),0)
MISSING := $(shell ci/install-packages.sh --check-build 2>&1)
ifneq ($(MISSING),)
$(error $(MISSING))
endif
endif
endif

# A value as one word for the shell.
quoted = '$(subst ','\'',$(1))'
pkg-cflags = $(shell pkg-config --cflags $(1))
pkg-libs = $(shell pkg-config --libs $(1))

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(CC) $(CFLAGS) $(ROOM_CFLAGS) -c -o $@ $<

$(BUILD)/%.a:
	@mkdir -p $(@D)
	@echo "  AR    $@"
	rm -f $@
	$(AR) rcs $@ $^

.PHONY: deps
deps:
	@ci/install-packages.sh

define HELP
make experiment                 list the experiments
make experiment NAME=two-nics   run one, print its table, draw its figure
     DURATION= WARM_UP= REPS= SEED= override its own; ONLY= one contestant; FRESH=1 again
     PAPER=1                    the paper's durations instead of the short ones
     GROUND=host, vm or auto    namespaces here, or guests in virtual time (GIPS= JOBS= KERNEL=)
make reproduce RUN=out/...      run a result of the vm ground again, compare the digests
make converge NAME=two-nics     is the guest's processor fast enough? (GIPS=)
make plots                      draw the figures of everything in out/, or of NAME="a b"
     SIZE=1000x800 FORMAT=pdf   in other sizes and formats: svg, png, pdf, or FORMAT="svg pdf"
                                (make experiment, too)
make maps                       draw the maps of every sweep in out/sweeps, or of NAME="a b" (MEASURE=)
make compare A=out/sweeps/a B=out/sweeps/b   whether results B are worse than A, by paired intervals
                                (MEASURE=): of two commits, or two settings; out/NAME for experiments
make report                     run what is missing, judge the paper's claims: out/report.html
     NAME="udp weights"         of these experiments alone; DURATION= and so on as above, but
                                GROUND=vm unless told otherwise
make sweep                      list the sweeps
make sweep NAME=thousand        an experiment over axes and seeds: run what is missing, in guests (JOBS=)
     ON=slurm                   as array jobs of a Slurm cluster (SLURM_OPTIONS='--partition=long')
     SEEDS=1-20 DURATION= WARM_UP= override its own; ONLY= one contestant; KEEP=1 all logs; FRESH=1 again
make sweep-status NAME=         what is there and under way; sweep-cancel ends it; sweep-collect makes
                                its table again
make test                       unit tests and bats suites (TESTS= some of them, GROUND=vm in guests,
                                FULL=1 also those that take long)
make asan                       the same under AddressSanitizer and UBSan
make lab-up [SCENARIO=dual-nic] build a lab of network namespaces
make lab-status                 show it, with live counters
make lab-exec HOST=client CMD='ping -c 3 10.0.3.2'
make lab-link LINK=client.eth1 STATE=down   pull a cable; STATE=up plugs it in again
make lab-down                   take it down, and end what runs in it (SCENARIO= or NAME= say which
                                lab, for all of these)
make lab-sweep                  take down what runners and tests that were killed have left
make lab-shell [SCENARIO=dual-nic] a lab in a virtual machine, and a shell in it: no root needed
make calibrate SCENARIO=dual-nic   measure its links by traffic, beside what it says (GROUND=)
make fuzz [SECONDS=60]           fuzzers of the core, side by side
make mutants [SAMPLE=5]         shows that checks can fail; make coverage
make lint                       clang-format, shellcheck, cppcheck, clang-tidy (FULL=1 looks longer)
make format                     clang-format on all sources
make bench                      instructions per packet through the core, by callgrind
make install [PREFIX=/usr/local DESTDIR=]   programs, manual pages, dissector, example settings
make uninstall                  remove what make install put there
make deps                       install what this machine lacks (apt); so do make experiment and make
                                test, and all others say what is missing
make clean                      remove build/ (results stay in out/)
V=1 shows the commands.
endef

.PHONY: help
help:
	@$(info $(HELP)):

.PHONY: lint format
lint:
	$(if $(DEPS),@ci/install-packages.sh --check)
	@FULL=$(call quoted,$(FULL)) ci/lint.sh

format:
	@ci/sources.sh '*.c' '*.h' | xargs -d '\n' clang-format -i

.PHONY: clean
clean:
	rm -rf build

# Not what lies in guests' images, which may be in the making.
-include $(shell find $(BUILD) -path $(BUILD)/vm -prune -o -type f -name '*.d' -print 2>/dev/null)
