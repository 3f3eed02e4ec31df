// SPDX-License-Identifier: BSD-2-Clause
/*
 * Judging the paper's claims.
 *
 * Theory of operation
 * -------------------
 * A value is one number for each repetition, kept as a JSON object from the repetition's number to
 * the value; so an expression over several contestants is computed repetition by repetition, each
 * with its own seed, and only then averaged: differences and ratios are paired. Repetitions that
 * one of them lacks, or whose run has marks, are left out.
 *
 * A note says what is known of a result, so it stands with the result that shows it: where the
 * verdict is the one that it explains, the numbers that it names are those of its own checks, and
 * the claims that it speaks of have been judged. A first look without verdicts, a part of the
 * experiments, or another result has no such notes.
 */

#include "analysis/report/claims.h"

#include "analysis/measure/measures.h"
#include "analysis/measure/results.h"
#include "analysis/measure/textlist.h"
#include "analysis/report/claims_rules.h"
#include "experiments/record/stats.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The experiments that were read so far. */
struct experiments {
	const char *out;
	struct experiment {
		char *name;
		struct results *results;
	} * all;
	size_t count;
};

/* ---- Values ---- */

/* NULL when there are no results, which is no error; else NULL and *error. */
static const struct results *results_of(struct experiments *e, const char *name, char **error)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->all[i].name, name) == 0)
			return e->all[i].results;
	char *file = text_format("%s/%s/runs.json", e->out, name);
	bool there = access(file, F_OK) == 0;
	free(file);
	e->all = reallocarray(e->all, e->count + 1, sizeof(*e->all));
	if (!e->all)
		abort();
	struct experiment *new = &e->all[e->count++];
	new->name = text_format("%s", name);
	new->results = there ? results_load(e->out, new->name, NULL, error) : NULL;
	return new->results;
}

/* Where a claim's values are from: lists of texts. */
struct sources {
	json_t *runs;    /* "EXPERIMENT/RUN" */
	json_t *caveats; /* "EXPERIMENT: why its numbers may not be what they are called" */
	json_t *missing; /* why a value is, the first reason only */
};

static void say_missing(json_t *missing, char *why)
{
	if (json_array_size(missing) == 0)
		json_array_append_new(missing, json_string(why));
	free(why);
}

/* One number for each repetition of a value's contestant. */
static json_t *samples_of(
	struct experiments *e, const json_t *value, const struct sources *sources, char **error)
{
	const char *of = json_string_value(json_array_get(value, 0));
	const char *what = json_string_value(json_array_get(value, 1));
	const char *contestant = strchr(of, '/') + 1;
	char *experiment = text_format("%.*s", (int)(contestant - of - 1), of);
	json_t *samples = json_object();
	const struct results *r = results_of(e, experiment, error);
	const struct contestant_results *c = r ? results_find(r, contestant) : NULL;
	for (size_t i = 0; c && i < c->count; i++) {
		double v = measure(c->runs[i], what);
		char *rep = text_format(
			"%lld", (long long)json_integer_value(json_object_get(c->runs[i], "rep")));
		if (isfinite(v))
			json_object_set_new(samples, rep, json_real(v));
		free(rep);
		textlist_add(sources->runs,
			text_format("%s/%s", experiment,
				json_string_value(json_object_get(c->runs[i], "run"))));
	}
	if (c && c->count && *r->caveats)
		textlist_add(sources->caveats, text_format("%s: %s", experiment, r->caveats));
	if (c && c->count && *r->late)
		textlist_add(sources->caveats, text_format("%s: %s", experiment, r->late));
	if (!r)
		say_missing(sources->missing, text_format("%s has no results", experiment));
	else if (!c)
		say_missing(sources->missing, text_format("%s has no results", of));
	else if (c->count && json_object_size(samples) == 0)
		say_missing(sources->missing, text_format("%s has no %s", of, what));
	else if (json_object_size(samples) < CLAIMS_REPETITIONS)
		say_missing(sources->missing,
			text_format("%s has %zu of %d repetitions%s", of, json_object_size(samples),
				CLAIMS_REPETITIONS, c->marked_count ? " without marks" : ""));
	free(experiment);
	return samples;
}

static struct sources sources_new(void)
{
	return (struct sources){json_array(), json_array(), json_array()};
}

