// SPDX-License-Identifier: BSD-2-Clause
/*
 * The paths of a result.
 *
 * Theory of operation
 * -------------------
 * A result has an object for each path that mpipd had, of all sessions that carried data. Those of
 * one session are sorted by their addresses; equal addresses get equal numbers.
 */

#include "analysis/measure/logged.h"

#include "analysis/measure/results.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>

uint64_t logged_addresses(const json_t *object)
{
	struct in_addr src = {0}, dst = {0};
	const char *a = json_string_value(json_object_get(object, "src"));
	const char *b = json_string_value(json_object_get(object, "dst"));
	if (a && b) {
		inet_pton(AF_INET, a, &src);
		inet_pton(AF_INET, b, &dst);
	}
	return (uint64_t)ntohl(src.s_addr) << 32 | ntohl(dst.s_addr);
}

int logged_by_addresses(const void *a, const void *b)
{
	uint64_t x = ((const struct logged *)a)->addresses;
	uint64_t y = ((const struct logged *)b)->addresses;
	return (x > y) - (x < y);
}

static double session_of(const json_t *logged)
{
	return json_number_at(logged, "/session");
}

struct logged_paths logged_paths(const json_t *result)
{
	const json_t *all = json_object_get(result, "paths");
	struct logged_paths p = {0};
	double most = -1, session = NAN;
	size_t i, k;
	json_t *a, *b;
	json_array_foreach (all, i, a) {
		double bytes = 0;
		json_array_foreach (all, k, b)
			bytes += session_of(b) == session_of(a) ? json_number_at(b, "/bytes") : 0;
		if (bytes > most) {
			most = bytes;
			session = session_of(a);
		}
	}
	json_array_foreach (all, i, a)
		if (session_of(a) == session && p.logged_count < LOGGED_MOST)
			p.logged[p.logged_count++] = (struct logged){a, logged_addresses(a), 0};
	qsort(p.logged, p.logged_count, sizeof(p.logged[0]), logged_by_addresses);
	for (i = 0; i < p.logged_count; i++) {
		struct logged *l = &p.logged[i];
		p.count += i == 0 || l->addresses != l[-1].addresses;
		l->number = p.count;
	}
	return p;
}
