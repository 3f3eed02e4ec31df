// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loading, attaching and feeding the ingress hook (ingress.bpf.c).
 *
 * Theory of operation
 * -------------------
 * The eBPF object is embedded in this program. One set of maps and one program serve all NICs; the
 * filter is a cls_bpf filter in direct action mode, at one fixed priority and handle, which is
 * where a successor finds it. On opening, every device of the namespace is asked for it; the first
 * found leads by its program to the predecessor's maps. Of these `flows`, `nics` and `counters`
 * are used on. `alive` is not: the predecessor's filters must stay stale until each is replaced,
 * since what they would take goes to a TUN that is no more.
 *
 * `nics` remembers where filters were put, and whether clsact came with them, so that the last
 * daemon's clean exit also removes what one that was killed had put there.
 */

#include "mpip/io/ingress/ingress.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define FILTER_PRIORITY  77 /* before those that the kernel numbers itself (49152 and down) */
#define FILTER_HANDLE    0x4d50
#define PROGRAM_NAME     "mpip_ingress"
#define STALE_NS_DEFAULT 300000000u

/* clang-format off */
__asm__(".section .rodata\n"
	".balign 8\n"
	"ingress_object:\n"
	".incbin \"mpip/io/ingress/ingress.bpf.o\"\n"
	".balign 8\n"
	"ingress_object_size:\n"
	".quad . - ingress_object\n"
	".previous\n");
/* clang-format on */
extern const char ingress_object[];
extern const uint64_t ingress_object_size; /* padding included, which ELF does not mind */

const char *const ingress_counter_names[INGRESS_COUNTERS] = {
	[INGRESS_TAKEN_FLOW] = "ingress_taken_flow",
	[INGRESS_TAKEN_FORM] = "ingress_taken_form",
	[INGRESS_PASSED_STALE_FLOW] = "ingress_passed_stale_flow",
	[INGRESS_PASSED_STALE_FORM] = "ingress_passed_stale_form",
	[INGRESS_DROPPED_STALE_CM] = "ingress_dropped_stale_cm",
	[INGRESS_DROPPED_STALE_EMPTY] = "ingress_dropped_stale_empty",
	[INGRESS_DROPPED_LOCAL] = "ingress_dropped_local",
	[INGRESS_TAKEN_ERROR] = "ingress_taken_error",
};

const char *const ingress_counter_texts[INGRESS_COUNTERS] = {
	[INGRESS_TAKEN_FLOW] = "packets taken by the ingress filter: of a known path",
	[INGRESS_TAKEN_FORM] = "packets taken by the ingress filter: they look like a query",
	[INGRESS_PASSED_STALE_FLOW] = "passed to the kernel: no CM, and mpipd did not answer",
	[INGRESS_PASSED_STALE_FORM] = "passed to the kernel: a query, and mpipd did not answer",
	[INGRESS_DROPPED_STALE_CM] = "dropped: a CM of a known path, and mpipd did not answer",
	[INGRESS_DROPPED_STALE_EMPTY] =
		"dropped: a query on an empty datagram, and mpipd did not answer",
	[INGRESS_DROPPED_LOCAL] = "dropped: written into the receiving TUN by a local program",
	[INGRESS_TAKEN_ERROR] = "ICMP errors taken by the ingress filter: about a known path",
};

struct ingress {
	struct bpf_object *object;
	int program, guard, flows, counters, nics;
	uint32_t known[INGRESS_NICS_MAX]; /* programs of ours: this one, and predecessors' */
	unsigned known_count;
	int rx_ifindex;
	int cpus;
	uint64_t opened_ns;
	uint64_t *alive; /* the mapped map */
	size_t alive_size;
};

static uint64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The first line of libbpf's first complaint about what is under way; it tells more than errno.
 * Those that follow only say what failed in consequence. */
static char complaint[200];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && complaint[0] == '\0') {
		vsnprintf(complaint, sizeof(complaint), format, args);
		complaint[strcspn(complaint, "\n")] = '\0';
	}
	return 0;
}

