// SPDX-License-Identifier: BSD-2-Clause
/* JSON pointers, to set what they point at; the contract is in the header. */

#include "experiments/sweeper/pointer.h"

#include <stdlib.h>
#include <string.h>

bool pointer_is_good(const char *pointer)
{
	if (pointer[0] != '/')
		return false;
	for (const char *p = strchr(pointer, '~'); p; p = strchr(p + 1, '~'))
		if (p[1] != '0' && p[1] != '1')
			return false;
	return true;
}

/* The name that begins at `*at`, behind its "/", without escapes; moves on to the next "/" or the
 * end. Allocated. */
static char *next_name(const char **at)
{
	const char *from = *at + 1;
	size_t length = strcspn(from, "/"), n = 0;
	char *name = malloc(length + 1);
	if (!name)
		abort();
	for (size_t i = 0; i < length; i++) {
		char c = from[i];
		if (c == '~' && i + 1 < length)
			c = from[++i] == '1' ? '/' : '~';
		name[n++] = c;
	}
	name[n] = '\0';
	*at = from + length;
	return name;
}

/* The element that a name is of, which must be there; -1: it is none. */
static long element(const json_t *list, const char *name)
{
	size_t digits = strspn(name, "0123456789");
	if (digits == 0 || name[digits] || digits > 9 || (name[0] == '0' && digits > 1))
		return -1;
	long index = atol(name);
	return (size_t)index < json_array_size(list) ? index : -1;
}

static int set_in(json_t *in, const char *name, json_t *value)
{
	if (json_is_object(in))
		return json_object_set(in, name, value);
	long index = json_is_array(in) ? element(in, name) : -1;
	return index < 0 ? -1 : json_array_set(in, (size_t)index, value);
}

int pointer_set(json_t *root, const char *pointer, json_t *value)
{
	json_t *in = root;
	for (const char *at = pointer; in && *at;) {
		char *name = next_name(&at);
		if (!*at) {
			int rc = set_in(in, name, value);
			free(name);
			return rc;
		}
		long index = element(in, name);
		in = json_is_object(in) ? json_object_get(in, name)
		     : index >= 0       ? json_array_get(in, (size_t)index)
					: NULL;
		free(name);
	}
	return -1;
}
