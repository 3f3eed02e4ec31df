/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_CONFIG_H
#define MPIP_IO_CONFIG_H

#include "mpip/base/jsonfile.h"
#include "mpip/core/settings.h"
#include "mpip/io/log.h"

#include <net/if.h>

/* mpipd's configuration: the protocol's settings, and the host's. mpip/README.md lists the keys. */
struct config {
	struct settings settings;
	bool seeded;                               /* settings.seed was given */
	const char *interfaces[MAX_ADDRESSES + 1]; /* NULL-terminated; empty: every suitable NIC */
	char tun[IFNAMSIZ];
	char socket[100];    /* of mpipctl; "@name" is abstract; empty: control_own_name() */
	in_port_t wire_port; /* network order */
	unsigned table, rule_priority;
	uint32_t mark, mask;
	unsigned batch_us; /* the shortest time between two turns of a busy daemon */
	enum log_level log_level;
	struct jdoc *doc; /* owns the interfaces' names */
};

/* Reads `file`; NULL: the defaults. 0, or -1 and one line in `*error` (to be freed). Free with
 * config_close(). */
int config_read(struct config *config, const char *file, char **error);
void config_close(struct config *config);

/* Every key with its default, an object that config_read() takes; null where there is none. A new
 * reference. */
json_t *config_defaults(void);

/* Checks settings that are part of another document, an experiment's, just as config_read() does
 * those of a file; and a "clock" that would be among them. What is wrong is that document's error,
 * at its place there. */
void config_check(struct jat at);
void config_check_clock(struct jat at);

#endif
