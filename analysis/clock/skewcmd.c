// SPDX-License-Identifier: BSD-2-Clause
/* analysis skew: the clocks of any two hosts, from a CSV of one-way delays. */

#include "analysis/clock/skewcmd.h"

#include "analysis/clock/skew.h"
#include "analysis/clock/steps.h"
#include "experiments/record/stats.h"
#include "mpip/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUARTZ 1e-3 /* seconds per second */
#define HOLE   20   /* times the usual distance between samples */

/* Whether the corrected delays may go to this file: not into the log itself, which may be the only
 * copy, and not over a device or a link. */
static int check_corrected(const char *log, const char *file, char **error)
{
	struct stat from, to;
	if (stat(log, &from) == 0 && stat(file, &to) == 0 && from.st_dev == to.st_dev &&
		from.st_ino == to.st_ino)
		return error_set(error, "--corrected %s: expected another file than the log", file);
	if (lstat(file, &to) == 0 && !S_ISREG(to.st_mode))
		return error_set(error, "--corrected %s: expected a regular file, or none", file);
	return 0;
}

static void print_corrected(const struct delay_log *log, FILE *f)
{
	fputs("sent_s,delay_s,path\n", f);
	for (size_t i = 0; i < log->count; i++)
		fprintf(f, "%.9f,%.9f,%s\n", log->sent_s[i], log->delay_s[i],
			log->path_names[log->path[i]]);
}

/* Beside it first: what was there stays until the new one is whole. */
static int write_corrected(const struct delay_log *log, const char *file, char **error)
{
	char *aside = text_format("%s.XXXXXX", file);
	int fd = mkostemp(aside, O_CLOEXEC), rc = 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		rc = error_set(error, "%s: %s", file, strerror(errno));
		free(aside);
		return rc;
	}
	print_corrected(log, f);
	mode_t mask = umask(0);
	umask(mask);
	bool good = fflush(f) == 0 && !ferror(f) && fchmod(fd, 0666 & ~mask) == 0;
	good = fclose(f) == 0 && good;
	if (!good || rename(aside, file) != 0) {
		rc = error_set(error, "%s: cannot be written: %s", file, strerror(errno));
		unlink(aside);
	}
	free(aside);
	return rc;
}

/* The longest time without samples; of length 0 where it is none to speak of. */
struct hole {
	double from_s, length_s;
};

static struct hole longest_hole(const struct delay_log *log)
{
	struct hole hole = {0};
	for (size_t i = 1; i < log->count; i++)
		if (log->sent_s[i] - log->sent_s[i - 1] > hole.length_s)
			hole = (struct hole){
				log->sent_s[i - 1], log->sent_s[i] - log->sent_s[i - 1]};
	double usual = log->sent_s[log->count - 1] / (double)(log->count - 1);
	return hole.length_s >= HOLE * usual ? hole : (struct hole){0};
}

static json_t *real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *trend_json(const struct skew_trend *t)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "slope_ppm", real_or_null(1e6 * t->slope),
		"low_ppm", real_or_null(1e6 * t->low), "high_ppm", real_or_null(1e6 * t->high),
		"r2", real_or_null(t->r2));
}

static json_t *interval_json(const struct skew_interval *i)
{
	return json_pack("[o, o]", real_or_null(1e6 * i->low), real_or_null(1e6 * i->high));
}

static void print_json(const struct delay_log *log, const struct skew *s,
	const struct skew_trend *before, const struct skew_trend *after)
{
	json_t *steps = json_array(), *paths = json_array();
	for (size_t i = 0; i < s->step_count; i++) {
		const struct skew_step *step = &s->steps[i];
		json_array_append_new(steps,
			json_pack("{s:f, s:f, s:f, s:f, s:o}", "at_s", step->at_s, "from_s",
				step->from_s, "to_s", step->to_s, "size_ms", 1e3 * step->size_s,
				"error_ms", real_or_null(1e3 * step->error_s)));
	}
	for (size_t p = 0; p < log->path_count; p++)
		json_array_append_new(
			paths, json_pack("{s:s, s:o, s:o}", "path", log->path_names[p], "skew_ppm",
				       real_or_null(1e6 * s->path_skew[p]), "interval_ppm",
				       interval_json(&s->path_interval[p])));
	struct hole hole = longest_hole(log);
	json_t *all = json_pack("{s:I, s:f, s:{s:s, s:s, s:b}, s:f, s:o, s:o, s:o, s:f, s:o, s:o}",
		"samples", (json_int_t)log->count, "duration_s", log->sent_s[log->count - 1],
		"units", "time", log->time_unit, "delay", log->delay_unit, "assumed", log->assumed,
		"skew_ppm", 1e6 * s->skew, "interval_ppm", interval_json(&s->interval), "paths",
		paths, "steps", steps, "longest_hole_s", hole.length_s, "uncorrected",
		trend_json(before), "corrected", trend_json(after));
	json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(all);
}

