// SPDX-License-Identifier: BSD-2-Clause
/*
 * Algorithm 1 again.
 *
 * Theory of operation
 * -------------------
 * A step is the rows of one session at one time; they stand together in the log. For each session
 * the step before is remembered. This is written from the paper, not from mpipd: it shares no code
 * with it, so that a mistake there does not repeat here.
 */

#include "analysis/measure/replay.h"

#include "mpip/base/error.h"

#include <stdlib.h>

/* The rows of one step. */
struct step {
	const struct path_row *rows;
	size_t count;
};

/* The last step of each session, while the log is walked. */
struct memory {
	struct step *steps;
	size_t count;
};

struct replay_settings replay_settings_default(void)
{
	return (struct replay_settings){.step = 10, .min = 1, .max = 1000, .total = 1000};
}

static const struct path_row *row_of(const struct step *s, int64_t path)
{
	for (size_t i = 0; s && i < s->count; i++)
		if (s->rows[i].path == path)
			return &s->rows[i];
	return NULL;
}

static bool same_paths(const struct step *a, const struct step *b)
{
	if (!a || a->count != b->count)
		return false;
	for (size_t i = 0; i < b->count; i++)
		if (!row_of(a, b->rows[i].path))
			return false;
	return true;
}

static int64_t expected_weight(const struct step *before, const struct step *now,
	const struct path_row *row, struct replay_settings set)
{
	const struct path_row *old = row_of(before, row->path);
	int64_t weight = old ? old->weight : set.total / (int64_t)now->count;
	if (!row->usable)
		return weight;

	int64_t sum = 0, usable = 0;
	for (size_t i = 0; i < now->count; i++) {
		if (!now->rows[i].usable)
			continue;
		sum += now->rows[i].queuing_us;
		usable++;
	}
	/* Q_i <= Q_avg, multiplied by the number of paths so that nothing is rounded. */
	weight += row->queuing_us * usable <= sum ? set.step : -set.step;
	return weight < set.min ? set.min : weight > set.max ? set.max : weight;
}

static void check_step(const struct step *before, const struct step *now,
	struct replay_settings set, struct replay_verdict *v)
{
	if (!same_paths(before, now))
		before = NULL;
	v->steps++;
	for (size_t i = 0; i < now->count; i++) {
		const struct path_row *row = &now->rows[i];
		int64_t wanted = expected_weight(before, now, row, set);
		v->weights++;
		if (row->weight == wanted)
			continue;
		v->wrong++;
		if (!v->first)
			v->first = text_format(
				"time_us %lld, session %lld, path %lld: the weight is "
				"%lld, Algorithm 1 gives %lld",
				(long long)row->time_us, (long long)row->session,
				(long long)row->path, (long long)row->weight, (long long)wanted);
	}
}

/* The session's last step; an empty one when it is new. */
static struct step *remember(struct memory *m, int64_t session)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->steps[i].rows->session == session)
			return &m->steps[i];
	m->steps = reallocarray(m->steps, m->count + 1, sizeof(*m->steps));
	if (!m->steps)
		abort();
	m->steps[m->count] = (struct step){0};
	return &m->steps[m->count++];
}

struct replay_verdict replay(const struct path_log *log, struct replay_settings settings)
{
	struct replay_verdict v = {0};
	struct memory memory = {0};
	for (size_t i = 0; i < log->count;) {
		struct step now = {&log->rows[i], 0};
		while (i < log->count && log->rows[i].time_us == now.rows->time_us &&
			log->rows[i].session == now.rows->session)
			now.count++, i++;
		struct step *before = remember(&memory, now.rows->session);
		check_step(before->count ? before : NULL, &now, settings, &v);
		*before = now;
	}
	v.sessions = memory.count;
	free(memory.steps);
	return v;
}
