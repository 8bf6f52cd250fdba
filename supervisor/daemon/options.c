/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>

#include "base/parse.h"
#include "decide/net.h"

#define EXIT_USAGE 2
#define DNS_PORT 53U
#define RING_LEAST 4096U
#define RING_MOST (1U << 30)

enum {
	OPT_STATE = 256, OPT_RUNTIME, OPT_RESOLVER, OPT_IDLE, OPT_PROBE, OPT_READY, OPT_RING, OPT_CEILING, OPT_HOST, OPT_VERSION,
};

static const struct option known[] = {
	{ "state-dir", required_argument, NULL, OPT_STATE },
	{ "runtime-dir", required_argument, NULL, OPT_RUNTIME },
	{ "resolver", required_argument, NULL, OPT_RESOLVER },
	{ "ceiling", required_argument, NULL, OPT_CEILING },
	{ "host", required_argument, NULL, OPT_HOST },
	{ "exit-when-idle", no_argument, NULL, OPT_IDLE },
	{ "probe", no_argument, NULL, OPT_PROBE },
	{ "ready-fd", required_argument, NULL, OPT_READY },
	{ "telemetry-ring", required_argument, NULL, OPT_RING },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

void options_help(void)
{
	puts("usage: bailiffd [--state-dir DIR] [--runtime-dir DIR] [--exit-when-idle]\n"
	     "                [--ceiling FILE] [--host FILE] [--resolver ADDRESS]... [--ready-fd N] [--telemetry-ring BYTES] [-v]\n"
	     "       bailiffd --probe | --help | --version\n"
	     "\n"
	     "The supervisor of Bailiff: launches, watches and revokes runs. Started by systemd, or\n"
	     "by `bailiff run` when none listens. Stays in the foreground and logs to stderr.\n"
	     "\n"
	     "  --state-dir DIR    ledger and lock (default " OPTIONS_STATE_DIR ")\n"
	     "  --runtime-dir DIR  control.sock (default " OPTIONS_RUNTIME_DIR ")\n"
	     "  --ceiling FILE     what no run may exceed (default " OPTIONS_CEILING ", if it is there)\n"
	     "  --host FILE        roles, tiers of agents, breakers (default " OPTIONS_HOST ", if it is there)\n"
	     "  --resolver ADDRESS name server for runs with `network: allowlist`, 10.0.0.1 or\n"
	     "                     [::1]:5353; up to 4 (default: those of /etc/resolv.conf)\n"
	     "  --exit-when-idle   end when no run and no client is left for 2 seconds\n"
	     "  --ready-fd N       write one byte to N when the control socket listens\n"
	     "  --telemetry-ring BYTES\n"
	     "                     memory between the kernel and us for what need not wake us: a power of\n"
	     "                     two from 4096 to 1 GiB (default 16 MiB). Less loses more, more loses less;\n"
	     "                     what is lost is counted and recorded as a gap either way\n"
	     "  --probe            write what this kernel offers to stdout (struct feature_report)\n"
	     "  -v, --verbose      log more");
}

static int usage(struct error *err, const char *value, const char *what)
{
	error_say(err, -EINVAL, "'%s' %s", value, what);
	error_next(err, "bailiffd --help");
	return error_exit(err, EXIT_USAGE);
}

static int absolute(const char *name, const char *value, const char **ret_value, struct error *err)
{
	if (value[0] != '/') {
		error_say(err, -EINVAL, "--%s '%s' is not an absolute path", name, value);
		error_next(err, "give the path from / on");
		return error_exit(err, EXIT_USAGE);
	}
	*ret_value = value;
	return 0;
}

/* An address and a port, or an address alone. */
static int resolver(const char *value, struct options *options, struct error *err)
{
	struct egress_resolver *to = &options->resolvers[options->resolver_count];
	struct net_rule rules[NET_ENTRY_RULES_MAX];

	if (options->resolver_count == EGRESS_RESOLVERS_MAX)
		return usage(err, value, "is one --resolver too many");
	if (net_entry_parse(slice_of(value), NET_ALLOW, NET_CONNECT, rules) != 1 ||
	    rules[0].prefix != 128)
		return usage(err, value, "for --resolver is no address such as 10.0.0.1 or [::1]:5353");
	memcpy(to->addr, rules[0].addr, sizeof(to->addr));
	to->port = rules[0].port_first == rules[0].port_last ? rules[0].port_first : DNS_PORT;
	options->resolver_count++;
	return 0;
}

static int ring(const char *value, uint32_t *ret_bytes, struct error *err)
{
	uint32_t bytes;

	if (parse_u32(slice_of(value), RING_LEAST, RING_MOST, &bytes) < 0 || (bytes & (bytes - 1)) != 0)
		return usage(err, value, "for --telemetry-ring is no power of two from 4096 to 1073741824");
	*ret_bytes = bytes;
	return 0;
}

static int apply(int option, const char *value, struct options *options, struct error *err)
{
	uint32_t fd;

	switch (option) {
	case OPT_STATE:
		return absolute("state-dir", value, &options->state_dir, err);
	case OPT_RUNTIME:
		return absolute("runtime-dir", value, &options->runtime_dir, err);
	case OPT_CEILING:
		return absolute("ceiling", value, &options->ceiling, err);
	case OPT_HOST:
		return absolute("host", value, &options->host, err);
	case OPT_RESOLVER:
		return resolver(value, options, err);
	case OPT_IDLE:
		options->exit_when_idle = true;
		return 0;
	case OPT_PROBE:
		options->probe = true;
		return 0;
	case OPT_READY:
		if (parse_u32(slice_of(value), 3, INT_MAX, &fd) < 0)
			return usage(err, value, "for --ready-fd is not a descriptor from 3 on");
		options->ready_fd = (int)fd;
		return 0;
	case OPT_RING:
		return ring(value, &options->telemetry_ring, err);
	case 'v':
		options->verbose = true;
		return 0;
	case 'h':
		options->help = true;
		return 0;
	case OPT_VERSION:
		options->version = true;
		return 0;
	default:
		return usage(err, value, "is not an option of bailiffd, or lacks its value");
	}
}

int options_parse(int argc, char *const *argv, struct options *ret_options, struct error *err)
{
	struct options options = { .state_dir = OPTIONS_STATE_DIR,
				   .runtime_dir = OPTIONS_RUNTIME_DIR, .ready_fd = FD_NONE };
	int option;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "+vh", known, NULL)) != -1) {
		const char *value = option == '?' ? argv[optind - 1] : optarg;
		int r = apply(option, value, &options, err);

		if (r < 0)
			return r;
	}
	if (optind < argc)
		return usage(err, argv[optind], "is too much: bailiffd takes no arguments");
	*ret_options = options;
	return 0;
}
