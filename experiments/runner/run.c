// SPDX-License-Identifier: BSD-2-Clause
/*
 * One run.
 *
 * Theory of operation
 * -------------------
 * A run goes through steps, each of which can fail, and each of which looks whether we were asked
 * to stop: lab, agents in the two hosts, mpipd where the contestant has it, server, client. Then
 * the client's life is watched: once a second the router's counters and the TCP sockets are noted,
 * in the middle mpipd's sessions. Whatever happens, the way out is the same: children are ended by
 * pid, the lab is taken down, and the directory is renamed to its final place if the result is
 * whole, kept under failed/ if not, removed if we were asked to stop.
 *
 * Times: libiperf does not say when it starts, so the client notes when it makes its data sockets;
 * the test proper begins a few milliseconds later.
 */

#include "experiments/runner/run.h"

#include "experiments/load/transfers.h"
#include "experiments/probe/mib.h"
#include "experiments/record/digest.h"
#include "experiments/runner/arrived.h"
#include "experiments/runner/callrun.h"
#include "experiments/runner/connrun.h"
#include "experiments/runner/nics.h"
#include "experiments/runner/place.h"
#include "experiments/runner/processes.h"
#include "experiments/runner/quicrun.h"
#include "experiments/runner/transferrun.h"
#include "lab/build/lab.h"
#include "lab/calibrate/losses.h"
#include "mpip/base/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int take_sample(const struct run *r, struct sample *s, char **error)
{
	s->time_us = now_us();
	s->counters = lab_counters(r->plan->lab, error);
	s->pairs = pairs_read(r->pairs, error);
	return s->counters && s->pairs ? GO_ON : FAILED;
}

static int read_mibs(struct run *r, bool before, char **error)
{
	for (int i = 0; i < HOSTS; i++) {
		json_t *mib = mib_read(r->hosts[i].agent.pid, error);
		if (!mib)
			return FAILED;
		if (before)
			r->hosts[i].mib_before = mib;
		else
			r->hosts[i].mib_after = mib;
	}
	return GO_ON;
}

/* The data connections, kept only while there are some: at the end they close one by one. */
static int look_at_sockets(struct run *r, char **error)
{
	const struct workload *w = &r->plan->definition->workload;
	if (!w->tcp)
		return GO_ON;
	int ports = w->kind == WORKLOAD_TRANSFERS ? TRANSFERS_MOST : 2 * w->streams;
	json_t *now = sockdiag_connections(r->diag, WORKLOAD_SERVER_PORT, WORKLOAD_DATA_PORT, ports,
		r->plan->contestant->mptcp, error);
	if (!now)
		return FAILED;
	if (json_array_size(now) >= json_array_size(r->connections)) {
		json_decref(r->connections);
		r->connections = now;
	} else {
		json_decref(now);
	}
	return GO_ON;
}

/* The processor time that our processes have taken so far. */
static double our_seconds(const struct run *r)
{
	double sum = process_seconds(r->client.pid) + process_seconds(r->server.pid) +
		     process_seconds(r->caller.pid) + process_seconds(r->callee.pid) +
		     process_seconds(getpid());
	for (int i = 0; i < HOSTS; i++)
		sum += process_seconds(r->hosts[i].mpipd.pid);
	return sum;
}

/* What is noted at second `k` of the transfer, the warm-up counted. */
static int note_second(struct run *r, int k, char **error)
{
	const struct definition *d = r->plan->definition;
	bool many = d->workload.kind == WORKLOAD_CONNECTIONS;
	r->samples = reallocarray(r->samples, r->sample_count + 1, sizeof(*r->samples));
	if (!r->samples)
		abort();
	struct sample *sample = &r->samples[r->sample_count++];
	*sample = (struct sample){0};
	if (take_sample(r, sample, error) != GO_ON)
		return FAILED;
	/* Looking at many connections is work: once, before the measured part. */
	if ((many ? k == d->warm_up_s : k > 0) && look_at_sockets(r, error) != GO_ON)
		return FAILED;

	int rc = GO_ON;
	bool middle = k == d->warm_up_s + (many ? 0 : (d->duration_s + 1) / 2);
	for (int i = 0; rc == GO_ON && middle && i < HOSTS; i++) {
		struct run_host *h = &r->hosts[i];
		if (!h->mpipd.name)
			continue;
		h->sessions = run_ask_mpipctl(r, h, "sessions", error);
		rc = h->sessions ? run_keep_table(r, h, "paths", error) : *error ? FAILED : STOP;
	}

	if (k == d->warm_up_s) {
		r->busy_first = machine_busy();
		r->ours_first_s = our_seconds(r);
	}
	r->busy_last = machine_busy();
	r->ours_last_s = our_seconds(r);
	if (rc == GO_ON && many && k >= d->warm_up_s)
		connections_note(r);
	return rc;
}

