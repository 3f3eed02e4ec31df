// SPDX-License-Identifier: BSD-2-Clause
/* Comparisons of made-up results: how often one is wrong about the same, and what it finds. */

#include "analysis/sweep/compare.h"

#include "mpip/base/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is made up. */
struct recipe {
	size_t cells, seeds;
	int64_t first_seed;
	double noise;      /* standard deviation of a value, a part of it */
	double seed_noise; /* the same of what a seed does to all cells */
	double gain;       /* times every value */
};

/* Numbers of its own, the same everywhere. */
static uint64_t state;

static double uniform(void)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static void *list_of(size_t count, size_t size)
{
	void *list = calloc(count + 1, size);
	assert_non_null(list);
	return list;
}

static struct series_set *make_up(const struct recipe *r)
{
	struct series_set *s = list_of(1, sizeof(*s));
	double *shift = list_of(r->seeds, sizeof(*shift));
	s->title = text_format("made up");
	s->notes = text_format("%s", "");
	s->measure = (struct sweep_measure){"goodput_mbit", "Goodput", "Mbit/s", false};
	s->repetition_count = r->seeds;
	s->repetitions = list_of(r->seeds, sizeof(*s->repetitions));
	s->count = r->cells;
	s->all = list_of(r->cells, sizeof(*s->all));
	for (size_t k = 0; k < r->seeds; k++) {
		s->repetitions[k].seed = r->first_seed + (int64_t)k;
		shift[k] = r->seed_noise * normal();
	}
	for (size_t i = 0; i < r->cells; i++) {
		struct series *one = &s->all[i];
		*one = (struct series){
			"mpip", text_format("delay = %zu", i), list_of(r->seeds, sizeof(double))};
		for (size_t k = 0; k < r->seeds; k++)
			one->values[k] =
				(double)(i + 1) * r->gain * exp(shift[k] + r->noise * normal());
	}
	free(shift);
	return s;
}

static struct comparison *compare_well(const struct series_set *a, const struct series_set *b)
{
	char *error = NULL;
	struct comparison *c = compare(a, b, &error);
	if (!c)
		fail_msg("%s", error);
	return c;
}

/* In how many of so many draws B is worse than A. */
static int count_worse(const struct recipe *a, const struct recipe *b, int draws)
{
	int worse = 0;
	for (int i = 0; i < draws; i++) {
		struct series_set *before = make_up(a), *after = make_up(b);
		struct comparison *c = compare_well(before, after);
		worse += c->is_worse;
		comparison_free(c);
		series_free(before);
		series_free(after);
	}
	return worse;
}

/* Draws of the same, with other seeds or with the same seeds and noise all the same. Of a thousand
 * two are expected to be wrong, and six or more once in sixty times; the numbers are always these.
 */
static void is_quiet_about_the_same(void **unused)
{
	(void)unused;
	static const struct {
		struct recipe recipe;
		int64_t other_seeds;
	} all[] = {
		{{24, 5, 1, 0.01, 0, 1}, 11},
		{{24, 5, 1, 0.01, 0, 1}, 1},
		{{60, 3, 1, 0.05, 0, 1}, 11},
		{{4, 10, 1, 0.3, 0, 1}, 11},
		{{24, 5, 1, 0.01, 0.05, 1}, 11}, /* a seed shifts all cells */
		{{24, 5, 1, 0.01, 0.05, 1}, 1},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct recipe other = all[i].recipe;
		other.first_seed = all[i].other_seeds;
		state = 1 + i;
		int worse = count_worse(&all[i].recipe, &other, 1000);
		if (worse > 5)
			fail_msg("recipe %zu: %d of 1000", i, worse);
	}
}

/* Two per cent less, where runs differ by one. */
static void finds_two_per_cent(void **unused)
{
	(void)unused;
	static const int64_t firsts[] = {1, 11}; /* in pairs, and not */
	for (size_t i = 0; i < 2; i++) {
		struct recipe a = {24, 5, 1, 0.01, 0, 1}, b = a;
		b.gain = 0.98;
		b.first_seed = firsts[i];
		state = 7;
		int worse = count_worse(&a, &b, 300);
		if (worse < 297)
			fail_msg("found in %d of 300", worse);
	}
}

/* What a seed does to all cells is no noise between pairs. */
static void pairs_do_not_see_what_seeds_do(void **unused)
{
	(void)unused;
	struct recipe r = {24, 5, 1, 0.01, 0.2, 1};
	state = 3;
	struct series_set *a = make_up(&r), *b = make_up(&r);
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < r.seeds; k++)
			b->all[i].values[k] = a->all[i].values[k] * 0.98 * exp(0.01 * normal());
	struct comparison *c = compare_well(a, b);
	assert_true(c->paired && c->is_worse && c->means[0].worse);
	assert_true(fabs(c->means[0].ratio - 0.98) < 0.003);
	comparison_free(c);
	series_free(a);
	series_free(b);
}

