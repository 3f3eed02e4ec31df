# SPDX-License-Identifier: BSD-2-Clause
# Results -> tables, figures, and the replay of Algorithm 1.

ANALYSIS := $(BUILD)/analysis/analysis
PROGRAMS += $(ANALYSIS)
ANALYSIS_BASE := $(BUILD)/experiments/files.o $(BUILD)/experiments/names.o $(BUILD)/lab/error.o $(BUILD)/lab/lock.o

$(ANALYSIS): $(addprefix $(BUILD)/analysis/, analysis.o call.o callcmd.o calllog.o claims.o claims_rules.o converge.o data.o delaylog.o \
		emodel.o gallery.o gnuplot.o help.o html.o hull.o interval.o lines.o logged.o measures.o paper.o pathlog.o paths.o plot.o plot_call.o \
		plot_clock.o plot_connections.o plot_goodput.o plot_lines.o plot_load.o plot_parts.o plot_paths.o \
		plot_settings.o reordering.o replay.o report.o report_experiment.o resultfile.o results.o settings.o skew.o skewcmd.o stats.o \
		steps.o summary.o table.o textlist.o weights.o) $(ANALYSIS_BASE) $(BASE_OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,jansson) -lm

# They are a part of the program, see data.c.
$(BUILD)/analysis/data.o: analysis/paper-values.json analysis/claims.json

ANALYSIS_TESTS := $(addprefix $(BUILD)/analysis/, call_test emodel_test measures_test paper_test paths_test reordering_test replay_test \
	skew_test stats_test)
UNIT_TESTS += $(ANALYSIS_TESTS)
$(BUILD)/analysis/paths_test: $(addprefix $(BUILD)/analysis/, paths.o resultfile.o) $(ANALYSIS_BASE) $(BASE_OBJS)
$(BUILD)/analysis/call_test: $(addprefix $(BUILD)/analysis/, call.o calllog.o emodel.o lines.o reordering.o \
	resultfile.o stats.o) $(ANALYSIS_BASE) $(BASE_OBJS)
$(BUILD)/analysis/paper_test: $(addprefix $(BUILD)/analysis/, paper.o resultfile.o) $(ANALYSIS_BASE) $(BASE_OBJS)
$(BUILD)/analysis/emodel_test: $(BUILD)/analysis/emodel.o
$(BUILD)/analysis/measures_test: $(addprefix $(BUILD)/analysis/, delaylog.o hull.o interval.o lines.o logged.o measures.o resultfile.o \
	results.o skew.o stats.o steps.o weights.o) $(ANALYSIS_BASE) $(BASE_OBJS)
$(BUILD)/analysis/reordering_test: $(BUILD)/analysis/reordering.o
$(BUILD)/analysis/skew_test: $(addprefix $(BUILD)/analysis/, delaylog.o hull.o interval.o lines.o skew.o stats.o steps.o) \
	$(BUILD)/lab/error.o
$(BUILD)/analysis/stats_test: $(BUILD)/analysis/stats.o
$(BUILD)/analysis/replay_test: $(addprefix $(BUILD)/analysis/, lines.o pathlog.o replay.o) \
	$(BUILD)/lab/error.o
$(ANALYSIS_TESTS): %: %.o
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka jansson) -lm

PLOT_OPTIONS = $(call option,size,$(SIZE)) $(call option,format,$(FORMAT))

# make plots [NAME="a b" SIZE=1000x800 FORMAT="svg png pdf" OUT=]: every figure that there are results for.
.PHONY: plots
plots:
	$(if $(DEPS),@$(MAKE) --no-print-directory $(DEPS))
	@$(MAKE) --no-print-directory $(ANALYSIS)
	@$(ANALYSIS) plot $(call option,out,$(OUT)) $(PLOT_OPTIONS) $(foreach name,$(NAME),$(call quoted,$(name)))

# Runs what is missing of every experiment of the paper (or of NAME="a b"), draws every figure, and
# judges the claims. An experiment that fails leaves its claims missing, and make report fails in the
# end. All of it on the vm ground unless asked: a claim is judged by absolute numbers too.
OUR_OWN := two-nics two-nics-udp unshaped unshaped-mtu
REPORT_NAMES = $(or $(strip $(NAME)),$(filter-out $(OUR_OWN),$(EXPERIMENT_NAMES)))
.PHONY: report
report: export GROUND ?= vm
report: export EXPERIMENT := $(EXPERIMENT)
report:
	$(if $(filter-out $(EXPERIMENT_NAMES),$(NAME)),@echo \
		$(call quoted,NAME=$(NAME): expected some of: $(EXPERIMENT_NAMES)) >&2; exit 1)
	$(if $(DEPS),@$(MAKE) --no-print-directory $(DEPS))
	@$(MAKE) --no-print-directory all
	@rc=0; MAKE='$(MAKE)' experiments/report.sh $(REPORT_NAMES) -- $(EXPERIMENT_OPTIONS) || { rc=$$?; [ $$rc -eq 1 ] || exit $$rc; }; \
	$(ANALYSIS) plot $(call option,out,$(OUT)) || rc=1; \
	$(ANALYSIS) report $(call option,out,$(OUT)) || rc=1; exit $$rc
