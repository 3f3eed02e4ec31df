/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_SIM_LAWS_H
#define MPIP_SIM_LAWS_H

#include "mpip/sim/sim.h"

/*
 * What must hold whatever happens. Each broken law is reported under its name, by sim_break().
 *
 *   content, checksum   a kernel reads what another kernel has sent, and nothing else (kernel.c)
 *   session             and only in the session it was sent in (kernel.c)
 *   once                as often as it was sent, and the networks have doubled it (kernel.c)
 *   in-order            a stream goes no further than it was sent (tcp.c)
 *   plain-peer          a host without MPIP gets no packet between wire ports, and no more
 *                       questions than the threshold (host.c, here)
 *   conservation        every packet is delivered, held, or dropped under a name
 *   weights             path weights are in their bounds, and Equation 1's probabilities sum to 1
 *   session-id          no two connections between two nodes have the same session ID
 *   bounds              tables keep their bounds
 *   events              as many sessions are multipath as an engine has told of
 *   address             no path begins at an address that the host does not have
 *   live-path           at the end, all that was sent lately has come, while any path lives
 *   clean               without faults nothing is dropped, and all is multipath within 2 s
 */

/* After every event. */
void laws_check(struct sim *w);

/* A second after the faults: which connections have a session at both ends. */
void laws_calm(struct sim *w);

/* A second before the datagrams are sent that all have to come. */
void laws_late(struct sim *w);

/* At the end; `faults`: there were some. */
void laws_final(struct sim *w, bool faults);

#endif
