// SPDX-License-Identifier: BSD-2-Clause
/*
 * Maps of a sweep.
 *
 * Theory of operation
 * -------------------
 * A cell is a box, as wide and as high as every other: the values of an axis need not be equally
 * far apart, and may be names. What lies between them was not measured. So the contour of ratio 1
 * is not made up by interpolating: it runs between cells, around all that are below 1.
 *
 * Colours are those of the ratio's logarithm, from orange below 1 over white to blue, which people
 * who cannot tell red from green can tell apart; both ends are dark, and in black and white the
 * contour and the numbers tell. Numbers are written where cells have room for them.
 *
 * Panels stand in a grid. Those of one contestant are beside each other where other axes make
 * several; else the contestants' panels are. All have the same axes, so labels stand at the left
 * and below alone.
 */

#include "analysis/figure/plot_map.h"

#include "analysis/figure/gnuplot.h"
#include "analysis/figure/ratio_scale.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH       1000 /* pixels, as all that follows */
#define HEAD        76
#define RIGHT       105 /* the colours' bar, its numbers and its label */
#define CHARACTER   7.8
#define LONG        100 /* of a name, below cells */
#define LINE        18
#define GAP         18 /* between panels */
#define TITLE       26 /* above a panel */
#define AXIS_LABEL  26
#define COLUMNS     4
#define PANELS_MOST 48
#define TIC_ROOM    15 /* what a line of text needs */
#define NAMED_MOST  3
#define NUMBER_WIDE 46 /* what a number needs */
#define NUMBER_HIGH 17

/* Which cells a panel shows, and where all are. */
struct map {
	const struct cells *cells;
	const struct sweep *sweep;
	size_t x, y;         /* axes; y is axis_count: the contestants */
	size_t nx, ny;       /* cells of a panel */
	size_t *fixed;       /* the place on each axis that --at fixes; its count: none */
	size_t combinations; /* of the other axes' values */
	size_t *judged, judged_count;
	size_t panels, columns, rows;
	double left, bottom, wide, high; /* room for labels; of a panel */
	double scale;
	bool rotated, numbers;
	int height;
};

/* A cell in a panel. */
struct at {
	size_t cell, contestant;
};

/* ---- What is shown ---- */

static size_t find_axis(const struct sweep *s, const char *name, size_t length)
{
	size_t i = 0;
	while (i < s->axis_count &&
		(strlen(s->axes[i].name) != length || strncmp(s->axes[i].name, name, length) != 0))
		i++;
	return i;
}

/* "delay_2, pair". Allocated. */
static char *axis_names(const struct sweep *s)
{
	char *text = text_format("%s", "");
	for (size_t i = 0; i < s->axis_count; i++) {
		char *longer = text_format("%s%s%s", text, i ? ", " : "", s->axes[i].name);
		free(text);
		text = longer;
	}
	return text;
}

static int no_such_axis(const struct sweep *s, const char *option, const char *name, char **error)
{
	char *names = axis_names(s);
	error_set(error, "--%s %s: expected an axis of %s: %s", option, name, s->name, names);
	free(names);
	return -1;
}

/* The next "AXIS=VALUE" of a list, as strsep(): a comma in a value is none of the list. */
static char *next_pair(const struct sweep *s, char **rest)
{
	char *one = *rest, *comma = one;
	while (comma && (comma = strchr(comma, ',')) &&
		find_axis(s, comma + 1, strcspn(comma + 1, "=")) == s->axis_count &&
		strchr(comma + 1, ','))
		comma++;
	if (comma && find_axis(s, comma + 1, strcspn(comma + 1, "=")) == s->axis_count)
		comma = NULL;
	if (comma)
		*comma++ = '\0';
	*rest = comma;
	return one;
}

