# SPDX-License-Identifier: BSD-2-Clause
# The tests: unit tests of all rooms, the bats suites, and the tools that the suites use.

CI_TOOLS := $(addprefix $(BUILD)/ci/, stream datagrams marks icmp_errors tags json cm_sender unix_peer)
PROGRAMS += $(CI_TOOLS)

$(addprefix $(BUILD)/ci/, stream datagrams): $(BUILD)/ci/tool/late.o
$(addprefix $(BUILD)/ci/, stream datagrams marks icmp_errors tags unix_peer): $(BUILD)/ci/%: $(BUILD)/ci/tool/%.o $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/ci/json: $(BUILD)/ci/tool/json.o $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,jansson)

$(BUILD)/ci/cm_sender: $(BUILD)/ci/tool/cm_sender.o $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^

# make test [TESTS="ci/exact.bats engine_test"] [GROUND=vm] [SANITIZE=1] [MINUTES=10]: everything, or only these.
# In guests nothing needs root. LANES=1: one suite in real time after the other.
CI_SUDO = $(if $(or $(filter vm,$(GROUND)),$(filter 0,$(shell id -u))),,sudo --preserve-env=TESTS,BUILD,SANITIZE,GROUND,JOBS,LANES,AGAIN,KERNEL,MINUTES,FULL,CI)

.PHONY: test
test: export TESTS := $(TESTS)
test: export BUILD := $(BUILD)
test: export SANITIZE := $(SANITIZE)
test: export GROUND := $(GROUND)
test:
	$(if $(DEPS),@$(MAKE) --no-print-directory $(DEPS))
	@$(MAKE) --no-print-directory all $(UNIT_TESTS)
	@$(CI_SUDO) ci/run-tests.sh $(UNIT_TESTS)

# Lines of mpip/core that its tests, the simulator and the corpora run; fails below 90 %.
.PHONY: coverage
coverage:
	@ci/coverage.sh

# Shows that checks can fail: make mutants [SAMPLE=5].
.PHONY: mutants
mutants:
	@ci/mutants.sh $(if $(SAMPLE),--sample $(SAMPLE))

# The whole suite with address and undefined-behaviour sanitizers in every program.
.PHONY: asan
asan:
	@$(MAKE) --no-print-directory BUILD=build/asan SANITIZE=1 test
