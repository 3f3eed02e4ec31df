// SPDX-License-Identifier: BSD-2-Clause
/*
 * What routers say to a socket of this host, said by us (paper 3.7.3 leaves it open).
 *
 * Theory of operation: a router quotes the packet that it could not forward, and that is the
 * rewritten one, with the path's addresses and ports, so the kernel would find no socket, or the
 * wrong one. The ingress hook takes errors that quote one of our flows; those about datagrams of
 * the wire sockets come by their error queues. The quote leads to the path: by the CM at its end,
 * if it is long enough to have one, else by its addresses and ports.
 *
 * Then the same is said about the session's own packet, less the CM, and the kernel does with it
 * what it does on any connection: TCP takes "unreachable" for a hint, a UDP socket reports what is
 * fatal, both report all if asked to (IP_RECVERR). Only a path MTU is not handed on as it is, since
 * a packet that is too big for one path may fit another: it goes to pmtu.c, and TCP is told at
 * once what is left for it.
 *
 * Not handed on, since no packet of the application has met with it: what is about a heartbeat or a
 * handshake; and in the encapsulations that have ports of their own, what is about these (port or
 * protocol unreachable, prohibited). What says that a host or network cannot be reached takes the
 * path out of use until it answers again.
 *
 * The kernel finds the socket by the quoted packet's addresses and ports, and TCP looks at the
 * quoted sequence number (RFC 5927), so the quote is of the packet as the application's kernel made
 * it. For our own doings with a path we look at it as well.
 */

#include "mpip/core/icmp.h"

#include "mpip/core/cm.h"
#include "mpip/core/encap.h"
#include "mpip/core/faketcp_open.h"
#include "mpip/core/icmp_tell.h"
#include "mpip/core/icmp_wire.h"
#include "mpip/core/input.h"
#include "mpip/core/path.h"
#include "mpip/core/path_state.h"
#include "mpip/core/pmtu.h"
#include "mpip/core/session.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"
#include "mpip/core/upkeep.h"

#define SEQ_NEAR (1u << 24)
#define SEARCH   usec_ms(10) /* apart, at least: all sessions are looked through */

/* An error about a packet of a path, or that may be about one. */
struct complaint {
	uint8_t type, code;
	uint32_t mtu;
	struct address from;
	struct endpoint local, remote; /* of the quoted packet */
	uint32_t protocol;             /* 0: a datagram of a wire socket */
	const uint8_t *bytes;          /* the quote: from the transport header on; of a datagram: */
	uint32_t length;               /* from its payload on */
	uint32_t total;                /* bytes that the packet had there, as far as known */
	bool whole;                    /* nothing of the packet is missing */
	bool small;                    /* of a size that heartbeats and handshakes may have */
	struct cm cm;                  /* if `segment` is set */
	const uint8_t *segment;        /* the session's transport header and user data; NULL: not */
	uint32_t segment_length;       /* found, since its CM was not */
};

static bool too_big(const struct complaint *c)
{
	return c->type == ICMP_UNREACHABLE && c->code == ICMP_FRAGMENTATION;
}

/* About a port or a protocol, or a rule's word: about the encap, where it has ports of its own. */
static bool about_form(const struct complaint *c)
{
	return c->type == ICMP_UNREACHABLE &&
	       (c->code == ICMP_PROTOCOL || c->code == ICMP_PORT ||
		       c->code == ICMP_NET_PROHIBITED || c->code == ICMP_HOST_PROHIBITED ||
		       c->code == ICMP_FILTERED);
}

/* If a CM of ours ends the quote, whose first `skip` bytes are the path's header: takes it. */
static bool find_cm(struct engine *e, struct complaint *c, uint32_t skip, bool is_tcp)
{
	if (c->length < skip)
		return false;
	const uint8_t *bytes = c->bytes + skip;
	uint32_t length = c->length - skip, size = (uint32_t)cm_size_at_end(bytes, length);
	if (size == 0)
		return false;
	struct cm_binding binding = {.segment_length = length - size};
	if (is_tcp && length - size >= sizeof(struct tcp_header))
		binding.tcp_seq = get32(((const struct tcp_header *)bytes)->seq);
	if (!cm_read(bytes + length - size, size, binding, &c->cm) ||
		!node_equal(c->cm.node, e->node))
		return false;
	c->segment = bytes;
	c->segment_length = length - size;
	return true;
}

