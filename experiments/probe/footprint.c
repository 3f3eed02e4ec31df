// SPDX-License-Identifier: BSD-2-Clause
/*
 * What connections cost.
 *
 * Theory of operation
 * -------------------
 * Memory in use is what is neither free nor holds files (/proc/meminfo): the logs that grow
 * meanwhile are files. Processor time is what was not idle: the kernel measures idle time by the
 * clock, and the rest only by looking now and then what it is at.
 */

#include "experiments/probe/footprint.h"

#include "experiments/probe/cpu.h"
#include "experiments/probe/proc.h"
#include "mpip/base/files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number behind "KEY:" at the beginning of a line, in bytes; 0: there is none. */
static double kilobytes(const char *content, const char *key)
{
	size_t length = strlen(key);
	for (const char *at = content; at && *at; at = strchr(at, '\n'), at += at != NULL)
		if (strncmp(at, key, length) == 0 && at[length] == ':')
			return 1024 * strtod(at + length + 1, NULL);
	return 0;
}

static double of_process(pid_t pid, const char *format, const char *key)
{
	if (pid <= 0)
		return 0;
	char *ignored = NULL, *file = text_format(format, (int)pid);
	char *content = file_read(file, &ignored);
	double bytes = content ? kilobytes(content, key) : 0;
	free(content);
	free(file);
	free(ignored);
	return bytes;
}

static void read_memory(
	const struct footprint_processes *p, double *used, double *slab, double *mpipd)
{
	char *ignored = NULL, *content = file_read("/proc/meminfo", &ignored);
	free(ignored);
	*used = *slab = *mpipd = 0;
	if (content) {
		*used = kilobytes(content, "MemTotal") - kilobytes(content, "MemFree") -
			kilobytes(content, "Buffers") - kilobytes(content, "Cached");
		*slab = kilobytes(content, "Slab");
	}
	free(content);
	for (size_t i = 0; i < sizeof(p->own) / sizeof(p->own[0]); i++)
		*used -= of_process(p->own[i], "/proc/%d/status", "RssAnon");
	for (size_t i = 0; i < sizeof(p->mpipd) / sizeof(p->mpipd[0]); i++)
		*mpipd += of_process(p->mpipd[i], "/proc/%d/smaps_rollup", "Pss");
}

void footprint_before(struct footprint *f, const struct footprint_processes *p)
{
	*f = (struct footprint){0};
	read_memory(p, &f->used_before, &f->slab_before, &f->mpipd_before);
}

void footprint_note(struct footprint *f, const struct footprint_processes *p)
{
	double used, slab, mpipd;
	struct busy b = machine_busy();
	f->last_us = now_us();
	f->last_idle_s = b.total_s - b.busy_s;
	if (f->readings == 0) {
		f->first_us = f->last_us;
		f->first_idle_s = f->last_idle_s;
	}
	read_memory(p, &used, &slab, &mpipd);
	f->used += used;
	f->slab += slab;
	f->mpipd += mpipd;
	f->readings++;
}

json_t *footprint_of(const struct footprint *f, int connections, double bytes)
{
	double n = f->readings ? f->readings : 1, mbyte = bytes > 0 ? bytes / 1e6 : 1;
	double seconds = (double)(f->last_us - f->first_us) / 1e6;
	double busy_s = seconds * (double)sysconf(_SC_NPROCESSORS_ONLN) -
			(f->last_idle_s - f->first_idle_s);
	busy_s = busy_s > 0 ? busy_s : 0;
	return json_pack("{s:i, s:f, s:f, s:f, s:f, s:f, s:f}", "connections", connections,
		"memory_bytes_per_connection", (f->used / n - f->used_before) / connections,
		"slab_bytes_per_connection", (f->slab / n - f->slab_before) / connections,
		"mpipd_bytes_before", f->mpipd_before, "mpipd_bytes", f->mpipd / n,
		"cpu_us_per_mbyte", 1e6 * busy_s / mbyte, "cpu_share",
		seconds > 0 ? busy_s / seconds : 0);
}
