// SPDX-License-Identifier: BSD-2-Clause
/*
 * The router's counters.
 *
 * Theory of operation
 * -------------------
 * The lab's counters were read once a second. Each direction of each link becomes one row with its
 * bytes at each reading; the measured part is from the first reading after the warm-up to the last.
 */

#include "experiments/runner/links.h"

#include "mpip/base/error.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const json_t *direction_at(const json_t *counters, size_t link, const char *direction)
{
	const json_t *links = json_object_get(counters, "links");
	return json_object_get(json_array_get(links, link), direction);
}

static json_int_t counted(const json_t *direction, const char *name)
{
	return json_integer_value(json_object_get(direction, name));
}

/* The reading with which the measured part begins. */
static const struct sample *first_sample(const struct run *r)
{
	for (size_t i = 0; i < r->sample_count; i++)
		if (r->samples[i].time_us + 100000 >= run_zero_us(r))
			return &r->samples[i];
	return &r->before;
}

static const struct sample *last_sample(const struct run *r)
{
	return r->sample_count ? &r->samples[r->sample_count - 1] : &r->after;
}

static json_t *direction_of(
	const struct run *r, size_t link, const char *name, const char *direction)
{
	const json_t *from = direction_at(first_sample(r)->counters, link, direction);
	const json_t *to = direction_at(last_sample(r)->counters, link, direction);
	json_t *bytes_at = json_array();
	for (size_t i = 0; i < r->sample_count; i++)
		json_array_append_new(bytes_at,
			json_integer(counted(
				direction_at(r->samples[i].counters, link, direction), "bytes")));
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "link", name, "direction", direction,
		"bytes", counted(to, "bytes") - counted(from, "bytes"), "packets",
		counted(to, "packets") - counted(from, "packets"), "drops",
		counted(to, "drops") - counted(from, "drops"), "bytes_at", bytes_at);
}

/* The bytes of a host's link, both directions. */
static json_int_t both(const json_t *directions, const char *link)
{
	json_int_t bytes = 0;
	size_t i;
	json_t *row;
	json_array_foreach ((json_t *)directions, i, row)
		if (strcmp(json_string_value(json_object_get(row, "link")), link) == 0)
			bytes += counted(row, "bytes");
	return bytes;
}

static json_t *nics_of(const struct run *r, const json_t *directions)
{
	json_t *nics = json_array();
	for (int h = 0; h < HOSTS; h++) {
		const struct node *node = r->hosts[h].node;
		json_int_t all = 0, bytes[16] = {0};
		for (size_t n = 0; n < node->n_nics && n < 16; n++) {
			char *link = text_format("%s.%s", node->name, node->nics[n].name);
			bytes[n] = both(directions, link);
			all += bytes[n];
			free(link);
		}
		for (size_t n = 0; n < node->n_nics && n < 16; n++)
			json_array_append_new(
				nics, json_pack("{s:s, s:s, s:I, s:f}", "host", node->name, "nic",
					      node->nics[n].name, "bytes", bytes[n], "share",
					      all ? (double)bytes[n] / (double)all : 0.0));
	}
	return nics;
}

json_t *links_of(const struct run *r)
{
	const struct scenario *s = r->plan->scenario;
	json_t *times = json_array(), *directions = json_array();
	for (size_t i = 0; i < r->sample_count; i++)
		json_array_append_new(
			times, json_real((double)(r->samples[i].time_us - run_zero_us(r)) / 1e6));
	for (size_t i = 0; i < s->n_links; i++) {
		char *name = scenario_end_name(s, s->links[i].near);
		json_array_append_new(directions, direction_of(r, i, name, "up"));
		json_array_append_new(directions, direction_of(r, i, name, "down"));
		free(name);
	}
	json_t *nics = nics_of(r, directions);
	return json_pack(
		"{s:o, s:o, s:o}", "time_s", times, "directions", directions, "nics", nics);
}

/* The row of a pair at one reading; NULL when nothing had gone that way yet. */
static const json_t *pair_at(const json_t *pairs, const char *src, const char *dst)
{
	size_t i;
	json_t *row;
	json_array_foreach ((json_t *)pairs, i, row)
		if (strcmp(json_string_value(json_object_get(row, "src")), src) == 0 &&
			strcmp(json_string_value(json_object_get(row, "dst")), dst) == 0)
			return row;
	return NULL;
}

static json_t *pair_of(const struct run *r, struct in_addr from, struct in_addr to)
{
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &from, src, sizeof(src));
	inet_ntop(AF_INET, &to, dst, sizeof(dst));
	const json_t *first = pair_at(first_sample(r)->pairs, src, dst);
	const json_t *last = pair_at(last_sample(r)->pairs, src, dst);
	json_t *bytes_at = json_array();
	for (size_t i = 0; i < r->sample_count; i++)
		json_array_append_new(bytes_at,
			json_integer(counted(pair_at(r->samples[i].pairs, src, dst), "bytes")));
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "src", src, "dst", dst, "bytes",
		counted(last, "bytes") - counted(first, "bytes"), "packets",
		counted(last, "packets") - counted(first, "packets"), "small_packets",
		counted(last, "small_packets") - counted(first, "small_packets"), "bytes_at",
		bytes_at);
}

json_t *pairs_of(const struct run *r)
{
	json_t *pairs = json_array();
	for (int h = 0; h < HOSTS; h++) {
		const struct node *a = r->hosts[h].node, *b = r->hosts[HOSTS - 1 - h].node;
		for (size_t i = 0; i < a->n_nics; i++)
			for (size_t k = 0; k < b->n_nics; k++)
				json_array_append_new(
					pairs, pair_of(r, a->nics[i].address, b->nics[k].address));
	}
	return pairs;
}

double links_smallest_share(const json_t *links)
{
	double smallest = 1;
	size_t i;
	json_t *nic;
	json_array_foreach (json_object_get(links, "nics"), i, nic) {
		double share = json_number_value(json_object_get(nic, "share"));
		smallest = share < smallest ? share : smallest;
	}
	return smallest;
}
