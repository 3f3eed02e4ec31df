// SPDX-License-Identifier: BSD-2-Clause
/*
 * mpipctl: shows what mpipd does.
 *
 * Theory of operation: what the user has typed is checked here, so that a word that is wrong is
 * told without a daemon. Then one command goes to the control socket and one JSON object comes
 * back (mpipctl_ask.c): with --json it is printed, sorted, else as tables (mpipctl_show.c). --watch
 * does that again and again: on a terminal each answer is put together first and then written over
 * the one before, cut to the window.
 */

#include "mpip/base/output.h"
#include "mpip/base/version.h"
#include "mpip/io/control_name.h"
#include "mpip/io/monitor.h"
#include "mpip/mpipctl_ask.h"
#include "mpip/mpipctl_monitor.h"
#include "mpip/mpipctl_show.h"

#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const struct command {
	const char *name, *about, *help;
	bool has_ended; /* --all makes a difference */
} commands[] = {
	{"status", "the daemon: node ID, wire form, scheduler, NICs",
		"The daemon: its node ID, how many sessions and peers it has, and its NICs.\n"
		"\n"
		"  USED  yes; or no, and why: it is set down, it has no carrier or no IPv4\n"
		"        address, no route goes out by it. \"For its own subnet only\": the\n"
		"        routes by a gateway are missing, as after `ip link set NIC down`\n",
		false},
	{"peers", "nodes with MPIP and their addresses; which addresses and ports have it",
		"Nodes with MPIP, and what is known of addresses and ports.\n"
		"\n"
		"  HEARD MS AGO  since anything valid came from the node, in ms\n"
		"  MPIP          yes, no, or unknown: it was asked and has not answered yet\n"
		"  QUERIES       asked so often without an answer; port 0 is the address as a "
		"whole\n",
		false},
	{"sessions", "connections, multipath or regular, and why",
		"Connections, by protocol, source and destination.\n"
		"\n"
		"  SESSION    the session ID, once the other end has MPIP\n"
		"  STATE      multipath, or regular: as without MPIP; or, with --all, ended\n"
		"  WIRE FORM  how its packets look on the wire: udp, fake-tcp, literal\n"
		"  IN USE     so many paths\n"
		"  ... BYTES  user data sent and received with MPIP\n"
		"  IDLE MS    since its last packet\n"
		"  REASON     why a connection is regular\n"
		"\n"
		"A TCP connection that has ended is kept for some time and shown with --all "
		"only.\n",
		true},
	{"paths", "each session's paths: weight, one-way delay, minimum, queuing delay",
		"The paths of each connection.\n"
		"\n"
		"  PORTS       the connection's, this end's first: `mpipctl sessions` has its\n"
		"              addresses\n"
		"  PATH        the path ID; SOURCE and DESTINATION are the path's\n"
		"  WIRE FORM   how its packets look on the wire\n"
		"  STATE       in use; unvalidated: no answer yet; down: no answer any more; "
		"standby: "
		"not\n"
		"              among the fastest; removed: tried again later; or, with --all, "
		"ended\n"
		"  WEIGHT      the part of packets that it gets, of the sum over the paths in use\n"
		"  DELAY US    one-way delay in microseconds; the clocks of two hosts differ, so "
		"only\n"
		"              differences mean something\n"
		"  QUEUING US  delay less the smallest one seen (MIN US); MAX QUEUING US is the\n"
		"              largest one\n"
		"  PACKETS     sent on this path, with BYTES: headers and heartbeats included\n",
		true},
	{"stats", "counters; every drop under its name",
		"What the daemon has counted since it was started, each with what it means; then "
		"what\n"
		"it has read, written and lost at the host's interfaces.\n",
		false},
	{"policy", "which packets want responsiveness: list, add, delete, flush",
		"Which packets want responsiveness (the path of the lowest delay) or throughput "
		"(what\n"
		"the scheduler chooses). The first row that matches a packet decides.\n"
		"\n"
		"  policy list\n"
		"  policy flush         removes all rows\n"
		"  policy delete ROW\n"
		"  policy add DESTINATION PORT tcp|udp START END throughput|responsiveness [ROW]\n"
		"\n"
		"A row matches a packet to DESTINATION (ADDRESS or ADDRESS/PREFIX) and PORT if\n"
		"START <= IP length < END; any of the first five may be '*'.\n",
		false},
	{"monitor", "events as they happen: paths validated, down, up; fallbacks and why",
		"Prints what happens to peers, connections and paths, a line each, until Ctrl-C. "
		"With\n"
		"kinds of events only those. Who reads too slowly is told how many events were "
		"lost.\n"
		"With --json each line is an object.\n"
		"\n",
		false},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

struct options {
	const struct command *command;
	const char *socket_name;
	char words[512]; /* what the daemon gets, in one message */
	bool json, all, help, version;
	double watch; /* seconds; 0: once */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

/* --- the command line --- */

static void print_usage(void)
{
	fputs("usage: mpipctl [OPTION...] COMMAND\n\n", stdout);
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].about);
	fputs("\n"
	      "  --json             the answer as JSON\n"
	      "  --all              also connections that have ended (--json has them anyway)\n"
	      "  --watch [SECONDS]  again and again, until Ctrl-C; every 2 seconds unless told\n"
	      "                     otherwise. With --json a line of JSON each time\n"
	      "  --socket NAME      mpipd's control socket: a path, or @NAME; else that of this\n"
	      "                     network namespace, " CONTROL_NAME "\n"
	      "  --help             this; mpipctl COMMAND --help tells more about one command\n"
	      "  --version\n",
		stdout);
}

