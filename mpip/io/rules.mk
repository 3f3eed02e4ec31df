# SPDX-License-Identifier: BSD-2-Clause
# The rooms that talk to the kernel's routing and to its ingress hook.

HOSTNET_OBJS := $(patsubst %,$(BUILD)/mpip/io/%.o, \
	hostnet hostnet_change hostnet_nics hostnet_picture hostnet_want)
MPIP_IO_NET_OBJS := $(HOSTNET_OBJS) $(BUILD)/mpip/io/ingress.o

$(MPIP_IO_NET_OBJS): ROOM_CFLAGS += $(call pkg-cflags,libnl-route-3.0)

# clang does not look where a multiarch distribution keeps asm/types.h when its target is eBPF.
BPF_INCLUDES = $(shell $(CLANG) -v -E -x c /dev/null 2>&1 >/dev/null | \
	sed -n '/<\.\.\.> search starts here:/,/End of search list/s|^ \(/.*\)|-idirafter \1|p')

$(BUILD)/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	@echo "  BPF   $<"
	$(CLANG) -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -I. $(BPF_INCLUDES) -MMD -MP -c -o $@ $<

# The object is part of the program: ingress.c takes it in with .incbin, which searches here.
$(BUILD)/mpip/io/ingress.o: $(BUILD)/mpip/io/ingress.bpf.o
$(BUILD)/mpip/io/ingress.o: ROOM_CFLAGS += -Wa,-I$(BUILD)

HOSTNET_TESTS := $(patsubst %,$(BUILD)/mpip/io/%_test,hostnet hostnet_route)
INGRESS_TESTS := $(patsubst %,$(BUILD)/mpip/io/%_test,ingress ingress_verdict)
UNIT_TESTS += $(HOSTNET_TESTS) $(INGRESS_TESTS)

$(patsubst %,%.o,$(HOSTNET_TESTS) $(INGRESS_TESTS)) \
$(patsubst %,$(BUILD)/mpip/io/%_testbed.o,hostnet ingress): \
	ROOM_CFLAGS = $(call pkg-cflags,libnl-route-3.0 libbpf cmocka)

$(HOSTNET_TESTS): %: %.o $(BUILD)/mpip/io/hostnet_testbed.o $(HOSTNET_OBJS)
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,libnl-route-3.0 cmocka)

$(INGRESS_TESTS): %: %.o $(BUILD)/mpip/io/ingress_testbed.o $(BUILD)/mpip/io/ingress.o \
		$(BUILD)/mpip/core/cm.o
	$(CC) $(LDFLAGS) -o $@ $^ $(call pkg-libs,libbpf libnl-route-3.0 cmocka)
