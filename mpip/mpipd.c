// SPDX-License-Identifier: BSD-2-Clause
/*
 * mpipd: gives every TCP and UDP connection of a host all of its interfaces.
 *
 * Theory of operation: one thread, one loop around epoll. Each turn it takes what has come (from
 * the applications by the TUN mpip0, from the networks by the wire sockets and by the receive TUN
 * behind the ingress hook), gives it to the engine with the time, and carries out the actions:
 * packets to the wire sockets, packets to the TUN, flows to the hook, exclusions to the routing.
 * Batches everywhere: a turn may move hundreds of packets with a handful of system calls.
 *
 * Whatever ends this process, the host's networking goes on: the TUN dies with it, and with the
 * TUN the routes into it; the ingress filter stays and keeps CMs from applications.
 */

#include "mpip/base/jsonfile.h"
#include "mpip/io/config.h"
#include "mpip/io/control.h"
#include "mpip/io/hostnet.h"
#include "mpip/io/ingress.h"
#include "mpip/io/pathlog.h"
#include "mpip/io/tun.h"
#include "mpip/io/wirelink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define VERSION "0.1"

/* What a packet may grow by on its way: IP and UDP header instead of the IP header (8) and the
 * steady CM (28); or the surplus with a query behind a datagram (up to 43). Room for the larger. */
#define WIRE_OVERHEAD 44

#define TUN_BATCH      8  /* super-packets from the applications per turn */
#define HOOK_BATCH     32 /* packets from the hook per turn */
#define RECEIVE_ROUNDS 4  /* batches from the wire sockets per turn */
#define ALIVE_EVERY    usec_ms(100)
#define BUSY_PACKETS   4            /* from the networks in one millisecond: then turns are paced */
#define LINGER         usec_ms(500) /* for packets under way when we leave */

#define WIRE_SLOTS  2048
#define HOST_SLOTS  4096
#define STEER_SLOTS 1024

/* The TUN's own address: no packet carries it (RFC 7600's dummy address). */
#define TUN_ADDRESS "192.0.0.8"

enum source { SOURCE_TUN, SOURCE_HOOK, SOURCE_HOSTNET, SOURCE_CONTROL, SOURCE_SIGNAL, SOURCE_WIRE };

struct daemon {
	struct config config;
	struct hostnet *hostnet;
	struct tun tun, hook;
	struct wirelink wire;
	bool wire_open;
	struct ingress *ingress;
	struct control control;
	struct engine *engine;
	struct address_list addresses;
	FILE *path_log;
	int epoll, signals;
	struct usec started, now;
	struct usec leave_at; /* USEC_NEVER until a signal came */
	struct usec
		inherited_until; /* then no peer knows a killed predecessor's sessions any more */
	uint64_t turns, steer_errors;
	struct usec window;    /* the millisecond that packets are being counted in */
	uint64_t window_start; /* d.wire.received_packets at its start */
	bool busy;
	struct node_id node;

	struct actions actions;
	struct wire_packet wire_slots[WIRE_SLOTS];
	struct host_packet host_slots[HOST_SLOTS];
	struct steer steer_slots[STEER_SLOTS];
	struct tun_frame frames[HOOK_BATCH];
};

static struct daemon d = {.epoll = -1,
	.signals = -1,
	.tun = {.fd = -1},
	.hook = {.fd = -1},
	.control = {.fd = -1},
	.leave_at = {INT64_MAX}};

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fputs("mpipd: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
}

static struct usec clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct usec){(int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000};
}

/* Carrying out */

static void carry_out_steer(const struct steer *s)
{
	struct ingress_flow flow = {.remote = s->tuple.remote_ip,
		.local = s->tuple.local_ip,
		.remote_port = s->tuple.remote_port,
		.local_port = s->tuple.local_port,
		.protocol = (uint8_t)s->tuple.protocol};
	int result = 0;
	switch (s->kind) {
	case STEER_FLOW_ADD:
		result = ingress_add_flow(d.ingress, &flow);
		break;
	case STEER_FLOW_REMOVE:
		ingress_remove_flow(d.ingress, &flow);
		break;
	case STEER_EXCLUDE:
		result = d.hostnet ? hostnet_exclude(d.hostnet, s->tuple.remote_ip) : 0;
		break;
	case STEER_INCLUDE:
		result = d.hostnet ? hostnet_include(d.hostnet, s->tuple.remote_ip) : 0;
		break;
	}
	d.steer_errors += result < 0;
}

