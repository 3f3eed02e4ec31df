// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading an experiment.
 *
 * Theory of operation
 * -------------------
 * The file is read with the readers of mpip/base/jsonfile.h, which keep the first thing found
 * wrong. What is common to all is read first, then each contestant, and the error is asked for
 * after each of these, so that every contestant's mistake is told at once. The scenario is named
 * relative to the experiment's file, so that an experiment works from any directory. It is read
 * here only for its digest. Whether what a definition names is there and right, scenarios, mpipd's
 * settings, sysctls, is looked at in check.c.
 */

#include "experiments/record/definition.h"

#include "experiments/record/names.h"

#include "lab/scenario/trace.h"

#include "mpip/base/files.h"
#include "mpip/base/jsonfile.h"

#include <ctype.h>
#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const workload_kinds[] = {
	"tcp", "udp", "call", "connections", "transfers", "quic", NULL};
const char *const direction_names[] = {"forward", "reverse", "both", NULL};

static char *copy(const char *s)
{
	return text_format("%s", s);
}

static void read_congestion_control(struct jat at, struct workload *w)
{
	static const char *const controls[] = {"cubic", "reno", "bbr", NULL};
	free(w->congestion_control);
	w->congestion_control =
		copy(controls[jat_choice_or(jat_key(at, "congestion_control"), controls, 0)]);
}

/* What iperf3 sends, in the workload itself or in a call's "tcp". */
static void read_iperf(struct jat at, struct workload *w)
{
	w->iperf = true;
	w->tcp = w->kind != WORKLOAD_UDP;
	w->direction = (enum direction)jat_choice_or(
		jat_key(at, "direction"), direction_names, DIRECTION_FORWARD);
	read_congestion_control(at, w);
	w->streams = (int)jat_integer_or(jat_key(at, "streams"), 1, 64, 1);
}

static void read_call(struct jat at, struct workload *w)
{
	static const char *const keys[] = {"kind", "from", "to", "audio", "video", "tcp", NULL};
	static const char *const tcp_keys[] = {"direction", "congestion_control", "streams", NULL};
	struct jat tcp = jat_key(at, "tcp");
	jat_only(at, keys);
	call_load_read(at, &w->call);
	if (jat_present(tcp)) {
		jat_only(tcp, tcp_keys);
		read_iperf(tcp, w);
	}
}

static void read_plain(struct jat at, struct workload *w)
{
	static const char *const keys[] = {"kind", "direction", "from", "to", "congestion_control",
		"streams", "rate_mbit", "datagram_bytes", NULL};
	struct jat rate = jat_key(at, "rate_mbit"), size = jat_key(at, "datagram_bytes");
	jat_only(at, keys);
	read_iperf(at, w);
	if (w->kind == WORKLOAD_UDP) {
		w->rate_mbit = jat_number(rate, 0.01, 1e5);
		w->datagram_bytes = (int)jat_integer(size, 16, 65507);
	} else if (jat_present(rate) || jat_present(size)) {
		jat_fail(jat_present(rate) ? rate : size, "expected only with \"kind\": \"udp\"");
	}
}

/* Many TCP connections, with a load that is the same however many. */
static void read_connections(struct jat at, struct workload *w)
{
	static const char *const keys[] = {"kind", "from", "to", "connections",
		"congestion_control", "rate_mbit", "message_bytes", NULL};
	jat_only(at, keys);
	w->tcp = true;
	w->direction = DIRECTION_FORWARD;
	read_congestion_control(at, w);
	w->streams = (int)jat_integer(jat_key(at, "connections"), 1, 4000);
	w->rate_mbit = jat_number(jat_key(at, "rate_mbit"), 0.01, 1000);
	w->message_bytes = (int)jat_integer(jat_key(at, "message_bytes"), 16, 65536);
}

