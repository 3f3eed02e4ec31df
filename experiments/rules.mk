# SPDX-License-Identifier: BSD-2-Clause
# The experiment runner, the validator of its results, and their tests.

EXPERIMENT := $(BUILD)/experiments/experiment
CHECK_RESULT := $(BUILD)/experiments/check-result
PROGRAMS += $(EXPERIMENT) $(CHECK_RESULT)

EXPERIMENT_OBJS := $(addprefix $(BUILD)/experiments/, experiment.o agent.o definition.o files.o \
	links.o marks.o mib.o mptcp.o proc.o progress.o provenance.o result.o run.o sha256.o \
	sockdiag.o workload.o) $(BUILD)/analysis/pathlog.o

$(BUILD)/experiments/%.o: ROOM_CFLAGS = $(call pkg-cflags,jansson libnl-genl-3.0)

# -rdynamic: libiperf must find the socket() that workload.c defines.
$(EXPERIMENT): $(EXPERIMENT_OBJS) $(LAB_OBJS) $(BASE_OBJS)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $(sort $^) $(call pkg-libs,jansson libnl-genl-3.0 $(LAB_PKGS)) -liperf -lm

$(CHECK_RESULT): $(addprefix $(BUILD)/experiments/, check_result.o schema.o) $(BUILD)/lab/error.o
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,jansson)

EXPERIMENTS_TESTS := $(addprefix $(BUILD)/experiments/, sha256_test schema_test)
UNIT_TESTS += $(EXPERIMENTS_TESTS)
$(BUILD)/experiments/sha256_test: $(BUILD)/experiments/sha256.o
$(BUILD)/experiments/schema_test: $(BUILD)/experiments/schema.o $(BUILD)/lab/error.o
$(EXPERIMENTS_TESTS): %: %.o
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,cmocka jansson)
