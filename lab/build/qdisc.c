// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rate, delay, jitter and loss.
 *
 * Theory of operation
 * -------------------
 * A rate is a token bucket (TBF). Its bucket holds what the rate sends in BURST_US: a CPU that
 * serves a timer late must be able to catch up, or the link is slower than it says. Measured on a
 * virtual machine whose host takes its CPUs away for moments (10 % steal), plain TCP over 100
 * Mbit/s: 78 to 87 Mbit/s with 0.5 ms, 86 to 95 with 1.2 ms, 93 to 96 with 2.4 ms. It is small
 * against the queue, which is the link's.
 *
 * netem's message is filled in by hand. libnl has no setter for delays in ns, and takes the loss as
 * a signed int, although the kernel's scale goes to 2^32-1: nothing above 50 % could be said. netem
 * gets room for as many packets in flight as a machine can send while they are delayed, because the
 * queue that may overflow is TBF's.
 *
 * netem alone lets packets with jitter overtake each other: each is sorted in by its own time. With
 * a rate it takes the last packet in its queue as the earliest time for the next one. So a rate at
 * which a frame takes less than a nanosecond keeps the order and does nothing else: a packet leaves
 * when its own delay is over, and not before the one ahead of it (jitter.h has the law of that).
 *
 * A redirect is clsact's ingress hook with a u32 filter that matches every frame (this is what
 * "matchall" is for, but not every kernel has that) and the action mirred. u32 wants at least one
 * key: 32 bits of which none is looked at.
 *
 * mirred's own redirect hands over the packet as it is, and a packet from a socket of this machine
 * is still charged to that socket: its sender would be held back by a queue in the router as if
 * that were its own (TCP's small queues would keep it near 1 ms, UDP would block instead of losing
 * packets), which no sender across a real cable is. Mirroring and then eating the original passes a
 * clone on, which is charged to nobody.
 */

#include "lab/build/qdisc.h"

#include "lab/build/netns.h"
#include "lab/scenario/jitter.h"
#include "mpip/base/error.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <math.h>
#include <netlink/route/act/mirred.h>
#include <netlink/route/action.h>
#include <netlink/route/classifier.h>
#include <netlink/route/cls/u32.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/tc.h>
#include <stdlib.h>
#include <string.h>

#define BURST_FRAMES 4
#define BURST_US     2000

#define NETEM_LIMIT    100000           /* packets, at least */
#define NETEM_LIMIT_MS 2000             /* packets for each ms of delay */
#define IN_ORDER_RATE  1000000000000000 /* bytes per second */
#define NETEM_MSG_SIZE 16384            /* a table of 4096 numbers is its largest part */

static struct rtnl_qdisc *root_qdisc(int ifindex, const char *kind)
{
	struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();
	if (!qdisc)
		abort();
	rtnl_tc_set_ifindex(TC_CAST(qdisc), ifindex);
	rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
	rtnl_tc_set_handle(TC_CAST(qdisc), TC_HANDLE(1, 0));
	if (kind && rtnl_tc_set_kind(TC_CAST(qdisc), kind) < 0)
		abort();
	return qdisc;
}

static int fail_tc(struct ns *ns, const char *interface, const char *what, int err, char **error)
{
	return error_set(
		error, "%s.%s: cannot add %s: %s", ns->name, interface, what, nl_geterror(err));
}

double qdisc_burst(const struct shape *shape)
{
	return fmax(BURST_FRAMES * LAB_FRAME_BYTES, shape->rate_mbit / 8 * BURST_US);
}

static int send_tbf(struct ns *ns, const char *interface, const struct shape *shape, double burst,
	int flags, char **error)
{
	int ifindex = net_index(ns, interface, error);
	if (!ifindex)
		return -1;

	double bytes_per_s = shape->rate_mbit * 1e6 / 8;
	struct rtnl_qdisc *qdisc = root_qdisc(ifindex, "tbf");
	rtnl_qdisc_tbf_set_limit(qdisc, shape->queue_packets * LAB_FRAME_BYTES);
	rtnl_qdisc_tbf_set_rate(qdisc, (int)lround(bytes_per_s), (int)lround(burst), 0);
	int err = rtnl_qdisc_add(ns->nl, qdisc, flags);
	rtnl_qdisc_put(qdisc);
	return err < 0 ? fail_tc(ns, interface, "TBF", err, error) : 0;
}

