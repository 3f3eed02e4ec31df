// SPDX-License-Identifier: BSD-2-Clause
/* The protocol's numbers and where they come from. */

#include "mpip/core/settings.h"

const char *const encap_names[] = {"udp", "literal", "fake-tcp", NULL};
const char *const scheduler_names[] = {
	"algorithm-1", "uncoupled", "fixed", "lowest-delay", "burst", NULL};
const char *const min_delay_names[] = {"windowed", "plain", NULL};

struct settings settings_default(void)
{
	return (struct settings){
		.encap = ENCAP_UDP,
		.wire_fallback = true,
		.wire_probes = 6,
		.path_retry = usec_ms(60 * 1000),
		.scheduler = SCHED_ALGORITHM_1,
		.query_threshold = 5,
		.query_interval = usec_ms(100),
		.query_grace = usec_ms(500),
		.no_expiry = usec_ms(600 * 1000),
		.session_expiry = usec_ms(120 * 1000),
		.fallback = usec_ms(500),
		.session_retry = usec_ms(5000),
		.heartbeat = usec_ms(300),
		.delay_gain_shift = 3,
		.min_delay_window = usec_ms(60 * 1000),
		.weight_step = 10,
		.weight_period = usec_ms(100),
		.weight_total = 1000,
		.weight_min = 1,
		.weight_max = 1000,
		.silence_min = usec_ms(200),
		.silence_max = usec_ms(400),
		.probe_interval = usec_ms(250),
		.maintenance = usec_ms(50),
		.reorder_packets = 10,
		.reorder_hold = usec_ms(20),
		.max_sessions = 4096,
		.max_paths = 16384,
		.max_peers = 1024,
		.max_addresses = 4096,
		.reorder_pool = 4096,
	};
}
