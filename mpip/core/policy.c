// SPDX-License-Identifier: BSD-2-Clause
/*
 * Table 6 (paper 3.6.2).
 *
 * Theory of operation: all but the length is the same for every packet of a connection, so the
 * connection remembers which rows concern it, and a packet only compares lengths. A change of the
 * table changes its generation, by which a connection sees that it has to look again.
 */

#include "mpip/core/policy.h"

const char *const priority_names[] = {"throughput", "responsiveness", NULL};

bool policies_add(struct policies *t, const struct policy *row, unsigned at)
{
	if (t->rows == POLICIES_MAX)
		return false;
	if (at > t->rows)
		at = t->rows;
	memmove(&t->row[at + 1], &t->row[at], (t->rows - at) * sizeof(*row));
	t->row[at] = *row;
	t->rows++;
	t->generation++;
	return true;
}

bool policies_delete(struct policies *t, unsigned at)
{
	if (at >= t->rows)
		return false;
	t->rows--;
	memmove(&t->row[at], &t->row[at + 1], (t->rows - at) * sizeof(t->row[0]));
	t->generation++;
	return true;
}

void policies_flush(struct policies *t)
{
	t->rows = 0;
	t->generation++;
}

uint64_t policies_of(const struct policies *t, const struct tuple *c)
{
	uint64_t rows = 0;
	for (unsigned i = 0; i < t->rows; i++) {
		const struct policy *p = &t->row[i];
		if (address_in_prefix(c->remote_ip, p->ip, p->prefix) &&
			(p->port == 0 || p->port == c->remote_port) &&
			(p->protocol == 0 || p->protocol == c->protocol))
			rows |= (uint64_t)1 << i;
	}
	return rows;
}

enum priority policies_priority(const struct policies *t, uint64_t candidates, uint32_t length)
{
	for (; candidates; candidates &= candidates - 1) {
		const struct policy *p = &t->row[__builtin_ctzll(candidates)];
		if (length >= p->start && (p->end == POLICY_END_ANY || length < p->end))
			return p->priority;
	}
	return PRIORITY_THROUGHPUT;
}
