// SPDX-License-Identifier: BSD-2-Clause
/*
 * A rate that changes while packets pass.
 *
 * Theory of operation
 * -------------------
 * A TBF that is changed gets a full bucket, and forgets the part of a packet's tokens that it had
 * saved up. With a change every 20 ms that would be a rate of its own. So a step's bytes are made
 * of the bucket that the change gives, and of the rate for the rest; the bucket is small. And at
 * the end of a step its bytes are compared to those that have passed: if packets are waiting,
 * whatever is missing (tokens that were forgotten, a step that came late) goes to the next step, so
 * that the bytes of a link that always has something to send are those of its steps, within a
 * packet or two. If none are waiting, what was not used is gone, as on a real link.
 *
 * A packet that waits when the rate rises waits until its time at the old rate, or until the next
 * packet comes.
 */

#include "lab/build/pacer.h"

#include "lab/build/qdisc.h"

#include <math.h>
#include <stdio.h>

#define BUCKET_BYTES 1600  /* a frame, and what the kernel's rounding takes from it */
#define BUCKET_US    1000  /* or what the rate sends meanwhile */
#define RATE_MIN     0.001 /* Mbit/s: a TBF has no rate of 0 */

void pacer_open(struct pacer *p, const struct shape *shape, const char *interface)
{
	*p = (struct pacer){.rates = rates_of(shape), .shape = *shape};
	snprintf(p->interface, sizeof(p->interface), "%s", interface);
}

void pacer_close(struct pacer *p)
{
	rates_free(&p->rates);
}

/* When step number `i` begins, or INT64_MAX. */
static int64_t begin_of(const struct pacer *p, size_t i)
{
	const struct rates *r = &p->rates;
	if (i >= r->n && r->period_us == 0)
		return INT64_MAX;
	return (int64_t)(i / r->n) * r->period_us + r->steps[i % r->n].at_us;
}

int64_t pacer_next(const struct pacer *p)
{
	return begin_of(p, p->next);
}

/* The bytes that those who wait are owed from the step before, less than 0 when that was too long;
 * `*passed` is what the TBF has passed
 * so far. */
static int owed(struct pacer *p, struct ns *router, double *bytes, json_int_t *passed, char **error)
{
	json_t *counters = qdisc_counters(router, p->interface, error);
	if (!counters)
		return -1;
	*passed = json_integer_value(json_object_get(counters, "bytes"));
	*bytes = 0;
	if (json_integer_value(json_object_get(counters, "backlog_bytes")) > 0 && p->next > 0)
		*bytes = p->due - (double)(*passed - p->passed);
	json_decref(counters);
	return 0;
}

int pacer_step(struct pacer *p, struct ns *router, int64_t elapsed_us, char **error)
{
	size_t step = p->next;
	if (begin_of(p, step) > elapsed_us)
		return 0;
	/* A step that was missed adds its bytes to what is owed, and is not made any more. */
	for (; begin_of(p, step + 1) <= elapsed_us; step++)
		p->due += rates_bytes(&p->rates, begin_of(p, step + 1)) -
			  rates_bytes(&p->rates, begin_of(p, step));

	double mbit = p->rates.steps[step % p->rates.n].rate_mbit, carried;
	double bucket = fmax(BUCKET_BYTES, mbit / 8 * BUCKET_US);
	json_int_t passed;
	if (owed(p, router, &carried, &passed, error) < 0)
		return -1;
	int64_t begin = begin_of(p, step), end = begin_of(p, step + 1);
	struct shape now = p->shape;
	now.rate_mbit = mbit;
	if (end < INT64_MAX) {
		double bytes = rates_bytes(&p->rates, end) - rates_bytes(&p->rates, begin);
		/* Twice the rate at most: what a machine cannot carry must not pile up. */
		p->due = bytes + fmin(carried, fmax(bytes, bucket));
		now.rate_mbit = fmax(RATE_MIN, (p->due - bucket) * 8 / (double)(end - elapsed_us));
	}
	p->passed = passed;
	p->next = step + 1;
	return qdisc_change_rate(router, p->interface, &now, bucket, error);
}