static void find_any_cm(struct engine *e, struct complaint *c)
{
	bool found = c->protocol && find_cm(e, c, 0, c->protocol == IPPROTO_TCP);
	uint32_t skip = c->protocol == IPPROTO_TCP ? sizeof(struct tcp_header) : 0;
	if (!found && c->protocol != IPPROTO_UDP && !find_cm(e, c, skip, true))
		find_cm(e, c, skip, false);
}

static bool is_path(const struct path *p, const struct complaint *c)
{
	return p && p->session && address_equal(p->src.ip, c->local.ip) &&
	       p->src.port == c->local.port && endpoint_equal(p->dst, c->remote) &&
	       encaps[p->encap].flow(p->session) == c->protocol;
}

/* A wire socket's datagrams are of many sessions: whether the segment inside is of this one. */
static bool is_inside(const struct session *s, const struct complaint *c)
{
	const struct udp_header *ports = (const void *)c->bytes;
	return c->length >= ICMP_QUOTED && memcmp(ports->src.b, &s->tuple.local_port, 2) == 0 &&
	       memcmp(ports->dst.b, &s->tuple.remote_port, 2) == 0;
}

static struct path *find_path(struct engine *e, const struct complaint *c, struct usec now)
{
	uint8_t local_index = local_index_of(e, c->local.ip);
	struct path *p = c->segment ? path_row(e, c->cm.path) : NULL;
	if (is_path(p, c) && session_id(p->session).n == c->cm.session.n)
		return p;
	if (c->protocol == IPPROTO_TCP && is_path(p = faketcp_opened(e, c->local.port), c))
		return p;
	struct tuple tuple = {
		c->local.ip, c->remote.ip, c->local.port, c->remote.port, c->protocol};
	struct session *s = c->protocol ? session_find(e, &tuple) : NULL;
	if (s && is_path(p = path_at(s, local_index, c->remote, c->local.port), c))
		return p;
	/* The rest is not sorted by anything that the quote has: so rarely. */
	if (usec_before(now, e->next_stray))
		return NULL;
	e->next_stray = usec_add(now, SEARCH);
	for (s = e->oldest; s; s = s->age_next) {
		p = path_at(s, local_index, c->remote, c->local.port);
		if (is_path(p, c) && (c->protocol || is_inside(s, c)))
			return p;
	}
	return NULL;
}

/* Whether the quoted sequence number is one that was sent lately (RFC 5927). */
static bool believable(const struct path *p, const struct complaint *c)
{
	if (c->segment || c->protocol != IPPROTO_TCP)
		return true;
	uint32_t seq = get32(((const struct tcp_header *)c->bytes)->seq);
	uint32_t next = p->encap == ENCAP_FAKE_TCP ? p->tcp.next : p->session->sent_seq;
	return next - seq <= SEQ_NEAR;
}

/* Whether the quoted packet was one of the application's. */
static bool is_data(const struct path *p, const struct complaint *c)
{
	if (c->segment)
		return !(c->cm.flags & CM_FLAG_HB) && c->segment_length >= ICMP_QUOTED;
	return p->validated && !c->whole && !c->small;
}

static void take_too_big(struct engine *e, struct session *s, struct path *p,
	const struct complaint *c, struct usec now, struct actions *a)
{
	uint16_t before = p->pmtu->size;
	if (c->mtu == 0) { /* older than RFC 1191 */
		pmtu_suspect(s, now);
		return;
	}
	pmtu_too_big(e, p->src.ip, p->dst.ip, c->mtu, now);
	if (p->pmtu->size < before && p->state == PATH_IN_USE) {
		s->mp->told = now;
		icmp_tell_path_smaller(e, s, p, a);
	}
}

static void tell_socket(struct engine *e, const struct session *s, const struct path *p,
	const struct complaint *c, struct actions *a)
{
	struct tcp_header tcp = icmp_next_header(s);
	struct icmp_message what = {.type = c->type,
		.code = c->code,
		.from = c->from,
		.segment = c->segment,
		.quoted = c->segment_length,
		.length = c->segment_length};
	if (!c->segment) {
		/* Of a long packet the quote has the beginning; some of the CM may be in it. */
		uint32_t skip = p->encap == ENCAP_FAKE_TCP ? sizeof(struct tcp_header) : 0;
		bool there = c->length >= skip + ICMP_QUOTED + CM_MAX;
		what.segment = there ? c->bytes + skip : (const uint8_t *)&tcp;
		what.quoted = there ? c->length - skip - CM_MAX : ICMP_QUOTED;
		what.length = c->total - skip - CM_FIXED;
	}
	icmp_tell(e, &s->tuple, &what, a);
	count(e, STAT_ICMP_TRANSLATED);
}

