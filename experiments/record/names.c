// SPDX-License-Identifier: BSD-2-Clause
/* What experiments and contestants may be called. */

#include "experiments/record/names.h"

#include <ctype.h>
#include <string.h>

#define LENGTH_MAX 40

bool name_is_plain(const char *name)
{
	bool plain = isalnum((unsigned char)name[0]);
	for (const char *p = name; plain && *p; p++)
		plain = islower((unsigned char)*p) || isdigit((unsigned char)*p) ||
			strchr("+-", *p);
	return plain;
}

void name_check(struct jat at, const char *name)
{
	if (!name_is_plain(name) || strlen(name) > LENGTH_MAX)
		jat_fail(at,
			"expected a name of small letters, digits, + and -, at most %d, got "
			"\"%.60s\"",
			LENGTH_MAX, name);
}
