/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_DEFINITION_H
#define EXPERIMENTS_RECORD_DEFINITION_H

#include "experiments/record/draw.h"

#include "lab/build/ground.h"
#include "lab/scenario/scenario.h"
#include "mpip/base/jsonfile.h"
#include "mpip/base/sha256.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An experiment as its JSON file defines it; experiments/README.md documents the format. */

/* The version of result.json that the runner writes; part of each run's digest. */
#define RESULT_VERSION 5
#define DURATION_MAX_S 86400 /* of a run; a day */

enum workload_kind {
	WORKLOAD_TCP,
	WORKLOAD_UDP,
	WORKLOAD_CALL,
	WORKLOAD_CONNECTIONS,
	WORKLOAD_TRANSFERS,
	WORKLOAD_QUIC,
};

/* Which way the data goes, seen from the host that connects. */
enum direction { DIRECTION_FORWARD, DIRECTION_REVERSE, DIRECTION_BOTH };

/* The shortest datagram of a call: it holds the header (load/call.h). */
#define CALL_HEADER_BYTES 44

/* A call's two streams, alike in both directions. Bytes are a datagram's payload. */
struct call_load {
	bool audio, video;
	int audio_bytes;
	double audio_interval_ms;
	char *codec;             /* by G.113, for the voice quality */
	double jitter_buffer_ms; /* a packet later than the quickest by more comes too late */
	int video_bytes;
	double video_rate_mbit, video_frames_per_s;
};

#define TRANSFER_SIZES 32
/* Each transfer of a run has a local port of its own, below those that the kernel gives out. */
#define TRANSFERS_MOST 27000

/* Transfers, each a connection of its own; workload.streams is how many are under way at a time. */
struct transfer_load {
	int64_t sizes[TRANSFER_SIZES]; /* in turn; none: drawn */
	size_t size_count;
	struct drawn size;     /* bytes, of drawn ones */
	struct drawn pause_ms; /* after a transfer, before the next one in its place */
	int count;             /* begun in the measured part; 0: as many as there is time for */
};

/* The shortest request over QUIC: what each stream begins with. */
#define QUIC_HEADER_BYTES 24

/* What goes over one QUIC connection: a bulk transfer, requests, or both. */
struct quic_load {
	bool bulk, requests;
	int64_t bulk_bytes; /* 0: as long as the run */
	int request_bytes, response_bytes, parallel;
	double interval_ms;        /* from request to request; 0: by the pause */
	double pause_ms;           /* from a response to the next request */
	int max_udp_payload_bytes; /* 0: ngtcp2 finds out itself */
	bool gso;
};

struct workload {
	enum workload_kind kind;
	bool iperf; /* iperf3 sends: all but a call alone, many connections, transfers, QUIC */
	bool tcp;   /* TCP is sent, by iperf3 or over many connections */
	struct call_load call;          /* a call's */
	struct transfer_load transfers; /* transfers' */
	struct quic_load quic;          /* QUIC's */
	enum direction direction;
	char *from, *to;          /* hosts: who connects, who listens */
	char *congestion_control; /* set for every contestant alike */
	int streams;              /* of many connections: how many; of transfers: at a time */
	int message_bytes;        /* of many connections: what is sent over one at a time */
	double rate_mbit; /* UDP and many connections: offered, payload bits, all streams together;
			     TCP: 0, as fast as it goes */
	int datagram_bytes; /* UDP: payload of a datagram */
};

struct contestant {
	char *name;
	bool mptcp;    /* the data connections are the kernel's MPTCP, full mesh */
	json_t *mpipd; /* mpipd's configuration on both hosts; NULL: no mpipd */
	/* A clock that is wrong: mpipd's "clock" on one host, its skew perhaps to be drawn for each
	 * run; NULL: all are right. */
	char *clock_host;
	json_t *clock;
	double skew_low_ppm, skew_high_ppm; /* equal unless drawn */
	char *paper; /* JSON pointer into the paper's values; NULL: it has none */
	/* What it has of its own, in the place of the experiment's: */
	char *scenario_file; /* NULL: none */
	json_t *scenario;
	char scenario_digest[SHA256_TEXT];
	struct workload workload;
	bool own_workload;
	json_t *nics; /* {"client": ["eth1"]}: of that host the NICs that are up; NULL: all are */
	json_t *sysctls; /* set on both hosts, {"net.ipv4.tcp_recovery": "0"}; NULL: none */
};

