// SPDX-License-Identifier: BSD-2-Clause
/*
 * Setting up a host's kernel.
 *
 * Theory of operation
 * -------------------
 * The congestion control is set for the whole host, to the same for every contestant: a machine's
 * default may be BBR. In a namespace the kernel allows that only for those which the machine has in
 * tcp_allowed_congestion_control; that list is the machine's, and not ours to change. Where it does
 * not allow it, the workload's setting of each socket has to do, which MPTCP hands on to its
 * subflows; in either case it is then looked up for each connection, and a difference marks the
 * run.
 *
 * Then the sysctls on which a result can depend are written down as they are.
 */

#include "experiments/runner/agent.h"

#include "experiments/load/mptcp.h"
#include "experiments/probe/congestion.h"
#include "lab/build/lab.h"
#include "mpip/base/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const recorded_sysctls[] = {
	"net/core/rmem_max",
	"net/core/wmem_max",
	"net/core/netdev_max_backlog",
	"net/ipv4/ip_forward",
	"net/ipv4/conf/all/rp_filter",
	"net/ipv4/tcp_congestion_control",
	"net/ipv4/tcp_early_retrans",
	"net/ipv4/tcp_ecn",
	"net/ipv4/tcp_limit_output_bytes",
	"net/ipv4/tcp_mem",
	"net/ipv4/tcp_mtu_probing",
	"net/ipv4/tcp_no_metrics_save",
	"net/ipv4/tcp_recovery",
	"net/ipv4/tcp_reordering",
	"net/ipv4/tcp_max_reordering",
	"net/ipv4/tcp_rmem",
	"net/ipv4/tcp_sack",
	"net/ipv4/tcp_dsack",
	"net/ipv4/tcp_slow_start_after_idle",
	"net/ipv4/tcp_timestamps",
	"net/ipv4/tcp_window_scaling",
	"net/ipv4/tcp_wmem",
	"net/mptcp/enabled",
	"net/mptcp/checksum_enabled",
	"net/mptcp/pm_type",
	"net/mptcp/scheduler",
	"net/mptcp/stale_loss_cnt",
};

static int set_sysctl(const char *name, const char *value, char **error)
{
	char *file = text_format("/proc/sys/%s", name);
	int rc = file_write(file, value, error);
	free(file);
	return rc;
}

/* Whether a namespace may have this congestion control as its default. To be asked outside. */
static bool may_be_default(const char *name)
{
	char *ignored = NULL;
	char *allowed = file_read("/proc/sys/net/ipv4/tcp_allowed_congestion_control", &ignored);
	char *at = NULL;
	bool may = false;
	for (char *one = allowed ? strtok_r(allowed, " \n", &at) : NULL; one && !may;
		one = strtok_r(NULL, " \n", &at))
		may = strcmp(one, name) == 0;
	free(allowed);
	free(ignored);
	return may;
}

/* Adds a sysctl, named by its path, under its usual name. */
static void read_sysctl(const char *path, json_t *all)
{
	char *ignored = NULL; /* not every kernel, nor every namespace, has each of them */
	char *file = text_format("/proc/sys/%s", path);
	char *value = file_read(file, &ignored);
	if (value) {
		value[strcspn(value, "\n")] = '\0';
		char *name = text_format("%s", path);
		for (char *p = strchr(name, '/'); p; p = strchr(p, '/'))
			*p = '.';
		json_object_set_new(all, name, json_string(value));
		free(name);
	}
	free(value);
	free(ignored);
	free(file);
}

static json_t *read_sysctls(void)
{
	json_t *all = json_object();
	for (size_t i = 0; i < sizeof(recorded_sysctls) / sizeof(recorded_sysctls[0]); i++)
		read_sysctl(recorded_sysctls[i], all);
	return all;
}

/* Sets the contestant's, and notes what the kernel has made of them. */
static int set_own_sysctls(const json_t *wanted, json_t *all, char **error)
{
	const char *name;
	json_t *value;
	int rc = 0;
	json_object_foreach ((json_t *)wanted, name, value) {
		char *path = text_format("%s", name);
		for (char *p = path; *p; p++)
			*p = *p == '.' ? '/' : *p;
		if (rc == 0)
			rc = set_sysctl(path, json_string_value(value), error);
		read_sysctl(path, all);
		free(path);
	}
	return rc;
}

static int set_up(const struct agent *a, char **error)
{
	if (congestion_try(a->congestion_control, error) != 0)
		return -1;
	bool set_default = may_be_default(a->congestion_control);
	if (lab_enter(a->lab, a->host, error) != 0)
		return -1;
	if (set_default &&
		set_sysctl("net/ipv4/tcp_congestion_control", a->congestion_control, error) != 0)
		return -1;

	if (a->mptcp) {
		struct in_addr addresses[MPTCP_NICS_MAX];
		size_t count = a->node->n_nics;
		if (count > sizeof(addresses) / sizeof(addresses[0]))
			return error_set(error, "%s: more NICs than MPTCP can use", a->host);
		for (size_t i = 0; i < count; i++)
			addresses[i] = a->node->nics[i].address;
		if (set_sysctl("net/mptcp/enabled", "1", error) != 0 ||
			mptcp_full_mesh(addresses, count, a->opens, a->subflows, error) != 0)
			return -1;
	}

	json_t *sysctls = read_sysctls();
	int rc = set_own_sysctls(a->sysctls, sysctls, error);
	if (rc == 0)
		rc = file_write_json(a->sysctl_file, sysctls, error);
	json_decref(sysctls);
	return rc;
}

int agent_body(void *argument)
{
	const struct agent *a = argument;
	char *error = NULL;
	if (set_up(a, &error) != 0) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	if (write(a->ready_fd, "\n", 1) != 1) {
		fprintf(stderr, "%s: %s\n", a->host, strerror(errno));
		return 1;
	}
	for (;;)
		pause();
}
