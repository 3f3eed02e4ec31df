// SPDX-License-Identifier: BSD-2-Clause
/*
 * The daemon's life: setting up, following the host's NICs, showing itself, leaving.
 *
 * Theory of operation: whatever ends the process, the host's networking goes on. The TUN dies with
 * it, and with the TUN the routes into it; the guard (guard.c) takes the rest of them away; the
 * ingress filter stays and keeps CMs from applications, and a successor inherits it. On a signal
 * the peers are told, the routes go first, and what is under way is still taken for a moment.
 *
 * What of the wire cannot be had when NICs change (sockets, filter) is left out and tried again;
 * with nothing left the routes are withdrawn. When all is set up the process gives up what it
 * needs no more (confine.c).
 */

#include "mpip/io/daemon.h"

#include "mpip/base/version.h"
#include "mpip/core/cm_wire.h"
#include "mpip/core/wire.h"
#include "mpip/io/confine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* What a packet may grow by on its way, at most: a fake TCP header (20) and the steady CM (28). A
 * UDP header (8) and a CM is less, and so is the surplus with a query behind a datagram (up to 43).
 */
#define WIRE_OVERHEAD 48

#define MTU_MIN 576 /* RFC 791: what every host must take */

#define RETRY_EVERY usec_ms(1000) /* what of the wire could not be had */

#define KEEP_EVERY usec_ms(5000) /* that addresses kept for sessions are looked at */

/* When we leave: for packets under way, then until nothing comes for QUIET, at most LINGER_MAX. */
#define LINGER     usec_ms(500)
#define QUIET      usec_ms(200)
#define LINGER_MAX usec_ms(2500)

/* The TUN's own address: no packet carries it (RFC 7600's dummy address). */
#define TUN_ADDRESS "192.0.0.8"

/* Addresses */

static int watch(struct daemon *d, int operation, int fd, uint64_t source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};
	return epoll_ctl(d->epoll, operation, fd, &event);
}

/* Addresses that sessions have and NICs no longer stay the host's while the sessions live. */
void daemon_keep_addresses(struct daemon *d)
{
	struct address needed[HOSTNET_STANDBY_MAX];
	unsigned n = 0;
	for (const struct session *s = engine_next_session(d->engine, NULL); s;
		s = engine_next_session(d->engine, s)) {
		bool known = !s->mp || address_list_has(&d->addresses, s->tuple.local_ip);
		for (unsigned i = 0; i < n && !known; i++)
			known = address_equal(needed[i], s->tuple.local_ip);
		if (!known && n < HOSTNET_STANDBY_MAX)
			needed[n++] = s->tuple.local_ip;
	}
	d->keep_next = n > 0 ? usec_add(d->now, KEEP_EVERY) : USEC_NEVER;
	hostnet_keep(d->hostnet, needed, n);
}

/* The addresses of usable NICs, their hooks attached. -1 and the first reason in `*error`: one is
 * left out. */
static int nic_addresses(struct daemon *d, struct address_list *list, char **error)
{
	const struct hostnet_nic *nic;
	size_t count = hostnet_nics(d->hostnet, &nic);
	int result = 0;
	for (size_t i = 0; i < count; i++) {
		char *why = NULL;
		if (!nic[i].usable)
			continue;
		if (ingress_attach(d->ingress, nic[i].ifindex, &why) == 0) {
			if (list->count < MAX_ADDRESSES)
				list->ip[list->count++] = nic[i].address;
			continue;
		}
		result = -1;
		if (*error)
			free(why);
		else
			*error = why;
	}
	return result;
}

/* Follows the list of NICs: filter, sockets and the engine's addresses. What cannot be had is left
 * out, said once, and tried again; -1, and why, only when the daemon starts. */
static int follow_nics(struct daemon *d, bool starting, char **error)
{
	struct address_list list = {0};
	char *why = NULL;
	bool missing = nic_addresses(d, &list, &why) < 0;
	if (!starting && !missing && !d->wire_missing && address_list_equal(&list, &d->addresses))
		return 0;
	missing = wirelink_follow(&d->wire, &list, &why) < 0 || missing;
	if (missing && starting) {
		*error = why;
		return -1;
	}
	if (missing && !d->wire_missing)
		log_say(LEVEL_WARNING, "%s: left out, and tried again",
			why ? why : strerror(errno));
	else if (!missing && d->wire_missing)
		log_say(LEVEL_INFO, "all addresses serve again");
	free(why);
	d->wire_missing = missing;
	d->wire_retry = missing ? usec_add(d->now, RETRY_EVERY) : USEC_NEVER;
	for (unsigned i = 0; i < list.count; i++)
		if (watch(d, EPOLL_CTL_MOD, d->wire.nic[i].udp, SOURCE_WIRE + i) < 0 &&
			watch(d, EPOLL_CTL_ADD, d->wire.nic[i].udp, SOURCE_WIRE + i) < 0)
			return -1;
	if (!starting && address_list_equal(&list, &d->addresses))
		return 0;
	d->addresses = list;
	engine_set_addresses(d->engine, &list, d->now, &d->actions);
	daemon_carry_out(d);
	daemon_keep_addresses(d);
	return 0;
}

