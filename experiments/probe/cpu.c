// SPDX-License-Identifier: BSD-2-Clause
/*
 * Processor time.
 *
 * Theory of operation
 * -------------------
 * What the kernel counts for the machine and for each process (proc(5)). Whoever wants a share
 * takes the difference of two readings.
 */

#include "experiments/probe/cpu.h"

#include "mpip/base/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct busy machine_busy(void)
{
	struct busy busy = {0};
	unsigned long long v[8] = {0};
	FILE *f = fopen("/proc/stat", "re");
	if (!f)
		return busy;
	/* user nice system idle iowait irq softirq steal, in clock ticks */
	int n = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3],
		&v[4], &v[5], &v[6], &v[7]);
	fclose(f);
	double ticks = (double)sysconf(_SC_CLK_TCK);
	for (int i = 0; i < n; i++) {
		busy.total_s += (double)v[i] / ticks;
		if (i != 3 && i != 4)
			busy.busy_s += (double)v[i] / ticks;
		if (i == 5 || i == 6)
			busy.interrupts_s += (double)v[i] / ticks;
	}
	return busy;
}

double process_seconds(pid_t pid)
{
	if (pid <= 0)
		return 0;
	char *ignored = NULL, *file = text_format("/proc/%d/stat", (int)pid);
	char *stat = file_read(file, &ignored);
	free(file);
	free(ignored);

	/* pid (command) state, then ten numbers, then utime and stime. The command may contain
	 * anything, its closing bracket is the last one. */
	unsigned long long user = 0, kernel = 0;
	char *after = stat ? strrchr(stat, ')') : NULL;
	if (after && sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
			     &kernel) != 2)
		user = kernel = 0;
	free(stat);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}
