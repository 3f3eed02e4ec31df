// SPDX-License-Identifier: BSD-2-Clause
/* JSON pointers: what they reach, and what they must not make. */

#include "experiments/sweeper/pointer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static json_t *document(void)
{
	return json_pack("{s:[{s:i}, {}], s:{s:i}, s:{s:i, s:i}}", "links", "rate", 1, "a", "b", 2,
		"odd", "x/y", 3, "m~n", 4);
}

/* Sets 9 there; what is to be at the place afterwards. */
static void reaches(const char *pointer, const char *expected)
{
	json_t *d = document(), *nine = json_integer(9);
	json_t *good = json_loads(expected, 0, NULL);
	assert_non_null(good);
	assert_int_equal(pointer_set(d, pointer, nine), 0);
	if (!json_equal(d, good))
		fail_msg("%s: %s", pointer, json_dumps(d, 0));
	json_decref(good);
	json_decref(nine);
	json_decref(d);
}

static void test_reaches(void **state)
{
	(void)state;
	reaches("/links/0/rate",
		"{\"links\":[{\"rate\":9},{}],\"a\":{\"b\":2},\"odd\":{\"x/y\":3,\"m~n\":4}}");
	reaches("/links/1",
		"{\"links\":[{\"rate\":1},9],\"a\":{\"b\":2},\"odd\":{\"x/y\":3,\"m~n\":4}}");
	/* a key that is not there yet, in an object that is */
	reaches("/links/1/delay",
		"{\"links\":[{\"rate\":1},{\"delay\":9}],\"a\":{\"b\":2},\"odd\":{\"x/y\":3,\"m~"
		"n\":4}}");
	reaches("/odd/x~1y",
		"{\"links\":[{\"rate\":1},{}],\"a\":{\"b\":2},\"odd\":{\"x/y\":9,\"m~n\":4}}");
	reaches("/odd/m~0n",
		"{\"links\":[{\"rate\":1},{}],\"a\":{\"b\":2},\"odd\":{\"x/y\":3,\"m~n\":9}}");
}

static void test_refuses(void **state)
{
	(void)state;
	static const char *const pointers[] = {"/nothing/b", "/links/2", "/links/2/rate",
		"/links/-/rate", "/links/x", "/links/01/rate", "/a/b/c", "/links/0/rate/x", ""};
	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
		json_t *d = document(), *before = document(), *nine = json_integer(9);
		if (pointer_set(d, pointers[i], nine) != -1)
			fail_msg("%s was set", pointers[i]);
		assert_true(json_equal(d, before));
		json_decref(nine);
		json_decref(before);
		json_decref(d);
	}
}

static void test_form(void **state)
{
	(void)state;
	assert_true(pointer_is_good("/a/b~0~1"));
	assert_false(pointer_is_good(""));
	assert_false(pointer_is_good("a/b"));
	assert_false(pointer_is_good("/a~"));
	assert_false(pointer_is_good("/a~2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reaches),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
