# SPDX-License-Identifier: BSD-2-Clause
# The datapath: base, core, io; mpipd and mpipctl.

include mpip/io/rules.mk

BASE_OBJS := $(addprefix $(BUILD)/mpip/base/, jsonfile.o output.o)
CORE_OBJS := $(patsubst %,$(BUILD)/mpip/core/%.o, \
	cm engine faketcp floor forms handshake icmp inbound ipchange keepalive outbound packet paths peers pmtu policy \
	reorder sched session settings upkeep)
IO_OBJS := $(patsubst %,$(BUILD)/mpip/io/%.o,config control daemon flows pathlog policies tun turn wirelink)

PROGRAMS += $(BUILD)/mpip/mpipd $(BUILD)/mpip/mpipctl

$(BUILD)/mpip/mpipd: $(BUILD)/mpip/mpipd.o $(IO_OBJS) $(MPIP_IO_NET_OBJS) $(CORE_OBJS) $(BASE_OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,libbpf libnl-route-3.0 jansson)

$(BUILD)/mpip/mpipctl: $(BUILD)/mpip/mpipctl.o $(patsubst %,$(BUILD)/mpip/io/%.o,control policies) $(CORE_OBJS) $(BASE_OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,jansson)

$(BUILD)/mpip/io/tun.o: ROOM_CFLAGS += $(call pkg-cflags,libnl-route-3.0)

CORE_TESTS := $(patsubst %,$(BUILD)/mpip/core/%_test,cm engine faketcp floor icmp packet paper_3_2 paper_3_4 paper_3_7 policy reorder \
	session)
UNIT_TESTS += $(CORE_TESTS)
$(CORE_TESTS): %: %.o $(BUILD)/mpip/core/engine_testbed.o $(CORE_OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka)

include mpip/sim/rules.mk
include mpip/fuzz/rules.mk