/* Transfers, each over a connection of its own. */
static void read_transfers(struct jat at, struct workload *w)
{
	static const char *const keys[] = {"kind", "from", "to", "direction", "congestion_control",
		"sizes_bytes", "parallel", "pause_ms", "count", NULL};
	static const char *const directions[] = {"forward", "reverse", NULL};
	jat_only(at, keys);
	w->tcp = true;
	w->direction = (enum direction)jat_choice_or(
		jat_key(at, "direction"), directions, DIRECTION_FORWARD);
	read_congestion_control(at, w);
	w->streams = (int)jat_integer_or(jat_key(at, "parallel"), 1, 64, 1);
	transfer_load_read(at, &w->transfers);
}

static struct workload read_workload(struct jat at)
{
	struct jat kind = jat_key(at, "kind");
	jat_string(kind);
	struct workload w = {
		.kind = (enum workload_kind)jat_choice_or(kind, workload_kinds, WORKLOAD_TCP),
		.direction = DIRECTION_BOTH, /* of a call */
		.from = copy(jat_string_or(jat_key(at, "from"), "client")),
		.to = copy(jat_string_or(jat_key(at, "to"), "server")),
		.congestion_control = copy("cubic"),
		.streams = 1,
	};
	if (w.kind == WORKLOAD_CALL)
		read_call(at, &w);
	else if (w.kind == WORKLOAD_CONNECTIONS)
		read_connections(at, &w);
	else if (w.kind == WORKLOAD_TRANSFERS)
		read_transfers(at, &w);
	else if (w.kind == WORKLOAD_QUIC)
		quic_load_read(at, &w);
	else
		read_plain(at, &w);
	if (strcmp(w.from, w.to) == 0)
		jat_fail(jat_key(at, "to"), "expected another host than \"from\"");
	return w;
}

static void read_clock(struct jat at, struct contestant *c)
{
	static const char *const keys[] = {"host", "offset_us", "skew_ppm", "step", NULL};
	struct jat skew = jat_key(at, "skew_ppm");
	jat_only(at, keys);
	c->clock_host = copy(jat_string(jat_key(at, "host")));
	c->clock = json_copy(at.value);
	json_object_del(c->clock, "host");
	if (json_is_array(skew.value) && jat_length(skew) != 2)
		jat_fail(skew, "expected a number, or two to draw one between");
	else if (json_is_array(skew.value)) {
		c->skew_low_ppm = jat_number(jat_item(skew, 0), -10000, 10000);
		c->skew_high_ppm = jat_number(jat_item(skew, 1), c->skew_low_ppm, 10000);
	} else {
		c->skew_low_ppm = c->skew_high_ppm = jat_number_or(skew, -10000, 10000, 0);
	}
	if (!c->mpipd)
		jat_fail(at, "expected only with \"mpipd\": it is mpipd's clock");
	else if (json_object_get(c->mpipd, "clock"))
		jat_fail(at, "expected none beside mpipd.clock");
}

/* Names as sysctl(8) has them; a whole number is as good as its text. */
static json_t *read_sysctls(struct jat at)
{
	json_t *sysctls = json_object(), *value;
	const char *name;
	if (!json_is_object(at.value))
		jat_fail(at, "expected an object such as {\"net.ipv4.tcp_recovery\": 0}");
	json_object_foreach (at.value, name, value) {
		struct jat place = jat_key(at, name);
		bool good = strncmp(name, "net.", 4) == 0 && !strstr(name, "..");
		for (const char *p = name; good && *p; p++)
			good = isalnum((unsigned char)*p) || *p == '.' || *p == '_';
		if (!good)
			jat_fail(place, "expected a sysctl's name such as net.ipv4.tcp_recovery");
		char *text = json_is_integer(value)
				     ? text_format("%lld", (long long)json_integer_value(value))
				     : copy(jat_string(place));
		json_object_set_new(sysctls, name, json_string(text));
		free(text);
	}
	return sysctls;
}