/* A process that must live as long as the transfer. */
static int check_alive(struct run *r, char **error)
{
	for (int i = 0; i < HOSTS; i++) {
		struct run_host *h = &r->hosts[i];
		if (!h->mpipd.name || child_wait(&h->mpipd, 0) != WAIT_ENDED)
			continue;
		char *word = text_format("mpipd-%s", h->name);
		run_fail_child(r, &h->mpipd, h->name, word, error);
		free(word);
		return FAILED;
	}
	return GO_ON;
}

/* The client or the server has ended badly. */
static int fail_end(struct run *r, int i, char **error)
{
	static const char *const ends[HOSTS] = {"client", "server"};
	const struct workload *w = &r->plan->definition->workload;
	char *word = text_format("%s-%s", w->iperf ? "iperf" : workload_kinds[w->kind],
		w->iperf ? ends[i] : r->hosts[i].name);
	run_fail_child(r, i == FROM ? &r->client : &r->server, ends[i], word, error);
	free(word);
	return FAILED;
}

static void note_event(void *run, const struct lab_event *e)
{
	struct run *r = run;
	char *text = event_text(r->plan->scenario, e);
	json_array_append_new(
		r->events, json_pack("{s:f, s:f, s:s}", "at_s", (double)e->at_us / 1e6, "played_s",
				   (double)(now_us() - run_zero_us(r)) / 1e6, "event", text));
	free(text);
}

/* Makes what the scenario's events say happen; their times count from the measured part's start. */
static int play_events(struct run *r, char **error)
{
	int64_t zero = run_zero_us(r), next = PLAYER_DONE;
	if (!r->player || now_us() < r->next_event_us)
		return 0;
	double stretch = definition_stretch(r->plan->definition);
	int64_t scenario_us = (int64_t)((double)(now_us() - zero) / stretch);
	if (player_step(r->player, scenario_us, &next, note_event, r, error) < 0)
		return -1;
	if (next != PLAYER_DONE)
		next = zero + (int64_t)((double)next * stretch) + (stretch != 1);
	r->next_event_us = next;
	return 0;
}

/* Watches the client from its start to its end. */
static int watch_transfer(struct run *r, char **error)
{
	const struct definition *d = r->plan->definition;
	int length = d->warm_up_s + d->duration_s, second = 0;
	int64_t deadline = now_us() + (int64_t)(length + 30) * SECOND;
	for (;;) {
		int64_t start = r->clock->data_socket_us;
		int64_t next = start ? start + (int64_t)second * SECOND : now_us() + 5000;
		if (start && r->next_event_us < next)
			next = r->next_event_us;
		switch (child_wait(&r->client, next)) {
		case WAIT_STOPPED:
			return STOP;
		case WAIT_ENDED:
			r->ended_us = now_us();
			return r->client.status == 0 ? GO_ON : fail_end(r, FROM, error);
		case WAIT_TIME:
			break;
		}
		if (now_us() > deadline)
			return error_set(error, "client: %s is not done 30 s after its time",
				r->client.name);
		if (!start)
			continue;
		if (play_events(r, error) < 0)
			return FAILED;
		if (now_us() < start + (int64_t)second * SECOND)
			continue;
		int rc = check_alive(r, error);
		if (rc == GO_ON && second <= length)
			rc = note_second(r, second, error);
		if (rc != GO_ON)
			return rc;
		r->plan->progress(r->plan->progress_argument, second, length);
		second++;
	}
}

