// SPDX-License-Identifier: BSD-2-Clause
/* Table 6 (paper 3.6.2), as a table: its use by sessions is in paper_3_7_test.c. */

#include "mpip/core/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct address ip(const char *text)
{
	struct address a;
	assert_true(address_parse(text, &a));
	return a;
}

static struct tuple to(const char *remote, uint16_t port, uint32_t protocol)
{
	return (struct tuple){.remote_ip = ip(remote),
		.remote_port = htons(port),
		.local_port = htons(40000),
		.protocol = protocol};
}

static enum priority ask(const struct policies *t, struct tuple connection, uint32_t length)
{
	return policies_priority(t, policies_of(t, &connection), length);
}

/* The three rows of the paper's Table 6. */
static void the_papers_table(void **state)
{
	(void)state;
	struct policies t = {0};
	const char *const host2 = "192.168.1.2", *const host3 = "192.168.1.3";
	assert_true(policies_add(&t,
		&(struct policy){.port = htons(23),
			.protocol = IPPROTO_TCP,
			.end = 200,
			.priority = PRIORITY_RESPONSIVENESS},
		0));
	assert_true(policies_add(&t,
		&(struct policy){.ip = ip(host2),
			.prefix = 32,
			.port = htons(80),
			.protocol = IPPROTO_TCP,
			.start = 200,
			.end = POLICY_END_ANY,
			.priority = PRIORITY_THROUGHPUT},
		9));
	assert_true(policies_add(&t,
		&(struct policy){.ip = ip(host3),
			.prefix = 32,
			.port = htons(5221),
			.protocol = IPPROTO_UDP,
			.end = 500,
			.priority = PRIORITY_RESPONSIVENESS},
		9));

	assert_int_equal(ask(&t, to("0.0.0.1", 23, IPPROTO_TCP), 199), PRIORITY_RESPONSIVENESS);
	assert_int_equal(ask(&t, to("0.0.0.1", 23, IPPROTO_TCP), 200), PRIORITY_THROUGHPUT);
	assert_int_equal(ask(&t, to("0.0.0.1", 24, IPPROTO_TCP), 100), PRIORITY_THROUGHPUT);
	assert_int_equal(ask(&t, to("0.0.0.1", 23, IPPROTO_UDP), 100), PRIORITY_THROUGHPUT);
	assert_int_equal(ask(&t, to(host3, 5221, IPPROTO_UDP), 499), PRIORITY_RESPONSIVENESS);
	assert_int_equal(ask(&t, to(host2, 5221, IPPROTO_UDP), 499), PRIORITY_THROUGHPUT);
}

static void the_first_match_decides(void **state)
{
	(void)state;
	struct policies t = {0};
	const struct policy all = {.end = POLICY_END_ANY, .priority = PRIORITY_RESPONSIVENESS};
	const struct policy net = {.ip = ip("10.0.0.0"),
		.prefix = 8,
		.end = POLICY_END_ANY,
		.priority = PRIORITY_THROUGHPUT};
	assert_true(policies_add(&t, &all, 0));
	assert_int_equal(ask(&t, to("10.1.2.3", 1, IPPROTO_TCP), 1500), PRIORITY_RESPONSIVENESS);
	assert_true(policies_add(&t, &net, 0));
	assert_int_equal(ask(&t, to("10.1.2.3", 1, IPPROTO_TCP), 1500), PRIORITY_THROUGHPUT);
	assert_int_equal(ask(&t, to("11.1.2.3", 1, IPPROTO_TCP), 1500), PRIORITY_RESPONSIVENESS);
	assert_true(policies_delete(&t, 0));
	assert_int_equal(ask(&t, to("10.1.2.3", 1, IPPROTO_TCP), 1500), PRIORITY_RESPONSIVENESS);
	assert_false(policies_delete(&t, 1));
}

static void bounded_and_versioned(void **state)
{
	(void)state;
	struct policies t = {0};
	const struct policy row = {.end = 1};
	uint32_t before = t.generation;
	for (unsigned i = 0; i < POLICIES_MAX; i++)
		assert_true(policies_add(&t, &row, i));
	assert_false(policies_add(&t, &row, 0));
	assert_int_not_equal(t.generation, before);
	before = t.generation;
	policies_flush(&t);
	assert_int_not_equal(t.generation, before);
	assert_int_equal(t.rows, 0);
}

int main(void)
{
/* Named by the sentence of the paper (mpip/README.md). */
#define PAPER(name, f)                                                                             \
	{                                                                                          \
		name, f, NULL, NULL, NULL                                                          \
	}
	const struct CMUnitTest tests[] = {
		PAPER("3.6-8, 3.6-10: the rows of Table 6", the_papers_table),
		PAPER("3.6-8: the first match decides", the_first_match_decides),
		PAPER("3.6-11: bounded and versioned", bounded_and_versioned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