/* Hosts and their NICs; whether the scenario has them is looked at with it. */
static json_t *read_nics(struct jat at)
{
	const char *host;
	json_t *list;
	if (!json_is_object(at.value))
		jat_fail(at, "expected an object such as {\"client\": [\"eth1\"]}");
	json_object_foreach (at.value, host, list) {
		struct jat nics = jat_key(at, host);
		if (jat_length(nics) == 0)
			jat_fail(nics, "expected at least one NIC to be up");
		for (size_t i = 0; i < jat_length(nics); i++)
			jat_string(jat_item(nics, i));
	}
	return json_incref(at.value);
}

static struct contestant read_contestant(struct jat at)
{
	static const char *const keys[] = {"name", "mptcp", "mpipd", "clock", "paper", "scenario",
		"workload", "nics", "sysctls", NULL};
	struct jat name = jat_key(at, "name"), mpipd = jat_key(at, "mpipd");
	struct jat paper = jat_key(at, "paper");
	jat_only(at, keys);

	struct contestant c = {
		.name = copy(jat_string(name)),
		.mptcp = jat_bool_or(jat_key(at, "mptcp"), false),
		.paper = jat_present(paper) ? copy(jat_string(paper)) : NULL,
	};
	name_check(name, c.name);
	if (c.paper && c.paper[0] != '/')
		jat_fail(paper, "expected a JSON pointer such as /tcp_mode/plain_tcp_mbit");
	if (jat_present(mpipd)) {
		if (!json_is_object(mpipd.value))
			jat_fail(mpipd, "expected an object, mpipd's settings");
		else if (json_object_get(mpipd.value, "seed"))
			jat_fail(jat_key(mpipd, "seed"), "expected none: each run sets its own");
		c.mpipd = json_incref(mpipd.value);
	}
	if (jat_present(jat_key(at, "clock")))
		read_clock(jat_key(at, "clock"), &c);
	if (jat_present(jat_key(at, "nics")))
		c.nics = read_nics(jat_key(at, "nics"));
	if (jat_present(jat_key(at, "sysctls")))
		c.sysctls = read_sysctls(jat_key(at, "sysctls"));
	return c;
}

/* Of what it says, however it is written. */
static void digest_of(const json_t *value, char digest[static SHA256_TEXT])
{
	char *canonical = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
	if (!canonical)
		abort();
	sha256_bytes(canonical, strlen(canonical), digest);
	free(canonical);
}

/* The digest of a scenario's content; its words for people do not count. */
static void digest_of_scenario(const json_t *content, char digest[static SHA256_TEXT])
{
	json_t *scenario = json_copy((json_t *)content);
	json_object_del(scenario, "about");
	digest_of(scenario, digest);
	json_decref(scenario);
}

/* The scenario's digest, and the scenario itself where it stands here. Returns the file's name,
 * allocated. */
static char *read_scenario(const struct definition *d, struct jat at, json_t **content,
	char digest[static SHA256_TEXT])
{
	if (json_is_object(at.value)) {
		*content = at.value;
		digest_of_scenario(at.value, digest);
		return text_format("%s: %s", d->file, at.place);
	}
	char *own = copy(d->file);
	const char *name = jat_string(at);
	char *file = name[0] == '/' ? copy(name) : text_format("%s/%s", dirname(own), name);
	free(own);

	char *error = NULL;
	json_t *scenario = json_read(file, 0, &error);
	if (!scenario) {
		jat_fail(at, "expected a scenario's file: %s", error);
		free(error);
		return file;
	}
	digest_of_scenario(scenario, digest);
	json_decref(scenario);
	return file;
}

/* What the contestant has of its own: a scenario, and of the workload what differs. `common` is the
 * experiment's workload; NULL: that is wrong itself. */
