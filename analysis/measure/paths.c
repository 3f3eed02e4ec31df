// SPDX-License-Identifier: BSD-2-Clause
/*
 * The use of paths and NICs.
 *
 * Theory of operation
 * -------------------
 * The result has what the routers passed on between each pair of addresses, read once a second.
 * Which pairs are paths follows from the connections' direction: from an address of the host that
 * sends to one of the host that receives. A path that only carries heartbeats carries no data: they
 * are some 100 bytes each, a few per second.
 */

#include "analysis/measure/paths.h"

#include "analysis/measure/results.h"

#include <stdbool.h>
#include <string.h>

#define WINDOW_S       10
#define DATA_BYTES     15000 /* in a window: ten full frames */
#define SMALLEST_SHARE 0.30
#define SLACK_S        0.5 /* readings are not exactly a second apart */

static double at(const json_t *array, size_t i)
{
	return json_number_value(json_array_get(array, i));
}

/* The least that a row of counts grew by within any window of the measured part. */
static double least_in_window(const json_t *times, const json_t *bytes, double window)
{
	double least = -1;
	size_t count = json_array_size(times);
	for (size_t i = 0; i < count; i++) {
		if (at(times, i) < -SLACK_S)
			continue;
		size_t k = i;
		while (k < count && at(times, k) < at(times, i) + window - SLACK_S)
			k++;
		if (k == count)
			break;
		double grown = at(bytes, k) - at(bytes, i);
		least = least < 0 || grown < least ? grown : least;
	}
	return least < 0 ? 0 : least;
}

static double bytes_of(const json_t *pair)
{
	return json_number_value(json_object_get(pair, "bytes"));
}

/* The pairs come in two halves, one per direction; the paths are those of the half with more bytes.
 */
static void direction_of_data(const json_t *pairs, size_t *from, size_t *to)
{
	size_t count = json_array_size(pairs), half = count / 2;
	double bytes[2] = {0, 0};
	for (size_t i = 0; i < count; i++)
		bytes[i >= half] += bytes_of(json_array_get(pairs, i));
	*from = bytes[1] > bytes[0] ? half : 0;
	*to = *from + half;
}

static int print_paths(const json_t *result, FILE *out)
{
	const json_t *pairs = json_object_get(result, "address_pairs");
	const json_t *times = json_pointer(result, "/links/time_s");
	double duration = json_number_value(json_object_get(result, "duration_s")), all = 0;
	double window = duration < WINDOW_S ? duration : WINDOW_S;
	size_t from, to;
	int bad = 0;
	direction_of_data(pairs, &from, &to);
	for (size_t i = from; i < to; i++)
		all += bytes_of(json_array_get(pairs, i));
	for (size_t i = from; i < to; i++) {
		const json_t *pair = json_array_get(pairs, i);
		double least = least_in_window(times, json_object_get(pair, "bytes_at"), window);
		fprintf(out, "  %-15s > %-15s %9.3f MB %5.1f %%, least in %g s %9.3f MB%s\n",
			json_string_value(json_object_get(pair, "src")),
			json_string_value(json_object_get(pair, "dst")), bytes_of(pair) / 1e6,
			all > 0 ? 100 * bytes_of(pair) / all : 0, window, least / 1e6,
			least < DATA_BYTES ? "  <- no data" : "");
		bad |= least < DATA_BYTES;
	}
	return bad;
}

int paths_print(const char *file, const json_t *result, FILE *out)
{
	fprintf(out, "%s: %.1f Mbit/s\n", file,
		json_number_value(json_object_get(result, "goodput_mbit")));
	int bad = print_paths(result, out);
	size_t i;
	json_t *nic;
	json_array_foreach (json_pointer(result, "/links/nics"), i, nic) {
		double share = json_number_value(json_object_get(nic, "share"));
		fprintf(out, "  %s.%s %.1f %% of its host's bytes%s\n",
			json_string_value(json_object_get(nic, "host")),
			json_string_value(json_object_get(nic, "nic")), 100 * share,
			share < SMALLEST_SHARE ? "  <- less than 30 %" : "");
		bad |= share < SMALLEST_SHARE;
	}
	return bad;
}
