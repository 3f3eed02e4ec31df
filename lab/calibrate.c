// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calibration.
 *
 * Theory of operation
 * -------------------
 * A link is a token bucket, a queue of bytes in front of it, and netem behind it (wiring.h). Three
 * kinds of traffic tell these apart, one after the other, in one direction at a time:
 *
 * Trains of small probes, each train to an idle link: a train fits into the bucket, so that it
 * takes no time for the rate. The first of a train has the link's delay alone; the last one has its
 * law in order, given when those ahead of it were sent and which of them were not lost, and is the
 * train's one sample of jitter, so that the samples are independent.
 *
 * Load in a window: as many full frames are kept on their way as the link can have in flight plus
 * half its queue. So the rate never pauses and the queue never drops, and every frame that is
 * missing was lost at random. The rate is the slope of frames over arrival times, fitted by least
 * squares, after the first fifth, in which the bucket empties.
 *
 * Load of twice the rate: the queue overflows. A frame that is taken then waits for as many frames
 * as the queue holds; it comes when there is room, on average half a sending interval after a
 * departure.
 *
 * Each of them is judged by an interval around what the scenario says, of which verdict.h says how
 * often a good link is outside; to this comes what the clocks of the ground are worth.
 */

#include "lab/calibrate.h"

#include "lab/error.h"
#include "lab/jitter.h"
#include "lab/lab.h"
#include "lab/qdisc.h"
#include "lab/traffic.h"
#include "lab/verdict.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>

#define TRAIN           5
#define TRAINS_MIN      40
#define LOAD_FRAMES     200000 /* at most */
#define SKIP            5      /* 1/SKIP of the load is not measured */
#define OVERLOAD        2.0
#define SENDER_PRIORITY 1 /* below the receiver's */

/* What a value may be off for the ground's sake. */
struct tolerances {
	double rate;         /* of the rate */
	double delay_ms;     /* of the delay of a packet that comes alone */
	double law_ms;       /* by which single delays may be beside their law */
	double queue;        /* of the queue */
	double queue_frames; /* and besides */
	double quiet_ms;     /* without a packet, beyond what the link takes: no more will come */
	size_t parts; /* of the load, of which the median counts: some may meet a late machine */
};
static const struct tolerances exact = {0.01, 0.1, 0.05, 0.02, 1, 50, 1};
static const struct tolerances rough = {0.05, 1, 1, 0.1, 2, 300, 9};

/* How much is measured. */
struct amounts {
	size_t trains;
	double trains_s; /* at most; then fewer trains */
	double load_s;
	size_t load_frames; /* at least */
	double queue_s;     /* a queue that takes longer to fill is not measured */
};
static const struct amounts full = {1000, 20, 2, 150, 600};
static const struct amounts brief = {150, 1, 0.3, 30, 1};

struct job {
	const struct shape *shape;
	const struct tolerances *tolerances;
	const struct amounts *amounts;
	struct traffic *traffic;
	struct calibrated_direction *out;
};

static double frame_ms(const struct job *j)
{
	return LAB_FRAME_BYTES * 8 / (j->shape->rate_mbit * 1e3);
}

static double highest_delay_ms(const struct shape *v)
{
	return v->delay_ms + v->jitter_ms * jitter_highest(v->distribution);
}

static int64_t ns(double ms)
{
	return (int64_t)(ms * 1e6);
}

/* Nothing is on its way any more when nothing has come for so long. */
static int64_t quiet_ns(const struct job *j)
{
	double rate = j->shape->rate_mbit > 0 ? 4 * frame_ms(j) : 0;
	return ns(highest_delay_ms(j->shape) + rate + j->tolerances->quiet_ms);
}

static void judge(struct calibrated *c, double configured, double value, double low, double high)
{
	*c = (struct calibrated){.measured = true,
		.good = value >= low && value <= high,
		.configured = configured,
		.value = value,
		.low = low,
		.high = high};
}

