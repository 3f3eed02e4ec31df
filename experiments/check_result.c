// SPDX-License-Identifier: BSD-2-Clause
/*
 * Checks results: check-result SCHEMA RESULT...
 *
 * Each against the schema, and its digest against the raw logs that lie beside it: a log that has
 * been changed since is noticed.
 *
 * Every file is looked at, each problem is one line "FILE: PLACE: expected ..."; the exit status is
 * 1 if there was one, 2 for a wrong call.
 */

#include "experiments/record/digest.h"
#include "experiments/record/schema.h"
#include "mpip/base/error.h"
#include "mpip/base/jsonfile.h"
#include "mpip/base/output.h"
#include "mpip/base/version.h"

#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"Checks results of experiments.\n"
	"\n"
	"  check-result SCHEMA RESULT.json...   each against the schema, which is\n"
	"                                       experiments/record/result.schema.json, and its "
	"digest\n"
	"                                       against the logs beside it\n"
	"  check-result --help                  this\n"
	"  check-result --version               the version\n"
	"\n"
	"Each problem is a line \"FILE: PLACE: expected ...\".\n"
	"Exit status: 0 when all are good, 1 when one is not, 2 for a wrong call.\n";

static json_t *load(const char *file)
{
	char *error = NULL;
	json_t *value = json_read(file, JSON_REJECT_DUPLICATES, &error);
	if (!value)
		fprintf(stderr, "%s\n", error);
	free(error);
	return value;
}

/* Whether the logs beside the file give the digest in it. */
static int check_digest(const char *file, const json_t *result, char **error)
{
	const char *got = json_string_value(json_object_get(result, "digest"));
	char *copy = text_format("%s", file), digest[SHA256_TEXT];
	int rc = digest_of_run(dirname(copy), digest, error);
	if (rc == 0 && (!got || strcmp(got, digest) != 0))
		rc = error_set(error, "digest: expected %s, as its logs make it, got %s", digest,
			got ? got : "none");
	free(copy);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return output_end(0);
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		version_print("check-result");
		return output_end(0);
	}
	if (argc < 3) {
		fputs("expected a schema and one or more results, see --help\n", stderr);
		return 2;
	}
	json_t *schema = load(argv[1]);
	if (!schema)
		return 1;

	int bad = 0;
	for (int i = 2; i < argc; i++) {
		json_t *value = load(argv[i]);
		char *error = NULL;
		if (!value) {
			bad++;
		} else if (schema_check(schema, value, &error) != 0 ||
			   check_digest(argv[i], value, &error) != 0) {
			fprintf(stderr, "%s: %s\n", argv[i], error);
			bad++;
		}
		free(error);
		json_decref(value);
	}
	json_decref(schema);
	printf("%d of %d results are as %s and their logs say\n", argc - 2 - bad, argc - 2,
		argv[1]);
	return output_end(bad > 0);
}