static int fail(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(char **error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (vasprintf(error, format, args) < 0)
		abort();
	va_end(args);
	return -1;
}

static const char *why(int err)
{
	switch (err) {
	case EPERM:
		return "not permitted: needs root, or CAP_BPF and CAP_NET_ADMIN";
	case EACCES:
		return "the kernel's verifier refuses it";
	case ENOSYS:
		return "this kernel has no bpf() system call (CONFIG_BPF_SYSCALL)";
	default:
		return strerror(err);
	}
}

/* libbpf wants what follows the last field it knows to be zero, padding included: say where ours
 * end. */
#define END_OF(type, field) (offsetof(struct type, field) + sizeof(((struct type *)0)->field))

static struct bpf_tc_hook hook_at(int ifindex, enum bpf_tc_attach_point point)
{
	return (struct bpf_tc_hook){
		.sz = END_OF(bpf_tc_hook, parent), .ifindex = ifindex, .attach_point = point};
}

/* Our place at a hook, without a program or with one to put there. */
static struct bpf_tc_opts our_place(int program)
{
	return (struct bpf_tc_opts){.sz = END_OF(bpf_tc_opts, priority),
		.prog_fd = program,
		.flags = program ? BPF_TC_F_REPLACE : 0,
		.handle = FILTER_HANDLE,
		.priority = FILTER_PRIORITY};
}

/* The program of the filter at our place on the device, as a new descriptor, and its description;
 * -ENOENT if the place is free. */
static int filter_program(int ifindex, struct bpf_prog_info *info, uint32_t *map_ids, uint32_t maps)
{
	struct bpf_tc_hook hook = hook_at(ifindex, BPF_TC_INGRESS);
	struct bpf_tc_opts opts = our_place(0);

	if (bpf_tc_query(&hook, &opts) != 0)
		return -ENOENT;
	int program = bpf_prog_get_fd_by_id(opts.prog_id);
	if (program < 0)
		return -errno;
	memset(info, 0, sizeof(*info));
	info->map_ids = (uintptr_t)map_ids;
	info->nr_map_ids = maps;
	uint32_t length = sizeof(*info);
	if (bpf_obj_get_info_by_fd(program, info, &length) != 0) {
		int err = -errno;
		close(program);
		return err;
	}
	return program;
}

/* Lets `map` be the one of these that has its name and shape. False if none has. */
static bool reuse(struct bpf_map *map, const uint32_t *map_ids, uint32_t maps)
{
	for (uint32_t i = 0; i < maps; i++) {
		int fd = bpf_map_get_fd_by_id(map_ids[i]);
		struct bpf_map_info info = {0};
		uint32_t length = sizeof(info);
		if (fd < 0)
			continue;
		bool same = bpf_obj_get_info_by_fd(fd, &info, &length) == 0 &&
			    strcmp(info.name, bpf_map__name(map)) == 0 &&
			    info.type == bpf_map__type(map) &&
			    info.key_size == bpf_map__key_size(map) &&
			    info.value_size == bpf_map__value_size(map) &&
			    info.max_entries == bpf_map__max_entries(map) &&
			    info.map_flags == bpf_map__map_flags(map);
		same = same && bpf_map__reuse_fd(map, fd) == 0;
		close(fd);
		if (same)
			return true;
	}
	return false;
}

/* Which program the descriptor is; 0: that cannot be told. */
static uint32_t program_id(int program)
{
	struct bpf_prog_info info = {0};
	uint32_t length = sizeof(info);
	return bpf_obj_get_info_by_fd(program, &info, &length) == 0 ? info.id : 0;
}

static void know(struct ingress *in, uint32_t id)
{
	if (id != 0 && in->known_count < INGRESS_NICS_MAX)
		in->known[in->known_count++] = id;
}

enum holder { HELD_BY_NOBODY, HELD_BY_US, HELD_BY_OTHERS };

/* Whose filter is at our place on the device. By its number: names of programs are for
 * CAP_SYS_ADMIN alone, which a daemon gives up. */
static enum holder holder_of(const struct ingress *in, int ifindex)
{
	struct bpf_tc_hook hook = hook_at(ifindex, BPF_TC_INGRESS);
	struct bpf_tc_opts opts = our_place(0);
	if (bpf_tc_query(&hook, &opts) != 0)
		return HELD_BY_NOBODY;
	for (unsigned i = 0; i < in->known_count; i++)
		if (in->known[i] == opts.prog_id)
			return HELD_BY_US;
	return HELD_BY_OTHERS;
}

/* Looks for predecessors' filters on every device, and notes their programs. True if the counters
 * of the first are now ours. */
static bool inherit(struct ingress *in, struct bpf_object *object)
{
	static const char *const names[] = {"flows", "nics", "counters"};
	struct if_nameindex *devices = if_nameindex();
	bool counting = false, found = false;

	for (struct if_nameindex *d = devices; d && d->if_index != 0; d++) {
		struct bpf_prog_info info = {0};
		uint32_t map_ids[16];
		int program = filter_program((int)d->if_index, &info, map_ids, 16);
		if (program < 0)
			continue;
		close(program);
		if (strcmp(info.name, PROGRAM_NAME) != 0)
			continue;
		know(in, info.id);
		if (found)
			continue;
		found = true;
		uint32_t maps = info.nr_map_ids < 16 ? info.nr_map_ids : 16;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			struct bpf_map *map = bpf_object__find_map_by_name(object, names[i]);
			counting = reuse(map, map_ids, maps);
		}
	}
	if_freenameindex(devices);
	return counting;
}