/* "loss=1,rate=10" */
static int read_fixed(struct map *m, const char *text, char **error)
{
	const struct sweep *s = m->sweep;
	char *copy = text_format("%s", text ? text : ""), *rest = text ? copy : NULL, *one;
	int rc = 0;
	while (rc == 0 && (one = next_pair(s, &rest))) {
		size_t length = strcspn(one, "="), axis = find_axis(s, one, length), place = 0;
		if (axis == s->axis_count) {
			rc = no_such_axis(s, "at", one, error);
			break;
		}
		for (bool found = false; !found && place < s->axes[axis].count; place += !found) {
			char *value = axis_text(&s->axes[axis], place);
			found = one[length] && strcmp(value, one + length + 1) == 0;
			free(value);
		}
		m->fixed[axis] = place;
		if (place == s->axes[axis].count)
			rc = error_set(error, "--at %s: expected a value of the axis %s", one,
				s->axes[axis].name);
	}
	free(copy);
	return rc;
}

/* The first axis that is none of these and has no fixed value; axis_count: there is none. */
static size_t next_axis(const struct map *m, size_t but)
{
	size_t i = 0;
	while (i < m->sweep->axis_count && (i == but || m->fixed[i] < m->sweep->axes[i].count))
		i++;
	return i;
}

static int choose_axes(struct map *m, const struct map_view *view, char **error)
{
	const struct sweep *s = m->sweep;
	m->x = m->y = s->axis_count;
	if (view->x && (m->x = find_axis(s, view->x, strlen(view->x))) == s->axis_count)
		return no_such_axis(s, "x", view->x, error);
	if (view->y && (m->y = find_axis(s, view->y, strlen(view->y))) == s->axis_count)
		return no_such_axis(s, "y", view->y, error);
	if (!view->x)
		m->x = next_axis(m, m->y);
	if (!view->y)
		m->y = next_axis(m, m->x);
	if (m->x == s->axis_count)
		return error_set(error, "%s: no map: it has no axis to draw over", s->name);
	if (m->x == m->y)
		return error_set(error, "--x %s: expected another axis than --y", view->x);
	m->fixed[m->x] = s->axes[m->x].count;
	if (m->y < s->axis_count)
		m->fixed[m->y] = s->axes[m->y].count;
	return 0;
}

static int arrange(struct map *m, char **error)
{
	const struct sweep *s = m->sweep;
	bool contestants_are_rows = m->y == s->axis_count;
	m->nx = s->axes[m->x].count;
	m->ny = contestants_are_rows ? m->judged_count : s->axes[m->y].count;
	m->combinations = 1;
	for (size_t i = 0; i < s->axis_count; i++)
		if (i != m->x && i != m->y && m->fixed[i] == s->axes[i].count)
			m->combinations *= s->axes[i].count;
	m->panels = m->combinations * (contestants_are_rows ? 1 : m->judged_count);
	if (m->panels > PANELS_MOST)
		return error_set(error,
			"%s: expected at most %d panels, they would be %zu; --at AXIS=VALUE draws "
			"those of one value",
			s->name, PANELS_MOST, m->panels);
	size_t beside = m->combinations > 1 ? m->combinations : m->panels;
	m->columns = beside < COLUMNS ? beside : COLUMNS;
	/* equally many in each row */
	size_t lines = (beside + m->columns - 1) / m->columns;
	m->columns = (beside + lines - 1) / lines;
	m->rows = lines * (m->panels / beside);
	return 0;
}

/* What a cell of a panel is of. */
static struct at find(const struct map *m, size_t panel, size_t ix, size_t iy)
{
	const struct sweep *s = m->sweep;
	size_t places[s->axis_count + 1], rest = panel % m->combinations;
	for (size_t i = s->axis_count; i-- > 0;) {
		if (i == m->x || i == m->y) {
			places[i] = i == m->x ? ix : iy;
		} else if (m->fixed[i] < s->axes[i].count) {
			places[i] = m->fixed[i];
		} else {
			places[i] = rest % s->axes[i].count;
			rest /= s->axes[i].count;
		}
	}
	size_t judged = m->y == s->axis_count ? iy : panel / m->combinations;
	return (struct at){sweep_cell(s, places), m->judged[judged]};
}

