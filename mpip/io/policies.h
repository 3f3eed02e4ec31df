/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_POLICIES_H
#define MPIP_IO_POLICIES_H

#include "mpip/base/jsonfile.h"
#include "mpip/core/policy.h"

/*
 * Table 6 for people: from the configuration file, from mpipctl, and back.
 *
 * A row is an object { "destination": "ADDRESS[/PREFIX]", "port": N, "protocol": "tcp" or "udp",
 * "start": BYTES, "end": BYTES, "priority": "throughput" or "responsiveness" }; any of the first
 * five may be "*" or absent: everything matches. mpipctl gives the same six as words.
 */

/* Reads the array at `at` into the table, which is emptied first. Errors are the document's. */
void policies_read(struct jat at, struct policies *t);

/* Carries out the words of `mpipctl policy`: "list", "add D PORT PROTO START END PRIORITY [ROW]",
 * "delete ROW", "flush"; rows count from 1. Changes `words`. Returns the answer, a new reference:
 * the table as it is then, or an object with "error". */
json_t *policies_command(struct policies *t, char *words);

#endif
