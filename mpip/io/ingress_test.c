// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ingress hook, as the kernel runs it, in a network namespace of this test's own:
 *
 *      nic0 (hook) <---veth---> far0          rx0: the daemon's receive TUN
 *
 * Most cases hand one frame to the program that is attached to nic0 (BPF_PROG_TEST_RUN) and look at
 * its verdict; the last ones send frames from far0 and read them from the TUN.
 */

#include "mpip/io/ingress.h"

#include "mpip/core/cm.h"
#include "mpip/core/wire.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/pkt_cls.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define REMOTE      "10.0.0.2"
#define LOCAL       "10.0.0.1"
#define REMOTE_PORT 5000
#define LOCAL_PORT  6000
#define SEQ         0xfffffff0u

static struct ingress *hook;
static int nic, far, rx_fd, rx;
static uint8_t nic_mac[6];

/* One frame, built from the outside in by the functions below. */
struct frame {
	uint8_t bytes[65600];
	size_t ip_options, transport, header, end, length;
};

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- frames --- */

static struct ip_header *ip_of(struct frame *f)
{
	return (void *)(f->bytes + ETH_HLEN);
}

static struct frame *frame_new(uint8_t protocol, size_t ip_options, size_t header)
{
	static struct frame frame;
	struct frame *f = &frame;

	memset(f, 0, sizeof(*f));
	memcpy(f->bytes, nic_mac, 6);
	f->bytes[6] = 2;
	f->bytes[12] = ETH_P_IP >> 8;
	f->bytes[13] = ETH_P_IP & 255;
	struct ip_header *ip = ip_of(f);
	ip->version_ihl = (uint8_t)(0x40 | (20 + ip_options) / 4);
	ip->ttl = 64;
	ip->protocol = protocol;
	struct in_addr a;
	inet_aton(REMOTE, &a);
	memcpy(&ip->src, &a, 4);
	inet_aton(LOCAL, &a);
	memcpy(&ip->dst, &a, 4);
	memset(f->bytes + ETH_HLEN + 20, 1, ip_options); /* no-operations */
	f->transport = ETH_HLEN + 20 + ip_options;
	f->header = header;
	f->end = f->transport + header;
	struct tcp_header *t = (void *)(f->bytes + f->transport);
	t->src = put16(REMOTE_PORT);
	t->dst = put16(LOCAL_PORT);
	if (protocol == IPPROTO_TCP) {
		t->seq = put32(SEQ);
		t->offset = (uint8_t)(header / 4 << 4);
		t->flags = TCP_ACK;
		memset(f->bytes + f->transport + 20, 1, header - 20);
	}
	return f;
}

static struct frame *tcp(void)
{
	return frame_new(IPPROTO_TCP, 0, 32);
}

static struct frame *udp(void)
{
	return frame_new(IPPROTO_UDP, 0, 8);
}

static struct frame *add_data(struct frame *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		f->bytes[f->end++] = (uint8_t)(i * 7);
	return f;
}

/* A CM behind what is there, as the sender of the segment that starts `before` bytes in front of
 * this place (of user data) and has sequence number `seq` makes it. */
static struct frame *add_cm_at(struct frame *f, size_t before, uint32_t seq, bool extended)
{
	struct cm cm = {.node = {{1, 2, 3, 4, 5, 6}}, .session = {7}, .path = {1}, .stamp = 99};
	if (extended) {
		cm.has_hello = cm.has_addresses = true;
		cm.hello = (struct cm_hello){.wire_form = 1, .port = 0x1234, .boot = 3};
		cm.addresses.count = MAX_ADDRESSES;
		memset(cm.addresses.ip, 0xfe, sizeof(cm.addresses.ip));
	}
	struct cm_binding binding = {
		.segment_length = (uint32_t)(f->header + before), .tcp_seq = seq};
	f->end += cm_encode(&cm, binding, f->bytes + f->end);
	return f;
}

static struct frame *add_cm(struct frame *f)
{
	bool is_tcp = ip_of(f)->protocol == IPPROTO_TCP;
	return add_cm_at(f, f->end - f->transport - f->header, is_tcp ? SEQ : 0, false);
}

static void set_udp_length(struct frame *f, size_t length)
{
	struct udp_header *u = (void *)(f->bytes + f->transport);
	u->length = put16((uint16_t)length);
}

/* The UDP query's surplus area behind `f`'s data, whose kind, length and ExID may be given wrong.
 */
static struct frame *add_surplus_of(struct frame *f, uint8_t kind, uint8_t length, uint16_t exid)
{
	set_udp_length(f, f->end - f->transport);
	if ((f->end - f->transport) % 2)
		f->bytes[f->end++] = 0;
	f->end += CARRIER_UDP_OCS;
	uint8_t option[CARRIER_LENGTH] = {kind, length, (uint8_t)(exid >> 8), (uint8_t)exid};
	memcpy(f->bytes + f->end, option, sizeof(option));
	f->end += sizeof(option);
	return f;
}

static struct frame *add_surplus(struct frame *f)
{
	return add_surplus_of(f, CARRIER_UDP_KIND, CARRIER_LENGTH, CARRIER_EXID);
}

