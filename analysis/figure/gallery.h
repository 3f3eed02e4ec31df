/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_GALLERY_H
#define ANALYSIS_FIGURE_GALLERY_H

#include <jansson.h>
#include <stdbool.h>

/* Having pictures drawn by gnuplot, and keeping them in a directory. */

/* The formats that there are, as files' names end: "svg", "png", "pdf". */
#define PICTURE_FORMATS 3
extern const char *const picture_formats[PICTURE_FORMATS];

/* Where pictures go, and what they are. */
struct gallery {
	const char *directory;         /* scripts and data go to its data/ */
	int width, height;             /* in pixels; 0: each figure's own */
	bool formats[PICTURE_FORMATS]; /* which are drawn */
};

/* Reads "svg,png": formats with commas or spaces between. 0, or -1 and *error. */
int gallery_set_formats(struct gallery *g, const char *text, char **error);

/* Reads "1000x800". 0, or -1 and *error. */
int gallery_set_size(struct gallery *g, const char *text, char **error);

/* ".svg and .png": how the names of a picture's files end. Allocated. */
char *gallery_endings(const struct gallery *g);

/* A figure to draw: its name, and files in memory. */
struct picture {
	char *name;
	int script, data;
};

/* The line that a script begins with: which figure it is, and of what, "experiment two-nics" or
 * "sweep unequal". Allocated. */
char *gallery_first_line(const char *name, const char *of);

/* Makes an empty picture. picture_free() gives back what it holds. */
struct picture picture_new(const char *name);
void picture_free(struct picture *p);

/* Runs gnuplot once for each format, and when all is drawn puts pictures, script and data in their
 * places, NAME.FORMAT, data/NAME.gp and data/NAME.dat, and removes what is there of the picture in
 * other formats. 0; or -1 and *error, which names the file and says why: it cannot be written,
 * gnuplot failed, or nothing of the data is in the picture. Then each file that was there before is
 * whole. */
int gallery_draw(const struct gallery *g, const struct picture *p, char **error);

/* Removes all files of a picture; nothing there is fine. 0, or -1 and *error. */
int gallery_remove(const struct gallery *g, const char *name, char **error);

/* Removes the pictures of what is not in the list, "experiment two-nics", "sweep unequal". What
 * gallery_draw() has not made, by its script's first line, is left alone. 0, or -1 and *error. */
int gallery_prune(const struct gallery *g, const json_t *there, char **error);

#endif
