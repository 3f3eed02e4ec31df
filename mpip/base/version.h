/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_BASE_VERSION_H
#define MPIP_BASE_VERSION_H

/* What git describes the sources as when they were built, such as "v1.0-3-g0fc8fe7" or
 * "0fc8fe7-dirty"; "unknown" where they were no repository of their own. */
const char *version_text(void);

/* "PROGRAM VERSION" on standard output: what --version prints. */
void version_print(const char *program);

#endif
