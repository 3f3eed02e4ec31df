/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_NAMES_H
#define EXPERIMENTS_RECORD_NAMES_H

#include "mpip/base/jsonfile.h"

/* Whether all of a name is small letters, digits, + and -, and it begins with a letter or digit. */
bool name_is_plain(const char *name);

/* Names of experiments and contestants become parts of directory names, of plot files and of pages:
 * one that could not is the document's error at `at`. */
void name_check(struct jat at, const char *name);

#endif
