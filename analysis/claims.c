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
 * The file is checked whole before anything is judged; then a name that is not there can only be a
 * result that is not there.
 */

#include "analysis/claims.h"

#include "analysis/data.h"
#include "analysis/measures.h"
#include "analysis/results.h"
#include "analysis/stats.h"
#include "analysis/textlist.h"
#include "lab/error.h"
#include "mpip/base/jsonfile.h"

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

static const char *const operators[] = {"difference", "ratio", "least", "most", NULL};

/* ---- Reading the rules ---- */

static void check_expression(struct jat at, const json_t *values, const json_t *define)
{
	if (json_is_string(at.value)) {
		const char *name = json_string_value(at.value);
		if (!json_object_get(values, name) && !json_object_get(define, name))
			jat_fail(at, "expected a name out of \"values\" or \"define\", got \"%s\"",
				name);
		return;
	}
	if (!json_is_object(at.value) || json_object_size(at.value) != 1) {
		jat_fail(at, "expected a name, or one of difference, ratio, least, most");
		return;
	}
	jat_only(at, operators);
	for (size_t i = 0; operators[i]; i++) {
		struct jat list = jat_key(at, operators[i]);
		size_t count = jat_length(list);
		if (jat_present(list) && (count < 1 || (i < 2 && count != 2)))
			jat_fail(list, "expected %s", i < 2 ? "two expressions" : "expressions");
		for (size_t k = 0; k < count; k++)
			check_expression(jat_item(list, k), values, define);
	}
}

#define LIMIT 1e12

static void check_checks(struct jat list, const json_t *values, const json_t *define)
{
	static const char *const keys[] = {"of", "min", "max", NULL};
	for (size_t i = 0; i < jat_length(list); i++) {
		struct jat check = jat_item(list, i);
		jat_only(check, keys);
		check_expression(jat_key(check, "of"), values, define);
		if (!jat_present(jat_key(check, "min")) && !jat_present(jat_key(check, "max")))
			jat_fail(check, "expected min or max");
		else if (jat_number_or(jat_key(check, "min"), -LIMIT, LIMIT, -LIMIT) >
			 jat_number_or(jat_key(check, "max"), -LIMIT, LIMIT, LIMIT))
			jat_fail(check, "expected min to be at most max");
	}
}

static void check_values(struct jat values)
{
	const char *name;
	json_t *value;
	json_object_foreach (values.value, name, value) {
		struct jat at = jat_key(values, name);
		if (jat_length(at) != 2) {
			jat_fail(at, "expected [\"experiment/contestant\", \"measure\"]");
			return;
		}
		struct jat what = jat_item(at, 1);
		if (!strchr(jat_string(jat_item(at, 0)), '/'))
			jat_fail(jat_item(at, 0), "expected experiment/contestant");
		if (!measure_exists(jat_string(what)))
			jat_fail(what, "expected a measure, got \"%.60s\"", jat_string(what));
	}
}

