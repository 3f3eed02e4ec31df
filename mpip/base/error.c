// SPDX-License-Identifier: BSD-2-Clause
/* One-line errors; the contract is in the header. */

#include "mpip/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int error_set(char **error, const char *format, ...)
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
