// SPDX-License-Identifier: BSD-2-Clause
/* What experiments and contestants may be called. */

#include "experiments/names.h"

#include <ctype.h>
#include <string.h>

#define LENGTH_MAX 40

void name_check(struct jat at, const char *name)
{
	size_t length = strlen(name);
	bool good = length > 0 && length <= LENGTH_MAX && isalnum((unsigned char)name[0]);
	for (const char *p = name; good && *p; p++)
		good = islower((unsigned char)*p) || isdigit((unsigned char)*p) || strchr("+-", *p);
	if (!good)
		jat_fail(at,
			"expected a name of small letters, digits, + and -, at most %d, got "
			"\"%.60s\"",
			LENGTH_MAX, name);
}