/* The samples of each of the named values. */
static json_t *samples_of_all(
	struct experiments *e, json_t *values, const struct sources *sources, char **error)
{
	json_t *samples = json_object(), *value;
	const char *name;
	json_object_foreach (values, name, value) {
		json_object_set_new(samples, name, samples_of(e, value, sources, error));
	}
	return samples;
}

static double combine(size_t operator, double a, double b)
{
	switch (operator) {
	case 0:
		return a - b;
	case 1:
		return a / b;
	case 2:
		return fmin(a, b);
	default:
		return fmax(a, b);
	}
}

/* An expression's number for each repetition that all its values have. */
static json_t *evaluate(const json_t *expression, const json_t *samples, const json_t *define)
{
	const char *name = json_string_value(expression);
	if (name && json_object_get(define, name))
		return evaluate(json_object_get(define, name), samples, NULL);
	if (name)
		return json_copy(json_object_get(samples, name));
	size_t operator= 0;
	while (!json_object_get(expression, claims_operators[operator]))
		operator++;
	const json_t *list = json_object_get(expression, claims_operators[operator]);
	json_t *result = evaluate(json_array_get(list, 0), samples, define);
	for (size_t i = 1; i < json_array_size(list); i++) {
		json_t *other = evaluate(json_array_get(list, i), samples, define);
		json_t *both = json_object(), *value;
		const char *rep;
		json_object_foreach (result, rep, value) {
			const json_t *second = json_object_get(other, rep);
			double v = second ? combine(operator, json_number_value(value),
						    json_number_value(second))
					  : NAN;
			if (isfinite(v))
				json_object_set_new(both, rep, json_real(v));
		}
		json_decref(other);
		json_decref(result);
		result = both;
	}
	return result;
}

/* "mpip / mptcp". Allocated. */
static char *text_of(const json_t *expression)
{
	if (json_is_string(expression))
		return text_format("%s", json_string_value(expression));
	static const char *const signs[] = {" - ", " / ", ", ", ", "};
	size_t operator= 0;
	while (!json_object_get(expression, claims_operators[operator]))
		operator++;
	const json_t *list = json_object_get(expression, claims_operators[operator]);
	char *text = text_format("%s", operator<2 ? "" : operator== 2 ? "least of (" : "most of (");
	for (size_t i = 0; i < json_array_size(list); i++) {
		char *part = text_of(json_array_get(list, i));
		char *longer = text_format("%s%s%s", text, i ? signs[operator] : "", part);
		free(part);
		free(text);
		text = longer;
	}
	if (operator<2)
		return text;
	char *closed = text_format("%s)", text);
	free(text);
	return closed;
}

static json_t *real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* What claims.h calls VALUE. Takes `samples`. */
static json_t *value_of(const char *name, const char *of, json_t *samples)
{
	size_t n = json_object_size(samples), i = 0;
	double *values = calloc(n + 1, sizeof(*values));
	if (!values)
		abort();
	const char *rep;
	json_t *value;
	json_object_foreach (samples, rep, value) {
		values[i++] = json_number_value(value);
	}
	struct stats_estimate e = stats_estimate_t(values, n);
	free(values);
	json_decref(samples);
	return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o}", "name", name, "of", of, "count",
		(json_int_t)n, "mean", real_or_null(e.mean), "low", real_or_null(e.low), "high",
		real_or_null(e.high));
}

char *claims_value_text(const json_t *value)
{
	const json_t *low = json_object_get(value, "low");
	if (!json_is_number(json_object_get(value, "mean")))
		return text_format("-");
	double mean = json_number_value(json_object_get(value, "mean"));
	if (!json_is_number(low))
		return text_format("%.4g", mean);
	return text_format("%.4g [%.4g, %.4g]", mean, json_number_value(low),
		json_number_value(json_object_get(value, "high")));
}

/* ---- Judging ---- */

