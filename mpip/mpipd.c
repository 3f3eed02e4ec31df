// SPDX-License-Identifier: BSD-2-Clause
/*
 * mpipd: gives every TCP and UDP connection of a host all of its interfaces. This file reads the
 * command line; the daemon is in mpip/io/daemon.h, the protocol in mpip/core/engine.h.
 */

#include "mpip/base/output.h"
#include "mpip/base/version.h"
#include "mpip/io/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static struct daemon d; /* large: its batches and buffers are part of it */

static const char usage[] =
	"usage: mpipd [--config FILE] [--log-level LEVEL] [--path-log FILE]\n"
	"             [--ready-fd N]\n"
	"\n"
	"Gives every TCP and UDP connection of this host all of its network interfaces,\n"
	"where the other end runs mpipd too. Runs in the foreground; SIGTERM or Ctrl-C ends it\n"
	"and leaves the host's networking as it was. mpipctl shows what it does.\n"
	"\n"
	"  --config FILE    settings (JSON; see mpipd.conf(5))\n"
	"  --check FILE     read the settings, say what is wrong with them, and end\n"
	"  --print-config   print every setting with its default, as JSON for --config\n"
	"  --log-level LEVEL\n"
	"                   how much is logged on standard error: error, warning, info (peers, "
	"paths\n"
	"                   that fail and come back, addresses) or debug (each connection)\n"
	"  --path-log FILE  write each path's delays and weight at every run of Algorithm 1 (CSV)\n"
	"  --ready-fd N     write a newline to this descriptor when connections are being taken\n"
	"  --version, --help\n";

/* What is wrong before there is a log: a line, as of any program. */
__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fputs("mpipd: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* A level by its name; -1 after saying what is wrong. */
static int level(const char *text)
{
	for (int i = 0; log_level_names[i]; i++)
		if (strcmp(log_level_names[i], text) == 0)
			return i;
	complain("--log-level %s: expected error, warning, info or debug", text);
	return -1;
}

/* An open descriptor by its number; -1 after saying what is wrong. */
static int descriptor(const char *text)
{
	char *end;
	errno = 0;
	long fd = strtol(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && fd >= 0 && fd <= INT_MAX &&
		fcntl((int)fd, F_GETFD) >= 0)
		return (int)fd;
	complain("--ready-fd %s: expected the number of an open file descriptor", text);
	return -1;
}

static int print_config(void)
{
	json_t *all = config_defaults();
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
	return output_end(0);
}

int main(int argc, char **argv)
{
	enum { CONFIG = 1, CHECK, PRINT_CONFIG, LOG_LEVEL, PATH_LOG, READY_FD, SHOW_VERSION, HELP };
	static const struct option options[] = {{"config", required_argument, NULL, CONFIG},
		{"check", required_argument, NULL, CHECK},
		{"print-config", no_argument, NULL, PRINT_CONFIG},
		{"log-level", required_argument, NULL, LOG_LEVEL},
		{"path-log", required_argument, NULL, PATH_LOG},
		{"ready-fd", required_argument, NULL, READY_FD},
		{"version", no_argument, NULL, SHOW_VERSION}, {"help", no_argument, NULL, HELP},
		{0}};
	const char *config = NULL, *path_log = NULL;
	int ready_fd = -1, log_level = -1;
	bool check = false;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (option) {
		case CHECK:
			check = true;
			config = optarg;
			break;
		case CONFIG:
			config = optarg;
			break;
		case PRINT_CONFIG:
			return print_config();
		case LOG_LEVEL:
			log_level = level(optarg);
			if (log_level < 0)
				return 2;
			break;
		case PATH_LOG:
			path_log = optarg;
			break;
		case READY_FD:
			ready_fd = descriptor(optarg);
			if (ready_fd < 0)
				return 2;
			break;
		case SHOW_VERSION:
			version_print("mpipd");
			return output_end(0);
		case HELP:
			fputs(usage, stdout);
			return output_end(0);
		default:
			fputs("Try mpipd --help.\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		complain("unexpected argument '%s'; try mpipd --help", argv[optind]);
		return 2;
	}

	char *error = NULL;
	if (config_read(&d.config, config, &error) < 0) {
		complain("%s", error);
		free(error);
		return 2;
	}
	log_open(log_level >= 0 ? (enum log_level)log_level : d.config.log_level);
	if (check) {
		config_close(&d.config);
		return 0;
	}

	if (daemon_open(&d, path_log, &error) < 0) {
		complain("%s", error ? error : strerror(errno));
		free(error);
		daemon_close(&d);
		return 1;
	}
	log_say(LEVEL_INFO, "%u addresses, wire form %s, scheduler %s", d.addresses.count,
		encap_names[d.config.settings.encap], scheduler_names[d.config.settings.scheduler]);
	if (ready_fd >= 0) {
		if (write(ready_fd, "\n", 1) < 0)
			log_say(LEVEL_WARNING, "ready-fd %d: %s", ready_fd, strerror(errno));
		close(ready_fd);
	}
	daemon_serve(&d);
	daemon_close(&d);
	return 0;
}
