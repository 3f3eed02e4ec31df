# SPDX-License-Identifier: BSD-2-Clause
# The protocol simulator.

SIM_LIB := $(BUILD)/mpip/sim/libmpip-sim.a
$(SIM_LIB): $(filter-out %/simulate.o,$(call objects,mpip/sim))
PROGRAMS += $(BUILD)/mpip/sim/simulate

$(BUILD)/mpip/sim/simulate: $(BUILD)/mpip/sim/simulate.o $(SIM_LIB) $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^
