// SPDX-License-Identifier: BSD-2-Clause
/* Lower convex hulls. */

#include "analysis/clock/hull.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Whether b lies above the line from a to c, or on it. */
static bool is_above(struct hull_corner a, struct hull_corner b, struct hull_corner c)
{
	return (b.d - a.d) * (c.t - a.t) >= (c.d - a.d) * (b.t - a.t);
}

void hull_add(struct hull *h, double t, double d)
{
	struct hull_corner p = {t, d};
	h->n++;
	h->sum_t += t;
	if (h->count && h->corners[h->count - 1].t == t) {
		if (h->corners[h->count - 1].d <= d)
			return;
		h->count--;
	}
	while (h->count >= 2 && is_above(h->corners[h->count - 2], h->corners[h->count - 1], p))
		h->count--;
	if (h->count == h->room) {
		h->room = h->room ? 2 * h->room : 4;
		h->corners = reallocarray(h->corners, h->room, sizeof(*h->corners));
		if (!h->corners)
			abort();
	}
	h->corners[h->count++] = p;
}

double hull_line(const struct hull *h, double slope)
{
	double least = INFINITY;
	for (size_t i = 0; i < h->count; i++)
		least = fmin(least, h->corners[i].d - slope * h->corners[i].t);
	return least;
}

void hull_free(struct hull *h)
{
	free(h->corners);
	*h = (struct hull){0};
}
