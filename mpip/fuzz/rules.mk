# SPDX-License-Identifier: BSD-2-Clause
# Fuzzers (libFuzzer, of clang): make fuzz [SECONDS=60]. Each has its corpus in mpip/fuzz/corpus/;
# what it finds is left in build/fuzz/.

FUZZERS := cm packet engine
SECONDS ?= 60
FUZZ_FLAGS = $(FUZZ_EXTRA) -std=gnu17 -g -O1 -D_GNU_SOURCE -I. -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CORE = $(call sources,mpip/core) mpip/base/address.c

$(addprefix $(BUILD)/fuzz/,$(FUZZERS)): $(BUILD)/fuzz/%: mpip/fuzz/%_fuzz.c $(wildcard mpip/core/*.[ch]) mpip/base/address.c mpip/base/address.h
	@mkdir -p $(@D)
	@echo "  FUZZ  $<"
	$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< $(FUZZ_CORE)

.PHONY: fuzz fuzzers
fuzzers: $(addprefix $(BUILD)/fuzz/,$(FUZZERS))
fuzz:
	$(if $(DEPS),@ci/install-packages.sh --check)
	@$(MAKE) --no-print-directory fuzzers
	@mpip/fuzz/run.sh $(BUILD)/fuzz $(SECONDS) $(FUZZERS)
