// SPDX-License-Identifier: BSD-2-Clause
/* What mpipctl is told: the engine's tables as JSON. */

#include "mpip/io/answers.h"

#include "mpip/core/session.h"
#include "mpip/io/policies.h"

static json_t *text_ip(struct address ip)
{
	return json_string(address_text(ip).text);
}

static json_t *text_endpoint(struct address ip, in_port_t port)
{
	return json_string(address_port_text(ip, port).text);
}

static json_t *text_node(struct node_id n)
{
	return json_sprintf(
		"%02x:%02x:%02x:%02x:%02x:%02x", n.b[0], n.b[1], n.b[2], n.b[3], n.b[4], n.b[5]);
}

static json_t *text_addresses(const struct address_list *list)
{
	json_t *all = json_array();
	for (unsigned i = 0; i < list->count; i++)
		json_array_append_new(all, text_ip(list->ip[i]));
	return all;
}

static json_int_t age_ms(struct usec now, struct usec then)
{
	return (now.us - then.us) / 1000;
}

static json_t *peers_json(const struct engine *e, struct usec now)
{
	static const char *const words[] = {
		[MPIP_UNKNOWN] = "unknown", [MPIP_TRUE] = "yes", [MPIP_FALSE] = "no"};
	json_t *nodes = json_array(), *availability = json_array();
	const struct peers *t = engine_peers(e);
	for (const struct peer *p = t->peer; p; p = p->hh.next)
		json_array_append_new(nodes,
			json_pack("{s:o, s:o, s:i, s:i, s:b, s:I}", "node_id", text_node(p->node),
				"addresses", text_addresses(&p->addresses), "wire_port",
				ntohs(p->wire_port), "sessions", (int)p->sessions,
				"address_list_known", p->list_known, "heard_ms_ago",
				age_ms(now, p->last_heard)));
	for (const struct availability *a = t->availability; a; a = a->hh.next)
		json_array_append_new(
			availability, json_pack("{s:o, s:i, s:s, s:i}", "address",
					      text_ip(a->key.ip), "port", ntohs(a->key.port),
					      "mpip", words[a->mpip], "queries", (int)a->queries));
	return json_pack("{s:o, s:o}", "nodes", nodes, "availability", availability);
}

static const char *protocol_name(const struct session *s)
{
	return s->tuple.protocol == IPPROTO_TCP ? "tcp" : "udp";
}

static json_t *session_json(const struct session *s, struct usec now)
{
	static const struct multipath none;
	const struct multipath *mp = s->mp ? s->mp : &none;
	return json_pack("{s:I, s:o, s:s, s:o, s:o, s:s, s:s, s:b, s:s?, s:i, s:i, s:I, s:I, s:I, "
			 "s:I, s:I, s:I, s:i, s:i}",
		"session_id", (json_int_t)session_id(s).n, "node_id",
		s->mp ? text_node(mp->key.node) : json_null(), "protocol", protocol_name(s), "src",
		text_endpoint(s->tuple.local_ip, s->tuple.local_port), "dst",
		text_endpoint(s->tuple.remote_ip, s->tuple.remote_port), "wire_form",
		encap_names[s->encap], "state", s->in_use ? "multipath" : "regular", "ended",
		session_ended(s, now), "reason", s->regular_reason, "paths", (int)s->paths,
		"paths_in_use", (int)s->in_use, "idle_ms", age_ms(now, s->update_time),
		"sent_packets", (json_int_t)mp->sent_packets, "sent_bytes",
		(json_int_t)mp->sent_bytes, "received_packets", (json_int_t)mp->received_packets,
		"received_bytes", (json_int_t)mp->received_bytes, "regular_packets",
		(json_int_t)s->regular_packets, "queries", (int)s->queries, "reorder_held",
		(int)mp->reorder.held);
}

static json_t *sessions_json(const struct engine *e, struct usec now)
{
	json_t *all = json_array();
	for (const struct session *s = engine_next_session(e, NULL); s;
		s = engine_next_session(e, s))
		json_array_append_new(all, session_json(s, now));
	return json_pack("{s:o}", "sessions", all);
}

static json_t *path_json(const struct session *s, const struct path *p, struct usec now)
{
	static const char *const words[] = {[PATH_UNVALIDATED] = "unvalidated",
		[PATH_IN_USE] = "in use",
		[PATH_DOWN] = "down",
		[PATH_STANDBY] = "standby",
		[PATH_REMOVED] = "removed"};
	return json_pack("{s:I, s:s, s:o, s:o, s:b, s:i, s:o, s:o, s:s, s:s, s:i, s:i, s:i, s:i, "
			 "s:i, s:I, s:I, s:o}",
		"session_id", (json_int_t)s->mp->key.id.n, "protocol", protocol_name(s),
		"connection_src", text_endpoint(s->tuple.local_ip, s->tuple.local_port),
		"connection_dst", text_endpoint(s->tuple.remote_ip, s->tuple.remote_port), "ended",
		session_ended(s, now), "path", (int)p->id.n, "src",
		text_endpoint(p->src.ip, p->src.port), "dst", text_endpoint(p->dst.ip, p->dst.port),
		"wire_form", encap_names[p->encap], "state", words[p->state], "weight", p->weight,
		"delay_us", (int)p->delay, "min_delay_us", (int)p->min_delay, "queuing_us",
		(int)p->queuing, "max_queuing_us", (int)p->max_queuing, "sent_packets",
		(json_int_t)p->sent_packets, "sent_bytes", (json_int_t)p->sent_bytes,
		"feedback_ms_ago",
		p->measured ? json_integer(age_ms(now, p->last_feedback)) : json_null());
}

static json_t *paths_json(const struct engine *e, struct usec now)
{
	json_t *all = json_array();
	for (const struct session *s = engine_next_session(e, NULL); s;
		s = engine_next_session(e, s))
		for (unsigned i = 0; i < s->paths; i++)
			json_array_append_new(all, path_json(s, s->mp->path[i], now));
	return json_pack("{s:o}", "paths", all);
}

static json_t *stats_json(const struct control *c, const struct engine *e)
{
	const struct stats *stats = engine_stats(e);
	json_t *all = json_object(), *about = json_object();
	for (int i = 0; i < STAT_COUNT; i++) {
		json_object_set_new(all, stat_names[i], json_integer((json_int_t)stats->n[i]));
		json_object_set_new(about, stat_names[i], json_string(stat_texts[i]));
	}
	json_t *io = c->io_stats(c->context, about);
	return json_pack("{s:o, s:o, s:o}", "protocol", all, "io", io, "about", about);
}

json_t *answers_to(const struct control *c, struct engine *e, char *command, struct usec now)
{
	if (strcmp(command, "status") == 0)
		return c->status(c->context);
	if (strcmp(command, "peers") == 0)
		return peers_json(e, now);
	if (strcmp(command, "sessions") == 0)
		return sessions_json(e, now);
	if (strcmp(command, "paths") == 0)
		return paths_json(e, now);
	if (strcmp(command, "stats") == 0)
		return stats_json(c, e);
	if (strcmp(command, "policy") == 0 || strncmp(command, "policy ", 7) == 0)
		return policies_command(engine_policies(e), command + 6);
	return json_pack("{s:o}", "error",
		json_sprintf("unknown command '%.40s', expected status, peers, sessions, paths, "
			     "stats, policy or monitor",
			command));
}