static void carry_out(void)
{
	struct actions *a = &d.actions;
	for (unsigned i = 0; i < a->steers; i++)
		carry_out_steer(&a->steer[i]);
	wirelink_send(&d.wire, a->wire, a->wires);
	tun_write(&d.tun, a->host, a->hosts);
	a->wires = a->hosts = a->steers = 0;
	engine_carried_out(d.engine);
}

static void carry_out_if_full(void)
{
	const struct actions *a = &d.actions;
	if (a->wires + ACTIONS_WIRE_ROOM > WIRE_SLOTS ||
		a->hosts + ACTIONS_HOST_ROOM > HOST_SLOTS ||
		a->steers + ACTIONS_STEER_ROOM > STEER_SLOTS)
		carry_out();
}

/* Taking */

static void take_from_tun(void)
{
	struct host_input in;
	for (unsigned i = 0; i < TUN_BATCH && tun_read(&d.tun, &d.frames[i], &in); i++) {
		engine_from_host(d.engine, &in, d.now, &d.actions);
		/* Super-packets leave one by one: sent socket by socket, several would be shuffled.
		 */
		if (in.gso_size)
			carry_out();
		else
			carry_out_if_full();
	}
	carry_out();
}

static void take_from_hook(void)
{
	struct host_input in;
	for (unsigned i = 0; i < HOOK_BATCH && tun_read(&d.hook, &d.frames[i], &in); i++) {
		engine_from_hook(d.engine, &in, d.now, &d.actions);
		carry_out_if_full();
	}
	carry_out();
}

static void take_datagram(void *context, const struct wire_input *in)
{
	(void)context;
	engine_from_wire(d.engine, in, d.now, &d.actions);
	carry_out_if_full();
}

static void peer_gone(void *context, struct endpoint remote)
{
	(void)context;
	engine_unreachable(d.engine, remote, d.now);
}

static void take_from_wire(unsigned ready)
{
	bool more = true;
	for (unsigned i = 0; i < RECEIVE_ROUNDS && more; i++) {
		more = wirelink_receive(&d.wire, ready, &d.now, take_datagram, NULL);
		carry_out();
	}
}

/* Addresses */

static int watch(int fd, uint64_t source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};
	return epoll_ctl(d.epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Follows the list of NICs: filter, sockets and the engine's addresses. */
static int follow_nics(char **error)
{
	const struct hostnet_nic *nic;
	size_t count = hostnet_nics(d.hostnet, &nic);
	struct address_list list = {0};
	for (size_t i = 0; i < count; i++) {
		if (!nic[i].usable)
			continue;
		if (ingress_attach(d.ingress, nic[i].ifindex, error) < 0)
			return -1;
		if (list.count < MAX_ADDRESSES)
			list.ip[list.count++] = nic[i].address;
	}
	if (d.wire_open && address_list_equal(&list, &d.addresses))
		return 0;

	if (d.wire_open)
		wirelink_close(&d.wire);
	d.addresses = list;
	d.wire_open = wirelink_open(&d.wire, &list, d.config.wire_port, d.config.mark, error) == 0;
	if (!d.wire_open)
		return -1;
	for (unsigned i = 0; i < list.count; i++)
		if (watch(d.wire.nic[i].udp, SOURCE_WIRE + i) < 0)
			return -1;
	engine_set_addresses(d.engine, &list, d.now, &d.actions);
	carry_out();
	return 0;
}

static void host_changed(void)
{
	char *error = NULL;
	int what = hostnet_process(d.hostnet, &error);
	if (what > 0 && what & HOSTNET_NICS_CHANGED && follow_nics(&error) < 0)
		what = -1;
	if (what < 0)
		say("%s", error ? error : strerror(errno));
	free(error);
}

/* Looking on */

static json_t *status_json(void *context)
{
	(void)context;
	json_t *nics = json_array();
	const struct hostnet_nic *nic;
	size_t count = d.hostnet ? hostnet_nics(d.hostnet, &nic) : 0;
	for (size_t i = 0; i < count; i++) {
		char text[INET_ADDRSTRLEN];
		inet_ntop(AF_INET, &nic[i].address, text, sizeof(text));
		json_array_append_new(
			nics, json_pack("{s:s, s:s, s:i, s:b}", "name", nic[i].name, "address",
				      text, "mtu", (int)nic[i].mtu, "usable", nic[i].usable));
	}
	unsigned sessions = 0;
	for (const struct session *s = engine_next_session(d.engine, NULL); s;
		s = engine_next_session(d.engine, s))
		sessions += s->key.id.n != 0;
	const struct settings *set = engine_settings(d.engine);
	const uint8_t *n = d.node.b;
	return json_pack("{s:s, s:i, s:o, s:f, s:s, s:s, s:i, s:s, s:i, s:i, s:o}", "version",
		VERSION, "pid", (int)getpid(), "node_id",
		json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", n[0], n[1], n[2], n[3], n[4], n[5]),
		"uptime_s", (double)usec_sub(d.now, d.started).us / 1e6, "wire_form",
		wire_form_names[set->wire_form], "scheduler", scheduler_names[set->scheduler],
		"wire_port", ntohs(d.config.wire_port), "tun", d.tun.name, "sessions",
		(int)sessions, "peers", (int)HASH_COUNT(engine_peers(d.engine)->peer), "nics",
		nics);
}

static json_t *io_stats_json(void *context)
{
	(void)context;
	json_t *all = json_object();
	struct ingress_counters counters;
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"turns", d.turns},
		{"tun_reads", d.tun.reads},
		{"tun_writes", d.tun.writes},
		{"tun_written_packets", d.tun.written_packets},
		{"hook_reads", d.hook.reads},
		{"wire_send_calls", d.wire.send_calls},
		{"wire_sent_messages", d.wire.sent_messages},
		{"wire_sent_packets", d.wire.sent_packets},
		{"wire_receive_calls", d.wire.receive_calls},
		{"wire_received_packets", d.wire.received_packets},
		{"drop_tun_read", d.tun.read_errors + d.hook.read_errors},
		{"drop_tun_write", d.tun.write_errors},
		{"drop_send_buffer", d.wire.drop_send_buffer},
		{"drop_too_long", d.wire.drop_too_long},
		{"drop_send_error", d.wire.drop_send_error},
		{"drop_truncated", d.wire.drop_truncated},
		{"steer_errors", d.steer_errors},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(all, rows[i].name, json_integer((json_int_t)rows[i].value));
	if (ingress_counters(d.ingress, &counters) == 0)
		for (int i = 0; i < INGRESS_COUNTERS; i++)
			json_object_set_new(all, ingress_counter_names[i],
				json_integer((json_int_t)counters.value[i]));
	return all;
}