/* False: it is no packet of a path. */
static bool take(struct engine *e, struct complaint *c, struct usec now, struct actions *a)
{
	find_any_cm(e, c);
	struct path *p = find_path(e, c, now);
	if (!p || !believable(p, c))
		return false;
	struct session *s = p->session;
	/* What the connection itself has sent between the original addresses is the kernel's. */
	bool original =
		p->encap == ENCAP_LITERAL && address_equal(p->src.ip, s->tuple.local_ip) &&
		endpoint_equal(p->dst, (struct endpoint){s->tuple.remote_ip, s->tuple.remote_port});
	if (original && !c->segment && (c->whole || !too_big(c)))
		return false;
	count(e, STAT_ICMP_RECEIVED);
	if (too_big(c)) {
		take_too_big(e, s, p, c, now, a);
		return true;
	}
	bool own_ports = p->encap != ENCAP_LITERAL;
	if (is_data(p, c) && !(own_ports && about_form(c)))
		tell_socket(e, s, p, c, a);
	if (c->type == ICMP_UNREACHABLE &&
		(own_ports || (c->code != ICMP_PORT && c->code != ICMP_PROTOCOL)))
		path_state_down(e, s, p, "a router says that the other end cannot be reached", now);
	return true;
}

bool icmp_in(struct engine *e, const struct packet *p, struct usec now, struct actions *a)
{
	const struct icmp_header *icmp = (const void *)(p->bytes + p->ip_length);
	const struct ip_header *quote = (const void *)(icmp + 1);
	uint32_t length = p->length - p->ip_length;
	if (length < sizeof(*icmp) + sizeof(*quote) + ICMP_QUOTED || quote->version_ihl != 0x45 ||
		get16(quote->fragment) & IP_MORE_OR_OFFSET)
		return false;
	if (icmp->type != ICMP_UNREACHABLE && icmp->type != ICMP_TIME_EXCEEDED &&
		icmp->type != ICMP_PARAMETER)
		return false;
	if (csum_fold(csum_add(0, icmp, length)) != 0xffff)
		return false; /* the kernel drops it, and counts it */

	const struct udp_header *ports = (const void *)(quote + 1);
	uint32_t total = get16(quote->length);
	struct complaint c = {.type = icmp->type,
		.code = icmp->code,
		.mtu = get16(icmp->mtu),
		.from = p->src.ip,
		.protocol = quote->protocol,
		.bytes = (const void *)ports,
		.length = length - (uint32_t)(sizeof(*icmp) + sizeof(*quote))};
	if (total < sizeof(*quote) + ICMP_QUOTED ||
		(c.protocol != IPPROTO_TCP && c.protocol != IPPROTO_UDP))
		return false;
	total -= (uint32_t)sizeof(*quote);
	c.total = total;
	c.whole = total <= c.length;
	c.small = total <= 2 * sizeof(struct tcp_header) + CM_MAX;
	if (c.whole)
		c.length = total; /* extensions may follow (RFC 4884) */
	c.local.ip = address_from_ipv4(quote->src.b);
	memcpy(&c.local.port, ports->src.b, 2);
	c.remote.ip = address_from_ipv4(quote->dst.b);
	memcpy(&c.remote.port, ports->dst.b, 2);
	return take(e, &c, now, a);
}

void icmp_wire_error(
	struct engine *e, const struct wire_error *error, struct usec now, struct actions *a)
{
	struct complaint c = {.type = error->type,
		.code = error->code,
		.mtu = error->mtu,
		.from = error->from,
		.local = {error->local, e->wire_port},
		.remote = error->remote,
		.bytes = error->bytes,
		.length = error->length,
		.total = e->mtu - (uint32_t)sizeof(struct ip_header) - encaps[ENCAP_UDP].header};
	if (c.type == ICMP_UNREACHABLE && c.code == ICMP_PORT) {
		count(e, STAT_ICMP_RECEIVED);
		upkeep_unreachable(e, error->remote, now);
	} else if (!take(e, &c, now, a) && too_big(&c) && c.mtu)
		pmtu_too_big(e, error->local, error->remote.ip, error->mtu, now);
}
