/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_OUTBOUND_H
#define MPIP_CORE_OUTBOUND_H

#include "mpip/core/actions.h"
#include "mpip/core/input.h"
#include "mpip/core/types.h"

/* From the application to the networks (paper 3.7.3, outbound). */

struct engine;

/* A packet from an application of this host. */
void outbound_packet(
	struct engine *e, const struct host_input *in, struct usec now, struct actions *a);

#endif
