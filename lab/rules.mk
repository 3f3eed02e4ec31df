# SPDX-License-Identifier: BSD-2-Clause
# lab: scenarios as network namespaces. Programs that link LAB_LIB also need $(BASE_LIB) and the
# libraries of LAB_PKGS.

LAB_PKGS := jansson libnl-route-3.0 libnftables
LAB_FOLDERS := lab/scenario lab/build lab/calibrate
LAB_LIB := $(BUILD)/lab/liblab.a
LAB_MAIN_OBJS := $(call objects,lab)
LAB_TESTS := $(call tests,$(LAB_FOLDERS))
$(LAB_LIB): $(call objects,$(LAB_FOLDERS))

$(call objects,$(LAB_FOLDERS)) $(LAB_MAIN_OBJS) $(addsuffix .o,$(LAB_TESTS)): \
	ROOM_CFLAGS = $(call pkg-cflags,$(LAB_PKGS))

PROGRAMS += $(BUILD)/lab/lab
$(BUILD)/lab/lab: $(LAB_MAIN_OBJS) $(LAB_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,$(LAB_PKGS)) -lm

UNIT_TESTS += $(LAB_TESTS)
$(LAB_TESTS): %: %.o $(LAB_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,$(LAB_PKGS) cmocka) -lm

# What is needed for the commands below: dependencies first, then the program.
define LAB_READY
+$(if $(DEPS),@ci/install-packages.sh --check)
+@$(MAKE) --no-print-directory $(BUILD)/lab/lab
endef
LAB_RUN = $(if $(filter 0,$(shell id -u)),,sudo) $(BUILD)/lab/lab
# SCENARIO is the name of one in lab/scenarios, or a file; NAME, without which the lab has the
# scenario's name, is a lab's.
LAB_SCENARIO = $(call quoted,$(if $(filter %.json,$(SCENARIO)),$(SCENARIO),lab/scenarios/$(or \
	$(SCENARIO),dual-nic).json))
SCENARIO_NAMES = $(sort $(basename $(notdir $(wildcard lab/scenarios/*.json))))
# A line of a recipe that fails where SCENARIO is neither a file nor the name of a scenario.
CHECK_SCENARIO = $(if $(strip $(SCENARIO)),$(if $(filter %.json $(SCENARIO_NAMES),$(SCENARIO)),,@echo \
	$(call quoted,SCENARIO=$(SCENARIO): expected a file or one of: $(SCENARIO_NAMES)) >&2; exit 1))
LAB_NAME = --make $(if $(NAME),--name $(call quoted,$(NAME)),$(if $(SCENARIO),--name \
	"$$(basename -s .json -- $(call quoted,$(SCENARIO)))"))

.PHONY: lab-up lab-down lab-sweep lab-status lab-link lab-exec
lab-up:
	$(CHECK_SCENARIO)
	$(LAB_READY)
	@$(LAB_RUN) up $(LAB_NAME) $(LAB_SCENARIO)

lab-down:
	$(LAB_READY)
	@$(LAB_RUN) down $(LAB_NAME)

lab-sweep:
	$(LAB_READY)
	@$(LAB_RUN) sweep --make

lab-status:
	$(LAB_READY)
	@$(LAB_RUN) status $(LAB_NAME)

# The cable of the link that has this end is pulled or plugged in: routes of hosts stay.
lab-link:
	$(if $(and $(LINK),$(STATE)),,@echo 'LINK=, STATE=: expected an end of a link, such as client.eth1, and down or up' >&2; exit 1)
	$(LAB_READY)
	@$(LAB_RUN) link $(LAB_NAME) $(call quoted,$(LINK)) $(call quoted,$(STATE))

# CMD reaches the shell by the environment, so that it may contain quotes.
lab-exec: export LAB_CMD = $(CMD)
lab-exec:
	$(if $(strip $(CMD)),,@echo "CMD=: expected a command, such as CMD='ping -c 3 10.0.3.2'" >&2; exit 1)
	$(LAB_READY)
	@$(LAB_RUN) exec $(LAB_NAME) $(call quoted,$(or $(HOST),client)) sh -c "$$LAB_CMD"

# Whether the links of a scenario are as it says, by traffic: SHORT=1 for a second per direction;
# GROUND=vm in a guest; without a GROUND, there if this kernel lacks what the scenario needs.
CALIBRATE_OPTIONS = $(if $(SHORT),--short) $(call option,output,$(OUTPUT))
.PHONY: calibrate
calibrate:
	$(CHECK_SCENARIO)
	+$(if $(DEPS),@ci/install-packages.sh --check)
	+@$(MAKE) --no-print-directory all
	@ask=($(BUILD)/lab/lab ground $(call option,ground,$(GROUND)) $(LAB_SCENARIO)); \
	ground=$$("$${ask[@]}"); [ $$ground != sudo ] || ground=$$(sudo "$${ask[@]}"); \
	if [ $$ground = vm ]; then \
		BUILD=$(BUILD) lab/vm/calibrate.sh $(LAB_SCENARIO) $(CALIBRATE_OPTIONS); \
	else \
		$(LAB_RUN) calibrate --make $(call option,name,$(NAME)) $(CALIBRATE_OPTIONS) $(LAB_SCENARIO); \
	fi

# A shell in a lab in a guest: needs neither root nor anything of this kernel.
.PHONY: lab-shell
lab-shell:
	+$(if $(DEPS),@ci/install-packages.sh --check)
	+@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) LAB=$(call quoted,$(or $(NAME),lab)) lab/vm/shell.sh $(LAB_SCENARIO)

VM_TOOLS := $(addprefix $(BUILD)/lab/vm/, entropy snapshot)
PROGRAMS += $(VM_TOOLS)
$(VM_TOOLS): %: %.o
	$(CC) $(LDFLAGS) -o $@ $^
