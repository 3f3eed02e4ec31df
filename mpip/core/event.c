// SPDX-License-Identifier: BSD-2-Clause
/*
 * Events as text: the log, `mpipctl monitor` and the simulator's trace show the same properties
 * under the same names.
 */

#include "mpip/core/event.h"

#include "mpip/core/peers.h"
#include "mpip/core/tables.h"

#include <stdarg.h>
#include <stdio.h>

const char *const event_names[EVENT_KINDS + 1] = {
#define X(identifier, name, text) [EVENT_##identifier] = name,
	EVENTS(X)
#undef X
};
const char *const event_texts[EVENT_KINDS] = {
#define X(identifier, name, text) [EVENT_##identifier] = text,
	EVENTS(X)
#undef X
};

struct fields {
	struct event_field *field;
	unsigned n;
};

__attribute__((format(printf, 4, 5))) static void add(
	struct fields *f, const char *key, int type, const char *format, ...)
{
	struct event_field *field = &f->field[f->n++];
	va_list ap;
	field->key = key;
	field->type = type;
	va_start(ap, format);
	vsnprintf(field->text, sizeof(field->text), format, ap);
	va_end(ap);
}

static void add_endpoint(struct fields *f, const char *key, struct address ip, in_port_t port)
{
	add(f, key, EVENT_TEXT, "%s",
		port ? address_port_text(ip, port).text : address_text(ip).text);
}

static void add_node(struct fields *f, struct node_id n)
{
	add(f, "node_id", EVENT_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", n.b[0], n.b[1], n.b[2],
		n.b[3], n.b[4], n.b[5]);
}

static void add_addresses(struct fields *f, const struct address_list *list)
{
	char text[MAX_ADDRESSES * sizeof(struct address_text)] = "";
	size_t length = 0;
	for (unsigned i = 0; i < list->count; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
			i > 0 ? "," : "", address_text(list->ip[i]).text);
	add(f, "addresses", EVENT_LIST, "%s", text);
}

static void add_session(struct fields *f, const struct session *s, bool whole)
{
	add(f, "session", EVENT_NUMBER, "%u", session_id(s).n);
	if (!whole)
		return;
	if (s->mp)
		add_node(f, s->mp->key.node);
	add(f, "protocol", EVENT_TEXT, "%s", s->tuple.protocol == IPPROTO_TCP ? "tcp" : "udp");
	add_endpoint(f, "src", s->tuple.local_ip, s->tuple.local_port);
	add_endpoint(f, "dst", s->tuple.remote_ip, s->tuple.remote_port);
}

static void add_path(struct fields *f, const struct path *p)
{
	add(f, "path", EVENT_NUMBER, "%u", p->id.n);
	add_endpoint(f, "src", p->src.ip, p->src.port);
	add_endpoint(f, "dst", p->dst.ip, p->dst.port);
	add(f, "encapsulation", EVENT_TEXT, "%s", encap_names[p->encap]);
}

unsigned event_fields(const struct event *event, struct event_field field[EVENT_FIELDS])
{
	struct fields f = {field, 0};
	if (event->session)
		add_session(&f, event->session, !event->path);
	if (event->path)
		add_path(&f, event->path);
	if (event->kind == EVENT_PATH_ENCAPSULATION)
		add(&f, "before", EVENT_TEXT, "%s", encap_names[event->before]);
	if (event->kind == EVENT_PATH_MTU) {
		add_endpoint(&f, "src", event->local, 0);
		add_endpoint(&f, "dst", event->remote, 0);
		add(&f, "mtu", EVENT_NUMBER, "%u", event->mtu);
	}
	if (event->peer) {
		add_node(&f, event->peer->node);
		if (event->kind == EVENT_PEER_MET || event->kind == EVENT_PEER_ADDRESSES)
			add_addresses(&f, &event->peer->addresses);
	}
	if (event->addresses)
		add_addresses(&f, event->addresses);
	if (event->reason)
		add(&f, "reason", EVENT_TEXT, "%s", event->reason);
	return f.n;
}
