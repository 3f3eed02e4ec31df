// SPDX-License-Identifier: BSD-2-Clause
/*
 * The version of all programs.
 *
 * Theory of operation: ci/version.sh writes the text to a file in the build directory, which is
 * part of this object alone. The file changes only when the text does: after a commit one object is
 * made again, and the programs are linked.
 */

#include "mpip/base/version.h"

#include <stdio.h>

/* clang-format off */
__asm__(".section .rodata\n"
	"mpip_version:\n"
	".incbin \"mpip/base/version.txt\"\n"
	".byte 0\n"
	".globl mpip_version\n"
	".previous\n");
/* clang-format on */

void version_print(const char *program)
{
	printf("%s %s\n", program, mpip_version);
}
