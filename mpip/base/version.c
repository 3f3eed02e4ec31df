// SPDX-License-Identifier: BSD-2-Clause
/*
 * The version of all programs.
 *
 * Theory of operation: ci/version.sh writes the text to a file in the build directory, which is
 * part of this object alone. The file changes only when the text does: after a commit one object is
 * made again, and the programs are linked. It is of one length, and in a section of its own, which
 * lab/vm/image.sh takes out: a commit that changes no code makes no other guest.
 */

#include "mpip/base/version.h"

#include <stdio.h>

/* clang-format off */
__asm__(".section .mpip_version,\"a\"\n"
	"mpip_version:\n"
	".incbin \"mpip/base/version.txt\"\n"
	".zero 64 - (. - mpip_version)\n"
	".globl mpip_version\n"
	".previous\n");
/* clang-format on */

extern const char mpip_version[];

const char *version_text(void)
{
	return mpip_version[0] ? mpip_version : "unknown";
}

void version_print(const char *program)
{
	printf("%s %s\n", program, version_text());
}
