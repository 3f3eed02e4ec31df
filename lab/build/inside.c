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
 *
 * A process is ended by a descriptor of it (pidfd_open(2)), and only if it is still in the lab when
 * that is open: its number may meanwhile be somebody else's.
 */

#include "lab/build/lab.h"

#include "lab/build/call.h"
#include "lab/build/netns.h"
#include "lab/build/state.h"
#include "mpip/base/error.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
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
	error_set(error, "lab %s: its scenario cannot be read any more (%s); to take it down: %s",
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
		char *full = text_format("%s-%s", name, host);
		fd = netns_open(full, error);
		free(full);
	} else {
		char *names = text_format("%s", s->nodes[0].name);
		for (size_t i = 1; i < s->n_nodes; i++) {
			char *more = text_format("%s, %s", names, s->nodes[i].name);
			free(names);
			names = more;
		}
		error_set(error, "lab %s has no host or router %s, it has %s", name, host, names);
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
		return error_set(error, "cannot enter %s: %s", host, strerror(errno));

	struct statvfs sys;
	unsigned long flags = statvfs("/sys", &sys) == 0 && sys.f_flag & ST_RDONLY ? MS_RDONLY : 0;
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", "none", MS_SLAVE | MS_REC, NULL) < 0)
		return error_set(
			error, "cannot get a private mount namespace: %s", strerror(errno));
	/* EINVAL: there was no /sys. */
	if ((umount2("/sys", MNT_DETACH) < 0 && errno != EINVAL) ||
		mount(host, "/sys", "sysfs", flags, NULL) < 0)
		return error_set(error, "cannot mount /sys of %s: %s", host, strerror(errno));
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
		error_set(error, "lab %s has no %s.%s", name, host, nic);
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
	char *full = text_format("%s-%s", lab, host);
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

/* ---- ending them ---- */

struct victim {
	const json_t *process;
	int fd; /* a pidfd; -1: gone */
};

static pid_t parent_of(pid_t pid)
{
	char path[64], line[512];
	int parent = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	/* "PID (NAME) STATE PPID": the name may have anything in it. */
	if (f && fgets(line, sizeof(line), f) && strrchr(line, ')'))
		sscanf(strrchr(line, ')') + 1, " %*c %d", &parent);
	if (f)
		fclose(f);
	return parent;
}

static bool is_ours(pid_t pid)
{
	for (pid_t p = getpid(); p > 0; p = parent_of(p))
		if (p == pid)
			return true;
	return false;
}

/* A descriptor of a process that lab_processes() has found; -1: it is gone, or not to be ended. */
static int open_victim(const char *name, const json_t *process)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(process, "pid"));
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)pid);
	int fd = is_ours(pid) ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	int ns =
		fd < 0 ? -1
		       : lab_netns(name, json_string_value(json_object_get(process, "host")), NULL);
	if (fd >= 0 && (ns < 0 || netns_of(text) != netns_id(ns))) {
		close(fd);
		fd = -1;
	}
	if (ns >= 0)
		close(ns);
	return fd;
}

static int64_t milliseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void signal_victims(struct victim *victims, size_t n, int signal,
	void (*told)(const json_t *process, int signal))
{
	for (size_t i = 0; i < n; i++)
		if (victims[i].fd >= 0 &&
			syscall(SYS_pidfd_send_signal, victims[i].fd, signal, NULL, 0) == 0)
			told(victims[i].process, signal);
}

/* Until all are gone, or for LAB_END_S. */
static void await_victims(struct victim *victims, size_t n)
{
	int64_t until = milliseconds() + 1000 * LAB_END_S;
	for (size_t i = 0; i < n; i++) {
		if (victims[i].fd < 0)
			continue;
		struct pollfd end = {.fd = victims[i].fd, .events = POLLIN};
		int64_t left = until - milliseconds();
		if (poll(&end, 1, left > 0 ? (int)left : 0) > 0) {
			close(victims[i].fd);
			victims[i].fd = -1;
		}
	}
}

/* Ends those that there are now. Returns how many it has tried to, -1 on an error. */
static int end_once(const char *name, void (*told)(const json_t *process, int signal), char **error)
{
	json_t *processes = lab_processes(name, error);
	if (!processes)
		return -1;
	size_t n = json_array_size(processes);
	struct victim *victims = calloc(n + 1, sizeof(*victims));
	if (!victims)
		abort();
	int tried = 0;
	for (size_t i = 0; i < n; i++) {
		victims[i].process = json_array_get(processes, i);
		victims[i].fd = open_victim(name, victims[i].process);
		tried += victims[i].fd >= 0;
	}
	signal_victims(victims, n, SIGTERM, told);
	await_victims(victims, n);
	signal_victims(victims, n, SIGKILL, told);
	await_victims(victims, n);
	for (size_t i = 0; i < n; i++)
		if (victims[i].fd >= 0)
			close(victims[i].fd);
	free(victims);
	json_decref(processes);
	return tried;
}

int lab_end_processes(
	const char *name, void (*told)(const json_t *process, int signal), char **error)
{
	/* Again for what they have started meanwhile. */
	int tried = 1;
	for (int round = 0; round < 3 && tried > 0; round++)
		tried = end_once(name, told, error);
	return tried < 0 ? -1 : 0;
}