/* The largest super-packet of TCP that fits into one message of a wire socket. TCP itself keeps
 * MAX_TCP_HEADER + 1 bytes (321) of the limit free, and has 12 bytes of options in each segment. */
static uint32_t super_packet_limit(unsigned mtu)
{
	unsigned wire = mtu - (unsigned)sizeof(struct ip_header) + CM_FIXED;
	unsigned segments = WIRELINK_BYTES / wire;
	if (segments > WIRELINK_SEGMENTS)
		segments = WIRELINK_SEGMENTS;
	return segments * (mtu - 52) + 321;
}

/* Sets the TUN up for the smallest MTU of the NICs, and again when that changes. */
static int follow_mtu(struct daemon *d, char **error)
{
	const struct hostnet_nic *nic;
	size_t count = hostnet_nics(d->hostnet, &nic);
	unsigned mtu = 0;
	if (d->wire_missing && d->addresses.count == 0) {
		/* Nothing could leave: the host goes on as without us. */
		if (d->mtu != 0)
			hostnet_detach(d->hostnet);
		d->mtu = 0;
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		if (mtu == 0 || nic[i].mtu < mtu)
			mtu = nic[i].mtu;
	if (mtu == 0 || mtu == d->mtu)
		return 0;
	if (mtu < MTU_MIN) {
		if (asprintf(error, "an MTU of %u: expected at least %u", mtu, MTU_MIN) < 0)
			*error = NULL;
		return -1;
	}

	struct address address;
	address_parse(TUN_ADDRESS, &address);
	if (tun_limit(&d->tun, super_packet_limit(mtu - WIRE_OVERHEAD), error) < 0 ||
		hostnet_attach(d->hostnet, d->tun.ifindex, mtu - WIRE_OVERHEAD, address, error) < 0)
		return -1;
	engine_set_mtu(d->engine, (uint16_t)(mtu < UINT16_MAX ? mtu : UINT16_MAX));
	d->mtu = mtu;
	return 0;
}

/* What the host's own rules keep away from MPIP, or MPIP from them: said once. */
static void repeat_warning(struct daemon *d)
{
	const char *warning = hostnet_warning(d->hostnet);
	if (warning && (!d->warning || strcmp(warning, d->warning) != 0))
		log_say(LEVEL_WARNING, "%s", warning);
	free(d->warning);
	d->warning = warning ? strdup(warning) : NULL;
}

/* Says of a NIC what there is to say, unless that was said last. */
static void say_nic(struct daemon *d, const struct hostnet_nic *nic, bool starting)
{
	size_t i = 0;
	while (i < d->nics_said && strcmp(d->nic_said[i].name, nic->name) != 0)
		i++;
	bool unknown = i == d->nics_said;
	if (unknown && i < sizeof(d->nic_said) / sizeof(d->nic_said[0]))
		d->nics_said++;
	else if (unknown || d->nic_said[i].why == nic->why)
		return;
	memcpy(d->nic_said[i].name, nic->name, sizeof(nic->name));
	d->nic_said[i].why = nic->why;
	if (nic->why || !starting)
		log_say(nic->why ? LEVEL_WARNING : LEVEL_INFO, "%s is %s%s%s", nic->name,
			nic->usable ? "used" : "not used",
			!nic->why     ? ""
			: nic->usable ? " "
				      : ": ",
			nic->why ? nic->why : "");
}

/* Why a NIC is not used, and when that changes. */
static void say_nics(struct daemon *d, bool starting)
{
	const struct hostnet_nic *nic[2];
	size_t n[2] = {hostnet_nics(d->hostnet, &nic[0]), hostnet_left_out(d->hostnet, &nic[1])};
	for (size_t i = d->nics_said; i-- > 0;) {
		bool there = false;
		for (size_t k = 0; k < n[0] + n[1] && !there; k++)
			there = strcmp(d->nic_said[i].name,
					k < n[0] ? nic[0][k].name : nic[1][k - n[0]].name) == 0;
		if (there)
			continue;
		log_say(LEVEL_INFO, "%s is gone", d->nic_said[i].name);
		d->nic_said[i] = d->nic_said[--d->nics_said];
	}
	for (size_t list = 0; list < 2; list++)
		for (size_t i = 0; i < n[list]; i++)
			say_nic(d, &nic[list][i], starting);
}

void daemon_host_changed(struct daemon *d)
{
	char *error = NULL;
	int what = hostnet_process(d->hostnet, &error);
	if (what > 0 && what & HOSTNET_NICS_CHANGED &&
		(follow_nics(d, false, &error) < 0 || follow_mtu(d, &error) < 0))
		what = -1;
	repeat_warning(d);
	say_nics(d, false);
	if (what < 0)
		log_say(LEVEL_ERROR, "%s", error ? error : strerror(errno));
	free(error);
}

void daemon_retry_wire(struct daemon *d)
{
	char *error = NULL;
	d->wire_retry = USEC_NEVER;
	if (d->hostnet && (follow_nics(d, false, &error) < 0 || follow_mtu(d, &error) < 0))
		log_say(LEVEL_ERROR, "%s", error ? error : strerror(errno));
	free(error);
}

void daemon_lost_guard(struct daemon *d)
{
	log_say(LEVEL_WARNING,
		"the guard process has ended: if mpipd is killed now, its routing rules stay");
	guard_end(&d->guard);
}

/* Looking on */

static json_t *nic_json(const struct hostnet_nic *nic)
{
	bool has = !address_is_none(nic->address);
	return json_pack("{s:s, s:s?, s:o, s:b, s:s?}", "name", nic->name, "address",
		has ? address_text(nic->address).text : NULL, "mtu",
		has ? json_integer(nic->mtu) : json_null(), "usable", nic->usable, "reason",
		nic->why);
}

static json_t *nics_json(const struct daemon *d)
{
	json_t *all = json_array();
	const struct hostnet_nic *nic;
	size_t n = d->hostnet ? hostnet_nics(d->hostnet, &nic) : 0;
	for (size_t i = 0; i < n; i++) {
		struct hostnet_nic shown = nic[i];
		if (d->wire_missing && shown.usable &&
			!address_list_has(&d->addresses, shown.address)) {
			shown.usable = false;
			shown.why = "its sockets or its filter could not be had: the log says why";
		}
		json_array_append_new(all, nic_json(&shown));
	}
	n = d->hostnet ? hostnet_left_out(d->hostnet, &nic) : 0;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, nic_json(&nic[i]));
	return all;
}