/* Life */

static struct engine *make_engine(void)
{
	const struct hostnet_nic *nic;
	size_t count = hostnet_nics(d.hostnet, &nic);
	struct engine_setup setup = {
		.settings = d.config.settings, .wire_port = d.config.wire_port};
	if (!d.config.seeded && getrandom(&setup.settings.seed, sizeof(setup.settings.seed), 0) < 0)
		return NULL;
	/* 3.1: the MAC address of one of the NICs, kept until exit. */
	if (count > 0)
		memcpy(setup.node.b, nic[0].mac, sizeof(setup.node.b));
	d.node = setup.node;
	if (d.path_log) {
		setup.observer = pathlog_rows;
		setup.observer_context = d.path_log;
	}
	return engine_new(&setup);
}

static int bring_up(int ifindex, char **error)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result = -1;
	if (fd >= 0 && if_indextoname((unsigned)ifindex, request.ifr_name)) {
		request.ifr_flags = IFF_UP;
		result = ioctl(fd, SIOCSIFFLAGS, &request);
	}
	if (result < 0 &&
		asprintf(error, "TUN device %s: %s", request.ifr_name, strerror(errno)) < 0)
		*error = NULL;
	if (fd >= 0)
		close(fd);
	return result;
}

static int start(const char *path_log, char **error)
{
	char hook_name[IFNAMSIZ];
	struct hostnet_config net = {
		.interfaces = d.config.interfaces[0] ? d.config.interfaces : NULL,
		.table_base = d.config.table,
		.rule_priority = d.config.rule_priority,
		.mark = d.config.mark,
		.mask = d.config.mask};
	snprintf(hook_name, sizeof(hook_name), "%.12srx", d.config.tun);
	if (hostnet_privileged(error) < 0 || hostnet_open(&d.hostnet, &net, error) < 0)
		return -1;
	const struct hostnet_nic *nic;
	size_t nics = hostnet_nics(d.hostnet, &nic);
	if (nics == 0) {
		*error = strdup("no network interface with an IPv4 address");
		return -1;
	}
	unsigned mtu = nic[0].mtu;
	for (size_t i = 1; i < nics; i++)
		mtu = nic[i].mtu < mtu ? nic[i].mtu : mtu;

	/* The TUN first: a second daemon finds it in use, before it has touched anything. */
	if (tun_open(&d.tun, d.config.tun, error) < 0 || tun_open(&d.hook, hook_name, error) < 0 ||
		bring_up(d.hook.ifindex, error) < 0 ||
		control_open(&d.control, d.config.socket, error) < 0)
		return -1;
	if (path_log && !(d.path_log = pathlog_open(path_log, error)))
		return -1;
	d.engine = make_engine();
	d.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!d.engine || d.epoll < 0 || watch(d.tun.fd, SOURCE_TUN) < 0 ||
		watch(d.hook.fd, SOURCE_HOOK) < 0 ||
		watch(hostnet_fd(d.hostnet), SOURCE_HOSTNET) < 0 ||
		watch(d.control.fd, SOURCE_CONTROL) < 0 || watch(d.signals, SOURCE_SIGNAL) < 0)
		return -1;
	if (ingress_open(&d.ingress, d.hook.ifindex, 0, error) < 0 || follow_nics(error) < 0)
		return -1;
	struct in_addr address;
	inet_pton(AF_INET, TUN_ADDRESS, &address);
	if (hostnet_attach(d.hostnet, d.tun.ifindex, mtu - WIRE_OVERHEAD, address, error) < 0)
		return -1;
	d.inherited_until = usec_add(d.now, d.config.settings.session_expiry);
	d.control.status = status_json;
	d.control.io_stats = io_stats_json;
	return 0;
}

