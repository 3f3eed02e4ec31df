// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a call out of an experiment: its streams, and the TCP beside it.
 */

#include "experiments/record/definition.h"
#include "experiments/record/emodel.h"
#include "mpip/base/error.h"

static void read_audio(struct jat at, struct call_load *c)
{
	static const char *const keys[] = {
		"datagram_bytes", "interval_ms", "codec", "jitter_buffer_ms", NULL};
	jat_only(at, keys);
	c->audio = true;
	c->audio_bytes =
		(int)jat_integer_or(jat_key(at, "datagram_bytes"), CALL_HEADER_BYTES, 65507, 160);
	c->audio_interval_ms = jat_number_or(jat_key(at, "interval_ms"), 1, 1000, 20);
	c->jitter_buffer_ms = jat_number_or(jat_key(at, "jitter_buffer_ms"), 0, 10000, 60);
	const char *codec = jat_string_or(jat_key(at, "codec"), "g711-plc");
	if (!emodel_codec(codec))
		jat_fail(jat_key(at, "codec"),
			"expected g711, g711-plc, g729a, g723.1 or gsm-efr, got \"%.40s\"", codec);
	c->codec = text_format("%s", codec);
}

static void read_video(struct jat at, struct call_load *c)
{
	static const char *const keys[] = {"datagram_bytes", "rate_mbit", "frames_per_s", NULL};
	jat_only(at, keys);
	c->video = true;
	c->video_bytes =
		(int)jat_integer_or(jat_key(at, "datagram_bytes"), CALL_HEADER_BYTES, 65507, 1100);
	c->video_rate_mbit = jat_number(jat_key(at, "rate_mbit"), 0.001, 1e4);
	c->video_frames_per_s = jat_number_or(jat_key(at, "frames_per_s"), 1, 1000, 15);
}

void call_load_read(struct jat at, struct call_load *c)
{
	struct jat audio = jat_key(at, "audio"), video = jat_key(at, "video");
	if (jat_present(audio))
		read_audio(audio, c);
	if (jat_present(video))
		read_video(video, c);
	if (!c->audio && !c->video)
		jat_fail(audio, "missing, expected an object here or in \"video\"");
}

void call_load_add(const struct workload *w, json_t *workload)
{
	const struct call_load *c = &w->call;
	json_t *audio = json_null(), *video = json_null();
	if (c->audio)
		audio = json_pack("{s:i, s:f, s:s, s:f}", "datagram_bytes", c->audio_bytes,
			"interval_ms", c->audio_interval_ms, "codec", c->codec, "jitter_buffer_ms",
			c->jitter_buffer_ms);
	if (c->video)
		video = json_pack("{s:i, s:f, s:f}", "datagram_bytes", c->video_bytes, "rate_mbit",
			c->video_rate_mbit, "frames_per_s", c->video_frames_per_s);
	json_object_set_new(workload, "audio", audio);
	json_object_set_new(workload, "video", video);
	json_object_set_new(workload, "tcp", json_boolean(w->tcp));
}
