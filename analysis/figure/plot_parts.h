/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_PARTS_H
#define ANALYSIS_FIGURE_PLOT_PARTS_H

#include "analysis/figure/gnuplot.h"
#include "analysis/measure/results.h"
#include "experiments/record/stats.h"

/* What the figures of an experiment share: how they begin, whom they show, bars and events. */

/* Begins DIRECTORY/EXPERIMENT`suffix`, `height` pixels high, with its title, the line below it
 * ("what · 20 s after 10 s of warm-up · ground: ..."), what differs between the contestants, and
 * what speaks against believing it. figure_end() follows. */
void plot_begin(struct figure *f, const struct results *r, const struct gallery *g,
	const char *suffix, int height, const char *what);

/* The index of a contestant's colour and dashes, the same in every figure; one of an unusual name
 * gets what is left. */
size_t plot_style(const struct results *r, size_t index);

/* The same of a name, where there were `others` of unusual names before. */
size_t plot_style_of(const char *name, size_t others);

/* The ith number of a list in a result or in one of its paths; 0: there is none. */
double plot_value(const json_t *object, const char *series, size_t i);

/* The distance in seconds of two samples of a path from which on some are missing between them, so
 * that a line between the two would be made up: more than one of the distance that most have. */
double plot_gap_after(const json_t *path);

/* Whether a contestant has good runs, over mpipd's paths and without MPTCP above it. */
bool plot_is_mpip_alone(const struct contestant_results *c);

/* Writes a name into a text in double quotes, in two lines where it is long. */
void plot_name(const struct figure *f, const char *name);

/* Writes, likewise, how many good runs it has, and what stands behind them. */
void plot_runs(const struct figure *f, const struct contestant_results *c);

/* The height in pixels of what stands below a bar: plot_name(), a line, plot_runs(). */
int plot_label_height(const struct results *r);

/* Writes a bar's row: where it stands, its mean, half the interval's width, the paper's value. */
void plot_write_bar(const struct figure *f, double x, struct stats_estimate e, double paper);

/* Part of a plot command: the paper's values of block `block` as diamonds, at these columns
 * ("1:4"); `title` is for the key, or "". */
void plot_diamonds(const struct figure *f, size_t block, const char *columns, const char *title);

/* A block for plot_over_time(): of each second of `series`, a JSON pointer to a list of numbers in
 * a result, the mean over a contestant's good runs that have it, the lowest and the highest, in
 * `unit`s; NaN, a gap in the line, where none has. */
void plot_write_over_time(const struct figure *f, const struct contestant_results *c,
	const char *series, int seconds, double unit);

/* The beginning of a plot command: `lines` lines over time, each in the band of its runs. Their
 * blocks begin with `block` and have time, mean, lowest and highest. */
void plot_over_time(const struct figure *f, size_t block, const size_t *styles, size_t lines);

/* Part of a plot command: the bars of block `block`, with intervals, and the paper's values as
 * diamonds. `first` begins the command. */
void plot_bars(const struct figure *f, size_t block, size_t style, bool first);

/* Lines across the panel that is drawn next where an event was played in the run, with its name. */
void plot_events(const struct figure *f, const json_t *run);

#endif
