// SPDX-License-Identifier: BSD-2-Clause
/*
 * Checking a definition whole, before anything runs.
 *
 * Theory of operation
 * -------------------
 * An experiment takes hours, and a misspelt word in its last contestant must not show at the end of
 * them. Nothing is known twice here: mpipd's settings go through mpipd's own reader, scenarios
 * through the lab's, sysctls through the kernel. Each contestant's faults are taken out of the
 * document one by one, so that all of them are told; one that several contestants share is told
 * once.
 */

#include "experiments/runner/check.h"

#include "experiments/load/mptcp.h"
#include "experiments/probe/congestion.h"
#include "experiments/record/resultfile.h"
#include "experiments/runner/project.h"
#include "experiments/runner/sysctls.h"
#include "lab/scenario/scenario.h"
#include "mpip/base/error.h"
#include "mpip/base/jsonfile.h"
#include "mpip/io/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAPER_FILE   "analysis/paper-values.json"
#define MPTCP_SYSCTL "net/mptcp/enabled"

/* One contestant, and where it stands. */
struct check {
	const struct definition *d;
	const struct contestant *c;
	struct jat root, item;
	struct definition own; /* as definition_for() */
	bool on_host;
	char **faults, **notes;
};

/* Moves what was found wrong since the last time to the list. */
static void take(const struct check *c)
{
	definition_fault(c->faults, jdoc_take_error(c->d->doc));
}

/* The very reader that mpipd has, on the settings and on the clock that a run adds to them. */
static void check_mpipd(const struct check *c)
{
	if (!c->c->mpipd)
		return;
	config_check(jat_key(c->item, "mpipd"));
	take(c);
	if (!c->c->clock)
		return;
	struct jat clock = jat_key(c->item, "clock");
	clock.value = json_copy(c->c->clock);
	json_object_del(clock.value, "skew_ppm"); /* the experiment's own: it may be two */
	config_check_clock(clock);
	json_decref(clock.value);
	take(c);
}

/* Whether there is a number, or a list of nothing else. */
static bool is_value(const json_t *value)
{
	size_t i;
	json_t *part;
	json_array_foreach ((json_t *)value, i, part)
		if (!json_is_number(part))
			return false;
	return json_is_number(value) || json_array_size(value) > 0;
}

static void check_paper(const struct check *c, const json_t *paper)
{
	if (!c->c->paper || is_value(json_pointer(paper, c->c->paper)))
		return;
	jat_fail(jat_key(c->item, "paper"),
		"expected the place of a number, or of a list of numbers, in " PAPER_FILE
		", got \"%s\"",
		c->c->paper);
	take(c);
}

static json_t *load_paper(const struct definition *d, const char *programs, char **faults)
{
	bool wanted = false;
	for (size_t i = 0; i < d->contestant_count; i++)
		wanted = wanted || d->contestants[i].paper;
	char *error = NULL;
	char *file = wanted ? project_file(programs, PAPER_FILE, &error) : NULL;
	json_t *paper = file ? json_read(file, 0, &error) : NULL;
	free(file);
	definition_fault(faults, error);
	return paper;
}

/* A host that the workload names, as `key`. NULL: the scenario has none of that name. */
static const struct node *check_host(
	const struct check *c, const struct scenario *s, const char *key, const char *name)
{
	const struct node *node = scenario_node(s, name);
	struct jat own = jat_key(jat_key(c->item, "workload"), key);
	struct jat scenario = jat_key(c->item, "scenario");
	if (node && !node->router)
		return node;
	if (!jat_present(own) && jat_present(scenario))
		jat_fail(scenario,
			"expected one with a host \"%s\", which is the workload's \"%s\"", name,
			key);
	else
		jat_fail(jat_present(own) ? own : jat_key(jat_key(c->root, "workload"), key),
			"expected a host of the scenario, got \"%s\"", name);
	take(c);
	return NULL;
}

static bool has_nic(const struct node *node, const char *name, size_t length)
{
	for (size_t i = 0; node && i < node->n_nics; i++)
		if (strlen(node->nics[i].name) == length &&
			memcmp(node->nics[i].name, name, length) == 0)
			return true;
	return false;
}

/* mpipd has the same settings on both hosts. */
static void check_interfaces(const struct check *c, const struct node *const hosts[2])
{
	struct jat list = jat_key(jat_key(c->item, "mpipd"), "interfaces");
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct jat one = jat_item(list, i);
		const char *name = json_string_value(one.value);
		for (size_t k = 0; name && k < 2; k++)
			if (!has_nic(hosts[k], name, strlen(name)))
				jat_fail(one, "expected a NIC of both hosts, %s has no \"%s\"",
					hosts[k]->name, name);
		take(c);
	}
}

/* The NICs that a contestant keeps, of hosts that the scenario has. */
static void check_nics(const struct check *c, const struct scenario *s)
{
	const char *host;
	json_t *list, *name;
	size_t i;
	json_object_foreach (c->c->nics, host, list) {
		struct jat place = jat_key(jat_key(c->item, "nics"), host);
		const struct node *node = scenario_node(s, host);
		if (!node || node->router)
			jat_fail(place, "expected a host of the scenario, got \"%s\"", host);
		json_array_foreach (list, i, name) {
			const char *nic = json_string_value(name);
			if (node && nic && !has_nic(node, nic, strlen(nic)))
				jat_fail(jat_item(place, i), "expected a NIC of %s, got \"%s\"",
					host, nic);
		}
		take(c);
	}
}

