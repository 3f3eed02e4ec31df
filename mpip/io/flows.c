// SPDX-License-Identifier: BSD-2-Clause
/* Flows in the ingress hook; the theory of operation is in the header. */

#include "mpip/io/flows.h"

#include <errno.h>
#include <stdlib.h>

#define LINGERING_MAX 32768

static struct ingress_flow flow_of(const struct tuple *t)
{
	struct ingress_flow flow = {.remote_port = t->remote_port,
		.local_port = t->local_port,
		.protocol = (uint8_t)t->protocol};
	address_to_ipv4(t->remote_ip, &flow.remote);
	address_to_ipv4(t->local_ip, &flow.local);
	return flow;
}

static struct lingering_flow *find(struct flows *f, const struct ingress_flow *flow)
{
	struct lingering_flow *l;
	HASH_FIND(hh, f->lingering, flow, sizeof(*flow), l);
	return l;
}

static void forget(struct flows *f, struct lingering_flow *l)
{
	HASH_DEL(f->lingering, l);
	free(l);
}

int flows_add(struct flows *f, const struct tuple *tuple)
{
	struct ingress_flow flow = flow_of(tuple);
	struct lingering_flow *l = find(f, &flow);
	if (l)
		forget(f, l);
	return ingress_add_flow(f->ingress, &flow);
}

int flows_remove(struct flows *f, const struct tuple *tuple, struct usec now)
{
	struct ingress_flow flow = flow_of(tuple);
	struct lingering_flow *l = find(f, &flow);
	if (l)
		forget(f, l);
	if (HASH_COUNT(f->lingering) >= LINGERING_MAX) {
		ingress_remove_flow(f->ingress, &f->lingering->flow);
		forget(f, f->lingering);
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->flow = flow;
	l->until = usec_add(now, f->linger);
	HASH_ADD(hh, f->lingering, flow, sizeof(l->flow), l);
	return 0;
}

void flows_expire(struct flows *f, struct usec now)
{
	while (f->lingering && !usec_before(now, f->lingering->until)) {
		ingress_remove_flow(f->ingress, &f->lingering->flow);
		forget(f, f->lingering);
	}
}

void flows_free(struct flows *f)
{
	while (f->lingering)
		forget(f, f->lingering);
}
