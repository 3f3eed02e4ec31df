// SPDX-License-Identifier: BSD-2-Clause
/*
 * Choosing the ground.
 *
 * Theory of operation
 * -------------------
 * The host needs root, for network namespaces, and a kernel with sch_netem where a link has delay,
 * jitter or loss. Nobody is asked for a password unless he has asked for the host: then sudo does
 * what it does. The vm ground needs neither, so it is what is left.
 */

#include "lab/build/ground.h"

#include "lab/build/qdisc.h"
#include "mpip/base/error.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const ground_names[] = {"host", "vm", NULL};

/* Whether the kernel can do what the scenario needs: 1, 0 and the reason why not, or -1. */
static int host_can(const struct scenario *s, char **why, char **error)
{
	char *place = NULL;
	if (!scenario_needs_netem(s, &place)) {
		*why = text_format("the scenario needs no sch_netem");
		return 1;
	}
	int has = qdisc_kernel_has_netem(error);
	if (has == 1)
		*why = text_format("this kernel has sch_netem, which %s needs", place);
	else if (has == 0)
		*why = text_format("%s needs sch_netem, which this kernel lacks", place);
	free(place);
	return has;
}

static bool is_sudo_silent(void)
{
	char *const argv[] = {"sudo", "-n", "true", NULL};
	posix_spawn_file_actions_t quiet;
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&quiet, STDOUT_FILENO, STDERR_FILENO);
	pid_t pid;
	int status = -1;
	bool silent = posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ) == 0 &&
		      waitpid(pid, &status, 0) == pid && status == 0;
	posix_spawn_file_actions_destroy(&quiet);
	return silent;
}

int ground_choose(
	const char *asked, const struct scenario *s, struct ground_choice *choice, char **error)
{
	bool root = geteuid() == 0, automatic = strcmp(asked, "auto") == 0;
	*choice = (struct ground_choice){.ground = GROUND_HOST};
	if (strcmp(asked, "vm") == 0) {
		choice->ground = GROUND_VM;
		choice->why = text_format("asked for");
		return 0;
	}
	if (!automatic && strcmp(asked, "host") != 0)
		return error_set(error, "ground %s: expected host, vm or auto", asked);
	if (!root) {
		choice->by_sudo = !automatic || is_sudo_silent();
		choice->ground = choice->by_sudo ? GROUND_HOST : GROUND_VM;
		choice->why = text_format("auto: not root, and sudo would ask for a password");
		return 0;
	}
	if (!automatic) {
		choice->why = text_format("asked for"); /* lab_up() says what the kernel lacks */
		return 0;
	}
	char *why = NULL;
	int can = host_can(s, &why, error);
	if (can < 0)
		return -1;
	choice->ground = can ? GROUND_HOST : GROUND_VM;
	choice->why = text_format("auto: %s", why);
	free(why);
	return 0;
}
