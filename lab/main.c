// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command `lab`.
 *
 * Theory of operation
 * -------------------
 * One function per subcommand, which gets the options that all of them share; what plays and what
 * measures is in play_command.c and calibrate_command.c. Errors are printed in main() alone: one
 * line, "lab: ...", exit status 1; a wrong command line is 2. `lab exec` becomes the command that
 * it runs, so its exit status is that command's; 126 and 127 are, as in a shell, for a command that
 * cannot be run or is not found.
 */

#include "lab/build/call.h"
#include "lab/build/ground.h"
#include "lab/build/lab.h"
#include "lab/command.h"
#include "lab/scenario/scenario.h"
#include "lab/show.h"
#include "lab/which.h"
#include "mpip/base/error.h"
#include "mpip/base/output.h"
#include "mpip/base/version.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"Test networks out of network namespaces.\n"
	"\n"
	"  lab up [--name NAME] SCENARIO          build the scenario's hosts, routers and links\n"
	"  lab down [--name NAME]                 remove them again, and end what runs in them\n"
	"  lab sweep                              remove what runners and tests that were killed "
	"left\n"
	"  lab status [--name NAME] [--json]      hosts, links and counters of one lab or all\n"
	"  lab exec [--name NAME] HOST CMD...     run a command in a host or router\n"
	"  lab counters [--name NAME]             every counter of a lab, as JSON\n"
	"  lab play [--name NAME]                 make the scenario's events happen, from now on\n"
	"  lab link [--name NAME] END down|up     pull the cable at client.eth1, say, or plug it "
	"in\n"
	"  lab calibrate [OPTION...] [SCENARIO]   measure links by traffic, beside the scenario\n"
	"  lab check SCENARIO                     say what is wrong with a scenario, if anything\n"
	"  lab draw SCENARIO                      draw a scenario's topology\n"
	"  lab print SCENARIO                     the scenario as JSON, with what its files hold\n"
	"  lab ground [--ground GROUND] SCENARIO  which of host and vm it runs on: GROUND is one "
	"of\n"
	"                                         them, or auto\n"
	"\n"
	"NAME is by default the scenario file's name without .json; and where there is no "
	"SCENARIO,\n"
	"that of the only lab there is. `ip netns exec NAME-HOST CMD` works as well.\n"
	"Labs that a runner or the tests have built for themselves are chosen by name alone, and "
	"they\n"
	"take them down themselves. LAB_OWNER=PID builds a lab for such a process; --make says in\n"
	"errors what to type to make.\n"
	"\n"
	"lab calibrate builds a lab of its own from SCENARIO and takes it down again; without one "
	"it\n"
	"measures the lab NAME, which nobody else should use meanwhile. The exit status is 1 when "
	"a\n"
	"link is not as configured.\n"
	"  --short           about a second per direction\n"
	"  --virtual-time    the clock is virtual: exact tolerances\n"
	"  --json            the result as JSON; --output FILE writes it to a file besides\n"
	"  --version\n"
	"\n"
	"lab/README.md describes scenarios.\n";

void usage_error(const char *text)
{
	fprintf(stderr, "lab: %s; see lab --help\n", text);
	exit(2);
}

static _Noreturn void wrong_option(const char *option, bool lacks_value)
{
	char *text =
		text_format("%s: %s", option, lacks_value ? "expected a value" : "unknown option");
	usage_error(text);
}

void expect_arguments(const struct options *o, int n, const char *text)
{
	if (o->n_arguments != n)
		usage_error(text);
}

int need_root(const char *command, char **error)
{
	if (geteuid() == 0)
		return 0;
	return error_set(error, "lab %s needs root: run it with sudo", command);
}

static void on_signal(int number)
{
	(void)number;
	lab_stop = 1;
}

void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

/* The name of a lab that is built from the first argument. Allocated. */
static char *name_for(const struct options *o)
{
	const char *base = strrchr(o->arguments[0], '/');
	char *name = text_format("%s", o->name ? o->name : base ? base + 1 : o->arguments[0]);
	size_t n = strlen(name);
	if (!o->name && n > 5 && strcmp(name + n - 5, ".json") == 0)
		name[n - 5] = '\0';
	return name;
}

static int run_up(const struct options *o, char **error)
{
	expect_arguments(o, 1, "lab up wants one scenario file");
	struct scenario *s = scenario_load(o->arguments[0], error);
	if (!s)
		return -1;

	char *name = name_for(o);
	const struct lab_owner *owner = which_owner(error);
	int result = *error ? -1 : need_root("up", error);
	if (result == 0) {
		catch_signals();
		result = lab_up(s, name, owner, error);
	}
	if (result == 0)
		printf("lab %s is up\n", name);
	free(name);
	scenario_free(s);
	return result;
}