static void print_trend(const char *what, const struct skew_trend *t)
{
	int n = stats_decimals(1e6 * (t->high - t->low) / 2);
	if (isnan(t->slope))
		printf("%s: too few samples for a trend\n", what);
	else
		printf("%s: slope %+.*f ppm, 95 %% interval %+.*f to %+.*f%s\n", what, n,
			1e6 * t->slope, n, 1e6 * t->low, n, 1e6 * t->high,
			t->low <= 0 && t->high >= 0 ? ": no trend" : "");
}

static void print_skew(const char *what, double skew, const struct skew_interval *i)
{
	int n = stats_decimals(1e6 * (i->high - i->low) / 2);
	if (isnan(skew))
		printf("%s: cannot be told\n", what);
	else if (isnan(i->low))
		printf("%s: about %+.1g ppm, too few samples for an interval\n", what, 1e6 * skew);
	else
		printf("%s: %+.*f ppm, 95 %% interval %+.*f to %+.*f\n", what, n, 1e6 * skew, n,
			1e6 * i->low, n, 1e6 * i->high);
}

static void print_steps(const struct delay_log *log, const struct skew *s)
{
	for (size_t i = 0; i < s->step_count; i++) {
		const struct skew_step *step = &s->steps[i];
		/* Delays are not more exact than a microsecond, whatever the skew is. */
		double error_ms = fmax(1e3 * step->error_s, 1e-3);
		int n = stats_decimals(isnan(step->error_s) ? 1e3 * fabs(step->size_s) : error_ms);
		printf("step %zu: %+.*f ms, within %.*f ms, between %.3f and %.3f s\n", i + 1, n,
			1e3 * step->size_s, n, error_ms, step->from_s, step->to_s);
	}
	size_t windows = steps_windows(log);
	if (windows == 0)
		puts("steps: too few samples to look for them");
	else if (s->step_count == 0)
		printf("no step (of those closer than about %.3g s it may not tell one)\n",
			4 * log->sent_s[log->count - 1] / (double)windows);
}

static void print_text(const struct delay_log *log, const struct skew *s,
	const struct skew_trend *before, const struct skew_trend *after)
{
	printf("%zu samples over %.1f s on %zu path%s\n", log->count, log->sent_s[log->count - 1],
		log->path_count, log->path_count == 1 ? "" : "s");
	if (log->assumed)
		printf("units are not said: times are taken for %s, delays for %s (--unit s,ms and "
		       "the like says them)\n",
			log->time_unit, log->delay_unit);
	struct hole hole = longest_hole(log);
	if (hole.length_s > 0)
		printf("hole: no samples from %.3f to %.3f s\n", hole.from_s,
			hole.from_s + hole.length_s);
	print_steps(log, s);
	print_skew("skew", s->skew, &s->interval);
	if (fabs(s->skew) > QUARTZ)
		puts("this is more than quartz clocks differ by: are the units right?");
	for (size_t p = 0; log->path_count > 1 && p < log->path_count; p++) {
		char *what = text_format("  path %s alone", log->path_names[p]);
		print_skew(what, s->path_skew[p], &s->path_interval[p]);
		free(what);
	}
	print_trend("uncorrected", before);
	print_trend("corrected", after);
}

int skew_command(const char *file, const char *unit, const char *corrected, bool json, char **error)
{
	struct delay_log log;
	struct skew s;
	if (corrected && check_corrected(file, corrected, error) != 0)
		return -1;
	if (delay_log_read(file, unit, &log, error) != 0)
		return -1;
	char *why = NULL;
	int rc = skew_estimate(&log, &s, &why);
	if (rc != 0)
		error_set(error, "%s: %s", file, why);
	free(why);
	if (rc == 0) {
		struct skew_trend before = skew_trend(&log);
		skew_correct(&log, &s);
		struct skew_trend after = skew_trend(&log);
		if (json)
			print_json(&log, &s, &before, &after);
		else
			print_text(&log, &s, &before, &after);
	}
	if (rc == 0 && corrected)
		rc = write_corrected(&log, corrected, error);
	delay_log_free(&log);
	return rc;
}