static struct frame *tcp_query_of(uint8_t kind, uint8_t length, uint16_t exid)
{
	struct frame *f = frame_new(IPPROTO_TCP, 0, 60);
	uint8_t option[4] = {kind, length, (uint8_t)(exid >> 8), (uint8_t)exid};
	memcpy(f->bytes + f->transport + 20, option, sizeof(option));
	return f;
}

static struct frame *tcp_query(void)
{
	return tcp_query_of(CARRIER_TCP_KIND, CARRIER_LENGTH, CARRIER_EXID);
}

/* --- the program --- */

/* Sizes without the padding, which libbpf wants to be zero. */
static struct bpf_tc_hook hook_at(int ifindex)
{
	return (struct bpf_tc_hook){.sz = offsetof(struct bpf_tc_hook, parent) + sizeof(uint32_t),
		.ifindex = ifindex,
		.attach_point = BPF_TC_INGRESS};
}

static struct bpf_tc_opts place_of(int program, uint32_t handle, uint32_t priority)
{
	return (struct bpf_tc_opts){.sz = offsetof(struct bpf_tc_opts, priority) + sizeof(priority),
		.prog_fd = program,
		.handle = handle,
		.priority = priority};
}

static int filter_fd(void)
{
	struct bpf_tc_hook at = hook_at(nic);
	struct bpf_tc_opts opts = place_of(0, 0x4d50, 77);
	if (bpf_tc_query(&at, &opts) != 0)
		return -1;
	return bpf_prog_get_fd_by_id(opts.prog_id);
}

/* Runs the attached program over the frame, `repeat` times; its verdict, and ns per packet. */
static int run(const struct frame *f, uint32_t gso_size, int repeat, uint32_t *duration)
{
	struct __sk_buff context = {.ifindex = (unsigned)nic,
		.ingress_ifindex = (unsigned)nic,
		.gso_size = gso_size,
		.gso_segs = gso_size ? (unsigned)((f->end - f->transport) / gso_size) + 1 : 0};
	struct bpf_test_run_opts opts;

	memset(&opts, 0, sizeof(opts));
	opts.sz = sizeof(opts);
	opts.data_in = f->bytes;
	opts.data_size_in = (unsigned)f->length;
	opts.ctx_in = &context;
	opts.ctx_size_in = sizeof(context);
	opts.repeat = repeat;
	int fd = filter_fd();
	assert_true(fd >= 0);
	int err = bpf_prog_test_run_opts(fd, &opts);
	close(fd);
	assert_int_equal(err, 0);
	if (duration)
		*duration = opts.duration;
	return (int)opts.retval;
}

/* Finishes the lengths (`surplus`: the UDP length is set already), pads as Ethernet does, and runs.
 */
static int verdict_gso(struct frame *f, uint32_t gso_size)
{
	struct udp_header *u = (void *)(f->bytes + f->transport);
	struct ip_header *ip = ip_of(f);

	if (ip->protocol == IPPROTO_UDP && get16(u->length) == 0)
		set_udp_length(f, f->end - f->transport);
	if (get16(ip->length) == 0)
		ip->length = put16((uint16_t)(f->end - ETH_HLEN));
	f->length = f->end < 60 ? 60 : f->end;

	return run(f, gso_size, 1, NULL);
}

static int verdict(struct frame *f)
{
	return verdict_gso(f, 0);
}

static uint64_t count(enum ingress_counter which)
{
	struct ingress_counters c;
	assert_int_equal(ingress_counters(hook, &c), 0);
	return c.value[which];
}

#define assert_counted(which, expression)                                                          \
	do {                                                                                       \
		uint64_t before_ = count(which);                                                   \
		expression;                                                                        \
		assert_int_equal(count(which) - before_, 1);                                       \
	} while (0)

#define assert_taken_flow(f)                                                                       \
	assert_counted(INGRESS_TAKEN_FLOW, assert_int_equal(verdict(f), TC_ACT_REDIRECT))
#define assert_taken_form(f)                                                                       \
	assert_counted(INGRESS_TAKEN_FORM, assert_int_equal(verdict(f), TC_ACT_REDIRECT))
#define assert_passed(f) assert_int_equal(verdict(f), TC_ACT_UNSPEC)
#define assert_stale_cm(f)                                                                         \
	assert_counted(INGRESS_DROPPED_STALE_CM, assert_int_equal(verdict(f), TC_ACT_SHOT))
#define assert_stale_flow_passed(f)                                                                \
	assert_counted(INGRESS_PASSED_STALE_FLOW, assert_int_equal(verdict(f), TC_ACT_UNSPEC))

static struct ingress_flow flow_of(uint8_t protocol)
{
	struct ingress_flow flow = {.remote_port = htons(REMOTE_PORT),
		.local_port = htons(LOCAL_PORT),
		.protocol = protocol};
	inet_aton(REMOTE, &flow.remote);
	inet_aton(LOCAL, &flow.local);
	return flow;
}

static void add_flow(uint8_t protocol)
{
	struct ingress_flow flow = flow_of(protocol);
	assert_int_equal(ingress_add_flow(hook, &flow), 0);
}

static void be_alive(void)
{
	ingress_alive(hook, now_ns() + 3600000000000u);
}

