/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_REPORT_CLAIMS_H
#define ANALYSIS_REPORT_CLAIMS_H

#include <jansson.h>

/*
 * The paper's claims, judged by rules that were written before the results (analysis/claims.json,
 * whose "about" says what they mean). What comes out, also as out/claims.json:
 *
 * { "verdicts": { "reproduced": N, "differs": N, "not reproduced": N, "missing": N },
 *   "claims": [ { "id", "claim", "where", "paper", "unit", "why", "note": "" or what is known,
 *     "verdict", "reason": "" or what does not hold or is not there,
 *     "ours": [ VALUE ], "checks": [ VALUE + "part": "expect" or "amount", "min", "max", "holds",
 *         "undecided": it does not hold, but its interval is not wholly beyond a bound ],
 *     "figure": its name, "runs": [ "EXPERIMENT/RUN" ],
 *     "caveats": [ "EXPERIMENT: its results' `caveats`, or `late`" (results.h) ] } ] }
 *
 * VALUE: { "name", "of": "EXPERIMENT/CONTESTANT MEASURE" or "", "count": repetitions, "mean",
 * "low", "high": the 95 % confidence interval by Student's t, null where there is none }.
 */

/* Repetitions below which nothing is said: of each value, and of what each check computes of them.
 */
#define CLAIMS_REPETITIONS 3

/* Judges all claims of `file`, NULL: of what is built in, by what is under OUT. NULL and *error
 * when the file is wrong, or a result cannot be used; results that are not there are no error. */
json_t *claims_judge(const char *file, const char *out, char **error);

/* A value for people: "171.2 [168.0, 174.4]". Allocated. */
char *claims_value_text(const json_t *value);

#endif
