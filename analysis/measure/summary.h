/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_SUMMARY_H
#define ANALYSIS_MEASURE_SUMMARY_H

#include "analysis/measure/results.h"

/*
 * An experiment in numbers, as analysis table --json prints it:
 *
 * { "experiment", "title", "ground", "wire_form", "duration_s", "warm_up_s", "missing_runs",
 *   "uncalibrated": why or null, "caveats", "late": as in results.h,
 *   "contestants": [ { "contestant", "runs", "limited_runs", "marked_runs", "goodput_mbit",
 *     "ci95_mbit": half the width of the 95 % confidence interval, "sd_mbit", "ratio_to_plain",
 *     "aggregation_benefit", "subflows", "nic_shares": [ part of the sender's bytes ],
 *     "retransmitted_percent" or with UDP "lost_percent", "machine_busy_percent",
 *     "witness_p99_ms", "others_busy_percent", "mpipd_cpu_percent", "paper_mbit", "paper_ratio",
 *     "measures": { NAME: { "mean", "ci95" } }, "settings": those in which contestants differ
 *   } ] }
 *
 * What does not exist is null. Means are over the runs without marks.
 */

#define SUMMARY_MEASURES 4 /* of an experiment, at most */

/* A measure (measures.h) that an experiment has beside goodput, and its heading in two rows. */
struct summary_measure {
	const char *head[2], *measure;
};

/* Those of an experiment; SUMMARY_MEASURES of them, or one without a measure ends them. */
const struct summary_measure *summary_measures(const struct results *r);

/* Whether its load is UDP. */
bool summary_is_udp(const struct results *r);

/* The summary. A new reference. */
json_t *summary_build(const struct results *r);

#endif
