// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tables 2 and 4.
 *
 * Theory of operation: two uthash tables, which keep their rows in the order of insertion. A row
 * that is used is taken out and put back, so the first row is the one used longest ago: the one
 * to go when the table is full. Per packet, nothing of them is touched but a node's last_heard.
 */

#include "mpip/core/peers.h"

#include <stdlib.h>

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

struct availability *availability_find(struct peers *t, struct address ip, in_port_t port)
{
	struct availability probe = {.key = {.ip = ip, .port = port}}, *row;
	HASH_FIND(hh, t->availability, &probe.key, sizeof(probe.key), row);
	return row;
}

struct availability *availability_get(
	struct peers *t, struct address ip, in_port_t port, struct availability *evicted)
{
	struct availability *row = availability_find(t, ip, port);
	if (evicted)
		evicted->key.ip = (struct address){0};
	if (row) {
		HASH_DEL(t->availability, row);
	} else {
		if (HASH_COUNT(t->availability) >= t->max_availability) {
			struct availability *oldest = t->availability;
			if (evicted)
				*evicted = *oldest;
			HASH_DEL(t->availability, oldest);
			free(oldest);
		}
		row = must(calloc(1, sizeof(*row)));
		row->key.ip = ip;
		row->key.port = port;
	}
	HASH_ADD(hh, t->availability, key, sizeof(row->key), row);
	return row;
}

struct peer *peer_find(struct peers *t, struct node_id node)
{
	struct peer *p;
	HASH_FIND(hh, t->peer, &node, sizeof(node), p);
	return p;
}

struct peer *peer_get(struct peers *t, struct node_id node, struct usec now)
{
	struct peer *p = peer_find(t, node);
	if (p) {
		HASH_DEL(t->peer, p);
	} else {
		if (HASH_COUNT(t->peer) >= t->max_peers) {
			struct peer *old, *tmp;
			HASH_ITER (hh, t->peer, old, tmp)
				if (old->sessions == 0)
					break;
			if (!old)
				return NULL;
			HASH_DEL(t->peer, old);
			free(old);
		}
		p = must(calloc(1, sizeof(*p)));
		p->node = node;
		p->wants_list = true;
	}
	p->last_heard = now;
	HASH_ADD(hh, t->peer, node, sizeof(p->node), p);
	return p;
}

void peers_free(struct peers *t)
{
	struct availability *row, *row_tmp;
	HASH_ITER (hh, t->availability, row, row_tmp) {
		HASH_DEL(t->availability, row);
		free(row);
	}
	struct peer *p, *p_tmp;
	HASH_ITER (hh, t->peer, p, p_tmp) {
		HASH_DEL(t->peer, p);
		free(p);
	}
}
