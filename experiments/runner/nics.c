// SPDX-License-Identifier: BSD-2-Clause
/*
 * The NICs that a contestant has.
 *
 * Theory of operation
 * -------------------
 * Who shows what one path carries alone does it in the same scenario as the others, with the other
 * NICs off. They are switched off when the lab is up and before anything runs in it; the lab's
 * player remembers it, so that no event switches them on. For the rest of the runner a host has the
 * NICs that are on and no others: endpoints of MPTCP, addresses, marks and counts follow from that.
 */

#include "experiments/runner/nics.h"

#include <stdlib.h>
#include <string.h>

static bool has(const json_t *list, const char *nic)
{
	size_t i;
	json_t *name;
	json_array_foreach ((json_t *)list, i, name)
		if (strcmp(json_string_value(name), nic) == 0)
			return true;
	return !list;
}

static const json_t *list_of(const struct run *r, const char *host)
{
	return json_object_get(r->plan->contestant->nics, host);
}

void nics_of_hosts(struct run *r)
{
	const struct workload *w = &r->plan->definition->workload;
	const char *names[HOSTS] = {w->from, w->to};
	for (int i = 0; i < HOSTS; i++) {
		struct run_host *h = &r->hosts[i];
		const struct node *all = scenario_node(r->plan->scenario, names[i]);
		h->name = names[i];
		h->with_nics = *all;
		h->with_nics.nics = calloc(all->n_nics, sizeof(*all->nics));
		if (!h->with_nics.nics)
			abort();
		h->with_nics.n_nics = 0;
		for (size_t k = 0; k < all->n_nics; k++)
			if (has(list_of(r, names[i]), all->nics[k].name))
				h->with_nics.nics[h->with_nics.n_nics++] = all->nics[k];
		h->node = &h->with_nics;
	}
}

void nics_free(struct run *r)
{
	for (int i = 0; i < HOSTS; i++)
		free(r->hosts[i].with_nics.nics);
}

int nics_switch_off(struct run *r, char **error)
{
	const struct scenario *s = r->plan->scenario;
	for (size_t n = 0; n < s->n_hosts; n++)
		for (size_t i = 0; i < s->nodes[n].n_nics; i++)
			if (!has(list_of(r, s->nodes[n].name), s->nodes[n].nics[i].name) &&
				player_keep_off(r->player, (struct end){n, i}, error) < 0)
				return -1;
	return 0;
}
