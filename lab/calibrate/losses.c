// SPDX-License-Identifier: BSD-2-Clause
/*
 * Losses counted against losses configured.
 *
 * Theory of operation
 * -------------------
 * netem counts a packet as dropped when it draws a loss, before it gives it a delay, and as passed
 * when it lets it go. So what has come to it between two readings is what has passed and what was
 * dropped, and what is waiting in it now less what was waiting before.
 */

#include "lab/calibrate/losses.h"

#include "lab/calibrate/verdict.h"
#include "mpip/base/error.h"

#include <stdlib.h>
#include <string.h>

/* The counters of the direction's netem; NULL when there are none. */
static const json_t *netem_of(const json_t *counters, size_t link, const char *direction)
{
	const json_t *links = json_object_get(counters, "links");
	const json_t *qdiscs =
		json_object_get(json_object_get(json_array_get(links, link), direction), "qdiscs");
	for (size_t i = 0; i < json_array_size(qdiscs); i++) {
		const json_t *one = json_array_get(qdiscs, i);
		const char *kind = json_string_value(json_object_get(one, "kind"));
		if (kind && strcmp(kind, "netem") == 0)
			return one;
	}
	return NULL;
}

static json_int_t grown(const json_t *before, const json_t *after, const char *key)
{
	return json_integer_value(json_object_get(after, key)) -
	       json_integer_value(json_object_get(before, key));
}

static json_t *judge(const char *link, const char *direction, const struct shape *shape,
	const json_t *before, const json_t *after, char **error)
{
	json_int_t lost = before && after ? grown(before, after, "drops") : -1;
	json_int_t packets = lost;
	if (lost >= 0)
		packets +=
			grown(before, after, "packets") + grown(before, after, "backlog_packets");
	if (lost < 0 || packets < lost) {
		error_set(error, "%s %s: expected two readings of its netem, the later one second",
			link, direction);
		return NULL;
	}
	int64_t low, high;
	binomial_interval(packets, shape->loss_percent / 100, &low, &high);
	return json_pack("{s:s, s:s, s:I, s:I, s:f, s:I, s:I, s:b}", "link", link, "direction",
		direction, "packets", packets, "lost", lost, "configured_percent",
		shape->loss_percent, "low", (json_int_t)low, "high", (json_int_t)high, "good",
		lost >= low && lost <= high);
}

json_t *losses_judge(
	const struct scenario *s, const json_t *before, const json_t *after, char **error)
{
	json_t *out = json_array();
	for (size_t i = 0; out && i < 2 * s->n_links; i++) {
		const struct lab_link *l = &s->links[i / 2];
		const char *direction = i % 2 ? "down" : "up";
		const struct shape *shape = i % 2 ? &l->down : &l->up;
		if (!shape_needs_netem(shape) || shape->losses_change)
			continue;
		char *name = scenario_end_name(s, l->near);
		json_t *one = judge(name, direction, shape, netem_of(before, i / 2, direction),
			netem_of(after, i / 2, direction), error);
		free(name);
		if (one) {
			json_array_append_new(out, one);
		} else {
			json_decref(out);
			out = NULL;
		}
	}
	return out;
}

bool losses_good(const json_t *losses)
{
	for (size_t i = 0; i < json_array_size(losses); i++)
		if (!json_is_true(json_object_get(json_array_get(losses, i), "good")))
			return false;
	return true;
}
