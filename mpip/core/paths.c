// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows of Table 3, and the wire form of each (paper 3.3, 3.8.1, 3.8.2).
 *
 * Theory of operation: there is a path for each pair of a local address and one that the other end
 * lists, or that the connection itself leads to. Where a box has changed an address, what comes has
 * a far end that nobody listed: a path to it is learned, which, as any path, carries user data only
 * after its first feedback. So an end behind a NAT is answered at the place that its packets seem
 * to come from, and when a NAT draws another place for them, that is one more path, and the one to
 * the old place falls silent.
 *
 * A path begins in the session's wire form. When its probes stay unanswered there, it takes the
 * next form; and when none is left, it is removed, as the paper says of an address that is not
 * public, and tried again after path_retry. One that has worked before is never removed. A path
 * that is not in use follows the other end: it takes the form in which a packet comes between its
 * two addresses.
 */

#include "mpip/core/forms.h"

/* The paths of a session to far ends that are in no list: NATs may draw any number of them. */
#define LEARNED_MAX 16

/* The socket's own far end may be in no list, behind a NAT; but it goes when the other end's
 * addresses change. */
static bool far_end_known(const struct session *s, struct in_addr remote)
{
	return (!s->peer_moved && remote.s_addr == s->tuple.remote_ip.s_addr) ||
	       address_list_has(&s->peer->addresses, remote);
}

static bool path_wanted(const struct engine *e, const struct session *s, const struct path *p)
{
	return p->nic < e->addresses.count && e->addresses.ip[p->nic].s_addr == p->src.ip.s_addr &&
	       (p->learned || far_end_known(s, p->dst.ip));
}

static void steer_flow(struct session *s, const struct path *p, int kind, struct actions *a)
{
	uint32_t protocol = forms[p->form].flow(s);
	if (protocol && p->dst.port && a->steers < a->steer_capacity)
		a->steer[a->steers++] = (struct steer){.kind = kind,
			.tuple = {p->src.ip, p->dst.ip, p->src.port, p->dst.port, protocol}};
}

/* The path's ends are no longer its own. */
static void leave_ends(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	steer_flow(s, p, STEER_FLOW_REMOVE, a);
	forms[p->form].close(e, s, p, a);
	p->tcp = (struct fake_tcp){.state = FAKE_CLOSED};
	p->src.port = p->dst.port = 0;
}

static bool take_ends(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	if (!forms[p->form].ends(e, s, p))
		return false;
	steer_flow(s, p, STEER_FLOW_ADD, a);
	return true;
}

void path_ends(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	leave_ends(e, s, p, a);
	take_ends(e, s, p, a);
}

void path_drop(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	leave_ends(e, s, p, a);
	for (unsigned i = 0; i < s->paths; i++)
		if (s->path[i] == p)
			s->path[i] = s->path[--s->paths];
	path_give_back(e, p);
	session_refresh(s);
}

/* A new row, without ports. */
static struct path *path_add(
	struct engine *e, struct session *s, uint8_t nic, struct in_addr remote)
{
	struct path *p = s->paths < MAX_PATHS ? path_take(e) : NULL;
	if (!p)
		return NULL;
	p->session = s;
	p->nic = nic;
	p->src.ip = e->addresses.ip[nic];
	p->dst.ip = remote;
	p->pmtu = pmtu_get(e, p->src.ip, remote);
	p->form = s->wire_form;
	s->path[s->paths++] = p;
	return p;
}

struct path *mesh_add(struct engine *e, struct session *s, uint8_t nic, struct in_addr remote,
	struct usec now, struct actions *a)
{
	for (unsigned i = 0; i < s->paths; i++)
		if (s->path[i]->nic == nic && s->path[i]->dst.ip.s_addr == remote.s_addr) {
			s->path[i]->learned = false;
			return s->path[i];
		}
	struct path *p = path_add(e, s, nic, remote);
	if (!p)
		return NULL;
	p->probe_due = now;
	if (take_ends(e, s, p, a))
		return p;
	path_drop(e, s, p, a);
	return NULL;
}

void session_mesh(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	const struct address_list *far = &s->peer->addresses;
	unsigned before = s->paths;
	for (unsigned i = s->paths; i-- > 0;)
		if (!path_wanted(e, s, s->path[i]))
			path_drop(e, s, s->path[i], a);
	unsigned kept = s->paths;

	for (uint8_t nic = 0; nic < e->addresses.count; nic++) {
		/* Private networks are alike: behind another NAT it may have an address of ours. */
		for (unsigned j = 0; j < far->count; j++)
			if (nic_of(e, far->ip[j]) == NIC_ANY)
				mesh_add(e, s, nic, far->ip[j], now, a);
		if (far_end_known(s, s->tuple.remote_ip))
			mesh_add(e, s, nic, s->tuple.remote_ip, now, a);
	}
	s->mesh_of = s->peer->list_changes;
	if (kept != before || s->paths != before)
		session_start_weights(s, &e->set);
	if (s->in_use == 0 && s->regular_since.us == USEC_NEVER.us) {
		s->regular_since = now;
		s->regular_reason = "its paths' addresses are gone";
	}
}

static bool mesh_has(const struct session *s, uint8_t nic, struct in_addr remote)
{
	for (unsigned i = 0; i < s->paths; i++)
		if (s->path[i]->nic == nic && s->path[i]->dst.ip.s_addr == remote.s_addr)
			return true;
	return false;
}

bool mesh_begun(const struct engine *e, const struct session *s)
{
	if (s->wire_form != WIRE_LITERAL)
		return s->paths > 0;
	return mesh_has(s, nic_of(e, s->tuple.local_ip), s->tuple.remote_ip);
}

