// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the ingress hook does with one packet: whose packets it takes, and what becomes of them when
 * the daemon gives no sign of life. Each frame is handed to the program that is attached to nic0;
 * see ingress_testbed.h.
 */

#include "mpip/io/ingress/ingress_testbed.h"

#include "mpip/core/cm_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

/* A router says that a packet of the flow, or of its neighbour, did not arrive. */
static struct frame *icmp_error(uint8_t type, int next_port, int next_address)
{
	struct frame *f = add_data(frame_new(IPPROTO_ICMP, 0, 8), 20 + 8);
	uint8_t *icmp = f->bytes + f->transport;
	struct ip_header *quote = (void *)(icmp + 8);
	struct udp_header *ports = (void *)(quote + 1);
	memset(icmp, 0, 8);
	icmp[0] = type;
	icmp[1] = 1;
	*quote = *ip_of(f);
	quote->version_ihl = 0x45;
	quote->protocol = IPPROTO_TCP;
	memcpy(&quote->src, &ip_of(f)->dst, 4);
	memcpy(&quote->dst, &ip_of(f)->src, 4);
	quote->src.b[3] += (uint8_t)next_address;
	ports->src = put16(LOCAL_PORT);
	ports->dst = put16((uint16_t)(REMOTE_PORT + next_port));
	return f;
}

#define assert_taken_error(f)                                                                      \
	assert_counted(INGRESS_TAKEN_ERROR, assert_int_equal(verdict(f), TC_ACT_REDIRECT))

static void errors_about_flows_are_taken(void **state)
{
	static const uint8_t errors[] = {3, 11, 12};
	(void)state;
	assert_passed(icmp_error(3, 0, 0));
	add_flow(IPPROTO_TCP);
	for (unsigned i = 0; i < sizeof(errors); i++)
		assert_taken_error(icmp_error(errors[i], 0, 0));
	assert_passed(icmp_error(8, 0, 0)); /* an echo request */
	assert_passed(icmp_error(3, 1, 0));
	assert_passed(icmp_error(3, 0, 1)); /* about a packet of another host */
	struct frame *f = icmp_error(3, 0, 0);
	f->end -= 5; /* too short to have both ports */
	assert_passed(f);
	be_stale();
	assert_passed(icmp_error(3, 0, 0));
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

int main(void)
{
	struct CMUnitTest tests[] = {
		CASE(others_pass),
		CASE(flows_are_taken),
		CASE(errors_about_flows_are_taken),
		CASE(malformed_passes),
		CASE(queries_are_taken),
		CASE(stale_drops_cms),
		CASE(stale_passes_the_rest),
		CASE(stale_queries),
		CASE(super_packets),
		CASE(in_transit_passes),
		CASE(measure),
	};

	skip_without_root("ingress_verdict_test", tests, sizeof(tests) / sizeof(tests[0]));
	return cmocka_run_group_tests_name(
		"ingress-verdict", tests, geteuid() == 0 ? make_namespace : NULL, NULL);
}
