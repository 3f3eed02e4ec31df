// SPDX-License-Identifier: BSD-2-Clause
/* One-line errors; the contract is in the header. */

#include "lab/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int lab_fail(char **error, const char *format, ...)
{
	if (!error || *error)
		return -1;

	va_list ap;
	va_start(ap, format);
	if (vasprintf(error, format, ap) < 0)
		abort();
	va_end(ap);
	return -1;
}

char *lab_text(const char *format, ...)
{
	char *text;
	va_list ap;
	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	return text;
}
