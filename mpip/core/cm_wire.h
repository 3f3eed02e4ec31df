/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MPIP_CORE_CM_WIRE_H
#define MPIP_CORE_CM_WIRE_H

/*
 * The control message (CM, paper 3.1 and Table 1) as it lies on the wire. Only preprocessor
 * constants, so that the eBPF ingress program reads the same truth as the codec.
 *
 * The fixed part is the last CM_FIXED bytes of a packet, found from the tail in O(1); the
 * extension, when there is one, lies directly in front of it. All fields are in network order.
 *
 *      0        6          10       12        14         18          22      23       24
 *      +--------+----------+--------+---------+----------+-----------+-------+--------+----------+
 *      | node   | session  | path   | feedbk  | packet   | path      | flags | ver 4, | checksum |
 *      | ID     | ID       | ID     | path ID | timestamp| delay     |       | ext 4  |          |
 *      +--------+----------+--------+---------+----------+-----------+-------+--------+----------+
 *
 * "ext" counts the extension's 32-bit words. The checksum is the sum modulo 2^32 of all 32-bit
 * words of extension and fixed part in front of it, of CM_SALT, of the number of bytes of the
 * transport segment (header and user data) in front of the CM, and, for TCP, of the segment's
 * sequence number: user data that quotes an older CM is no CM at its new place.
 */
#define CM_FIXED       28
#define CM_OFF_NODE    0
#define CM_OFF_SESSION 6
#define CM_OFF_PATH    10
#define CM_OFF_FB_PATH 12
#define CM_OFF_STAMP   14
#define CM_OFF_DELAY   18
#define CM_OFF_FLAGS   22
#define CM_OFF_VERSION 23
#define CM_OFF_SUM     24

#define CM_VERSION   1
#define CM_SALT      0x4d504950u /* "MPIP" */
#define CM_EXT_WORDS 15
#define CM_MAX       (CM_FIXED + 4 * CM_EXT_WORDS)

/* CM flags (paper 3.2 to 3.8). */
#define CM_FLAG_ENABLE    0x01 /* query */
#define CM_FLAG_ENABLED   0x02 /* confirmation */
#define CM_FLAG_HB        0x04 /* heartbeat */
#define CM_FLAG_IP_CHANGE 0x08
#define CM_FLAG_HS        0x10 /* fake-TCP handshake */
#define CM_FLAG_PROBE     0x20 /* ours: with HB, "answer at once" */
#define CM_FLAG_WANT      0x40 /* ours: "I have no address list of yours yet" */
#define CM_FLAG_LEAVE     0x80 /* ours: "I am leaving, fall back now" */

/*
 * The query's carriers (departure from 3.2: a plain peer must be able to ignore them).
 *
 * TCP: an experimental option (RFC 6994) that fills all 40 option bytes of a copy of the segment
 * without its payload: kind 254, length 40, ExID, then 36 bytes of CM.
 * The same option, with Flags_HB in the CM, shows stateful middleboxes the place that a session is
 * at (keepalive.c); with Flags_PROBE too, while its sender wants to see the other end's. UDP: the
 * surplus area behind the UDP length (RFC 9868): a pad byte if the UDP length is odd, the option
 * checksum (OCS), then an experimental option: kind 127, length 40, ExID, 36 bytes of CM.
 *
 * Handshakes of fake TCP connections (3.8.1) fill the options of a SYN, SYN-ACK or ACK without
 * payload: kind 254, length 32, ExID, the fixed part of a CM with Flags_Hs; then MSS and window
 * scale, or padding.
 */
#define CARRIER_CM          36
#define CARRIER_TCP_KIND    254
#define CARRIER_UDP_KIND    127
#define CARRIER_LENGTH      40
#define CARRIER_HS_LENGTH   32
#define CARRIER_EXID        0x4d50
#define CARRIER_UDP_OCS     2 /* bytes of option checksum in front of the option */
#define CARRIER_UDP_SURPLUS (CARRIER_UDP_OCS + CARRIER_LENGTH)

#endif
