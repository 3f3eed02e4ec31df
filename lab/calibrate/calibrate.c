// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calibration.
 *
 * Theory of operation
 * -------------------
 * A link is a token bucket, a queue of bytes in front of it, and netem behind it (wiring.h). What
 * tells these apart is sent one after the other, in one direction at a time: first what fills the
 * rate and the queue (calibrate_load.c), then trains of small packets, each train to an idle link:
 * a train fits into the bucket, so that it takes no time for the rate. The first of a train has the
 * link's delay alone; the last one has its law in order, given when those ahead of it were sent and
 * which of them were not lost. Either is one sample of jitter, independent of those of other
 * trains.
 *
 * Each value is judged by an interval around what the scenario says, of which verdict.h says how
 * often a good link is outside; to this comes what the clocks of the ground are worth. As many
 * packets are sent as it takes to find a link that is a little off; in real time, and for a short
 * calibration, only as many as there is time for.
 */

#include "lab/calibrate/calibrate_inside.h"

#include "lab/build/lab.h"
#include "lab/calibrate/verdict.h"
#include "lab/scenario/jitter.h"
#include "mpip/base/error.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>

#define TRAIN      3
#define TRAINS_MIN 40
/* Enough to tell one distribution from another, and a size from one that is 1.5 times as much. */
#define TRAINS_JITTER   1000
#define FIND_DELAY_MS   0.9 /* with jitter: what a mean is off that is surely found */
#define FIND_ERRORS     7.2 /* standard errors from one good mean to a surely bad one */
#define SENDER_PRIORITY 1   /* below the receiver's */

static const struct tolerances exact = {0.01, 0.1, 0.05, 0.02, 1, 50, 1};
static const struct tolerances rough = {0.05, 1, 1, 0.1, 2, 150, 9};

/* [in virtual time][in short]. Real time costs time; in virtual time only packets cost. */
static const struct amounts amounts[2][2] = {
	{
		{.trains = 1000,
			.trains_most = 1000,
			.trains_s = 20,
			.load_s = 2,
			.load_most_s = 2,
			.load_frames = 150,
			.load_most = 100000,
			.queue_s = 600,
			.bursts = 5,
			.bursts_most = 20,
			.losses = 5000,
			.losses_most = 20000,
			.losses_s = 2},
		{.trains = 150,
			.trains_most = 150,
			.trains_s = 1,
			.load_s = 0.3,
			.load_most_s = 0.3,
			.load_frames = 30,
			.load_most = 50000,
			.queue_s = 1,
			.bursts = 3,
			.bursts_most = 3,
			.losses = 2000,
			.losses_most = 3000,
			.losses_s = 0.3},
	},
	{
		{.trains = 200,
			.trains_most = 7000,
			.trains_s = INFINITY,
			.load_s = 0,
			.load_most_s = INFINITY,
			.load_frames = 400,
			.load_most = 40000,
			.queue_s = INFINITY,
			.bursts = 1,
			.bursts_most = 40,
			.losses = 3000,
			.losses_most = 30000,
			.losses_s = INFINITY},
		{.trains = 100,
			.trains_most = 200,
			.trains_s = INFINITY,
			.load_s = 0,
			.load_most_s = 2,
			.load_frames = 100,
			.load_most = 4000,
			.queue_s = 10,
			.bursts = 1,
			.bursts_most = 3,
			.losses = 2000,
			.losses_most = 5000,
			.losses_s = 5},
	},
};

int64_t calibrate_ns(double ms)
{
	return (int64_t)(ms * 1e6);
}

double calibrate_frame_ms(const struct calibrate_job *j)
{
	return LAB_FRAME_BYTES * 8 / (j->shape->rate_mbit * 1e3);
}

int64_t calibrate_quiet_ns(const struct calibrate_job *j)
{
	double rate = j->shape->rate_mbit > 0 ? 4 * calibrate_frame_ms(j) : 0;
	return calibrate_ns(jitter_longest_ms(j->shape) + rate + j->tolerances->quiet_ms);
}

void calibrate_judge(struct calibrated *c, double configured, double value, double low, double high)
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
static void judge_delay(const struct calibrate_job *j, double *delays, size_t n)
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
	calibrate_judge(&j->out->delay_ms, j->shape->delay_ms, mean, j->shape->delay_ms - tolerance,
		j->shape->delay_ms + tolerance);
	calibrate_judge(&j->out->deviation_ms, deviation, sqrt(squares / (double)n), 0, INFINITY);
}

/* What the law says of a packet's delay: the chance of one that is a little shorter, and of one
 * that is a little longer. */
struct samples {
	double *low, *high;
	size_t n;
};

static struct samples samples_for(size_t trains)
{
	struct samples s = {.low = calloc(trains + 1, sizeof(*s.low)),
		.high = calloc(trains + 1, sizeof(*s.high))};
	if (!s.low || !s.high)
		abort();
	return s;
}

/* Of a train's packet `number`, with those before it ahead of it. */
static void add_sample(
	const struct calibrate_job *j, size_t first, size_t number, struct samples *s)
{
	double ahead[TRAIN];
	size_t n = 0;
	struct frame sample = traffic_frame(j->traffic, first + number);
	for (size_t i = 0; i < number && !j->shape->reorder; i++) {
		struct frame other = traffic_frame(j->traffic, first + i);
		if (other.arrived_ns)
			ahead[n++] = (double)(sample.sent_ns - other.sent_ns) / 1e6;
	}
	double delay = delay_of(sample), beside = j->tolerances->law_ms;
	s->low[s->n] = jitter_law_in_order(j->shape, delay - beside, ahead, n);
	s->high[s->n++] = jitter_law_in_order(j->shape, delay + beside, ahead, n);
}

