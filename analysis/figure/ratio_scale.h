/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_RATIO_SCALE_H
#define ANALYSIS_FIGURE_RATIO_SCALE_H

#include "analysis/sweep/cells.h"

#include <stdbool.h>
#include <stdio.h>

/* Drawing ratios: by their logarithms, base 2, so that half and twice are equally far from 1. */

/* How far the scale goes to both sides of 1, by the judged contestants' ratios: from 5 % to 10
 * times. What is further is drawn at its end. */
double ratio_scale(const struct cells *c);

/* The place of a ratio on it. */
double ratio_at(double ratio, double scale);

/* The tics of an axis, what follows "set xtics": ("0.5" -1, "1" 0, "2" 1). */
void ratio_write_tics(FILE *gp, double scale);

/* "0.97", with brackets where the interval holds 1. */
#define RATIO_TEXT 24
const char *ratio_text(char text[RATIO_TEXT], const struct ratio *r);

/* How many contestants are judged. */
size_t ratio_judged(const struct sweep *s);

/* What is to be said below the title of a figure of ratios: what they are of, and more; and the
 * sweep's notes, in a line. Allocated. */
char *ratio_subtitle(const struct cells *c, const char *more);
char *ratio_notes(const struct sweep *s);

#endif
