// SPDX-License-Identifier: BSD-2-Clause
/*
 * The paper's values of paths, parts of a run, and calls.
 *
 * Theory of operation
 * -------------------
 * A contestant's definition names the paper's goodput. The rest is a table here: it belongs to what
 * is drawn, and results that are there already do not have to be made again for it. Where the paper
 * gives a list, `order` says which path or third each of its numbers is of.
 */

#include "analysis/figure/paper.h"

#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *contestant, *quantity, *order, *pointer;
} table[] = {
	/* figure 6 */
	{"throughput/no-limit-mpip", "path_mbit", "1234", "/path_throughput/values/no-limit"},
	{"throughput/bw-limit-mpip", "path_mbit", "1234", "/path_throughput/values/bw-limit"},
	{"throughput/delay-5ms-mpip", "path_mbit", "1234", "/path_throughput/values/delay-5ms"},
	{"throughput/wireless-mpip", "path_mbit", "1234", "/path_throughput/values/wireless"},
	/* table 8 */
	{"throughput/wireless-mpip", "queuing_ms", "1234", "/wireless_queueing_delay/average_ms"},
	{"throughput/wireless-mpip", "queuing_variance_ms2", "1234",
		"/wireless_queueing_delay/variation"},
	/* figure 8, and the later version's */
	{"internet/shared-mpip", "path_mbit", "12", "/internet/mean/shared-5mbit/path_mbit"},
	{"internet/5-10-mpip", "path_mbit", "12", "/internet/mean/5+10mbit/path_mbit"},
	{"internet/5-cellular-mpip", "path_mbit", "12", "/internet/mean/5+0.9mbit-4g/path_mbit"},
	/* the later version; paths 2 and 3 are the pairs of addresses that do not exist */
	{"disjoint-paths/mpip", "path_mbit", "14", "/two_disjoint_paths/path_mbit"},
	{"unplug/mpip", "third_mbit", "123", "/unplug_replug/mpip_mbit"},
	{"unplug/mptcp", "third_mbit", "123", "/unplug_replug/mptcp_mbit"},
	/* figure 9b */
	{"skype-routing/rule-on", "audio_rtt_ms", NULL, "/skype_routing/audio_rtt_ms/with"},
	{"skype-routing/rule-off", "audio_rtt_ms", NULL, "/skype_routing/audio_rtt_ms/without"},
};

double paper_value(
	const struct results *r, const char *contestant, const char *quantity, size_t which)
{
	char *name = text_format("%s/%s", r->experiment, contestant);
	double value = NAN;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].contestant, name) != 0 ||
			strcmp(table[i].quantity, quantity) != 0)
			continue;
		const json_t *there = json_pointer(r->paper, table[i].pointer);
		if (table[i].order) {
			const char *at =
				which < 10 ? strchr(table[i].order, '0' + (int)which) : NULL;
			there = at ? json_array_get(there, (size_t)(at - table[i].order)) : NULL;
		}
		value = json_number_at(there, "");
	}
	free(name);
	return value;
}

bool paper_has(const struct results *r, const char *quantity)
{
	size_t length = strlen(r->experiment);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strncmp(table[i].contestant, r->experiment, length) == 0 &&
			table[i].contestant[length] == '/' &&
			strcmp(table[i].quantity, quantity) == 0)
			return true;
	return false;
}
