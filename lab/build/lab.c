// SPDX-License-Identifier: BSD-2-Clause
/*
 * Building labs and taking them down.
 *
 * Theory of operation
 * -------------------
 * lab_up() enters the lab in STATE_DIR, makes one namespace per host and router, wires the links,
 * and only then adds addresses and routes (addressing.c), because a route wants its interface up.
 *
 * lab_down() needs nothing but the scenario that STATE_DIR keeps, and not even that: namespaces are
 * marked with their lab's name inside, so that they are found without it, and nobody else's of a
 * similar name is taken for one. It removes interfaces before the namespaces' names: a namespace
 * lives on while there is a process in it, its links must not.
 */

#include "lab/build/lab.h"

#include "lab/build/addressing.h"
#include "lab/build/firewall.h"
#include "lab/build/net.h"
#include "lab/build/netns.h"
#include "lab/build/qdisc.h"
#include "lab/build/state.h"
#include "lab/build/wiring.h"
#include "mpip/base/error.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

volatile sig_atomic_t lab_stop;

/* What a lab's namespaces are marked with. Allocated. */
static char *mark_of(const char *lab)
{
	return text_format("mpip-lab %s", lab);
}

static char *netns_name(const char *lab, const struct node *node)
{
	return text_format("%s-%s", lab, node->name);
}

static int check_name(const char *name, char **error)
{
	if (scenario_name_ok(name, LAB_NAME_MAX))
		return 0;
	return error_set(error,
		"%s: expected a lab's name of at most %d letters, digits, '-' and '_', that starts "
		"with "
		"a letter or a digit",
		name, LAB_NAME_MAX);
}

