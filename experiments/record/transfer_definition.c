// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading transfers out of an experiment: their sizes, their pauses, how many.
 */

#include "experiments/record/definition.h"

#define SMALLEST 16 /* bytes: the first of them are its number */
#define LARGEST  1e9
#define PAUSE_MS 600000

static void read_sizes(struct jat at, struct transfer_load *t)
{
	if (!jat_present(at))
		jat_fail(at,
			"missing, expected a list of sizes, or an object that says how they are "
			"drawn");
	if (json_is_object(at.value)) {
		t->size = drawn_read(at, SMALLEST, LARGEST);
		return;
	}
	if (json_is_number(at.value)) {
		t->sizes[t->size_count++] = jat_integer(at, SMALLEST, LARGEST);
		return;
	}
	size_t count = jat_length(at);
	if (count == 0 || count > TRANSFER_SIZES)
		jat_fail(at, "expected 1 to %d sizes, or an object that says how they are drawn",
			TRANSFER_SIZES);
	for (size_t i = 0; i < count && i < TRANSFER_SIZES; i++)
		t->sizes[t->size_count++] = jat_integer(jat_item(at, i), SMALLEST, LARGEST);
}

void transfer_load_read(struct jat at, struct transfer_load *t)
{
	struct jat pause = jat_key(at, "pause_ms");
	read_sizes(jat_key(at, "sizes_bytes"), t);
	if (jat_present(pause))
		t->pause_ms = drawn_read(pause, 0, PAUSE_MS);
	t->count = (int)jat_integer_or(jat_key(at, "count"), 1, TRANSFERS_MOST, 0);
}

void transfer_load_add(const struct workload *w, json_t *workload)
{
	const struct transfer_load *t = &w->transfers;
	json_t *sizes = t->size_count ? json_array() : drawn_json(&t->size);
	for (size_t i = 0; i < t->size_count; i++)
		json_array_append_new(sizes, json_integer(t->sizes[i]));
	json_object_set_new(workload, "sizes_bytes", sizes);
	json_object_set_new(workload, "pause_ms", drawn_json(&t->pause_ms));
	json_object_set_new(workload, "count", t->count ? json_integer(t->count) : json_null());
}

int64_t transfer_size(const struct transfer_load *t, uint64_t seed, uint64_t index)
{
	if (t->size_count)
		return t->sizes[index % t->size_count];
	return (int64_t)drawn_value(&t->size, seed, index);
}

int64_t transfer_pause_us(const struct transfer_load *t, uint64_t seed, uint64_t index)
{
	/* Other numbers than the sizes'. */
	return (int64_t)(1e3 * drawn_value(&t->pause_ms, seed ^ 0x70617573, index));
}
