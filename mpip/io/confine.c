// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a working mpipd may do.
 *
 * Theory of operation: root's capabilities are needed to load eBPF and to make TUNs; afterwards few
 * are. The bounding set goes first, as that takes CAP_SETPCAP, which goes with the rest. CAP_BPF
 * is laid down, tried without, and taken up again if that was wrong; only then it is given up.
 */

#include "mpip/io/confine.h"

#include "mpip/io/log.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

static void keep(in_port_t wire_port, bool bpf_permitted, bool bpf_effective)
{
	capng_clear(CAPNG_SELECT_ALL);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, CAP_NET_RAW, -1);
	if (ntohs(wire_port) < 1024)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_BIND_SERVICE);
	if (bpf_permitted)
		capng_update(CAPNG_ADD, CAPNG_PERMITTED, CAP_BPF);
	if (bpf_effective)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_BPF);
}

void confine_guard(void)
{
	static const capng_select_t sets[] = {CAPNG_SELECT_BOUNDS, CAPNG_SELECT_CAPS};
	for (int i = 0; i < 2; i++) {
		capng_clear(CAPNG_SELECT_ALL);
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
		(void)capng_apply(sets[i]);
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void confine(in_port_t wire_port, bool (*may_use_maps)(void *context), void *context)
{
	if (capng_get_caps_process() < 0) {
		log_say(LEVEL_WARNING, "cannot give capabilities up: %s", strerror(errno));
		return;
	}
	bool has_bpf = capng_have_capability(CAPNG_PERMITTED, CAP_BPF);
	keep(wire_port, has_bpf, false);
	if (capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		log_say(LEVEL_WARNING, "the bounding set of capabilities stays: %s",
			strerror(errno));
	keep(wire_port, has_bpf, false);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		log_say(LEVEL_WARNING, "cannot give capabilities up: %s", strerror(errno));
	has_bpf = has_bpf && !may_use_maps(context);
	keep(wire_port, has_bpf, has_bpf);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		log_say(LEVEL_WARNING, "cannot give capabilities up: %s", strerror(errno));
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		log_say(LEVEL_WARNING, "no_new_privs: %s", strerror(errno));
}
