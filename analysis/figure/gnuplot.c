// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing a figure as a gnuplot script.
 *
 * Theory of operation
 * -------------------
 * A script draws its figure in any format and size: it is told by variables that have defaults, so
 * that it runs by itself where it lies, too. Fonts, lines and points have the same proportion to
 * the figure in each size; what fits in one fits in all. Where width and height are in another
 * proportion than the figure's own, it is the panels that become wider or higher.
 *
 * Above the panels is the head, whose lines are counted in pixels of the figure's own size, from
 * its top: line(px). Terminals are "noenhanced", because names of contestants contain characters
 * that gnuplot's markup would eat.
 */

#include "analysis/figure/gnuplot.h"

#include "mpip/base/error.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TITLE_AT    24 /* pixels from the top to a line's middle */
#define SUBTITLE_AT 50
#define LINE        20  /* pixels, of the head's other lines */
#define TEXT_MOST   136 /* characters of a line */

#define GREY "#555555"
#define RED  "#b00000"

/* The file in memory, for writing. */
static FILE *stream_of(int fd)
{
	int own = dup(fd);
	FILE *f = own < 0 ? NULL : fdopen(own, "w");
	if (!f)
		abort();
	return f;
}

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* The bytes of the text's first line: as many words as have room; of a list with dots between, as
 * many of its items, unless that leaves more than half of the line empty. */
static size_t first_line(const char *text)
{
	static const char dot[] = " · ";
	size_t characters = 0, space = 0, item = 0, i = 0;
	for (; text[i]; i++) {
		characters += begins_character(text[i]);
		if (characters > TEXT_MOST && space)
			return 2 * item > space ? item : space;
		if (text[i] == ' ')
			space = i;
		if (strncmp(text + i, dot, strlen(dot)) == 0)
			item = i + strlen(dot) - 1;
	}
	return i;
}

static size_t lines_of(const char *text)
{
	size_t count = 0;
	while (*text) {
		text += first_line(text);
		text += *text == ' ';
		count++;
	}
	return count;
}

/* A text's lines, of which the first one's middle is `at` pixels below the top. Returns where the
 * next text's is. */
static int write_lines(const struct figure *f, const char *text, int at, const char *colour)
{
	while (*text) {
		size_t length = first_line(text);
		char *line = text_format("%.*s", (int)length, text), *quoted = gnuplot_text(line);
		fprintf(f->gp,
			"set label %s at screen 0.015,screen line(%d) left front tc rgb '%s'\n",
			quoted, at, colour);
		free(quoted);
		free(line);
		text += length;
		text += *text == ' ';
		at += LINE;
	}
	return at;
}

static void write_head(const struct figure *f, const struct head *head)
{
	char *title = gnuplot_text(head->title);
	fprintf(f->gp, "set label %s at screen 0.015,screen line(%d) left front font title_font\n",
		title, TITLE_AT);
	free(title);
	int at = write_lines(f, head->subtitle, SUBTITLE_AT, GREY);
	at = write_lines(f, head->settings, at, GREY);
	at = write_lines(f, head->notes, at, GREY);
	write_lines(f, head->caveats, at, RED);
}

/* What a script is told by variables, and what follows from them. */
static void write_settings(
	const struct figure *f, const char *first, const char *name, int width, int height)
{
	fprintf(f->gp,
		"%s"
		"# To draw it again, here: gnuplot %s.gp\n"
		"# In another format (svg, png, pdf) or size: gnuplot -e \"form='pdf'; width=800; "
		"height=600\" %s.gp\n"
		"if (!exists('form')) form = 'svg'\n"
		"if (!exists('width')) width = %d\n"
		"if (!exists('height')) height = %d\n"
		"if (!exists('output')) output = '../%s.' . form\n"
		"if (!exists('data')) data = '%s.dat'\n"
		"scale = width / %d. < height / %d. ? width / %d. : height / %d.\n"
		"line(px) = 1 - px * scale / height\n"
		"set encoding utf8\n"
		"stats data using 1:2 nooutput\n"
		"if (!exists('STATS_records')) exit status 1 # no point: the picture would be "
		"empty\n",
		first, name, name, width, height, name, name, width, height, width, height);
}

