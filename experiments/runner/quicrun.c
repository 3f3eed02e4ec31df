// SPDX-License-Identifier: BSD-2-Clause
/* A QUIC connection in a run: its two processes, and what their logs say. */

#include "experiments/runner/quicrun.h"

#include "experiments/load/quic.h"
#include "experiments/record/quic.h"
#include "experiments/runner/arrived.h"
#include "experiments/runner/processes.h"
#include "mpip/base/error.h"

#include <stdlib.h>

static int start_end(struct run *r, int i, const struct workload_end *base, char **error)
{
	const char *host = r->hosts[i].name;
	char *log = run_file(r, "quic-%s.json", host);
	char *requests = run_file(r, "quic-%s.csv", "requests");
	char *said = run_file(r, "quic-%s.log", host);
	char *arrivals = arrived_file(r, i);
	struct quic_end end = {
		.base = *base, .host = host, .log_file = log, .request_file = requests};
	end.base.arrivals_file = arrivals;
	int rc = child_start(i == FROM ? &r->client : &r->server, "quic",
		i == FROM ? quic_client : quic_server, &end, NULL, said, -1, error);
	free(arrivals);
	free(said);
	free(requests);
	free(log);
	return rc;
}

int quic_start_server(struct run *r, const struct workload_end *end, char **error)
{
	const char *host = r->hosts[TO].name;
	char *word = text_format("quic-%s", host);
	struct readiness ready = {run_flag_is_set, (const int *)&r->clock->callee_ready, host, word,
		"the QUIC server is not ready"};
	int rc = start_end(r, TO, end, error);
	if (rc == GO_ON)
		rc = run_wait(r, &r->server, &ready, error);
	free(word);
	return rc;
}

int quic_start_client(struct run *r, const struct workload_end *end, char **error)
{
	return start_end(r, FROM, end, error);
}

int quic_gather(struct run *r, char **error)
{
	const struct definition *d = r->plan->definition;
	const char *hosts[QUIC_ENDS] = {r->hosts[FROM].name, r->hosts[TO].name};
	char *files[QUIC_ENDS] = {
		run_file(r, "quic-%s.json", hosts[0]), run_file(r, "quic-%s.json", hosts[1])};
	char *requests = run_file(r, "quic-%s.csv", "requests");
	struct quic_log log;
	int rc = quic_log_read((const char *const *)files,
		d->workload.quic.requests ? requests : NULL, &log, error);
	double bytes[QUIC_ENDS];
	for (int i = 0; i < QUIC_ENDS; i++)
		bytes[i] = arrivals_bytes(&r->arrivals[i], 0, (int64_t)d->duration_s * SECOND);
	if (rc == GO_ON) {
		json_t *run = definition_of_run(d, r->plan->contestant, r->plan->rep);
		const json_t *workload = json_object_get(run, "workload");
		r->quic = quic_measures(&log, workload, hosts, bytes, d->duration_s);
		r->waiting = quic_spans(&log, workload, d->duration_s);
		json_decref(run);
	}
	quic_log_free(&log);
	free(requests);
	for (int i = 0; i < QUIC_ENDS; i++)
		free(files[i]);
	return rc;
}