/* One check, with its whole interval inside or not. */
static json_t *check_of(
	const json_t *check, const char *part, const json_t *samples, const json_t *define)
{
	char *name = text_of(json_object_get(check, "of"));
	json_t *value = value_of(name, "", evaluate(json_object_get(check, "of"), samples, define));
	const json_t *min = json_object_get(check, "min"), *max = json_object_get(check, "max");
	const json_t *low = json_object_get(value, "low");
	double l = json_number_value(low), h = json_number_value(json_object_get(value, "high"));
	bool enough = json_integer_value(json_object_get(value, "count")) >= CLAIMS_REPETITIONS;
	bool holds = enough && json_is_number(low) && (!min || l >= json_number_value(min)) &&
		     (!max || h <= json_number_value(max));
	/* Not one whose interval lies wholly beyond a bound. */
	bool undecided = !holds && json_is_number(low) && (!min || h >= json_number_value(min)) &&
			 (!max || l <= json_number_value(max));
	json_object_set_new(value, "part", json_string(part));
	json_object_set_new(value, "min", min ? json_incref((json_t *)min) : json_null());
	json_object_set_new(value, "max", max ? json_incref((json_t *)max) : json_null());
	json_object_set_new(value, "holds", json_boolean(holds));
	json_object_set_new(value, "undecided", json_boolean(undecided));
	free(name);
	return value;
}

/* "at least 0", "0.9 to 1.1". Allocated. */
static char *bounds_text(const json_t *check)
{
	const json_t *min = json_object_get(check, "min"), *max = json_object_get(check, "max");
	if (json_is_number(min) && json_is_number(max))
		return text_format("%.4g to %.4g", json_number_value(min), json_number_value(max));
	if (json_is_number(min))
		return text_format("at least %.4g", json_number_value(min));
	return text_format("at most %.4g", json_number_value(max));
}

/* What does not hold, of one part; "" when all does. Allocated. */
static char *failures_of(const json_t *checks, const char *part)
{
	char *text = text_format("%s", "");
	size_t i;
	json_t *check;
	json_array_foreach (checks, i, check) {
		if (strcmp(json_string_value(json_object_get(check, "part")), part) != 0 ||
			json_is_true(json_object_get(check, "holds")))
			continue;
		char *value = claims_value_text(check), *bounds = bounds_text(check);
		char *longer = text_format("%s%s%s is %s, expected %s%s", text, text[0] ? "; " : "",
			json_string_value(json_object_get(check, "name")), value, bounds,
			json_is_true(json_object_get(check, "undecided"))
				? " (undecided: the interval is on both sides)"
				: "");
		free(bounds);
		free(value);
		free(text);
		text = longer;
	}
	return text;
}

static void set_verdict(json_t *claim, const char *verdict, const char *before, const char *why)
{
	json_object_set_new(claim, "verdict", json_string(verdict));
	char *reason = text_format("%s%s", before, why);
	json_object_set_new(claim, "reason", json_string(reason));
	free(reason);
}

static void add_verdict(json_t *claim, const json_t *missing)
{
	const json_t *checks = json_object_get(claim, "checks");
	char *expect = failures_of(checks, "expect"), *amount = failures_of(checks, "amount");
	if (json_array_size(missing))
		set_verdict(claim, "missing", "", json_string_value(json_array_get(missing, 0)));
	else if (expect[0])
		set_verdict(claim, "not reproduced", "", expect);
	else if (amount[0])
		set_verdict(claim, "differs", "what it says holds, how much does not: ", amount);
	else
		set_verdict(claim, "reproduced", "", "");
	free(amount);
	free(expect);
}

static json_t *text_or_empty(const json_t *value)
{
	return json_string(json_is_string(value) ? json_string_value(value) : "");
}

/* Values with enough repetitions each may have too few in common. */
static void add_checks(json_t *checks, const json_t *rule, const char *part, const json_t *samples,
	json_t *missing)
{
	size_t i;
	json_t *check;
	json_array_foreach (json_object_get(rule, part), i, check) {
		json_t *judged = check_of(check, part, samples, json_object_get(rule, "define"));
		long long count = json_integer_value(json_object_get(judged, "count"));
		if (count < CLAIMS_REPETITIONS)
			say_missing(
				missing, text_format("%s has %lld of %d repetitions",
						 json_string_value(json_object_get(judged, "name")),
						 count, CLAIMS_REPETITIONS));
		json_array_append_new(checks, judged);
	}
}

