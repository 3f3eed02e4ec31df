/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_RESULTS_H
#define ANALYSIS_MEASURE_RESULTS_H

#include "experiments/record/resultfile.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The results of one experiment, by contestant. */

/* A contestant of an experiment with its runs. */
struct contestant_results {
	const char *name;
	json_t **runs; /* the runs that count: without marks; each a whole result.json */
	size_t count;
	double *goodput; /* of each of them, Mbit/s */
	json_t **marked; /* the others */
	size_t marked_count;
	size_t limited_count; /* of `runs`: the processor was too slow for them */
	double paper;         /* the paper's value; NaN: it has none */
	double mean, ci95;    /* of goodput; NaN when there are too few runs */
};

struct results {
	char *directory;        /* OUT/EXPERIMENT */
	const char *experiment; /* its last part; the caller's, as long as this lives */
	const char *title, *ground;
	const char *wire_form; /* "several" where runs differ, "" without mpipd */
	int duration_s, warm_up_s;
	struct contestant_results *contestants;
	size_t count;
	size_t missing;     /* runs of the table that have no result yet */
	char *uncalibrated; /* why one cannot rely on the links; NULL: they have been calibrated */
	char *caveats;      /* the same and limited runs and losses in short; "" for none */
	char *late; /* what the processor's lateness means for the numbers; "": it has not been late
		     */
	json_t *all;          /* owns the results */
	json_t *paper;        /* the paper's values; NULL where they are not needed */
	json_t *calibrations; /* what calibration*.json hold, each with its "file", sorted */
};

/* Reads OUT/EXPERIMENT: the runs that runs.json lists, in its order of contestants; a run that is
 * not there yet is counted as missing. All are of one duration and one seed. `paper` is the paper's
 * values, analysis/paper-values.json, or NULL. NULL and *error when there is no runs.json or a
 * result cannot be read. Free with results_free().
 */
struct results *results_load(
	const char *out, const char *experiment, const json_t *paper, char **error);
void results_free(struct results *r);

/* The experiments under OUT, sorted: a JSON list of names; empty when there is none. */
json_t *results_experiments(const char *out);

/* The contestant of this name, or NULL. */
const struct contestant_results *results_find(const struct results *r, const char *name);

/* The contestant with neither mpipd nor MPTCP on the links and with the load that `c` has; NULL:
 * there is none with a run that counts. */
const struct contestant_results *results_plain(
	const struct results *r, const struct contestant_results *c);

/* The calibration of the links that a run was made on: of its scenario, ground and speed. NULL:
 * there is none. */
const json_t *results_calibration(const struct results *r, const json_t *run);

/* Whether the processor was too slow for a run, so that it may have made the numbers; why is in its
 * "cpu_limited". */
bool results_is_limited(const json_t *run);

/* Whether the processor came late for a run by more than a tenth of the delays that the experiment
 * is about, as its witness saw: then delays are not exact. On the host that is the rule. */
bool results_is_late(const json_t *run);

/* Whether a link lost more or fewer of its packets than configured, by its "losses". */
bool results_is_loss_wrong(const json_t *run);

#endif