static const struct ratio *ratio_in(const struct map *m, size_t panel, size_t ix, size_t iy)
{
	struct at at = find(m, panel, ix, iy);
	return &cells_at(m->cells, at.cell, at.contestant)->ratio;
}

/* "mpip · loss = 1 %". Allocated. */
static char *panel_title(const struct map *m, size_t panel)
{
	const struct sweep *s = m->sweep;
	struct at at = find(m, panel, 0, 0);
	char *text =
		text_format("%s", m->y == s->axis_count ? "" : s->contestants[at.contestant].name);
	for (size_t i = 0; i < s->axis_count; i++) {
		if (i == m->x || i == m->y)
			continue;
		char *value = axis_text(&s->axes[i], sweep_place(s, at.cell, i));
		char *longer = text_format("%s%s%s = %s%s%s", text, *text ? " · " : "",
			s->axes[i].name, value, *s->axes[i].unit ? " " : "", s->axes[i].unit);
		free(value);
		free(text);
		text = longer;
	}
	return text;
}

/* ---- Where it is ---- */

/* The label of a place on an axis; of a contestant on the vertical one. Allocated. */
static char *tic_text(const struct map *m, size_t axis, size_t place)
{
	if (axis == m->sweep->axis_count)
		return text_format("%s", m->sweep->contestants[m->judged[place]].name);
	return axis_text(&m->sweep->axes[axis], place);
}

static double longest_tic(const struct map *m, size_t axis, size_t count)
{
	size_t most = 0;
	for (size_t i = 0; i < count; i++) {
		char *text = tic_text(m, axis, i);
		most = strlen(text) > most ? strlen(text) : most;
		free(text);
	}
	return (double)most * CHARACTER;
}

/* Names that are long stand better at the left, if nobody has said what stands where. */
static void turn(struct map *m, const struct map_view *view)
{
	size_t x = m->x, y = m->y, none = m->sweep->axis_count;
	if (view->x || view->y || y == none)
		return;
	double below = longest_tic(m, x, m->nx), left = longest_tic(m, y, m->ny);
	if (below <= LONG || below <= left)
		return;
	m->x = y;
	m->y = x;
	size_t nx = m->nx;
	m->nx = m->ny;
	m->ny = nx;
}

static void measure_out(struct map *m)
{
	double label_x = longest_tic(m, m->x, m->nx), columns = (double)m->columns;
	m->left = fmin(longest_tic(m, m->y, m->ny), 0.45 * WIDTH) + AXIS_LABEL + 18;
	m->wide = (WIDTH - m->left - RIGHT - GAP * (columns - 1)) / columns;
	double cell = m->wide / (double)m->nx;
	m->rotated = label_x + 6 > cell;
	m->bottom = AXIS_LABEL + 14 + (m->rotated ? fmin(label_x, 0.5 * WIDTH) : LINE);
	double high = fmax(NUMBER_HIGH + 3, fmin(46, 0.6 * cell)) * (double)m->ny;
	m->high = fmax(70, fmin(high, m->rows > 2 ? 260 : 420));
	/* the axis' label stands beside it */
	if (m->y < m->sweep->axis_count) {
		const struct sweep_axis *y = &m->sweep->axes[m->y];
		double label = (double)(strlen(y->title) + strlen(y->unit) + 2) * CHARACTER;
		m->high = fmax(m->high, fmin(label, 420));
	}
	m->numbers = cell >= NUMBER_WIDE && m->high / (double)m->ny >= NUMBER_HIGH;
	m->height = HEAD + (int)((m->high + TITLE) * (double)m->rows + m->bottom +
				   GAP * (double)(m->rows - 1));
	if (m->height < 300)
		m->height = 300;
}

/* ---- Drawing ---- */

