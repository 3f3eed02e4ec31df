# SPDX-License-Identifier: BSD-2-Clause
# The experiment runner, the validator of its results, and their tests.

EXPERIMENT := $(BUILD)/experiments/experiment
CHECK_RESULT := $(BUILD)/experiments/check-result
PROGRAMS += $(EXPERIMENT) $(CHECK_RESULT)

EXPERIMENT_OBJS := $(addprefix $(BUILD)/experiments/, experiment.o agent.o calibration.o check.o call.o call_definition.o callrun.o connections.o connrun.o cpu.o definition.o digest.o estimate.o files.o footprint.o guests.o iperf_report.o \
	links.o load.o marks.o mib.o mptcp.o names.o pairs.o proc.o processes.o options.o place.o progress.o project.o provenance.o reproduce.o result.o run.o scratch.o sha256.o \
	sockdiag.o sysctls.o witness.o workload.o) $(addprefix $(BUILD)/analysis/, call.o calllog.o \
	emodel.o lines.o pathlog.o reordering.o resultfile.o stats.o) $(addprefix $(BUILD)/mpip/io/, config.o policies.o) \
	$(addprefix $(BUILD)/mpip/core/, policy.o settings.o)

$(BUILD)/experiments/%.o: ROOM_CFLAGS = $(call pkg-cflags,jansson libnl-genl-3.0)

# The filter is part of the program, see pairs.c; $(BUILD)/%.bpf.o is built by mpip/io's rule.
$(BUILD)/experiments/pairs.o: $(BUILD)/experiments/pairs.bpf.o
$(BUILD)/experiments/pairs.o: ROOM_CFLAGS = $(call pkg-cflags,jansson libbpf) -Wa,-I$(BUILD)

# -rdynamic: libiperf, which has no pkg-config file, must find the socket() that workload.c defines.
$(EXPERIMENT): $(EXPERIMENT_OBJS) $(LAB_OBJS) $(BASE_OBJS)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $(sort $^) $(call pkg-libs,jansson libbpf libnl-genl-3.0 $(LAB_PKGS)) -liperf -lm

$(CHECK_RESULT): $(addprefix $(BUILD)/experiments/, check_result.o digest.o files.o schema.o sha256.o) $(BUILD)/lab/error.o $(BUILD)/mpip/base/output.o
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,jansson)

EXPERIMENTS_TESTS := $(addprefix $(BUILD)/experiments/, definition_test iperf_report_test mib_test \
	schema_test sha256_test)
UNIT_TESTS += $(EXPERIMENTS_TESTS)
$(BUILD)/experiments/definition_test: $(addprefix $(BUILD)/experiments/, call_definition.o definition.o names.o \
	sha256.o) $(BUILD)/analysis/emodel.o $(BASE_OBJS) $(LAB_OBJS)
$(BUILD)/experiments/mib_test: $(addprefix $(BUILD)/experiments/, mib.o files.o) $(BUILD)/lab/error.o $(BUILD)/mpip/base/output.o
$(BUILD)/experiments/iperf_report_test: $(BUILD)/experiments/iperf_report.o $(BUILD)/lab/error.o
$(BUILD)/experiments/sha256_test: $(BUILD)/experiments/sha256.o
$(BUILD)/experiments/schema_test: $(BUILD)/experiments/schema.o $(BUILD)/lab/error.o
$(EXPERIMENTS_TESTS): %: %.o
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka jansson $(LAB_PKGS)) -lm