struct definition {
	struct jdoc *doc; /* as it was read; lives as long as this */
	char *file, *name, *title;
	char *scenario_file; /* or its name for messages */
	json_t *scenario; /* where it stands in the experiment itself; borrowed; NULL: in its file
			   */
	char scenario_digest[SHA256_TEXT]; /* of what the scenario says, not how it is laid out */
	struct workload workload;
	int duration_s, warm_up_s, repeats;
	bool uneven_paths;   /* that a path carries nothing, or ends, is no reason to mark a run */
	bool stretch_events; /* the scenario's events keep their part of another duration */
	int written_duration_s;                /* ... than this, which is in the file */
	int paper_duration_s, paper_warm_up_s; /* the paper's; 0: no other than the above */
	int64_t seed;
	double delays_ms; /* what the delays are about, in size; the witness must stay below a tenth
			   */
	int gips;         /* the guest's speed, 10^9 instructions per second; 0: it takes no time */
	enum ground ground; /* set by whoever runs it; the host after definition_load() */
	struct contestant *contestants;
	size_t contestant_count;
};

/* Reads an experiment and checks its form, its scenario files' existence included. Never NULL: what
 * is wrong is added to *faults, and is not in the definition, or with a default in its place. Free
 * with definition_free(). */
struct definition *definition_read(const char *file, char **faults);
/* The same of an experiment's content, whose scenarios may stand in it in the place of their files'
 * names; `file` is its name in messages, `name` the experiment's. */
struct definition *definition_of(
	const char *file, const char *name, json_t *content, char **faults);
/* The same for one that must be good: NULL and *error, which may be several lines. */
struct definition *definition_load(const char *file, char **error);

/* Faults are lines "FILE: PLACE: expected ...", one for each, without a newline at the end; NULL
 * while there is none. Adds `line`, if it is not there yet, and frees it; NULL adds nothing. */
void definition_fault(char **faults, char *line);

void definition_free(struct definition *d);

/* The paper's durations instead of the short ones, where the experiment has them. */
void definition_as_paper(struct definition *d);

/* The experiment as it is for this contestant: with the scenario and workload that are its own. A
 * shallow copy, which lives as long as `d` and is not to be freed. */
struct definition definition_for(const struct definition *d, const struct contestant *c);

/* The scenario of a definition for a contestant, as scenario_load(), with what is drawn in it as
 * this repetition has it; 0: any. */
struct scenario *definition_scenario(const struct definition *own, int rep, char **error);

/* How much later than its scenario says an event happens: 1 unless the experiment stretches them.
 */
double definition_stretch(const struct definition *d);

/* What decides a run's numbers, as JSON: schema version, scenario, workload, warm-up, duration,
 * contestant, repetition, seed. Two runs with equal JSON are repeats of each other's measurement;
 * the words around them (title, the paper's values, how many repeats) are not in it. */
json_t *definition_of_run(const struct definition *d, const struct contestant *c, int rep);

/* The digest of definition_of_run(). */
void definition_digest(
	const struct definition *d, const struct contestant *c, int rep, char out[SHA256_TEXT]);

/* The directory of a run under the experiment's: "mpip-r01-s1-d20", and on the vm ground
 * "mpip-r01-s1-d20-vm4", 4 being its GIPS. Allocated. */
char *definition_run_name(const struct definition *d, const struct contestant *c, int rep);

/* The numbers that a run draws from: each host's mpipd gets its own, and the start jitter.
 * Different for every (seed, rep, index); index 0 to 9. 8 is the scenario's, 9 the clock's. */
int64_t definition_seed(const struct definition *d, int rep, int index);

/* mpipd's "clock" on the host whose clock is wrong, in this run. NULL: none is. */
json_t *definition_clock(const struct definition *d, const struct contestant *c, int rep);

/* A call's part of a workload: read into `c`, or added to its JSON. */
void call_load_read(struct jat at, struct call_load *c);
void call_load_add(const struct workload *w, json_t *workload);

/* Transfers' part of a workload, likewise; and the size and the pause after it of the transfer of
 * this index. Those of the measured part have the indices from 0 on. */
void transfer_load_read(struct jat at, struct transfer_load *t);
void transfer_load_add(const struct workload *w, json_t *workload);
int64_t transfer_size(const struct transfer_load *t, uint64_t seed, uint64_t index);
int64_t transfer_pause_us(const struct transfer_load *t, uint64_t seed, uint64_t index);
/* QUIC's part. */
void quic_load_read(struct jat at, struct workload *w);
void quic_load_add(const struct workload *w, json_t *workload);

extern const char *const workload_kinds[], *const direction_names[];

#endif
