// SPDX-License-Identifier: BSD-2-Clause
/* SHA-256 against the examples of FIPS 180-2, and across block borders. */

#include "mpip/base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void known_digests(void **state)
{
	(void)state;
	static const char *const examples[][2] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		char text[SHA256_TEXT];
		sha256_bytes(examples[i][0], strlen(examples[i][0]), text);
		assert_string_equal(text, examples[i][1]);
	}
}

static void a_million_letters_from_a_file(void **state)
{
	(void)state;
	char name[] = "/tmp/sha256_test.XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	FILE *f = fdopen(fd, "w");
	assert_non_null(f);
	for (int i = 0; i < 1000000; i++)
		fputc('a', f);
	fclose(f);

	char text[SHA256_TEXT];
	int rc = sha256_file(name, text);
	unlink(name);
	assert_int_equal(rc, 0);
	assert_string_equal(
		text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_int_equal(sha256_file(name, text), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_digests),
		cmocka_unit_test(a_million_letters_from_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
