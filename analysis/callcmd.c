// SPDX-License-Identifier: BSD-2-Clause
/* analysis call: a call's measures from its raw logs, against those in its result. */

#include "analysis/callcmd.h"

#include "analysis/measure/results.h"
#include "experiments/record/call.h"
#include "mpip/base/error.h"

#include <libgen.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The place of the first difference, "audio.rtt_ms.mean", in `place`; false: none. Numbers in a
 * result have 9 digits. */
static bool differs(const json_t *a, const json_t *b, char *place, size_t room)
{
	if (json_is_number(a) && json_is_number(b))
		return fabs(json_number_value(a) - json_number_value(b)) >
		       1e-8 * (1 + fabs(json_number_value(a)));
	if (json_typeof(a) != json_typeof(b))
		return true;
	size_t used = strlen(place), i;
	const char *key;
	json_t *value;
	if (json_is_array(a)) {
		if (json_array_size(a) != json_array_size(b))
			return true;
		json_array_foreach (a, i, value) {
			snprintf(place + used, room - used, "[%zu]", i);
			if (differs(value, json_array_get(b, i), place, room))
				return true;
		}
		place[used] = '\0';
		return false;
	}
	if (!json_is_object(a))
		return !json_equal(a, b);
	json_object_foreach ((json_t *)a, key, value) {
		snprintf(place + used, room - used, "%s%s", used ? "." : "", key);
		json_t *other = json_object_get(b, key);
		if (!other || differs(value, other, place, room))
			return true;
	}
	place[used] = '\0';
	return json_object_size(a) != json_object_size(b);
}

static void print_direction(const json_t *stream, const char *name, const char *way, FILE *out)
{
	const json_t *d = json_object_get(stream, way);
	fprintf(out,
		"  %s %s: %.0f sent, %.2f %% lost, delay mean %.2f p95 %.2f ms, |IPDV| %.2f ms, "
		"PDV "
		"p95 %.2f ms, %.2f %% reordered",
		name, way, json_number_at(d, "/sent"), 100 * json_number_at(d, "/loss_ratio"),
		json_number_at(d, "/one_way_delay_ms/mean"),
		json_number_at(d, "/one_way_delay_ms/p95"),
		json_number_at(d, "/ipdv_mean_magnitude_ms"), json_number_at(d, "/pdv_ms/p95"),
		100 * json_number_at(d, "/reordering/ratio"));
	if (json_is_object(json_object_get(d, "voice")))
		fprintf(out, ", MOS %.2f (R %.1f, mouth to ear %.0f ms, %.2f %% late or lost)",
			json_number_at(d, "/voice/mos"), json_number_at(d, "/voice/r"),
			json_number_at(d, "/voice/mouth_to_ear_ms"),
			100 * json_number_at(d, "/voice/late_or_lost_ratio"));
	fputc('\n', out);
}

static void print_call(const char *file, const json_t *call, FILE *out)
{
	const char *name;
	json_t *stream;
	fprintf(out, "%s:\n", file);
	json_object_foreach ((json_t *)call, name, stream) {
		if (!json_is_object(stream))
			continue;
		print_direction(stream, name, "forward", out);
		print_direction(stream, name, "reverse", out);
		fprintf(out, "  %s round trip: mean %.2f p95 %.2f ms\n", name,
			json_number_at(stream, "/rtt_ms/mean"),
			json_number_at(stream, "/rtt_ms/p95"));
	}
}

static int read_log(
	const char *directory, const char *from, const char *to, struct call_log *log, char **error)
{
	char *sent = text_format("%s/call-sent-%s.csv", directory, from);
	char *received = text_format("%s/call-received-%s.csv", directory, to);
	int rc = call_log_read(sent, received, log, error);
	free(received);
	free(sent);
	return rc;
}

int call_command(const char *file, const json_t *result, FILE *out, char **error)
{
	const json_t *workload = json_object_get(result, "workload");
	const char *from = json_string_value(json_object_get(workload, "from"));
	const char *to = json_string_value(json_object_get(workload, "to"));
	const json_t *stored = json_object_get(result, "call");
	if (!json_is_object(stored) || !from || !to)
		return error_set(error, "%s: expected a run with a call", file);
	char *own = text_format("%s", file);
	const char *directory = dirname(own);
	struct call_log forward = {0}, reverse = {0};
	int rc = read_log(directory, from, to, &forward, error);
	if (rc == 0)
		rc = read_log(directory, to, from, &reverse, error);
	if (rc == 0) {
		json_t *call = call_measures(&forward, &reverse, workload,
			(int)json_integer_value(json_object_get(result, "duration_s")));
		char place[200] = "";
		print_call(file, call, out);
		rc = differs(call, stored, place, sizeof(place));
		if (rc)
			fprintf(out, "%s: call.%s: another value than the logs give\n", file,
				place);
		json_decref(call);
	}
	call_log_free(&forward);
	call_log_free(&reverse);
	free(own);
	return rc;
}
