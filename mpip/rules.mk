# SPDX-License-Identifier: BSD-2-Clause
# The datapath: base, core, io; mpipd and mpipctl.

include mpip/io/rules.mk

BASE_OBJS := $(addprefix $(BUILD)/mpip/base/, jsonfile.o output.o)
CORE_OBJS := $(patsubst %,$(BUILD)/mpip/core/%.o, \
	carrier cm compose deliver encap engine faketcp faketcp_open floor handshake heartbeat icmp icmp_tell \
	inbound ipchange keepalive measure mesh outbound packet path path_state peers pmtu pmtu_search policy query regular \
	reorder sched session settings slots upkeep)
IO_OBJS := $(patsubst %,$(BUILD)/mpip/io/%.o,config control daemon flows pathlog policies tun turn wirelink)

PROGRAMS += $(BUILD)/mpip/mpipd $(BUILD)/mpip/mpipctl

$(BUILD)/mpip/mpipd: $(BUILD)/mpip/mpipd.o $(IO_OBJS) $(MPIP_IO_NET_OBJS) $(CORE_OBJS) $(BASE_OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,libbpf libnl-route-3.0 jansson)

$(BUILD)/mpip/mpipctl: $(addprefix $(BUILD)/mpip/, mpipctl.o mpipctl_show.o) $(patsubst %,$(BUILD)/mpip/io/%.o,control policies) $(CORE_OBJS) $(BASE_OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,jansson) -lm

$(BUILD)/mpip/io/tun.o: ROOM_CFLAGS += $(call pkg-cflags,libnl-route-3.0)

CORE_TESTS := $(patsubst %,$(BUILD)/mpip/core/%_test,cm engine faketcp floor icmp packet paper_3_2 paper_3_4 paper_3_7 policy reorder \
	session)
UNIT_TESTS += $(CORE_TESTS)
$(CORE_TESTS): %: %.o $(BUILD)/mpip/core/engine_testbed.o $(CORE_OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka)

UNIT_TESTS += $(BUILD)/mpip/mpipctl_show_test
$(BUILD)/mpip/mpipctl_show_test: %: %.o $(BUILD)/mpip/mpipctl_show.o
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka jansson)

include mpip/sim/rules.mk
include mpip/fuzz/rules.mk

# Instructions per packet through the core, by callgrind: make bench.
ENGINE_BENCH := $(BUILD)/mpip/core/engine_bench
$(ENGINE_BENCH): %: %.o $(BUILD)/mpip/core/engine_testbed.o $(CORE_OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka)
.PHONY: bench
bench:
	$(if $(DEPS),@$(MAKE) --no-print-directory $(DEPS))
	@$(MAKE) --no-print-directory $(ENGINE_BENCH)
	@BUILD=$(BUILD) ci/bench.sh
