// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ingress hook's life, and packets' whole way through it: from far0 over the wire to the
 * receive TUN; what a daemon that closes, or is killed, leaves, and what its successor takes over.
 * The namespace is drawn in ingress_testbed.h; verdicts over single packets are tested in
 * ingress_verdict_test.c.
 */

#include "mpip/io/ingress/ingress_testbed.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the whole way --- */

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

/* --- its life --- */

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

/* For a case that closes the hook itself. */
static int hook_is_closed(void **state)
{
	(void)state;
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[] = {
		CASE(redirected_whole),
		CASE(guarded),
		CASE(bounded),
		CASE(killed_and_taken_over),
		CASE(foreign_filter_is_an_error),
		CASE(nobody_is_told_why),
		cmocka_unit_test_setup_teardown(close_leaves_nothing, fresh_hook, hook_is_closed),
	};

	skip_without_root("ingress_test", tests, sizeof(tests) / sizeof(tests[0]));
	return cmocka_run_group_tests_name(
		"ingress", tests, geteuid() == 0 ? make_namespace : NULL, NULL);
}
