/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_PATHS_H
#define ANALYSIS_MEASURE_PATHS_H

#include <jansson.h>
#include <stdio.h>

/* How one run used its NICs and its paths, by the routers' own counts: prints a row per path in the
 * direction of the data, with its bytes, its share and the least that it carried in any 10 s (in
 * the whole run, if that is shorter), and the NICs' shares, below a line with the name of its file.
 * `result` is a whole result.json.
 *
 * Returns 0 when each NIC carried at least 30 % of its host's bytes and each path carried data in
 * every 10 s; else 1, having said what failed. */
int paths_print(const char *file, const json_t *result, FILE *out);

#endif
