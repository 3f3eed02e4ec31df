/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_REPORT_REPORT_EXPERIMENT_H
#define ANALYSIS_REPORT_REPORT_EXPERIMENT_H

#include "analysis/measure/results.h"

#include <stdio.h>

/* Writes an experiment's part of the report's page, below its heading: numbers, calibrations,
 * provenance. */
void report_experiment(FILE *f, const struct results *r);

#endif