/* Fills in the program's constants before it is loaded. */
static void set_up(struct bpf_object *object, int rx_ifindex, uint64_t stale_ns)
{
	struct ingress_setup setup = {.stale_ns = stale_ns, .rx_ifindex = (uint32_t)rx_ifindex};
	struct bpf_map *map;

	bpf_object__for_each_map(map,
		object) if (bpf_map__is_internal(map) && strstr(bpf_map__name(map), ".rodata") &&
			    bpf_map__set_initial_value(map, &setup, sizeof(setup)) != 0)
		abort(); /* the object's constants are not what this file was built with */
}

/* Zero for what the new daemon counts from its start. */
static void reset_taken(struct ingress *in)
{
	uint64_t *zero = calloc((size_t)in->cpus, sizeof(*zero));
	if (!zero)
		abort();
	for (uint32_t key = INGRESS_TAKEN_FLOW; key <= INGRESS_TAKEN_FORM; key++)
		bpf_map_update_elem(in->counters, &key, zero, BPF_ANY);
	free(zero);
}

static int attach_guard(struct ingress *in, char **error)
{
	struct bpf_tc_hook hook = hook_at(in->rx_ifindex, BPF_TC_EGRESS);
	struct bpf_tc_opts opts = our_place(in->guard);

	int err = bpf_tc_hook_create(&hook);
	complaint[0] = '\0';
	if (err == 0 || err == -EEXIST)
		err = bpf_tc_attach(&hook, &opts);
	if (err != 0)
		return fail(error, "receive TUN (device %d): cannot guard it: %s", in->rx_ifindex,
			why(-err));
	return 0;
}

static int map_fd(struct bpf_object *object, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(object, name));
}

static int program_fd(struct bpf_object *object, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object, name));
}