int qdisc_rate(struct ns *ns, const char *interface, const struct shape *shape, char **error)
{
	return send_tbf(ns, interface, shape, qdisc_burst(shape), NLM_F_CREATE | NLM_F_EXCL, error);
}

int qdisc_change_rate(
	struct ns *ns, const char *interface, const struct shape *shape, double burst, char **error)
{
	return send_tbf(ns, interface, shape, burst, NLM_F_REPLACE, error);
}

static uint32_t netem_limit(const struct shape *shape)
{
	return (uint32_t)fmax(NETEM_LIMIT, ceil(jitter_longest_ms(shape)) * NETEM_LIMIT_MS);
}

static int send_netem(struct ns *ns, int ifindex, const struct shape *shape, int flags)
{
	struct tcmsg tc = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_ROOT,
		.tcm_handle = TC_HANDLE(1, 0),
	};
	struct tc_netem_qopt options = {
		.limit = netem_limit(shape),
		.loss = (uint32_t)llround(shape->loss_percent / 100 * UINT32_MAX),
	};
	int64_t delay = llround(shape->delay_ms * 1e6), jitter = llround(shape->jitter_ms * 1e6);

	struct nl_msg *msg = nlmsg_alloc_size(NETEM_MSG_SIZE);
	if (!msg ||
		!nlmsg_put(
			msg, NL_AUTO_PORT, NL_AUTO_SEQ, RTM_NEWQDISC, 0, NLM_F_REQUEST | flags) ||
		nlmsg_append(msg, &tc, sizeof(tc), NLMSG_ALIGNTO) < 0 ||
		nla_put_string(msg, TCA_KIND, "netem") < 0)
		abort();
	/* The struct comes first inside TCA_OPTIONS, then attributes. */
	struct nlattr *nest = nla_nest_start(msg, TCA_OPTIONS);
	if (!nest || nlmsg_append(msg, &options, sizeof(options), NLMSG_ALIGNTO) < 0 ||
		nla_put(msg, TCA_NETEM_LATENCY64, sizeof(delay), &delay) < 0 ||
		nla_put(msg, TCA_NETEM_JITTER64, sizeof(jitter), &jitter) < 0)
		abort();
	size_t n;
	const int16_t *table = jitter > 0 ? jitter_table(shape->distribution, &n) : NULL;
	if ((table && nla_put(msg, TCA_NETEM_DELAY_DIST, (int)(n * sizeof(*table)), table) < 0) ||
		(jitter > 0 && !shape->reorder &&
			nla_put_u64(msg, TCA_NETEM_RATE64, IN_ORDER_RATE) < 0))
		abort();
	nla_nest_end(msg, nest);
	return nl_send_sync(ns->nl, msg);
}

static int set_netem(
	struct ns *ns, const char *interface, const struct shape *shape, int flags, char **error)
{
	int ifindex = net_index(ns, interface, error);
	if (!ifindex)
		return -1;
	int err = send_netem(ns, ifindex, shape, flags);
	return err < 0 ? fail_tc(ns, interface, "netem", err, error) : 0;
}

int qdisc_netem(struct ns *ns, const char *interface, const struct shape *shape, char **error)
{
	return set_netem(ns, interface, shape, NLM_F_CREATE | NLM_F_EXCL, error);
}

int qdisc_change_netem(
	struct ns *ns, const char *interface, const struct shape *shape, char **error)
{
	return set_netem(ns, interface, shape, NLM_F_REPLACE, error);
}

int qdisc_kernel_has_netem(char **error)
{
	int fd = netns_scratch(error);
	if (fd < 0)
		return -1;
	struct ns ns;
	int result = ns_open(&ns, "scratch", fd, error);
	int lo = result == 0 ? net_index(&ns, "lo", error) : 0;
	if (lo) {
		int err = send_netem(
			&ns, lo, &(struct shape){.delay_ms = 1}, NLM_F_CREATE | NLM_F_EXCL);
		if (err == 0)
			result = 1;
		else if (err == -NLE_OBJ_NOTFOUND)
			result = 0;
		else
			result = fail_tc(&ns, "lo", "netem", err, error);
	} else {
		result = -1;
	}
	ns_close(&ns);
	return result;
}