static void print_help(const struct command *c)
{
	bool policy = strcmp(c->name, "policy") == 0, events = strcmp(c->name, "monitor") == 0;
	printf("usage: mpipctl [OPTION...] %s%s\n\n%s", c->name,
		policy   ? " WORDS"
		: events ? " [KIND...]"
			 : "",
		c->help);
	for (unsigned i = 0; events && i < EVENT_KINDS; i++)
		printf("  %-18s %s%s\n", event_names[i], event_texts[i],
			i == EVENT_WEIGHTS ? "; only if named" : "");
}

/* Wrong command lines end here. */
__attribute__((noreturn, format(printf, 1, 2))) static void refuse(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fputs("mpipctl: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

static bool is_seconds(const char *text, double *seconds)
{
	char *end;
	*seconds = strtod(text, &end);
	return end != text && *end == '\0';
}

static double watch_seconds(const char *text)
{
	double seconds;
	if (!is_seconds(text, &seconds) || !(seconds >= 0.1 && seconds <= 86400))
		refuse("--watch %s: expected a number of seconds, 0.1 to 86400", text);
	return seconds;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	refuse("there is no command '%s': expected status, peers, sessions, paths, stats, policy "
	       "or monitor",
		name);
}

static bool is_policy_word(const char *word)
{
	static const char *const verbs[] = {"list", "add", "delete", "flush"};
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(word, verbs[i]) == 0)
			return true;
	return false;
}

/* Of monitor: kinds of events. */
static void check_kinds(char **words, int n)
{
	for (int i = 0; i < n; i++) {
		char *wrong;
		monitor_kinds(words[i], &wrong);
		if (wrong)
			refuse("monitor: there is no kind of event '%s': expected one of those "
			       "that "
			       "mpipctl monitor --help shows",
				wrong);
	}
}

/* The command and its words. */
static void read_command(struct options *o, int n, char **words)
{
	if (n == 0)
		refuse("expected a command: status, peers, sessions, paths, stats or policy");
	o->command = find_command(words[0]);
	if (o->help)
		return;
	bool policy = strcmp(o->command->name, "policy") == 0;
	bool events = strcmp(o->command->name, "monitor") == 0;
	if (events)
		check_kinds(words + 1, n - 1);
	else if (!policy && n > 1)
		refuse("%s: expected no more words, not '%s'", words[0], words[1]);
	if (policy && (n == 1 || !is_policy_word(words[1])))
		refuse("policy: expected list, add, delete or flush%s%s", n > 1 ? ", not " : "",
			n > 1 ? words[1] : "");
	if (o->all && !o->command->has_ended)
		refuse("--all: expected the command sessions or paths");
	if (o->watch && events)
		refuse("--watch: expected another command: monitor goes on by itself");
	if (o->watch && policy && strcmp(words[1], "list") != 0)
		refuse("--watch: expected a command that only shows something");
	size_t length = 0;
	for (int i = 0; i < n && length < sizeof(o->words); i++)
		length += (size_t)snprintf(o->words + length, sizeof(o->words) - length, "%s%s",
			words[i], i < n - 1 ? " " : "\n");
	if (length >= sizeof(o->words))
		refuse("%s: expected fewer or shorter words", words[0]);
}

static void read_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"all", no_argument, NULL, 'a'}, {"watch", optional_argument, NULL, 'w'},
		{"socket", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'}, {0}};
	double seconds;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'j')
			o->json = true;
		else if (option == 'a')
			o->all = true;
		else if (option == 's')
			o->socket_name = optarg;
		else if (option == 'h')
			o->help = true;
		else if (option == 'v')
			o->version = true;
		else if (option == 'w' && optarg)
			o->watch = watch_seconds(optarg);
		else if (option == 'w' && optind < argc && is_seconds(argv[optind], &seconds))
			o->watch = watch_seconds(argv[optind++]);
		else if (option == 'w')
			o->watch = 2;
		else {
			fputs("Try mpipctl --help.\n", stderr);
			exit(2);
		}
	}
	if (o->version)
		return;
	if (!o->help || optind < argc)
		read_command(o, argc - optind, argv + optind);
}

