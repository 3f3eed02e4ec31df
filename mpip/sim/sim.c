// SPDX-License-Identifier: BSD-2-Clause
/*
 * Theory of operation: what is to happen lies in a heap, sorted by time and then by the order it
 * was asked for; the hosts' deadlines, which change with every packet, are looked at beside it.
 * After every event the laws are checked, so a broken one names the event that broke it.
 */

#include "mpip/sim/sim.h"

#include "mpip/sim/host.h"
#include "mpip/sim/kernel.h"
#include "mpip/sim/network.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define X(identifier, name) [SIM_FAULT_##identifier] = name,
const char *const sim_fault_names[SIM_FAULT_KINDS] = {SIM_FAULTS(X)};
#undef X
#define X(identifier, name) [SIM_END_##identifier] = name,
const char *const sim_end_names[SIM_END_KINDS] = {SIM_ENDS(X)};
#undef X

void *sim_alloc(size_t bytes)
{
	void *memory = calloc(1, bytes);
	if (!memory) {
		perror("simulate");
		abort();
	}
	return memory;
}

struct sim *sim_new(uint64_t seed)
{
	struct sim *w = sim_alloc(sizeof(*w));
	w->seed = seed;
	w->rng.state = seed * 0x9e3779b97f4a7c15u + 1;
	w->now = usec_ms(1000);
	w->apps_until = w->late_from = USEC_NEVER;
	w->event_capacity = 1024;
	w->event = sim_alloc(w->event_capacity * sizeof(*w->event));
	return w;
}

void sim_free(struct sim *w)
{
	for (unsigned i = 0; i < w->hosts; i++)
		host_free(w->host[i]);
	network_free(w);
	kernel_free(w);
	free(w->event);
	free(w);
}

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->at.us != b->at.us ? a->at.us < b->at.us : a->order < b->order;
}

void sim_at(struct sim *w, struct usec at, sim_action *action, void *arg)
{
	if (w->events_waiting == w->event_capacity) {
		w->event_capacity *= 2;
		w->event = realloc(w->event, w->event_capacity * sizeof(*w->event));
		if (!w->event)
			abort();
	}
	struct sim_event e = {.at = at, .order = w->order++, .action = action, .arg = arg};
	unsigned i = w->events_waiting++;
	for (; i > 0 && earlier(&e, &w->event[(i - 1) / 2]); i = (i - 1) / 2)
		w->event[i] = w->event[(i - 1) / 2];
	w->event[i] = e;
}

static struct sim_event take_first(struct sim *w)
{
	struct sim_event first = w->event[0], last = w->event[--w->events_waiting];
	unsigned i = 0, child;
	while ((child = 2 * i + 1) < w->events_waiting) {
		if (child + 1 < w->events_waiting &&
			earlier(&w->event[child + 1], &w->event[child]))
			child++;
		if (!earlier(&w->event[child], &last))
			break;
		w->event[i] = w->event[child];
		i = child;
	}
	w->event[i] = last;
	return first;
}

static uint64_t mixed(uint64_t digest, uint64_t word)
{
	digest = (digest ^ word) * 0x9e3779b97f4a7c15u;
	return digest ^ digest >> 29;
}

void sim_digest(struct sim *w, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint64_t word = 0, digest = mixed(w->digest, (uint64_t)w->now.us);
	digest = mixed(digest, length);
	for (; length >= sizeof(word); length -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		digest = mixed(digest, word);
	}
	word = 0;
	memcpy(&word, at, length);
	w->digest = mixed(digest, word);
}

void sim_run(struct sim *w, struct usec until)
{
	while (!w->broken.law) {
		struct sim_host *due = NULL;
		struct usec next = until;
		for (unsigned i = 0; i < w->hosts; i++)
			if (usec_before(w->host[i]->deadline, next)) {
				due = w->host[i];
				next = due->deadline;
			}
		bool event = w->events_waiting > 0 && !usec_before(next, w->event[0].at);
		if (!event && !due)
			break;
		w->events++;
		if (w->reached_us)
			*w->reached_us = w->now.us;
		if (event) {
			struct sim_event e = take_first(w);
			if (usec_before(w->now, e.at))
				w->now = e.at;
			e.action(w, e.arg);
		} else {
			if (usec_before(w->now, next))
				w->now = next;
			host_tick(due);
		}
		if (w->after_event)
			w->after_event(w);
	}
	if (!w->broken.law && usec_before(w->now, until))
		w->now = until;
}

void sim_break(struct sim *w, const char *law, const char *format, ...)
{
	va_list arguments;
	if (w->broken.law)
		return;
	w->broken.law = law;
	w->broken.event = w->events;
	va_start(arguments, format);
	vsnprintf(w->broken.what, sizeof(w->broken.what), format, arguments);
	va_end(arguments);
	for (unsigned i = 0; i < w->hosts && w->trace; i++)
		host_trace(w->host[i]);
	SIM_TRACE(w, "BROKEN %s: %s", law, w->broken.what);
}

void sim_trace(struct sim *w, const char *format, ...)
{
	va_list arguments;
	printf("%8llu %12.6f  ", (unsigned long long)w->events, (double)w->now.us / 1e6);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}
