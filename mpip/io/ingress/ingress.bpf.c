// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The ingress hook's programs (design: "In", "When the daemon is gone").
 *
 * Theory of operation
 * -------------------
 * mpip_ingress sits at a NIC's clsact ingress, behind GRO and before IP. An unfragmented IPv4
 * packet to this host is redirected to the daemon's receive TUN
 *
 *   a) when its 5-tuple is in `flows`, which the daemon fills; or
 *   b) when it is an ICMP error that quotes a packet of such a flow, sent by this host; or
 *   c) by its encapsulation alone, when it is a query (cm_wire.h, "carriers") to an address of this
 * host.
 *
 * Everything else passes with TC_ACT_UNSPEC: other filters and the kernel see it as ever.
 *
 * The daemon's sign of life is a time in `alive`, shared memory. When it is older than the limit
 * the daemon counts as dead, and no application may read bytes of ours in its place: a flow's
 * packet that carries a CM is dropped and one without passes, since the peer falls back to the
 * regular connection; a query passes where a plain stack ignores it, and is dropped where it
 * would be an empty datagram; a handshake is dropped, since a plain stack would answer it. Each of
 * these is counted.
 *
 * GRO merges segments: a CM is looked for at the end of a super-packet's first and of its last
 * segment. Segments with and without CM differ in length, and GRO merges only equal ones, but
 * for the last. Ethernet pads: a packet ends where the IP length says.
 *
 * mpip_guard sits at the receive TUN's egress: what did not come in over a NIC (an application
 * that bound its socket to that device) is no packet from the network, and is dropped.
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "mpip/core/cm_wire.h"
#include "mpip/io/ingress/ingress.h"

#define IP_FRAGMENT 0x3fff /* more fragments, or an offset */
#define AF_INET     2

/* RFC 792 */
#define ICMP_UNREACHABLE   3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER     12

const volatile struct ingress_setup setup = {};

/* Allocated at once, some 6 MB: what kernels keep for a map that grows runs out when a session's
 * paths come at once, and a path whose flow is not here fails. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, INGRESS_FLOWS_MAX);
	__type(key, struct ingress_flow);
	__type(value, struct ingress_flow_state);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, INGRESS_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} alive SEC(".maps");

/* Not used here; bound to the program, so that the next daemon finds it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, INGRESS_NICS_MAX);
	__type(key, __u32);
	__type(value, struct ingress_nic_state);
} nics SEC(".maps");

/* Offsets are from the start of the frame. */
struct view {
	__u32 transport;
	__u32 header;  /* length of the transport header */
	__u32 payload; /* length of the user data; UDP: by the UDP length */
	__u32 surplus; /* UDP: bytes behind the UDP length; TCP: 0 */
	__u32 gso_size;
	__u32 seq; /* TCP; UDP: 0 */
	bool tcp;
};

static __always_inline int counted(__u32 counter, int verdict)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &counter);
	if (n)
		++*n;
	return verdict;
}

static __always_inline bool daemon_lives(void)
{
	__u32 zero = 0;
	volatile __u64 *last = bpf_map_lookup_elem(&alive, &zero);
	if (!last)
		return false;
	/* Signed: another CPU's sign of life can be newer than this one's "now". */
	__s64 age = (__s64)(bpf_ktime_get_ns() - *last);
	return age <= (__s64)setup.stale_ns;
}

static __always_inline int to_daemon(__u32 counter)
{
	return counted(counter, bpf_redirect(setup.rx_ifindex, 0));
}

/* The header of `size` bytes at `offset`: where it lies, or, if it is not in one piece there,
 * copied to `copy`. NULL: the packet is too short. */
static __always_inline const void *header_at(
	struct __sk_buff *skb, __u32 offset, __u32 size, void *copy)
{
	void *at = (void *)(long)skb->data + offset;
	if (at + size <= (void *)(long)skb->data_end)
		return at;
	return bpf_skb_load_bytes(skb, offset, copy, size) == 0 ? copy : NULL;
}

/* Whether the segment that ends at `end`, with `length` bytes of user data and CM behind a header
 * of `header` bytes, ends in a CM whose checksum holds. */
static __noinline bool ends_in_cm(
	struct __sk_buff *skb, __u32 end, __u32 header, __u32 length, __u32 seq)
{
	__u32 fixed[CM_FIXED / 4], cm[CM_MAX / 4] = {};

