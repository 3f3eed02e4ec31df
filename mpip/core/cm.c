// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control message's codec (paper 3.1, Table 1).
 *
 * Theory of operation: the fixed part is laid over the packet's last bytes as a struct of wire
 * types. In front of it may lie an extension of at most 15 words: parts of type, length, value;
 * type 0 is one byte of padding. A part of unknown type is skipped, so that a later version can
 * add some. The paper's checksum, a plain sum, is kept; ours also binds the CM to its place
 * (cm_wire.h says how), since a file may well contain copies of CMs.
 */

#include "mpip/core/cm.h"

#include "mpip/core/wire.h"

struct cm_fixed {
	uint8_t node[6];
	struct be32 session;
	struct be16 path, feedback_path;
	struct be32 stamp, delay;
	uint8_t flags, version_words;
	struct be32 checksum;
};
_Static_assert(sizeof(struct cm_fixed) == CM_FIXED, "the CM's fixed part");
_Static_assert(offsetof(struct cm_fixed, session) == CM_OFF_SESSION, "session");
_Static_assert(offsetof(struct cm_fixed, stamp) == CM_OFF_STAMP, "stamp");
_Static_assert(offsetof(struct cm_fixed, checksum) == CM_OFF_SUM, "checksum");

enum part_type { PART_PAD, PART_HELLO, PART_ADDRESSES, PART_LIST_ACK, PART_SIZE, PART_SCALE };
#define PART_HEAD   2
#define HELLO_BYTES 5
#define SIZE_BYTES  4

static size_t extension_bytes(const struct cm *cm)
{
	size_t n = 0;
	if (cm->has_hello)
		n += PART_HEAD + HELLO_BYTES;
	if (cm->has_addresses)
		n += PART_HEAD + 1 + 4u * cm->addresses.count;
	if (cm->has_list_ack)
		n += PART_HEAD + 1;
	if (cm->has_size)
		n += PART_HEAD + SIZE_BYTES;
	if (cm->has_scale)
		n += PART_HEAD + 1;
	return (n + 3) & ~(size_t)3;
}
_Static_assert(5 * PART_HEAD + HELLO_BYTES + 3 + 4 * MAX_ADDRESSES + SIZE_BYTES <= 4 * CM_EXT_WORDS,
	"extension");

size_t cm_size(const struct cm *cm)
{
	return CM_FIXED + extension_bytes(cm);
}

static uint32_t checksum(const uint8_t *from, const uint8_t *to, struct cm_binding binding)
{
	uint32_t sum = CM_SALT + binding.segment_length + binding.tcp_seq;
	for (; from < to; from += 4) {
		struct be32 word;
		memcpy(&word, from, 4);
		sum += get32(word);
	}
	return sum;
}

static void put_extension(const struct cm *cm, uint8_t *out, size_t size)
{
	uint8_t *p = out;
	if (cm->has_hello) {
		struct be16 boot = put16(cm->hello.boot);
		*p++ = PART_HELLO;
		*p++ = HELLO_BYTES;
		*p++ = cm->hello.encap;
		memcpy(p, &cm->hello.port, 2);
		memcpy(p + 2, &boot, 2);
		p += 4;
	}
	if (cm->has_addresses) {
		*p++ = PART_ADDRESSES;
		*p++ = (uint8_t)(1 + 4 * cm->addresses.count);
		*p++ = cm->list_version;
		for (unsigned i = 0; i < cm->addresses.count; i++, p += 4)
			address_to_ipv4(cm->addresses.ip[i], p);
	}
	if (cm->has_list_ack) {
		*p++ = PART_LIST_ACK;
		*p++ = 1;
		*p++ = cm->list_ack;
	}
	if (cm->has_size) {
		struct be16 path = put16(cm->size_path.n), bytes = put16(cm->size);
		*p++ = PART_SIZE;
		*p++ = SIZE_BYTES;
		memcpy(p, &path, 2);
		memcpy(p + 2, &bytes, 2);
		p += SIZE_BYTES;
	}
	if (cm->has_scale) {
		*p++ = PART_SCALE;
		*p++ = 1;
		*p++ = cm->scale;
	}
	memset(p, PART_PAD, (size_t)(out + size - p));
}

