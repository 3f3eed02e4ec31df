// SPDX-License-Identifier: BSD-2-Clause
/* Many connections in a run: their two processes, and what the machine uses for them. */

#include "experiments/runner/connrun.h"

#include "experiments/load/connections.h"
#include "experiments/runner/arrived.h"
#include "experiments/runner/processes.h"
#include "mpip/base/files.h"

#include <stdlib.h>
#include <unistd.h>

static struct footprint_processes processes(const struct run *r)
{
	return (struct footprint_processes){
		.own = {getpid(), r->client.pid, r->server.pid},
		.mpipd = {r->hosts[FROM].mpipd.pid, r->hosts[TO].mpipd.pid},
	};
}

static int start_end(struct run *r, int i, const struct workload_end *base, char **error)
{
	const char *host = r->hosts[i].name;
	char *arrivals = arrived_file(r, i);
	char *said = run_file(r, "connections-%s.log", host);
	struct connections_end end = {.base = *base, .host = host};
	end.base.arrivals_file = arrivals;
	int rc = child_start(i == FROM ? &r->client : &r->server, "connections",
		i == FROM ? connections_open : connections_listen, &end, NULL, said, -1, error);
	free(said);
	free(arrivals);
	return rc;
}

/* Waits for an end to say that it is ready. */
static int wait_for(struct run *r, int i, volatile const int *flag, char **error)
{
	const char *host = r->hosts[i].name;
	char *word = text_format("connections-%s", host);
	struct readiness ready = {run_flag_is_set, (const int *)flag, host, word, "not ready"};
	int rc = run_wait(r, i == FROM ? &r->client : &r->server, &ready, error);
	free(word);
	return rc;
}

int connections_start_listener(struct run *r, const struct workload_end *end, char **error)
{
	int rc = start_end(r, TO, end, error);
	return rc == GO_ON ? wait_for(r, TO, &r->clock->callee_ready, error) : rc;
}

int connections_start_opener(struct run *r, const struct workload_end *end, char **error)
{
	int rc = start_end(r, FROM, end, error);
	if (rc == GO_ON)
		rc = wait_for(r, FROM, &r->clock->caller_ready, error);
	if (rc != GO_ON)
		return rc;
	struct footprint_processes p = processes(r);
	footprint_before(&r->footprint, &p);
	r->clock->go = 1;
	return GO_ON;
}

void connections_note(struct run *r)
{
	struct footprint_processes p = processes(r);
	footprint_note(&r->footprint, &p);
}
