# SPDX-License-Identifier: BSD-2-Clause
# Results -> tables, figures, and the replay of Algorithm 1.

ANALYSIS := $(BUILD)/analysis/analysis
PROGRAMS += $(ANALYSIS)

ANALYSIS_FOLDERS := analysis/measure analysis/clock analysis/sweep analysis/figure analysis/report
ANALYSIS_LIB := $(BUILD)/analysis/libanalysis.a
$(ANALYSIS_LIB): $(call objects,$(ANALYSIS_FOLDERS))

$(ANALYSIS): $(call objects,analysis) $(ANALYSIS_LIB) $(RECORD_LIB) $(LAB_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,jansson) -lm

# They are a part of the program, see data.c.
$(BUILD)/analysis/report/data.o: analysis/paper-values.json analysis/claims.json

ANALYSIS_TESTS := $(call tests,$(ANALYSIS_FOLDERS))
UNIT_TESTS += $(ANALYSIS_TESTS)
$(ANALYSIS_TESTS): %: %.o $(ANALYSIS_LIB) $(RECORD_LIB) $(LAB_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka jansson) -lm

PLOT_OPTIONS = $(call option,size,$(SIZE)) $(call option,format,$(FORMAT))

# make plots [NAME="a b" SIZE=1000x800 FORMAT="svg png pdf" OUT=]: every figure that there are results for.
.PHONY: plots
plots:
	$(if $(DEPS),@ci/install-packages.sh --check)
	@$(MAKE) --no-print-directory $(ANALYSIS)
	@$(ANALYSIS) plot $(call option,out,$(OUT)) $(PLOT_OPTIONS) $(foreach name,$(NAME),$(call quoted,$(name)))

# make maps [NAME="a b" MEASURE= SIZE= FORMAT= OUT=]: the maps of every sweep that there are results of.
.PHONY: maps
maps:
	$(if $(DEPS),@ci/install-packages.sh --check)
	@$(MAKE) --no-print-directory $(ANALYSIS)
	@$(ANALYSIS) map $(call option,out,$(OUT)) $(call option,measure,$(MEASURE)) $(PLOT_OPTIONS) \
		$(foreach name,$(NAME),$(call quoted,$(name)))

# make compare A=out/sweeps/before B=out/sweeps/after [MEASURE=]: whether B is worse. (make ends with 2 where
# it is, too; analysis compare tells.)
.PHONY: compare
compare:
	$(if $(DEPS),@ci/install-packages.sh --check)
	$(if $(and $(A),$(B)),,@echo 'A= B=: expected two directories of results, such as out/sweeps/unequal' >&2; exit 2)
	@$(MAKE) --no-print-directory $(ANALYSIS)
	@$(ANALYSIS) compare $(call option,measure,$(MEASURE)) $(call quoted,$(A)) $(call quoted,$(B))

# Runs what is missing of every experiment of the paper (or of NAME="a b"), draws every figure, and
# judges the claims. An experiment that fails leaves its claims missing, and make report fails in the
# end. All of it on the vm ground unless asked: a claim is judged by absolute numbers too.
OUR_OWN := two-nics two-nics-udp unshaped unshaped-mtu unequal unequal-triple short-transfers failover mobility \
	bidirectional
REPORT_NAMES = $(or $(strip $(NAME)),$(filter-out $(OUR_OWN),$(EXPERIMENT_NAMES)))
.PHONY: report
report: export GROUND ?= vm
report: export EXPERIMENT := $(EXPERIMENT)
report:
	$(if $(filter-out $(EXPERIMENT_NAMES),$(NAME)),@echo \
		$(call quoted,NAME=$(NAME): expected some of: $(EXPERIMENT_NAMES)) >&2; exit 1)
	$(if $(DEPS),@ci/install-packages.sh --check)
	@$(MAKE) --no-print-directory all
	@rc=0; MAKE='$(MAKE)' experiments/report.sh $(REPORT_NAMES) -- $(EXPERIMENT_OPTIONS) || { rc=$$?; [ $$rc -eq 1 ] || exit $$rc; }; \
	$(ANALYSIS) plot $(call option,out,$(OUT)) || rc=1; \
	$(ANALYSIS) report $(call option,out,$(OUT)) || rc=1; exit $$rc
