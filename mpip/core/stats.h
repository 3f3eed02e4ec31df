/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_STATS_H
#define MPIP_CORE_STATS_H

#include <stdint.h>

/*
 * Every packet is delivered, or dropped under a name. `mpipctl stats` shows all of them.
 * X(identifier, name, what it counts)
 */
#define STATS(X)                                                                                   \
	X(HOST_IN, "host_in", "packets from applications, a super-packet as one")                  \
	X(HOST_OUT, "host_out", "packets to applications, before merging")                         \
	X(SENT_MULTIPATH, "sent_multipath", "packets sent with a CM and user data")                \
	X(SENT_REGULAR, "sent_regular", "packets sent on the regular connection")                  \
	X(SENT_FRAGMENT, "sent_fragment", "fragments sent on the regular connection")              \
	X(RECEIVED_MULTIPATH, "received_multipath", "packets received with a CM and user data")    \
	X(PUT_BACK, "put_back",                                                                    \
		"packets without a CM that the ingress filter took, handed back untouched")        \
	X(QUERIES_SENT, "queries_sent",                                                            \
		"queries whether another host has MPIP, sent (CM flag Enable)")                    \
	X(QUERIES_RECEIVED, "queries_received", "such queries received")                           \
	X(CONFIRMS_SENT, "confirmations_sent",                                                     \
		"answers to queries that this host has MPIP, sent (Enabled)")                      \
	X(CONFIRMS_RECEIVED, "confirmations_received", "such answers received")                    \
	X(HEARTBEATS_SENT, "heartbeats_sent", "heartbeats sent, probes of paths included (HB)")    \
	X(HEARTBEATS_RECEIVED, "heartbeats_received", "heartbeats received")                       \
	X(KEEPALIVES_SENT, "keepalives_sent",                                                      \
		"pure ACKs sent on regular connections, to keep middleboxes' state")               \
	X(KEEPALIVES_RECEIVED, "keepalives_received", "such ACKs received from other ends")        \
	X(SIZE_PROBES_SENT, "size_probes_sent", "heartbeats padded to find a path MTU")            \
	X(ICMP_TOO_BIG_RX, "icmp_too_big_rx", "path MTUs learnt from routers' ICMP errors")        \
	X(ICMP_TOO_BIG_TX, "icmp_too_big_tx",                                                      \
		"times that a local sender was told a smaller MTU by ICMP")                        \
	X(ICMP_RECEIVED, "icmp_errors_received", "ICMP errors received about packets of paths")    \
	X(ICMP_TRANSLATED, "icmp_errors_translated",                                               \
		"of these, those passed on to the local sender")                                   \
	X(BLACK_HOLES, "black_holes", "path MTUs found by probes alone, no router having told")    \
	X(HANDSHAKES_SENT, "handshakes_sent", "handshakes of fake TCP paths sent (Hs)")            \
	X(HANDSHAKES_RECEIVED, "handshakes_received", "handshakes of fake TCP paths received")     \
	X(RESETS_SENT, "resets_sent", "TCP resets sent, to end a fake TCP path")                   \
	X(RESETS_RECEIVED, "resets_received", "TCP resets received on fake TCP paths")             \
	X(PATHS_RESET, "paths_reset", "fake TCP paths ended by a reset that was believed")         \
	X(PATHS_REFLEXIVE, "paths_reflexive",                                                      \
		"paths to an address that the other end does not list (NAT)")                      \
	X(PATHS_REMOVED, "paths_removed", "paths removed because they brought no feedback")        \
	X(ENCAP_CHANGES, "encapsulation_changes", "times that a path changed its wire form")       \
	X(REORDER_HELD, "reorder_held", "packets held until the ones before them came")            \
	X(REORDER_FULL, "reorder_full", "out-of-order buffers delivered because they were full")   \
	X(REORDER_TIMEOUT, "reorder_timeout",                                                      \
		"out-of-order buffers delivered because a packet waited too long")                 \
	X(REORDER_NO_ROOM, "reorder_no_room", "packets not held because all buffers were in use")  \
	X(PATHS_DOWN, "paths_down", "times that a path went down")                                 \
	X(FALLBACKS, "fallbacks", "times that a session fell back to the regular connection")      \
	X(IP_CHANGES_SENT, "ip_changes_sent", "announcements of new addresses sent (IP_Change)")   \
	X(IP_CHANGES_RECEIVED, "ip_changes_received",                                              \
		"such announcements received; each resets a session's paths")                      \
	X(IP_CHANGES_IGNORED, "ip_changes_ignored",                                                \
		"such announcements ignored: too soon after another")                              \
	X(SESSIONS_CREATED, "sessions_created", "sessions added to the session table")             \
	X(SESSIONS_EXPIRED, "sessions_expired",                                                    \
		"sessions removed: idle, or their connection began anew")                          \
	X(SESSIONS_LEFT, "sessions_left", "sessions removed: the other end's mpipd stopped")       \
	X(SESSIONS_EVICTED, "sessions_evicted", "sessions removed: the session table was full")    \
	X(DROP_NOT_IPV4, "drop_not_ipv4", "dropped: not IPv4, or cut short")                       \
	X(DROP_NO_CM, "drop_no_cm", "dropped: a packet to the wire port that holds no valid CM")   \
	X(DROP_UNKNOWN_SESSION, "drop_unknown_session", "dropped: a CM of an unknown session")     \
	X(DROP_FOREIGN_ADDRESS, "drop_foreign_address",                                            \
		"dropped: a CM from an address that is not its node's")                            \
	X(DROP_BAD_SEGMENT, "drop_bad_segment", "dropped: the segment behind a CM is malformed")   \
	X(DROP_CHECKSUM, "drop_checksum", "dropped: wrong transport checksum")                     \
	X(DROP_OWN_NODE, "drop_own_node", "dropped: a CM with this node's own ID")                 \
	X(DROP_TOO_BIG, "drop_too_big",                                                            \
		"dropped: larger than any path's MTU; the sender was told")                        \
	X(DROP_NO_ROOM, "drop_no_room", "dropped: too many packets at once for the send buffer")

enum counter {
#define X(identifier, name, text) STAT_##identifier,
	STATS(X)
#undef X
		STAT_COUNT
};

struct stats {
	uint64_t n[STAT_COUNT];
};

extern const char *const stat_names[STAT_COUNT];
extern const char *const stat_texts[STAT_COUNT];

#endif
