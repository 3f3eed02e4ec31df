/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_HELP_H
#define ANALYSIS_HELP_H

#include <stdio.h>

/* What analysis --help says. */

/* The commands, a line each. */
void help_all(FILE *out);

/* What a command does, takes and prints. Nothing for one that there is not. */
void help_command(const char *command, FILE *out);

#endif