	if (bpf_skb_load_bytes(skb, end - CM_FIXED, fixed, sizeof(fixed)))
		return false;
	__u8 version_words = ((__u8 *)fixed)[CM_OFF_VERSION];
	if (version_words >> 4 != CM_VERSION)
		return false;
	/* The fixed part once more with the extension: the verifier of Linux 6.1 does not see that
	 * a length which is not 0 is at least 1. */
	__u32 size = CM_FIXED + (version_words & 15) * 4;
	if (length < size || bpf_skb_load_bytes(skb, end - size, cm, size))
		return false;

	__u32 checksum = bpf_ntohl(fixed[CM_OFF_SUM / 4]);
	__u32 sum = CM_SALT + header + length - size + seq - checksum;
#pragma unroll
	for (int i = 0; i < CM_MAX / 4; i++)
		sum += bpf_ntohl(cm[i]);
	return sum == checksum;
}

static __always_inline bool carries_cm(struct __sk_buff *skb, const struct view *v)
{
	__u32 start = v->transport + v->header;

	if (v->gso_size == 0 || v->payload <= v->gso_size)
		return ends_in_cm(skb, start + v->payload, v->header, v->payload, v->seq);
	if (ends_in_cm(skb, start + v->gso_size, v->header, v->gso_size, v->seq))
		return true;
	__u32 before_last = (v->payload - 1) / v->gso_size * v->gso_size;
	return ends_in_cm(skb, start + v->payload, v->header, v->payload - before_last,
		v->tcp ? v->seq + before_last : 0);
}

/* What the packet carries by its encapsulation; see cm_wire.h for where everything lies. */
enum form { FORM_NONE, FORM_QUERY, FORM_HANDSHAKE };

static __always_inline enum form encap_of(struct __sk_buff *skb, const struct view *v)
{
	struct {
		__u8 kind, length;
		__be16 exid;
	} option;
	__u32 at;
	__u8 kind;

	if (v->tcp) {
		if (v->header != sizeof(struct tcphdr) + CARRIER_LENGTH || v->payload != 0)
			return FORM_NONE;
		at = v->transport + sizeof(struct tcphdr);
		kind = CARRIER_TCP_KIND;
	} else {
		__u32 pad = v->payload & 1; /* as odd as the UDP length */
		if (v->surplus != pad + CARRIER_UDP_SURPLUS)
			return FORM_NONE;
		at = v->transport + v->header + v->payload + pad + CARRIER_UDP_OCS;
		kind = CARRIER_UDP_KIND;
	}
	if (bpf_skb_load_bytes(skb, at, &option, sizeof(option)))
		return FORM_NONE;
	if (option.kind != kind || option.exid != bpf_htons(CARRIER_EXID))
		return FORM_NONE;
	if (option.length == CARRIER_LENGTH)
		return FORM_QUERY;
	return v->tcp && option.length == CARRIER_HS_LENGTH ? FORM_HANDSHAKE : FORM_NONE;
}

/* Whether this host would forward the packet, or refuse to: then it is a matter between others. */
static __always_inline bool in_transit(struct __sk_buff *skb, const struct iphdr *ip)
{
	struct bpf_fib_lookup lookup = {
		.family = AF_INET,
		.l4_protocol = ip->protocol,
		.ifindex = skb->ingress_ifindex,
		.tos = ip->tos,
		.ipv4_src = ip->saddr,
		.ipv4_dst = ip->daddr,
	};
	long found = bpf_fib_lookup(skb, &lookup, sizeof(lookup), 0);
	return found != BPF_FIB_LKUP_RET_NOT_FWDED && found != BPF_FIB_LKUP_RET_FWD_DISABLED;
}

/* Reads the transport header into `v` and the ports into `flow`. False: not a whole TCP or UDP
 * packet. `end` is where the packet ends. */
static __always_inline bool view_transport(
	struct __sk_buff *skb, __u32 end, struct view *v, struct ingress_flow *flow)
{
	v->gso_size = skb->gso_size;
	if (flow->protocol == IPPROTO_TCP) {
		struct tcphdr copy;
		const struct tcphdr *tcp = header_at(skb, v->transport, sizeof(copy), &copy);
		if (!tcp)
			return false;
		flow->remote_port = tcp->source;
		flow->local_port = tcp->dest;
		v->tcp = true;
		v->seq = bpf_ntohl(tcp->seq);
		v->header = tcp->doff * 4;
		if (v->header < sizeof(*tcp) || v->transport + v->header > end)
			return false;
		v->payload = end - v->transport - v->header;
		return true;
	}
	if (flow->protocol == IPPROTO_UDP) {
		struct udphdr copy;
		const struct udphdr *udp = header_at(skb, v->transport, sizeof(copy), &copy);
		if (!udp)
			return false;
		flow->remote_port = udp->source;
		flow->local_port = udp->dest;
		v->header = sizeof(*udp);
		/* A super-packet's UDP length may be a segment's. */
		__u32 length = v->gso_size ? end - v->transport : bpf_ntohs(udp->len);
		if (length < sizeof(*udp) || v->transport + length > end)
			return false;
		v->payload = length - sizeof(*udp);
		v->surplus = end - v->transport - length;
		return true;
	}
	return false;
}

