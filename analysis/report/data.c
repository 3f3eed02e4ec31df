// SPDX-License-Identifier: BSD-2-Clause
/* The files that are a part of the program; the contracts are in the header. */

#include "analysis/report/data.h"

#include <stdint.h>

/* A file's bytes as NAME, its length as NAME_length. */
#define EMBED(name, file)                                                                          \
	__asm__(".section .rodata\n" #name ":\n"                                                   \
		".incbin \"" file "\"\n" #name "_end:\n"                                           \
		".balign 8\n" #name "_length:\n"                                                   \
		".quad " #name "_end - " #name "\n"                                                \
		".previous\n");                                                                    \
	extern const char name[];                                                                  \
	extern const uint64_t name##_length

EMBED(paper_values, "analysis/paper-values.json");
EMBED(claims_rules, "analysis/claims.json");

struct data data_paper(void)
{
	return (struct data){
		"analysis/paper-values.json", paper_values, (size_t)paper_values_length};
}

struct data data_claims(void)
{
	return (struct data){"analysis/claims.json", claims_rules, (size_t)claims_rules_length};
}
