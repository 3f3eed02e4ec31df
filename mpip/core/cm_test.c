// SPDX-License-Identifier: BSD-2-Clause
/* The CM codec against paper 3.1: what is written is read back, and nothing else is a CM. */

#include "mpip/core/cm.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct cm sample = {
	.node = {{2, 3, 4, 5, 6, 7}},
	.session = {0x01020304},
	.path = {7},
	.feedback_path = {9},
	.stamp = 0xfffffff0,
	.path_delay = 0x80000001,
	.flags = CM_FLAG_HB | CM_FLAG_PROBE,
};
static const struct cm_binding binding = {.segment_length = 1432, .tcp_seq = 0xdeadbeef};

static void assert_same(const struct cm *a, const struct cm *b)
{
	assert_memory_equal(&a->node, &b->node, sizeof(a->node));
	assert_int_equal(a->session.n, b->session.n);
	assert_int_equal(a->path.n, b->path.n);
	assert_int_equal(a->feedback_path.n, b->feedback_path.n);
	assert_int_equal(a->stamp, b->stamp);
	assert_int_equal(a->path_delay, b->path_delay);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->has_hello, b->has_hello);
	assert_int_equal(a->has_addresses, b->has_addresses);
	if (a->has_hello) {
		assert_int_equal(a->hello.encap, b->hello.encap);
		assert_int_equal(a->hello.port, b->hello.port);
		assert_int_equal(a->hello.boot, b->hello.boot);
	}
	if (a->has_addresses) {
		assert_true(address_list_equal(&a->addresses, &b->addresses));
		assert_int_equal(a->list_version, b->list_version);
	}
	assert_int_equal(a->has_list_ack, b->has_list_ack);
	if (a->has_list_ack)
		assert_int_equal(a->list_ack, b->list_ack);
}

static void steady_state_is_28_bytes(void **state)
{
	(void)state;
	uint8_t bytes[CM_MAX];
	struct cm back;
	assert_int_equal(cm_size(&sample), 28);
	assert_int_equal(cm_encode(&sample, binding, bytes), 28);
	assert_true(cm_decode(bytes, 28, binding, &back));
	assert_same(&sample, &back);
	/* In network order, at the places that cm_wire.h names. */
	assert_int_equal(bytes[CM_OFF_SESSION], 1);
	assert_int_equal(bytes[CM_OFF_SESSION + 3], 4);
	assert_int_equal(bytes[CM_OFF_PATH + 1], 7);
}

static void extensions_come_back(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= MAX_ADDRESSES; n++)
		for (int hello = 0; hello < 2; hello++) {
			struct cm cm = sample, back;
			uint8_t bytes[100 + CM_MAX] = {0};
			cm.has_hello = hello;
			cm.hello = (struct cm_hello){1, htons(5280), 0x1234};
			cm.has_addresses = true;
			cm.addresses.count = (uint8_t)n;
			cm.list_version = (uint8_t)(n + 200);
			cm.has_list_ack = n % 2;
			cm.list_ack = (uint8_t)(n + 100);
			for (unsigned i = 0; i < n; i++)
				cm.addresses.ip[i] =
					address_from_ipv4((uint8_t[]){10, 0, (uint8_t)i, 1});
			size_t size = cm_encode(&cm, binding, bytes + 100);
			assert_int_equal(size, cm_size(&cm));
			assert_int_equal(size % 4, 0);
			assert_true(size <= CM_MAX);
			assert_int_equal(cm_size_at_end(bytes, 100 + size), size);
			assert_true(cm_decode(bytes, 100 + size, binding, &back));
			assert_same(&cm, &back);
		}
}

/* 3.1: "The packet will be treated as a normal packet ... if the checksum verification doesn't get
 * through." Every single changed bit is found, and so is a CM at another place. */
static void damaged_is_no_cm(void **state)
{
	(void)state;
	struct cm cm = sample, back;
	uint8_t bytes[CM_MAX];
	cm.has_addresses = true;
	cm.addresses.count = 2;
	size_t size = cm_encode(&cm, binding, bytes);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(cm_decode(bytes, size, binding, &back));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(cm_decode(bytes, size, binding, &back));
	assert_false(cm_decode(bytes, size, (struct cm_binding){1433, 0xdeadbeef}, &back));
	assert_false(cm_decode(bytes, size, (struct cm_binding){1432, 0xdeadbeee}, &back));
	for (size_t shorter = 0; shorter < size; shorter++)
		assert_false(cm_decode(bytes + size - shorter, shorter, binding, &back));
}

static void zeros_are_no_cm(void **state)
{
	(void)state;
	uint8_t bytes[64] = {0};
	struct cm cm;
	assert_false(cm_decode(bytes, sizeof(bytes), (struct cm_binding){0, 0}, &cm));
	bytes[64 - CM_FIXED + CM_OFF_VERSION] = CM_VERSION << 4;
	assert_false(cm_decode(bytes, sizeof(bytes), (struct cm_binding){0, 0}, &cm));
}

/* A query fills the 36 bytes that its carriers have. */
static void query_fits_its_carrier(void **state)
{
	(void)state;
	struct cm cm = sample;
	cm.has_hello = true;
	assert_int_equal(cm_size(&cm), CARRIER_CM);
}

int main(void)
{
/* Named by the sentence of the paper (mpip/README.md). */
#define PAPER(name, f)                                                                             \
	{                                                                                          \
		name, f, NULL, NULL, NULL                                                          \
	}
	const struct CMUnitTest tests[] = {
		PAPER("3.1-3, 3.4-1: the CM's fields, in 28 bytes", steady_state_is_28_bytes),
		PAPER("3.1-5: the address list and other parts", extensions_come_back),
		PAPER("3.1-7: a damaged CM is none", damaged_is_no_cm),
		PAPER("3.1-7: zeros are no CM", zeros_are_no_cm),
		PAPER("3.2-3: a query fits its carrier", query_fits_its_carrier),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
