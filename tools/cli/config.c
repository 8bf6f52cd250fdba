/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff config`: the settings of this host (decide/host.h). The supervisor runs `bailiff config check --image` without
 * privilege, with the document as its input, and checks what comes back. */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "compiler/host.h"

#define HOST_FILE "/etc/bailiff/host.yaml"

struct config_args {
	bool image;
};

static const struct option_row rows[] = {
	{ 0, "image", OPTION_FLAG, offsetof(struct config_args, image), NULL,
	  "read the document from stdin and write what the supervisor checks to stdout", NULL },
};

static const struct option_set check_options = {
	.verb = "config check", .usage = "[FILE]",
	.summary = "Checks the settings of this host: roles, tiers of agents, promotion, breakers.",
	.examples = "  sudo bailiff config check\n", .rows = rows, .count = COUNT(rows),
};
static const struct option_set defaults_options = {
	.verb = "config defaults", .usage = "",
	.summary = "Prints the settings that hold where the file does not say otherwise, as a file to begin with.",
	.examples = "  bailiff config defaults | sudo tee " HOST_FILE "\n",
};

static int lookup(bool group, const char *name, uint32_t *ret_id)
{
	const struct group *entry = group ? getgrnam(name) : NULL;
	const struct passwd *user = group ? NULL : getpwnam(name);

	if (!entry && !user)
		return -ENOENT;
	*ret_id = group ? entry->gr_gid : user->pw_uid;
	return 0;
}

static int compile(const char *path, struct slice bytes, struct host_settings *settings, struct error *err)
{
	struct diagnostics diagnostics;

	if (host_compile(path, bytes, lookup, settings, &diagnostics) == 0)
		return host_check(settings, err);
	IGNORE(diagnostics_error(&diagnostics, err) == 0); /* returns -EINVAL */
	error_next(err, "mend it; `bailiff config check FILE` looks again");
	return -EINVAL;
}

static int check(const char *path, bool image, struct error *err)
{
	cleanup_with(buf_finish) struct buf bytes = buf_growing(POLICY_BYTES_MAX);
	static struct host_settings settings;
	int r = image ? io_read_all(STDIN_FILENO, &bytes) : policy_read(path, &bytes, err);

	if (r < 0)
		return err->code ? r : error_set(err, r, "read the settings");
	r = compile(path, buf_slice(&bytes), &settings, err);
	if (r < 0)
		return r;
	if (image)
		return io_write(STDOUT_FILENO, &settings, sizeof(settings)) < 0 ?
			error_set(err, -EIO, "hand the settings over") : 0;
	printf("%s: %u agents by name, %u users and groups with a role\n", path, settings.agent_count,
	       settings.role_count);
	return 0;
}

static int config_check(int argc, char **argv)
{
	struct config_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&check_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count > (args.image ? 0 : 1))
		return cli_usage("config check", "one FILE is expected, or --image");
	r = check(words.count ? words.words[0] : HOST_FILE, args.image, &err);
	return r < 0 ? cli_fail(&err) : CLI_OK;
}

/* As a document writes it. */
static void duration(char to[32], uint64_t ns)
{
	static const struct {
		uint64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	uint64_t seconds = ns / 1000000000U;
	size_t i = 0;

	while (i + 1 < COUNT(units) && seconds % units[i].seconds != 0)
		i++;
	IGNORE(snprintf(to, 32, "%" PRIu64 "%c", seconds / units[i].seconds, units[i].unit) < 0);
}

static int config_defaults(int argc, char **argv)
{
	struct option_words words;
	struct host_settings settings;
	char window[32], cooldown[32], span[32], open[32];
	int r = options_take(&defaults_options, argc, argv, NULL, &words);

	if (r >= 0)
		return r;
	if (words.count > 0)
		return cli_usage("config defaults", "'%s' is too much here", words.words[0]);
	host_defaults(&settings);
	duration(window, settings.promotion.window_ns);
	duration(cooldown, settings.promotion.cooldown_ns);
	duration(span, settings.breaker.window_ns);
	duration(open, settings.breaker.open_ns);
	printf("agents: {default_tier: T%u, max_tier: T%u}\n", settings.default_tier, settings.max_tier);
	printf("promotion: {window: %s, min_runs: %u, max_error_rate: 0.%02u, cooldown: %s}\n", window,
	       settings.promotion.min_runs, settings.promotion.max_error_rate / 10000U, cooldown);
	printf("breaker: {failures: %u, window: %s, open_for: %s, half_open_runs: %u}\n", settings.breaker.failures, span,
	       open, settings.breaker.half_open_runs);
	return CLI_OK;
}

int verb_config(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "check") == 0)
		return config_check(argc - 1, argv + 1);
	if (argc >= 2 && strcmp(argv[1], "defaults") == 0)
		return config_defaults(argc - 1, argv + 1);
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		printf("usage: bailiff config VERB\n\n"
		       "  check [FILE]  checks the settings of this host (" HOST_FILE ")\n"
		       "  defaults      prints those that hold where it does not say otherwise\n");
		return CLI_OK;
	}
	return cli_usage("config", "name a verb: check, defaults");
}
