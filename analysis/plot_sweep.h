/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_PLOT_SWEEP_H
#define ANALYSIS_PLOT_SWEEP_H

#include "analysis/results.h"

#include <stdbool.h>

/* Figures over a parameter that differs from contestant to contestant. Each returns 0, also when
 * the experiment is none of its kind, which *drawn tells; or -1 and *error. */

/* FIGURES/EXPERIMENT-load (the paper's figure 2): one-way delay and loss of contestants named
 * load-PERCENT over their load. C is where the delay first is a tenth of its whole rise above that
 * of the least load, L where first more than 0.1 % is lost. */
int plot_load(const struct results *r, const char *figures, bool *drawn, char **error);

/* FIGURES/EXPERIMENT-settings: convergence time and fluctuation of the weights over S and over T,
 * and those of weights that are not coupled; where S or T differs between contestants. */
int plot_settings(const struct results *r, const char *figures, bool *drawn, char **error);

/* FIGURES/EXPERIMENT-connections: memory of a connection, and processor time of a megabyte, of
 * contestants named KIND-CONNECTIONS. */
int plot_connections(const struct results *r, const char *figures, bool *drawn, char **error);

#endif