/* A path whose flow did not get into the ingress hook fails, and another form takes its place: the
 * run would be of something else than was asked for. */
static int check_steering(const struct run_host *h, char **error)
{
	json_int_t errors = json_integer_value(
		json_object_get(json_object_get(h->stats, "io"), "steer_errors"));
	if (errors == 0)
		return GO_ON;
	return error_set(error,
		"%s: mpipd could not steer %lld flows: expected none (steer_errors)", h->name,
		(long long)errors);
}

/* The last tables of mpipd, then its end; its log is whole only then. */
static int finish_mpipd(struct run *r, int i, char **error)
{
	struct run_host *h = &r->hosts[i];
	int rc = GO_ON;
	h->stats = run_ask_mpipctl(r, h, "stats", error);
	if (!h->stats)
		return *error ? FAILED : STOP;
	if ((rc = run_keep_table(r, h, "peers", error)) != GO_ON ||
		(rc = check_steering(h, error)) != GO_ON)
		return rc;
	if (!child_end(&h->mpipd, 5000))
		return error_set(error, "%s: mpipd does not end by SIGTERM", h->name);
	if (h->mpipd.status != 0) {
		char *word = text_format("mpipd-%s", h->name);
		run_fail_child(r, &h->mpipd, h->name, word, error);
		free(word);
		return FAILED;
	}
	char *file = run_file(r, "paths-%s.csv", h->name);
	if (r->plan->definition->workload.kind != WORKLOAD_CONNECTIONS)
		rc = path_log_read(file, &h->log, error);
	free(file);
	return rc;
}

static int start_witness(struct run *r, char **error)
{
	const struct run_plan *p = r->plan;
	char *lab = text_format("%s-w", p->lab);
	char *scenario = run_file(r, "%s-scenario.json", "witness");
	char *log = run_file(r, "%s.csv", "witness");
	int rc = witness_start(&r->witness, lab, scenario, log,
		(uint64_t)definition_seed(p->definition, p->rep, 7), error);
	free(log);
	free(scenario);
	free(lab);
	return rc;
}

static int set_up(struct run *r, char **error)
{
	const struct run_plan *p = r->plan;
	char *what = text_format("the experiment %s", p->definition->name);
	struct lab_owner owner = {getpid(), what};
	int up = lab_up(p->scenario, p->lab, &owner, error);
	free(what);
	if (up != 0)
		return FAILED;
	r->lab_is_up = 1;
	nics_of_hosts(r);
	if (start_witness(r, error) != 0)
		return FAILED;

	int rc = (r->pairs = pairs_open(p->scenario, p->lab, error)) ? GO_ON : FAILED;
	r->events = json_array();
	bool plays = player_needed(p->scenario);
	r->next_event_us = plays ? 0 : PLAYER_DONE;
	if (rc == GO_ON && (plays || p->contestant->nics) &&
		!(r->player = player_open(p->lab, error)))
		rc = FAILED;
	if (rc == GO_ON && p->contestant->nics)
		rc = nics_switch_off(r, error);
	for (int i = 0; rc == GO_ON && i < HOSTS; i++)
		rc = run_start_agent(r, i, error);
	for (int i = 0; rc == GO_ON && p->contestant->mpipd && i < HOSTS; i++)
		rc = run_start_mpipd(r, i, error);
	if (rc == GO_ON && !(r->diag = sockdiag_open(r->hosts[FROM].agent.pid, error)))
		rc = FAILED;
	return rc;
}

