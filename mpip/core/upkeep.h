/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_UPKEEP_H
#define MPIP_CORE_UPKEEP_H

#include "mpip/core/actions.h"
#include "mpip/core/types.h"

/*
 * A session's paths over its life: probed, taken out of use, taken back (paper 3.5, 3.7.2).
 */

struct engine;
struct session;

/* What is due for the session, at least every `maintenance` while it is active. */
void upkeep_session(struct engine *e, struct session *s, struct usec now, struct actions *a);
/* The application sends again after nothing has gone or come for a while: `again`, if it is TCP
 * that sends once more what it has sent. */
void upkeep_after_pause(
	struct engine *e, struct session *s, bool again, struct usec now, struct actions *a);

/* The peer's host says that nobody listens at this wire endpoint. */
void upkeep_unreachable(struct engine *e, struct endpoint remote, struct usec now);

#endif
