// SPDX-License-Identifier: BSD-2-Clause
/*
 * Labs that are there: who is in them, and how to get in.
 *
 * Theory of operation
 * -------------------
 * A process is in a lab when its network namespace is one of the lab's. Entering is what
 * ip-netns(8) does: /sys shows the network devices of the namespace that it was mounted from, so
 * whoever enters gets a mount namespace of its own and a fresh /sys in it; nothing that is mounted
 * there is seen outside, while mounts that come and go outside are seen inside.
 */

#include "lab/lab.h"

#include "lab/call.h"
#include "lab/error.h"
#include "lab/netns.h"
#include "lab/state.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

json_t *lab_list(void)
{
	return state_list();
}

const char *lab_state(const char *name)
{
	switch (state_of(name)) {
	case STATE_UP:
		return "up";
	case STATE_BUSY:
		return "busy";
	case STATE_BROKEN:
		return "broken";
	default:
		return "none";
	}
}

char *lab_damage(const char *name)
{
	char *why = NULL;
	if (state_of(name) != STATE_NONE)
		scenario_free(state_scenario(name, &why));
	return why;
}

struct scenario *lab_scenario(const char *name, char **error)
{
	char *why = lab_damage(name);
	if (!why)
		return state_scenario(name, error);
	char *down = call_of("down", name);
	lab_fail(error, "lab %s: its scenario cannot be read any more (%s); to take it down: %s",
		name, why, down);
	free(down);
	free(why);
	return NULL;
}

json_t *lab_origin(const char *name)
{
	return state_up(name);
}

int lab_netns(const char *name, const char *host, char **error)
{
	struct scenario *s = lab_scenario(name, error);
	if (!s)
		return -1;
	int fd = -1;
	if (scenario_node(s, host)) {
		char *full = lab_text("%s-%s", name, host);
		fd = netns_open(full, error);
		free(full);
	} else {
		char *names = lab_text("%s", s->nodes[0].name);
		for (size_t i = 1; i < s->n_nodes; i++) {
			char *more = lab_text("%s, %s", names, s->nodes[i].name);
			free(names);
			names = more;
		}
		lab_fail(error, "lab %s has no host or router %s, it has %s", name, host, names);
		free(names);
	}
	scenario_free(s);
	return fd;
}

int lab_enter(const char *name, const char *host, char **error)
{
	int fd = lab_netns(name, host, error);
	if (fd < 0)
		return -1;
	int result = setns(fd, CLONE_NEWNET);
	close(fd);
	if (result < 0)
		return lab_fail(error, "cannot enter %s: %s", host, strerror(errno));

	struct statvfs sys;
	unsigned long flags = statvfs("/sys", &sys) == 0 && sys.f_flag & ST_RDONLY ? MS_RDONLY : 0;
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", "none", MS_SLAVE | MS_REC, NULL) < 0)
		return lab_fail(error, "cannot get a private mount namespace: %s", strerror(errno));
	/* EINVAL: there was no /sys. */
	if ((umount2("/sys", MNT_DETACH) < 0 && errno != EINVAL) ||
		mount(host, "/sys", "sysfs", flags, NULL) < 0)
		return lab_fail(error, "cannot mount /sys of %s: %s", host, strerror(errno));
	return 0;
}

int lab_nic_address(
	const char *name, const char *host, const char *nic, struct in_addr *address, char **error)
{
	struct scenario *s = lab_scenario(name, error);
	if (!s)
		return -1;
	const struct node *node = scenario_node(s, host);
	int result = -1;
	for (size_t i = 0; node && result < 0 && i < node->n_nics; i++) {
		if (strcmp(node->nics[i].name, nic) == 0) {
			*address = node->nics[i].address;
			result = 0;
		}
	}
	if (result < 0)
		lab_fail(error, "lab %s has no %s.%s", name, host, nic);
	scenario_free(s);
	return result;
}

/* The namespace that /proc/PID/ns/net leads to, 0 when the process is gone. */
static ino_t netns_of(const char *pid)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ino_t id = fd < 0 ? 0 : netns_id(fd);
	if (fd >= 0)
		close(fd);
	return id;
}

static json_t *command_of(const char *pid)
{
	char path[PATH_MAX], command[64] = "";
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *f = fopen(path, "re");
	if (f && fgets(command, sizeof(command), f))
		command[strcspn(command, "\n")] = '\0';
	if (f)
		fclose(f);
	json_t *text = json_string(command);
	return text ? text : json_string("?"); /* not UTF-8 */
}

/* The namespace of a lab's host, 0 when there is none. */
static ino_t netns_of_host(const char *lab, const char *host)
{
	char *full = lab_text("%s-%s", lab, host);
	int fd = netns_open(full, NULL);
	ino_t id = fd < 0 ? 0 : netns_id(fd);
	if (fd >= 0)
		close(fd);
	free(full);
	return id;
}

json_t *lab_processes(const char *name, char **error)
{
	if (state_of(name) == STATE_NONE) {
		state_fail_none(name, error);
		return NULL;
	}
	json_t *found = json_array(), *hosts = lab_namespaces(name);
	size_t n = json_array_size(hosts);
	ino_t *ids = calloc(n + 1, sizeof(*ids));
	if (!ids)
		abort();
	for (size_t i = 0; i < n; i++)
		ids[i] = netns_of_host(name, json_string_value(json_array_get(hosts, i)));

	DIR *proc = opendir("/proc");
	for (struct dirent *e; proc && (e = readdir(proc));) {
		ino_t id = isdigit((unsigned char)e->d_name[0]) ? netns_of(e->d_name) : 0;
		for (size_t i = 0; id && i < n; i++)
			if (ids[i] == id)
				json_array_append_new(found,
					json_pack("{s:O, s:i, s:o}", "host",
						json_array_get(hosts, i), "pid", atoi(e->d_name),
						"command", command_of(e->d_name)));
	}
	if (proc)
		closedir(proc);
	free(ids);
	json_decref(hosts);
	return found;
}
