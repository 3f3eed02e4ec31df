// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading QUIC's load out of an experiment: the bulk transfer, the requests, the connection.
 */

#include "experiments/record/definition.h"
#include "mpip/base/error.h"

#include <stdlib.h>

static void read_bulk(struct jat at, struct quic_load *q)
{
	static const char *const keys[] = {"bytes", NULL};
	struct jat bytes = jat_key(at, "bytes");
	jat_only(at, keys);
	q->bulk = true;
	if (jat_present(bytes))
		q->bulk_bytes = jat_integer(bytes, 1, 1000000000000);
}

static void read_requests(struct jat at, struct quic_load *q)
{
	static const char *const keys[] = {
		"request_bytes", "response_bytes", "interval_ms", "pause_ms", "parallel", NULL};
	struct jat interval = jat_key(at, "interval_ms"), pause = jat_key(at, "pause_ms");
	jat_only(at, keys);
	q->requests = true;
	q->request_bytes = (int)jat_integer_or(
		jat_key(at, "request_bytes"), QUIC_HEADER_BYTES, 1000000000, 100);
	q->response_bytes =
		(int)jat_integer_or(jat_key(at, "response_bytes"), 1, 1000000000, 20000);
	q->parallel = (int)jat_integer_or(jat_key(at, "parallel"), 1, 500, 1);
	if (jat_present(interval) && jat_present(pause))
		jat_fail(pause, "expected none beside \"interval_ms\"");
	else if (jat_present(interval))
		q->interval_ms = jat_number(interval, 1, 1e6);
	else
		q->pause_ms = jat_number_or(pause, 0, 1e6, 0);
}

void quic_load_read(struct jat at, struct workload *w)
{
	static const char *const keys[] = {"kind", "from", "to", "direction", "bulk", "requests",
		"congestion_control", "max_udp_payload_bytes", "gso", NULL};
	static const char *const controls[] = {"cubic", "reno", "bbr", NULL};
	struct quic_load *q = &w->quic;
	struct jat bulk = jat_key(at, "bulk"), requests = jat_key(at, "requests");
	struct jat direction = jat_key(at, "direction");
	struct jat payload = jat_key(at, "max_udp_payload_bytes");
	jat_only(at, keys);
	if (jat_present(bulk))
		read_bulk(bulk, q);
	if (jat_present(requests))
		read_requests(requests, q);
	if (!q->bulk && !q->requests)
		jat_fail(bulk, "missing, expected an object here or in \"requests\"");
	free(w->congestion_control);
	w->congestion_control = text_format(
		"%s", controls[jat_choice_or(jat_key(at, "congestion_control"), controls, 0)]);
	if (jat_present(payload)) /* 1200 is QUIC's least */
		q->max_udp_payload_bytes = (int)jat_integer(payload, 1200, 65507);
	q->gso = jat_bool_or(jat_key(at, "gso"), false);
	w->direction = (enum direction)jat_choice_or(
		direction, direction_names, q->bulk ? DIRECTION_FORWARD : DIRECTION_REVERSE);
	if (!q->bulk && jat_present(direction))
		jat_fail(direction, "expected only with \"bulk\": responses go to who asks");
}

void quic_load_add(const struct workload *w, json_t *workload)
{
	const struct quic_load *q = &w->quic;
	json_t *bulk = json_null(), *requests = json_null();
	if (q->bulk)
		bulk = json_pack("{s:o}", "bytes",
			q->bulk_bytes ? json_integer(q->bulk_bytes) : json_null());
	if (q->requests)
		requests = json_pack("{s:i, s:i, s:i, s:o, s:o}", "request_bytes", q->request_bytes,
			"response_bytes", q->response_bytes, "parallel", q->parallel, "interval_ms",
			q->interval_ms > 0 ? json_real(q->interval_ms) : json_null(), "pause_ms",
			q->interval_ms > 0 ? json_null() : json_real(q->pause_ms));
	json_object_set_new(workload, "bulk", bulk);
	json_object_set_new(workload, "requests", requests);
	json_object_set_new(workload, "max_udp_payload_bytes",
		q->max_udp_payload_bytes ? json_integer(q->max_udp_payload_bytes) : json_null());
	json_object_set_new(workload, "gso", json_boolean(q->gso));
}
