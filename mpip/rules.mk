# SPDX-License-Identifier: BSD-2-Clause
# The datapath: base, core, io; mpipd and mpipctl. Each folder is a static library.

BASE_LIB := $(BUILD)/mpip/base/libmpip-base.a
CORE_LIB := $(BUILD)/mpip/core/libmpip-core.a
$(BASE_LIB): $(call objects,mpip/base)
$(CORE_LIB): $(call objects,mpip/core)
$(call objects,mpip/base): ROOM_CFLAGS = $(call pkg-cflags,jansson)

# The version is a part of the object, see version.c; the file is written only when its text changes.
$(BUILD)/mpip/base/version.o: $(BUILD)/mpip/base/version.txt
$(BUILD)/mpip/base/version.o: ROOM_CFLAGS = -Wa,-I$(BUILD)
.PHONY: version
version:
$(BUILD)/mpip/base/version.txt: version
	@ci/version.sh $@

include mpip/io/rules.mk

PROGRAMS += $(BUILD)/mpip/mpipd $(BUILD)/mpip/mpipctl

$(BUILD)/mpip/mpipd: $(BUILD)/mpip/mpipd.o $(IO_LIB) $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,libbpf libnl-route-3.0 libcap-ng jansson)

$(BUILD)/mpip/mpipctl: $(addprefix $(BUILD)/mpip/, mpipctl.o mpipctl_ask.o mpipctl_monitor.o mpipctl_show.o) $(IO_LIB) $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,jansson) -lm

CORE_TESTS := $(call tests,mpip/core)
UNIT_TESTS += $(CORE_TESTS)
$(CORE_TESTS): %: %.o $(BUILD)/mpip/core/engine_testbed.o $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka)

BASE_TESTS := $(call tests,mpip/base)
UNIT_TESTS += $(BASE_TESTS) $(BUILD)/mpip/mpipctl_show_test
$(BASE_TESTS): %: %.o $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka jansson)
$(BUILD)/mpip/mpipctl_show_test: %: %.o $(BUILD)/mpip/mpipctl_show.o
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka jansson)

include mpip/sim/rules.mk
include mpip/fuzz/rules.mk

# Instructions per packet through the core, by callgrind: make bench.
ENGINE_BENCH := $(BUILD)/mpip/core/engine_bench
$(ENGINE_BENCH): %: %.o $(BUILD)/mpip/core/engine_testbed.o $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka)
.PHONY: bench
bench:
	$(if $(DEPS),@ci/install-packages.sh --check)
	@$(MAKE) --no-print-directory $(ENGINE_BENCH)
	@BUILD=$(BUILD) ci/bench.sh

# make install [PREFIX=/usr/local DESTDIR=]: what runs on a host, as what it runs. Both programs are in
# sbin: mpipd answers only root and its own user. Nothing is built as root that was built before.
PREFIX  ?= /usr/local
DESTDIR ?=
SBIN = $(PREFIX)/sbin
MAN = $(PREFIX)/share/man
SHARE = $(PREFIX)/share/mpip
INSTALLED = $(SBIN)/mpipd $(SBIN)/mpipctl $(MAN)/man8/mpipd.8 $(MAN)/man8/mpipctl.8 $(MAN)/man5/mpipd.conf.5 \
	$(SHARE)/mpip.lua $(SHARE)/mpipd.conf.example
.PHONY: install uninstall
install: $(BUILD)/mpip/mpipd $(BUILD)/mpip/mpipctl
	@put() { install -D -m "$$1" "$$2" $(call quoted,$(DESTDIR))"$$3"; echo "  INSTALL $$3"; }; \
	put 755 $(BUILD)/mpip/mpipd $(call quoted,$(SBIN)/mpipd); \
	put 755 $(BUILD)/mpip/mpipctl $(call quoted,$(SBIN)/mpipctl); \
	for page in mpipd.8 mpipctl.8 mpipd.conf.5; do \
		sed s,/usr/local/,$(call quoted,$(PREFIX)/), mpip/man/$$page >$(BUILD)/mpip/$$page; \
		put 644 $(BUILD)/mpip/$$page $(call quoted,$(MAN)/man)$${page##*.}/$$page; \
	done; \
	put 644 mpip/wireshark/mpip.lua $(call quoted,$(SHARE)/mpip.lua); \
	$(BUILD)/mpip/mpipd --print-config >$(BUILD)/mpip/mpipd.conf.example; \
	put 644 $(BUILD)/mpip/mpipd.conf.example $(call quoted,$(SHARE)/mpipd.conf.example)

# Exactly what make install put there, with the same DESTDIR and PREFIX; folders that it leaves empty go,
# too, but not those above PREFIX.
uninstall:
	@cd -- $(call quoted,$(DESTDIR)$(PREFIX)) 2>/dev/null || exit 0; \
	rm -f -- $(foreach file,$(patsubst $(PREFIX)/%,%,$(INSTALLED)),$(call quoted,$(file))); \
	for folder in share/mpip share/man/man8 share/man/man5 share/man share sbin; do \
		[ ! -d "$$folder" ] || [ -L "$$folder" ] || rmdir --ignore-fail-on-non-empty "$$folder"; \
	done
