// SPDX-License-Identifier: BSD-2-Clause
/*
 * One end of a QUIC connection.
 *
 * Theory of operation
 * -------------------
 * ngtcp2 is a state machine: it is given packets and the time, and says what to send and when to be
 * asked again, for acknowledgements, losses and pacing alike. So an end is a loop of steps. In each
 * all packets are taken, what has expired is handled, and one batch is sent, at most what ngtcp2
 * wants to go out in one go; then it is told when that was, and spaces the next one from it.
 *
 * Streams take turns, a packet each; what a stream leaves of a packet the next one fills. Windows
 * and timers are those of ngtcp2's own client, at both ends.
 */

#include "experiments/load/quic_connection.h"

#include "experiments/probe/proc.h"
#include "lab/build/lab.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define ID_BYTES    18
#define KIB         1024u
#define MIB         (1024u * KIB)
#define STREAMS_MAX 1000
#define IDLE        (30 * NGTCP2_SECONDS) /* a connection without a packet for so long is over */

/* The nanosecond clock that ngtcp2 gets; its microseconds are now_us(). */
static ngtcp2_tstamp now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (ngtcp2_tstamp)t.tv_sec * NGTCP2_SECONDS + (ngtcp2_tstamp)t.tv_nsec;
}

static void give_random(uint8_t *out, size_t bytes, const ngtcp2_rand_ctx *ignored)
{
	(void)ignored;
	if (gnutls_rnd(GNUTLS_RND_NONCE, out, bytes) != 0)
		abort();
}

static int new_id(ngtcp2_conn *conn, ngtcp2_cid *id, uint8_t *token, size_t bytes, void *user_data)
{
	(void)conn;
	(void)user_data;
	id->datalen = bytes;
	give_random(id->data, bytes, NULL);
	give_random(token, NGTCP2_STATELESS_RESET_TOKENLEN, NULL);
	return 0;
}

static int handshake_completed(ngtcp2_conn *conn, void *user_data)
{
	struct quic *q = user_data;
	(void)conn;
	q->measure.handshake_us = q->now_us;
	return 0;
}

static void add_stream(struct quic *q, struct quic_stream *s)
{
	s->next = q->streams;
	q->streams = s;
}

static int stream_opened(ngtcp2_conn *conn, int64_t id, void *user_data)
{
	struct quic_stream *s = quic_stream_answering(id);
	add_stream(user_data, s);
	return ngtcp2_conn_set_stream_user_data(conn, id, s);
}

static int data_came(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t offset,
	const uint8_t *data, size_t bytes, void *user_data, void *stream_data)
{
	struct quic *q = user_data;
	struct quic_stream *s = stream_data;
	int64_t content = s && s->got == offset ? quic_stream_take(s, data, bytes) : -1;
	if (content < 0) {
		q->failed = true;
		return NGTCP2_ERR_CALLBACK_FAILURE;
	}
	ngtcp2_conn_extend_max_stream_offset(conn, id, bytes);
	ngtcp2_conn_extend_max_offset(conn, bytes);
	quic_measure_bytes(&q->measure, s->bulk, q->now_us, content);
	if (content > 0 && s->first_us == 0)
		s->first_us = q->now_us;
	if (s->bulk && content > 0 && s->got == s->to_get)
		q->measure.bulk_done_us = q->now_us;
	if ((flags & NGTCP2_STREAM_DATA_FLAG_FIN) && s->got == s->to_get) {
		s->done_us = q->now_us;
		if (q->stream_done)
			q->stream_done(q, s);
	}
	return 0;
}

static int stream_closed(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t error,
	void *user_data, void *stream_data)
{
	struct quic *q = user_data;
	(void)flags;
	(void)error;
	q->measure.lost += ngtcp2_conn_get_stream_loss_count(conn, id);
	for (struct quic_stream **at = &q->streams; *at; at = &(*at)->next) {
		if (*at != stream_data)
			continue;
		if (q->turn == *at)
			q->turn = (*at)->next;
		*at = (*at)->next;
		break;
	}
	free(stream_data);
	if (q->server)
		ngtcp2_conn_extend_max_streams_bidi(conn, 1);
	return 0;
}

