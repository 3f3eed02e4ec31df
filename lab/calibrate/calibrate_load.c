// SPDX-License-Identifier: BSD-2-Clause
/*
 * A link's rate, queue and losses.
 *
 * Theory of operation
 * -------------------
 * Nothing here depends on what the link's delay is, or does: no window, no answer that comes back
 * later. What jitter holds back in order it lets go in one go, so that a sender that answers to
 * arrivals fills the queue in bursts, and takes its overflow for losses.
 *
 * Rate: OVERLOAD times the rate is sent. The queue is never empty, so frames leave it at the rate,
 * whatever it drops: the rate is the slope of frames over arrival times, fitted by least squares,
 * from when the bucket is empty; and what is lost at random is made up for. Jitter moves the ends
 * of the line that is fitted (jitter.h), so with jitter the load lasts longer.
 *
 * Queue: a burst goes to an idle link, faster than the link can take it. What the bucket and the
 * rate pass meanwhile, and what the queue holds, arrives some time; the rest does not. So counting
 * is enough. The burst is paced, because what comes to a processor all at once is dropped in front
 * of the link (net.core.netdev_max_backlog).
 *
 * Losses: small packets, evenly spaced at half the rate, never find the queue full.
 *
 * Chance is in all of them where the link loses packets, and how much is measured, or is left open,
 * goes by that.
 */

#include "lab/calibrate/calibrate_inside.h"

#include "lab/build/lab.h"
#include "lab/build/qdisc.h"
#include "lab/calibrate/verdict.h"
#include "lab/scenario/jitter.h"

#include <math.h>
#include <stdlib.h>

#define OVERLOAD     2.0
#define BURST_SPEED  8.0    /* times the rate */
#define BURST_LENGTH 1.5    /* times what bucket and queue hold */
#define BURST_FRAMES 300000 /* in all bursts, at most */
#define BATCH        8      /* packets at a time, at most */
#define LIGHT_LOAD   0.5
#define LIGHT_MS     0.1 /* between two packets of it, at least */
#define LEAST        10  /* frames; of fewer nothing is told */

/* The statistical error that is worth to measure longer for. */
#define RATE_ERROR     0.007 /* of the rate, for jitter, and as much for losses */
#define QUEUE_ERROR    0.01  /* of the queue, and half a frame */
#define LOSS_FIND      0.005 /* a loss that is higher by so much, or by so much of it, is found */
#define LOSS_FIND_PART 0.3
#define FIND_ERRORS    3.1 /* standard errors that a bad value is off, and found all the same */
#define FIT_VARIANCE   1.2 /* of a fitted count, times that of a count */

static double loss_of(const struct calibrate_job *j)
{
	return j->shape->loss_percent / 100;
}

/* Sends packets of so many bytes, one each `interval_ms` in the mean, `batch` of them at a time. */
static void send_evenly(const struct calibrate_job *j, size_t packets, size_t bytes,
	double interval_ms, size_t batch)
{
	int64_t began = traffic_now();
	for (size_t i = 0; i < packets && !lab_stop; i++) {
		if (i % batch == 0)
			traffic_sleep_until(began + calibrate_ns((double)i * interval_ms));
		if (!traffic_send(j->traffic, bytes))
			return;
	}
}

/* As many full frames at a time as make no difference to the queue: waking costs more than sending.
 */
static size_t batch_of(const struct calibrate_job *j)
{
	return (size_t)fmax(1, fmin(j->shape->queue_packets / 4.0, BATCH));
}

