// SPDX-License-Identifier: BSD-2-Clause
/* sweep.json; the contract is in the header. */

#include "experiments/sweeper/about.h"

#include "experiments/record/measure_list.h"
#include "mpip/base/error.h"
#include "mpip/base/jsonfile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a contestant is but for its name and on which NICs it is. */
static json_t *kind_of(const json_t *contestant)
{
	json_t *kind = json_copy((json_t *)contestant);
	json_object_del(kind, "name");
	json_object_del(kind, "nics");
	return kind;
}

/* The contestant that is this one on all NICs; JSON null: there is none, or this one is it. */
static json_t *whole_of(const json_t *contestants, const json_t *one)
{
	json_t *kind = kind_of(one), *found = NULL, *other;
	size_t i;
	json_array_foreach ((json_t *)contestants, i, other) {
		json_t *its = kind_of(other);
		if (!found && !json_object_get(other, "nics") && json_equal(kind, its))
			found = json_object_get(other, "name");
		json_decref(its);
	}
	json_decref(kind);
	return found && json_object_get(one, "nics") ? json_incref(found) : json_null();
}

static json_t *contestants_of(const struct grid *g)
{
	const json_t *contestants = json_object_get(g->base, "contestants");
	json_t *all = json_array(), *one;
	size_t i;
	json_array_foreach ((json_t *)contestants, i, one) {
		json_t *nics = json_object_get(one, "nics");
		bool plain = !json_is_true(json_object_get(one, "mptcp")) &&
			     !json_object_get(one, "mpipd");
		json_array_append_new(
			all, json_pack("{s:O, s:b, s:o, s:o}", "name", json_object_get(one, "name"),
				     "plain", plain, "nics", nics ? json_incref(nics) : json_null(),
				     "of", whole_of(contestants, one)));
	}
	return all;
}

static json_t *measures_of(const struct sweep *s)
{
	json_t *all = json_array();
	for (size_t i = 0; i < s->measure_count; i++) {
		const struct listed_measure *m = measure_listed(s->measures[i]);
		json_array_append_new(
			all, json_pack("{s:s, s:s, s:s, s:s}", "name", m->name, "title", m->title,
				     "unit", m->unit, "better", m->better));
	}
	return all;
}

json_t *about_sweep(const struct plan *p)
{
	const struct grid *g = p->grid;
	const struct sweep *s = g->sweep;
	json_t *axes = json_array(), *seeds = json_array();
	for (size_t i = 0; i < s->axis_count; i++)
		json_array_append_new(axes, axis_json(&s->axes[i]));
	for (size_t i = 0; i < s->seed_count; i++)
		json_array_append_new(seeds, json_integer(s->seeds[i]));
	json_t *about = json_pack("{s:i, s:s, s:s, s:s, s:O, s:O, s:o, s:o, s:o, s:o, s:I, s:I}",
		"schema", SWEEP_SCHEMA, "name", s->name, "title", s->title, "experiment",
		g->experiment, "warm_up_s", json_object_get(g->base, "warm_up_s"), "duration_s",
		json_object_get(g->base, "duration_s"), "axes", axes, "contestants",
		contestants_of(g), "seeds", seeds, "measures", measures_of(s), "rows",
		(json_int_t)p->row_count, "runs", (json_int_t)p->run_count);
	char digest[SHA256_TEXT], *text = json_dumps(about, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		abort();
	sha256_bytes(text, strlen(text), digest);
	free(text);
	json_object_set_new(about, "definition", json_string(digest));
	return about;
}

int about_check(const char *file, const json_t *about, bool *same, char **error)
{
	*same = false;
	if (access(file, F_OK) != 0)
		return 0;
	json_t *had = json_read(file, 0, error);
	if (!had)
		return -1;
	const json_t *schema = json_object_get(had, "schema");
	int rc = 0;
	if (!json_is_integer(schema) || json_integer_value(schema) != SWEEP_SCHEMA)
		rc = error_set(error,
			"%s: schema: expected %d, got %lld: results of another version of this "
			"program; OUT= (--out) names another place",
			file, SWEEP_SCHEMA, (long long)json_integer_value(schema));
	*same = json_equal(had, about);
	json_decref(had);
	return rc;
}