static void write_terminal(const struct figure *f)
{
	fputs("if (form eq 'svg') {\n"
	      "\teval sprintf(\"set terminal svg size %d,%d noenhanced font 'DejaVu Sans,%g' "
	      "linewidth %g background 'white'\", width, height, 13 * scale, scale)\n"
	      "\ttitle_font = sprintf('DejaVu Sans,%g', 21 * scale); point = 0.75\n"
	      "\tsmall_font = sprintf('DejaVu Sans,%g', 10.4 * scale)\n"
	      "}\n"
	      "if (form eq 'png') {\n"
	      "\teval sprintf(\"set terminal pngcairo size %d,%d noenhanced font 'DejaVu Sans,10' "
	      "fontscale %g linewidth %g pointscale %g background 'white'\", 2 * width, 2 * "
	      "height, "
	      "2 * scale, 2 * scale, 2 * scale)\n"
	      "\ttitle_font = 'DejaVu Sans,16'; small_font = 'DejaVu Sans,8'; point = 1.3\n"
	      "}\n"
	      "if (form eq 'pdf') {\n"
	      "\teval sprintf(\"set terminal pdfcairo size %g,%g noenhanced font 'DejaVu Sans,10' "
	      "fontscale %g linewidth %g pointscale %g background 'white'\", width / 96., "
	      "height / 96., 0.75 * scale, 1.5 * scale, scale)\n"
	      "\ttitle_font = 'DejaVu Sans,16'; small_font = 'DejaVu Sans,8'; point = 1.3\n"
	      "}\n"
	      "set output output\n"
	      "set border 3 lc rgb '#555555'\n"
	      "set tics nomirror out scale 0.6\n"
	      "set grid ytics lc rgb '#dddddd' lw 1 lt 1\n"
	      "set multiplot\n",
		f->gp);
}

void figure_begin(struct figure *f, const struct gallery *g, const char *of, const char *name,
	int width, int height, const struct head *head)
{
	/* one line of the subtitle has room in each figure's height */
	size_t more = lines_of(head->subtitle) + lines_of(head->settings) + lines_of(head->notes) +
		      lines_of(head->caveats);
	int whole = height + LINE * (more > 1 ? (int)more - 1 : 0);
	*f = (struct figure){
		.gallery = g, .picture = picture_new(name), .body = (double)height / whole};
	f->gp = stream_of(f->picture.script);
	f->dat = stream_of(f->picture.data);
	char *first = gallery_first_line(name, of);
	write_settings(f, first, name, width, whole);
	free(first);
	write_terminal(f);
	write_head(f, head);
}

void figure_panel(const struct figure *f, double left, double right, double top, double bottom)
{
	fprintf(f->gp,
		"set lmargin at screen %g; set rmargin at screen %g\n"
		"set tmargin at screen %g; set bmargin at screen %g\n",
		left, right, top * f->body, bottom * f->body);
}

void figure_footnote(const struct figure *f, const char *text, double height)
{
	char *quoted = gnuplot_text(text);
	fprintf(f->gp, "set label %s at screen 0.015,screen %g left front tc rgb '" GREY "'\n",
		quoted, height * f->body);
	free(quoted);
}

void figure_end_panel(const struct figure *f)
{
	fputs("\nunset label\nunset arrow\n", f->gp);
}

void figure_end_block(const struct figure *f)
{
	fputs("\n\n", f->dat);
}

int figure_end(struct figure *f, char **error)
{
	fputs("unset multiplot\n", f->gp);
	bool bad = ferror(f->gp) | fclose(f->gp);
	bad |= ferror(f->dat) | fclose(f->dat);
	int rc = bad ? error_set(error, "%s: no memory to draw it in", f->picture.name)
		     : gallery_draw(f->gallery, &f->picture, error);
	picture_free(&f->picture);
	return rc;
}

char *gnuplot_text(const char *text)
{
	char *out = malloc(2 * strlen(text) + 3), *to = out;
	if (!out)
		abort();
	*to++ = '\'';
	for (; *text; text++) {
		if (*text == '\'')
			*to++ = '\'';
		*to++ = *text == '\n' ? ' ' : *text;
	}
	*to++ = '\'';
	*to = '\0';
	return out;
}

const char *gnuplot_colour(size_t index)
{
	static const char *const colours[] = {
		"#6e6e6e", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#a07800"};
	return colours[index % (sizeof(colours) / sizeof(colours[0]))];
}

const char *gnuplot_dash(size_t index)
{
	static const char *const dashes[] = {
		"(12,4)", "(6,3)", "solid", "(10,3,2,3)", "(2,3)", "(12,3,2,3,2,3)"};
	return dashes[index % (sizeof(dashes) / sizeof(dashes[0]))];
}

void figure_legend(const struct figure *f, double y, double line, const char *const *names,
	const size_t *styles, size_t count, int per_row)
{
	for (size_t i = 0; i < count; i++) {
		size_t rows_above = i / (size_t)per_row;
		double row = y - line * (double)rows_above;
		double x = (double)(i % (size_t)per_row) / per_row;
		char *name = gnuplot_text(names[i]);
		fprintf(f->gp,
			"set label %zu %s at graph %g,graph %g left front tc rgb '%s'\n"
			"set arrow %zu from graph %g,graph %g to graph %g,graph %g nohead front lw "
			"2 "
			"lc rgb '%s' dt %s\n",
			10 + i, name, x + 0.063, row, gnuplot_colour(styles[i]), 10 + i, x, row,
			x + 0.054, row, gnuplot_colour(styles[i]), gnuplot_dash(styles[i]));
		free(name);
	}
}