static __always_inline int stale_verdict(
	struct __sk_buff *skb, const struct view *v, bool known, enum form form)
{
	if (form == FORM_HANDSHAKE)
		return counted(INGRESS_DROPPED_STALE_CM, TC_ACT_SHOT);
	if (known && carries_cm(skb, v))
		return counted(INGRESS_DROPPED_STALE_CM, TC_ACT_SHOT);
	if (form && !v->tcp && v->payload == 0)
		return counted(INGRESS_DROPPED_STALE_EMPTY, TC_ACT_SHOT);
	return counted(
		known ? INGRESS_PASSED_STALE_FLOW : INGRESS_PASSED_STALE_FORM, TC_ACT_UNSPEC);
}

/* An ICMP error about a packet of ours. Without the daemon it is the kernel's, as any other. */
static __always_inline int icmp_verdict(
	struct __sk_buff *skb, const struct iphdr *ip, __u32 offset, __u32 end)
{
	struct {
		__u8 type, code, rest[6];
		struct iphdr ip;
		__be16 source, dest;
	} e;
	struct ingress_flow flow = {};

	if (offset + sizeof(e) > end || bpf_skb_load_bytes(skb, offset, &e, sizeof(e)))
		return TC_ACT_UNSPEC;
	if (e.type != ICMP_UNREACHABLE && e.type != ICMP_TIME_EXCEEDED && e.type != ICMP_PARAMETER)
		return TC_ACT_UNSPEC;
	if (e.ip.version != 4 || e.ip.ihl != 5 || e.ip.saddr != ip->daddr)
		return TC_ACT_UNSPEC;
	flow.remote.s_addr = e.ip.daddr;
	flow.local.s_addr = e.ip.saddr;
	flow.remote_port = e.dest;
	flow.local_port = e.source;
	flow.protocol = e.ip.protocol;
	if (!bpf_map_lookup_elem(&flows, &flow) || !daemon_lives())
		return TC_ACT_UNSPEC;
	return to_daemon(INGRESS_TAKEN_ERROR);
}

SEC("tc")
int mpip_ingress(struct __sk_buff *skb)
{
	struct ingress_flow flow = {};
	struct view v = {};
	struct iphdr copy;

	/* A VLAN device's packets are its own filter's matter. */
	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->vlan_present ||
		skb->pkt_type != PACKET_HOST)
		return TC_ACT_UNSPEC;
	const struct iphdr *ip = header_at(skb, ETH_HLEN, sizeof(copy), &copy);
	if (!ip)
		return TC_ACT_UNSPEC;
	if (ip->version != 4 || ip->ihl < 5 || (ip->frag_off & bpf_htons(IP_FRAGMENT)))
		return TC_ACT_UNSPEC;
	__u32 end = skb->gso_size ? skb->len : ETH_HLEN + bpf_ntohs(ip->tot_len);
	if (end > skb->len)
		return TC_ACT_UNSPEC;
	v.transport = ETH_HLEN + ip->ihl * 4;

	if (ip->protocol == IPPROTO_ICMP)
		return icmp_verdict(skb, ip, v.transport, end);
	flow.remote.s_addr = ip->saddr;
	flow.local.s_addr = ip->daddr;
	flow.protocol = ip->protocol;
	if (!view_transport(skb, end, &v, &flow))
		return TC_ACT_UNSPEC;

	bool known = bpf_map_lookup_elem(&flows, &flow) != NULL;
	enum form form = encap_of(skb, &v);
	if (!known && !form)
		return TC_ACT_UNSPEC;
	if (!known && in_transit(skb, ip))
		return TC_ACT_UNSPEC;
	if (daemon_lives())
		return to_daemon(known ? INGRESS_TAKEN_FLOW : INGRESS_TAKEN_FORM);
	return stale_verdict(skb, &v, known, form);
}

SEC("tc")
int mpip_guard(struct __sk_buff *skb)
{
	if (skb->ingress_ifindex == 0)
		return counted(INGRESS_DROPPED_LOCAL, TC_ACT_SHOT);
	return TC_ACT_UNSPEC;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