static int window_opened(
	ngtcp2_conn *conn, int64_t id, uint64_t bytes, void *user_data, void *stream_data)
{
	struct quic_stream *s = stream_data;
	(void)conn;
	(void)id;
	(void)bytes;
	(void)user_data;
	if (s)
		s->blocked = false;
	return 0;
}

static ngtcp2_conn *connection_of(ngtcp2_crypto_conn_ref *ref)
{
	return ((struct quic *)ref->user_data)->conn;
}

static ngtcp2_callbacks callbacks_of(void)
{
	return (ngtcp2_callbacks){
		.client_initial = ngtcp2_crypto_client_initial_cb,
		.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
		.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
		.handshake_completed = handshake_completed,
		.encrypt = ngtcp2_crypto_encrypt_cb,
		.decrypt = ngtcp2_crypto_decrypt_cb,
		.hp_mask = ngtcp2_crypto_hp_mask_cb,
		.recv_stream_data = data_came,
		.stream_open = stream_opened,
		.stream_close = stream_closed,
		.recv_retry = ngtcp2_crypto_recv_retry_cb,
		.rand = give_random,
		.get_new_connection_id = new_id,
		.update_key = ngtcp2_crypto_update_key_cb,
		.extend_max_stream_data = window_opened,
		.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
		.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
		.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
		.version_negotiation = ngtcp2_crypto_version_negotiation_cb,
	};
}

static ngtcp2_settings settings_of(const struct quic *q)
{
	const struct workload *w = &q->end->base.definition->workload;
	ngtcp2_settings s;
	ngtcp2_settings_default(&s);
	s.initial_ts = now_ns();
	s.cc_algo = strcmp(w->congestion_control, "bbr") == 0    ? NGTCP2_CC_ALGO_BBR
		    : strcmp(w->congestion_control, "reno") == 0 ? NGTCP2_CC_ALGO_RENO
								 : NGTCP2_CC_ALGO_CUBIC;
	s.max_window = 24 * MIB;
	s.max_stream_window = 16 * MIB;
	if (w->quic.max_udp_payload_bytes) {
		s.max_tx_udp_payload_size = (size_t)w->quic.max_udp_payload_bytes;
		s.no_tx_udp_payload_size_shaping = 1;
		s.no_pmtud = 1;
	}
	return s;
}

static ngtcp2_transport_params params_of(void)
{
	ngtcp2_transport_params p;
	ngtcp2_transport_params_default(&p);
	p.initial_max_data = 15 * MIB;
	p.initial_max_stream_data_bidi_local = 6 * MIB;
	p.initial_max_stream_data_bidi_remote = 6 * MIB;
	p.initial_max_streams_bidi = STREAMS_MAX;
	p.max_idle_timeout = IDLE;
	p.active_connection_id_limit = 7;
	return p;
}

static ngtcp2_path path_to(const struct quic *q, const struct sockaddr_in *peer)
{
	return (ngtcp2_path){
		.local = {(struct sockaddr *)&q->socket.local, sizeof(q->socket.local)},
		.remote = {(struct sockaddr *)peer, sizeof(*peer)},
	};
}

static ngtcp2_cid random_id(size_t bytes)
{
	ngtcp2_cid id = {.datalen = bytes};
	give_random(id.data, bytes, NULL);
	return id;
}

static int fail(const char *what, int rc)
{
	fprintf(stderr, "QUIC: %s: %s\n", what, ngtcp2_strerror(rc));
	return -1;
}