static void be_stale(void)
{
	ingress_alive(hook, now_ns() - 400000000u);
}

/* --- cases --- */

static void others_pass(void **state)
{
	(void)state;
	assert_passed(add_data(tcp(), 100));
	assert_passed(add_data(udp(), 100));
	assert_passed(add_cm(add_data(tcp(), 100)));
	assert_passed(add_data(frame_new(IPPROTO_ICMP, 0, 8), 100));
	add_flow(IPPROTO_TCP);
	assert_passed(add_data(udp(), 100));
	struct frame *f = add_data(tcp(), 100);
	((struct tcp_header *)(f->bytes + f->transport))->src = put16(REMOTE_PORT + 1);
	assert_passed(f);
	f = add_data(tcp(), 100);
	ip_of(f)->dst.b[3]++;
	assert_passed(f);
	f = add_data(tcp(), 100);
	f->bytes[12] = 0x86; /* not IPv4 */
	f->bytes[13] = 0xdd;
	assert_passed(f);
	f = add_data(tcp(), 100);
	f->bytes[0] ^= 2; /* to another host, seen because the NIC is promiscuous */
	assert_passed(f);
}

static void flows_are_taken(void **state)
{
	(void)state;
	add_flow(IPPROTO_TCP);
	assert_taken_flow(tcp());
	assert_taken_flow(add_data(tcp(), 1400));
	assert_taken_flow(add_cm(add_data(tcp(), 1400)));
	assert_taken_flow(add_data(frame_new(IPPROTO_TCP, 0, 20), 0));
	assert_taken_flow(add_data(frame_new(IPPROTO_TCP, 40, 60), 10)); /* IP options */
	add_flow(IPPROTO_UDP);
	assert_taken_flow(udp());
	assert_taken_flow(add_data(udp(), 1));
	assert_taken_flow(add_data(frame_new(IPPROTO_UDP, 4, 8), 700));
	struct ingress_flow flow = flow_of(IPPROTO_TCP);
	assert_int_equal(ingress_remove_flow(hook, &flow), 0);
	assert_int_equal(ingress_remove_flow(hook, &flow), -ENOENT);
	assert_passed(add_data(tcp(), 1400));
	assert_taken_flow(add_data(udp(), 1));
}

static void malformed_passes(void **state)
{
	(void)state;
	add_flow(IPPROTO_TCP);
	add_flow(IPPROTO_UDP);
	for (int later = 0; later < 2; later++) {
		struct frame *f = add_data(tcp(), 100);
		ip_of(f)->fragment = put16(later ? 10 : 0x2000);
		assert_passed(f);
	}
	struct frame *f = add_data(tcp(), 100);
	ip_of(f)->fragment = put16(IP_DONT_FRAGMENT);
	assert_taken_flow(f);
	f = add_data(tcp(), 100);
	ip_of(f)->length = put16((uint16_t)(f->end - ETH_HLEN + 1)); /* longer than the frame */
	assert_passed(f);
	/* Were it read all the same, the destination address would be the ports, and these the
	 * length. */
	struct ingress_flow shifted = flow_of(IPPROTO_UDP);
	shifted.remote_port = htons(0x0a00);
	shifted.local_port = htons(0x0001);
	assert_int_equal(ingress_add_flow(hook, &shifted), 0);
	f = add_data(udp(), 100);
	ip_of(f)->version_ihl = 0x44;
	((struct udp_header *)(f->bytes + f->transport))->src = put16(8);
	assert_passed(f);
	f = add_data(tcp(), 100);
	ip_of(f)->version_ihl = 0x65;
	assert_passed(f);
	f = tcp();
	f->bytes[f->transport + 12] = 0x40; /* a header of 16 bytes */
	assert_passed(f);
	f = tcp();
	f->bytes[f->transport + 12] = 0xf0; /* a header longer than the packet */
	assert_passed(f);
	f = add_data(udp(), 100);
	set_udp_length(f, 109);
	assert_passed(f);
	f = add_data(udp(), 100);
	set_udp_length(f, 7);
	assert_passed(f);
}

