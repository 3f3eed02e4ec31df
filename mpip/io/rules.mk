# SPDX-License-Identifier: BSD-2-Clause
# Linux around the core: the daemon, its sockets, the kernel's routing and the ingress hook.

IO_LIB := $(BUILD)/mpip/io/libmpip-io.a
IO_OBJS := $(call objects,mpip/io mpip/io/hostnet mpip/io/ingress)
$(IO_LIB): $(IO_OBJS)
$(IO_OBJS): ROOM_CFLAGS = $(call pkg-cflags,libnl-route-3.0 libcap-ng jansson)

# clang does not look where a multiarch distribution keeps asm/types.h when its target is eBPF.
BPF_INCLUDES = $(shell $(CLANG) -v -E -x c /dev/null 2>&1 >/dev/null | \
	sed -n '/<\.\.\.> search starts here:/,/End of search list/s|^ \(/.*\)|-idirafter \1|p')

$(BUILD)/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	@echo "  BPF   $<"
	$(CLANG) -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -I. $(BPF_INCLUDES) -MMD -MP -c -o $@ $<

# The object is part of the program: ingress.c takes it in with .incbin, which searches here.
$(BUILD)/mpip/io/ingress/ingress.o: $(BUILD)/mpip/io/ingress/ingress.bpf.o
$(BUILD)/mpip/io/ingress/ingress.o: ROOM_CFLAGS += -Wa,-I$(BUILD)

HOSTNET_TESTS := $(call tests,mpip/io/hostnet)
INGRESS_TESTS := $(call tests,mpip/io/ingress)
IO_TESTS := $(call tests,mpip/io)
UNIT_TESTS += $(HOSTNET_TESTS) $(INGRESS_TESTS) $(IO_TESTS)

$(patsubst %,%.o,$(HOSTNET_TESTS) $(INGRESS_TESTS)) \
$(BUILD)/mpip/io/hostnet/hostnet_testbed.o $(BUILD)/mpip/io/ingress/ingress_testbed.o: \
	ROOM_CFLAGS = $(call pkg-cflags,libnl-route-3.0 libbpf cmocka)

$(HOSTNET_TESTS): %: %.o $(BUILD)/mpip/io/hostnet/hostnet_testbed.o $(IO_LIB) $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,libnl-route-3.0 cmocka)

$(INGRESS_TESTS): %: %.o $(BUILD)/mpip/io/ingress/ingress_testbed.o $(IO_LIB) $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,libbpf libnl-route-3.0 cmocka)

$(IO_TESTS): %: %.o $(IO_LIB) $(CORE_LIB) $(BASE_LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,libnl-route-3.0 jansson cmocka)
