/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_SLOT_H
#define EXPERIMENTS_SWEEPER_SLOT_H

/* A number, from 0 on, that no other task on this node has as long as we are there: which of its
 * processors the guest gets. */
int slot_take(void);

#endif