static void queries_are_taken(void **state)
{
	(void)state;
	assert_taken_form(tcp_query());
	assert_passed(add_data(tcp_query(), 1)); /* with payload */
	assert_passed(tcp_query_of(253, CARRIER_LENGTH, CARRIER_EXID));
	assert_passed(tcp_query_of(CARRIER_TCP_KIND, 39, CARRIER_EXID));
	assert_passed(tcp_query_of(CARRIER_TCP_KIND, CARRIER_LENGTH, CARRIER_EXID + 1));
	struct frame *f = tcp_query();
	f->bytes[f->transport + 12] = 0xe0; /* four bytes of option are payload */
	assert_passed(f);
	f = tcp_query();
	f->bytes[f->transport + 12] = 0xe0; /* and are not even there */
	f->end -= 4;
	assert_passed(f);

	for (size_t n = 0; n < 20; n++)
		assert_taken_form(
			add_surplus(add_data(udp(), n))); /* even and odd, short and padded */
	assert_taken_form(add_surplus(add_data(udp(), 1403)));
	assert_taken_form(add_surplus(add_data(frame_new(IPPROTO_UDP, 8, 8), 3)));
	assert_passed(add_surplus_of(add_data(udp(), 3), 126, CARRIER_LENGTH, CARRIER_EXID));
	assert_passed(add_surplus_of(add_data(udp(), 3), CARRIER_UDP_KIND, 38, CARRIER_EXID));
	assert_passed(add_surplus_of(add_data(udp(), 3), CARRIER_UDP_KIND, CARRIER_LENGTH, 0x4d51));
	assert_passed(add_data(add_surplus(add_data(udp(), 3)), 1)); /* a longer surplus */
	f = add_surplus(add_data(udp(), 4));
	set_udp_length(f, 8 + 2); /* the same bytes: the surplus is too long */
	assert_passed(f);
	f = add_surplus(add_data(udp(), 4));
	set_udp_length(f, 8 + 4 + CARRIER_UDP_SURPLUS); /* no surplus: it is user data */
	assert_passed(f);

	f = tcp_query();
	ip_of(f)->fragment = put16(0x2000);
	assert_passed(f);
	f = tcp_query();
	ip_of(f)->dst.b[3] = 77; /* to someone else */
	be_alive();
	(void)verdict(f);
}

static void stale_drops_cms(void **state)
{
	(void)state;
	add_flow(IPPROTO_TCP);
	add_flow(IPPROTO_UDP);
	be_stale();
	assert_stale_cm(add_cm(tcp())); /* an acknowledgement with a CM */
	assert_stale_cm(add_cm(add_data(tcp(), 1)));
	assert_stale_cm(add_cm(add_data(tcp(), 1401)));
	assert_stale_cm(add_cm(add_data(frame_new(IPPROTO_TCP, 40, 60), 50)));
	assert_stale_cm(add_cm(udp()));
	assert_stale_cm(add_cm(add_data(udp(), 3)));
	for (size_t n = 0; n < 5; n++) {
		struct frame *f = add_data(tcp(), n);
		assert_stale_cm(add_cm_at(f, n, SEQ, true));
		f = add_data(udp(), n);
		assert_stale_cm(add_cm_at(f, n, 0, true));
	}

	be_alive();
	assert_taken_flow(add_cm(add_data(tcp(), 100)));
}

static void stale_passes_the_rest(void **state)
{
	(void)state;
	add_flow(IPPROTO_TCP);
	add_flow(IPPROTO_UDP);
	be_stale();
	assert_stale_flow_passed(tcp());
	assert_stale_flow_passed(add_data(tcp(), 27));
	assert_stale_flow_passed(add_data(tcp(), 1400));
	assert_stale_flow_passed(udp());
	assert_stale_flow_passed(add_data(udp(), 1400));
	/* Another sequence number, another length, a byte behind it, one bit wrong: no CM. */
	assert_stale_flow_passed(add_cm_at(add_data(tcp(), 100), 100, SEQ + 1, false));
	assert_stale_flow_passed(add_cm_at(add_data(tcp(), 100), 99, SEQ, false));
	assert_stale_flow_passed(add_data(add_cm(add_data(tcp(), 100)), 1));
	for (int extended = 0; extended < 2; extended++) {
		struct frame *f = add_cm_at(add_data(tcp(), 10), 10, SEQ, extended);
		size_t cm = f->end - f->transport - f->header - 10;
		for (size_t i = 1; i <= cm; i++) {
			f->bytes[f->end - i] ^= 0x10;
			assert_stale_flow_passed(f);
			f->bytes[f->end - i] ^= 0x10;
		}
		assert_stale_cm(f);
	}
	/* An extension that would lie in the transport header. */
	struct frame *f = frame_new(IPPROTO_TCP, 0, 60);
	f->end -= 44;
	add_cm_at(f, (size_t)-44, SEQ, true);
	assert_int_equal(f->end, f->transport + 60 + CM_FIXED);
	assert_stale_flow_passed(f);
	/* Another version, with a checksum that is right. */
	f = add_cm(add_data(tcp(), 100));
	f->bytes[f->end - CM_FIXED + CM_OFF_VERSION] ^= 0x30; /* from 1 to 2 */
	f->bytes[f->end - 1] = (uint8_t)(f->bytes[f->end - 1] + 0x10);
	assert_stale_flow_passed(f);
}

static void stale_queries(void **state)
{
	(void)state;
	be_stale();
	assert_counted(INGRESS_PASSED_STALE_FORM, assert_passed(tcp_query()));
	assert_counted(INGRESS_PASSED_STALE_FORM, assert_passed(add_surplus(add_data(udp(), 1))));
	assert_counted(INGRESS_DROPPED_STALE_EMPTY,
		assert_int_equal(verdict(add_surplus(udp())), TC_ACT_SHOT));
	assert_counted(INGRESS_PASSED_STALE_FORM,
		assert_passed(add_surplus(add_cm(add_data(udp(), 5))))); /* no flow: not ours */
	assert_passed(udp()); /* an empty datagram of the application's own */
	add_flow(IPPROTO_UDP);
	assert_counted(INGRESS_DROPPED_STALE_EMPTY,
		assert_int_equal(verdict(add_surplus(udp())), TC_ACT_SHOT));
	assert_stale_flow_passed(add_surplus(add_data(udp(), 5)));
	assert_stale_cm(add_surplus(add_cm(add_data(udp(), 5))));
}