static void check_mptcp(const struct check *c, const struct node *const hosts[2])
{
	for (size_t k = 0; c->c->mptcp && k < 2; k++)
		if (hosts[k]->n_nics > MPTCP_NICS_MAX)
			jat_fail(jat_key(c->item, "mptcp"),
				"expected a scenario whose hosts have at most %d NICs, %s has %zu",
				MPTCP_NICS_MAX, hosts[k]->name, hosts[k]->n_nics);
	take(c);
}

/* The kernel's path of a sysctl, as a new namespace has it: there is no NIC yet but lo. */
static char *path_of(const char *name, const struct node *const hosts[2])
{
	char *path = text_format("%s", name);
	for (char *p = path; *p; p++)
		*p = *p == '.' ? '/' : *p;
	static const char *const per_nic[] = {"/conf/", "/neigh/"};
	for (size_t i = 0; i < 2; i++) {
		char *nic = strstr(path, per_nic[i]);
		if (!nic)
			continue;
		nic += strlen(per_nic[i]);
		size_t length = strcspn(nic, "/");
		if (!has_nic(hosts[0], nic, length) || !has_nic(hosts[1], nic, length))
			continue;
		char *there = text_format("%.*slo%s", (int)(nic - path), path, nic + length);
		free(path);
		path = there;
	}
	return path;
}

/* What the kernel has said to one of the contestant's. */
static void tell_sysctl(const struct check *c, struct jat at, const struct sysctl_try *t)
{
	const char *whose = c->on_host ? "this kernel" : "this machine's kernel";
	if (t->error == 0)
		return;
	if (t->error == ENOENT && strcmp(t->path, MPTCP_SYSCTL) == 0)
		jat_fail(at, "expected a kernel with MPTCP, %s has none", whose);
	else if (t->error == ENOENT)
		jat_fail(at,
			"expected the name of a sysctl, %s has none of this name in a network "
			"namespace",
			whose);
	else if (t->error == EACCES || t->error == EPERM)
		jat_fail(at, "expected a sysctl that can be set in a network namespace: %s",
			strerror(t->error));
	else
		jat_fail(at, "expected a value that %s takes, got \"%s\": %s", whose, t->value,
			strerror(t->error));
	char *line = jdoc_take_error(c->d->doc);
	if (c->on_host) {
		definition_fault(c->faults, line);
		return;
	}
	definition_fault(c->notes, text_format("%s; the guest's kernel will tell", line));
	free(line);
}

static void check_sysctls(const struct check *c, const struct node *const hosts[2])
{
	if (!c->on_host && !c->notes)
		return;
	size_t count = json_object_size(c->c->sysctls), n = 0;
	struct sysctl_try *all = calloc(count + 1, sizeof(*all));
	struct jat *places = calloc(count + 1, sizeof(*places));
	if (!all || !places)
		abort();
	const char *name;
	json_t *value;
	json_object_foreach (c->c->sysctls, name, value) {
		places[n] = jat_key(jat_key(c->item, "sysctls"), name);
		all[n++] = (struct sysctl_try){path_of(name, hosts), json_string_value(value), 0};
	}
	if (c->c->mptcp) {
		places[n] = jat_key(c->item, "mptcp");
		all[n++] = (struct sysctl_try){text_format(MPTCP_SYSCTL), "1", 0};
	}
	char *error = NULL;
	int rc = n ? sysctls_try(all, n, &error) : 0;
	definition_fault(c->faults, error);
	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			tell_sysctl(c, places[i], &all[i]);
		free((char *)all[i].path);
	}
	free(places);
	free(all);
}

/* On this machine; the guest's kernels are made or chosen with all of them. */
static void check_congestion_control(const struct check *c)
{
	const struct workload *w = &c->own.workload;
	char *error = NULL;
	if (!c->on_host || !w->tcp || congestion_try(w->congestion_control, &error) == 0)
		return;
	const struct jat places[] = {jat_key(c->item, "workload"), jat_key(c->root, "workload")};
	struct jat at = {0};
	for (size_t i = 0; i < 2 && !jat_present(at); i++) {
		at = w->kind == WORKLOAD_CALL ? jat_key(places[i], "tcp") : places[i];
		at = jat_key(at, "congestion_control");
	}
	jat_fail(at, "%s", error);
	free(error);
	take(c);
}

/* What is about the hosts that its scenario has. */
static void check_scenario(const struct check *c)
{
	const struct workload *w = &c->own.workload;
	char *error = NULL;
	if (!c->own.scenario_digest[0])
		return; /* could not be read, which has been told */
	struct scenario *s = definition_scenario(&c->own, 0, &error);
	definition_fault(c->faults, error);
	if (!s)
		return;
	const struct node *hosts[2] = {NULL, NULL};
	if (w->from && w->to) {
		hosts[0] = check_host(c, s, "from", w->from);
		hosts[1] = check_host(c, s, "to", w->to);
	}
	check_nics(c, s);
	if (hosts[0] && hosts[1]) {
		check_interfaces(c, hosts);
		check_mptcp(c, hosts);
	}
	check_sysctls(c, hosts);
	check_congestion_control(c);
	scenario_free(s);
}

void definition_check(
	const struct definition *d, const char *programs, bool on_host, char **faults, char **notes)
{
	if (d->contestant_count == 0)
		return;
	struct jat root = jdoc_root(d->doc);
	json_t *paper = load_paper(d, programs, faults);
	for (size_t i = 0; i < d->contestant_count; i++) {
		struct check c = {.d = d,
			.c = &d->contestants[i],
			.root = root,
			.item = jat_item(jat_key(root, "contestants"), i),
			.own = definition_for(d, &d->contestants[i]),
			.on_host = on_host,
			.faults = faults,
			.notes = notes};
		check_mpipd(&c);
		if (paper)
			check_paper(&c, paper);
		check_scenario(&c);
	}
	json_decref(paper);
}
