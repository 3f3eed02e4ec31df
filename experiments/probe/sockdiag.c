// SPDX-License-Identifier: BSD-2-Clause
/*
 * TCP sockets by sock_diag.
 *
 * Theory of operation
 * -------------------
 * A netlink socket belongs to the namespace in which it was made, for as long as it lives. So we
 * step into the host's namespace, make it, step back, and can ask from outside once a second
 * without another process. The kernel sends one message per established TCP socket; a subflow of
 * MPTCP is a TCP socket with MPTCP as its upper layer, which an attribute tells. What is asked for
 * here is what no counter of a namespace tells: which congestion control each connection really
 * has, what BBR has made of the path, and how much went over which pair of addresses.
 */

#include "experiments/probe/sockdiag.h"

#include "mpip/base/files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_STATE_ESTABLISHED 1 /* the kernel's number, include/net/tcp_states.h */

/* The C library's struct tcp_info is older than these, and its header and linux/tcp.h, which has
 * them, exclude each other. */
struct tcp_details {
	struct tcp_info info;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
};

struct sockdiag {
	struct nl_sock *sock;
};

/* Linux hands out BBR's state when TCP Vegas' is asked for: the request has bits for eight kinds
 * only, and BBR's number is above them. */
#define ASK_FOR_BBR (1 << (INET_DIAG_VEGASINFO - 1))

struct wanted {
	uint16_t server_port, data_port;
	int count;
	bool mptcp;
	json_t *found;
};

/* Makes the socket while we are in the other namespace. */
static int connect_inside(struct nl_sock *sock, pid_t pid, char **error)
{
	char place[64];
	snprintf(place, sizeof(place), "/proc/%d/ns/net", (int)pid);
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(place, O_RDONLY | O_CLOEXEC);
	int rc = -1;
	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) != 0) {
		error_set(error, "%s: cannot be entered: %s", place, strerror(errno));
	} else {
		rc = nl_connect(sock, NETLINK_SOCK_DIAG);
		if (rc < 0)
			error_set(error,
				"socket diagnostics: %s; a kernel with CONFIG_INET_DIAG is needed",
				nl_geterror(rc));
		/* Without the way back nothing that follows would be right. */
		if (setns(home, CLONE_NEWNET) != 0)
			abort();
	}
	if (home >= 0)
		close(home);
	if (there >= 0)
		close(there);
	return rc < 0 ? -1 : 0;
}

struct sockdiag *sockdiag_open(pid_t pid, char **error)
{
	struct sockdiag *diag = calloc(1, sizeof(*diag));
	if (!diag || !(diag->sock = nl_socket_alloc()))
		abort();
	if (connect_inside(diag->sock, pid, error) == 0)
		return diag;
	sockdiag_close(diag);
	return NULL;
}

void sockdiag_close(struct sockdiag *diag)
{
	if (!diag)
		return;
	nl_socket_free(diag->sock);
	free(diag);
}

static bool is_data(const struct wanted *w, const struct inet_diag_msg *m, bool subflow)
{
	int src = ntohs(m->id.idiag_sport), dst = ntohs(m->id.idiag_dport);
	if (src != w->server_port && dst != w->server_port)
		return false;
	int other = src == w->server_port ? dst : src;
	return w->mptcp ? subflow : other >= w->data_port && other < w->data_port + w->count;
}

/* What BBR has found out about its path. NULL: the socket has another congestion control. */
static json_t *bbr_state(const struct nlattr *attribute)
{
	struct tcp_bbr_info bbr = {0};
	if (!attribute)
		return NULL;
	nla_memcpy(&bbr, attribute, sizeof(bbr));
	double bytes_per_s = (double)((uint64_t)bbr.bbr_bw_hi << 32 | bbr.bbr_bw_lo);
	return json_pack("{s:f, s:f, s:f, s:f}", "bandwidth_mbit", bytes_per_s * 8 / 1e6,
		"min_rtt_ms", bbr.bbr_min_rtt / 1000.0, "pacing_gain", bbr.bbr_pacing_gain / 256.0,
		"cwnd_gain", bbr.bbr_cwnd_gain / 256.0);
}

static int take_socket(struct nl_msg *msg, void *argument)
{
	struct wanted *w = argument;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct nlattr *attributes[INET_DIAG_MAX + 1];
	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		nlmsg_parse(header, sizeof(struct inet_diag_msg), attributes, INET_DIAG_MAX, NULL))
		return NL_SKIP;

	bool subflow = false;
	struct nlattr *ulp = attributes[INET_DIAG_ULP_INFO];
	if (ulp) {
		struct nlattr *name = nla_find(nla_data(ulp), nla_len(ulp), INET_ULP_INFO_NAME);
		subflow = name && strcmp(nla_get_string(name), "mptcp") == 0;
	}
	const struct inet_diag_msg *m = nlmsg_data(header);
	if (!is_data(w, m, subflow))
		return NL_OK;

	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, m->id.idiag_src, src, sizeof(src));
	inet_ntop(AF_INET, m->id.idiag_dst, dst, sizeof(dst));
	struct tcp_details tcp = {0};
	struct nlattr *details = attributes[INET_DIAG_INFO];
	if (details)
		nla_memcpy(&tcp, details, sizeof(tcp));
	struct nlattr *control = attributes[INET_DIAG_CONG];
	json_array_append_new(
		w->found, json_pack("{s:s, s:s, s:i, s:i, s:s, s:I, s:I, s:I, s:f, s:I, s:o*}",
				  "src", src, "dst", dst, "src_port", ntohs(m->id.idiag_sport),
				  "dst_port", ntohs(m->id.idiag_dport), "congestion_control",
				  control ? nla_get_string(control) : "unknown", "bytes_acked",
				  (json_int_t)tcp.bytes_acked, "bytes_received",
				  (json_int_t)tcp.bytes_received, "retransmitted_segments",
				  (json_int_t)tcp.info.tcpi_total_retrans, "rtt_ms",
				  tcp.info.tcpi_rtt / 1000.0, "cwnd_segments",
				  (json_int_t)tcp.info.tcpi_snd_cwnd, "bbr",
				  bbr_state(attributes[INET_DIAG_BBRINFO])));
	return NL_OK;
}

json_t *sockdiag_connections(struct sockdiag *diag, uint16_t server_port, uint16_t data_port,
	int count, bool mptcp, char **error)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = AF_INET,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_ext = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_CONG - 1) | ASK_FOR_BBR,
		.idiag_states = 1 << TCP_STATE_ESTABLISHED,
	};
	struct wanted w = {server_port, data_port, count, mptcp, json_array()};
	nl_socket_modify_cb(diag->sock, NL_CB_VALID, NL_CB_CUSTOM, take_socket, &w);

	int rc = nl_send_simple(
		diag->sock, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request));
	if (rc >= 0)
		rc = nl_recvmsgs_default(diag->sock);
	if (rc < 0) {
		error_set(error, "socket diagnostics: %s", nl_geterror(rc));
		json_decref(w.found);
		return NULL;
	}
	return w.found;
}