/* Segments of `size` bytes of user data and CM each, and a last one of `last`. `with`: bit by bit,
 * which carry a CM; the last bit is for all that follow. */
static struct frame *super(
	uint8_t protocol, unsigned segments, size_t size, size_t last, unsigned with)
{
	struct frame *f = protocol == IPPROTO_TCP ? tcp() : udp();
	uint32_t seq = protocol == IPPROTO_TCP ? SEQ : 0;

	for (unsigned i = 0; i < segments; i++) {
		size_t n = i + 1 < segments ? size : last;
		if (with >> (i < 31 ? i : 31) & 1) {
			add_data(f, n - CM_FIXED);
			add_cm_at(f, n - CM_FIXED, seq, false);
		} else {
			add_data(f, n);
		}
		if (protocol == IPPROTO_TCP)
			seq += (uint32_t)n;
	}
	return f;
}

static void super_packets(void **state)
{
	(void)state;
	add_flow(IPPROTO_TCP);
	add_flow(IPPROTO_UDP);
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	for (int i = 0; i < 2; i++) {
		uint8_t p = protocols[i];
		be_alive();
		assert_counted(INGRESS_TAKEN_FLOW,
			assert_int_equal(
				verdict_gso(super(p, 3, 1000, 900, ~0u), 1000), TC_ACT_REDIRECT));
		be_stale();
		assert_counted(INGRESS_DROPPED_STALE_CM,
			assert_int_equal(
				verdict_gso(super(p, 3, 1000, 900, ~0u), 1000), TC_ACT_SHOT));
		assert_counted(INGRESS_DROPPED_STALE_CM,
			assert_int_equal(
				verdict_gso(super(p, 3, 1000, 900, 1), 1000), TC_ACT_SHOT));
		assert_counted(INGRESS_DROPPED_STALE_CM,
			assert_int_equal(
				verdict_gso(super(p, 3, 1000, 1000, 1 << 2), 1000), TC_ACT_SHOT));
		assert_counted(INGRESS_DROPPED_STALE_CM,
			assert_int_equal(
				verdict_gso(super(p, 3, 1000, 40, 1 << 2), 1000), TC_ACT_SHOT));
		assert_counted(INGRESS_DROPPED_STALE_CM,
			assert_int_equal(
				verdict_gso(super(p, 3, 1100, 40, 1 << 0), 1100), TC_ACT_SHOT));
		/* Its length fields may be a segment's, or nothing. */
		struct frame *f = super(p, 3, 1000, 900, 1 << 2);
		ip_of(f)->length = put16(1032);
		if (p == IPPROTO_UDP)
			set_udp_length(f, 1008);
		assert_counted(INGRESS_DROPPED_STALE_CM,
			assert_int_equal(verdict_gso(f, 1000), TC_ACT_SHOT));
		assert_counted(INGRESS_PASSED_STALE_FLOW,
			assert_int_equal(
				verdict_gso(super(p, 3, 1000, 900, 0), 1000), TC_ACT_UNSPEC));
		assert_counted(INGRESS_PASSED_STALE_FLOW,
			assert_int_equal(
				verdict_gso(super(p, 3, 1000, 20, 0), 1000), TC_ACT_UNSPEC));
	}
}

/* --- the whole way --- */

static struct ingress *open_hook(void)
{
	struct ingress *in;
	char *error = NULL;

	if (ingress_open(&in, rx, 0, &error) != 0 || ingress_attach(in, nic, &error) != 0)
		fail_msg("%s", error);
	return in;
}

static bool has_clsact(int ifindex)
{
	struct bpf_tc_hook at = hook_at(ifindex);
	int err = bpf_tc_hook_create(&at);
	if (err == -EEXIST)
		return true;
	at.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(&at);
	return false;
}

static void close_leaves_nothing(void **state)
{
	(void)state;
	assert_true(has_clsact(nic));
	ingress_close(hook);
	assert_false(has_clsact(nic));
	assert_false(has_clsact(rx));
	assert_int_equal(filter_fd(), -1);

	/* Somebody else's clsact stays. */
	struct bpf_tc_hook at = hook_at(nic);
	assert_int_equal(bpf_tc_hook_create(&at), 0);
	hook = open_hook();
	ingress_close(hook);
	assert_int_equal(filter_fd(), -1);
	assert_true(has_clsact(nic));
	at.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	assert_int_equal(bpf_tc_hook_destroy(&at), 0);

	/* Ours with somebody else's filter on it stays too. */
	hook = open_hook();
	struct bpf_tc_opts theirs = place_of(filter_fd(), 1, 5);
	at.attach_point = BPF_TC_EGRESS;
	assert_int_equal(bpf_tc_attach(&at, &theirs), 0);
	close(theirs.prog_fd);
	assert_int_equal(ingress_detach(hook, nic), 0);
	assert_int_equal(filter_fd(), -1);
	assert_true(has_clsact(nic));
	at.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	assert_int_equal(bpf_tc_hook_destroy(&at), 0);
}

