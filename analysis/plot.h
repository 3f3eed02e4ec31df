/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_PLOT_H
#define ANALYSIS_PLOT_H

#include "analysis/results.h"

/* Draws FIGURES/EXPERIMENT.svg and .png: the contestants' goodput as bars and, of up to four, over
 * time. The data and gnuplot's script stay in FIGURES/data. There must be a run without marks. 0,
 * also where goodput is not what the experiment is about, which *drawn tells; or -1 and *error. */
int plot_goodput(const struct results *r, const char *figures, bool *drawn, char **error);

/* Draws FIGURES/EXPERIMENT-paths.svg and .png: weights, queuing delays and bytes per path over one
 * run of the first contestant with mpipd and without MPTCP. 0, also when there is no such run; -1
 * and *error. *drawn tells whether there was. */
int plot_paths(const struct results *r, const char *figures, bool *drawn, char **error);

/* The index of a contestant's colour and dashes, the same in every figure; one of an unusual name
 * gets what is left. */
size_t plot_style(const struct results *r, size_t index);

#endif