static void tell_ending(const json_t *process, int signal)
{
	fprintf(stderr, "lab: %s in %s: %" JSON_INTEGER_FORMAT " (%s)\n",
		signal == SIGKILL ? "killing what did not end" : "ending what still runs",
		json_string_value(json_object_get(process, "host")),
		json_integer_value(json_object_get(process, "pid")),
		json_string_value(json_object_get(process, "command")));
}

/* Whoever is in a lab that is gone has lost the network under its feet: say so. */
static void name_processes(const json_t *processes)
{
	for (size_t i = 0; i < json_array_size(processes); i++) {
		const json_t *one = json_array_get(processes, i);
		if (json_integer_value(json_object_get(one, "pid")) == getpid())
			continue;
		fprintf(stderr,
			"lab: still running in %s, now without a network: %" JSON_INTEGER_FORMAT
			" (%s)\n",
			json_string_value(json_object_get(one, "host")),
			json_integer_value(json_object_get(one, "pid")),
			json_string_value(json_object_get(one, "command")));
	}
}

/* What `lab down` could not read, and what it has done without. */
static void tell_damage(const char *damage, const json_t *namespaces)
{
	char *names = call_list(namespaces);
	fprintf(stderr, "lab: the scenario could not be read (%s); taken down by name: %s\n",
		damage, *names ? names : "no namespace was left");
	free(names);
}

static int run_down(const struct options *o, char **error)
{
	expect_arguments(o, 0, "lab down wants no argument but --name");
	if (need_root("down", error) < 0)
		return -1;
	char *name = which_lab(o->name, o->command, error);
	if (!name || which_may_go(name, error) < 0) {
		free(name);
		return -1;
	}
	/* Stopping in the middle would leave work for another `lab down`. */
	catch_signals();
	/* None can be found in a lab that was never built, and that is no reason not to remove it.
	 * Those of a lab that somebody is building or taking down are not ours. */
	if (strcmp(lab_state(name), "busy") != 0)
		lab_end_processes(name, tell_ending, NULL);
	json_t *namespaces = lab_namespaces(name), *processes = lab_processes(name, NULL);
	char *damage = lab_damage(name);
	int result = lab_down(name, error);
	if (result == 0) {
		name_processes(processes);
		if (damage)
			tell_damage(damage, namespaces);
		printf("lab %s is down\n", name);
	}
	json_decref(namespaces);
	json_decref(processes);
	free(damage);
	free(name);
	return result;
}

static int run_sweep(const struct options *o, char **error)
{
	expect_arguments(o, 0, "lab sweep wants no argument");
	if (need_root("sweep", error) < 0)
		return -1;
	catch_signals();
	json_t *taken = json_array(), *lab;
	size_t i;
	int result = lab_sweep(taken, error);
	json_array_foreach (taken, i, lab)
		printf("lab %s is down, it was left behind\n", json_string_value(lab));
	if (json_array_size(taken) == 0 && result == 0)
		puts("no lab was left behind");
	json_decref(taken);
	return result;
}

/* Others' labs may go while we look at them. */
static bool is_there(const char *name)
{
	const char *state = lab_state(name);
	return strcmp(state, "none") != 0 && strcmp(state, "busy") != 0;
}

static int status_of(const char *name, json_t *all, char **error)
{
	if (!all)
		return show_status(stdout, name, error);
	json_t *one = show_status_json(name, error);
	if (one)
		return json_array_append_new(all, one);
	if (is_there(name))
		json_array_append_new(
			all, json_pack("{s:s, s:s}", "name", name, "state", "damaged"));
	return -1;
}

/* main() tells the last error of several; the ones before are told here. */
static int next_error(const char *why, char **error)
{
	if (*error)
		fprintf(stderr, "lab: %s\n", *error);
	free(*error);
	*error = NULL;
	return error_set(error, "%s", why);
}

static int run_status(const struct options *o, char **error)
{
	expect_arguments(o, 0, "lab status wants no argument but --name and --json");
	json_t *labs = o->name ? json_pack("[s]", o->name) : lab_list();
	if (json_array_size(labs) > 0 && need_root("status", error) < 0) {
		json_decref(labs);
		return -1;
	}

	json_t *all = o->json ? json_array() : NULL;
	int result = 0;
	size_t n = json_array_size(labs);
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(labs, i));
		char *why = NULL;
		if (i > 0 && !all)
			putchar('\n');
		if (status_of(name, all, &why) < 0 && (o->name || is_there(name)))
			result = next_error(why, error);
		free(why);
	}
	if (all && (result == 0 || json_array_size(all) > 0)) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (!all && n == 0) {
		puts("there is no lab");
	}
	json_decref(all);
	json_decref(labs);
	return result;
}

static int run_exec(const struct options *o, char **error)
{
	if (o->n_arguments < 2)
		usage_error("lab exec wants a host and a command");
	if (need_root("exec", error) < 0)
		return -1;
	char *name = which_lab(o->name, o->command, error);
	int result = name ? lab_enter(name, o->arguments[0], error) : -1;
	free(name);
	if (result < 0)
		return -1;

	execvp(o->arguments[1], o->arguments + 1);
	int why = errno;
	fprintf(stderr, "lab: %s: %s\n", o->arguments[1], strerror(why));
	exit(why == ENOENT ? 127 : 126);
}

