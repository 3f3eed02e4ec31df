// SPDX-License-Identifier: BSD-2-Clause
/* The distribution of many values, in a result. */

#include "experiments/record/distribution.h"

#include "experiments/record/stats.h"

#include <math.h>

/* Leaves out NaN and sorts the others; how many there are is in it. */
static struct stats_distribution distribution_of(double *values, size_t count)
{
	size_t there = 0;
	for (size_t i = 0; i < count; i++)
		if (!isnan(values[i]))
			values[there++] = values[i];
	return stats_distribution(values, there);
}

json_t *distribution_json(double *values, size_t count)
{
	struct stats_distribution d = distribution_of(values, count);
	if (d.count == 0)
		return json_null();
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "count", (json_int_t)d.count,
		"mean", d.mean, "sd", d.sd, "min", d.min, "p50", d.p50, "p95", d.p95, "p99", d.p99,
		"max", d.max);
}

json_t *quantiles_json(double *values, size_t count)
{
	struct stats_distribution d = distribution_of(values, count);
	json_t *all = d.count ? json_array() : json_null();
	for (int i = 0; d.count && i <= QUANTILES; i++)
		json_array_append_new(
			all, json_real(stats_quantile(values, d.count, (double)i / QUANTILES)));
	return all;
}
