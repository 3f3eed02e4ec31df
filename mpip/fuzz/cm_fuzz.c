// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzer of the control message's codec: whatever decodes must encode to what decodes to the same.
 *
 * Input: four bytes of binding, then the end of a packet. Its checksum is made right, since no
 * fuzzer would find one; if the first byte is odd, it is left as it is.
 */

#include "mpip/core/cm.h"
#include "mpip/core/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *bytes, size_t length, struct cm_binding binding)
{
	size_t cm = cm_size_at_end(bytes, length);
	uint32_t sum = CM_SALT + binding.segment_length + binding.tcp_seq;
	if (cm == 0)
		return;
	for (size_t i = length - cm; i < length - 4; i += 4) {
		struct be32 word;
		memcpy(&word, bytes + i, 4);
		sum += get32(word);
	}
	struct be32 checksum = put32(sum);
	memcpy(bytes + length - 4, &checksum, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	struct cm_binding binding = {.segment_length = data[1], .tcp_seq = data[2] | data[3] << 8};
	size_t length = size - 4;
	uint8_t *bytes = malloc(length ? length : 1); /* its own size: reads behind it are seen */
	if (!bytes)
		return 0;
	memcpy(bytes, data + 4, length);
	if (data[0] % 2 == 0)
		mend(bytes, length, binding);

	struct cm cm, again;
	struct node_id node;
	struct session_id session;
	bool peeked = cm_peek(bytes, length, &node, &session) > 0;
	if (cm_decode(bytes, length, binding, &cm)) {
		uint8_t out[CM_MAX];
		if (!peeked || cm.session.n != session.n || cm_size(&cm) > CM_MAX)
			abort();
		size_t n = cm_encode(&cm, binding, out);
		if (n != cm_size(&cm) || !cm_decode(out, n, binding, &again))
			abort();
		if (again.session.n != cm.session.n || again.path.n != cm.path.n ||
			again.stamp != cm.stamp || again.flags != cm.flags ||
			again.has_hello != cm.has_hello ||
			again.has_addresses != cm.has_addresses ||
			again.has_list_ack != cm.has_list_ack)
			abort();
	}
	free(bytes);
	return 0;
}
