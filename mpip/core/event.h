/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_EVENT_H
#define MPIP_CORE_EVENT_H

#include "mpip/core/settings.h"
#include "mpip/core/types.h"

/*
 * Events: what the engine tells who looks on, when it happens. There is one observer, and a packet
 * alone is no event.
 */

struct path;
struct peer;
struct session;

/* Identifier, name, what an administrator is told it means. */
#define EVENTS(X)                                                                                  \
	X(PEER_MET, "peer-met", "a node with MPIP was met, or has come back")                      \
	X(PEER_LEFT, "peer-left", "a node says that it stops, or was restarted")                   \
	X(PEER_ADDRESSES, "peer-addresses", "a node says that its addresses are these")            \
	X(ADDRESSES, "addresses", "the addresses of this host that are used changed")              \
	X(SESSION_BEGUN, "session-begun", "a connection got a session ID; its paths are probed")   \
	X(SESSION_MULTIPATH, "session-multipath", "its first path is in use")                      \
	X(SESSION_FALLBACK, "session-fallback", "no path works: back to the regular connection")   \
	X(SESSION_RESUMED, "session-resumed", "it sends after a pause: its paths are asked first") \
	X(SESSION_REGULAR, "session-regular", "a connection does not become multipath")            \
	X(SESSION_ENDED, "session-ended", "its session ID is no longer valid")                     \
	X(PATH_REFLEXIVE, "path-reflexive", "a path to an address that no list has (NAT)")         \
	X(PATH_ENCAPSULATION, "path-encapsulation", "a path has another encapsulation")            \
	X(PATH_VALIDATED, "path-validated", "a path was answered: it can carry data")              \
	X(PATH_STANDBY, "path-standby", "others are faster and enough (max_active_paths)")         \
	X(PATH_ACTIVE, "path-active", "a path on standby is in use")                               \
	X(PATH_DOWN, "path-down", "a path is not answered any more, or is refused")                \
	X(PATH_UP, "path-up", "a path that was down is answered again")                            \
	X(PATH_REMOVED, "path-removed", "a path is given up")                                      \
	X(PATH_MTU, "path-mtu", "the largest IP packet that passes between two addresses")         \
	X(WEIGHTS, "weights", "Algorithm 1 ran over a session")

enum event_kind {
#define X(identifier, name, text) EVENT_##identifier,
	EVENTS(X)
#undef X
		EVENT_KINDS
};
extern const char *const event_names[EVENT_KINDS + 1]; /* NULL-terminated */
extern const char *const event_texts[EVENT_KINDS];

/* What has happened. All of it is borrowed, and valid during the call of the observer only. What
 * does not concern the kind is zero. */
struct event {
	enum event_kind kind;
	const struct session *session;        /* of SESSION_*, PATH_* but PATH_MTU, WEIGHTS */
	const struct path *path;              /* of PATH_* but PATH_MTU */
	const struct peer *peer;              /* of PEER_*; a session has its own */
	const char *reason;                   /* why, for people; may be NULL */
	enum encapsulation before;            /* PATH_ENCAPSULATION */
	struct address local, remote;         /* PATH_MTU */
	uint16_t mtu;                         /* PATH_MTU */
	const struct address_list *addresses; /* ADDRESSES */
};

/* Called where the state has just changed, SESSION_ENDED just before it does; must not call the
 * engine. `now` is the engine's. */
typedef void event_observer(void *context, const struct event *event, struct usec now);

/* A property of an event as text. */
struct event_field {
	const char *key;
	enum { EVENT_TEXT, EVENT_NUMBER, EVENT_LIST } type; /* a list's items are joined by ',' */
	char text[MAX_ADDRESSES * sizeof(struct address_text)];
};
#define EVENT_FIELDS 16

/* Its properties, without its kind and the time, in the order that they are shown in. Returns how
 * many. Of WEIGHTS the session's only. */
unsigned event_fields(const struct event *event, struct event_field field[EVENT_FIELDS]);

#endif
