// SPDX-License-Identifier: BSD-2-Clause
/* How errors name a command; the contract is in the header. */

#include "lab/build/call.h"

#include "mpip/base/error.h"

#include <stdlib.h>

bool call_by_make;

char *call_of(const char *command, const char *lab)
{
	const char *program = call_by_make ? "make lab-" : "lab ";
	const char *word = call_by_make ? " NAME=" : " --name ";
	return text_format("%s%s%s%s", program, command, lab ? word : "", lab ? lab : "");
}

char *call_list(const json_t *names)
{
	size_t n = json_array_size(names);
	char *list = text_format("%s", "");
	for (size_t i = 0; i < n; i++) {
		const char *between = i == 0 ? "" : i + 1 == n ? " and " : ", ";
		char *more = text_format(
			"%s%s%s", list, between, json_string_value(json_array_get(names, i)));
		free(list);
		list = more;
	}
	return list;
}