size_t cm_encode(const struct cm *cm, struct cm_binding binding, uint8_t *out)
{
	size_t extension;
	extension = extension_bytes(cm);
	if (extension) {
		put_extension(cm, out, extension);
	}

	struct cm_fixed f = {
		.session = put32(cm->session.n),
		.path = put16(cm->path.n),
		.feedback_path = put16(cm->feedback_path.n),
		.stamp = put32(cm->stamp),
		.delay = put32(cm->path_delay),
		.flags = cm->flags,
		.version_words = (uint8_t)(CM_VERSION << 4 | extension / 4),
	};
	memcpy(f.node, cm->node.b, sizeof(f.node));
	memcpy(out + extension, &f, CM_OFF_SUM);
	f.checksum = put32(checksum(out, out + extension + CM_OFF_SUM, binding));
	memcpy(out + extension + CM_OFF_SUM, &f.checksum, sizeof(f.checksum));
	return extension + CM_FIXED;
}

size_t cm_size_at_end(const uint8_t *bytes, size_t length)
{
	if (length < CM_FIXED)
		return 0;
	uint8_t version_words = bytes[length - CM_FIXED + CM_OFF_VERSION];
	size_t size = CM_FIXED + 4u * (version_words & 15);
	return version_words >> 4 == CM_VERSION && size <= length ? size : 0;
}

size_t cm_peek(
	const uint8_t *bytes, size_t length, struct node_id *node, struct session_id *session)
{
	size_t size = cm_size_at_end(bytes, length);
	if (size == 0)
		return 0;
	const struct cm_fixed *f = (const void *)(bytes + length - CM_FIXED);
	memcpy(node->b, f->node, sizeof(node->b));
	session->n = get32(f->session);
	return size;
}

static bool get_extension(const uint8_t *p, const uint8_t *end, struct cm *cm)
{
	while (p < end) {
		if (*p == PART_PAD) {
			p++;
			continue;
		}
		if (end - p < PART_HEAD || end - p - PART_HEAD < p[1])
			return false;
		const uint8_t *value = p + PART_HEAD;
		if (p[0] == PART_HELLO && p[1] == HELLO_BYTES) {
			struct be16 boot;
			cm->has_hello = true;
			cm->hello.encap = value[0];
			memcpy(&cm->hello.port, value + 1, 2);
			memcpy(&boot, value + 3, 2);
			cm->hello.boot = get16(boot);
		} else if (p[0] == PART_ADDRESSES && p[1] % 4 == 1 &&
			   p[1] <= 1 + 4 * MAX_ADDRESSES) {
			cm->has_addresses = true;
			cm->list_version = value[0];
			cm->addresses.count = p[1] / 4;
			for (unsigned i = 0; i < cm->addresses.count; i++)
				cm->addresses.ip[i] = address_from_ipv4(value + 1 + 4 * i);
		} else if (p[0] == PART_LIST_ACK && p[1] == 1) {
			cm->has_list_ack = true;
			cm->list_ack = value[0];
		} else if (p[0] == PART_SCALE && p[1] == 1) {
			cm->has_scale = true;
			cm->scale = value[0];
		} else if (p[0] == PART_SIZE && p[1] == SIZE_BYTES) {
			struct be16 path, size;
			memcpy(&path, value, 2);
			memcpy(&size, value + 2, 2);
			cm->has_size = true;
			cm->size_path.n = get16(path);
			cm->size = get16(size);
		}
		p = value + p[1];
	}
	return true;
}

bool cm_read(const uint8_t *bytes, size_t size, struct cm_binding binding, struct cm *cm)
{
	const uint8_t *fixed = bytes + size - CM_FIXED;
	const struct cm_fixed *f = (const void *)fixed;
	if (checksum(bytes, fixed + CM_OFF_SUM, binding) != get32(f->checksum))
		return false;

	memcpy(cm->node.b, f->node, sizeof(cm->node.b));
	cm->session.n = get32(f->session);
	cm->path.n = get16(f->path);
	cm->feedback_path.n = get16(f->feedback_path);
	cm->stamp = get32(f->stamp);
	cm->path_delay = get32(f->delay);
	cm->flags = f->flags;
	cm->has_hello = cm->has_addresses = cm->has_list_ack = cm->has_size = cm->has_scale = false;
	return bytes == fixed || get_extension(bytes, fixed, cm);
}

bool cm_decode(const uint8_t *bytes, size_t length, struct cm_binding binding, struct cm *cm)
{
	size_t size = cm_size_at_end(bytes, length);
	return size && cm_read(bytes + length - size, size, binding, cm);
}