static int run_counters(const struct options *o, char **error)
{
	expect_arguments(o, 0, "lab counters wants no argument but --name");
	if (need_root("counters", error) < 0)
		return -1;
	char *name = which_lab(o->name, o->command, error);
	json_t *counters = name ? lab_counters(name, error) : NULL;
	free(name);
	if (!counters)
		return -1;
	json_dumpf(counters, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(counters);
	return 0;
}

static int run_check(const struct options *o, char **error)
{
	expect_arguments(o, 1, "lab check wants one scenario file");
	struct scenario *s = scenario_load(o->arguments[0], error);
	if (!s)
		return -1;
	printf("%s: %zu hosts, %zu routers, %zu links", o->arguments[0], s->n_hosts,
		s->n_nodes - s->n_hosts, s->n_links);
	if (s->n_events > 0)
		printf(", %zu events", s->n_events);
	printf("%s\n", scenario_needs_netem(s, NULL) ? ", needs sch_netem" : "");
	scenario_free(s);
	return 0;
}

static int run_draw(const struct options *o, char **error)
{
	expect_arguments(o, 1, "lab draw wants one scenario file");
	struct scenario *s = scenario_load(o->arguments[0], error);
	if (!s)
		return -1;
	show_drawing(stdout, s);
	scenario_free(s);
	return 0;
}

static int run_print(const struct options *o, char **error)
{
	expect_arguments(o, 1, "lab print wants one scenario file");
	struct scenario *s = scenario_load(o->arguments[0], error);
	if (!s)
		return -1;
	json_dumpf(s->source, stdout, JSON_INDENT(1));
	putchar('\n');
	scenario_free(s);
	return 0;
}

/* The name alone on standard output, for scripts: "sudo" when only root can tell. */
static int run_ground(const struct options *o, char **error)
{
	expect_arguments(o, 1, "lab ground wants one scenario file");
	struct scenario *s = scenario_load(o->arguments[0], error);
	if (!s)
		return -1;
	struct ground_choice choice;
	int result = ground_choose(o->ground, s, &choice, error);
	if (result == 0 && choice.by_sudo) {
		puts("sudo");
	} else if (result == 0) {
		puts(ground_names[choice.ground]);
		fprintf(stderr, "lab: ground %s (%s)\n", ground_names[choice.ground], choice.why);
	}
	if (result == 0)
		free(choice.why);
	scenario_free(s);
	return result;
}

static const struct {
	const char *name;
	int (*run)(const struct options *o, char **error);
} commands[] = {
	{"up", run_up},
	{"down", run_down},
	{"sweep", run_sweep},
	{"status", run_status},
	{"exec", run_exec},
	{"counters", run_counters},
	{"play", run_play},
	{"link", run_link},
	{"calibrate", run_calibrate},
	{"check", run_check},
	{"draw", run_draw},
	{"print", run_print},
	{"ground", run_ground},
};

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"name", required_argument, NULL, 'n'},
		{"json", no_argument, NULL, 'j'},
		{"short", no_argument, NULL, 's'},
		{"virtual-time", no_argument, NULL, 'v'},
		{"output", required_argument, NULL, 'o'},
		{"ground", required_argument, NULL, 'g'},
		{"make", no_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	struct options o = {.ground = "auto", .command = argc >= 2 ? argv[1] : ""};

	if (argc >= 2 && argv[1][0] != '-') {
		/* Options stand between the subcommand and its arguments: what comes after the
		 * first of these belongs to the command that `lab exec` runs. */
		argc--;
		argv++;
	}
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "+:n:h", long_options, NULL)) != -1;) {
		if (c == 'n') {
			o.name = optarg;
		} else if (c == 'j') {
			o.json = true;
		} else if (c == 's') {
			o.brief = true;
		} else if (c == 'v') {
			o.virtual_time = true;
		} else if (c == 'o') {
			o.output = optarg;
		} else if (c == 'g') {
			o.ground = optarg;
		} else if (c == 'm') {
			call_by_make = true;
		} else if (c == 'V') {
			version_print("lab");
			return output_end(0);
		} else if (c == 'h') {
			fputs(usage, stdout);
			return output_end(0);
		} else {
			wrong_option(argv[optind - 1], c == ':');
		}
	}
	o.arguments = argv + optind;
	o.n_arguments = argc - optind;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		char *error = NULL;
		int result = commands[i].run(&o, &error);
		if (result < 0)
			fprintf(stderr, "lab: %s\n", error);
		free(error);
		return output_end(result < 0);
	}
	usage_error(
		"expected up, down, sweep, status, exec, counters, play, link, calibrate, check, "
		"draw, print or ground");
}
