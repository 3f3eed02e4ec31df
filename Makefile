# SPDX-License-Identifier: BSD-2-Clause
# MPIP: what a user types is here; what each room builds is in its rules.mk.

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

BUILD   ?= build
CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
CLANG   ?= clang
OPT     ?= -O2
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
PKGS    := jansson libnl-route-3.0 libnl-genl-3.0 libbpf cmocka
CFLAGS  += -std=gnu17 -g $(OPT) $(WARN) -D_GNU_SOURCE -I. -MMD -MP
ifdef SANITIZE
CFLAGS  += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif

# Lists that the rooms add to.
PROGRAMS :=
UNIT_TESTS :=

include mpip/rules.mk lab/rules.mk experiments/rules.mk analysis/rules.mk ci/rules.mk

.PHONY: all
all: $(PROGRAMS)

pkg-cflags = $(shell pkg-config --cflags $(1))
pkg-libs = $(shell pkg-config --libs $(1))

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(ROOM_CFLAGS) -c -o $@ $<

.PHONY: clean
clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
