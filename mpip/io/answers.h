/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_ANSWERS_H
#define MPIP_IO_ANSWERS_H

#include "mpip/io/control.h"

/* The answer to a command and its words, which are changed: one JSON object, a new reference; with
 * "error" where the command is not understood. NULL: it is no text. */
json_t *answers_to(const struct control *c, struct engine *e, char *command, struct usec now);

#endif