int quic_connect(struct quic *q)
{
	struct sockaddr_in peer = {.sin_family = AF_INET,
		.sin_port = htons(QUIC_PORT),
		.sin_addr = q->end->base.server};
	ngtcp2_cid to = random_id(ID_BYTES), own = random_id(ID_BYTES);
	ngtcp2_path path = path_to(q, &peer);
	ngtcp2_callbacks callbacks = callbacks_of();
	ngtcp2_settings settings = settings_of(q);
	ngtcp2_transport_params params = params_of();
	int rc = ngtcp2_conn_client_new(&q->conn, &to, &own, &path, NGTCP2_PROTO_VER_V1, &callbacks,
		&settings, &params, NULL, q);
	if (rc != 0)
		return fail("connect", rc);
	ngtcp2_conn_set_tls_native_handle(q->conn, q->tls.session);
	ngtcp2_conn_set_keep_alive_timeout(q->conn, IDLE / 2);
	q->measure.started_us = now_us();
	return 0;
}

int quic_accept(struct quic *q, const ngtcp2_pkt_hd *first, const struct sockaddr_in *from)
{
	ngtcp2_cid own = random_id(ID_BYTES);
	ngtcp2_path path = path_to(q, from);
	ngtcp2_callbacks callbacks = callbacks_of();
	ngtcp2_settings settings = settings_of(q);
	ngtcp2_transport_params params = params_of();
	params.original_dcid = first->dcid;
	params.stateless_reset_token_present = 1;
	give_random(params.stateless_reset_token, sizeof(params.stateless_reset_token), NULL);
	int rc = ngtcp2_conn_server_new(&q->conn, &first->scid, &own, &path, first->version,
		&callbacks, &settings, &params, NULL, q);
	if (rc != 0)
		return fail("accept", rc);
	ngtcp2_conn_set_tls_native_handle(q->conn, q->tls.session);
	q->measure.started_us = now_us();
	return 0;
}

int quic_begin(struct quic *q, const struct quic_end *end, bool server)
{
	const struct quic_load *load = &end->base.definition->workload.quic;
	int buffer = workload_udp_buffer_bytes(); /* the machine's limits, not seen from inside */
	struct sockaddr_in own = {
		.sin_family = AF_INET, .sin_port = htons(server ? QUIC_PORT : QUIC_CLIENT_PORT)};
	struct sockaddr_in peer = {
		.sin_family = AF_INET, .sin_port = htons(QUIC_PORT), .sin_addr = end->base.server};
	char *error = NULL;
	memset(q, 0, sizeof(*q));
	q->socket.fd = -1;
	q->end = end;
	q->server = server;
	q->ref = (ngtcp2_crypto_conn_ref){connection_of, q};
	quic_measure_begin(&q->measure, &end->base);
	prctl(PR_SET_TIMERSLACK, 1000UL); /* pacing is in microseconds */
	if (lab_enter(end->base.lab, end->host, &error) != 0) {
		fprintf(stderr, "%s\n", error);
		free(error);
		return -1;
	}
	if (quic_socket_open(&q->socket, own, server ? NULL : &peer, buffer, load->gso) != 0)
		return -1;
	return quic_tls_open(&q->tls, server, &q->ref);
}

bool quic_open_stream(struct quic *q, struct quic_stream *s)
{
	if (ngtcp2_conn_open_bidi_stream(q->conn, &s->id, s) != 0)
		return false;
	add_stream(q, s);
	return true;
}

int64_t quic_ends_us(const struct quic *q)
{
	return quic_measure_end_us(&q->measure);
}

/* The connection is over; by the other end's will at the end of the load, or it is lost. */
static void give_up(struct quic *q, int rc)
{
	q->over = true;
	if (rc == NGTCP2_ERR_DRAINING && q->server)
		return;
	q->measure.lost_us = now_us();
	q->measure.why_lost =
		rc == NGTCP2_ERR_DRAINING ? "closed by the other end" : ngtcp2_strerror(rc);
}