static void check_claim(struct jat at)
{
	static const char *const keys[] = {"id", "claim", "where", "paper", "unit", "why", "note",
		"figure", "show", "values", "define", "expect", "amount", NULL};
	struct jat values = jat_key(at, "values"), define = jat_key(at, "define");
	struct jat show = jat_key(at, "show");
	jat_only(at, keys);
	jat_integer(jat_key(at, "id"), 1, 9999);
	static const char *const texts[] = {"claim", "where", "paper", "unit", "figure"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		jat_string(jat_key(at, texts[i]));
	jat_string_or(jat_key(at, "why"), "");
	jat_string_or(jat_key(at, "note"), "");
	if (!json_is_object(values.value)) {
		jat_fail(values, "expected an object, names of values");
		return;
	}
	check_values(values);
	if (jat_present(define) && !json_is_object(define.value))
		jat_fail(define, "expected an object, names of expressions");
	const char *name;
	json_t *expression;
	json_object_foreach (define.value, name, expression) {
		if (json_object_get(values.value, name))
			jat_fail(jat_key(define, name), "expected a name that no value has");
		check_expression(jat_key(define, name), values.value, NULL);
	}
	for (size_t i = 0; i < jat_length(show); i++) {
		jat_string(jat_item(show, i));
		check_expression(jat_item(show, i), values.value, define.value);
	}
	if (jat_length(jat_key(at, "expect")) == 0)
		jat_fail(jat_key(at, "expect"), "expected at least one check");
	check_checks(jat_key(at, "expect"), values.value, define.value);
	check_checks(jat_key(at, "amount"), values.value, define.value);
}

/* The claims of a file, NULL: those that are built in, that have passed all checks; NULL and
 * *error.
 */
static json_t *load_claims(const char *file, char **error)
{
	struct data own = data_claims();
	struct jdoc *doc = file ? jdoc_load(file) : jdoc_parse(own.name, own.text, own.length);
	struct jat root = jdoc_root(doc), claims = jat_key(root, "claims");
	if (!jdoc_error(doc) && jat_length(claims) == 0)
		jat_fail(claims, "expected a list of claims");
	for (size_t i = 0; !jdoc_error(doc) && i < jat_length(claims); i++) {
		struct jat id = jat_key(jat_item(claims, i), "id");
		check_claim(jat_item(claims, i));
		for (size_t k = 0; k < i; k++)
			if (json_equal(id.value, jat_key(jat_item(claims, k), "id").value))
				jat_fail(id, "expected a number that no other claim has");
	}
	json_t *list = NULL;
	if (jdoc_error(doc))
		lab_fail(error, "%s", jdoc_error(doc));
	else
		list = json_incref(claims.value);
	jdoc_free(doc);
	return list;
}

/* ---- Values ---- */

/* NULL when there are no results, which is no error; else NULL and *error. */
static const struct results *results_of(struct experiments *e, const char *name, char **error)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->all[i].name, name) == 0)
			return e->all[i].results;
	char *file = lab_text("%s/%s/runs.json", e->out, name);
	bool there = access(file, F_OK) == 0;
	free(file);
	e->all = reallocarray(e->all, e->count + 1, sizeof(*e->all));
	if (!e->all)
		abort();
	struct experiment *new = &e->all[e->count++];
	new->name = lab_text("%s", name);
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
	char *experiment = lab_text("%.*s", (int)(contestant - of - 1), of);
	json_t *samples = json_object();
	const struct results *r = results_of(e, experiment, error);
	const struct contestant_results *c = r ? results_find(r, contestant) : NULL;
	for (size_t i = 0; c && i < c->count; i++) {
		double v = measure(c->runs[i], what);
		char *rep = lab_text(
			"%lld", (long long)json_integer_value(json_object_get(c->runs[i], "rep")));
		if (isfinite(v))
			json_object_set_new(samples, rep, json_real(v));
		free(rep);
		textlist_add(sources->runs,
			lab_text("%s/%s", experiment,
				json_string_value(json_object_get(c->runs[i], "run"))));
	}
	if (c && c->count && *r->caveats)
		textlist_add(sources->caveats, lab_text("%s: %s", experiment, r->caveats));
	if (c && c->count && *r->late)
		textlist_add(sources->caveats, lab_text("%s: %s", experiment, r->late));
	if (!r)
		say_missing(sources->missing, lab_text("%s has no results", experiment));
	else if (!c)
		say_missing(sources->missing, lab_text("%s has no results", of));
	else if (c->count && json_object_size(samples) == 0)
		say_missing(sources->missing, lab_text("%s has no %s", of, what));
	else if (json_object_size(samples) < CLAIMS_REPETITIONS)
		say_missing(sources->missing,
			lab_text("%s has %zu of %d repetitions%s", of, json_object_size(samples),
				CLAIMS_REPETITIONS, c->marked_count ? " without marks" : ""));
	free(experiment);
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
	while (!json_object_get(expression, operators[operator]))
		operator++;
	const json_t *list = json_object_get(expression, operators[operator]);
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
		return lab_text("%s", json_string_value(expression));
	static const char *const signs[] = {" - ", " / ", ", ", ", "};
	size_t operator= 0;
	while (!json_object_get(expression, operators[operator]))
		operator++;
	const json_t *list = json_object_get(expression, operators[operator]);
	char *text = lab_text("%s", operator<2 ? "" : operator== 2 ? "least of (" : "most of (");
	for (size_t i = 0; i < json_array_size(list); i++) {
		char *part = text_of(json_array_get(list, i));
		char *longer = lab_text("%s%s%s", text, i ? signs[operator] : "", part);
		free(part);
		free(text);
		text = longer;
	}
	if (operator<2)
		return text;
	char *closed = lab_text("%s)", text);
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
		return lab_text("-");
	double mean = json_number_value(json_object_get(value, "mean"));
	if (!json_is_number(low))
		return lab_text("%.4g", mean);
	return lab_text("%.4g [%.4g, %.4g]", mean, json_number_value(low),
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
		return lab_text("%.4g to %.4g", json_number_value(min), json_number_value(max));
	if (json_is_number(min))
		return lab_text("at least %.4g", json_number_value(min));
	return lab_text("at most %.4g", json_number_value(max));
}