static void foreign_filter_is_an_error(void **state)
{
	(void)state;
	ingress_detach(hook, nic);
	struct bpf_insn pass[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = TC_ACT_UNSPEC},
		{.code = BPF_JMP | BPF_EXIT}};
	int program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", pass, 2, NULL);
	assert_true(program >= 0);
	struct bpf_tc_hook at = hook_at(nic);
	struct bpf_tc_opts theirs = place_of(program, 0x4d50, 77);
	assert_int_equal(bpf_tc_hook_create(&at), 0);
	assert_int_equal(bpf_tc_attach(&at, &theirs), 0);
	close(program);

	char *error = NULL;
	assert_int_equal(ingress_attach(hook, nic, &error), -1);
	assert_non_null(strstr(error, "nic0: "));
	assert_non_null(strstr(error, "\"foreign\""));
	assert_null(strchr(error, '\n'));
	free(error);
	assert_int_equal(filter_fd() >= 0, 1);
	at.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(&at);

	assert_int_equal(ingress_attach(hook, 9999, &error), -1);
	assert_null(strchr(error, '\n'));
	free(error);
}

static void nobody_is_told_why(void **state)
{
	(void)state;
	int out[2];
	char line[400] = "";
	assert_int_equal(pipe(out), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct ingress *in;
		char *error = NULL;
		if (setgid(65534) != 0 || setuid(65534) != 0 ||
			ingress_open(&in, rx, 0, &error) != -1)
			_exit(1);
		dprintf(out[1], "%s", error);
		_exit(0);
	}
	close(out[1]);
	assert_true(read(out[0], line, sizeof(line) - 1) > 0);
	close(out[0]);
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_non_null(strstr(line, "CAP_BPF"));
	assert_null(strchr(line, '\n'));
}

struct seen {
	size_t flows, inherited;
};

static void see(void *context, const struct ingress_flow *flow, uint64_t created_ns, bool inherited)
{
	struct seen *seen = context;
	assert_int_equal(flow->local_port, htons(LOCAL_PORT));
	assert_true(created_ns <= now_ns());
	seen->flows++;
	seen->inherited += inherited;
}

/* A daemon that is killed: its filter goes on, and the next one takes it and its flows over. */
static void killed_and_taken_over(void **state)
{
	(void)state;
	int ready[2];
	ingress_close(hook);
	assert_int_equal(pipe(ready), 0);
	pid_t daemon = fork();
	assert_true(daemon >= 0);
	if (daemon == 0) {
		char *error;
		struct ingress_flow flows[] = {flow_of(IPPROTO_TCP), flow_of(IPPROTO_UDP)};
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* not left behind when a check fails */
		if (ingress_open(&hook, rx, 0, &error) != 0 ||
			ingress_attach(hook, nic, &error) != 0 ||
			ingress_add_flow(hook, &flows[0]) != 0 ||
			ingress_add_flow(hook, &flows[1]) != 0)
			_exit(1);
		for (;;) {
			ingress_alive(hook, now_ns());
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			usleep(20000);
		}
	}
	close(ready[1]);
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(verdict(add_cm(add_data(tcp(), 100))), TC_ACT_REDIRECT);
	kill(daemon, SIGKILL);
	waitpid(daemon, NULL, 0);
	close(ready[0]);
	assert_int_equal(verdict(add_cm(add_data(tcp(), 100))), TC_ACT_REDIRECT);
	usleep(350000); /* the limit is 300 ms */
	assert_int_equal(verdict(add_cm(add_data(tcp(), 100))), TC_ACT_SHOT);
	assert_passed(add_data(tcp(), 100));

	hook = open_hook();
	assert_int_equal(count(INGRESS_DROPPED_STALE_CM), 1);
	assert_int_equal(count(INGRESS_PASSED_STALE_FLOW), 1);
	assert_int_equal(count(INGRESS_TAKEN_FLOW), 0);
	assert_taken_flow(add_cm(add_data(tcp(), 100)));
	struct seen seen = {0};
	assert_int_equal(ingress_each_flow(hook, see, &seen), 2);
	assert_int_equal(seen.flows, 2);
	assert_int_equal(seen.inherited, 2);
	add_flow(IPPROTO_UDP); /* renewed */
	assert_int_equal(ingress_expire(hook, 0), 0);
	assert_int_equal(ingress_expire(hook, UINT64_MAX), 1);
	assert_passed(add_data(tcp(), 100));
	assert_taken_flow(add_data(udp(), 100));

	/* The clsact that the killed one made goes with its successor. */
	ingress_close(hook);
	assert_false(has_clsact(nic));
	hook = open_hook();
	assert_passed(add_data(udp(), 100));
}

static void bounded(void **state)
{
	(void)state;
	struct ingress_flow flow = flow_of(IPPROTO_TCP);
	for (unsigned i = 0; i < INGRESS_FLOWS_MAX; i++) {
		flow.remote.s_addr = htonl(0x0b000000 + i);
		assert_int_equal(ingress_add_flow(hook, &flow), 0);
	}
	flow.remote.s_addr = htonl(0x0c000000);
	assert_int_equal(ingress_add_flow(hook, &flow), -E2BIG);
	flow.remote.s_addr = htonl(0x0b000000);
	assert_int_equal(ingress_add_flow(hook, &flow), 0);
}