static void take_packets(struct quic *q)
{
	static unsigned char room[QUIC_BATCH];
	struct sockaddr_in from;
	ngtcp2_pkt_info info = {0};
	int ecn;
	ssize_t n;
	while (!q->over &&
		(n = quic_socket_take(&q->socket, room, sizeof(room), &from, &ecn)) > 0) {
		ngtcp2_pkt_hd first;
		if (!q->conn && ngtcp2_accept(&first, room, (size_t)n) != 0)
			continue;
		if (!q->conn && quic_accept(q, &first, &from) != 0) {
			q->failed = q->over = true;
			return;
		}
		ngtcp2_path path = path_to(q, &from);
		info.ecn = (uint32_t)ecn;
		ngtcp2_tstamp now = now_ns();
		q->now_us = (int64_t)(now / NGTCP2_MICROSECONDS);
		int rc = ngtcp2_conn_read_pkt(q->conn, &path, &info, room, (size_t)n, now);
		if (rc != 0 && rc != NGTCP2_ERR_RETRY)
			give_up(q, rc);
	}
}

/* Whose turn it is to send, of those that have something to send. */
static struct quic_stream *next_stream(struct quic *q)
{
	bool bulk_over = now_us() >= quic_ends_us(q);
	struct quic_stream *first = q->turn ? q->turn : q->streams, *s = first;
	if (!s || ngtcp2_conn_get_max_data_left(q->conn) == 0)
		return NULL;
	do {
		if (quic_stream_may_send(s) && !(s->bulk && bulk_over))
			return s;
		s = s->next ? s->next : q->streams;
	} while (s != first);
	return NULL;
}

/* Fills a packet. Its length; 0: nothing may be sent for now; below: the connection is over. */
static ngtcp2_ssize fill_packet(struct quic *q, ngtcp2_path_storage *path, ngtcp2_pkt_info *info,
	unsigned char *room, size_t size, ngtcp2_tstamp now)
{
	for (;;) {
		struct quic_stream *s = next_stream(q);
		ngtcp2_vec pieces[2];
		ngtcp2_ssize took = -1;
		bool last = false;
		size_t count = s ? quic_stream_next(s, pieces, &last) : 0, offered = 0;
		for (size_t i = 0; i < count; i++)
			offered += pieces[i].len;
		uint32_t flags = s ? NGTCP2_WRITE_STREAM_FLAG_MORE : 0;
		if (last)
			flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
		ngtcp2_ssize n = ngtcp2_conn_writev_stream(q->conn, &path->path, info, room, size,
			&took, flags, s ? s->id : -1, pieces, count, now);
		if (s && took >= 0)
			quic_stream_sent(s, (uint64_t)took, last && (size_t)took == offered);
		if (s && n != 0)
			q->turn = s->next;
		if (n == NGTCP2_ERR_STREAM_DATA_BLOCKED)
			s->blocked = true;
		else if (n == NGTCP2_ERR_STREAM_SHUT_WR || n == NGTCP2_ERR_STREAM_NOT_FOUND)
			s->all_sent = true;
		else if (n != NGTCP2_ERR_WRITE_MORE)
			return n;
	}
}

/* A batch of packets of one length, the last of which may be shorter. True: more may be sent. */
static bool send_batch(struct quic *q)
{
	static unsigned char room[2 * QUIC_BATCH];
	size_t longest = ngtcp2_conn_get_max_tx_udp_payload_size(q->conn);
	size_t limit = ngtcp2_conn_get_send_quantum(q->conn) / longest;
	size_t bytes = 0, segment = 0, count = 0;
	struct sockaddr_in to = {0};
	int ecn = 0;
	bool more = true, odd = false;
	ngtcp2_tstamp now = now_ns();
	q->now_us = (int64_t)(now / NGTCP2_MICROSECONDS);
	while (more && count < (limit ? limit : 1) && bytes + longest <= QUIC_BATCH) {
		ngtcp2_path_storage path;
		ngtcp2_pkt_info info;
		ngtcp2_path_storage_zero(&path);
		ngtcp2_ssize n = fill_packet(q, &path, &info, room + bytes, longest, now);
		if (n < 0)
			give_up(q, (int)n);
		more = n > 0;
		if (!more)
			break;
		const struct sockaddr_in *peer = (struct sockaddr_in *)path.path.remote.addr;
		odd = count > 0 && ((size_t)n > segment || (int)info.ecn != ecn ||
					   memcmp(peer, &to, sizeof(to)) != 0);
		if (odd) {
			/* It goes by itself, behind the others. */
			if (quic_socket_send(&q->socket, &to, ecn, room, bytes, segment))
				quic_socket_send(&q->socket, peer, (int)info.ecn, room + bytes,
					(size_t)n, (size_t)n);
			break;
		}
		segment = count++ ? segment : (size_t)n;
		to = *peer;
		ecn = (int)info.ecn;
		bytes += (size_t)n;
		if ((size_t)n < segment)
			break;
	}
	if (bytes > 0 && !odd)
		quic_socket_send(&q->socket, &to, ecn, room, bytes, segment);
	ngtcp2_conn_update_pkt_tx_time(q->conn, now);
	return more && !q->over;
}

