/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_INGRESS_INGRESS_TESTBED_H
#define MPIP_IO_INGRESS_INGRESS_TESTBED_H

#include "mpip/core/wire.h"
#include "mpip/io/ingress/ingress.h"

#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/*
 * What the tests of the ingress hook share, in a network namespace of the program's own:
 *
 *      nic0 10.0.0.1/24 (hook) <---veth---> far0          rx0: the daemon's receive TUN
 *
 * Whatever does not go as it must fails the case.
 */

#define REMOTE      "10.0.0.2"
#define LOCAL       "10.0.0.1"
#define REMOTE_PORT 5000
#define LOCAL_PORT  6000
#define SEQ         0xfffffff0u

extern struct ingress *hook; /* of the case that runs, attached to nic0 */
extern int nic, far, rx;     /* the devices' numbers */
extern int rx_fd;            /* of rx0 */

/* Makes the namespace, for the group of tests. */
int make_namespace(void **state);

/* For each case: a new hook on nic0, which is alive; and closing it. */
int fresh_hook(void **state);
int close_hook(void **state);
#define CASE(f) cmocka_unit_test_setup_teardown(f, fresh_hook, close_hook)

/* Says so, and makes every test a skipped one, unless this process is root. */
void skip_without_root(const char *program, struct CMUnitTest *tests, size_t n);

uint64_t now_ns(void); /* as ingress_alive() has it */

/* --- frames --- */

/* One frame, built from the outside in by the functions below. They return what they were given;
 * the first ones the one there is, begun anew. From REMOTE and its port to LOCAL and its port. */
struct frame {
	uint8_t bytes[65600];
	size_t transport, header, end, length;
};

struct ip_header *ip_of(struct frame *f);

/* Headers only: `header` is the transport's length, with options. The TCP options and IP options
 * are no-operations, and TCP's sequence number is SEQ. */
struct frame *frame_new(uint8_t protocol, size_t ip_options, size_t header);
struct frame *tcp(void); /* with 12 bytes of options */
struct frame *udp(void);

struct frame *add_data(struct frame *f, size_t n);

/* A CM behind what is there, as the sender of the segment that starts `before` bytes in front of
 * this place (of user data) and has sequence number `seq` makes it. */
struct frame *add_cm_at(struct frame *f, size_t before, uint32_t seq, bool extended);

/* The CM of a segment that all there is belongs to. */
struct frame *add_cm(struct frame *f);

void set_udp_length(struct frame *f, size_t length);

/* The UDP query's surplus area behind `f`'s data, whose kind, length and ExID may be given wrong.
 */
struct frame *add_surplus_of(struct frame *f, uint8_t kind, uint8_t length, uint16_t exid);
struct frame *add_surplus(struct frame *f);

/* The TCP query, likewise. */
struct frame *tcp_query_of(uint8_t kind, uint8_t length, uint16_t exid);
struct frame *tcp_query(void);

/* Segments of `size` bytes of user data and CM each, and a last one of `last`. `with`: bit by bit,
 * which carry a CM; the last bit is for all that follow. */
struct frame *super(uint8_t protocol, unsigned segments, size_t size, size_t last, unsigned with);

/* --- the program --- */

/* A hook as ingress_open() and ingress_attach() make it, on nic0 and rx0. */
struct ingress *open_hook(void);

/* For libbpf: a device's ingress, and a filter's place there. */
struct bpf_tc_hook hook_at(int ifindex);
struct bpf_tc_opts place_of(int program, uint32_t handle, uint32_t priority);

/* The program that is attached to nic0 in our place, to be closed; -1: none. */
int filter_fd(void);

/* Runs the attached program over the frame, `repeat` times; its verdict, and ns per packet. */
int run(const struct frame *f, uint32_t gso_size, int repeat, uint32_t *duration);

/* Finishes the lengths that are not set, pads as Ethernet does, and runs: TC_ACT_*. */
int verdict_gso(struct frame *f, uint32_t gso_size);
int verdict(struct frame *f);

uint64_t count(enum ingress_counter which);

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

/* The flow that the frames belong to. */
struct ingress_flow flow_of(uint8_t protocol);
void add_flow(uint8_t protocol);

/* The daemon's sign of life is of an hour from now; of longer ago than the limit. */
void be_alive(void);
void be_stale(void);

#endif
