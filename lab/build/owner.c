// SPDX-License-Identifier: BSD-2-Clause
/* Owners of labs; the contract is in the header. */

#include "lab/build/owner.h"

#include "mpip/base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct process {
	char command[64];
	char state;
	pid_t parent;
	json_int_t started;
};

/* What /proc/PID/stat says: proc_pid_stat(5). False when there is no such process. */
static bool look(pid_t pid, struct process *p)
{
	char path[64], line[1024] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	bool got = fgets(line, sizeof(line), f);
	fclose(f);
	/* The command in parentheses may have anything in it. */
	const char *command = strchr(line, '('), *rest = strrchr(line, ')');
	int parent;
	unsigned long long started;
	if (!got || !command || !rest ||
		sscanf(rest,
			") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			"%*d %llu",
			&p->state, &parent, &started) != 3)
		return false;
	snprintf(p->command, sizeof(p->command), "%.*s", (int)(rest - command - 1), command + 1);
	p->parent = (pid_t)parent;
	p->started = (json_int_t)started;
	return true;
}

static json_int_t pid_namespace(void)
{
	struct stat st;
	return stat("/proc/self/ns/pid", &st) == 0 ? (json_int_t)st.st_ino : 0;
}

static json_int_t integer(const json_t *owner, const char *key)
{
	return json_integer_value(json_object_get(owner, key));
}

json_t *owner_describe(const struct lab_owner *owner, char **error)
{
	struct process p;
	if (!look(owner->pid, &p)) {
		error_set(
			error, "there is no process %d that the lab could be for", (int)owner->pid);
		return NULL;
	}
	json_t *what = json_string(owner->what ? owner->what : p.command);
	return json_pack("{s:i, s:I, s:I, s:o}", "pid", (int)owner->pid, "started", p.started,
		"pid_namespace", pid_namespace(), "what", what ? what : json_string("?"));
}

bool owner_is_whole(const json_t *owner)
{
	return integer(owner, "pid") > 0 && json_is_string(json_object_get(owner, "what"));
}

bool owner_lives(const json_t *owner)
{
	if (integer(owner, "pid_namespace") != pid_namespace())
		return true;
	struct process p;
	/* A zombie has ended, whether its parent has noticed or not. */
	return look((pid_t)integer(owner, "pid"), &p) && p.state != 'Z' && p.state != 'X' &&
	       p.started == integer(owner, "started");
}

bool owner_is_ancestor(const json_t *owner)
{
	if (integer(owner, "pid_namespace") != pid_namespace())
		return false;
	struct process p;
	for (pid_t pid = getpid(); pid > 0 && look(pid, &p); pid = p.parent)
		if (pid == integer(owner, "pid"))
			return p.started == integer(owner, "started");
	return false;
}