static void wait_for_packet(struct quic *q, int64_t until_us)
{
	ngtcp2_tstamp now = now_ns(), until = (ngtcp2_tstamp)until_us * NGTCP2_MICROSECONDS;
	ngtcp2_tstamp expiry = q->conn ? ngtcp2_conn_get_expiry(q->conn) : UINT64_MAX;
	struct pollfd p = {.fd = q->socket.fd, .events = POLLIN};
	if (q->socket.rest_bytes > 0)
		p.events |= POLLOUT;
	else if (expiry < until)
		until = expiry;
	ngtcp2_tstamp left = until > now ? until - now : 0;
	struct timespec timeout = {(time_t)(left / NGTCP2_SECONDS), (long)(left % NGTCP2_SECONDS)};
	ppoll(&p, 1, &timeout, NULL);
}

bool quic_step(struct quic *q, int64_t until_us)
{
	bool more = false;
	take_packets(q);
	if (q->conn && !q->over) {
		ngtcp2_tstamp now = now_ns();
		q->now_us = (int64_t)(now / NGTCP2_MICROSECONDS);
		int rc = ngtcp2_conn_get_expiry(q->conn) <= now
				 ? ngtcp2_conn_handle_expiry(q->conn, now)
				 : 0;
		if (rc != 0)
			give_up(q, rc);
		else if (quic_socket_send_rest(&q->socket))
			more = send_batch(q);
		quic_measure_sample(&q->measure, q->conn, q->now_us);
	}
	int64_t sample_us = q->measure.next_sample_us;
	if (!more && !q->over)
		wait_for_packet(q, sample_us && sample_us < until_us ? sample_us : until_us);
	return !q->over && !q->failed;
}

void quic_close(struct quic *q)
{
	unsigned char room[1200];
	ngtcp2_path_storage path;
	ngtcp2_pkt_info info;
	ngtcp2_connection_close_error none;
	if (!q->conn || q->over)
		return;
	ngtcp2_path_storage_zero(&path);
	ngtcp2_connection_close_error_set_application_error(&none, 0, NULL, 0);
	ngtcp2_ssize n = ngtcp2_conn_write_connection_close(
		q->conn, &path.path, &info, room, sizeof(room), &none, now_ns());
	/* Three, since who has left cannot be asked for it again. */
	for (int i = 0; n > 0 && i < 3; i++)
		quic_socket_send(&q->socket, (struct sockaddr_in *)path.path.remote.addr,
			(int)info.ecn, room, (size_t)n, (size_t)n);
}

int quic_end(struct quic *q, int rc)
{
	for (struct quic_stream *s = q->streams; s; s = s->next)
		q->measure.lost += ngtcp2_conn_get_stream_loss_count(q->conn, s->id);
	if (rc == 0)
		rc = quic_measure_write(&q->measure, &q->socket, q->end->log_file);
	if (q->conn)
		ngtcp2_conn_del(q->conn);
	while (q->streams) {
		struct quic_stream *s = q->streams;
		q->streams = s->next;
		free(s);
	}
	quic_tls_close(&q->tls);
	quic_socket_close(&q->socket);
	quic_measure_free(&q->measure);
	return rc;
}
