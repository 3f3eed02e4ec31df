# SPDX-License-Identifier: BSD-2-Clause
# The experiment runner, the validator of its results, and their tests.

EXPERIMENT := $(BUILD)/experiments/experiment
CHECK_RESULT := $(BUILD)/experiments/check-result
SWEEP := $(BUILD)/experiments/sweep
PROGRAMS += $(EXPERIMENT) $(CHECK_RESULT) $(SWEEP)

# What the runner shares with the analysis; the runner with its loads and probes.
RECORD_LIB := $(BUILD)/experiments/record/librecord.a
RUNNER_FOLDERS := experiments/runner experiments/load experiments/probe
RUNNER_LIB := $(BUILD)/experiments/runner/librunner.a
QUIC_PKGS := libngtcp2_crypto_gnutls libngtcp2 gnutls
SWEEPER_LIB := $(BUILD)/experiments/sweeper/libsweeper.a
EXPERIMENTS_FOLDERS := experiments/record $(RUNNER_FOLDERS) experiments/sweeper
EXPERIMENTS_TESTS := $(call tests,$(EXPERIMENTS_FOLDERS))
$(RECORD_LIB): $(call objects,experiments/record)
$(RUNNER_LIB): $(call objects,$(RUNNER_FOLDERS))
$(SWEEPER_LIB): $(call objects,experiments/sweeper)

$(call objects,experiments $(EXPERIMENTS_FOLDERS)) $(addsuffix .o,$(EXPERIMENTS_TESTS)): \
	ROOM_CFLAGS = $(call pkg-cflags,jansson libnl-genl-3.0 $(QUIC_PKGS))

# The filter is part of the program, see pairs.c; $(BUILD)/%.bpf.o is built by mpip/io's rule.
$(BUILD)/experiments/probe/pairs.o: $(BUILD)/experiments/probe/pairs.bpf.o
$(BUILD)/experiments/probe/pairs.o: ROOM_CFLAGS = $(call pkg-cflags,jansson libbpf) -Wa,-I$(BUILD)

# -rdynamic: libiperf, which has no pkg-config file, must find the socket() that workload.c defines.
$(EXPERIMENT): $(BUILD)/experiments/experiment.o $(RUNNER_LIB) $(RECORD_LIB) $(LAB_LIB) $(IO_LIB) $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(call pkg-libs,jansson libbpf libnl-genl-3.0 $(QUIC_PKGS) $(LAB_PKGS)) -liperf -lm

$(SWEEP): $(BUILD)/experiments/sweep.o $(SWEEPER_LIB) $(RUNNER_LIB) $(RECORD_LIB) $(LAB_LIB) $(IO_LIB) $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(call pkg-libs,jansson libbpf libnl-genl-3.0 $(QUIC_PKGS) $(LAB_PKGS)) -liperf -lm

$(CHECK_RESULT): $(BUILD)/experiments/check_result.o $(RECORD_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,jansson)

UNIT_TESTS += $(EXPERIMENTS_TESTS)
$(EXPERIMENTS_TESTS): %: %.o $(SWEEPER_LIB) $(RUNNER_LIB) $(RECORD_LIB) $(LAB_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka jansson $(LAB_PKGS)) -liperf -lm

# make experiment NAME=two-nics [PAPER=1 DURATION= WARM_UP= REPS= SEED= GROUND= GIPS= JOBS= ONLY= FRESH=1 OUT=]
EXPERIMENT_NAMES = $(sort $(filter-out result.schema,$(basename $(notdir $(wildcard experiments/*.json)))))
# option NAME,VALUE: nothing without a value. flag NAME,VALUE: nothing for 0, either.
option = $(if $(2),--$(1) $(call quoted,$(2)))
flag = $(if $(filter-out 0,$(2)),--$(1))
HOW_TO_RUN = --make $(call flag,paper,$(PAPER)) $(call option,duration,$(DURATION)) $(call option,warm-up,$(WARM_UP)) \
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
	$(if $(DEPS),@ci/install-packages.sh --check)
	@$(MAKE) --no-print-directory all
	@$(EXPERIMENT) --reproduce $(call quoted,$(RUN))

# Whether the guest's speed is enough: the experiment at it and at twice it, in OUT/converge. That there
# is such a speed is looked at before the first run.
CONVERGE_OUT = $(RESULTS)/converge
.PHONY: converge
converge:
	$(CHECK_NAME)
	$(if $(filter-out vm,$(GROUND)),@echo $(call quoted,GROUND=$(GROUND): expected vm: only its processor has a speed) >&2; exit 1)
	$(if $(DEPS),@ci/install-packages.sh --check)
	@$(MAKE) --no-print-directory all
	$(LIST_NAMES)
	@$(EXPERIMENT) $(CONVERGE_OPTIONS) --twice --plan experiments/$(NAME).json >/dev/null
	@$(EXPERIMENT) $(CONVERGE_OPTIONS) --out $(CONVERGE_OUT)/once experiments/$(NAME).json
	@$(EXPERIMENT) $(CONVERGE_OPTIONS) --twice --out $(CONVERGE_OUT)/twice experiments/$(NAME).json
	@$(ANALYSIS) converge --out $(RESULTS) $(NAME)

# A sweep: make sweep NAME=small [ON=slurm SLURM_OPTIONS= SEEDS= ONLY= DURATION= WARM_UP= JOBS= KEEP=1 FRESH=1 OUT=]
SWEEP_NAMES = $(sort $(basename $(notdir $(wildcard experiments/sweeps/*.json))))
# What says which results are meant; and how they are made.
SWEEP_WHICH = $(call option,duration,$(DURATION)) $(call option,warm-up,$(WARM_UP)) $(call option,seeds,$(SEEDS)) \
	$(call option,out,$(OUT))
SWEEP_OPTIONS = $(SWEEP_WHICH) $(call option,only,$(ONLY)) $(call option,jobs,$(JOBS)) $(call flag,keep,$(KEEP)) \
	$(call flag,fresh,$(FRESH)) $(if $(filter slurm,$(ON)),--slurm) $(call option,slurm-options,$(SLURM_OPTIONS))
CHECK_SWEEP = $(if $(strip $(NAME)),$(if $(and $(filter 1,$(words $(NAME))),$(filter $(SWEEP_NAMES),$(NAME))),,@echo \
	$(call quoted,NAME=$(NAME): expected one of: $(SWEEP_NAMES)) >&2; exit 1))
LIST_SWEEPS = $(if $(strip $(NAME)),,@echo 'NAME=: expected one of:' >&2; \
	$(SWEEP) list $(SWEEP_NAMES:%=experiments/sweeps/%.json) >&2; exit 1)
CHECK_ON = $(if $(filter-out slurm here,$(ON)),@echo $(call quoted,ON=$(ON): expected slurm, or here) >&2; exit 1)

.PHONY: sweep sweep-status sweep-cancel sweep-collect
sweep:
	$(CHECK_SWEEP)
	$(CHECK_ON)
	$(if $(DEPS),@$(MAKE) --no-print-directory $(DEPS))
	@$(MAKE) --no-print-directory all
	$(LIST_SWEEPS)
	@$(SWEEP) $(SWEEP_OPTIONS) experiments/sweeps/$(NAME).json

sweep-status sweep-cancel sweep-collect: sweep-%:
	$(CHECK_SWEEP)
	$(if $(DEPS),@ci/install-packages.sh --check)
	@$(MAKE) --no-print-directory all
	$(LIST_SWEEPS)
	@$(SWEEP) $* $(SWEEP_WHICH) experiments/sweeps/$(NAME).json