/* A block of the cells: x, y, ratio, its place on the scale, its number and the number's colour;
 * and one of those without a ratio. */
static void write_cells(const struct map *m, const struct figure *f, size_t panel)
{
	char text[RATIO_TEXT];
	char *title = panel_title(m, panel);
	fprintf(f->dat, "# %s: x y ratio log2 number colour\n", title);
	free(title);
	for (size_t iy = 0; iy < m->ny; iy++)
		for (size_t ix = 0; ix < m->nx; ix++) {
			const struct ratio *r = ratio_in(m, panel, ix, iy);
			double at = ratio_at(r->mean, m->scale);
			if (!isnan(r->mean))
				fprintf(f->dat, "%zu %zu %.6g %.6g %s %d\n", ix, iy, r->mean, at,
					ratio_text(text, r),
					fabs(at) > 0.55 * m->scale ? 0xffffff : 0x222222);
		}
	fputs("NaN NaN NaN NaN - 0\n", f->dat);
	figure_end_block(f);
	fputs("# without a ratio: x y\n", f->dat);
	for (size_t iy = 0; iy < m->ny; iy++)
		for (size_t ix = 0; ix < m->nx; ix++)
			if (isnan(ratio_in(m, panel, ix, iy)->mean))
				fprintf(f->dat, "%zu %zu\n", ix, iy);
	fputs("NaN NaN\n", f->dat);
	figure_end_block(f);
}

/* Whether the contour runs between two cells. */
static bool is_parted(const struct ratio *a, const struct ratio *b)
{
	return !isnan(a->mean) && !isnan(b->mean) && (a->mean < 1) != (b->mean < 1);
}

/* A block of the contour's pieces: where each begins, and how far it goes. */
static void write_contour(const struct map *m, const struct figure *f, size_t panel)
{
	fputs("# contour of ratio 1: x y dx dy\n", f->dat);
	for (size_t iy = 0; iy < m->ny; iy++)
		for (size_t ix = 0; ix < m->nx; ix++) {
			const struct ratio *r = ratio_in(m, panel, ix, iy);
			if (ix + 1 < m->nx && is_parted(r, ratio_in(m, panel, ix + 1, iy)))
				fprintf(f->dat, "%g %g 0 1\n", (double)ix + 0.5, (double)iy - 0.5);
			/* contestants are no scale: nothing runs between them */
			if (m->y < m->sweep->axis_count && iy + 1 < m->ny &&
				is_parted(r, ratio_in(m, panel, ix, iy + 1)))
				fprintf(f->dat, "%g %g 1 0\n", (double)ix - 0.5, (double)iy + 0.5);
		}
	fputs("NaN NaN NaN NaN\n", f->dat);
	figure_end_block(f);
}

static void write_tics(
	const struct map *m, const struct figure *f, char which, size_t axis, size_t count)
{
	double room = (which == 'x' ? m->wide : m->high) / (double)count;
	size_t step = (size_t)ceil(TIC_ROOM / room); /* each nth has a label */
	fprintf(f->gp, "set %ctics (", which);
	for (size_t i = 0; i < count; i += step) {
		char *text = tic_text(m, axis, i), *quoted = gnuplot_text(text);
		fputs(i ? ", " : "", f->gp);
		/* a tic's label is a format */
		for (const char *c = quoted; *c; c++)
			fprintf(f->gp, "%s%c", *c == '%' ? "%" : "", *c);
		fprintf(f->gp, " %zu", i);
		free(quoted);
		free(text);
	}
	fputs(which == 'x' && m->rotated ? ") rotate by 90 right\n" : ")\n", f->gp);
}

