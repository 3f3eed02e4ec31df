// SPDX-License-Identifier: BSD-2-Clause
/*
 * engine_bench CASE: sends packets from one engine to another (engine_testbed.h), for ci/bench.sh,
 * which counts the instructions of the engine's entries with callgrind. Prints how many packets of
 * user data the client has sent, which is what the instructions are divided by.
 */

#include "mpip/core/engine_testbed.h"

#define WARM_UP 600 /* packets: by then every path is in use, and its MTU found */
#define COUNT   2000

struct bench {
	const char *name;
	enum wire_form wire_form;
	bool server_has_mpip, udp;
	unsigned segments;
};

static const struct bench benches[] = {
	{"udp", WIRE_UDP, true, false, 1},
	{"udp-super", WIRE_UDP, true, false, 16},
	{"udp-datagrams", WIRE_UDP, true, true, 1},
	{"fake-tcp", WIRE_FAKE_TCP, true, false, 1},
	{"literal", WIRE_LITERAL, true, false, 1},
	{"regular", WIRE_UDP, false, false, 1},
};

static int run(const struct bench *b)
{
	struct settings settings = settings_default();
	settings.wire_form = b->wire_form;
	struct world *w = world_of(settings, b->server_has_mpip);
	uint64_t before, after;
	if (b->udp) {
		datagrams(w, 0, WARM_UP);
		before = w->host[1].udp.packets;
		datagrams(w, 0, COUNT);
		after = w->host[1].udp.packets;
	} else {
		connect_tcp(w);
		uint32_t seq = transfer(w, 0, 1, WARM_UP, b->segments);
		before = w->host[1].tcp.packets;
		transfer(w, 0, seq, COUNT, b->segments);
		after = w->host[1].tcp.packets;
	}
	printf("%llu of %llu\n", (unsigned long long)(after - before), (unsigned long long)after);
	world_free(w);
	return after > before ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
			puts(benches[i].name);
	for (size_t i = 0; argc == 2 && i < sizeof(benches) / sizeof(benches[0]); i++)
		if (strcmp(benches[i].name, argv[1]) == 0)
			return run(&benches[i]);
	return argc != 1;
}