/* Of two sets of samples, the one that is further from its law. */
static void judge_jitter(const struct calibrate_job *j, struct samples *s)
{
	double distance[2] = {0}, limit[2] = {1, 1};
	for (int i = 0; i < 2; i++) {
		if (s[i].n == 0)
			continue;
		distance[i] = ks_distance(s[i].low, s[i].high, s[i].n);
		limit[i] = ks_limit(s[i].n, 2);
	}
	int worse = distance[1] / limit[1] > distance[0] / limit[0];
	if (s[0].n + s[1].n > 0)
		calibrate_judge(&j->out->jitter, 0, distance[worse], 0, limit[worse]);
	j->out->samples = s[0].n + s[1].n;
}

/* Trains that were sent, the first packet being number `begin`; behind `full` trains they are of
 * one packet each. */
struct trains {
	size_t begin, full, n;
};

static size_t train_begin(const struct trains *t, size_t i)
{
	return t->begin + (i < t->full ? i * TRAIN : t->full * (TRAIN - 1) + i);
}

static void judge_trains(const struct calibrate_job *j, const struct trains *t)
{
	double *alone = calloc(t->n + 1, sizeof(*alone));
	struct samples s[] = {samples_for(t->n), samples_for(t->n)};
	if (!alone)
		abort();
	size_t n_alone = 0;
	for (size_t i = 0; i < t->n; i++) {
		size_t first = train_begin(t, i), last = train_begin(t, i + 1) - first - 1;
		if (traffic_frame(j->traffic, first).arrived_ns) {
			alone[n_alone++] = delay_of(traffic_frame(j->traffic, first));
			add_sample(j, first, 0, &s[0]);
		}
		while (last > 0 && !traffic_frame(j->traffic, first + last).arrived_ns)
			last--;
		if (last > 0)
			add_sample(j, first, last, &s[1]);
	}
	if (n_alone > 0)
		judge_delay(j, alone, n_alone);
	judge_jitter(j, s);
	free(alone);
	for (int i = 0; i < 2; i++) {
		free(s[i].low);
		free(s[i].high);
	}
}

/* How many trains to send, of which each takes so long. */
static struct trains plan_trains(const struct calibrate_job *j, double train_ms)
{
	const struct amounts *a = j->amounts;
	double most = fmax(TRAINS_MIN, a->trains_s * 1e3 / train_ms), full = (double)a->trains;
	double n = pow(FIND_ERRORS * jitter_deviation_ms(j->shape) / FIND_DELAY_MS, 2);
	if (j->shape->jitter_ms > 0)
		full = fmax(full, fmin(TRAINS_JITTER, (double)a->trains_most));
	n = fmax(full, fmin(n, (double)a->trains_most));
	return (struct trains){.begin = traffic_sent(j->traffic),
		.full = (size_t)fmin(full, most),
		.n = (size_t)fmin(n, most)};
}

static void run_trains(const struct calibrate_job *j)
{
	const struct shape *v = j->shape;
	/* Close enough to wait for each other, and the next train when the link is idle again. */
	double spacing = v->jitter_ms > 0 ? jitter_deviation_ms(v) / 2 : 0.1;
	double pause = fmax(1, jitter_span_ms(v));
	if (v->rate_mbit > 0)
		pause = fmax(pause, TRAIN * TRAFFIC_FRAME_MIN * 8 / (v->rate_mbit * 1e3) * 1.2);
	struct trains t = plan_trains(j, spacing * (TRAIN - 1) + pause);
	size_t done = 0;

	int64_t next = traffic_now();
	for (; done < t.n && !lab_stop; done++) {
		size_t length = train_begin(&t, done + 1) - train_begin(&t, done);
		for (size_t i = 0; i < length; i++) {
			traffic_sleep_until(next);
			traffic_send(j->traffic, TRAFFIC_FRAME_MIN);
			next += calibrate_ns(i < length - 1 ? spacing : pause);
		}
		/* Late by more than that, the pause is kept all the same. */
		int64_t now = traffic_now();
		next = next > now ? next : now;
	}
	traffic_drain(j->traffic, calibrate_quiet_ns(j));
	t.n = done;
	judge_trains(j, &t);
}

static void measure(const struct calibrate_job *j)
{
	calibrate_rate(j);
	calibrate_queue(j);
	size_t first = traffic_sent(j->traffic);
	run_trains(j);
	calibrate_losses(j, first);

	double overtaken = (double)traffic_overtaken(j->traffic);
	bool may = j->shape->reorder && j->shape->jitter_ms > 0;
	calibrate_judge(&j->out->overtaken, 0, overtaken, 0, may ? INFINITY : 0);

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
	struct calibrate_job j = {
		.shape = down ? &l->down : &l->up,
		.tolerances = options->virtual_time ? &exact : &rough,
		.amounts = &amounts[options->virtual_time][options->brief],
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
	return lab_stop ? error_set(error, "interrupted") : 0;
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
