// SPDX-License-Identifier: BSD-2-Clause
/*
 * The way back: the original tuple is kept alive in stateful middleboxes (paper 3.7.2 falls back to
 * it).
 *
 * Theory of operation: a firewall or NAT that tracks TCP's windows sees nothing of what travels on
 * other paths. After some seconds the connection's sequence numbers are outside the windows that it
 * knows, and it drops the original tuple's packets as invalid: the fallback would never recover.
 * So each end lets a pure ACK through on the original tuple now and then. What such a middlebox
 * (Linux's nf_conntrack as the model) holds against an ACK of A is what it has seen of B:
 *
 *   - its sequence number may not be beyond the furthest byte that B has ever allowed
 *     (acknowledgment number plus window), or it is "over the window of the receiver";
 *   - its acknowledgment number may not be beyond the furthest byte that B has ever sent,
 *     or it is an "ACK over upper bound";
 *   - both may be behind, by a window.
 *
 * An ACK moves A's own "furthest byte sent" to its sequence number, and B's "furthest byte
 * allowed". So two ends that show no more than the other's last keepalive, which has passed the
 * middlebox, allows, climb up each other: at most a window per round trip, which is what TCP itself
 * does.
 *
 * And they show no less: the sequence number is the furthest that is allowed, sent or not. When a
 * daemon dies, its kernel goes on behind all that the daemon has sent, and the other end's kernel
 * acknowledges what the middlebox has not seen; up to a window ahead of the last keepalive both are
 * valid then. (With the furthest byte sent, the middlebox dropped these acknowledgments for good.)
 *
 * The ACK has a CM in the option that queries use: the other end's
 * hook takes it, and a host whose daemon has died reads an old ACK and ignores it. The window scale
 * is said in the CM, since a middlebox knows it from the SYNs, but the other end's daemon does not.
 */

#include "mpip/core/keepalive.h"

#include "mpip/core/carrier.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

#define LEAST_APART usec_ms(2)    /* however fast TCP is */
#define LAGGING     usec_ms(200)  /* again, while the middlebox knows less than TCP */
#define REGULARLY   usec_ms(1000) /* again in any case: the last may have been lost */
#define CATCH_UP    usec_ms(5000) /* after a fallback */
#define HEARD       usec_ms(2000) /* after the other end's last that asks for more */

#define TCP_OPTION_END   0
#define TCP_OPTION_NOP   1
#define TCP_OPTION_SCALE 3
#define SCALE_MAX        14 /* RFC 7323 */

void keepalive_syn(struct engine *e, const struct tuple *tuple, const struct packet *p)
{
	struct syn_seen *seen = &e->syn[tuple_hash(tuple) % SYNS_SEEN];
	*seen = (struct syn_seen){.tuple = *tuple};
	const uint8_t *option = p->bytes + p->ip_length + sizeof(struct tcp_header);
	const uint8_t *end = p->bytes + p->header_length;
	while (option < end && *option != TCP_OPTION_END) {
		if (*option == TCP_OPTION_NOP) {
			option++;
			continue;
		}
		if (end - option < 2 || option[1] < 2 || end - option < option[1])
			return;
		if (option[0] == TCP_OPTION_SCALE && option[1] == 3)
			seen->scale = option[2] < SCALE_MAX ? option[2] : SCALE_MAX;
		option += option[1];
	}
}

void keepalive_new(const struct engine *e, struct session *s)
{
	const struct syn_seen *seen = &e->syn[tuple_hash(&s->tuple) % SYNS_SEEN];
	if (memcmp(&seen->tuple, &s->tuple, sizeof(s->tuple)) == 0)
		s->scale = seen->scale;
}

static bool ahead(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
	return ahead(a, b) ? b : a;
}

void keepalive_begin(struct session *s)
{
	struct keepalive *k = &s->mp->keepalive;
	k->on = s->tuple.protocol == IPPROTO_TCP && s->encap != ENCAP_LITERAL && s->tcp_known;
	if (!k->on)
		return;
	/* Up to here the middlebox has seen everything. */
	k->seq_limit = k->shown_seq = s->sent_seq;
	k->ack_limit = k->shown_ack = s->last_ack;
	k->step = UINT16_MAX / 4;
	k->due = true;
}

static bool keepalive_wanted(const struct session *s, struct usec now)
{
	const struct keepalive *k = &s->mp->keepalive;
	if (s->in_use > 0)
		return true;
	/* Fallen back while the middlebox lagged behind: it has to learn the rest. */
	return usec_sub(now, s->mp->regular_since).us < CATCH_UP.us &&
	       (ahead(s->last_ack, k->ack_limit) || ahead(s->sent_seq, k->seq_limit));
}

static void show(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	struct keepalive *k = &s->mp->keepalive;
	if (local_index_of(e, s->tuple.local_ip) == LOCAL_ANY)
		return; /* the address is gone (Flags_IP_Change) */
	k->shown_seq = k->seq_limit;
	k->shown_ack = earlier(s->last_ack, k->ack_limit);
	k->sent = now;
	k->due = false;
	carrier_send_keepalive(e, s, k->shown_seq, k->shown_ack, keepalive_wanted(s, now), now, a);
}

/* How far one that is sent now would move the middlebox. */
static uint32_t progress(const struct session *s)
{
	const struct keepalive *k = &s->mp->keepalive;
	uint32_t seq = k->seq_limit - k->shown_seq;
	uint32_t ack = earlier(s->last_ack, k->ack_limit) - k->shown_ack;
	if (seq > INT32_MAX)
		seq = 0;
	if (ack > INT32_MAX)
		ack = 0;
	return seq > ack ? seq : ack;
}

void keepalive_out(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	const struct keepalive *k = &s->mp->keepalive;
	if (k->due || (progress(s) >= k->step && usec_sub(now, k->sent).us >= LEAST_APART.us))
		show(e, s, now, a);
}

void keepalive_upkeep(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	const struct keepalive *k = &s->mp->keepalive;
	if (!keepalive_wanted(s, now) && usec_sub(now, k->heard).us >= HEARD.us)
		return;
	bool lags = k->shown_seq != k->seq_limit || k->shown_ack != s->last_ack;
	if (k->due || usec_sub(now, k->sent).us >= (lags ? LAGGING : REGULARLY).us)
		show(e, s, now, a);
}

void keepalive_in(struct engine *e, struct session *s, const struct cm *cm,
	const struct tcp_header *tcp, struct usec now, struct actions *a)
{
	struct keepalive *k = &s->mp->keepalive;
	uint8_t scale = s->scale && cm->has_scale && cm->scale <= SCALE_MAX ? cm->scale : 0;
	uint32_t window = (uint32_t)get16(tcp->window) << scale;
	uint32_t seq = get32(tcp->seq), allowed = get32(tcp->ack) + window;
	if (!k->on)
		return;
	if (ahead(allowed, k->seq_limit))
		k->seq_limit = allowed;
	if (ahead(seq, k->ack_limit))
		k->ack_limit = seq;
	k->step = window / 4 > UINT16_MAX / 4 ? window / 4 : UINT16_MAX / 4;
	if (cm->flags & CM_FLAG_PROBE)
		k->heard = now;
	keepalive_out(e, s, now, a);
}
