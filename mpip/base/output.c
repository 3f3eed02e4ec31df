// SPDX-License-Identifier: BSD-2-Clause
/* What was printed has arrived; the theory of operation is in the header. */

#include "mpip/base/output.h"

#include <errno.h>
#include <string.h>

const char *output_failure(FILE *f)
{
	errno = 0;
	if (fflush(f) == 0 && !ferror(f))
		return NULL;
	/* The reason of an earlier failure is lost, but what is torn anyway may have one byte more.
	 */
	if (errno == 0 && fputc('\n', f) != EOF && fflush(f) == 0)
		return "an earlier write failed";
	return strerror(errno);
}

const char *output_close(FILE *f)
{
	const char *why = output_failure(f);
	if (fclose(f) && !why)
		why = strerror(errno);
	return why;
}

int output_end(int status)
{
	const char *why = output_failure(stdout);
	if (!why)
		return status;
	fprintf(stderr, "%s: standard output cannot be written: %s\n",
		program_invocation_short_name, why);
	return status ? status : 1;
}
