// SPDX-License-Identifier: BSD-2-Clause
/*
 * Drawing with gnuplot.
 *
 * Theory of operation
 * -------------------
 * A figure is a script and a data file, which stay, so that one can change a picture by hand. The
 * script is run once per format, with the format in a variable. A picture is drawn beside its place
 * and takes it when it is whole, which gnuplot does not say: on a full disk it ends well. Terminals
 * are "noenhanced", because names of contestants contain characters that gnuplot's markup would
 * eat.
 */

#include "analysis/gnuplot.h"

#include "experiments/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int figure_begin(struct figure *f, const char *figures, const char *name, int width, int height,
	char **error)
{
	*f = (struct figure){0};
	char *directory = lab_text("%s/data", figures);
	int rc = directory_make(directory, error);
	f->name = lab_text("%s", name);
	f->figures = lab_text("%s", figures);
	f->script = lab_text("%s/%s.gp", directory, name);
	f->data = lab_text("%s/%s.dat", directory, name);
	free(directory);
	if (rc != 0)
		return -1;
	f->gp = fopen(f->script, "we");
	f->dat = fopen(f->data, "we");
	if (!f->gp || !f->dat)
		return lab_fail(error, "%s: %s", f->gp ? f->data : f->script, strerror(errno));

	char *picture = lab_text("%s/%s.", figures, name);
	char *output = gnuplot_text(picture), *data = gnuplot_text(f->data);
	fprintf(f->gp,
		"# gnuplot -e \"form='svg'\" (or 'png') on this file draws the picture again.\n"
		"set encoding utf8\n"
		"if (form eq 'svg') {\n"
		"\tset terminal svg size %d,%d noenhanced font 'DejaVu Sans,13' background "
		"'white'\n"
		"\ttitle_font = 'DejaVu Sans,21'; point = 0.75\n"
		"} else {\n"
		"\tset terminal pngcairo size %d,%d noenhanced font 'DejaVu Sans,10' fontscale 2 "
		"linewidth 2 pointscale 2 background 'white'\n"
		"\ttitle_font = 'DejaVu Sans,16'; point = 1.3\n"
		"}\n"
		"if (!exists('output')) output = %s.form\n"
		"set output output\n"
		"data = %s\n"
		"set border 3 lc rgb '#555555'\n"
		"set tics nomirror out scale 0.6\n"
		"set grid ytics lc rgb '#dddddd' lw 1 lt 1\n"
		"set multiplot\n",
		width, height, 2 * width, 2 * height, output, data);
	free(data);
	free(output);
	free(picture);
	return 0;
}

void figure_title(
	const struct figure *f, const char *title, const char *subtitle, const char *caveats)
{
	char *first = gnuplot_text(title), *second = gnuplot_text(subtitle);
	char *third = gnuplot_text(caveats);
	fprintf(f->gp,
		"set label 1 %s at screen 0.015,character -1.3 left front offset 0,screen 1 font "
		"title_font\n"
		"set label 2 %s at screen 0.015,character -3 left front offset 0,screen 1 "
		"tc rgb '#555555'\n"
		"set label 3 %s at screen 0.015,character -4.5 left front offset 0,screen 1 "
		"tc rgb '#b00000'\n",
		first, second, third);
	free(first);
	free(second);
	free(third);
}

void figure_panel(const struct figure *f, double left, double right, double top, double bottom)
{
	fprintf(f->gp,
		"set lmargin at screen %g; set rmargin at screen %g\n"
		"set tmargin at screen %g; set bmargin at screen %g\n",
		left, right, top, bottom);
}

void figure_end_panel(const struct figure *f)
{
	fputs("\nunset label\nunset arrow\n", f->gp);
}

void figure_end_block(const struct figure *f)
{
	fputs("\n\n", f->dat);
}

static int run_gnuplot(const struct figure *f, const char *settings, char **error)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("gnuplot", "gnuplot", "-e", settings, f->script, (char *)NULL);
		fprintf(stderr, "gnuplot: %s; apt install gnuplot-nox\n", strerror(errno));
		_exit(127);
	}
	int status = -1;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return lab_fail(error, "gnuplot: %s", strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return lab_fail(error, "%s: gnuplot could not draw it", f->script);
	return 0;
}

/* Whether the picture has its end: an SVG's last tag, a PNG's last chunk (and 4 bytes of CRC). */
static bool is_whole(const char *file, bool svg)
{
	const char *mark = svg ? "</svg>" : "IEND";
	char tail[16] = "";
	FILE *f = fopen(file, "re");
	size_t length = 0;
	if (f && fseek(f, -12, SEEK_END) == 0)
		length = fread(tail, 1, 12, f);
	if (f)
		fclose(f);
	return memmem(tail, length, mark, strlen(mark)) != NULL;
}

static int draw(const struct figure *f, const char *format, char **error)
{
	char *place = lab_text("%s/%s.%s", f->figures, f->name, format);
	char *fresh = lab_text("%s/.%s.%s", f->figures, f->name, format);
	char *output = gnuplot_text(fresh);
	char *settings = lab_text("form='%s'; output=%s", format, output);
	int rc = run_gnuplot(f, settings, error);
	if (rc == 0 && !is_whole(fresh, strcmp(format, "svg") == 0))
		rc = lab_fail(error, "%s: cannot be written", place);
	if (rc == 0 && rename(fresh, place) != 0)
		rc = lab_fail(error, "%s: %s", place, strerror(errno));
	if (rc != 0)
		unlink(fresh);
	free(settings);
	free(output);
	free(fresh);
	free(place);
	return rc;
}

int figure_end(struct figure *f, char **error)
{
	int bad = 0;
	if (f->gp) {
		fputs("unset multiplot\n", f->gp);
		bad = ferror(f->gp) | fclose(f->gp);
	}
	if (f->dat)
		bad |= ferror(f->dat) | fclose(f->dat);
	if (bad)
		lab_fail(error, "%s: cannot be written", f->script);
	int rc = *error ? -1 : 0;
	if (rc == 0)
		rc = draw(f, "svg", error);
	if (rc == 0)
		rc = draw(f, "png", error);
	free(f->name);
	free(f->figures);
	free(f->script);
	free(f->data);
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
			10 + i, name, x + 0.075, row, gnuplot_colour(styles[i]), 10 + i, x, row,
			x + 0.065, row, gnuplot_colour(styles[i]), gnuplot_dash(styles[i]));
		free(name);
	}
}