static void stop(void)
{
	hostnet_close(d.hostnet);
	ingress_close(d.ingress);
	if (d.wire_open)
		wirelink_close(&d.wire);
	control_close(&d.control);
	tun_close(&d.hook);
	tun_close(&d.tun);
	engine_free(d.engine);
	if (d.path_log)
		fclose(d.path_log);
	if (d.epoll >= 0)
		close(d.epoll);
	if (d.signals >= 0)
		close(d.signals);
	config_close(&d.config);
}

/* The first signal ends the multipath, a second one the waiting for what is under way. */
static void leave(void)
{
	struct signalfd_siginfo info;
	if (read(d.signals, &info, sizeof(info)) < 0)
		return;
	if (d.leave_at.us != USEC_NEVER.us) {
		d.leave_at = d.now;
		return;
	}
	say("%s: back to the regular connections", strsignal((int)info.ssi_signo));
	unsigned multipath = 0;
	for (const struct session *s = engine_next_session(d.engine, NULL); s;
		s = engine_next_session(d.engine, s))
		multipath += s->in_use > 0;
	hostnet_close(d.hostnet);
	d.hostnet = NULL;
	engine_leave(d.engine, d.now, &d.actions);
	carry_out();
	d.leave_at = multipath ? usec_add(d.now, LINGER) : d.now;
}

/*
 * Moderation, as NICs do it with their interrupts: at high rates a turn for every packet would
 * spend more on turns than on packets. So while many packets come, there is a turn every batch_us
 * at most. Delays are measured by the kernel's time stamps, which do not see this.
 */
