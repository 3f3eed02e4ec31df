/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_CALIBRATE_TRAFFIC_H
#define LAB_CALIBRATE_TRAFFIC_H

#include "lab/scenario/scenario.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Test traffic across one direction of a link: numbered UDP datagrams from the namespace at its one
 * end to that at its other, sent and received by this process, so that one clock stamps both.
 * Times are of CLOCK_MONOTONIC in nanoseconds.
 */
struct traffic;

/* A frame that was sent; its number is its index. */
struct frame {
	int64_t sent_ns;
	int64_t arrived_ns; /* 0: not yet, or never */
};

/* The least and the most that a frame can be, in bytes of Ethernet without checksum. */
#define TRAFFIC_FRAME_MIN 60
#define TRAFFIC_FRAME_MAX LAB_FRAME_BYTES

/* Sockets at both ends of the lab's link, and a thread that receives. NULL with `*error` set.
 * `lab` is up and has been built from `s`. */
struct traffic *traffic_open(
	const struct scenario *s, const char *lab, struct end from, struct end to, char **error);
void traffic_close(struct traffic *t);

/* Sends a frame of so many bytes now. False when there can be no more. */
bool traffic_send(struct traffic *t, size_t frame_bytes);

/* How many were sent, and the record of one of them, as it is now. */
size_t traffic_sent(const struct traffic *t);
struct frame traffic_frame(const struct traffic *t, size_t number);

/* How many have arrived behind one that was sent later. */
size_t traffic_overtaken(const struct traffic *t);

/* Waits until every frame has arrived, or nothing has been sent or has arrived for `quiet_ns`. */
void traffic_drain(const struct traffic *t, int64_t quiet_ns);

int64_t traffic_now(void);
/* Sleeps until then; returns at once when it is over, or when a signal comes. */
void traffic_sleep_until(int64_t when_ns);

#endif
