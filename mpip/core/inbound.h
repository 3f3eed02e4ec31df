/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_INBOUND_H
#define MPIP_CORE_INBOUND_H

#include "mpip/core/actions.h"
#include "mpip/core/input.h"
#include "mpip/core/types.h"

/* From the networks to the application (paper 3.7.3, inbound). */

struct engine;

/* A datagram that came to a wire socket. */
void inbound_wire(
	struct engine *e, const struct wire_input *in, struct usec now, struct actions *a);

/* An IP packet that the ingress hook took off a NIC; GRO may have made a super-packet of it. */
void inbound_hook(
	struct engine *e, const struct host_input *in, struct usec now, struct actions *a);

#endif