/* One cell of fifty has lost a third. */
static void names_the_cell(void **unused)
{
	(void)unused;
	struct recipe r = {50, 5, 1, 0.01, 0, 1};
	state = 5;
	struct series_set *a = make_up(&r), *b = make_up(&r);
	for (size_t k = 0; k < r.seeds; k++)
		b->all[17].values[k] *= 0.66;
	struct comparison *c = compare_well(a, b);
	assert_int_equal(c->worse, 1);
	assert_true(c->cells[17].worse && c->is_worse);
	assert_string_equal(c->cells[17].cell, "delay = 17");
	assert_true(c->cells[17].high < 0.7 && c->cells[17].low > 0.6);
	comparison_free(c);
	series_free(a);
	series_free(b);
}

/* Values that do not differ from seed to seed: more than 0.2 % is a change, less is none. */
static void without_noise(void **unused)
{
	(void)unused;
	static const struct {
		double gain;
		bool worse, equal;
	} all[] = {{1, false, true}, {0.9985, false, false}, {0.997, true, false},
		{1.01, false, false}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct recipe a = {3, 4, 1, 0, 0, 1}, b = a;
		b.gain = all[i].gain;
		struct series_set *before = make_up(&a), *after = make_up(&b);
		struct comparison *c = compare_well(before, after);
		assert_int_equal(c->is_worse, all[i].worse);
		assert_int_equal(c->is_equal, all[i].equal);
		assert_int_equal(c->worse, all[i].worse ? 3 : 0);
		assert_int_equal(c->better, all[i].gain > 1.005 ? 3 : 0);
		comparison_free(c);
		series_free(before);
		series_free(after);
	}
}

static void set_values(struct series_set *s, size_t cell, const double values[4])
{
	memcpy(s->all[cell].values, values, 4 * sizeof(*values));
}

/* Fewer is better, and none is a value. */
static void lower_is_better_and_zeros(void **unused)
{
	(void)unused;
	struct recipe r = {3, 4, 1, 0.01, 0, 1};
	struct series_set *a = make_up(&r), *b = make_up(&r);
	a->measure.lower = b->measure.lower = true;
	set_values(a, 0, (double[]){0, 0, 0, 0});
	set_values(b, 0, (double[]){0, 0, 0, 0});
	set_values(a, 1, (double[]){0, 1, 0, 1});
	set_values(b, 1, (double[]){500, 501, 500, 501.01});
	set_values(a, 2, (double[]){100, 101, 102, 103});
	set_values(b, 2, (double[]){50, 50.5, 51, 51.5001});
	struct comparison *c = compare_well(a, b);
	assert_true(c->cells[0].equal && c->cells[0].ratio == 1 && !c->cells[0].worse);
	assert_true(c->cells[1].worse && fabs(c->cells[1].ratio - 0.001) < 1e-4);
	assert_true(c->cells[2].better && fabs(c->cells[2].ratio - 2) < 1e-4);
	assert_int_equal(c->equal, 1);
	comparison_free(c);
	series_free(a);
	series_free(b);
}

/* Runs that are missing, on one side or both; cells of one side alone. */
static void what_is_missing(void **unused)
{
	(void)unused;
	struct recipe r = {4, 4, 1, 0.01, 0, 1};
	state = 9;
	struct series_set *a = make_up(&r), *b = make_up(&r);
	set_values(a, 0, (double[]){1, NAN, 1, NAN});
	set_values(b, 0, (double[]){NAN, 1, 1, NAN});
	a->all[1].values[2] = NAN;
	b->all[2].cell[0] = 'D';
	struct comparison *c = compare_well(a, b);
	/* of the first cell there is one pair, and it is equal */
	assert_int_equal(c->cell_count, 3);
	assert_int_equal(c->cells[0].a_count, 1);
	assert_true(c->cells[0].equal && !c->is_equal);
	assert_int_equal(c->cells[1].b_count, 3);
	assert_int_equal(c->only_a, 1);
	assert_int_equal(c->only_b, 1);
	comparison_free(c);

	b->all[0].values[2] = 1.5;
	c = compare_well(a, b);
	assert_int_equal(c->cell_count, 2);
	assert_int_equal(c->few, 1);
	comparison_free(c);

	char *error = NULL;
	b->measure.name = "gap_ms";
	assert_null(compare(a, b, &error));
	assert_string_equal(
		error, "made up: expected the measure goodput_mbit, as the other has, got gap_ms");
	free(error);
	series_free(a);
	series_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_quiet_about_the_same),
		cmocka_unit_test(finds_two_per_cent),
		cmocka_unit_test(pairs_do_not_see_what_seeds_do),
		cmocka_unit_test(names_the_cell),
		cmocka_unit_test(without_noise),
		cmocka_unit_test(lower_is_better_and_zeros),
		cmocka_unit_test(what_is_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
