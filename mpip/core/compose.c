// SPDX-License-Identifier: BSD-2-Clause
/*
 * The CM of a packet that is about to leave (paper 3.1): who sends it, on which path and when, and
 * the feedback and addresses that go along.
 */

#include "mpip/core/compose.h"

#include "mpip/core/measure.h"
#include "mpip/core/mesh.h"
#include "mpip/core/peers.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

struct cm compose_cm(struct engine *e, struct session *s, const struct path *p, struct usec now)
{
	struct cm cm;
	cm.node = e->node;
	cm.session = s->mp->key.id;
	cm.path = p->id;
	cm.feedback_path.n = 0;
	cm.path_delay = 0;
	cm.stamp = stamp_at(e, now);
	cm.flags = s->mp->peer->list_known ? 0 : CM_FLAG_WANT;
	cm.has_hello = cm.has_addresses = cm.has_list_ack = cm.has_size = cm.has_scale = false;

	/* On a path that is not in use it may well be lost, and the other end would take a path
	 * that works to be down: there the news of what it answers goes along, and once more
	 * elsewhere. */
	bool sure = p->state == PATH_IN_USE || s->in_use == 0;
	struct arrival *news = sure ? measure_oldest_news(s) : measure_latest_news(s);
	if (news) {
		cm.feedback_path = news->path;
		cm.path_delay = news->delay;
	}
	if (news && sure) {
		news->fresh = false;
		news->feedback_time = now;
	}
	return cm;
}

void compose_addresses(struct engine *e, struct session *s, struct cm *cm)
{
	struct peer *peer = s->mp->peer;
	if (peer->wants_list && !mesh_short(e, s)) {
		cm->has_addresses = true;
		cm->addresses = e->addresses;
		cm->list_version = e->list_version;
		peer->wants_list = false;
	}
	if (s->encap == ENCAP_LITERAL ? s->mp->owes_ack : peer->owes_ack) {
		cm->has_list_ack = true;
		cm->list_ack = s->encap == ENCAP_LITERAL ? (uint8_t)(s->mp->list_seen - 1)
							 : peer->list_version;
		peer->owes_ack = s->mp->owes_ack = false;
	}
}
