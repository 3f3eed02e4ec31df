/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_SETTINGS_H
#define ANALYSIS_MEASURE_SETTINGS_H

#include "analysis/measure/results.h"

/* What an experiment's contestants were told differently. */

/* The settings in which the contestants differ, of each that has any of them: its name, and an
 * object of its settings, "reorder.buffer_packets" and the like, with their values. mpipd's are
 * compared between those that run it; what one does not set and others do has its default and is
 * not in the list. The load and sysctls are compared between all. A new reference. */
json_t *settings_differing(const struct results *r);

/* "s-5: weight_step 5". Allocated. */
char *settings_one_text(const char *contestant, const json_t *settings);

/* The same of all, with " · " between; "" where nothing differs. Allocated. */
char *settings_text(const struct results *r);

#endif
