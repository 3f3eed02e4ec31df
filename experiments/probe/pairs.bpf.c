// SPDX-License-Identifier: BSD-2-Clause
/*
 * Counts what leaves a router port, by source and destination address.
 *
 * Theory of operation
 * -------------------
 * A filter of packet sockets, one on each port. A packet socket sees an outgoing packet when it
 * leaves the port's queue; the filter counts it and takes none, so nothing is ever copied to user
 * space. The table is bounded: the pairs beyond its size are not counted.
 */

#include "experiments/probe/pairs_map.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IP_SOURCE_OFFSET 12

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PAIRS_MAX);
	__type(key, struct pair_key);
	__type(value, struct pair_count);
} pairs SEC(".maps");

SEC("socket")
int count_pair(struct __sk_buff *skb)
{
	struct pair_key key;
	if (skb->pkt_type != PACKET_OUTGOING || skb->protocol != bpf_htons(ETH_P_IP) ||
		bpf_skb_load_bytes_relative(
			skb, IP_SOURCE_OFFSET, &key, sizeof(key), BPF_HDR_START_NET) != 0)
		return 0;

	struct pair_count *count = bpf_map_lookup_elem(&pairs, &key);
	if (!count) {
		struct pair_count none = {0, 0, 0};
		/* Fails when another processor was first, or the table is full. */
		bpf_map_update_elem(&pairs, &key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&pairs, &key);
	}
	if (count) {
		__sync_fetch_and_add(&count->bytes, skb->len);
		__sync_fetch_and_add(&count->packets, 1);
		if (skb->len <= PAIRS_SMALL_BYTES)
			__sync_fetch_and_add(&count->small_packets, 1);
	}
	return 0;
}

char filter_license[] SEC("license") = "BSD-2-Clause";
