/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_GNUPLOT_H
#define ANALYSIS_FIGURE_GNUPLOT_H

#include "analysis/figure/gallery.h"

#include <stdio.h>

/* Writing a figure as a gnuplot script and its data. */

/* The text above the panels: the title; the line below it; what differs between contestants; what
 * else there is to know; and what speaks against believing the figure. Each but the title is broken
 * into lines as it needs; "": there is none. */
struct head {
	const char *title, *subtitle, *settings, *notes, *caveats;
};

struct figure {
	const struct gallery *gallery;
	struct picture picture;
	double body; /* the part of the height that is below the head's further lines */
	FILE *gp;    /* the script, being written */
	FILE *dat;   /* its data, in blocks that two empty lines end */
};

/* Begins a figure of what gallery_first_line() takes, with what all begin with: the terminal,
 * colours, the head, and variables by which the formats differ: `point`, a size, and `small_font`.
 * `width` and `height` are the size of the SVG in pixels (the PNG has twice as many) but for the
 * head's lines below the subtitle, which are added. In another size (gallery.h) all is drawn larger
 * or smaller as a whole, so that labels keep their room. figure_end() follows. */
void figure_begin(struct figure *f, const struct gallery *g, const char *of, const char *name,
	int width, int height, const struct head *head);

/* The edges of the panels that follow, parts of the figure from its lower left corner. */
void figure_panel(const struct figure *f, double left, double right, double top, double bottom);

/* A line of text with its middle at a part of the figure's height. */
void figure_footnote(const struct figure *f, const char *text, double height);

/* Ends a plot command. Labels and arrows, the title among them, are drawn with the first panel and
 * not again. */
void figure_end_panel(const struct figure *f);

/* Ends a block of data; gnuplot counts them from 0. */
void figure_end_block(const struct figure *f);

/* Has the gallery draw the figure, and frees what begin() allocated. 0, or -1 and *error, as
 * gallery_draw(). */
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
