/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_PROBE_CONGESTION_H
#define EXPERIMENTS_PROBE_CONGESTION_H

/* 0: this kernel has the congestion control of this name, loaded if it is a module and this user
 * may load it. -1 and *error: it has not. */
int congestion_try(const char *name, char **error);

#endif