static int transfer(struct run *r, char **error)
{
	const struct run_plan *p = r->plan;
	const struct workload *w = &p->definition->workload;
	bool call = w->kind == WORKLOAD_CALL;
	bool many = w->kind == WORKLOAD_CONNECTIONS, transfers = w->kind == WORKLOAD_TRANSFERS;
	bool quic = w->kind == WORKLOAD_QUIC;
	int64_t seed = definition_seed(p->definition, p->rep, HOSTS);
	struct workload_end end = {
		.definition = p->definition,
		.contestant = p->contestant,
		.lab = p->lab,
		.server = r->hosts[TO].node->nics[0].address,
		.start_jitter_us = (int64_t)((uint64_t)seed * 6364136223846793005u >> 32) % 100000,
		.clock = r->clock,
	};
	int rc = w->iperf ? run_start_server(r, &end, error) : GO_ON;
	if (rc == GO_ON && call)
		rc = call_start_callee(r, &end, error);
	if (rc == GO_ON && many)
		rc = connections_start_listener(r, &end, error);
	if (rc == GO_ON && transfers)
		rc = transfers_start_listener(r, &end, error);
	if (rc == GO_ON && quic)
		rc = quic_start_server(r, &end, error);
	if (rc == GO_ON)
		rc = read_mibs(r, true, error);
	if (rc == GO_ON)
		rc = take_sample(r, &r->before, error);
	if (rc == GO_ON)
		run_note_start(r);
	if (rc == GO_ON && call)
		rc = call_start_caller(r, &end, error);
	if (rc == GO_ON && many)
		rc = connections_start_opener(r, &end, error);
	if (rc == GO_ON && transfers)
		rc = transfers_start_caller(r, &end, error);
	if (rc == GO_ON && quic)
		rc = quic_start_client(r, &end, error);
	if (rc == GO_ON && w->iperf)
		rc = run_start_client(r, &end, error);
	if (rc == GO_ON)
		rc = watch_transfer(r, error);
	if (rc == GO_ON && call && w->iperf)
		rc = call_finish(r, error);
	if (rc != GO_ON)
		return rc;

	switch (child_wait(&r->server, now_us() + 10 * SECOND)) {
	case WAIT_STOPPED:
		return STOP;
	case WAIT_TIME:
		return error_set(error, "server: %s does not end after the client", r->server.name);
	case WAIT_ENDED:
		if (r->server.status != 0)
			return fail_end(r, TO, error);
	}
	rc = take_sample(r, &r->after, error);
	return rc == GO_ON ? read_mibs(r, false, error) : rc;
}

static int gather(struct run *r, char **error)
{
	int rc = GO_ON;
	for (int i = 0; rc == GO_ON && r->plan->contestant->mpipd && i < HOSTS; i++)
		rc = finish_mpipd(r, i, error);

	static const char *const ends[HOSTS] = {"client", "server"};
	const struct workload *w = &r->plan->definition->workload;
	for (int i = 0; rc == GO_ON && w->iperf && i < HOSTS; i++) {
		char *file = run_file(r, "iperf-%s.json", ends[i]);
		rc = iperf_report_read(
			file, r->plan->definition->duration_s, &r->reports[i], error);
		free(file);
	}
	if (rc == GO_ON && (w->iperf || w->kind != WORKLOAD_CALL))
		rc = arrived_gather(r, error);
	if (rc == GO_ON && w->kind == WORKLOAD_CALL)
		rc = call_gather(r, error);
	if (rc == GO_ON && w->kind == WORKLOAD_TRANSFERS)
		rc = transfers_gather(r, error);
	if (rc == GO_ON && w->kind == WORKLOAD_QUIC)
		rc = quic_gather(r, error);
	if (rc == GO_ON && !w->iperf && w->kind != WORKLOAD_CALL)
		arrived_report(r);
	return rc;
}

/* The router's readings as they were taken, with their microseconds: "before", one a second,
 * "after".
 */
static int write_counters(const struct run *r, char **error)
{
	json_t *all = json_array();
	for (size_t i = 0; i < r->sample_count + 2; i++) {
		const struct sample *s = i == 0                     ? &r->before
					 : i == r->sample_count + 1 ? &r->after
								    : &r->samples[i - 1];
		json_array_append_new(
			all, json_pack("{s:I, s:O, s:O}", "time_us", (json_int_t)s->time_us,
				     "counters", s->counters, "pairs", s->pairs));
	}
	char *file = run_file(r, "%s.json", "counters");
	int rc = file_write_json(file, all, error);
	free(file);
	json_decref(all);
	return rc;
}

