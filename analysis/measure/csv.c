// SPDX-License-Identifier: BSD-2-Clause
/* Writing CSV; the contracts are in the header. */

#include "analysis/measure/csv.h"

#include <math.h>
#include <string.h>

void csv_field(FILE *out, bool first, const char *text)
{
	bool quoted = strpbrk(text, ",\"\r\n") != NULL;
	fprintf(out, "%s%s", first ? "" : ",", quoted ? "\"" : "");
	for (; *text; text++)
		fprintf(out, "%s%c", *text == '"' ? "\"" : "", *text);
	fputs(quoted ? "\"" : "", out);
}

void csv_number(FILE *out, double value)
{
	if (isnan(value))
		fputc(',', out);
	else
		fprintf(out, ",%.9g", value);
}
