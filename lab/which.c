// SPDX-License-Identifier: BSD-2-Clause
/* Which lab a command is about; the contract is in the header. */

#include "lab/which.h"

#include "lab/build/call.h"
#include "lab/build/lab.h"
#include "mpip/base/error.h"

#include <limits.h>
#include <stdlib.h>

/* A lab that is not the user's own, and why. */
static json_t *describe(const char *name, enum lab_whose whose, const char *who)
{
	char *sweep = call_of("sweep", NULL);
	char *text =
		whose == LAB_LEFT
			? text_format("%s (left behind by %s, which has ended; %s takes it down)",
				  name, who, sweep)
			: text_format("%s (of %s)", name, who);
	json_t *one = json_string(text);
	free(text);
	free(sweep);
	return one;
}

/* Sorts the labs into names of the user's own, and descriptions of the others. */
static void sort_labs(json_t *own, json_t *others)
{
	json_t *labs = lab_list(), *lab;
	size_t i;
	json_array_foreach (labs, i, lab) {
		const char *name = json_string_value(lab);
		char *who = NULL;
		enum lab_whose whose = lab_whose(name, &who);
		if (whose == LAB_OWN)
			json_array_append(own, lab);
		else
			json_array_append_new(others, describe(name, whose, who));
		free(who);
	}
	json_decref(labs);
}

static int fail_choice(const char *command, const json_t *own, const json_t *others, char **error)
{
	const json_t *one = json_array_get(own, 0);
	char *call = call_of(command, one ? json_string_value(one) : "...");
	char *names = call_list(own), *foreign = call_list(others);
	if (one)
		error_set(error, "there are %zu labs, %s: say which, as in %s",
			json_array_size(own), names, call);
	else if (json_array_size(others))
		error_set(error,
			"there is no lab of your own, and others are not chosen unasked: %s",
			foreign);
	else
		error_set(error, "there is no lab");
	free(foreign);
	free(names);
	free(call);
	return -1;
}

char *which_lab(const char *named, const char *command, char **error)
{
	if (named)
		return text_format("%s", named);
	json_t *own = json_array(), *others = json_array();
	sort_labs(own, others);
	char *name = NULL;
	if (json_array_size(own) == 1)
		name = text_format("%s", json_string_value(json_array_get(own, 0)));
	else
		fail_choice(command, own, others, error);
	json_decref(own);
	json_decref(others);
	return name;
}

int which_may_go(const char *name, char **error)
{
	char *who = NULL;
	if (lab_whose(name, &who) == LAB_FOREIGN)
		error_set(error, "lab %s is in use by %s, and is taken down when that ends", name,
			who);
	free(who);
	return *error ? -1 : 0;
}

const struct lab_owner *which_owner(char **error)
{
	static struct lab_owner owner;
	const char *asked = getenv("LAB_OWNER");
	char *end;
	if (!asked || !*asked)
		return NULL;
	long pid = strtol(asked, &end, 10);
	if (pid > 0 && pid <= INT_MAX && !*end) {
		owner = (struct lab_owner){.pid = (pid_t)pid};
		return &owner;
	}
	error_set(error, "LAB_OWNER=%s: expected the number of a process", asked);
	return NULL;
}
