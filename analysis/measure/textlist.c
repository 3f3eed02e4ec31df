// SPDX-License-Identifier: BSD-2-Clause
/* Lists of texts; short ones, so they are searched from the beginning. */

#include "analysis/measure/textlist.h"

#include <stdlib.h>
#include <string.h>

bool textlist_has(const json_t *list, const char *text)
{
	size_t i;
	json_t *item;
	json_array_foreach ((json_t *)list, i, item)
		if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

void textlist_add(json_t *list, char *text)
{
	if (!textlist_has(list, text))
		json_array_append_new(list, json_string(text));
	free(text);
}
