// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the tests of the ingress hook share.
 *
 * Theory of operation
 * -------------------
 * The program is run as the kernel runs it: the one that is attached to nic0, found there by its
 * place, is handed a frame (BPF_PROG_TEST_RUN) and its verdict and counters are looked at. A frame
 * is built in one static buffer, so there is one at a time. CMs are made by the datapath's own
 * encoder.
 */

#include "mpip/io/ingress/ingress_testbed.h"

#include "mpip/core/cm.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

struct ingress *hook;
int nic, far, rx_fd, rx;

static uint8_t nic_mac[6];

uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- frames --- */

struct ip_header *ip_of(struct frame *f)
{
	return (void *)(f->bytes + ETH_HLEN);
}

struct frame *frame_new(uint8_t protocol, size_t ip_options, size_t header)
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

struct frame *tcp(void)
{
	return frame_new(IPPROTO_TCP, 0, 32);
}

struct frame *udp(void)
{
	return frame_new(IPPROTO_UDP, 0, 8);
}

struct frame *add_data(struct frame *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		f->bytes[f->end++] = (uint8_t)(i * 7);
	return f;
}

struct frame *add_cm_at(struct frame *f, size_t before, uint32_t seq, bool extended)
{
	struct cm cm = {.node = {{1, 2, 3, 4, 5, 6}}, .session = {7}, .path = {1}, .stamp = 99};
	if (extended) {
		cm.has_hello = cm.has_addresses = true;
		cm.hello = (struct cm_hello){.encap = 1, .port = 0x1234, .boot = 3};
		cm.addresses.count = MAX_ADDRESSES;
		memset(cm.addresses.ip, 0xfe, sizeof(cm.addresses.ip));
	}
	struct cm_binding binding = {
		.segment_length = (uint32_t)(f->header + before), .tcp_seq = seq};
	f->end += cm_encode(&cm, binding, f->bytes + f->end);
	return f;
}

struct frame *add_cm(struct frame *f)
{
	bool is_tcp = ip_of(f)->protocol == IPPROTO_TCP;
	return add_cm_at(f, f->end - f->transport - f->header, is_tcp ? SEQ : 0, false);
}

void set_udp_length(struct frame *f, size_t length)
{
	struct udp_header *u = (void *)(f->bytes + f->transport);
	u->length = put16((uint16_t)length);
}

struct frame *add_surplus_of(struct frame *f, uint8_t kind, uint8_t length, uint16_t exid)
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

struct frame *add_surplus(struct frame *f)
{
	return add_surplus_of(f, CARRIER_UDP_KIND, CARRIER_LENGTH, CARRIER_EXID);
}

struct frame *tcp_query_of(uint8_t kind, uint8_t length, uint16_t exid)
{
	struct frame *f = frame_new(IPPROTO_TCP, 0, 60);
	uint8_t option[4] = {kind, length, (uint8_t)(exid >> 8), (uint8_t)exid};
	memcpy(f->bytes + f->transport + 20, option, sizeof(option));
	return f;
}

struct frame *tcp_query(void)
{
	return tcp_query_of(CARRIER_TCP_KIND, CARRIER_LENGTH, CARRIER_EXID);
}

struct frame *super(uint8_t protocol, unsigned segments, size_t size, size_t last, unsigned with)
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

/* --- the program --- */

struct bpf_tc_hook hook_at(int ifindex)
{
	return (struct bpf_tc_hook){.sz = offsetof(struct bpf_tc_hook, parent) + sizeof(uint32_t),
		.ifindex = ifindex,
		.attach_point = BPF_TC_INGRESS};
}

struct bpf_tc_opts place_of(int program, uint32_t handle, uint32_t priority)
{
	return (struct bpf_tc_opts){.sz = offsetof(struct bpf_tc_opts, priority) + sizeof(priority),
		.prog_fd = program,
		.handle = handle,
		.priority = priority};
}

int filter_fd(void)
{
	struct bpf_tc_hook at = hook_at(nic);
	struct bpf_tc_opts opts = place_of(0, 0x4d50, 77);
	if (bpf_tc_query(&at, &opts) != 0)
		return -1;
	return bpf_prog_get_fd_by_id(opts.prog_id);
}

int run(const struct frame *f, uint32_t gso_size, int repeat, uint32_t *duration)
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

int verdict_gso(struct frame *f, uint32_t gso_size)
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

int verdict(struct frame *f)
{
	return verdict_gso(f, 0);
}

uint64_t count(enum ingress_counter which)
{
	struct ingress_counters c;
	assert_int_equal(ingress_counters(hook, &c), 0);
	return c.value[which];
}

struct ingress_flow flow_of(uint8_t protocol)
{
	struct ingress_flow flow = {.remote_port = htons(REMOTE_PORT),
		.local_port = htons(LOCAL_PORT),
		.protocol = protocol};
	inet_aton(REMOTE, &flow.remote);
	inet_aton(LOCAL, &flow.local);
	return flow;
}

void add_flow(uint8_t protocol)
{
	struct ingress_flow flow = flow_of(protocol);
	assert_int_equal(ingress_add_flow(hook, &flow), 0);
}

void be_alive(void)
{
	ingress_alive(hook, now_ns() + 3600000000000u);
}

void be_stale(void)
{
	ingress_alive(hook, now_ns() - 400000000u);
}

struct ingress *open_hook(void)
{
	struct ingress *in;
	char *error = NULL;

	if (ingress_open(&in, rx, 0, &error) != 0 || ingress_attach(in, nic, &error) != 0)
		fail_msg("%s", error);
	return in;
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

int make_namespace(void **state)
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

int fresh_hook(void **state)
{
	(void)state;
	hook = open_hook();
	be_alive();
	return 0;
}

int close_hook(void **state)
{
	(void)state;
	ingress_close(hook);
	return 0;
}

static void skipped(void **state)
{
	(void)state;
	skip();
}

void skip_without_root(const char *program, struct CMUnitTest *tests, size_t n)
{
	if (geteuid() == 0)
		return;
	printf("%s: skipped, needs root for a network namespace and eBPF\n", program);
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){.name = tests[i].name, .test_func = skipped};
}
