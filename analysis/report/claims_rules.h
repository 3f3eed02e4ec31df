/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_REPORT_CLAIMS_RULES_H
#define ANALYSIS_REPORT_CLAIMS_RULES_H

#include <jansson.h>

/* The operators of an expression, such as ratio in { "ratio": [A, B] }; then NULL. */
extern const char *const claims_operators[];

/* The claims of a file that has passed all checks, as its "about" has them; NULL: of that which is
 * built in. A new reference; NULL and *error. */
json_t *claims_rules(const char *file, char **error);

#endif