/* What does not hold, of one part; "" when all does. Allocated. */
static char *failures_of(const json_t *checks, const char *part)
{
	char *text = lab_text("%s", "");
	size_t i;
	json_t *check;
	json_array_foreach (checks, i, check) {
		if (strcmp(json_string_value(json_object_get(check, "part")), part) != 0 ||
			json_is_true(json_object_get(check, "holds")))
			continue;
		char *value = claims_value_text(check), *bounds = bounds_text(check);
		char *longer = lab_text("%s%s%s is %s, expected %s%s", text, text[0] ? "; " : "",
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
	char *reason = lab_text("%s%s", before, why);
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
				missing, lab_text("%s has %lld of %d repetitions",
						 json_string_value(json_object_get(judged, "name")),
						 count, CLAIMS_REPETITIONS));
		json_array_append_new(checks, judged);
	}
}

/* NULL and *error. */
static json_t *judge(struct experiments *e, const json_t *rule, char **error)
{
	const struct sources sources = {json_array(), json_array(), json_array()};
	json_t *samples = json_object();
	json_t *ours = json_array(), *checks = json_array(), *value, *shown;
	const char *name;
	size_t i;
	json_object_foreach (json_object_get(rule, "values"), name, value) {
		json_object_set_new(samples, name, samples_of(e, value, &sources, error));
	}
	json_array_foreach (json_object_get(rule, "show"), i, shown) {
		const json_t *source =
			json_object_get(json_object_get(rule, "values"), json_string_value(shown));
		char *of = lab_text("%s %s",
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

	json_t *claim = json_pack("{s:O, s:O, s:O, s:O, s:O, s:o, s:o, s:o, s:o, s:O, s:o, s:o}",
		"id", json_object_get(rule, "id"), "claim", json_object_get(rule, "claim"), "where",
		json_object_get(rule, "where"), "paper", json_object_get(rule, "paper"), "unit",
		json_object_get(rule, "unit"), "why", text_or_empty(json_object_get(rule, "why")),
		"note", text_or_empty(json_object_get(rule, "note")), "ours", ours, "checks",
		checks, "figure", json_object_get(rule, "figure"), "runs", sources.runs, "caveats",
		sources.caveats);
	add_verdict(claim, sources.missing);
	json_decref(sources.missing);
	if (!*error)
		return claim;
	json_decref(claim);
	return NULL;
}

json_t *claims_judge(const char *file, const char *out, char **error)
{
	json_t *rules = load_claims(file, error), *rule;
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
