// SPDX-License-Identifier: BSD-2-Clause
/*
 * Counting by pairs of addresses.
 *
 * Theory of operation
 * -------------------
 * The links' counters cannot tell paths apart: with two NICs at each end, four paths share four
 * links. So each router port gets a packet socket with the filter of pairs.bpf.c, which is embedded
 * in this program. The sockets are opened inside the router's namespace; filter and table are one
 * for all. Nothing in the lab changes by this, and everything is gone with the sockets.
 */

#include "experiments/probe/pairs.h"

#include "experiments/probe/pairs_map.h"
#include "lab/build/lab.h"
#include "lab/build/netns.h"
#include "mpip/base/error.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* clang-format off */
__asm__(".section .rodata\n"
	".balign 8\n"
	"pairs_object:\n"
	".incbin \"experiments/probe/pairs.bpf.o\"\n"
	"pairs_object_end:\n"
	".balign 8\n"
	"pairs_object_size:\n"
	".quad pairs_object_end - pairs_object\n"
	".previous\n");
/* clang-format on */
extern const char pairs_object[];
extern const uint64_t pairs_object_size;

struct pairs {
	struct bpf_object *object;
	int program, map;
	int *sockets;
	size_t count;
};

/* libbpf would write to standard error by itself; we report what matters. */
static int silent(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level, (void)format, (void)ap;
	return 0;
}

static int load(struct pairs *p, char **error)
{
	libbpf_set_print(silent);
	p->object = bpf_object__open_mem(pairs_object, pairs_object_size, NULL);
	if (!p->object || bpf_object__load(p->object) != 0)
		return error_set(error, "the router's counting filter cannot be loaded: %s",
			strerror(errno));
	struct bpf_program *program = bpf_object__find_program_by_name(p->object, "count_pair");
	struct bpf_map *map = bpf_object__find_map_by_name(p->object, "pairs");
	p->program = bpf_program__fd(program);
	p->map = bpf_map__fd(map);
	return 0;
}

/* A packet socket on one port, made by a visitor of the router's namespace. */
static int watch_here(struct pairs *p, const char *port, char **error)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(error, "%s: packet socket: %s", port, strerror(errno));
	p->sockets[p->count++] = fd;

	/* The filter first: bound to a protocol, the socket begins to see packets. */
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(port),
	};
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &p->program, sizeof(p->program)) != 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return error_set(error, "%s: counting filter: %s", port, strerror(errno));
	return 0;
}

static int watch(struct pairs *p, const struct scenario *s, const struct lab_link *link,
	const char *lab, char **error)
{
	const struct node *router = &s->nodes[link->far.node];
	int there = lab_netns(lab, router->name, error);
	int home = there < 0 ? -1 : netns_visit(there, error);
	int rc = home < 0 ? -1 : watch_here(p, scenario_nic(s, link->far)->name, error);
	if (home >= 0)
		netns_leave(home);
	if (there >= 0)
		close(there);
	return rc;
}

struct pairs *pairs_open(const struct scenario *s, const char *lab, char **error)
{
	struct pairs *p = calloc(1, sizeof(*p));
	if (!p || !(p->sockets = calloc(s->n_links + 1, sizeof(*p->sockets))))
		abort();
	int rc = load(p, error);
	/* Between routers a packet is on its way: it counts where it leaves for a host. */
	for (size_t i = 0; rc == 0 && i < s->n_links; i++)
		if (!s->nodes[s->links[i].near.node].router)
			rc = watch(p, s, &s->links[i], lab, error);
	if (rc == 0)
		return p;
	pairs_close(p);
	return NULL;
}

void pairs_close(struct pairs *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++)
		close(p->sockets[i]);
	bpf_object__close(p->object);
	free(p->sockets);
	free(p);
}

static int by_addresses(const void *a, const void *b)
{
	const struct pair_key *x = a, *y = b;
	if (x->src != y->src)
		return ntohl(x->src) < ntohl(y->src) ? -1 : 1;
	return ntohl(x->dst) < ntohl(y->dst) ? -1 : ntohl(x->dst) > ntohl(y->dst);
}

json_t *pairs_read(const struct pairs *p, char **error)
{
	struct pair_key keys[PAIRS_MAX];
	size_t count = 0;
	while (count < PAIRS_MAX &&
		bpf_map_get_next_key(p->map, count ? &keys[count - 1] : NULL, &keys[count]) == 0)
		count++;
	qsort(keys, count, sizeof(keys[0]), by_addresses);

	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		struct pair_count n;
		char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
		if (bpf_map_lookup_elem(p->map, &keys[i], &n) != 0) {
			error_set(error, "the router's counts cannot be read: %s", strerror(errno));
			json_decref(list);
			return NULL;
		}
		inet_ntop(AF_INET, &keys[i].src, src, sizeof(src));
		inet_ntop(AF_INET, &keys[i].dst, dst, sizeof(dst));
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:I, s:I, s:I}", "src", src, "dst", dst, "bytes",
				(json_int_t)n.bytes, "packets", (json_int_t)n.packets,
				"small_packets", (json_int_t)n.small_packets));
	}
	return list;
}
