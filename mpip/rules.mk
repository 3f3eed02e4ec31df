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
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,libbpf libnl-route-3.0 jansson)

$(BUILD)/mpip/mpipctl: $(addprefix $(BUILD)/mpip/, mpipctl.o mpipctl_show.o) $(IO_LIB) $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,jansson) -lm

CORE_TESTS := $(call tests,mpip/core)
UNIT_TESTS += $(CORE_TESTS)
$(CORE_TESTS): %: %.o $(BUILD)/mpip/core/engine_testbed.o $(CORE_LIB)
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
$(ENGINE_BENCH): %: %.o $(BUILD)/mpip/core/engine_testbed.o $(CORE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka)
.PHONY: bench
bench:
	$(if $(DEPS),@$(MAKE) --no-print-directory $(DEPS))
	@$(MAKE) --no-print-directory $(ENGINE_BENCH)
	@BUILD=$(BUILD) ci/bench.sh