static double delay_of(struct frame f)
{
	return (double)(f.arrived_ns - f.sent_ns) / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Of packets that came alone. */
static void judge_delay(const struct job *j, double *delays, size_t n)
{
	double sum = 0, squares = 0;
	for (size_t i = 0; i < n; i++)
		sum += delays[i];
	double mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		squares += (delays[i] - mean) * (delays[i] - mean);
	double deviation = jitter_deviation_ms(j->shape), tolerance = j->tolerances->delay_ms;
	if (j->shape->jitter_ms > 0) {
		tolerance += VERDICT_ERRORS * deviation / sqrt((double)n);
	} else {
		qsort(delays, n, sizeof(*delays), by_value);
		mean = delays[n / 2];
	}
	judge(&j->out->delay_ms, j->shape->delay_ms, mean, j->shape->delay_ms - tolerance,
		j->shape->delay_ms + tolerance);
	judge(&j->out->deviation_ms, deviation, sqrt(squares / (double)n), 0, INFINITY);
}

/* A train's sample of jitter: the last one of it that has come, as what its law says of it. False
 * when the train was lost. */
static bool train_sample(const struct job *j, size_t first, double *low, double *high)
{
	double ahead[TRAIN];
	size_t n = 0, last = TRAIN;
	while (last > 0 && !traffic_frame(j->traffic, first + last - 1).arrived_ns)
		last--;
	if (last == 0)
		return false;
	struct frame sample = traffic_frame(j->traffic, first + last - 1);
	for (size_t i = 0; i + 1 < last && !j->shape->reorder; i++) {
		struct frame other = traffic_frame(j->traffic, first + i);
		if (other.arrived_ns)
			ahead[n++] = (double)(sample.sent_ns - other.sent_ns) / 1e6;
	}
	double delay = delay_of(sample), beside = j->tolerances->law_ms;
	*low = jitter_law_in_order(j->shape, delay - beside, ahead, n);
	*high = jitter_law_in_order(j->shape, delay + beside, ahead, n);
	return true;
}

static void judge_trains(const struct job *j, size_t trains)
{
	double *alone = calloc(trains + 1, sizeof(*alone)), *low = calloc(trains + 1, sizeof(*low)),
	       *high = calloc(trains + 1, sizeof(*high));
	if (!alone || !low || !high)
		abort();
	size_t n_alone = 0, n = 0;
	for (size_t i = 0; i < trains; i++) {
		struct frame first = traffic_frame(j->traffic, i * TRAIN);
		if (first.arrived_ns)
			alone[n_alone++] = delay_of(first);
		if (train_sample(j, i * TRAIN, &low[n], &high[n]))
			n++;
	}
	if (n_alone > 0)
		judge_delay(j, alone, n_alone);
	if (n > 0)
		judge(&j->out->jitter, 0, ks_distance(low, high, n), 0, ks_limit(n));
	j->out->samples = n;
	free(alone);
	free(low);
	free(high);
}

static void run_trains(const struct job *j)
{
	const struct shape *v = j->shape;
	/* Close enough to wait for each other, and the next train when the link is idle again. */
	double spacing = v->jitter_ms > 0 ? jitter_deviation_ms(v) / 2 : 0.1;
	double pause = fmax(1, jitter_span_ms(v));
	if (v->rate_mbit > 0)
		pause = fmax(pause, TRAIN * TRAFFIC_FRAME_MIN * 8 / (v->rate_mbit * 1e3) * 1.2);
	double per_train = spacing * (TRAIN - 1) + pause;
	size_t trains = (size_t)fmin((double)j->amounts->trains,
		fmax(TRAINS_MIN, j->amounts->trains_s * 1e3 / per_train));

	int64_t next = traffic_now();
	size_t done = 0;
	for (; done < trains && !lab_stop; done++) {
		for (int i = 0; i < TRAIN; i++) {
			traffic_sleep_until(next);
			traffic_send(j->traffic, TRAFFIC_FRAME_MIN);
			next += ns(i < TRAIN - 1 ? spacing : pause);
		}
		/* Late by more than that, the pause is kept all the same. */
		int64_t now = traffic_now();
		next = next > now ? next : now;
	}
	traffic_drain(j->traffic, quiet_ns(j));
	judge_trains(j, done);
}

/* Frames per ms, from the arrivals of the `count` frames from `first` on. */
static double slope(const struct traffic *t, size_t first, size_t count)
{
	double n = 0, x = 0, y = 0, xx = 0, xy = 0;
	int64_t zero = 0;
	for (size_t i = first; i < first + count; i++) {
		struct frame f = traffic_frame(t, i);
		if (!f.arrived_ns)
			continue;
		if (!zero)
			zero = f.arrived_ns;
		double number = (double)(i - first), ms = (double)(f.arrived_ns - zero) / 1e6;
		n++;
		x += number;
		y += ms;
		xx += number * number;
		xy += number * ms;
	}
	double spread = n * xx - x * x;
	return n > 1 && n * xy - x * y > 0 ? spread / (n * xy - x * y) : 0;
}

/* From the load, whose first frame is `first`. */
static void judge_rate(const struct job *j, size_t first, double load_ms)
{
	size_t all = traffic_sent(j->traffic) - first, parts = j->tolerances->parts;
	size_t count = (all - all / SKIP) / parts;
	double slopes[16], rate = j->shape->rate_mbit;
	for (size_t i = 0; i < parts; i++)
		slopes[i] = slope(j->traffic, first + all / SKIP + i * count, count);
	qsort(slopes, parts, sizeof(*slopes), by_value);
	double mbit = slopes[parts / 2] * LAB_FRAME_BYTES * 8 / 1e3;
	/* Jitter moves the ends of the line that is fitted. */
	double moved = jitter_span_ms(j->shape) / load_ms * (double)parts;
	double tolerance = rate * (j->tolerances->rate + moved);
	judge(&j->out->rate_mbit, rate, mbit, rate - tolerance, rate + tolerance);
}

static void run_load(const struct job *j)
{
	struct traffic *t = j->traffic;
	double frame = frame_ms(j), queue = fmax(1, j->shape->queue_packets / 2.0);
	size_t window = (size_t)(ceil(highest_delay_ms(j->shape) / frame) + queue);
	size_t first = traffic_sent(t), base = first;
	double load_ms = fmax(j->amounts->load_s * 1e3, (double)j->amounts->load_frames * frame);
	int64_t began = traffic_now(), step = ns(fmin(fmax(frame * queue / 4, 0.02), 5));
	int64_t end = began + ns(load_ms), progress = began;

	while (traffic_now() < end && traffic_sent(t) - first < LOAD_FRAMES && !lab_stop) {
		size_t up_to = traffic_arrived_up_to(t);
		if (up_to > base) {
			base = up_to;
			progress = traffic_now();
		}
		while (traffic_sent(t) - base < window && traffic_send(t, LAB_FRAME_BYTES))
			;
		/* All that was on its way is lost: begin again. */
		if (traffic_now() > progress + quiet_ns(j) + ns((double)window * frame)) {
			base = traffic_sent(t);
			progress = traffic_now();
		}
		traffic_sleep_until(traffic_now() + step);
	}
	traffic_drain(t, quiet_ns(j));

	judge_rate(j, first, load_ms);
}

/* Everything sent so far has met a queue with room. */
static void judge_loss(const struct job *j)
{
	int64_t sent = (int64_t)traffic_sent(j->traffic), lost = 0, low, high;
	for (int64_t i = 0; i < sent; i++)
		lost += traffic_frame(j->traffic, (size_t)i).arrived_ns == 0;
	binomial_interval(sent, j->shape->loss_percent / 100, &low, &high);
	double percent = sent ? 100.0 / (double)sent : 0;
	judge(&j->out->loss_percent, j->shape->loss_percent, (double)lost * percent,
		(double)low * percent, (double)high * percent);
	j->out->loss_percent.good = lost >= low && lost <= high;
	j->out->sent = sent;
	j->out->lost = lost;
}

/* The delay of the frames from `first` on that were taken: the mean, or the median where some may
 * have met a late machine. 0 when none was. */
static double delay_in_queue(const struct job *j, size_t first)
{
	size_t all = traffic_sent(j->traffic), n = 0;
	double *delays = calloc(all - first + 1, sizeof(*delays)), sum = 0;
	if (!delays)
		abort();
	for (size_t i = first; i < all; i++) {
		struct frame f = traffic_frame(j->traffic, i);
		if (!f.arrived_ns)
			continue;
		delays[n] = delay_of(f);
		sum += delays[n++];
	}
	double delay = n ? sum / (double)n : 0;
	if (n > 0 && j->tolerances->parts > 1) {
		qsort(delays, n, sizeof(*delays), by_value);
		delay = delays[n / 2];
	}
	free(delays);
	return delay;
}

/* Sends OVERLOAD times the rate for `ms`. */
static void overload(const struct job *j, double ms)
{
	int64_t began = traffic_now(), interval = ns(frame_ms(j) / OVERLOAD), next = began;
	while (next < began + ns(ms) && !lab_stop) {
		traffic_sleep_until(next);
		if (!traffic_send(j->traffic, LAB_FRAME_BYTES))
			return;
		next += interval;
	}
}

static void run_queue(const struct job *j)
{
	struct traffic *t = j->traffic;
	double rate = j->out->rate_mbit.value, configured = j->shape->queue_packets;
	double frame = frame_ms(j), bucket = qdisc_burst(j->shape) / LAB_FRAME_BYTES;
	double fill = (configured + bucket) * frame / (OVERLOAD - 1) * 1.5;
	double measure = fmax(20, fmin(configured, 500)) * frame;
	if (fill + measure > j->amounts->queue_s * 1e3 || rate <= 0)
		return;
	overload(j, fill);
	size_t first = traffic_sent(t);
	overload(j, measure);
	traffic_drain(t, quiet_ns(j) + ns(jitter_span_ms(j->shape)));

	size_t n = traffic_sent(t) - first;
	double interval = 0, delay = delay_in_queue(j, first), held = 0;
	if (n > 1)
		interval = (double)(traffic_frame(t, first + n - 1).sent_ns -
				    traffic_frame(t, first).sent_ns) /
			   1e6 / (double)(n - 1);
	frame *= j->shape->rate_mbit / rate;
	if (delay > 0)
		held = (delay - jitter_mean_ms(j->shape, frame) + interval / 2) / frame;
	double tolerance = j->tolerances->queue_frames + configured * j->tolerances->queue +
			   jitter_span_ms(j->shape) / frame / 10;
	judge(&j->out->queue_packets, configured, held, configured - tolerance,
		configured + tolerance);
}

static void measure(const struct job *j)
{
	run_trains(j);
	if (j->shape->rate_mbit > 0 && !lab_stop)
		run_load(j);
	judge_loss(j);
	if (j->shape->rate_mbit > 0 && !lab_stop)
		run_queue(j);

	double overtaken = (double)traffic_overtaken(j->traffic);
	bool may = j->shape->reorder && j->shape->jitter_ms > 0;
	judge(&j->out->overtaken, 0, overtaken, 0, may ? INFINITY : 0);

	struct calibrated_direction *d = j->out;
	const struct calibrated *all[] = {&d->rate_mbit, &d->delay_ms, &d->jitter, &d->loss_percent,
		&d->overtaken, &d->queue_packets};
	d->good = true;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		d->good = d->good && (!all[i]->measured || all[i]->good);
}

static int calibrate_direction(const struct scenario *s, const char *lab, const struct lab_link *l,
	bool down, const struct calibrate_options *options, struct calibrated_direction *out,
	char **error)
{
	struct job j = {
		.shape = down ? &l->down : &l->up,
		.tolerances = options->virtual_time ? &exact : &rough,
		.amounts = options->brief ? &brief : &full,
		.out = out,
	};
	struct end from = down ? l->far : l->near, to = down ? l->near : l->far;
	j.traffic = traffic_open(s, lab, from, to, error);
	if (!j.traffic)
		return -1;
	/* A sender that waits for a processor is no measure of a link. Without the right to come
	 * first it measures what it can. */
	struct sched_param normal, first = {.sched_priority = SENDER_PRIORITY};
	int policy = sched_getscheduler(0);
	sched_getparam(0, &normal);
	sched_setscheduler(0, SCHED_FIFO, &first);
	measure(&j);
	sched_setscheduler(0, policy, &normal);
	traffic_close(j.traffic);
	return lab_stop ? lab_fail(error, "interrupted") : 0;
}

struct calibration *calibrate(const struct scenario *s, const char *lab,
	const struct calibrate_options *options, char **error)
{
	struct calibration *c = calloc(1, sizeof(*c));
	if (!c || !(c->links = calloc(s->n_links + 1, sizeof(*c->links))))
		abort();
	c->options = *options;
	c->n_links = s->n_links;
	c->good = true;
	for (size_t i = 0; i < 2 * s->n_links; i++) {
		const struct lab_link *l = &s->links[i / 2];
		bool down = i % 2;
		if (options->progress) {
			char *name = scenario_end_name(s, l->near);
			options->progress(
				options->arg, i, 2 * s->n_links, name, down ? "down" : "up");
			free(name);
		}
		struct calibrated_direction *out = &c->links[i / 2][down];
		if (calibrate_direction(s, lab, l, down, options, out, error) < 0) {
			calibration_free(c);
			return NULL;
		}
		c->good = c->good && out->good;
	}
	return c;
}

void calibration_free(struct calibration *c)
{
	if (!c)
		return;
	free(c->links);
	free(c);
}
