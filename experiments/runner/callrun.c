// SPDX-License-Identifier: BSD-2-Clause
/*
 * A call in a run: its two processes, and what their logs say.
 *
 * Theory of operation
 * -------------------
 * A call alone takes the places of iperf3's server and client; beside iperf3 its ends are two
 * processes more, which begin when iperf3's data connection does and end by the clock.
 */

#include "experiments/runner/callrun.h"

#include "experiments/load/call.h"
#include "experiments/record/call.h"
#include "experiments/runner/processes.h"
#include "mpip/base/error.h"

#include <stdlib.h>

static struct child *child_of(struct run *r, int i)
{
	bool alone = !r->plan->definition->workload.iperf;
	if (i == FROM)
		return alone ? &r->client : &r->caller;
	return alone ? &r->server : &r->callee;
}

static int start_end(struct run *r, int i, const struct workload_end *base, char **error)
{
	const struct workload *w = &r->plan->definition->workload;
	const char *host = r->hosts[i].name;
	char *sent = run_file(r, "call-sent-%s.csv", host);
	char *received = run_file(r, "call-received-%s.csv", host);
	char *log = run_file(r, "call-%s.log", host);
	struct call_end end = {
		.base = *base,
		.host = host,
		.calls = i == FROM,
		.sets_clock = i == FROM && !w->iperf,
		.phase_us = base->start_jitter_us * (i == FROM ? 1 : 7) % 20000,
		.sent_file = sent,
		.received_file = received,
	};
	int rc = child_start(child_of(r, i), "call", call_body, &end, NULL, log, -1, error);
	free(log);
	free(received);
	free(sent);
	return rc;
}

/* "call-server", of a child's log. Allocated. */
static char *log_word(const struct run *r, int i)
{
	return text_format("call-%s", r->hosts[i].name);
}

static int fail(struct run *r, int i, char **error)
{
	char *word = log_word(r, i);
	run_fail_child(r, child_of(r, i), r->hosts[i].name, word, error);
	free(word);
	return FAILED;
}

int call_start_callee(struct run *r, const struct workload_end *end, char **error)
{
	const char *host = r->hosts[TO].name;
	char *word = log_word(r, TO);
	struct readiness ready = {run_flag_is_set, (const int *)&r->clock->callee_ready, host, word,
		"the call is not ready"};
	int rc = start_end(r, TO, end, error);
	if (rc == GO_ON)
		rc = run_wait(r, child_of(r, TO), &ready, error);
	free(word);
	return rc;
}

int call_start_caller(struct run *r, const struct workload_end *end, char **error)
{
	return start_end(r, FROM, end, error);
}

int call_finish(struct run *r, char **error)
{
	for (int i = 0; i < HOSTS; i++) {
		struct child *c = child_of(r, i);
		switch (child_wait(c, now_us() + 10 * SECOND)) {
		case WAIT_STOPPED:
			return STOP;
		case WAIT_TIME:
			return error_set(error, "%s: the call does not end", r->hosts[i].name);
		case WAIT_ENDED:
			if (c->status != 0)
				return fail(r, i, error);
		}
	}
	return GO_ON;
}

/* What host `to` received of what the other sent. */
static int read_direction(struct run *r, int to, struct call_log *log, char **error)
{
	char *sent = run_file(r, "call-sent-%s.csv", r->hosts[to == TO ? FROM : TO].name);
	char *received = run_file(r, "call-received-%s.csv", r->hosts[to].name);
	int rc = call_log_read(sent, received, log, error);
	free(received);
	free(sent);
	return rc;
}

int call_gather(struct run *r, char **error)
{
	const struct definition *d = r->plan->definition;
	struct call_log logs[HOSTS] = {0};
	int rc = GO_ON;
	for (int i = 0; rc == GO_ON && i < HOSTS; i++)
		rc = read_direction(r, i, &logs[i], error);
	if (rc == GO_ON) {
		json_t *run = definition_of_run(d, r->plan->contestant, r->plan->rep);
		r->call = call_measures(
			&logs[TO], &logs[FROM], json_object_get(run, "workload"), d->duration_s);
		json_decref(run);
	}
	for (int i = 0; rc == GO_ON && !d->workload.iperf && i < HOSTS; i++) {
		r->reports[i].series = call_series(&logs[i], d->duration_s, &r->reports[i].bytes);
		r->reports[i].seconds = d->duration_s;
		call_arrivals(&logs[i], &r->arrivals[i]);
	}
	for (int i = 0; i < HOSTS; i++)
		call_log_free(&logs[i]);
	return rc;
}