static void read_own(
	const struct definition *d, struct jat item, json_t *common, struct contestant *c)
{
	struct jat scenario = jat_key(item, "scenario"), workload = jat_key(item, "workload");
	if (jat_present(scenario))
		c->scenario_file = read_scenario(d, scenario, &c->scenario, c->scenario_digest);
	if (jat_present(workload) && !json_is_object(workload.value)) {
		jat_fail(workload, "expected an object, what differs from the experiment's");
	} else if (jat_present(workload) && common) {
		json_t *merged = workload.value = json_copy(workload.value);
		json_object_update_missing(merged, common);
		c->own_workload = true;
		c->workload = read_workload(workload);
		json_decref(merged);
	}
	const struct workload *w = c->own_workload ? &c->workload : &d->workload;
	if (!w->tcp && c->mptcp)
		jat_fail(jat_key(item, "mptcp"), "expected none: the workload is UDP");
	const char *host = c->clock_host;
	if (host && strcmp(host, w->from) != 0 && strcmp(host, w->to) != 0)
		jat_fail(jat_key(jat_key(item, "clock"), "host"), "expected %s or %s", w->from,
			w->to);
}

static void read_contestants(struct definition *d, struct jat at, json_t *common, char **faults)
{
	size_t count = jat_length(at);
	if (count == 0)
		jat_fail(at, "expected a list of at least one contestant");
	definition_fault(faults, jdoc_take_error(at.doc));
	d->contestants = calloc(count ? count : 1, sizeof(*d->contestants));
	if (!d->contestants)
		abort();
	for (size_t i = 0; i < count; i++) {
		struct jat item = jat_item(at, i);
		d->contestants[i] = read_contestant(item);
		d->contestant_count = i + 1;
		for (size_t j = 0; j < i; j++)
			if (strcmp(d->contestants[j].name, d->contestants[i].name) == 0)
				jat_fail(jat_key(item, "name"), "expected a name that no other "
								"contestant has");
		read_own(d, item, common, &d->contestants[i]);
		definition_fault(faults, jdoc_take_error(at.doc));
	}
}

/* "experiments/two-nics.json" is the experiment two-nics. */
static char *name_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	size_t length = strlen(base);
	if (length > 5 && strcmp(base + length - 5, ".json") == 0)
		length -= 5;
	return text_format("%.*s", (int)length, base);
}

/* What all contestants have in common. */
static void read_common(struct definition *d, struct jat root)
{
	static const char *const keys[] = {"about", "title", "scenario", "workload", "duration_s",
		"warm_up_s", "paper_duration_s", "paper_warm_up_s", "stretch_events",
		"uneven_paths", "repeats", "seed", "delays_ms", "gips", "contestants", NULL};
	struct jat workload = jat_key(root, "workload");
	name_check(root, d->name);
	jat_only(root, keys);
	jat_string_or(jat_key(root, "about"), "");
	d->title = copy(jat_string(jat_key(root, "title")));
	d->scenario_file =
		read_scenario(d, jat_key(root, "scenario"), &d->scenario, d->scenario_digest);
	if (!jat_present(workload))
		jat_fail(workload, "missing, expected an object");
	d->workload = read_workload(workload);
	d->duration_s = (int)jat_integer(jat_key(root, "duration_s"), 1, DURATION_MAX_S);
	d->warm_up_s = (int)jat_integer_or(jat_key(root, "warm_up_s"), 0, 600, 0);
	d->written_duration_s = d->duration_s;
	d->uneven_paths = jat_bool_or(jat_key(root, "uneven_paths"), false);
	d->stretch_events = jat_bool_or(jat_key(root, "stretch_events"), false);
	d->paper_duration_s =
		(int)jat_integer_or(jat_key(root, "paper_duration_s"), 1, DURATION_MAX_S, 0);
	d->paper_warm_up_s = (int)jat_integer_or(jat_key(root, "paper_warm_up_s"), 0, 600, 0);
	d->repeats = (int)jat_integer(jat_key(root, "repeats"), 1, 999);
	d->seed = jat_integer_or(jat_key(root, "seed"), 0, 1000000000, 1);
	d->delays_ms = jat_number_or(jat_key(root, "delays_ms"), 0.01, 10000, 2);
	d->gips = (int)jat_integer_or(jat_key(root, "gips"), 0, GIPS_MAX, 0);
}