int ingress_open(struct ingress **in_out, int rx_ifindex, uint64_t stale_ns, char **error)
{
	libbpf_set_print(keep_complaint);
	complaint[0] = '\0';
	struct bpf_object_open_opts opts = {
		.sz = END_OF(bpf_object_open_opts, object_name), .object_name = "mpip"};
	struct bpf_object *object =
		bpf_object__open_mem(ingress_object, ingress_object_size, &opts);
	if (!object)
		return fail(error, "ingress program: %s (%s)", strerror(errno), complaint);

	struct ingress *in = calloc(1, sizeof(*in));
	if (!in)
		abort();
	set_up(object, rx_ifindex, stale_ns ? stale_ns : STALE_NS_DEFAULT);
	bool inherited = inherit(in, object);
	complaint[0] = '\0';
	int err = bpf_object__load(object);
	if (err != 0) {
		fail(error, "ingress program: %s (%s)", why(-err), complaint);
		bpf_object__close(object);
		free(in);
		return -1;
	}

	in->object = object;
	in->rx_ifindex = rx_ifindex;
	in->opened_ns = monotonic_ns();
	in->cpus = libbpf_num_possible_cpus();
	in->program = program_fd(object, PROGRAM_NAME);
	in->guard = program_fd(object, "mpip_guard");
	know(in, program_id(in->program));
	in->flows = map_fd(object, "flows");
	in->counters = map_fd(object, "counters");
	in->nics = map_fd(object, "nics");
	in->alive_size = (size_t)sysconf(_SC_PAGESIZE);
	in->alive = mmap(NULL, in->alive_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		map_fd(object, "alive"), 0);
	if (in->alive == MAP_FAILED || in->cpus < 1 ||
		bpf_prog_bind_map(in->program, in->nics, NULL) != 0) {
		fail(error, "ingress program's maps: %s", why(errno));
		goto failed;
	}
	ingress_alive(in, in->opened_ns);
	if (inherited)
		reset_taken(in);
	if (attach_guard(in, error) != 0)
		goto failed;
	*in_out = in;
	return 0;

failed:
	if (in->alive != MAP_FAILED)
		munmap(in->alive, in->alive_size);
	bpf_object__close(object);
	free(in);
	return -1;
}

int ingress_attach(struct ingress *in, int ifindex, char **error)
{
	struct bpf_tc_hook hook = hook_at(ifindex, BPF_TC_INGRESS);
	struct bpf_tc_opts opts = our_place(in->program);
	struct ingress_nic_state state = {0};
	struct bpf_prog_info info = {0}; /* unnamed, if its name is not for us */
	char name[IF_NAMESIZE];

	if (!if_indextoname((unsigned)ifindex, name))
		return fail(error, "device %d: there is none", ifindex);
	if (holder_of(in, ifindex) == HELD_BY_OTHERS) {
		int there = filter_program(ifindex, &info, NULL, 0);
		if (there >= 0)
			close(there);
		return fail(error, "%s: ingress filter %d handle %#x is a foreign one, \"%s\"",
			name, FILTER_PRIORITY, FILTER_HANDLE, info.name);
	}

	bpf_map_lookup_elem(in->nics, &ifindex, &state);
	complaint[0] = '\0';
	int err = bpf_tc_hook_create(&hook);
	if (err == 0)
		state.made_clsact = 1;
	if (err == -EEXIST)
		complaint[0] = '\0';
	/* Known before it is there: a crash in between must not leave a filter that nobody knows.
	 */
	if ((err == 0 || err == -EEXIST) &&
		bpf_map_update_elem(in->nics, &ifindex, &state, BPF_ANY))
		err = -errno;
	if (err == 0 || err == -EEXIST)
		err = bpf_tc_attach(&hook, &opts);
	if (err != 0) {
		fail(error, "%s: cannot attach the ingress filter: %s (%s)", name, why(-err),
			complaint);
		ingress_detach(in, ifindex);
		return -1;
	}
	return 0;
}

static int count_filter(struct nl_msg *msg, void *arg)
{
	if (nlmsg_hdr(msg)->nlmsg_type == RTM_NEWTFILTER)
		++*(int *)arg;
	return NL_OK;
}

/* Whether any filter is at the device's clsact; true also if that cannot be told. */
static bool clsact_in_use(int ifindex)
{
	static const uint32_t parents[] = {
		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)};
	struct nl_sock *sock = nl_socket_alloc();
	int filters = 0;

	if (!sock || nl_connect(sock, NETLINK_ROUTE) != 0)
		filters = 1;
	else
		nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, count_filter, &filters);
	for (int i = 0; i < 2 && filters == 0; i++) {
		struct tcmsg tc = {.tcm_ifindex = ifindex, .tcm_parent = parents[i]};
		if (nl_send_simple(sock, RTM_GETTFILTER, NLM_F_DUMP, &tc, sizeof(tc)) < 0 ||
			nl_recvmsgs_default(sock) < 0)
			filters = 1;
	}
	nl_socket_free(sock);
	return filters > 0;
}