static json_t *status_json(void *context)
{
	struct daemon *d = context;
	unsigned sessions = 0;
	for (const struct session *s = engine_next_session(d->engine, NULL); s;
		s = engine_next_session(d->engine, s))
		sessions += s->mp != NULL;
	const struct settings *set = engine_settings(d->engine);
	const uint8_t *n = d->node.b;
	return json_pack("{s:s, s:i, s:o, s:f, s:s, s:s, s:i, s:s, s:i, s:i, s:i, s:o}", "version",
		version_text(), "pid", (int)getpid(), "node_id",
		json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", n[0], n[1], n[2], n[3], n[4], n[5]),
		"uptime_s", (double)usec_sub(d->now, d->started).us / 1e6, "wire_form",
		encap_names[set->encap], "scheduler", scheduler_names[set->scheduler], "wire_port",
		ntohs(d->config.wire_port), "tun", d->tun.name, "sessions", (int)sessions, "peers",
		(int)HASH_COUNT(engine_peers(d->engine)->peer), "monitors",
		(int)monitors_count(&d->control.monitors), "nics", nics_json(d));
}

static void add_counter(
	json_t *all, json_t *about, const char *name, uint64_t value, const char *text)
{
	json_object_set_new(all, name, json_integer((json_int_t)value));
	json_object_set_new(about, name, json_string(text));
}