/* What can be said only when all logs are whole. */
static int conclude(struct run *r, char **error)
{
	int64_t end = run_zero_us(r) + (int64_t)r->plan->definition->duration_s * SECOND;
	char *log = run_file(r, "%s.csv", "witness");
	int rc = witness_read(log, run_zero_us(r), end, &r->witnessed, error);
	free(log);
	r->losses = losses_judge(r->plan->scenario, r->before.counters, r->after.counters, error);
	if (rc == 0)
		rc = r->losses ? write_counters(r, error) : FAILED;
	return rc == 0 ? digest_of_run(r->aside, r->digest, error) : rc;
}

/* Writes the result and puts the directory in its place. */
static int publish(struct run *r, double *goodput_mbit, char **error)
{
	if (conclude(r, error) != 0)
		return FAILED;
	json_t *result = result_of(r);
	*goodput_mbit = json_number_value(json_object_get(result, "goodput_mbit"));
	char *file = run_file(r, "%s.json", "result");
	int rc = file_write_json(file, result, error);
	if (rc == 0)
		rc = give_to_caller(r->aside, error);
	if (rc == 0)
		rc = place_publish(r->plan->directory, r->name, r->aside, error);
	free(file);
	json_decref(result);
	return rc;
}

static void end_all(struct run *r)
{
	child_end(&r->client, 0);
	child_end(&r->server, 0);
	child_end(&r->caller, 0);
	child_end(&r->callee, 0);
	for (int i = 0; i < HOSTS; i++)
		child_end(&r->hosts[i].mpipd, 3000);
	for (int i = 0; i < HOSTS; i++)
		child_end(&r->hosts[i].agent, 1000);
}

static void free_sample(struct sample *s)
{
	json_decref(s->counters);
	json_decref(s->pairs);
}

static void free_run(struct run *r)
{
	for (int i = 0; i < HOSTS; i++) {
		struct run_host *h = &r->hosts[i];
		json_decref(h->mib_before);
		json_decref(h->mib_after);
		json_decref(h->sysctls);
		json_decref(h->sessions);
		json_decref(h->stats);
		path_log_free(&h->log);
		iperf_report_free(&r->reports[i]);
		arrivals_free(&r->arrivals[i]);
	}
	for (size_t i = 0; i < r->sample_count; i++)
		free_sample(&r->samples[i]);
	free(r->samples);
	free_sample(&r->before);
	free_sample(&r->after);
	pairs_close(r->pairs);
	player_close(r->player);
	nics_free(r);
	json_decref(r->events);
	json_decref(r->connections);
	json_decref(r->call);
	json_decref(r->transfers);
	free((void *)r->waiting.list);
	if (r->rows)
		munmap(r->rows, TRANSFERS_MOST * sizeof(*r->rows));
	json_decref(r->quic);
	json_decref(r->losses);
	sockdiag_close(r->diag);
	munmap(r->clock, sizeof(*r->clock));
	free(r->aside);
	free(r->name);
}

int64_t run_zero_us(const struct run *r)
{
	return r->clock->data_socket_us + (int64_t)r->plan->definition->warm_up_s * SECOND;
}

int run_one(const struct run_plan *plan, double *goodput_mbit, char **error)
{
	struct run r = {.plan = plan};
	r.name = definition_run_name(plan->definition, plan->contestant, plan->rep);
	r.aside = place_unfinished(plan->directory, r.name);
	r.clock = mmap(
		NULL, sizeof(*r.clock), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r.clock == MAP_FAILED)
		abort();

	int rc = directory_make(r.aside, error);
	if (rc == GO_ON)
		rc = set_up(&r, error);
	if (rc == GO_ON)
		rc = transfer(&r, error);
	if (rc == GO_ON)
		rc = gather(&r, error);

	end_all(&r);
	if (witness_end(&r.witness, error) != 0 || (r.lab_is_up && lab_down(plan->lab, error) != 0))
		rc = FAILED;
	if (rc == GO_ON)
		rc = publish(&r, goodput_mbit, error);
	if (rc == FAILED) {
		file_explain_full_disk(plan->directory, error);
		place_keep_failed(plan->directory, r.name, r.aside);
	}
	char *ignored = NULL;
	if (rc == STOP)
		directory_remove(r.aside, &ignored);
	free(ignored);
	free_run(&r);
	return rc;
}