/* --- asking --- */

/* Asks once and prints the answer to `out`. Returns the exit status. */
static int show_once(const struct options *o, FILE *out)
{
	json_t *answer = ask_mpipd(o->socket_name, o->words, &interrupted);
	if (!answer)
		return 1;
	const char *refusal = json_string_value(json_object_get(answer, "error"));
	if (refusal)
		fprintf(stderr, "mpipctl: %s\n", refusal);
	else if (o->json) {
		json_dumpf(answer, out, o->watch ? JSON_COMPACT : JSON_INDENT(2));
		fputc('\n', out);
	} else {
		show_answer(out, o->command->name, answer, o->all);
	}
	json_decref(answer);
	return refusal ? 2 : 0;
}

/* --- events --- */

static void catch_interrupts(void)
{
	/* Without SA_RESTART: what waits ends. */
	struct sigaction stop = {.sa_handler = interrupt};
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
}

static int show_events(const struct options *o)
{
	FILE *reply;
	catch_interrupts();
	if (ask_stream(o->socket_name, o->words, &reply) < 0)
		return 1;
	int status = monitor(reply, o->json, &interrupted);
	fclose(reply);
	return status;
}

/* --- watching --- */

#define CLEAR      "\033[H\033[J"
#define NO_WRAP    "\033[?7l"
#define WRAP_AGAIN "\033[?7h"

/* Over what stands there, as many lines as the window has. */
static void draw(const char *text)
{
	struct winsize window = {0};
	size_t length = 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0 || window.ws_row < 2)
		window.ws_row = 24;
	for (unsigned lines = 1; text[length] && lines < window.ws_row; length++)
		lines += text[length] == '\n';
	printf(CLEAR NO_WRAP "%.*s" WRAP_AGAIN, (int)length, text);
}

static int show_again(const struct options *o, bool terminal, bool first)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		abort();
	time_t now = time(NULL);
	if (!o->json)
		fprintf(out, "%s\n", ctime(&now)); /* and an empty line */
	int status = show_once(o, out);
	if (fclose(out) != 0)
		abort();
	if (status == 0 && terminal && !o->json)
		draw(text);
	else if (status == 0)
		printf("%s%s", first || o->json ? "" : "\n", text);
	free(text);
	return status;
}

static int watch(const struct options *o)
{
	catch_interrupts();
	bool terminal = isatty(STDOUT_FILENO);
	double whole, part = modf(o->watch, &whole);
	struct timespec pause = {(time_t)whole, (long)(part * 1e9)};
	for (bool first = true; !interrupted; first = false) {
		int status = show_again(o, terminal, first);
		if (status == 0)
			status = output_end(0);
		if (interrupted)
			break;
		if (status != 0)
			return status;
		nanosleep(&pause, NULL);
	}
	if (terminal)
		putchar('\n');
	return output_end(0);
}

int main(int argc, char **argv)
{
	struct control_name own = control_own_name();
	struct options o = {.socket_name = own.text};
	read_options(&o, argc, argv);
	if (o.version) {
		version_print("mpipctl");
		return output_end(0);
	}
	if (o.help && o.command)
		print_help(o.command);
	else if (o.help)
		print_usage();
	if (o.help)
		return output_end(0);
	if (strcmp(o.command->name, "monitor") == 0)
		return show_events(&o);
	return o.watch ? watch(&o) : output_end(show_once(&o, stdout));
}
