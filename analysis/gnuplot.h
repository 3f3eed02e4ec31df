/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_GNUPLOT_H
#define ANALYSIS_GNUPLOT_H

#include <stdio.h>

/* Writing a gnuplot script and having it drawn as SVG and PNG. */

struct figure {
	char *name;          /* "two-nics" */
	char *figures;       /* where the pictures go */
	char *script, *data; /* files under FIGURES/data */
	FILE *gp;            /* the script, being written */
	FILE *dat;           /* its data, in blocks that two empty lines end */
};

/* Opens script and data, and writes what all figures begin with: terminal, size in pixels of the
 * SVG (the PNG has twice as many), colours; and the variable `point`, a size, by which the
 * formats differ. 0, or -1 and *error. */
int figure_begin(struct figure *f, const char *figures, const char *name, int width, int height,
	char **error);

/* The two lines above the panels, and below them what speaks against believing them ("":
 * nothing does). */
void figure_title(
	const struct figure *f, const char *title, const char *subtitle, const char *caveats);

/* The edges of the panels that follow, parts of the figure from its lower left corner. */
void figure_panel(const struct figure *f, double left, double right, double top, double bottom);

/* Ends a plot command. Labels and arrows, the title among them, are drawn with the first panel and
 * not again. */
void figure_end_panel(const struct figure *f);

/* Ends a block of data; gnuplot counts them from 0. */
void figure_end_block(const struct figure *f);

/* Closes the files and, unless *error is set already, runs gnuplot once for each format. Frees what
 * begin() allocated. 0, or -1 and *error, also when something could not be written. */
int figure_end(struct figure *f, char **error);

/* Text in gnuplot's single quotes. Allocated. */
char *gnuplot_text(const char *text);

/* A colour that people who cannot tell red from green can tell from the others (Okabe and Ito's
 * set, grey first). "#rrggbb". */
const char *gnuplot_colour(size_t index);

/* The dashes that go with a colour, so that lines can be told apart in black and white: what
 * follows gnuplot's dashtype. */
const char *gnuplot_dash(size_t index);

/* A legend above the panel that is drawn next: a piece of each line and its name, in rows of
 * `per_row`. (gnuplot's own key is spaced differently in each format.) `y` is the first row's
 * height as a part of the panel's, `line` how far below it the next one is, likewise; `styles` are
 * indices of colours and dashes. */
void figure_legend(const struct figure *f, double y, double line, const char *const *names,
	const size_t *styles, size_t count, int per_row);

#endif
