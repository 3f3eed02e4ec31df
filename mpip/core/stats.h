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
	X(PUT_BACK, "put_back", "packets taken by the ingress hook and handed back untouched")     \
	X(QUERIES_SENT, "queries_sent", "CMs with Flags_Enable sent")                              \
	X(QUERIES_RECEIVED, "queries_received", "CMs with Flags_Enable received")                  \
	X(CONFIRMS_SENT, "confirmations_sent", "CMs with Flags_Enabled sent")                      \
	X(CONFIRMS_RECEIVED, "confirmations_received", "CMs with Flags_Enabled received")          \
	X(HEARTBEATS_SENT, "heartbeats_sent", "CMs with Flags_HB sent, probes included")           \
	X(HEARTBEATS_RECEIVED, "heartbeats_received", "CMs with Flags_HB received")                \
	X(KEEPALIVES_SENT, "keepalives_sent",                                                      \
		"pure ACKs on original tuples, for boxes on the way")                              \
	X(KEEPALIVES_RECEIVED, "keepalives_received", "those of other ends")                       \
	X(SIZE_PROBES_SENT, "size_probes_sent", "heartbeats padded to find a path MTU")            \
	X(ICMP_TOO_BIG_RX, "icmp_too_big_rx", "times that a router told us a path MTU")            \
	X(ICMP_TOO_BIG_TX, "icmp_too_big_tx", "times that an application's end was told one")      \
	X(ICMP_RECEIVED, "icmp_errors_received", "ICMP errors about packets of paths")             \
	X(ICMP_TRANSLATED, "icmp_errors_translated", "those that an application's end was told")   \
	X(BLACK_HOLES, "black_holes", "path MTUs found by probes alone")                           \
	X(HANDSHAKES_SENT, "handshakes_sent", "CMs with Flags_Hs sent")                            \
	X(HANDSHAKES_RECEIVED, "handshakes_received", "CMs with Flags_Hs received")                \
	X(RESETS_SENT, "resets_sent", "TCP resets sent, at the end of a path's connection")        \
	X(RESETS_RECEIVED, "resets_received", "TCP resets received for a path's connection")       \
	X(PATHS_RESET, "paths_reset", "times that one was believed")                               \
	X(PATHS_REFLEXIVE, "paths_reflexive",                                                      \
		"paths to an address that the other end does not list")                            \
	X(PATHS_REMOVED, "paths_removed", "paths removed because they brought no feedback")        \
	X(ENCAP_CHANGES, "encapsulation_changes", "times that a path took another wire form")      \
	X(REORDER_HELD, "reorder_held", "packets held in an out-of-order buffer")                  \
	X(REORDER_FULL, "reorder_full", "times that a full out-of-order buffer was pushed up")     \
	X(REORDER_TIMEOUT, "reorder_timeout", "times that one was pushed up for its age")          \
	X(REORDER_NO_ROOM, "reorder_no_room", "packets not held because the pool was empty")       \
	X(PATHS_DOWN, "paths_down", "times that a path was taken out of use")                      \
	X(FALLBACKS, "fallbacks", "times that a session fell back to the regular connection")      \
	X(IP_CHANGES_SENT, "ip_changes_sent", "CMs with Flags_IP_Change sent")                     \
	X(IP_CHANGES_RECEIVED, "ip_changes_received",                                              \
		"sessions reset by the other end's Flags_IP_Change")                               \
	X(IP_CHANGES_IGNORED, "ip_changes_ignored",                                                \
		"CMs with Flags_IP_Change that came too soon after another")                       \
	X(SESSIONS_CREATED, "sessions_created", "sessions added to Table 7")                       \
	X(SESSIONS_EXPIRED, "sessions_expired",                                                    \
		"sessions removed, by age or by their connection's restart")                       \
	X(SESSIONS_LEFT, "sessions_left",                                                          \
		"sessions removed because the other end's daemon stopped")                         \
	X(SESSIONS_EVICTED, "sessions_evicted",                                                    \
		"sessions removed because the session table was full")                             \
	X(DROP_NOT_IPV4, "drop_not_ipv4", "dropped: not IPv4, or cut short")                       \
	X(DROP_NO_CM, "drop_no_cm", "dropped: a packet to the wire port without a valid CM")       \
	X(DROP_UNKNOWN_SESSION, "drop_unknown_session", "dropped: a CM of a session not known")    \
	X(DROP_FOREIGN_ADDRESS, "drop_foreign_address",                                            \
		"dropped: a CM from an address not its node's")                                    \
	X(DROP_BAD_SEGMENT, "drop_bad_segment", "dropped: a CM in front of which no segment lies") \
	X(DROP_CHECKSUM, "drop_checksum", "dropped: the transport checksum is wrong")              \
	X(DROP_OWN_NODE, "drop_own_node", "dropped: a CM with this node's own ID")                 \
	X(DROP_TOO_BIG, "drop_too_big", "dropped: too big for every path; the sender was told")    \
	X(DROP_NO_ROOM, "drop_no_room", "dropped: no room in the batch")

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