static void write_axis_label(const struct map *m, const struct figure *f, char which, size_t axis,
	double at, double away)
{
	char *label = axis == m->sweep->axis_count
			      ? text_format("%s", "")
			      : titled(m->sweep->axes[axis].title, m->sweep->axes[axis].unit);
	char *quoted = gnuplot_text(label);
	/* at a place in pixels: gnuplot's own stands at different places in each format */
	if (which == 'x')
		fprintf(f->gp, "set label %s at graph %g,graph %g center front\n", quoted, at,
			-away / m->high);
	else
		fprintf(f->gp, "set label %s at graph %g,graph %g center rotate by 90 front\n",
			quoted, -away / m->wide, at);
	free(quoted);
	free(label);
}

/* Labels of the axes stand at the outer panels alone, that of x once for `beside` panels. */
static void write_axes(
	const struct map *m, const struct figure *f, bool lowest, bool leftmost, size_t beside)
{
	size_t columns = beside < m->columns ? beside : m->columns;
	double middle = ((double)columns * (m->wide + GAP) - GAP) / 2 / m->wide;
	if (lowest) {
		write_tics(m, f, 'x', m->x, m->nx);
		if (leftmost)
			write_axis_label(m, f, 'x', m->x, middle, m->bottom - 14);
	} else {
		fputs("unset xtics\n", f->gp);
	}
	if (leftmost) {
		write_tics(m, f, 'y', m->y, m->ny);
		write_axis_label(m, f, 'y', m->y, 0.5, m->left - 14);
	} else {
		fputs("unset ytics\n", f->gp);
	}
}

static void draw_panel(const struct map *m, const struct figure *f, size_t panel)
{
	size_t beside = m->combinations > 1 ? m->combinations : m->panels;
	size_t lines = (beside + m->columns - 1) / m->columns;
	size_t row = panel / beside * lines + panel % beside / m->columns;
	size_t column = panel % beside % m->columns;
	double left = m->left + (double)column * (m->wide + GAP);
	double top = m->height - HEAD - TITLE - (double)row * (m->high + TITLE + GAP);
	figure_panel(f, left / WIDTH, (left + m->wide) / WIDTH, top / m->height,
		(top - m->high) / m->height);
	char *title = panel_title(m, panel), *quoted = gnuplot_text(title);
	fprintf(f->gp, "set label %s at graph 0,graph %g left front\n", quoted,
		1 + TITLE / 2. / m->high);
	free(quoted);
	free(title);
	bool none_below = panel + beside >= m->panels && panel % beside + m->columns >= beside;
	write_axes(m, f, none_below, column == 0, beside);
	write_cells(m, f, panel);
	write_contour(m, f, panel);
	const char *edges = "1:2:($1 - .5):($1 + .5):($2 - .5):($2 + .5)";
	size_t block = 3 * panel;
	fprintf(f->gp,
		"plot data index %zu using %s with boxxyerror fs pattern 4 lc rgb '#999999', data "
		"index %zu using %s:4 with boxxyerror fs solid 1 %s lc palette",
		block + 1, edges, block, edges, m->numbers ? "border lc rgb 'white'" : "noborder");
	if (m->numbers)
		fprintf(f->gp,
			", data index %zu using 1:2:5:6 with labels font small_font tc rgb "
			"variable",
			block);
	fprintf(f->gp,
		", data index %zu using 1:2:3:4 with vectors nohead lw 2.6 lc rgb 'black'\n"
		"unset colorbox\n",
		block + 2);
	figure_end_panel(f);
}

static void write_colours(const struct map *m, const struct figure *f)
{
	double high = fmin(220, m->height - HEAD - 60);
	fprintf(f->gp,
		"unset key\nunset grid\nset border 15 lc rgb '#555555'\n"
		"set xrange [-0.5:%g]\nset yrange [-0.5:%g]\n"
		"set palette defined (-3 '#7f3300', -2 '#d55e00', -1 '#f4b685', 0 '#f7f7f7', 1 "
		"'#8fc1e3', 2 '#0072b2', 3 '#00395a')\n"
		"set cbrange [%g:%g]\n"
		"set colorbox vertical user origin screen %g,screen %g size screen 0.016,screen "
		"%g\n"
		"set cblabel 'ratio to %s' offset 0.5\nset cbtics ",
		(double)m->nx - 0.5, (double)m->ny - 0.5, -m->scale, m->scale,
		(WIDTH - RIGHT + 18.) / WIDTH,
		(m->height - HEAD - TITLE - high) / m->height * f->body, high / m->height * f->body,
		m->cells->baseline);
	ratio_write_tics(f->gp, m->scale);
	fputc('\n', f->gp);
}

