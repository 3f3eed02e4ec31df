// SPDX-License-Identifier: BSD-2-Clause
/*
 * Table 6 for people.
 *
 * Theory of operation: a row is six words, whether it comes from the configuration file or from
 * mpipctl; a value from the file is made a word first, so both are read and refused alike. Nothing
 * is changed before all six are known to be right.
 */

#include "mpip/io/policies.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum word { DESTINATION, PORT, PROTOCOL, START, END, PRIORITY, WORDS };

static const char *const keys[WORDS + 1] = {
	"destination", "port", "protocol", "start", "end", "priority", NULL};
static const char *const expected[WORDS] = {
	[DESTINATION] = "an IPv4 address, ADDRESS/PREFIX, or *",
	[PORT] = "a port from 1 to 65535, or *",
	[PROTOCOL] = "tcp, udp, or *",
	[START] = "a length in bytes from 0 to 65535, or *",
	[END] = "a length in bytes above the start, up to 65536, or *",
	[PRIORITY] = "throughput or responsiveness",
};

/* A whole number within bounds. */
static bool number(const char *word, uint32_t min, uint32_t max, uint32_t *out)
{
	char *end;
	errno = 0;
	unsigned long n = strtoul(word, &end, 10);
	if (errno || word[0] < '0' || word[0] > '9' || *end || n < min || n > max)
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool read_destination(const char *word, struct policy *p)
{
	char address[INET_ADDRSTRLEN];
	struct in_addr ipv4;
	uint32_t prefix = 32;
	const char *slash = strchr(word, '/');
	size_t length = slash ? (size_t)(slash - word) : strlen(word);
	if (length >= sizeof(address) || (slash && !number(slash + 1, 1, 32, &prefix)))
		return false;
	memcpy(address, word, length);
	address[length] = '\0';
	p->prefix = (uint8_t)prefix;
	if (inet_pton(AF_INET, address, &ipv4) != 1)
		return false;
	p->ip = address_from_ipv4(&ipv4);
	return true;
}

static bool read_word(enum word which, const char *word, struct policy *p)
{
	bool any = strcmp(word, "*") == 0;
	uint32_t n = 0;
	switch (which) {
	case DESTINATION:
		return any || read_destination(word, p);
	case PORT:
		if (!any && !number(word, 1, 65535, &n))
			return false;
		p->port = htons((uint16_t)n);
		return true;
	case PROTOCOL:
		p->protocol = strcmp(word, "tcp") == 0   ? IPPROTO_TCP
			      : strcmp(word, "udp") == 0 ? IPPROTO_UDP
							 : 0;
		return any || p->protocol;
	case START:
		return any || number(word, 0, 65535, &p->start);
	case END:
		p->end = POLICY_END_ANY;
		return any || number(word, p->start + 1, 65536, &p->end);
	case PRIORITY:
		for (int i = 0; priority_names[i]; i++)
			if (strcmp(word, priority_names[i]) == 0) {
				p->priority = (enum priority)i;
				return true;
			}
		return false;
	case WORDS:
		break;
	}
	return false;
}

/* The first word that is wrong, WORDS if none is. */
static enum word read_row(const char *const *words, struct policy *p)
{
	*p = (struct policy){0};
	enum word w = 0;
	while (w < WORDS && read_word(w, words[w], p))
		w++;
	return w;
}

void policies_read(struct jat at, struct policies *t)
{
	size_t n = jat_length(at);
	policies_flush(t);
	for (size_t i = 0; i < n; i++) {
		struct jat row = jat_item(at, i);
		char text[WORDS][32];
		const char *words[WORDS];
		struct policy p;
		jat_only(row, keys);
		for (enum word w = 0; w < WORDS; w++) {
			struct jat value = jat_key(row, keys[w]);
			words[w] = w == PRIORITY ? "" : "*";
			if (json_is_string(value.value))
				words[w] = json_string_value(value.value);
			else if (json_is_integer(value.value)) {
				snprintf(text[w], sizeof(text[w]), "%lld",
					(long long)json_integer_value(value.value));
				words[w] = text[w];
			} else if (jat_present(value))
				words[w] = "";
		}
		enum word wrong = read_row(words, &p);
		if (wrong < WORDS)
			jat_fail(jat_key(row, keys[wrong]), "expected %s", expected[wrong]);
		else if (!policies_add(t, &p, POLICIES_MAX))
			jat_fail(row, "expected at most %d policies", POLICIES_MAX);
	}
}

static json_t *or_any(bool any, json_t *value)
{
	if (!any)
		return value;
	json_decref(value);
	return json_string("*");
}

static json_t *table(const struct policies *t)
{
	json_t *rows = json_array();
	for (unsigned i = 0; i < t->rows; i++) {
		const struct policy *p = &t->row[i];
		const struct address_text ip = address_text(p->ip);
		json_t *destination = p->prefix == 32 ? json_string(ip.text)
						      : json_sprintf("%s/%u", ip.text, p->prefix);
		json_array_append_new(rows,
			json_pack("{s:i, s:o, s:o, s:s, s:i, s:o, s:s}", "row", (int)i + 1,
				keys[DESTINATION], or_any(p->prefix == 0, destination), keys[PORT],
				or_any(p->port == 0, json_integer(ntohs(p->port))), keys[PROTOCOL],
				p->protocol == IPPROTO_TCP   ? "tcp"
				: p->protocol == IPPROTO_UDP ? "udp"
							     : "*",
				keys[START], (int)p->start, keys[END],
				or_any(p->end == POLICY_END_ANY, json_integer(p->end)),
				keys[PRIORITY], priority_names[p->priority]));
	}
	return json_pack("{s:o}", "policies", rows);
}

static json_t *refuse(const char *what, const char *want)
{
	return json_pack("{s:o}", "error", json_sprintf("policy: %s: expected %s", what, want));
}

json_t *policies_command(struct policies *t, char *words)
{
	char *word[WORDS + 3] = {NULL}, *rest = NULL;
	unsigned n = 0;
	for (char *w = strtok_r(words, " ", &rest); w && n < WORDS + 2;
		w = strtok_r(NULL, " ", &rest))
		word[n++] = w;
	const char *verb = n ? word[0] : "";
	uint32_t row = t->rows + 1;

	if (strcmp(verb, "list") == 0 && n == 1)
		return table(t);
	if (strcmp(verb, "flush") == 0 && n == 1) {
		policies_flush(t);
		return table(t);
	}
	if (strcmp(verb, "delete") == 0 && n == 2) {
		if (!number(word[1], 1, POLICIES_MAX, &row) || !policies_delete(t, row - 1))
			return refuse(word[1], "the number of a row");
		return table(t);
	}
	if (strcmp(verb, "add") == 0 && (n == 1 + WORDS || n == 2 + WORDS)) {
		struct policy p;
		enum word wrong = read_row((const char *const *)word + 1, &p);
		if (wrong < WORDS)
			return refuse(word[1 + wrong], expected[wrong]);
		if (n == 2 + WORDS && !number(word[1 + WORDS], 1, t->rows + 1, &row))
			return refuse(word[1 + WORDS], "the number of the row that it is to be");
		if (!policies_add(t, &p, row - 1))
			return refuse("the table is full", "at most 64 rows");
		return table(t);
	}
	return refuse(verb[0] ? verb : "no word",
		"list, add DESTINATION PORT PROTOCOL START END PRIORITY [ROW], delete ROW, or "
		"flush");
}
