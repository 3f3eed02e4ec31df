/* SPDX-License-Identifier: BSD-2-Clause */
/* For cppcheck alone, which does not read the system's headers: the loops that they define. */
#define json_array_foreach(list, i, v)                                                             \
	for ((i) = 0; ((v) = json_array_get((list), (i))) != 0; (i)++)
#define json_object_foreach(object, k, v)                                                          \
	for ((k) = first_key(object); (k) && ((v) = json_object_get((object), (k))) != 0;          \
		(k) = next_key(object, k))
#define HASH_ITER(hh, head, e, next) for ((e) = (head), (next) = 0; (e); (e) = (next))
