/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>

#include "base/parse.h"

#define EXIT_USAGE 2

enum { OPT_STATE = 256, OPT_RUNTIME, OPT_IDLE, OPT_PROBE, OPT_READY, OPT_VERSION };

static const struct option known[] = {
	{ "state-dir", required_argument, NULL, OPT_STATE },
	{ "runtime-dir", required_argument, NULL, OPT_RUNTIME },
	{ "exit-when-idle", no_argument, NULL, OPT_IDLE },
	{ "probe", no_argument, NULL, OPT_PROBE },
	{ "ready-fd", required_argument, NULL, OPT_READY },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

void options_help(void)
{
	puts("usage: bailiffd [--state-dir DIR] [--runtime-dir DIR] [--exit-when-idle]\n"
	     "                [--ready-fd N] [-v]\n"
	     "       bailiffd --probe | --help | --version\n"
	     "\n"
	     "The supervisor of Bailiff: launches, watches and revokes runs. Started by systemd, or\n"
	     "by `bailiff run` when none listens. Stays in the foreground and logs to stderr.\n"
	     "\n"
	     "  --state-dir DIR    ledger and lock (default " OPTIONS_STATE_DIR ")\n"
	     "  --runtime-dir DIR  control.sock (default " OPTIONS_RUNTIME_DIR ")\n"
	     "  --exit-when-idle   end when no run and no client is left for 2 seconds\n"
	     "  --ready-fd N       write one byte to N when the control socket listens\n"
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

static int apply(int option, const char *value, struct options *options, struct error *err)
{
	uint32_t fd;

	switch (option) {
	case OPT_STATE:
		return absolute("state-dir", value, &options->state_dir, err);
	case OPT_RUNTIME:
		return absolute("runtime-dir", value, &options->runtime_dir, err);
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
