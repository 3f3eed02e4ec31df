/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_CONVERGE_H
#define ANALYSIS_MEASURE_CONVERGE_H

#include "analysis/measure/results.h"

#include <stdbool.h>
#include <stdio.h>

/* Prints what an experiment's contestants reach at the guest's speed of `once` and at twice that,
 * the results in `twice`, and a verdict. True when doubling changes no mean by more than its
 * confidence interval at the lower speed; never with less than two runs of each, or marked ones
 * alone. */
bool converge_print(const struct results *once, const struct results *twice, FILE *out);

#endif
