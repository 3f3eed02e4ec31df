# SPDX-License-Identifier: BSD-2-Clause
# The protocol simulator.

SIM_OBJS := $(patsubst %,$(BUILD)/mpip/sim/%.o, \
	faults host kernel laws network scenario sim tcp udp)
PROGRAMS += $(BUILD)/mpip/sim/simulate

$(BUILD)/mpip/sim/simulate: $(BUILD)/mpip/sim/simulate.o $(SIM_OBJS) $(CORE_OBJS) $(BUILD)/mpip/base/output.o
	$(CC) $(LDFLAGS) -o $@ $^