static void pace(void)
{
	if (usec_sub(d.now, d.window).us >= 1000) {
		d.busy = d.wire.received_packets - d.window_start >= BUSY_PACKETS;
		d.window = d.now;
		d.window_start = d.wire.received_packets;
	}
	struct usec next = usec_add(d.now, (struct usec){d.config.batch_us});
	if (!d.busy || d.config.batch_us == 0)
		return;
	struct timespec until = {next.us / 1000000, next.us % 1000000 * 1000};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void serve(void)
{
	struct epoll_event events[5 + MAX_ADDRESSES];
	struct usec next = USEC_NEVER;
	for (;;) {
		pace();
		struct usec wait = usec_sub(
			usec_min(usec_min(next, d.leave_at), usec_add(d.now, ALIVE_EVERY)), d.now);
		if (wait.us < 0)
			wait.us = 0;
		struct timespec timeout = {wait.us / 1000000, wait.us % 1000000 * 1000};
		int n = epoll_pwait2(
			d.epoll, events, sizeof(events) / sizeof(events[0]), &timeout, NULL);
		d.now = clock_now();
		d.turns++;
		ingress_alive(d.ingress, (uint64_t)d.now.us * 1000);
		if (!usec_before(d.now, d.leave_at))
			return;

		unsigned ready = 0;
		for (int i = 0; i < n; i++) {
			uint64_t source = events[i].data.u64;
			if (source == SOURCE_TUN)
				take_from_tun();
			else if (source == SOURCE_HOOK)
				take_from_hook();
			else if (source == SOURCE_HOSTNET && d.hostnet)
				host_changed();
			else if (source == SOURCE_CONTROL)
				control_serve(&d.control, d.engine, d.now);
			else if (source == SOURCE_SIGNAL)
				leave();
			else if (source >= SOURCE_WIRE) {
				if (events[i].events & EPOLLERR)
					wirelink_errors(&d.wire, (unsigned)(source - SOURCE_WIRE),
						peer_gone, NULL);
				ready |= 1u << (source - SOURCE_WIRE);
			}
		}
		if (ready)
			take_from_wire(ready);
		if (!usec_before(d.now, d.inherited_until)) {
			ingress_expire(d.ingress, UINT64_MAX);
			d.inherited_until = USEC_NEVER;
		}
		next = d.leave_at.us == USEC_NEVER.us ? engine_tick(d.engine, d.now, &d.actions)
						      : USEC_NEVER;
		carry_out();
	}
}

static const char usage[] =
	"usage: mpipd [--config FILE] [--path-log FILE] [--ready-fd N]\n"
	"\n"
	"Gives every TCP and UDP connection of this host all of its network interfaces,\n"
	"where the other end runs mpipd too. Runs in the foreground; SIGTERM or Ctrl-C ends it\n"
	"and leaves the host's networking as it was. mpipctl shows what it does.\n"
	"\n"
	"  --config FILE    settings (JSON; keys and defaults in mpip/README.md)\n"
	"  --check FILE     read the settings, say what is wrong with them, and end\n"
	"  --path-log FILE  write each path's delays and weight at every run of Algorithm 1 (CSV)\n"
	"  --ready-fd N     write a newline to this descriptor when connections are being taken\n"
	"  --version, --help\n";

/* An open descriptor by its number; -1 after saying what is wrong. */
static int descriptor(const char *text)
{
	char *end;
	errno = 0;
	long fd = strtol(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && fd >= 0 && fd <= INT_MAX &&
		fcntl((int)fd, F_GETFD) >= 0)
		return (int)fd;
	say("--ready-fd %s: expected the number of an open file descriptor", text);
	return -1;
}

int main(int argc, char **argv)
{
	enum { CONFIG = 1, CHECK, PATH_LOG, READY_FD, SHOW_VERSION, HELP };
	static const struct option options[] = {{"config", required_argument, NULL, CONFIG},
		{"check", required_argument, NULL, CHECK},
		{"path-log", required_argument, NULL, PATH_LOG},
		{"ready-fd", required_argument, NULL, READY_FD},
		{"version", no_argument, NULL, SHOW_VERSION}, {"help", no_argument, NULL, HELP},
		{0}};
	const char *config = NULL, *path_log = NULL;
	int ready_fd = -1;
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
		case PATH_LOG:
			path_log = optarg;
			break;
		case READY_FD:
			ready_fd = descriptor(optarg);
			if (ready_fd < 0)
				return 2;
			break;
		case SHOW_VERSION:
			puts("mpipd " VERSION);
			return 0;
		case HELP:
			fputs(usage, stdout);
			return 0;
		default:
			fputs("Try mpipd --help.\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		say("unexpected argument '%s'; try mpipd --help", argv[optind]);
		return 2;
	}

	char *error = NULL;
	if (config_read(&d.config, config, &error) < 0) {
		say("%s", error);
		free(error);
		return 2;
	}
	if (check) {
		config_close(&d.config);
		return 0;
	}

	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK,
		1000); /* nanoseconds: pace() sleeps for less than the default slack */
	d.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	d.actions = (struct actions){.wire = d.wire_slots,
		.host = d.host_slots,
		.steer = d.steer_slots,
		.wire_capacity = WIRE_SLOTS,
		.host_capacity = HOST_SLOTS,
		.steer_capacity = STEER_SLOTS};
	d.started = d.now = clock_now();

	if (start(path_log, &error) < 0) {
		say("%s", error ? error : strerror(errno));
		free(error);
		stop();
		return 1;
	}
	say("%u addresses, wire form %s, scheduler %s", d.addresses.count,
		wire_form_names[d.config.settings.wire_form],
		scheduler_names[d.config.settings.scheduler]);
	if (ready_fd >= 0) {
		if (write(ready_fd, "\n", 1) < 0)
			say("ready-fd %d: %s", ready_fd, strerror(errno));
		close(ready_fd);
	}
	serve();
	stop();
	return 0;
}