/* NULL and *error. */
static json_t *judge(struct experiments *e, const json_t *rule, char **error)
{
	const struct sources sources = sources_new();
	json_t *samples = samples_of_all(e, json_object_get(rule, "values"), &sources, error);
	json_t *ours = json_array(), *checks = json_array(), *shown;
	size_t i;
	json_array_foreach (json_object_get(rule, "show"), i, shown) {
		const json_t *source =
			json_object_get(json_object_get(rule, "values"), json_string_value(shown));
		char *of = text_format("%s %s",
			source ? json_string_value(json_array_get(source, 0)) : "",
			source ? json_string_value(json_array_get(source, 1)) : "");
		json_array_append_new(
			ours, value_of(json_string_value(shown), source ? of : "",
				      evaluate(shown, samples, json_object_get(rule, "define"))));
		free(of);
	}
	add_checks(checks, rule, "expect", samples, sources.missing);
	add_checks(checks, rule, "amount", samples, sources.missing);
	json_decref(samples);

	json_t *claim = json_pack("{s:O, s:O, s:O, s:O, s:O, s:o, s:s, s:o, s:o, s:O, s:o, s:o}",
		"id", json_object_get(rule, "id"), "claim", json_object_get(rule, "claim"), "where",
		json_object_get(rule, "where"), "paper", json_object_get(rule, "paper"), "unit",
		json_object_get(rule, "unit"), "why", text_or_empty(json_object_get(rule, "why")),
		"note", "", "ours", ours, "checks", checks, "figure",
		json_object_get(rule, "figure"), "runs", sources.runs, "caveats", sources.caveats);
	add_verdict(claim, sources.missing);
	json_decref(sources.missing);
	if (!*error)
		return claim;
	json_decref(claim);
	return NULL;
}

/* ---- Notes ---- */

/* Whether the results show the numbers that a note names. */
static bool note_is_shown(struct experiments *e, const json_t *note, char **error)
{
	const struct sources ignored = sources_new();
	json_t *samples = samples_of_all(e, json_object_get(note, "values"), &ignored, error);
	json_t *check;
	bool shown = true;
	size_t i;
	json_array_foreach (json_object_get(note, "when"), i, check) {
		json_t *judged = check_of(check, "", samples, NULL);
		shown = shown && json_is_true(json_object_get(judged, "holds"));
		json_decref(judged);
	}
	json_decref(samples);
	json_decref(ignored.runs);
	json_decref(ignored.caveats);
	json_decref(ignored.missing);
	return shown;
}

/* Whether the claims that a note speaks of have been judged. */
static bool note_has_its_claims(const json_t *note, const json_t *claims)
{
	size_t i, k;
	json_t *id, *claim;
	json_array_foreach (json_object_get(note, "claims"), i, id) {
		json_array_foreach ((json_t *)claims, k, claim)
			if (json_equal(json_object_get(claim, "id"), id) &&
				strcmp(json_string_value(json_object_get(claim, "verdict")),
					"missing") == 0)
				return false;
	}
	return true;
}

/* Gives each claim its note, where that stands. */
static void add_notes(
	struct experiments *e, const json_t *rules, const json_t *claims, char **error)
{
	size_t i;
	json_t *claim;
	json_array_foreach ((json_t *)claims, i, claim) {
		const json_t *note = json_object_get(json_array_get(rules, i), "note");
		if (note &&
			json_equal(json_object_get(note, "verdict"),
				json_object_get(claim, "verdict")) &&
			note_has_its_claims(note, claims) && note_is_shown(e, note, error))
			json_object_set(claim, "note", json_object_get(note, "text"));
	}
}

json_t *claims_judge(const char *file, const char *out, char **error)
{
	json_t *rules = claims_rules(file, error), *rule;
	if (!rules)
		return NULL;
	struct experiments e = {.out = out};
	json_t *claims = json_array();
	json_t *verdicts = json_pack("{s:i, s:i, s:i, s:i}", "reproduced", 0, "differs", 0,
		"not reproduced", 0, "missing", 0);
	size_t i;
	json_array_foreach (rules, i, rule) {
		json_t *claim = *error ? NULL : judge(&e, rule, error);
		if (!claim)
			continue;
		const char *verdict = json_string_value(json_object_get(claim, "verdict"));
		json_t *count = json_object_get(verdicts, verdict);
		json_integer_set(count, json_integer_value(count) + 1);
		json_array_append_new(claims, claim);
	}
	if (!*error)
		add_notes(&e, rules, claims, error);
	for (i = 0; i < e.count; i++) {
		results_free(e.all[i].results);
		free(e.all[i].name);
	}
	free(e.all);
	json_decref(rules);
	json_t *judged = json_pack("{s:o, s:o}", "verdicts", verdicts, "claims", claims);
	if (!*error)
		return judged;
	json_decref(judged);
	return NULL;
}