/* Whether it is one of the lines. */
static bool has_line(const char *lines, const char *line)
{
	size_t length = strlen(line);
	for (const char *at = lines; at; at = strchr(at, '\n'), at += at != NULL)
		if (strcspn(at, "\n") == length && memcmp(at, line, length) == 0)
			return true;
	return false;
}

void definition_fault(char **faults, char *line)
{
	if (line && !has_line(*faults, line)) {
		char *all = *faults ? text_format("%s\n%s", *faults, line) : copy(line);
		free(*faults);
		*faults = all;
	}
	free(line);
}

/* Takes the document and the name. */
static struct definition *of_document(const char *file, char *name, struct jdoc *doc, char **faults)
{
	struct jat root = jdoc_root(doc);
	struct definition *d = calloc(1, sizeof(*d));
	if (!d)
		abort();
	d->doc = doc;
	d->file = copy(file);
	d->name = name;
	if (jdoc_error(doc)) {
		definition_fault(faults, jdoc_take_error(doc));
		return d;
	}
	read_common(d, root);
	json_t *common = jdoc_error(doc) ? NULL : jat_key(root, "workload").value;
	definition_fault(faults, jdoc_take_error(doc));
	read_contestants(d, jat_key(root, "contestants"), common, faults);
	return d;
}

struct definition *definition_read(const char *file, char **faults)
{
	return of_document(file, name_of(file), jdoc_load(file), faults);
}

struct definition *definition_of(const char *file, const char *name, json_t *content, char **faults)
{
	return of_document(file, copy(name), jdoc_of(file, content), faults);
}

struct definition *definition_load(const char *file, char **error)
{
	char *faults = NULL;
	struct definition *d = definition_read(file, &faults);
	if (!faults)
		return d;
	error_set(error, "%s", faults);
	free(faults);
	definition_free(d);
	return NULL;
}

static void free_workload(struct workload *w)
{
	free(w->from);
	free(w->to);
	free(w->congestion_control);
	free(w->call.codec);
}

void definition_free(struct definition *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->contestant_count; i++) {
		free(d->contestants[i].name);
		free(d->contestants[i].paper);
		json_decref(d->contestants[i].mpipd);
		json_decref(d->contestants[i].clock);
		free(d->contestants[i].clock_host);
		free(d->contestants[i].scenario_file);
		json_decref(d->contestants[i].nics);
		json_decref(d->contestants[i].sysctls);
		free_workload(&d->contestants[i].workload);
	}
	free(d->contestants);
	free_workload(&d->workload);
	jdoc_free(d->doc);
	free(d->scenario_file);
	free(d->title);
	free(d->name);
	free(d->file);
	free(d);
}

void definition_as_paper(struct definition *d)
{
	if (d->paper_duration_s)
		d->duration_s = d->paper_duration_s;
	if (d->paper_warm_up_s)
		d->warm_up_s = d->paper_warm_up_s;
}

struct definition definition_for(const struct definition *d, const struct contestant *c)
{
	struct definition own = *d;
	if (c->own_workload)
		own.workload = c->workload;
	if (c->scenario_file) {
		own.scenario_file = c->scenario_file;
		own.scenario = c->scenario;
		memcpy(own.scenario_digest, c->scenario_digest, sizeof(own.scenario_digest));
	}
	return own;
}

struct scenario *definition_scenario(const struct definition *own, int rep, char **error)
{
	/* A copy: what a scenario names or draws is put in its place when it is read. */
	json_t *content = own->scenario
				  ? json_deep_copy(own->scenario)
				  : json_read(own->scenario_file, JSON_REJECT_DUPLICATES, error);
	if (!content)
		return NULL;
	trace_set_seeds(content, definition_seed(own, rep, 8));
	struct scenario *s = scenario_of(own->scenario_file, content, error);
	json_decref(content);
	return s;
}

double definition_stretch(const struct definition *d)
{
	return d->stretch_events ? (double)d->duration_s / d->written_duration_s : 1;
}

