/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_PLOT_PARTS_H
#define ANALYSIS_PLOT_PARTS_H

#include "analysis/gnuplot.h"
#include "analysis/results.h"
#include "analysis/stats.h"

/* What the figures of an experiment share: how they begin, whom they show, bars and events. */

/* Begins FIGURES/EXPERIMENT`suffix`, `height` pixels high, with its title, the line below it
 * ("what · 20 s after 10 s of warm-up · ground: ..."), and what speaks against believing it. 0, or
 * -1 and *error; figure_end() follows in both cases. */
int plot_begin(struct figure *f, const struct results *r, const char *figures, const char *suffix,
	int height, const char *what, char **error);

/* The index of a contestant's colour and dashes, the same in every figure; one of an unusual name
 * gets what is left. */
size_t plot_style(const struct results *r, size_t index);

/* Whether a contestant has good runs, over mpipd's paths and without MPTCP above it. */
bool plot_is_mpip_alone(const struct contestant_results *c);

/* A number out of one run: measure() of measures.h, or another that has no use for the name. */
typedef double plot_measure(const json_t *run, const char *name);

/* Its mean over a contestant's good runs, with the interval by Student's t; runs that do not have
 * it are left out. */
struct stats_estimate plot_estimate(
	const struct contestant_results *c, plot_measure *of, const char *name);

/* Writes a name into a text in double quotes, in two lines where it is long. */
void plot_name(const struct figure *f, const char *name);

/* Writes, likewise, how many good runs it has, and what stands behind them. */
void plot_runs(const struct figure *f, const struct contestant_results *c);

/* Writes a bar's row: where it stands, its mean, half the interval's width, the paper's value. */
void plot_write_bar(const struct figure *f, double x, struct stats_estimate e, double paper);

/* Part of a plot command: the bars of block `block`, with intervals, and the paper's values as
 * diamonds. `first` begins the command. */
void plot_bars(const struct figure *f, size_t block, size_t style, bool first);

/* Lines across the panel that is drawn next where an event was played in the run, with its name. */
void plot_events(const struct figure *f, const json_t *run);

#endif
