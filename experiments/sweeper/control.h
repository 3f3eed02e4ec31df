/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_CONTROL_H
#define EXPERIMENTS_SWEEPER_CONTROL_H

#include "experiments/sweeper/session.h"

/* Who is at work on a sweep, and how to end it. */

/* Opens the place, and leaves there who we are as long as we are at work. 0; or -1 and *error, as
 * where another one is at work. Close with control_close() in both cases. */
int control_open(struct session *s, char **error);
void control_close(struct session *s);

/* The same, but one that is at work is asked to stop, as by Ctrl-C, and waited for. 0; 1 when asked
 * to stop ourselves; or -1 and *error. */
int control_take_over(struct session *s, char **error);

/* Prints what there is of the sweep, and what is under way. 0; or -1 and *error. */
int control_status(struct session *s, char **error);

#endif
