// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading the rules by which claims are judged.
 *
 * Theory of operation
 * -------------------
 * The file is checked whole before anything is judged; then a name that is not there can only be a
 * result that is not there. What is wrong is one line that names the place.
 */

#include "analysis/report/claims_rules.h"

#include "analysis/measure/measures.h"
#include "analysis/report/data.h"
#include "mpip/base/error.h"
#include "mpip/base/jsonfile.h"

#include <string.h>

const char *const claims_operators[] = {"difference", "ratio", "least", "most", NULL};

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
	jat_only(at, claims_operators);
	for (size_t i = 0; claims_operators[i]; i++) {
		struct jat list = jat_key(at, claims_operators[i]);
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

static void check_note(struct jat note)
{
	static const char *const keys[] = {"text", "verdict", "values", "when", "claims", NULL};
	static const char *const verdicts[] = {"reproduced", "differs", "not reproduced"};
	struct jat values = jat_key(note, "values"), claims = jat_key(note, "claims");
	struct jat verdict = jat_key(note, "verdict");
	jat_only(note, keys);
	jat_string(jat_key(note, "text"));
	bool known = false;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		known = known || strcmp(jat_string(verdict), verdicts[i]) == 0;
	if (!known)
		jat_fail(verdict, "expected reproduced, differs or not reproduced");
	if (jat_present(values))
		check_values(values);
	check_checks(jat_key(note, "when"), values.value, NULL);
	for (size_t i = 0; i < jat_length(claims); i++)
		jat_integer(jat_item(claims, i), 1, 9999);
}

/* That there are the claims that a note speaks of. */
static void check_mentioned(struct jat claims, struct jat note)
{
	struct jat mentioned = jat_key(note, "claims");
	for (size_t i = 0; i < jat_length(mentioned); i++) {
		bool found = false;
		for (size_t k = 0; k < jat_length(claims); k++)
			found = found || json_equal(jat_key(jat_item(claims, k), "id").value,
						 jat_item(mentioned, i).value);
		if (!found)
			jat_fail(jat_item(mentioned, i), "expected the number of a claim");
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
	if (jat_present(jat_key(at, "note")))
		check_note(jat_key(at, "note"));
}

/* The claims of a file, NULL: those that are built in, that have passed all checks; NULL and
 * *error.
 */
json_t *claims_rules(const char *file, char **error)
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
	for (size_t i = 0; !jdoc_error(doc) && i < jat_length(claims); i++) {
		struct jat note = jat_key(jat_item(claims, i), "note");
		if (jat_present(note))
			check_mentioned(claims, note);
	}
	json_t *list = NULL;
	if (jdoc_error(doc))
		error_set(error, "%s", jdoc_error(doc));
	else
		list = json_incref(claims.value);
	jdoc_free(doc);
	return list;
}
