// SPDX-License-Identifier: BSD-2-Clause
/* The help texts of analysis; the contracts are in the header. */

#include "analysis/help.h"

#include <string.h>

static const struct {
	const char *name, *arguments, *summary, *text;
} commands[] = {
	{"table", "[--csv | --json] EXPERIMENT", "the numbers of an experiment's runs",
		"Prints a row for each contestant: the mean goodput of its runs with its 95 %\n"
		"confidence interval, and what is behind it; then the settings in which "
		"contestants\n"
		"differ, and the reasons to doubt a run. The runs are those of the last\n"
		"make experiment NAME=EXPERIMENT.\n"
		"\n"
		"  --out DIR     reads DIR/EXPERIMENT instead of out/EXPERIMENT\n"
		"  --csv         the same numbers unrounded, a row for each contestant\n"
		"  --json        the same, as one JSON object\n"
		"  --paper FILE  other values of the paper than those that are built in\n"},
	{"plot", "[--format LIST] [--size WxH] [EXPERIMENT...]",
		"the figures of experiments, or of all",
		"Draws each figure that an experiment has into out/figures, and removes those "
		"that\n"
		"it has no more. Without a name it draws those of all experiments, and the maps "
		"of\n"
		"all sweeps, and removes those of what is gone. A picture's script and data are "
		"in\n"
		"out/figures/data; gnuplot NAME.gp draws it there again.\n"
		"\n"
		"  --out DIR     reads DIR and draws into DIR/figures instead of out\n"
		"  --format LIST svg, png, pdf, with commas between (svg,png)\n"
		"  --size WxH    pixels of the SVG, 1000x800; a PNG has twice as many (each "
		"figure's\n"
		"                own)\n"
		"  --paper FILE  other values of the paper than those that are built in\n"},
	{"cells", "[--measure NAME] [--csv | --json] SWEEP", "the numbers of a sweep's cells",
		"Prints a line for each cell and contestant: the mean of the measure over the "
		"seeds\n"
		"with its 95 % confidence interval, and the ratio to the best path, which is the "
		"best\n"
		"of the plain contestants on one path alone, seed by seed. Then each cell in "
		"which a\n"
		"contestant is below 1, the worst first, and how many there are.\n"
		"\n"
		"  --out DIR      reads DIR/sweeps/SWEEP instead of out/sweeps/SWEEP\n"
		"  --measure NAME another one of the sweep's measures than its first\n"
		"  --csv          the same numbers unrounded, a row for each cell and contestant\n"
		"  --json         the same, as one JSON object\n"},
	{"map", "[--measure NAME] [--x AXIS] [--y AXIS] [--at AXIS=VALUE,...] [SWEEP...]",
		"maps of sweeps, or of all",
		"Draws the ratio to the best path over two axes, a panel for each contestant and "
		"each\n"
		"value of a third axis, and its distribution over the cells, into out/figures: "
		"SWEEP-map\n"
		"and SWEEP-cdf. Their scripts and data are in out/figures/data.\n"
		"\n"
		"  --out DIR      reads DIR/sweeps and draws into DIR/figures instead of out\n"
		"  --measure NAME another one of the sweep's measures than its first; the "
		"pictures'\n"
		"                 names end with it\n"
		"  --x AXIS       the horizontal axis, instead of the sweep's first (of its first "
		"two that\n"
		"                 with the shorter names, where some are long)\n"
		"  --y AXIS       the vertical axis, instead of its second\n"
		"  --at LIST      of other axes one value alone: loss=1,rate=10\n"
		"  --format LIST  svg, png, pdf, with commas between (svg,png)\n"
		"  --size WxH     pixels of the SVG, 1000x800; a PNG has twice as many (each "
		"figure's\n"
		"                 own)\n"},
	{"compare", "[--measure NAME] [--csv | --json] A B", "whether results B are worse than A",
		"Compares two directories of results, of a sweep (out/sweeps/NAME) or of an "
		"experiment\n"
		"(out/NAME), contestant by contestant and cell by cell. Runs of the same seed and\n"
		"repetition are paired; without a seed in common means are compared. Ends with 1 "
		"when\n"
		"a cell, or a contestant's mean over its cells, is worse than chance makes it, "
		"with 0\n"
		"when nothing is, and with 2 when they cannot be compared.\n"
		"\n"
		"  --measure NAME another measure than the first of sweep A, or goodput_mbit of "
		"an\n"
		"                 experiment\n"
		"  --csv          unrounded, a row for each contestant's mean and for each cell\n"
		"  --json         the same, as one JSON object\n"},
	{"converge", "EXPERIMENT", "whether a faster guest changes a mean",
		"Compares the runs that make converge NAME=EXPERIMENT has left in out/converge: at "
		"one\n"
		"speed of the guest's processor and at twice that. Ends with 1 when the mean of a\n"
		"contestant changes by more than its 95 % confidence interval.\n"
		"\n"
		"  --out DIR     reads DIR/converge instead of out/converge\n"
		"  --paper FILE  other values of the paper than those that are built in\n"},
	{"report", "", "the paper's claims, judged: out/report.html",
		"Judges the paper's claims by the results that there are, and writes\n"
		"out/report.html, one page that needs no other file, and out/claims.json. It runs\n"
		"nothing and draws nothing; make report does.\n"
		"\n"
		"  --out DIR     reads and writes DIR instead of out\n"
		"  --claims FILE other rules than those that are built in (analysis/claims.json)\n"
		"  --paper FILE  other values of the paper than those that are built in\n"},
	{"paths", "RESULT.json...", "what each path and NIC carried in a run",
		"Prints what went between each pair of addresses and by each NIC, as the routers\n"
		"counted it. Ends with 1 when a NIC carried less than 30 % of its host's bytes, or "
		"a\n"
		"path no data in some 10 s.\n"},
	{"replay", "RESULT.json|PATHLOG.csv...", "whether the weights are Algorithm 1's",
		"Computes each weight of mpipd's path logs from the weights before it and the\n"
		"queuing delays of its step, and ends with 1 at the first that differs. The logs "
		"are\n"
		"those beside the result, with the run's settings; a log alone has the paper's.\n"},
	{"call", "RESULT.json...", "a call's measures, from its raw logs",
		"Prints loss, delay, jitter, reordering and the voice's score of each direction of "
		"a\n"
		"call, computed from the logs beside the result. Ends with 1 when they do not "
		"give\n"
		"what the result says.\n"},
	{"skew", "[--unit UNIT] [--json] [--corrected OUT.csv] DELAYS.csv",
		"skew and steps between two clocks",
		"Finds in any CSV of (send time, one-way delay[, path]) how fast one clock runs\n"
		"against the other, and where one was set. With a header it takes the columns "
		"time\n"
		"or sent, delay or owd, and path; mpipd's path log is such a file.\n"
		"\n"
		"  --unit UNIT   s, ms, us or ns, of columns whose names do not say it; or two,\n"
		"                TIME,DELAY (ms,us)\n"
		"  --json        for programs\n"
		"  --corrected OUT.csv\n"
		"                keeps the delays without skew and steps\n"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

void help_all(FILE *out)
{
	fputs("usage: analysis COMMAND [OPTION...] ..., from experiments' results\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  analysis %-9s %s\n", commands[i].name, commands[i].summary);
	fputs("\nanalysis COMMAND --help explains one, analysis --version prints the version. What "
	      "is judged, or checked, ends with "
	      "status\n"
	      "0 when it is as it should be, and with 1 when it is not, or something is wrong.\n",
		out);
}

void help_command(const char *command, FILE *out)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, command) == 0)
			fprintf(out, "usage: analysis %s %s\n\n%s", commands[i].name,
				commands[i].arguments, commands[i].text);
}