/* "no ratio (hatched): mpip at delay_2 = 25, and 3 more"; "" for none. Allocated. */
static char *name_missing(const struct map *m)
{
	size_t count = 0;
	char *text = text_format("%s", "");
	for (size_t i = 0; i < m->panels * m->ny * m->nx; i++) {
		struct at at = find(m, i / (m->nx * m->ny), i % m->nx, i / m->nx % m->ny);
		if (!isnan(cells_at(m->cells, at.cell, at.contestant)->ratio.mean) ||
			count++ >= NAMED_MOST)
			continue;
		char *cell = sweep_cell_text(m->sweep, at.cell);
		char *longer =
			text_format("%s%s%s at %s", text, *text ? "; " : "no ratio (hatched): ",
				m->sweep->contestants[at.contestant].name, cell);
		free(cell);
		free(text);
		text = longer;
	}
	if (count > NAMED_MOST) {
		char *longer = text_format("%s; and %zu more", text, count - NAMED_MOST);
		free(text);
		text = longer;
	}
	return text;
}

static int draw(const struct map *m, const char *suffix, const struct gallery *g, char **error)
{
	const struct sweep *s = m->sweep;
	struct figure f;
	char *name = text_format("%s-map%s", s->name, suffix);
	char *of = text_format("sweep %s", s->name);
	char *subtitle = ratio_subtitle(
		m->cells, m->numbers ? " · black: contour of 1; in brackets: the interval holds 1"
				     : " · black: contour of 1");
	char *missing = name_missing(m), *notes = ratio_notes(s);
	struct head head = {s->title, subtitle, "", missing, notes};
	figure_begin(&f, g, of, name, WIDTH, m->height, &head);
	write_colours(m, &f);
	for (size_t i = 0; i < m->panels; i++)
		draw_panel(m, &f, i);
	int rc = figure_end(&f, error);
	char *endings = gallery_endings(g);
	if (rc == 0)
		printf("%s/%s%s\n", g->directory, name, endings);
	free(endings);
	free(notes);
	free(missing);
	free(subtitle);
	free(of);
	free(name);
	return rc;
}

int plot_map(const struct cells *c, const struct map_view *view, const char *suffix,
	const struct gallery *g, char **error)
{
	const struct sweep *s = c->sweep;
	struct map m = {.cells = c, .sweep = s};
	m.fixed = calloc(s->axis_count + 1, sizeof(*m.fixed));
	m.judged = calloc(s->contestant_count + 1, sizeof(*m.judged));
	if (!m.fixed || !m.judged)
		abort();
	for (size_t i = 0; i < s->axis_count; i++)
		m.fixed[i] = s->axes[i].count;
	for (size_t i = 0; i < s->contestant_count; i++)
		if (cells_is_judged(s, i))
			m.judged[m.judged_count++] = i;
	int rc = 0;
	if (!c->baseline || m.judged_count == 0)
		rc = error_set(error, "%s: no map: it has no contestant %s", s->name,
			c->baseline ? "but plain ones" : "that is plain, to compare with");
	if (rc == 0)
		rc = read_fixed(&m, view->at, error);
	if (rc == 0)
		rc = choose_axes(&m, view, error);
	if (rc == 0)
		rc = arrange(&m, error);
	if (rc == 0) {
		turn(&m, view);
		m.scale = ratio_scale(c);
		measure_out(&m);
		rc = draw(&m, suffix, g, error);
	}
	free(m.fixed);
	free(m.judged);
	return rc;
}