static void send_bytes(int from, struct frame *f, struct virtio_net_hdr head)
{
	static uint8_t out[sizeof(head) + sizeof(f->bytes)];
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = from, .sll_halen = 6};
	int s = socket(AF_PACKET, SOCK_RAW, 0);
	int on = 1;

	assert_int_equal(setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), f->bytes, f->end);
	assert_int_equal(sendto(s, out, sizeof(head) + f->end, 0, (void *)&to, sizeof(to)),
		(ssize_t)(sizeof(head) + f->end));
	close(s);
}

static void send_frame(int from, struct frame *f, uint32_t gso_size)
{
	struct virtio_net_hdr head = {0};

	ip_of(f)->length = put16((uint16_t)(f->end - ETH_HLEN));
	if (gso_size) {
		head.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		head.gso_size = (uint16_t)gso_size;
		head.hdr_len = (uint16_t)(f->transport + f->header);
		head.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		head.csum_start = (uint16_t)f->transport;
		head.csum_offset = 16;
	}
	send_bytes(from, f, head);
}

/* Reads the next packet from the receive TUN; its length, 0 if none comes within 200 ms. */
static size_t receive(uint8_t *bytes, size_t room, struct virtio_net_hdr *head)
{
	static uint8_t in[70000];
	struct pollfd p = {.fd = rx_fd, .events = POLLIN};

	memset(head, 0, sizeof(*head));
	if (poll(&p, 1, 200) <= 0)
		return 0;
	ssize_t n = read(rx_fd, in, sizeof(in));
	assert_true(n > (ssize_t)sizeof(*head));
	memcpy(head, in, sizeof(*head));
	n -= (ssize_t)sizeof(*head);
	assert_true((size_t)n <= room);
	memcpy(bytes, in + sizeof(*head), (size_t)n);
	return (size_t)n;
}

static void redirected_whole(void **state)
{
	(void)state;
	static uint8_t got[70000];
	struct virtio_net_hdr head;

	while (receive(got, sizeof(got), &head) > 0)
		; /* what the kernel itself said before the guard stood */
	add_flow(IPPROTO_TCP);
	be_alive();
	struct frame *f = add_cm(add_data(tcp(), 500));
	send_frame(far, f, 0);
	assert_int_equal(receive(got, sizeof(got), &head), f->end - ETH_HLEN);
	assert_memory_equal(got, f->bytes + ETH_HLEN, f->end - ETH_HLEN);
	assert_int_equal(head.gso_type, VIRTIO_NET_HDR_GSO_NONE);

	f = super(IPPROTO_TCP, 45, 1400, 900, ~0u);
	send_frame(far, f, 1400);
	assert_int_equal(receive(got, sizeof(got), &head), f->end - ETH_HLEN);
	assert_memory_equal(got, f->bytes + ETH_HLEN, f->end - ETH_HLEN);
	assert_int_equal(head.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(head.gso_size, 1400);

	/* Longer than a page: behind the Ethernet header, nothing lies in one piece. */
	f = add_data(tcp(), 7000);
	send_frame(far, f, 0);
	assert_int_equal(receive(got, sizeof(got), &head), f->end - ETH_HLEN);
	assert_memory_equal(got, f->bytes + ETH_HLEN, f->end - ETH_HLEN);

	/* A VLAN's packet, which is that device's. */
	f = add_data(tcp(), 500);
	ip_of(f)->length = put16((uint16_t)(f->end - ETH_HLEN));
	static const uint8_t tag[] = {ETH_P_8021Q >> 8, ETH_P_8021Q & 255, 0, 7};
	memmove(f->bytes + 16, f->bytes + 12, f->end - 12);
	memcpy(f->bytes + 12, tag, sizeof(tag));
	f->end += sizeof(tag);
	send_bytes(far, f, (struct virtio_net_hdr){0});
	assert_int_equal(receive(got, sizeof(got), &head), 0);

	struct ingress_flow flow = flow_of(IPPROTO_TCP);
	ingress_remove_flow(hook, &flow);
	send_frame(far, add_data(tcp(), 500), 0);
	assert_int_equal(receive(got, sizeof(got), &head), 0);
}

/* An application that binds its socket to the receive TUN. */
static void guarded(void **state)
{
	(void)state;
	static uint8_t got[2000];
	struct virtio_net_hdr head;
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};

	inet_aton("192.0.2.1", &to.sin_addr);
	assert_int_equal(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "rx0", 4), 0);
	uint64_t before = count(INGRESS_DROPPED_LOCAL);
	sendto(s, "x", 1, 0, (void *)&to, sizeof(to));
	assert_int_equal(receive(got, sizeof(got), &head), 0);
	assert_true(count(INGRESS_DROPPED_LOCAL) > before);
	close(s);
}

static void in_transit_passes(void **state)
{
	(void)state;
	struct frame *f = tcp_query();
	assert_taken_form(f);
	FILE *forward = fopen("/proc/sys/net/ipv4/ip_forward", "w");
	assert_non_null(forward);
	fputs("1", forward);
	fclose(forward);
	assert_taken_form(tcp_query());
	f = tcp_query();
	ip_of(f)->dst.b[3] = 77;
	assert_passed(f);
	be_stale();
	f = add_surplus(udp());
	ip_of(f)->dst.b[3] = 77;
	assert_passed(f);
}