int ingress_detach(struct ingress *in, int ifindex)
{
	struct bpf_tc_hook hook = hook_at(ifindex, BPF_TC_INGRESS);
	struct bpf_tc_opts opts = our_place(0);
	struct ingress_nic_state state;

	if (bpf_map_lookup_elem(in->nics, &ifindex, &state) != 0)
		return 0;
	int err = 0;
	if (holder_of(in, ifindex) == HELD_BY_US)
		err = bpf_tc_detach(&hook, &opts);
	if (err == 0 && state.made_clsact && !clsact_in_use(ifindex)) {
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		err = bpf_tc_hook_destroy(&hook);
	}
	bpf_map_delete_elem(in->nics, &ifindex);
	return err;
}

void ingress_close(struct ingress *in)
{
	int ifindex;

	if (!in)
		return;
	while (bpf_map_get_next_key(in->nics, NULL, &ifindex) == 0)
		ingress_detach(in, ifindex);
	struct bpf_tc_hook hook = hook_at(in->rx_ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	bpf_tc_hook_destroy(&hook); /* the receive TUN may be gone already, and this with it */
	munmap(in->alive, in->alive_size);
	bpf_object__close(in->object);
	free(in);
}

int ingress_add_flow(struct ingress *in, const struct ingress_flow *flow)
{
	struct ingress_flow_state state = {.created_ns = monotonic_ns()};
	return bpf_map_update_elem(in->flows, flow, &state, BPF_ANY) == 0 ? 0 : -errno;
}

int ingress_remove_flow(struct ingress *in, const struct ingress_flow *flow)
{
	return bpf_map_delete_elem(in->flows, flow) == 0 ? 0 : -errno;
}

size_t ingress_each_flow(struct ingress *in,
	void (*each)(void *context, const struct ingress_flow *flow, uint64_t created_ns,
		bool inherited),
	void *context)
{
	struct ingress_flow flow, next;
	struct ingress_flow_state state;
	size_t n = 0;

	/* The next key is asked for before `each` may remove this one. */
	bool more = bpf_map_get_next_key(in->flows, NULL, &next) == 0;
	while (more) {
		flow = next;
		more = bpf_map_get_next_key(in->flows, &flow, &next) == 0;
		if (bpf_map_lookup_elem(in->flows, &flow, &state) != 0)
			continue;
		n++;
		each(context, &flow, state.created_ns, state.created_ns < in->opened_ns);
	}
	return n;
}

struct expiry {
	struct ingress *in;
	uint64_t older_than_ns;
	size_t removed;
};

static void expire_one(
	void *context, const struct ingress_flow *flow, uint64_t created_ns, bool inherited)
{
	struct expiry *x = context;
	if (inherited && created_ns < x->older_than_ns && ingress_remove_flow(x->in, flow) == 0)
		x->removed++;
}

size_t ingress_expire(struct ingress *in, uint64_t older_than_ns)
{
	struct expiry x = {.in = in, .older_than_ns = older_than_ns};
	ingress_each_flow(in, expire_one, &x);
	return x.removed;
}

void ingress_alive(struct ingress *in, uint64_t now_ns)
{
	__atomic_store_n(in->alive, now_ns, __ATOMIC_RELAXED);
}

int ingress_counters(struct ingress *in, struct ingress_counters *counters)
{
	uint64_t per_cpu[in->cpus];

	for (uint32_t key = 0; key < INGRESS_COUNTERS; key++) {
		if (bpf_map_lookup_elem(in->counters, &key, per_cpu) != 0)
			return -errno;
		counters->value[key] = 0;
		for (int i = 0; i < in->cpus; i++)
			counters->value[key] += per_cpu[i];
	}
	return 0;
}
