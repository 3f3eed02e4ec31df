// SPDX-License-Identifier: BSD-2-Clause
/*
 * A calibration for people and for programs.
 *
 * Theory of operation
 * -------------------
 * The table has a line per direction with what was measured beside what is configured, "!" behind
 * what is bad; below it each bad value has a line that says what it may be. JSON has no infinity: a
 * value without a limit has no "high".
 */

#include "lab/calibrate/calibrate.h"

#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>

static const struct {
	const char *key, *text;
	size_t offset;
} values[] = {
#define VALUE(member, text)                                                                        \
	{                                                                                          \
#member, text, offsetof(struct calibrated_direction, member)                       \
	}
	VALUE(rate_mbit, "rate, Mbit/s"),
	VALUE(delay_ms, "delay, ms"),
	VALUE(jitter, "jitter's distance from its law"),
	VALUE(deviation_ms, "standard deviation of the delay, ms"),
	VALUE(loss_percent, "loss, %"),
	VALUE(overtaken, "packets overtaken"),
	VALUE(queue_packets, "queue, packets"),
#undef VALUE
};
#define VALUES (sizeof(values) / sizeof(values[0]))

static const struct calibrated *value_of(const struct calibrated_direction *d, size_t i)
{
	return (const struct calibrated *)((const char *)d + values[i].offset);
}

static json_t *value_json(const struct calibrated *c)
{
	if (!c->measured)
		return json_null();
	json_t *out = json_pack("{s:f, s:f, s:f, s:b}", "configured", c->configured, "measured",
		c->value, "low", c->low, "good", c->good);
	if (isfinite(c->high))
		json_object_set_new(out, "high", json_real(c->high));
	return out;
}

static json_t *direction_json(const struct calibrated_direction *d)
{
	json_t *out = json_pack("{s:b, s:I, s:I, s:I}", "good", d->good, "samples",
		(json_int_t)d->samples, "sent", (json_int_t)d->sent, "lost", (json_int_t)d->lost);
	for (size_t i = 0; i < VALUES; i++)
		json_object_set_new(out, values[i].key, value_json(value_of(d, i)));
	return out;
}

json_t *calibration_json(const struct scenario *s, const struct calibration *c)
{
	json_t *links = json_array();
	for (size_t i = 0; i < c->n_links; i++) {
		char *near = scenario_end_name(s, s->links[i].near);
		char *far = scenario_end_name(s, s->links[i].far);
		json_array_append_new(links, json_pack("{s:[s, s], s:o, s:o}", "ends", near, far,
						     "up", direction_json(&c->links[i][0]), "down",
						     direction_json(&c->links[i][1])));
		free(near);
		free(far);
	}
	return json_pack("{s:s, s:s, s:b, s:o}", "mode", c->options.brief ? "short" : "full",
		"time", c->options.virtual_time ? "virtual" : "real", "good", c->good, "links",
		links);
}

/* "99.98 of 100", into a column. */
static void print_value(FILE *out, const struct calibrated *c, int width)
{
	char *text = c->measured ? text_format("%.4g of %.4g%s", c->value, c->configured,
					   c->good ? "" : " !")
				 : text_format("-");
	fprintf(out, "  %*s", width, text);
	free(text);
}

static void print_jitter(FILE *out, const struct calibrated_direction *d)
{
	char *text = d->jitter.measured ? text_format("%.3f of %.3f%s", d->jitter.value,
						  d->jitter.high, d->jitter.good ? "" : " !")
					: text_format("-");
	fprintf(out, "  %16s", text);
	free(text);
}

static void print_direction(FILE *out, const char *near, const char *far, bool down,
	const struct calibrated_direction *d)
{
	char *link = text_format("%s %s %s", near, down ? "<-" : "->", far);
	fprintf(out, "%-28s", link);
	free(link);
	print_value(out, &d->rate_mbit, 16);
	print_value(out, &d->delay_ms, 16);
	print_value(out, &d->deviation_ms, 18);
	print_jitter(out, d);
	print_value(out, &d->loss_percent, 14);
	print_value(out, &d->queue_packets, 14);
	fprintf(out, "  %s\n", d->good ? "good" : "BAD");
}

static void print_bad(FILE *out, const char *near, bool down, const struct calibrated_direction *d)
{
	for (size_t i = 0; i < VALUES; i++) {
		const struct calibrated *c = value_of(d, i);
		if (c->measured && !c->good)
			fprintf(out, "%s %s: %s: %.6g, expected %.6g to %.6g\n", near,
				down ? "down" : "up", values[i].text, c->value, c->low, c->high);
	}
}

void calibration_table(FILE *out, const struct scenario *s, const struct calibration *c)
{
	fprintf(out, "%-28s  %16s  %16s  %18s  %16s  %14s  %14s\n", "measured of configured",
		"rate (Mbit/s)", "delay (ms)", "deviation (ms)", "jitter (KS)", "loss (%)",
		"queue (packets)");
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < 2 * c->n_links; i++) {
			char *near = scenario_end_name(s, s->links[i / 2].near);
			char *far = scenario_end_name(s, s->links[i / 2].far);
			const struct calibrated_direction *d = &c->links[i / 2][i % 2];
			if (pass == 0)
				print_direction(out, near, far, i % 2, d);
			else
				print_bad(out, near, i % 2, d);
			free(near);
			free(far);
		}
	}
	fprintf(out, "%s\n",
		c->good ? "every link is as configured" : "links are not as configured");
}