/* Frames per ms, of those that have arrived of the `count` from `first` on; how many, in `*n`. */
static double slope(const struct traffic *t, size_t first, size_t count, size_t *n)
{
	double x = 0, y = 0, xx = 0, xy = 0, number = 0;
	int64_t zero = 0;
	for (size_t i = first; i < first + count; i++) {
		struct frame f = traffic_frame(t, i);
		if (!f.arrived_ns)
			continue;
		if (!zero)
			zero = f.arrived_ns;
		double ms = (double)(f.arrived_ns - zero) / 1e6;
		x += number;
		y += ms;
		xx += number * number;
		xy += number * ms;
		number++;
	}
	*n = (size_t)number;
	double spread = number * xx - x * x;
	return number > 1 && number * xy - x * y > 0 ? spread / (number * xy - x * y) : 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Of the frames from `first` on. */
static void judge_rate(const struct calibrate_job *j, size_t first)
{
	size_t parts = j->tolerances->parts, count = (traffic_sent(j->traffic) - first) / parts;
	size_t arrived = 0;
	double slopes[16], rate = j->shape->rate_mbit, kept = 1 - loss_of(j);
	for (size_t i = 0; i < parts; i++) {
		size_t n;
		slopes[i] = slope(j->traffic, first + i * count, count, &n);
		arrived = i == 0 || n < arrived ? n : arrived;
	}
	/* None of some hundred may well arrive where nearly all are lost. */
	if (arrived < LEAST && kept * (double)count / OVERLOAD < 2 * LEAST)
		return;
	qsort(slopes, parts, sizeof(*slopes), by_value);
	double frame = calibrate_frame_ms(j), mbit = 0, tolerance = j->tolerances->rate;
	if (arrived > 0)
		mbit = slopes[parts / 2] / kept * LAB_FRAME_BYTES * 8 / 1e3;
	double expected = kept * (double)count / OVERLOAD;
	double lost = FIT_VARIANCE * loss_of(j) / expected;
	double moved = jitter_slope_error(j->shape, frame, (double)count * frame / OVERLOAD);
	tolerance += VERDICT_ERRORS * sqrt(lost + moved * moved);
	calibrate_judge(
		&j->out->rate_mbit, rate, mbit, rate * (1 - tolerance), rate * (1 + tolerance));
}

/* How long to measure the rate. */
static double load_ms(const struct calibrate_job *j)
{
	const struct amounts *a = j->amounts;
	double frame = calibrate_frame_ms(j), lost = loss_of(j);
	double error = VERDICT_ERRORS / RATE_ERROR;
	double frames = FIT_VARIANCE * lost / fmax(1 - lost, 0.01) * error * error;
	/* The error falls with the duration to the power of 1.5. */
	double ms = pow(error * jitter_slope_error(j->shape, frame, 1), 2.0 / 3);
	ms = fmax(ms, fmax(frames, (double)a->load_frames) * frame);
	ms = fmin(ms, fmax((double)a->load_frames * frame, a->load_most_s * 1e3));
	return fmin(fmax(ms, a->load_s * 1e3), (double)a->load_most * frame);
}

void calibrate_rate(const struct calibrate_job *j)
{
	if (j->shape->rate_mbit <= 0 || loss_of(j) >= 1)
		return;
	double frame = calibrate_frame_ms(j), bucket = qdisc_burst(j->shape) / LAB_FRAME_BYTES;
	/* Until the bucket is empty, and what comes is held back as all that follows. */
	double before = OVERLOAD * (2 * (bucket + 1) + jitter_span_ms(j->shape) / frame);
	size_t first = traffic_sent(j->traffic) + (size_t)before;
	send_evenly(j, (size_t)(before + OVERLOAD * load_ms(j) / frame), LAB_FRAME_BYTES,
		frame / OVERLOAD, batch_of(j));
	traffic_drain(j->traffic, calibrate_quiet_ns(j));
	if (!lab_stop && traffic_sent(j->traffic) > first)
		judge_rate(j, first);
}

/* The frames that would wait at the end of a burst whose first frame is `first`, were there room
 * for all of them: what has not been served by a full bucket and the rate. */
static double left_over(const struct calibrate_job *j, size_t first)
{
	double bytes_per_ms = j->out->rate_mbit.value * 1e3 / 8, bucket = qdisc_burst(j->shape);
	double level = -bucket; /* below 0: tokens; above: bytes that wait */
	int64_t before = traffic_frame(j->traffic, first).sent_ns;
	for (size_t i = first; i < traffic_sent(j->traffic); i++) {
		int64_t now = traffic_frame(j->traffic, i).sent_ns;
		level = fmax(-bucket, level - bytes_per_ms * (double)(now - before) / 1e6);
		level += LAB_FRAME_BYTES;
		before = now;
	}
	return level / LAB_FRAME_BYTES;
}

/* One burst: the frames that the queue has held. False when it was too slow to fill it. */
static bool send_burst(const struct calibrate_job *j, size_t frames, double *held)
{
	struct traffic *t = j->traffic;
	double interval = calibrate_frame_ms(j) / BURST_SPEED, arrived = 0;
	size_t first = traffic_sent(t);
	send_evenly(j, frames, LAB_FRAME_BYTES, interval, batch_of(j));
	traffic_drain(t, calibrate_quiet_ns(j));
	size_t sent = traffic_sent(t) - first;
	for (size_t i = first; i < first + sent; i++)
		arrived += traffic_frame(t, i).arrived_ns != 0;
	double waiting = left_over(j, first);
	if (waiting < 1.1 * j->shape->queue_packets + 1)
		return false;
	/* Of a frame that is served, half is, on average. */
	*held = arrived / (1 - loss_of(j)) - ((double)sent - waiting) + 0.5;
	return true;
}

/* The standard deviation, in frames, of what one burst says of the queue. */
static double burst_deviation(const struct calibrate_job *j, double frames)
{
	double taken = frames * (1 / BURST_LENGTH + 1 / BURST_SPEED);
	return sqrt(taken * loss_of(j) / (1 - loss_of(j)));
}

/* How many bursts of so many frames to send. */
static size_t burst_count(const struct calibrate_job *j, double frames, double burst_ms)
{
	const struct amounts *a = j->amounts;
	double error = 0.5 + QUEUE_ERROR * j->shape->queue_packets;
	double n = pow(VERDICT_ERRORS * burst_deviation(j, frames) / error, 2);
	n = fmin(fmax((double)a->bursts, n), (double)a->bursts_most);
	return (size_t)fmax(1, fmin(n, fmin(a->queue_s * 1e3 / burst_ms, BURST_FRAMES / frames)));
}

void calibrate_queue(const struct calibrate_job *j)
{
	if (!j->out->rate_mbit.measured || j->out->rate_mbit.value <= 0)
		return;
	double configured = j->shape->queue_packets, tolerance = j->tolerances->queue_frames;
	double holds = configured + qdisc_burst(j->shape) / LAB_FRAME_BYTES;
	double frames = ceil(BURST_LENGTH * holds) + 2;
	double burst_ms = holds * calibrate_frame_ms(j) + (double)calibrate_quiet_ns(j) / 1e6;
	if (holds * calibrate_frame_ms(j) > j->amounts->queue_s * 1e3)
		return;
	size_t bursts = burst_count(j, frames, burst_ms), n = 0;
	double *held = calloc(bursts, sizeof(*held)), sum = 0;
	if (!held)
		abort();
	for (size_t i = 0; i < bursts && !lab_stop; i++)
		if (send_burst(j, (size_t)frames, &held[n]))
			sum += held[n++];
	if (n > 0) {
		qsort(held, n, sizeof(*held), by_value);
		double value = j->tolerances->parts > 1 ? held[n / 2] : sum / (double)n;
		tolerance += configured * j->tolerances->queue +
			     VERDICT_ERRORS * burst_deviation(j, frames) / sqrt((double)n);
		calibrate_judge(&j->out->queue_packets, configured, value, configured - tolerance,
			configured + tolerance);
	}
	free(held);
}

/* Small packets at a part of the rate. */
static void send_lightly(const struct calibrate_job *j, size_t packets)
{
	double interval = LIGHT_MS, rate = j->out->rate_mbit.value;
	if (j->out->rate_mbit.measured && rate > 0)
		interval = fmax(interval, TRAFFIC_FRAME_MIN * 8 / (rate * LIGHT_LOAD * 1e3));
	packets = (size_t)fmin((double)packets, j->amounts->losses_s * 1e3 / interval);
	send_evenly(j, packets, TRAFFIC_FRAME_MIN, interval, BATCH);
	traffic_drain(j->traffic, calibrate_quiet_ns(j));
}

void calibrate_losses(const struct calibrate_job *j, size_t first)
{
	const struct amounts *a = j->amounts;
	double p = loss_of(j), find = fmax(LOSS_FIND, LOSS_FIND_PART * p), more = fmin(1, p + find);
	/* The higher loss has a deviation of its own. */
	double apart = VERDICT_ERRORS * sqrt(p * (1 - p)) + FIND_ERRORS * sqrt(more * (1 - more));
	double wanted = pow(apart / find, 2);
	wanted = fmin(fmax(wanted, (double)a->losses), (double)a->losses_most);
	int64_t sent = (int64_t)(traffic_sent(j->traffic) - first), lost = 0, low, high;
	if (wanted > (double)sent)
		send_lightly(j, (size_t)wanted - (size_t)sent);
	sent = (int64_t)(traffic_sent(j->traffic) - first);
	for (int64_t i = 0; i < sent; i++)
		lost += traffic_frame(j->traffic, first + (size_t)i).arrived_ns == 0;
	binomial_interval(sent, p, &low, &high);
	double percent = sent ? 100.0 / (double)sent : 0;
	calibrate_judge(&j->out->loss_percent, j->shape->loss_percent, (double)lost * percent,
		(double)low * percent, (double)high * percent);
	j->out->loss_percent.good = lost >= low && lost <= high;
	j->out->sent = sent;
	j->out->lost = lost;
}
