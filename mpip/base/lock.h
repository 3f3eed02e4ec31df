/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_BASE_LOCK_H
#define MPIP_BASE_LOCK_H

/* An open directory with flock(2) on it, which ends with the descriptor (close-on-exec); -1 with
 * errno. Whoever had the lock before may have removed the directory: what is returned is the one
 * that has this name now. */
int lock_directory(const char *path, int how);

#endif
