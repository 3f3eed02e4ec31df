// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which runs there are.
 *
 * Theory of operation
 * -------------------
 * A run is called by the digest of its definition, so whatever has the same definition is the same
 * run, in whichever cell, sweep or call it is. The definitions are made one after the other, for
 * their digests alone: what stays is 12 bytes a row and 24 a run. The rest of a row follows from
 * its number.
 */

#include "experiments/sweeper/plan.h"

#include "mpip/base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 10000000

void run_text(uint64_t id, char out[RUN_TEXT])
{
	snprintf(out, RUN_TEXT, "%016llx", (unsigned long long)id);
}

bool run_of_text(const char *text, uint64_t *id)
{
	if (strlen(text) != RUN_TEXT - 1 || strspn(text, "0123456789abcdef") != RUN_TEXT - 1)
		return false;
	*id = strtoull(text, NULL, 16);
	return true;
}

struct row plan_row(const struct plan *p, size_t row)
{
	size_t cells = sweep_cells(p->grid->sweep);
	return (struct row){.contestant = row % p->contestant_count,
		.cell = row / p->contestant_count % cells,
		.seed = p->grid->sweep->seeds[row / p->contestant_count / cells]};
}

size_t plan_find_row(const struct plan *p, size_t cell, const char *contestant, int64_t seed)
{
	const struct sweep *s = p->grid->sweep;
	size_t c = 0, k = 0, cells = sweep_cells(s);
	while (c < p->contestant_count && strcmp(p->contestants[c], contestant) != 0)
		c++;
	if (c == p->contestant_count || !sweep_find_seed(s, seed, &k) || cell >= cells)
		return p->row_count;
	return (k * cells + cell) * p->contestant_count + c;
}

struct planned_run *plan_find(const struct plan *p, uint64_t id)
{
	size_t low = 0, high = p->run_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->runs[middle].id == id)
			return &p->runs[middle];
		if (p->runs[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

struct planned_run *plan_run(const struct plan *p, size_t row)
{
	return plan_find(p, p->ids[row]);
}

size_t plan_count(const struct plan *p, enum run_state state)
{
	size_t count = 0;
	for (size_t i = 0; i < p->run_count; i++)
		count += p->runs[i].state == state;
	return count;
}

static int by_id(const void *a, const void *b, void *ids)
{
	const uint64_t *all = ids;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	if (all[x] != all[y])
		return all[x] < all[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Puts the rows of each run together. */
static void find_runs(struct plan *p)
{
	for (size_t i = 0; i < p->row_count; i++)
		p->by_run[i] = (uint32_t)i;
	qsort_r(p->by_run, p->row_count, sizeof(*p->by_run), by_id, p->ids);
	for (size_t i = 0; i < p->row_count; i++) {
		uint64_t id = p->ids[p->by_run[i]];
		if (i == 0 || p->runs[p->run_count - 1].id != id)
			p->runs[p->run_count++] =
				(struct planned_run){.id = id, .rows = (uint32_t)i};
		p->runs[p->run_count - 1].count++;
	}
}

static void *must_calloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);
	if (!p)
		abort();
	return p;
}

/* Of one cell, with all seeds and contestants. */
static int enumerate_cell(struct plan *p, size_t cell, char **error)
{
	const struct sweep *s = p->grid->sweep;
	size_t cells = sweep_cells(s);
	struct definition *d = grid_definition(p->grid, cell, 0, error);
	if (!d)
		return -1;
	for (size_t k = 0; k < s->seed_count; k++) {
		d->seed = s->seeds[k];
		for (size_t c = 0; c < p->contestant_count; c++) {
			char digest[SHA256_TEXT];
			definition_digest(d, &d->contestants[c], 1, digest);
			digest[RUN_TEXT - 1] = '\0';
			run_of_text(digest, &p->ids[(k * cells + cell) * p->contestant_count + c]);
		}
	}
	definition_free(d);
	return 0;
}

static int take_contestants(struct plan *p, char **error)
{
	struct definition *d = grid_definition(p->grid, 0, 0, error);
	if (!d)
		return -1;
	p->contestant_count = d->contestant_count;
	p->contestants = must_calloc(d->contestant_count, sizeof(*p->contestants));
	for (size_t i = 0; i < d->contestant_count; i++)
		p->contestants[i] = text_format("%s", d->contestants[i].name);
	definition_free(d);
	return 0;
}

int plan_make(
	struct plan *p, const struct grid *g, bool (*tell)(size_t done, size_t of), char **error)
{
	*p = (struct plan){.grid = g};
	if (take_contestants(p, error) != 0)
		return -1;
	size_t cells = sweep_cells(g->sweep), each = g->sweep->seed_count * p->contestant_count;
	if (each > ROWS_MAX / cells)
		return error_set(error,
			"%s: expected at most %d runs, got %zu cells with %zu seeds and %zu "
			"contestants",
			g->sweep->file, ROWS_MAX, cells, g->sweep->seed_count, p->contestant_count);
	p->row_count = cells * each;
	p->ids = must_calloc(p->row_count, sizeof(*p->ids));
	p->by_run = must_calloc(p->row_count, sizeof(*p->by_run));
	p->runs = must_calloc(p->row_count, sizeof(*p->runs));
	for (size_t cell = 0; cell < cells; cell++) {
		if (enumerate_cell(p, cell, error) != 0)
			return -1;
		if (tell && tell(cell + 1, cells))
			return 1;
	}
	find_runs(p);
	return 0;
}

void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->contestant_count; i++)
		free(p->contestants[i]);
	free(p->contestants);
	free(p->ids);
	free(p->by_run);
	free(p->runs);
	*p = (struct plan){0};
}