/* Not a check: what the hook costs per packet of others' traffic. */
static void measure(void **state)
{
	(void)state;
	struct {
		const char *what;
		struct frame frame;
	} *cases = calloc(4, sizeof(*cases));
	cases[0].what = "TCP data of others";
	cases[0].frame = *add_data(tcp(), 1400);
	cases[1].what = "UDP data of others";
	cases[1].frame = *add_data(udp(), 1400);
	cases[2].what = "ICMP";
	cases[2].frame = *add_data(frame_new(IPPROTO_ICMP, 0, 8), 56);
	cases[3].what = "ARP";
	cases[3].frame = *tcp();
	cases[3].frame.bytes[13] = 6;
	struct ingress_flow flow = flow_of(IPPROTO_TCP);
	for (unsigned i = 0; i < 1000; i++) {
		flow.remote.s_addr = htonl(0x0b000000 + i);
		ingress_add_flow(hook, &flow);
	}
	for (int i = 0; i < 4; i++) {
		struct frame *f = &cases[i].frame;
		uint32_t ns;
		ip_of(f)->length = put16((uint16_t)(f->end - ETH_HLEN));
		if (i == 1)
			set_udp_length(f, f->end - f->transport);
		f->length = f->end < 60 ? 60 : f->end;
		assert_int_equal(run(f, 0, 200000, &ns), TC_ACT_UNSPEC);
		print_message("           %s: %u ns\n", cases[i].what, ns);
	}
	free(cases);
}

/* --- the namespace --- */

static int make_tun(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0 ||
		ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0)
		return -1;
	return fd;
}

static void set_up_link(struct nl_sock *sock, const char *name, unsigned mtu)
{
	struct rtnl_link *old = NULL, *up = rtnl_link_alloc();
	assert_int_equal(rtnl_link_get_kernel(sock, 0, name, &old), 0);
	rtnl_link_set_flags(up, IFF_UP);
	rtnl_link_set_mtu(up, mtu);
	assert_int_equal(rtnl_link_change(sock, old, up, 0), 0);
	rtnl_link_put(old);
	rtnl_link_put(up);
}

static int make_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) != 0)
		return -1;
	struct nl_sock *sock = nl_socket_alloc();
	if (nl_connect(sock, NETLINK_ROUTE) != 0 ||
		rtnl_link_veth_add(sock, "nic0", "far0", getpid()) != 0)
		return -1;
	rx_fd = make_tun("rx0");
	if (rx_fd < 0)
		return -1;
	set_up_link(sock, "lo", 65536);
	set_up_link(sock, "nic0", 9000);
	set_up_link(sock, "far0", 9000);
	set_up_link(sock, "rx0", 1500);
	nic = (int)if_nametoindex("nic0");
	far = (int)if_nametoindex("far0");
	rx = (int)if_nametoindex("rx0");
	struct rtnl_addr *address = rtnl_addr_alloc();
	struct nl_addr *local;
	nl_addr_parse(LOCAL "/24", AF_INET, &local);
	rtnl_addr_set_ifindex(address, nic);
	rtnl_addr_set_local(address, local);
	int err = rtnl_addr_add(sock, address, 0);
	nl_addr_put(local);
	rtnl_addr_put(address);
	struct rtnl_link *link = NULL;
	rtnl_link_get_kernel(sock, nic, NULL, &link);
	memcpy(nic_mac, nl_addr_get_binary_addr(rtnl_link_get_addr(link)), 6);
	rtnl_link_put(link);
	nl_socket_free(sock);
	return err;
}

static int fresh_hook(void **state)
{
	(void)state;
	hook = open_hook();
	be_alive();
	return 0;
}

static int close_hook(void **state)
{
	(void)state;
	ingress_close(hook);
	return 0;
}

/* For a case that closes the hook itself. */
static int hook_is_closed(void **state)
{
	(void)state;
	return 0;
}

static void skipped(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, fresh_hook, close_hook)
	struct CMUnitTest tests[] = {
		CASE(others_pass),
		CASE(flows_are_taken),
		CASE(malformed_passes),
		CASE(queries_are_taken),
		CASE(stale_drops_cms),
		CASE(stale_passes_the_rest),
		CASE(stale_queries),
		CASE(super_packets),
		CASE(in_transit_passes),
		CASE(redirected_whole),
		CASE(guarded),
		CASE(bounded),
		CASE(killed_and_taken_over),
		CASE(foreign_filter_is_an_error),
		CASE(nobody_is_told_why),
		CASE(measure),
		cmocka_unit_test_setup_teardown(close_leaves_nothing, fresh_hook, hook_is_closed),
	};
	if (geteuid() != 0) {
		puts("ingress_test: skipped, needs root for a network namespace and eBPF");
		for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
			tests[i] = (struct CMUnitTest){.name = tests[i].name, .test_func = skipped};
	}
	return cmocka_run_group_tests_name(
		"ingress", tests, geteuid() == 0 ? make_namespace : NULL, NULL);
}
