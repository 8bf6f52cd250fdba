/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of bailiffd. */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "egress/wire.h"

#define OPTIONS_STATE_DIR "/var/lib/bailiff"
#define OPTIONS_RUNTIME_DIR "/run/bailiff"
#define OPTIONS_CEILING "/etc/bailiff/ceiling.yaml"
#define OPTIONS_HOST "/etc/bailiff/host.yaml"

struct options {
	const char *state_dir, *runtime_dir; /* absolute */
	const char *ceiling, *host;          /* absolute; NULL = OPTIONS_CEILING, OPTIONS_HOST, where they exist */
	int ready_fd;                        /* gets one byte when we listen; FD_NONE = none */
	struct egress_resolver resolvers[EGRESS_RESOLVERS_MAX]; /* none: those of resolv.conf */
	uint32_t resolver_count;
	uint32_t telemetry_ring;             /* bytes; 0 = as built */
	bool exit_when_idle, probe, verbose, help, version;
};

/* Borrows from argv. -EINVAL with text and next step in *err (exit code 2). */
int options_parse(int argc, char *const *argv, struct options *ret_options, struct error *err) MUST_USE;
void options_help(void);

#endif
