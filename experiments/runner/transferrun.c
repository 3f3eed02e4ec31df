// SPDX-License-Identifier: BSD-2-Clause
/*
 * Transfers in a run: their two processes, and what their log says.
 *
 * Theory of operation: the two ends share a table with a row for each transfer, in memory that is
 * made here and given back by the run's end.
 */

#include "experiments/runner/transferrun.h"

#include "experiments/load/transfers.h"
#include "experiments/record/transfers.h"
#include "experiments/runner/arrived.h"
#include "experiments/runner/processes.h"
#include "mpip/base/error.h"

#include <stdlib.h>
#include <sys/mman.h>

#define DRAWN 5 /* definition_seed()'s index, for sizes and pauses */

static int start_end(struct run *r, int i, const struct workload_end *base, char **error)
{
	const struct definition *d = r->plan->definition;
	const char *host = r->hosts[i].name;
	char *log = run_file(r, "transfers-%s.csv", host);
	char *said = run_file(r, "transfers-%s.log", host);
	char *arrivals = arrived_file(r, i);
	struct transfers_end end = {.base = *base,
		.host = host,
		.seed = (uint64_t)definition_seed(d, r->plan->rep, DRAWN),
		.rows = r->rows,
		.log_file = log};
	end.base.arrivals_file = arrivals;
	int rc = child_start(i == FROM ? &r->client : &r->server, "transfers",
		i == FROM ? transfers_connect : transfers_listen, &end, NULL, said, -1, error);
	free(arrivals);
	free(said);
	free(log);
	return rc;
}

int transfers_start_listener(struct run *r, const struct workload_end *end, char **error)
{
	const char *host = r->hosts[TO].name;
	r->rows = mmap(NULL, TRANSFERS_MOST * sizeof(*r->rows), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->rows == MAP_FAILED)
		abort();
	char *word = text_format("transfers-%s", host);
	struct readiness ready = {run_flag_is_set, (const int *)&r->clock->callee_ready, host, word,
		"it does not listen"};
	int rc = start_end(r, TO, end, error);
	if (rc == GO_ON)
		rc = run_wait(r, &r->server, &ready, error);
	free(word);
	return rc;
}

int transfers_start_caller(struct run *r, const struct workload_end *end, char **error)
{
	return start_end(r, FROM, end, error);
}

int transfers_gather(struct run *r, char **error)
{
	const struct definition *d = r->plan->definition;
	char *file = run_file(r, "transfers-%s.csv", r->hosts[FROM].name);
	struct transfer_log log;
	int rc = transfer_log_read(file, &log, error);
	if (rc == 0) {
		json_t *run = definition_of_run(d, r->plan->contestant, r->plan->rep);
		r->transfers =
			transfer_measures(&log, json_object_get(run, "workload"), d->duration_s);
		r->waiting = transfer_spans(&log, d->duration_s);
		json_decref(run);
		transfer_log_free(&log);
	}
	free(file);
	return rc == 0 ? GO_ON : FAILED;
}

int transfers_connected(const struct run *r)
{
	int count = 0;
	for (int i = 0; i < TRANSFERS_MOST; i++)
		count += r->rows[i].connected_us != 0;
	return count;
}
