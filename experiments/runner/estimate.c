// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long runs take.
 *
 * Theory of operation
 * -------------------
 * On the host a second takes a second. A guest takes some time to come up, and for each of its
 * seconds what it costs to wake up for timers, and for each packet; packets cost more where they go
 * through mpipd or one by one (UDP, and TCP over slow links, whose acknowledgements release single
 * packets), and several times more where QEMU executes them. How many there are follows from the
 * rates of the links, or from the load where that is less. The costs were measured on one two-core
 * machine.
 */

#include "experiments/runner/estimate.h"

#include "lab/scenario/rates.h"
#include "lab/scenario/scenario.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SET_UP_S      1.5 /* beyond the transfer, on the host */
#define UNSHAPED_MBIT 1000
#define SLOW_MBIT     20 /* below, TCP sends packets one by one */

/* What a guest takes, in seconds. */
static const struct guest_costs {
	double set_up;     /* beyond the transfer */
	double second;     /* of its time, without traffic */
	double mbit;       /* 10^6 bits through the kernel */
	double mpipd_mbit; /* ... and through mpipd */
	double single;  /* as packets that travel one by one; TCP's are acknowledged: twice that */
	double session; /* what mpipd does in a second for a session without traffic */
} time_travel = {3, 0.3, 0.009, 0.028, 0.045, 0.005}, qemu = {5, 1.5, 0.05, 0.13, 0.02, 0.02};

static const struct guest_costs *costs_of(const struct definition *d)
{
	return d->gips == 0 ? &time_travel : &qemu;
}

/* What a direction carries; where that changes with time, at most. 0: it is unshaped. */
static double most_rate_of(const struct shape *shape)
{
	if (!shape->rates)
		return shape->rate_mbit;
	struct rates rates = rates_of(shape);
	double most = 0;
	for (size_t i = 0; i < rates.n; i++)
		most = fmax(most, rates.steps[i].rate_mbit);
	rates_free(&rates);
	return most;
}

/* What a host's links carry together, or the widest of them; or those between routers where that is
 * less. */
static double rate_of(const struct scenario *s, const char *host, bool all)
{
	double own = 0, own_most = 0, inner = 0, inner_most = 0;
	bool unshaped = false;
	for (size_t i = 0; i < s->n_links; i++) {
		const struct lab_link *l = &s->links[i];
		const struct node *near = &s->nodes[l->near.node];
		double rate = most_rate_of(&l->up);
		if (scenario_node(s, host) == near) {
			own += rate;
			own_most = fmax(own_most, rate);
		} else if (near->router) {
			inner += rate;
			inner_most = fmax(inner_most, rate);
			unshaped = unshaped || rate <= 0;
		}
	}
	double wide = all ? own : own_most, narrow = all ? inner : inner_most;
	wide = wide > 0 ? wide : UNSHAPED_MBIT;
	return narrow > 0 && !unshaped ? fmin(wide, narrow) : wide;
}

static double run_s(
	const struct definition *own, const struct contestant *c, const struct scenario *s)
{
	const struct workload *w = &own->workload;
	double seconds = own->warm_up_s + own->duration_s;
	if (own->ground == GROUND_HOST)
		return SET_UP_S + seconds;
	double mbit = rate_of(s, w->from, c->mptcp || c->mpipd);
	if (w->rate_mbit > 0)
		mbit = fmin(mbit, w->rate_mbit);
	else if (w->kind == WORKLOAD_CALL && !w->tcp)
		mbit = fmin(mbit, 1);
	const struct guest_costs *k = costs_of(own);
	double per_mbit = w->kind == WORKLOAD_UDP ? k->single
			  : mbit < SLOW_MBIT      ? 2 * k->single
			  : c->mpipd              ? k->mpipd_mbit
						  : k->mbit;
	double second = k->second + mbit * per_mbit;
	if (c->mpipd && w->kind == WORKLOAD_CONNECTIONS)
		second += w->streams * k->session;
	return k->set_up + seconds * second;
}

static double calibration_s(const struct definition *own, const struct scenario *s)
{
	double seconds = 2 * (double)s->n_links;
	const struct guest_costs *k = costs_of(own);
	return own->ground == GROUND_HOST ? SET_UP_S + seconds : k->set_up + seconds * k->second;
}

double estimate_cells_s(const struct definition *d, const struct guest_cell *cells, size_t count)
{
	double sum = 0;
	struct scenario *s = NULL; /* the last one: neighbours mostly have the same */
	const char *file = "";
	for (size_t i = 0; i < count; i++) {
		struct definition own = definition_for(d, cells[i].contestant);
		if (strcmp(own.scenario_file, file) != 0) {
			char *ignored = NULL;
			if (s)
				scenario_free(s);
			s = definition_scenario(&own, 0, &ignored);
			free(ignored);
			file = own.scenario_file;
		}
		if (s)
			sum += cells[i].rep ? run_s(&own, cells[i].contestant, s)
					    : calibration_s(&own, s);
	}
	if (s)
		scenario_free(s);
	return sum;
}