# make experiment NAME=two-nics [PAPER=1 DURATION= WARM_UP= REPS= SEED= GROUND= GIPS= JOBS= ONLY= FRESH=1 OUT=]
EXPERIMENT_NAMES = $(sort $(filter-out result.schema,$(basename $(notdir $(wildcard experiments/*.json)))))
# option NAME,VALUE: nothing without a value. flag NAME,VALUE: nothing for 0, either.
option = $(if $(2),--$(1) $(call quoted,$(2)))
flag = $(if $(filter-out 0,$(2)),--$(1))
HOW_TO_RUN = $(call flag,paper,$(PAPER)) $(call option,duration,$(DURATION)) $(call option,warm-up,$(WARM_UP)) \
	$(call option,reps,$(REPS)) $(call option,seed,$(SEED)) $(call option,only,$(ONLY)) \
	$(call option,gips,$(GIPS)) $(call option,jobs,$(JOBS)) $(call flag,fresh,$(FRESH))
EXPERIMENT_OPTIONS = $(HOW_TO_RUN) $(call option,out,$(OUT)) $(call option,ground,$(GROUND))
CONVERGE_OPTIONS = $(HOW_TO_RUN) $(if $(GIPS),,--gips 4) --ground vm

# A line of a recipe that fails where NAME is not the name of one experiment; and one, when the runner
# is built, that lists them where there is no NAME.
CHECK_NAME = $(if $(strip $(NAME)),$(if $(and $(filter 1,$(words $(NAME))),$(filter $(EXPERIMENT_NAMES),$(NAME))),,@echo \
	$(call quoted,NAME=$(NAME): expected one of: $(EXPERIMENT_NAMES)) >&2; exit 1))
LIST_NAMES = $(if $(strip $(NAME)),,@echo 'NAME=: expected one of:' >&2; \
	$(EXPERIMENT) --list $(EXPERIMENT_NAMES:%=experiments/%.json) >&2; exit 1)
RESULTS = $(call quoted,$(or $(OUT),out))

# The runner's exit status is above 1 where nothing was run: then there is nothing to show.
.PHONY: experiment
experiment:
	$(CHECK_NAME)
	$(if $(DEPS),@$(MAKE) --no-print-directory $(DEPS))
	@$(MAKE) --no-print-directory all
	$(LIST_NAMES)
	@rc=0; $(EXPERIMENT) $(EXPERIMENT_OPTIONS) experiments/$(NAME).json || rc=$$?; \
	if [ $$rc -le 1 ] && [ -f $(RESULTS)/$(NAME)/runs.json ]; then \
		$(ANALYSIS) table --out $(RESULTS) $(NAME) && \
		$(ANALYSIS) plot --out $(RESULTS) $(PLOT_OPTIONS) $(NAME) || rc=1; fi; exit $$rc

# The cell of a result again, in a guest: make reproduce RUN=out/two-nics/mpip-r01-s1-d20-vm4
.PHONY: reproduce
reproduce:
	$(if $(RUN),,@echo 'RUN=: expected the directory of a run, such as out/two-nics/mpip-r01-s1-d20-vm4' >&2; exit 1)
	$(if $(DEPS),@$(MAKE) --no-print-directory $(DEPS))
	@$(MAKE) --no-print-directory all
	@$(EXPERIMENT) --reproduce $(call quoted,$(RUN))

# Whether the guest's speed is enough: the experiment at it and at twice it, in OUT/converge. That there
# is such a speed is looked at before the first run.
CONVERGE_OUT = $(RESULTS)/converge
.PHONY: converge
converge:
	$(CHECK_NAME)
	$(if $(filter-out vm,$(GROUND)),@echo $(call quoted,GROUND=$(GROUND): expected vm: only its processor has a speed) >&2; exit 1)
	$(if $(DEPS),@$(MAKE) --no-print-directory $(DEPS))
	@$(MAKE) --no-print-directory all
	$(LIST_NAMES)
	@$(EXPERIMENT) $(CONVERGE_OPTIONS) --twice --plan experiments/$(NAME).json >/dev/null
	@$(EXPERIMENT) $(CONVERGE_OPTIONS) --out $(CONVERGE_OUT)/once experiments/$(NAME).json
	@$(EXPERIMENT) $(CONVERGE_OPTIONS) --twice --out $(CONVERGE_OUT)/twice experiments/$(NAME).json
	@$(ANALYSIS) converge --out $(RESULTS) $(NAME)
