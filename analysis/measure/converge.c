// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether the guest's processor is fast enough.
 *
 * Theory of operation
 * -------------------
 * On the vm ground a faster processor costs nothing but wall time, so that its speed can be found
 * by doubling it until nothing changes any more. The yardstick is what chance makes of the same
 * mean: half the width of its 95 % confidence interval at the lower speed.
 */

#include "analysis/measure/converge.h"

#include <math.h>

static double mean_at(const struct contestant_results *c, const char *pointer)
{
	double sum = 0;
	for (size_t i = 0; i < c->count; i++)
		sum += json_number_value(json_pointer(c->runs[i], pointer));
	return c->count ? sum / (double)c->count : NAN;
}

static long long gips_of(const struct results *r)
{
	return json_integer_value(json_pointer(json_array_get(r->all, 0), "/vm/gips"));
}

static void print_speed(FILE *out, const struct contestant_results *c)
{
	char interval[16] = "-";
	if (!isnan(c->ci95))
		snprintf(interval, sizeof(interval), "%.2f", c->ci95);
	fprintf(out, "  %8.2f +- %-6s %8.3f %7.0f", c->mean, interval,
		mean_at(c, "/witness/p99_ms"), 100 * mean_at(c, "/cpu/machine_busy_share"));
}

/* The difference and its verdict; why it is none in `why`, NULL when it has converged. */
static const char *judge(const struct contestant_results *a, const struct contestant_results *b)
{
	if (!b || a->count < 2 || b->count < 2)
		return "needs two runs without marks at each speed";
	return fabs(b->mean - a->mean) <= a->ci95 ? NULL : "changes";
}

bool converge_print(const struct results *once, const struct results *twice, FILE *out)
{
	bool converged = once->count > 0;
	fprintf(out, "%s: %s\n%d s after %d s of warm-up; ground: vm\n\n", once->experiment,
		once->title, once->duration_s, once->warm_up_s);
	fprintf(out, "%-12s  %-34lld  %-34lld\n", "GIPS", gips_of(once), gips_of(twice));
	fprintf(out, "%-12s  %8s    %-6s %8s %7s  %8s    %-6s %8s %7s  %10s\n", "contestant",
		"goodput", "95 %", "witness", "busy", "goodput", "95 %", "witness", "busy",
		"difference");
	fprintf(out, "%-12s  %8s    %-6s %8s %7s  %8s    %-6s %8s %7s  %10s\n", "", "Mbit/s", "CI",
		"p99, ms", "%", "Mbit/s", "CI", "p99, ms", "%", "Mbit/s");
	for (size_t i = 0; i < once->count; i++) {
		const struct contestant_results *a = &once->contestants[i];
		const struct contestant_results *b = results_find(twice, a->name);
		const char *why = judge(a, b);
		fprintf(out, "%-12s", a->name);
		print_speed(out, a);
		if (b) {
			print_speed(out, b);
			fprintf(out, "  %+10.2f", b->mean - a->mean);
		}
		fprintf(out, "  %s\n", why ? why : "within the interval");
		converged = converged && !why;
	}
	for (size_t i = 0; i < 2; i++) {
		const struct results *r = i ? twice : once;
		if (*r->caveats)
			fprintf(out, "at %lld GIPS: %s\n", gips_of(r), r->caveats);
		if (r->missing)
			fprintf(out, "at %lld GIPS: %zu runs are not done yet\n", gips_of(r),
				r->missing);
	}
	if (converged)
		fprintf(out,
			"converged: twice the speed changes no mean by more than its confidence "
			"interval\n");
	else
		fprintf(out, "not converged at %lld GIPS\n", gips_of(once));
	return converged;
}
