/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_REPORT_DATA_H
#define ANALYSIS_REPORT_DATA_H

#include <stddef.h>

/* The paper's values and the rules of its claims, as they were when the program was built: so it
 * runs in any directory. */

struct data {
	const char *name; /* for messages: "analysis/claims.json" */
	const char *text; /* without a 0 at its end */
	size_t length;
};

struct data data_paper(void);
struct data data_claims(void);

#endif
