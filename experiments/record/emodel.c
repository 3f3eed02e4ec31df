// SPDX-License-Identifier: BSD-2-Clause
/*
 * The E-model.
 *
 * Theory of operation
 * -------------------
 * R = Ro - Is - Id - Ie,eff + A (G.107, equation 7-1): the signal-to-noise ratio, less what comes
 * with the voice (Is), with delay and echo (Id), and with codec and loss (Ie,eff), plus what users
 * put up with for an advantage (A). The terms are G.107's, in its order; letters as there. All of
 * it is computed, also what the network cannot change, so that the model's published result for its
 * defaults (R = 93.2) checks the code.
 */

#include "experiments/record/emodel.h"

#include <math.h>
#include <string.h>

struct emodel emodel_default(void)
{
	return (struct emodel){
		.slr = 8,
		.rlr = 2,
		.stmr = 15,
		.lstr_dr = 3,
		.ds = 3,
		.telr = 65,
		.wepl = 110,
		.qdu = 1,
		.bpl = 4.3,
		.burst_r = 1,
		.nc_dbm0p = -70,
		.nfor_dbmp = -64,
		.ps_dba = 35,
		.pr_dba = 35,
	};
}

static double power(double db)
{
	return pow(10, db / 10);
}

/* No: all noise, as seen at the 0 dBr point. */
static double noise(const struct emodel *m)
{
	double olr = m->slr + m->rlr, lstr = m->stmr + m->lstr_dr;
	double nos =
		m->ps_dba - m->slr - m->ds - 100 + 0.004 * pow(m->ps_dba - olr - m->ds - 14, 2);
	double pre = m->pr_dba + 10 * log10(1 + pow(10, (10 - lstr) / 10));
	double nor = m->rlr - 121 + pre + 0.008 * pow(pre - 35, 2);
	double nfo = m->nfor_dbmp + m->rlr;
	return 10 * log10(power(m->nc_dbm0p) + power(nos) + power(nor) + power(nfo));
}

static double sidetone(const struct emodel *m)
{
	double s = -10 * log10(pow(10, -m->stmr / 10) + exp(-m->t_ms / 4) * pow(10, -m->telr / 10));
	return 12 * pow(1 + pow((s - 13) / 6, 8), 1.0 / 8) -
	       28 * pow(1 + pow((s + 1) / 19.4, 35), 1.0 / 35) -
	       13 * pow(1 + pow((s - 3) / 33, 13), 1.0 / 13) + 29;
}

/* Is: too loud, too much sidetone, quantisation. */
static double simultaneous(const struct emodel *m, double ro, double no)
{
	double xolr = m->slr + m->rlr + 0.2 * (64 + no - m->rlr);
	double iolr = 20 * (pow(1 + pow(xolr / 8, 8), 1.0 / 8) - xolr / 8);
	double q = 37 - 15 * log10(m->qdu), g = 1.07 + 0.258 * q + 0.0602 * q * q;
	double y = (ro - 100) / 15 + 46 / 8.4 - g / 9, z = 46.0 / 30 - g / 40;
	return iolr + sidetone(m) + 15 * log10(1 + pow(10, y) + pow(10, z));
}

/* Idte: the talker's own echo. */
static double talker_echo(const struct emodel *m, double no)
{
	double terv = m->telr - 40 * log10((1 + m->t_ms / 10) / (1 + m->t_ms / 150)) +
		      6 * exp(-0.3 * m->t_ms * m->t_ms);
	if (m->stmr < 9)
		terv += sidetone(m) / 2;
	double roe = -1.5 * (no - m->rlr), re = 80 + 2.5 * (terv - 14), half = (roe - re) / 2;
	double idte = (half + sqrt(half * half + 100) - 1) * (1 - exp(-m->t_ms));
	return m->stmr > 20 ? sqrt(idte * idte + pow(sidetone(m), 2)) : idte;
}

/* Idle: the listener's echo. */
static double listener_echo(const struct emodel *m, double ro)
{
	double rle = 10.5 * (m->wepl + 7) * pow(m->tr_ms + 1, -0.25), half = (ro - rle) / 2;
	return half + sqrt(half * half + 169);
}

/* Idd: too long a delay even without any echo. */
static double absolute_delay(const struct emodel *m)
{
	if (m->ta_ms <= 100)
		return 0;
	double x = log2(m->ta_ms / 100);
	return 25 * (pow(1 + pow(x, 6), 1.0 / 6) - 3 * pow(1 + pow(x / 3, 6), 1.0 / 6) + 2);
}

double emodel_r(const struct emodel *m)
{
	double no = noise(m), ro = 15 - 1.5 * (m->slr + no);
	double id = talker_echo(m, no) + listener_echo(m, ro) + absolute_delay(m);
	double ie_eff = m->ie;
	if (m->ppl > 0)
		ie_eff += (95 - m->ie) * m->ppl / (m->ppl / m->burst_r + m->bpl);
	return ro - simultaneous(m, ro, no) - id - ie_eff + m->advantage;
}

double emodel_mos(double r)
{
	if (r <= 0)
		return 1;
	if (r >= 100)
		return 4.5;
	double mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
	return mos < 1 ? 1 : mos; /* the polynomial dips below 1 near 0 */
}

const struct emodel_codec emodel_codecs[] = {
	{"g711", 0, 4.3, 0},
	{"g711-plc", 0, 25.1, 0},
	{"g729a", 11, 19.0, 5},
	{"g723.1", 15, 16.1, 7.5},
	{"gsm-efr", 5, 10.0, 0},
	{0},
};

const struct emodel_codec *emodel_codec(const char *name)
{
	for (const struct emodel_codec *c = emodel_codecs; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

double emodel_burst_ratio(const unsigned char *lost, size_t count)
{
	size_t gone = 0, runs = 0;
	for (size_t i = 0; i < count; i++) {
		gone += lost[i] != 0;
		runs += lost[i] && (i == 0 || !lost[i - 1]);
	}
	if (gone == 0 || gone == count)
		return 1;
	double mean_run = (double)gone / (double)runs;
	double at_random = 1 / (1 - (double)gone / (double)count);
	return mean_run > at_random ? mean_run / at_random : 1;
}
