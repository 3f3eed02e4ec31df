// SPDX-License-Identifier: BSD-2-Clause
/* Which runs come next; the contract is in the header. */

#include "experiments/sweeper/session.h"

#include "mpip/base/files.h"

#include <stdlib.h>
#include <string.h>

static bool is_chosen(const struct session *s, size_t row)
{
	const char *only = s->options->only;
	return !only || !strcmp(only, s->plan.contestants[plan_row(&s->plan, row).contestant]);
}

bool session_next(struct session *s, size_t *row)
{
	for (; s->next_row < s->plan.row_count; s->next_row++) {
		struct planned_run *run = plan_run(&s->plan, s->next_row);
		if (run->state != RUN_MISSING || !is_chosen(s, s->next_row))
			continue;
		run->state = RUN_UNDER_WAY;
		*row = s->next_row++;
		return true;
	}
	return false;
}

void session_again(struct session *s, struct planned_run *run)
{
	run->state = RUN_MISSING;
	for (size_t i = 0; i < run->count; i++) {
		size_t row = s->plan.by_run[run->rows + i];
		if (row < s->next_row)
			s->next_row = row;
	}
}

bool session_disk_is_full(const struct session *s, char **error)
{
	char *full = NULL;
	file_explain_full_disk(s->place.directory, &full);
	if (full)
		error_set(error, "%sstopped; what is done stays", full);
	free(full);
	return full != NULL;
}