/* What a host or router is before it has interfaces. */
static int set_sysctls(struct ns *ns, bool router, char **error)
{
	/* `all` and `default` are set both: which of them an interface follows differs by key. */
	const struct {
		const char *key, *value;
		bool optional;
	} keys[] = {
		/* Without IPv6 there are no router solicitations and duplicate address checks on
		 * links that count packets; a kernel without IPv6 is as good. */
		{"ipv6/conf/all/disable_ipv6", "1", true},
		{"ipv6/conf/default/disable_ipv6", "1", true},
		{"ipv4/ip_forward", router ? "1" : "0", false},
		/* Loose in hosts, as distributions have it: any path's packets may come in by any
		 * NIC, but not from nowhere. */
		{"ipv4/conf/all/rp_filter", router ? "0" : "2", false},
		{"ipv4/conf/default/rp_filter", router ? "0" : "2", false},
		/* A router that tells hosts of better routes would change them behind their back.
		 */
		{"ipv4/conf/all/send_redirects", "0", false},
		{"ipv4/conf/default/send_redirects", "0", false},
		/* Losing its first address does not lose a NIC the others. */
		{"ipv4/conf/all/promote_secondaries", "1", false},
		{"ipv4/conf/default/promote_secondaries", "1", false},
		/* One run must not learn from the one before. */
		{"ipv4/tcp_no_metrics_save", "1", false},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (net_sysctl(ns, keys[i].key, keys[i].value, keys[i].optional, error) < 0)
			return -1;
	return 0;
}

static int stopped(char **error)
{
	return lab_stop ? error_set(error, "interrupted, everything built is removed again") : 0;
}

/* Makes node `n`'s namespace; it counts into `made` as soon as there is something to remove. */
static int make_namespace(const struct scenario *s, const char *name, size_t n, struct ns *ns,
	size_t *made, char **error)
{
	char *full = netns_name(name, &s->nodes[n]);
	int fd = netns_add(full, error);
	int result = fd;
	if (fd >= 0) {
		(*made)++;
		result = ns_open(ns, s->nodes[n].name, fd, error);
	}
	if (result >= 0) {
		char *mark = mark_of(name);
		result = net_mark(ns, mark, error);
		free(mark);
	}
	free(full);
	return result < 0 ? -1 : set_sysctls(ns, s->nodes[n].router, error);
}

static int build(
	const struct scenario *s, const char *name, struct ns *ns, size_t *made, char **error)
{
	for (size_t n = 0; n < s->n_nodes; n++)
		if (stopped(error) < 0 || make_namespace(s, name, n, &ns[n], made, error) < 0)
			return -1;
	for (size_t i = 0; i < s->n_links; i++) {
		const struct lab_link *l = &s->links[i];
		if (stopped(error) < 0 ||
			wiring_build(s, i, &ns[l->near.node], &ns[l->far.node], error) < 0)
			return -1;
	}
	for (size_t n = 0; n < s->n_nodes; n++)
		if (stopped(error) < 0 || net_up(&ns[n], "lo", error) < 0 ||
			addressing_build(s, n, &ns[n], error) < 0 ||
			firewall_build(&ns[n], &s->nodes[n], error) < 0)
			return -1;
	return 0;
}

/* Removes a namespace's interfaces and its name. Goes on after an error, and reports it. */
static int remove_namespace(const char *full, char **error)
{
	int result = 0;
	/* A name without a namespace: whoever made it was killed in between. */
	int fd = netns_exists(full) ? netns_open(full, NULL) : -1;
	struct ns ns = {0};
	if (fd >= 0 && (ns_open(&ns, full, fd, error) < 0 || net_remove_all(&ns, error) < 0))
		result = -1;
	ns_close(&ns);
	return netns_remove(full, error) < 0 ? -1 : result;
}

/* The first `n` nodes', routers first: their interfaces are one end of every pair, so that all of
 * them go in one request. */
static int remove_nodes(const struct scenario *s, const char *name, size_t n, char **error)
{
	int result = 0;
	for (size_t i = n; i-- > 0;) {
		char *full = netns_name(name, &s->nodes[i]);
		if (remove_namespace(full, error) < 0)
			result = -1;
		free(full);
	}
	return result;
}

static bool has_mark(const char *full, const char *mark)
{
	int fd = netns_open(full, NULL);
	struct ns ns = {0};
	bool has = fd >= 0 && ns_open(&ns, full, fd, NULL) == 0 && net_has_mark(&ns, mark);
	ns_close(&ns);
	return has;
}

/* Of the namespaces NAME-* those that have the lab's mark: their names behind NAME-. */
static json_t *marked_namespaces(const char *name)
{
	json_t *found = json_array();
	char *prefix = text_format("%s-", name), *mark = mark_of(name);
	DIR *d = opendir(NETNS_DIR);
	for (struct dirent *e; d && (e = readdir(d));)
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 && has_mark(e->d_name, mark))
			json_array_append_new(found, json_string(e->d_name + strlen(prefix)));
	if (d)
		closedir(d);
	free(mark);
	free(prefix);
	return found;
}

json_t *lab_namespaces(const char *name)
{
	struct scenario *s = state_scenario(name, NULL);
	if (!s)
		return marked_namespaces(name);
	json_t *found = json_array();
	for (size_t i = 0; i < s->n_nodes; i++) {
		char *full = netns_name(name, &s->nodes[i]);
		if (netns_exists(full))
			json_array_append_new(found, json_string(s->nodes[i].name));
		free(full);
	}
	scenario_free(s);
	return found;
}

static int remove_marked(const char *name, char **error)
{
	int result = 0;
	json_t *found = marked_namespaces(name);
	for (size_t i = 0; i < json_array_size(found); i++) {
		char *full =
			text_format("%s-%s", name, json_string_value(json_array_get(found, i)));
		if (remove_namespace(full, error) < 0)
			result = -1;
		free(full);
	}
	json_decref(found);
	return result;
}