json_t *definition_of_run(const struct definition *all, const struct contestant *c, int rep)
{
	const struct definition own = definition_for(all, c), *d = &own;
	const struct workload *w = &d->workload;
	json_t *workload =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "kind", workload_kinds[w->kind],
			"direction", direction_names[w->direction], "from", w->from, "to", w->to,
			"congestion_control", w->congestion_control, "streams", w->streams);
	if (w->kind == WORKLOAD_UDP) {
		json_object_set_new(workload, "rate_mbit", json_real(w->rate_mbit));
		json_object_set_new(workload, "datagram_bytes", json_integer(w->datagram_bytes));
	}
	if (w->kind == WORKLOAD_CONNECTIONS) {
		json_object_set_new(workload, "rate_mbit", json_real(w->rate_mbit));
		json_object_set_new(workload, "message_bytes", json_integer(w->message_bytes));
	}
	if (w->kind == WORKLOAD_TRANSFERS)
		transfer_load_add(w, workload);
	if (w->kind == WORKLOAD_CALL)
		call_load_add(w, workload);
	if (w->kind == WORKLOAD_QUIC)
		quic_load_add(w, workload);
	json_t *run = json_pack("{s:i, s:s, s:o, s:i, s:i, s:{s:s, s:b, s:O?}, s:i, s:I}",
		"schema_version", RESULT_VERSION, "scenario_sha256", d->scenario_digest, "workload",
		workload, "warm_up_s", d->warm_up_s, "duration_s", d->duration_s, "contestant",
		"name", c->name, "mptcp", c->mptcp, "mpipd", c->mpipd, "rep", rep, "seed",
		(json_int_t)d->seed);
	json_object_set_new(run, "ground", json_string(ground_names[d->ground]));
	if (d->ground == GROUND_VM)
		json_object_set_new(run, "gips", json_integer(d->gips));
	if (d->stretch_events)
		json_object_set_new(run, "stretch_events", json_real(definition_stretch(d)));
	if (d->uneven_paths)
		json_object_set_new(run, "uneven_paths", json_true());
	if (c->nics)
		json_object_set(json_object_get(run, "contestant"), "nics", c->nics);
	if (c->sysctls)
		json_object_set(json_object_get(run, "contestant"), "sysctls", c->sysctls);
	json_t *clock = definition_clock(d, c, rep);
	if (clock) {
		json_object_set_new(clock, "host", json_string(c->clock_host));
		json_object_set_new(json_object_get(run, "contestant"), "clock", clock);
	}
	return run;
}

void definition_digest(
	const struct definition *d, const struct contestant *c, int rep, char out[SHA256_TEXT])
{
	json_t *run = definition_of_run(d, c, rep);
	digest_of(run, out);
	json_decref(run);
}

char *definition_run_name(const struct definition *d, const struct contestant *c, int rep)
{
	char vm[16] = "";
	if (d->ground == GROUND_VM)
		snprintf(vm, sizeof(vm), "-vm%d", d->gips);
	return text_format(
		"%s-r%02d-s%lld-d%d%s", c->name, rep, (long long)d->seed, d->duration_s, vm);
}

int64_t definition_seed(const struct definition *d, int rep, int index)
{
	return (d->seed * 1000 + rep) * 10 + index;
}

json_t *definition_clock(const struct definition *d, const struct contestant *c, int rep)
{
	if (!c->clock)
		return NULL;
	/* splitmix64's finalizer: seeds next to each other give numbers that are not */
	uint64_t x = (uint64_t)definition_seed(d, rep, 9) * 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	double part = (double)((x ^ x >> 31) >> 11) / 9007199254740992.0;
	/* mpipd counts in thousandths of a ppm */
	double ppm = c->skew_low_ppm + part * (c->skew_high_ppm - c->skew_low_ppm);
	json_t *clock = json_copy(c->clock);
	json_object_set_new(clock, "skew_ppm", json_real(trunc(ppm * 1000) / 1000));
	return clock;
}