static int add_clsact(struct ns *ns, int ifindex)
{
	struct rtnl_qdisc *qdisc = root_qdisc(ifindex, "clsact");
	rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_CLSACT);
	rtnl_tc_set_handle(TC_CAST(qdisc), TC_H_MAKE(TC_H_CLSACT, 0));
	int err = rtnl_qdisc_add(ns->nl, qdisc, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_qdisc_put(qdisc);
	return err;
}

static int add_redirect_filter(struct ns *ns, int from, int to, bool orphan)
{
	struct rtnl_act *mirred = rtnl_act_alloc();
	struct rtnl_cls *filter = rtnl_cls_alloc();
	if (!mirred || !filter || rtnl_tc_set_kind(TC_CAST(mirred), "mirred") < 0 ||
		rtnl_tc_set_kind(TC_CAST(filter), "u32") < 0)
		abort();
	rtnl_mirred_set_action(mirred, orphan ? TCA_EGRESS_MIRROR : TCA_EGRESS_REDIR);
	rtnl_mirred_set_policy(mirred, TC_ACT_STOLEN);
	rtnl_mirred_set_ifindex(mirred, (uint32_t)to);

	rtnl_tc_set_ifindex(TC_CAST(filter), from);
	rtnl_tc_set_parent(TC_CAST(filter), TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS));
	rtnl_cls_set_prio(filter, 1);
	rtnl_cls_set_protocol(filter, ETH_P_ALL);
	int err = rtnl_u32_add_key_uint32(filter, 0, 0, 0, 0);
	if (err >= 0)
		err = rtnl_u32_add_action(filter, mirred);
	if (err >= 0)
		err = rtnl_u32_set_cls_terminal(filter);
	if (err >= 0)
		err = rtnl_cls_add(ns->nl, filter, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_cls_put(filter);
	rtnl_act_put(mirred);
	return err;
}

int qdisc_redirect(struct ns *ns, const char *from, const char *to, bool orphan, char **error)
{
	int from_index = net_index(ns, from, error), to_index = net_index(ns, to, error);
	if (!from_index || !to_index)
		return -1;
	int err = add_clsact(ns, from_index);
	if (err < 0)
		return fail_tc(ns, from, "clsact", err, error);
	err = add_redirect_filter(ns, from_index, to_index, orphan);
	return err < 0 ? fail_tc(ns, from, "a u32 filter with mirred", err, error) : 0;
}

json_t *qdisc_counters(struct ns *ns, const char *interface, char **error)
{
	int ifindex = net_index(ns, interface, error);
	if (!ifindex)
		return NULL;
	struct nl_cache *cache;
	int err = rtnl_qdisc_alloc_cache(ns->nl, &cache);
	if (err < 0) {
		error_set(error, "%s: reading qdiscs: %s", ns->name, nl_geterror(err));
		return NULL;
	}
	json_t *out = NULL;
	struct rtnl_qdisc *qdisc = rtnl_qdisc_get_by_parent(cache, ifindex, TC_H_ROOT);
	if (qdisc) {
		struct rtnl_tc *tc = TC_CAST(qdisc);
		out = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "interface", interface,
			"kind", rtnl_tc_get_kind(tc), "bytes",
			(json_int_t)rtnl_tc_get_stat(tc, RTNL_TC_BYTES), "packets",
			(json_int_t)rtnl_tc_get_stat(tc, RTNL_TC_PACKETS), "drops",
			(json_int_t)rtnl_tc_get_stat(tc, RTNL_TC_DROPS), "overlimits",
			(json_int_t)rtnl_tc_get_stat(tc, RTNL_TC_OVERLIMITS), "backlog_bytes",
			(json_int_t)rtnl_tc_get_stat(tc, RTNL_TC_BACKLOG), "backlog_packets",
			(json_int_t)rtnl_tc_get_stat(tc, RTNL_TC_QLEN));
		rtnl_qdisc_put(qdisc);
	} else {
		error_set(error, "%s.%s: expected a root qdisc, it is gone", ns->name, interface);
	}
	nl_cache_free(cache);
	return out;
}
