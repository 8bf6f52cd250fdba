/* SPDX-License-Identifier: Apache-2.0 */
/* The ceiling of a host (plan/ceiling.h). The supervisor runs `bailiff policy ceiling --image` without privilege,
 * with the document as its input, and checks what comes back. */
#include "cli/policy_ceiling.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "compiler/compile.h"
#include "compiler/mentions.h"
#include "plan/ceiling.h"

#define CEILING_FILE "/etc/bailiff/ceiling.yaml"

struct ceiling_args {
	bool image;
};

static const struct option_row rows[] = {
	{ 0, "image", OPTION_FLAG, offsetof(struct ceiling_args, image), NULL,
	  "read the document from stdin and write what the supervisor checks to stdout", NULL },
};

static const struct option_set options = {
	.verb = "policy ceiling", .usage = "[FILE]",
	.summary = "Checks a ceiling: a policy document with what no run on this host may exceed, whoever starts\n"
		   "it. What it does not name is not limited. The supervisor reads it when it starts.",
	.examples = "  sudo bailiff policy ceiling\n  bailiff policy ceiling ./ceiling.yaml\n",
	.rows = rows, .count = COUNT(rows),
};

/* Keys that a plan can be compared by; -1: they say nothing about runs. */
static const struct {
	const char *key;
	int bit;
} known[] = {
	{ "schema", -1 }, { "name", -1 }, { "version", -1 }, { "description", -1 }, { "mode", -1 },
	{ "agent.tier", CEILING_TIER }, { "sandbox.require", CEILING_REQUIRE }, { "sandbox.user", -1 },
	{ "sandbox.on_forbidden", CEILING_ON_FORBIDDEN }, { "sandbox.hide", -1 },
	{ "files.read", CEILING_READ }, { "files.write", CEILING_WRITE }, { "files.deny_read", -1 },
	{ "files.deny_write", -1 }, { "files.on_scope", CEILING_FILES_ON_SCOPE },
	{ "network.mode", CEILING_NETWORK_MODE }, { "network.allow", CEILING_ALLOW }, { "network.deny", -1 },
	{ "network.bind", CEILING_BIND }, { "network.allow_unix", -1 }, { "network.on_scope", CEILING_NET_ON_SCOPE },
	{ "on_supervisor_loss", CEILING_ON_SUPERVISOR_LOSS }, { "on_loss", CEILING_ON_LOSS },
	{ "workspace.mode", CEILING_WORKSPACE_MODE },
	{ "limits.pids", CEILING_PIDS }, { "limits.open_files", CEILING_OPEN_FILES },
	{ "limits.memory", CEILING_MEMORY }, { "limits.file_size", CEILING_FILE_SIZE },
	{ "limits.cpu", CEILING_CPU }, { "limits.wall", CEILING_WALL },
};

struct mentioned {
	uint32_t set;
	struct diagnostics *diagnostics;
};

static void mention(void *context, const char *name, uint32_t line, uint32_t column)
{
	struct mentioned *mentioned = context;

	for (size_t i = 0; i < COUNT(known); i++) {
		if (strcmp(known[i].key, name) != 0)
			continue;
		if (known[i].bit >= 0)
			mentioned->set |= 1U << known[i].bit;
		return;
	}
	diagnostics_add(mentioned->diagnostics, line, column, "\"%s\" has no meaning in a ceiling", name);
}

static int add_homes(struct ceiling *ceiling, struct error *err)
{
	const struct passwd *entry;
	int r = 0;

	setpwent();
	while (r == 0 && (entry = getpwent()))
		r = ceiling_add_home(ceiling, entry->pw_uid, entry->pw_dir);
	endpwent();
	return r < 0 ? error_set(err, r, "keep the homes of this host's users") : 0;
}

static int compile(const char *name, struct slice bytes, struct ceiling *ceiling, struct error *err)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics = { .file = name };
	struct mentioned mentioned = { .diagnostics = &diagnostics };
	int r;

	if (!policy)
		return error_set(err, -ENOMEM, "read the ceiling");
	r = policy_compile(name, bytes.data, bytes.len, policy, &diagnostics);
	if (r == 0 && policy_mentions(bytes, mention, &mentioned, &diagnostics) == 0 && diagnostics.count > 0)
		r = -EINVAL;
	if (r < 0) {
		r = diagnostics_error(&diagnostics, err);
		error_next(err, "mend it; `bailiff policy ceiling FILE` looks again");
		return r;
	}
	r = ceiling_build(policy, mentioned.set, ceiling, err);
	if (r == 0)
		r = add_homes(ceiling, err);
	return r == 0 ? ceiling_check(ceiling, err) : r;
}

static int image(struct ceiling *ceiling, struct error *err)
{
	cleanup_with(buf_finish) struct buf bytes = buf_growing(POLICY_BYTES_MAX);
	int r = io_read_all(STDIN_FILENO, &bytes);

	if (r < 0)
		return error_set(err, r, "read the ceiling");
	r = compile(CEILING_FILE, buf_slice(&bytes), ceiling, err);
	if (r == 0 && io_write(STDOUT_FILENO, ceiling, sizeof(*ceiling)) < 0)
		r = error_set(err, -EIO, "hand the ceiling over");
	return r;
}

static int check(const char *path, struct ceiling *ceiling, struct error *err)
{
	cleanup_with(buf_finish) struct buf bytes = buf_growing(POLICY_BYTES_MAX);
	int r = policy_read(path, &bytes, err);

	if (r == 0)
		r = compile(path, buf_slice(&bytes), ceiling, err);
	if (r == 0)
		printf("%s: %u paths, %u networks, %u names of hosts\n", path, ceiling->path_count, ceiling->net_count,
		       ceiling->name_count);
	return r;
}

int policy_ceiling(int argc, char **argv)
{
	auto_free struct ceiling *ceiling = calloc(1, sizeof(*ceiling));
	struct ceiling_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count > (args.image ? 0 : 1))
		return cli_usage("policy ceiling", "one FILE is expected, or --image");
	if (!ceiling)
		return CLI_INTERNAL;
	r = args.image ? image(ceiling, &err) : check(words.count ? words.words[0] : CEILING_FILE, ceiling, &err);
	return r < 0 ? cli_fail(&err) : CLI_OK;
}