bool behind_nat(const struct session *s)
{
	return !s->peer_moved && !address_list_has(&s->peer->addresses, s->tuple.remote_ip);
}

bool mesh_short(const struct engine *e, const struct session *s)
{
	return !behind_nat(s) && !mesh_complete(e, s);
}

bool mesh_complete(const struct engine *e, const struct session *s)
{
	const struct address_list *far = &s->peer->addresses;
	bool all = !behind_nat(s);
	for (uint8_t nic = 0; nic < e->addresses.count; nic++)
		for (unsigned j = 0; j < far->count; j++)
			all &= nic_of(e, far->ip[j]) != NIC_ANY || mesh_has(s, nic, far->ip[j]);
	return all || s->wire_form != WIRE_LITERAL;
}

/* Looking up */

struct path *path_at(const struct session *s, uint8_t nic, struct endpoint remote, in_port_t local)
{
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->path[i];
		if (p->nic == nic && p->src.port == local && endpoint_equal(p->dst, remote))
			return p;
	}
	return NULL;
}

struct path *path_reverse(
	const struct session *s, uint8_t nic, enum wire_form form, struct path_id id)
{
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->path[i];
		if (p->nic == nic && p->form == form && p->reverse.n == id.n)
			return p;
	}
	return NULL;
}

struct path *path_idle(
	const struct session *s, uint8_t nic, struct in_addr remote, struct path_id id)
{
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->path[i];
		if (p->nic == nic && p->state != PATH_IN_USE && p->state != PATH_SPARE &&
			!p->learned && p->dst.ip.s_addr == remote.s_addr &&
			(p->reverse.n == 0 || p->reverse.n == id.n))
			return p;
	}
	return NULL;
}

/* What came from where */

/* Room among the learned paths, if need be at the cost of one that does not work. */
static bool learned_room(struct engine *e, struct session *s, struct actions *a)
{
	unsigned learned = 0;
	struct path *useless = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		learned += s->path[i]->learned;
		if (s->path[i]->learned && s->path[i]->state != PATH_IN_USE)
			useless = s->path[i];
	}
	if (learned < LEARNED_MAX)
		return true;
	if (useless)
		path_drop(e, s, useless, a);
	return useless != NULL;
}

struct path *path_learn(struct engine *e, struct session *s, uint8_t nic, enum wire_form form,
	struct endpoint remote, in_port_t local, struct actions *a)
{
	/* At an address that is no longer ours nothing can be answered. */
	bool room = nic != NIC_ANY && learned_room(e, s, a);
	struct path *p = room ? path_add(e, s, nic, remote.ip) : NULL;
	if (!p)
		return NULL;
	p->learned = true;
	path_move(e, s, p, form, remote, local, a);
	session_start_weights(s, &e->set);
	count(e, STAT_PATHS_LEARNED);
	return p;
}

void path_move(struct engine *e, struct session *s, struct path *p, enum wire_form form,
	struct endpoint remote, in_port_t local, struct actions *a)
{
	leave_ends(e, s, p, a);
	if (p->state == PATH_REMOVED)
		p->state = PATH_UNPROVEN;
	if (p->form != form)
		count(e, STAT_FORM_CHANGES);
	p->form = form;
	p->probes = 0;
	p->forms_tried = 0;
	p->src.port = local;
	if (p->dst.ip.s_addr != remote.ip.s_addr) {
		pmtu_put(e, p->pmtu);
		p->pmtu = pmtu_get(e, p->src.ip, remote.ip);
	}
	p->dst = remote;
	steer_flow(s, p, STEER_FLOW_ADD, a);
}

bool path_arrival(struct engine *e, struct session *s, const struct cm *cm,
	const struct arrived_at *at, struct actions *a)
{
	struct path *p = path_at(s, at->nic, at->from, at->port);
	if (!p && at->form != WIRE_FAKE_TCP) { /* a fake connection begins with a SYN */
		p = path_idle(s, at->nic, at->from.ip, cm->path);
		if (p)
			path_move(e, s, p, at->form, at->from, at->port, a);
		else
			p = path_learn(e, s, at->nic, at->form, at->from, at->port, a);
	}
	if (p)
		p->reverse = cm->path;
	return p || far_end_known(s, at->from.ip);
}

/* Forms */

static bool path_form(struct engine *e, struct session *s, struct path *p, enum wire_form form,
	struct usec now, struct actions *a)
{
	leave_ends(e, s, p, a);
	if (p->form != form)
		count(e, STAT_FORM_CHANGES);
	p->form = form;
	p->probes = 0;
	p->probe_due = now;
	return take_ends(e, s, p, a);
}

bool path_next_form(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a)
{
	/* After the preferred one; `literal` is only taken where it is wished for. */
	static const enum wire_form order[] = {WIRE_FAKE_TCP, WIRE_UDP};
	if (p->learned) {
		path_drop(e, s, p, a);
		return false;
	}
	p->forms_tried |= (uint8_t)(1 << p->form);
	for (unsigned i = 0; e->set.wire_fallback && i < sizeof(order) / sizeof(order[0]); i++)
		if (!(p->forms_tried & 1 << order[i]) && path_form(e, s, p, order[i], now, a))
			return true;
	p->forms_tried = 0;
	bool again = path_form(e, s, p, s->wire_form, now, a);
	if (p->proven && again)
		return true;
	leave_ends(e, s, p, a);
	p->state = PATH_REMOVED;
	p->probe_due = usec_add(now, e->set.path_retry);
	count(e, STAT_PATHS_REMOVED);
	return false;
}