static int check_kernel(const struct scenario *s, char **error)
{
	char *place = NULL;
	if (!scenario_needs_netem(s, &place))
		return 0;
	int has = qdisc_kernel_has_netem(error);
	if (has == 0) {
		struct utsname kernel;
		uname(&kernel);
		error_set(error,
			"%s: %s: expected a kernel with sch_netem, which makes delay, jitter and "
			"loss; "
			"this one (%s) has none. Run it on another kernel (Debian's and Ubuntu's "
			"have "
			"sch_netem), or use a scenario without these",
			s->file, place, kernel.release);
	}
	free(place);
	return has > 0 ? 0 : -1;
}

/* A namespace that somebody else has under a name that we would use. */
static int check_netns_free(const struct scenario *s, const char *name, char **error)
{
	for (size_t i = 0; i < s->n_nodes; i++) {
		char *full = netns_name(name, &s->nodes[i]);
		if (netns_exists(full))
			error_set(error,
				"the network namespace %s is there already and is not this lab's; "
				"choose another name for the lab",
				full);
		free(full);
	}
	return error && *error ? -1 : 0;
}

int lab_up(const struct scenario *s, const char *name, const struct lab_owner *owner, char **error)
{
	if (check_name(name, error) < 0 || check_kernel(s, error) < 0)
		return -1;
	if (state_of(name) == STATE_NONE && check_netns_free(s, name, error) < 0)
		return -1;
	int lock = state_claim(name, s, owner, error);
	if (lock < 0)
		return -1;

	struct ns *ns = calloc(s->n_nodes, sizeof(*ns));
	if (!ns)
		abort();
	size_t made = 0;
	int result = build(s, name, ns, &made, error);
	for (size_t i = 0; i < s->n_nodes; i++)
		ns_close(&ns[i]);
	free(ns);

	if (result == 0)
		result = state_mark_up(name, s, error);
	if (result < 0 && remove_nodes(s, name, made, error) == 0)
		state_forget(name, error);
	close(lock);
	return result;
}

int lab_down(const char *name, char **error)
{
	if (check_name(name, error) < 0)
		return -1;
	int lock = state_lock(name, error);
	if (lock < 0) {
		state_tidy();
		return -1;
	}

	struct scenario *s = state_scenario(name, NULL);
	int result = s ? remove_nodes(s, name, s->n_nodes, error) : remove_marked(name, error);
	if (result == 0)
		result = state_forget(name, error);
	scenario_free(s);
	close(lock);
	return result;
}

int lab_sweep(json_t *taken, char **error)
{
	json_t *labs = state_list();
	int result = 0;
	for (size_t i = 0; i < json_array_size(labs); i++) {
		json_t *lab = json_array_get(labs, i);
		const char *name = json_string_value(lab);
		char *why = NULL;
		if (lab_whose(name, NULL) != LAB_LEFT)
			continue;
		if (lab_down(name, &why) == 0)
			json_array_append(taken, lab);
		else if (state_of(name) != STATE_NONE && state_of(name) != STATE_BUSY)
			result = error_set(error, "%s", why);
		/* else somebody else is sweeping, too */
		free(why);
	}
	json_decref(labs);
	state_tidy();
	return result;
}

enum lab_whose lab_whose(const char *name, char **who)
{
	json_t *owner = state_owner(name);
	enum lab_whose whose = !owner                     ? LAB_OWN
			       : !owner_is_whole(owner)   ? LAB_UNKNOWN
			       : !owner_lives(owner)      ? LAB_LEFT
			       : owner_is_ancestor(owner) ? LAB_OWN
							  : LAB_FOREIGN;
	if (who && !owner)
		*who = text_format("%s", "");
	else if (who && !owner_is_whole(owner))
		*who = text_format("somebody, who is named in a file that cannot be read any more");
	else if (who)
		*who = text_format("process %d, for %s",
			(int)json_integer_value(json_object_get(owner, "pid")),
			json_string_value(json_object_get(owner, "what")));
	json_decref(owner);
	return whose;
}
