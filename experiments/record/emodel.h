/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_EMODEL_H
#define EXPERIMENTS_RECORD_EMODEL_H

#include <stddef.h>

/* Voice quality by the E-model: ITU-T G.107 (narrowband), with the codecs of G.113 Appendix I. */

/* The model's inputs under G.107's names and in its units. */
struct emodel {
	double slr, rlr;           /* send and receive loudness rating, dB */
	double stmr, lstr_dr;      /* sidetone masking rating, dB; D-value of the receiver */
	double ds;                 /* D-value of the sender's telephone */
	double telr, wepl;         /* talker echo loudness rating, weighted echo path loss, dB */
	double t_ms, tr_ms, ta_ms; /* mean one-way delay of the echo path, round-trip delay,
				      absolute delay: mouth to ear */
	double qdu;                /* quantisation distortion units */
	double ie, bpl;            /* the codec's equipment impairment and robustness to loss */
	double ppl, burst_r;       /* packets lost, per cent; their burst ratio, 1: at random */
	double nc_dbm0p, nfor_dbmp, ps_dba, pr_dba; /* noise: circuit, floor, rooms */
	double advantage;                           /* A */
};

/* G.107's table of default values. */
struct emodel emodel_default(void);

/* The transmission rating R; 93.2 with all defaults. */
double emodel_r(const struct emodel *m);

/* The mean opinion score of an R, from 1 to 4.5 (G.107 Annex B). */
double emodel_mos(double r);

/* A codec as G.113 Appendix I has it, with what it adds to the mouth-to-ear delay. */
struct emodel_codec {
	const char *name;
	double ie, bpl;
	double look_ahead_ms;
};

/* The codec of this name, or NULL. The names: "g711", "g711-plc", "g729a", "g723.1", "gsm-efr". */
const struct emodel_codec *emodel_codec(const char *name);

/* All of them; the last has no name. */
extern const struct emodel_codec emodel_codecs[];

/* How bursty a pattern of losses is: the mean length of a run of lost packets over what it would be
 * if the same share were lost at random (G.107). `lost` has one entry per packet in the order of
 * sending. 1 when nothing, or everything, is lost; never below 1. */
double emodel_burst_ratio(const unsigned char *lost, size_t count);

#endif