static json_t *io_stats_json(void *context, json_t *about)
{
	struct daemon *d = context;
	json_t *all = json_object();
	struct ingress_counters counters;
	const struct {
		const char *name;
		uint64_t value;
		const char *text;
	} rows[] = {
		{"turns", d->turns, "times that mpipd woke up and took what had come"},
		{"tun_reads", d->tun.reads, "reads of the TUN: packets from applications"},
		{"tun_writes", d->tun.writes, "writes to the TUN: packets to applications"},
		{"tun_written_packets", d->tun.written_packets, "packets in these writes"},
		{"hook_reads", d->hook.reads, "reads of what the ingress filter took"},
		{"wire_send_calls", d->wire.send_calls, "system calls that sent to the network"},
		{"wire_sent_messages", d->wire.sent_messages,
			"messages in them, a super-packet as one"},
		{"wire_sent_packets", d->wire.sent_packets, "packets in these messages"},
		{"wire_receive_calls", d->wire.receive_calls,
			"system calls that received from the network"},
		{"wire_received_packets", d->wire.received_packets, "packets in them"},
		{"drop_tun_read", d->tun.read_errors + d->hook.read_errors,
			"dropped: could not be read from a TUN"},
		{"drop_tun_write", d->tun.write_errors, "dropped: the TUN did not take it"},
		{"drop_send_buffer", d->wire.drop_send_buffer,
			"dropped: a NIC's send buffer was full"},
		{"drop_too_long", d->wire.drop_too_long,
			"dropped: longer than the MTU of the way out"},
		{"drop_send_error", d->wire.drop_send_error,
			"dropped: the kernel refused to send it"},
		{"drop_truncated", d->wire.drop_truncated,
			"dropped: cut short when it was received"},
		{"steer_errors", d->steer_errors,
			"paths that the ingress filter's table had no room for"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		add_counter(all, about, rows[i].name, rows[i].value, rows[i].text);
	if (ingress_counters(d->ingress, &counters) == 0)
		for (int i = 0; i < INGRESS_COUNTERS; i++)
			add_counter(all, about, ingress_counter_names[i], counters.value[i],
				ingress_counter_texts[i]);
	return all;
}

/* Life */

/* The engine's observer. */
static void observe(void *context, const struct event *event, struct usec now)
{
	struct daemon *d = context;
	log_event(event, now);
	monitors_event(&d->control.monitors, event, now);
	if (d->path_log)
		pathlog_event(d->path_log, event, now);
}

static struct engine *make_engine(struct daemon *d)
{
	const struct hostnet_nic *nic;
	size_t count = hostnet_nics(d->hostnet, &nic);
	struct engine_setup setup = {.settings = d->config.settings,
		.wire_port = d->config.wire_port,
		.started = d->started,
		.observer = observe,
		.observer_context = d};
	if (!d->config.seeded &&
		getrandom(&setup.settings.seed, sizeof(setup.settings.seed), 0) < 0)
		return NULL;
	/* 3.1: the MAC address of one of the NICs, kept until exit. */
	if (count > 0)
		memcpy(setup.node.b, nic[0].mac, sizeof(setup.node.b));
	d->node = setup.node;
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

static int take_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* In nanoseconds: the pauses of a busy daemon are shorter than the default slack. */
	prctl(PR_SET_TIMERSLACK, 1000);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool may_use_maps(void *context)
{
	struct daemon *d = context;
	struct ingress_counters counters;
	return ingress_counters(d->ingress, &counters) == 0;
}

int daemon_open(struct daemon *d, const char *path_log, char **error)
{
	d->epoll = d->tun.fd = d->hook.fd = d->control.fd = d->guard.fd = -1;
	d->wire.raw_any = d->wire.reserved_udp = d->wire.reserved_tcp = -1;
	d->wire_retry = USEC_NEVER;
	d->leave_at = d->keep_next = d->control.expires = USEC_NEVER;
	d->actions = (struct actions){.wire = d->wire_slots,
		.host = d->host_slots,
		.steer = d->steer_slots,
		.wire_capacity = WIRE_SLOTS,
		.host_capacity = HOST_SLOTS,
		.steer_capacity = STEER_SLOTS};
	d->started = d->now = daemon_clock();
	d->signals = take_signals();

	char hook_name[IFNAMSIZ];
	struct hostnet_config net = {
		.interfaces = d->config.interfaces[0] ? d->config.interfaces : NULL,
		.table_base = d->config.table,
		.rule_priority = d->config.rule_priority,
		.mark = d->config.mark,
		.mask = d->config.mask};
	snprintf(hook_name, sizeof(hook_name), "%.12srx", d->config.tun);
	if (hostnet_privileged(error) < 0 || hostnet_open(&d->hostnet, &net, error) < 0)
		return -1;
	const struct hostnet_nic *nic;
	if (hostnet_nics(d->hostnet, &nic) == 0) {
		*error = strdup("no network interface with an IPv4 address");
		return -1;
	}

	if (guard_start(&d->guard, d->config.tun) < 0)
		log_say(LEVEL_WARNING,
			"no guard process: %s: if mpipd is killed, its routing rules stay",
			strerror(errno));
	/* The TUN first: a second daemon finds it in use, before it has touched anything. */
	if (tun_open(&d->tun, d->config.tun, error) < 0 ||
		tun_open(&d->hook, hook_name, error) < 0 || bring_up(d->hook.ifindex, error) < 0 ||
		control_open(&d->control, d->config.socket[0] ? d->config.socket : NULL, error) < 0)
		return -1;
	if (path_log && !(d->path_log = pathlog_open(path_log, error)))
		return -1;
	d->engine = make_engine(d);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	monitors_open(&d->control.monitors, d->epoll, SOURCE_MONITOR);
	if (!d->engine || d->epoll < 0 || watch(d, EPOLL_CTL_ADD, d->tun.fd, SOURCE_TUN) < 0 ||
		watch(d, EPOLL_CTL_ADD, d->hook.fd, SOURCE_HOOK) < 0 ||
		watch(d, EPOLL_CTL_ADD, hostnet_fd(d->hostnet), SOURCE_HOSTNET) < 0 ||
		watch(d, EPOLL_CTL_ADD, d->control.epoll, SOURCE_CONTROL) < 0 ||
		watch(d, EPOLL_CTL_ADD, d->signals, SOURCE_SIGNAL) < 0)
		return -1;
	if (d->guard.process && watch(d, EPOLL_CTL_ADD, d->guard.fd, SOURCE_GUARD) < 0)
		return -1;
	if (ingress_open(&d->ingress, d->hook.ifindex, 0, error) < 0)
		return -1;
	d->flows =
		(struct flows){.ingress = d->ingress, .linger = d->config.settings.session_expiry};
	if (wirelink_open(&d->wire, d->config.wire_port, d->config.mark, error) < 0 ||
		follow_nics(d, true, error) < 0)
		return -1;
	if (follow_mtu(d, error) < 0)
		return -1;
	repeat_warning(d);
	say_nics(d, true);
	d->inherited_until = usec_add(d->now, d->config.settings.session_expiry);
	d->control.status = status_json;
	d->control.io_stats = io_stats_json;
	d->control.context = d;
	confine(d->config.wire_port, may_use_maps, d);
	return 0;
}

void daemon_close(struct daemon *d)
{
	free(d->warning);
	hostnet_close(d->hostnet);
	guard_end(&d->guard);
	flows_free(&d->flows);
	if (!d->keep_filter)
		ingress_close(d->ingress);
	wirelink_close(&d->wire);
	control_close(&d->control);
	tun_close(&d->hook);
	tun_close(&d->tun);
	engine_free(d->engine);
	pathlog_close(d->path_log);
	if (d->epoll >= 0)
		close(d->epoll);
	if (d->signals >= 0)
		close(d->signals);
	config_close(&d->config);
}

/* The first signal ends the multipath, a second one the waiting for what is under way. */
static uint64_t cms_that_came(const struct daemon *d)
{
	const struct stats *stats = engine_stats(d->engine);
	return stats->n[STAT_RECEIVED_MULTIPATH] + stats->n[STAT_HEARTBEATS_RECEIVED] +
	       stats->n[STAT_DROP_UNKNOWN_SESSION];
}

bool daemon_may_end(struct daemon *d)
{
	uint64_t came = cms_that_came(d);
	bool quiet = came == d->came;
	d->came = came;
	if (quiet)
		return true;
	if (usec_before(d->now, d->leave_last)) {
		d->leave_at = usec_add(d->now, QUIET);
		return false;
	}
	/* As after kill -9: no application reads a CM. The next mpipd takes the filter over. */
	d->keep_filter = true;
	log_say(LEVEL_WARNING, "peers still send over several paths; the ingress filter stays");
	return true;
}

void daemon_leave(struct daemon *d)
{
	struct signalfd_siginfo info;
	if (read(d->signals, &info, sizeof(info)) < 0)
		return;
	if (d->leave_at.us != USEC_NEVER.us) {
		d->leave_at = d->leave_last = d->now;
		return;
	}
	log_say(LEVEL_INFO, "%s: back to the regular connections", strsignal((int)info.ssi_signo));
	unsigned sessions = 0;
	for (const struct session *s = engine_next_session(d->engine, NULL); s;
		s = engine_next_session(d->engine, s))
		sessions += s->mp != NULL;
	hostnet_close(d->hostnet);
	d->hostnet = NULL;
	engine_leave(d->engine, d->now, &d->actions);
	daemon_carry_out(d);
	d->came = cms_that_came(d);
	d->leave_at = sessions ? usec_add(d->now, LINGER) : d->now;
	d->leave_last = usec_add(d->now, LINGER_MAX);
}
