/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff policy import srt`: settings of Anthropic's sandbox-runtime as a policy. What has no counterpart is
 * said in a comment, never dropped in silence. JSON is read as the YAML that it is. */
#include <errno.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/policy_verbs.h"
#include "compiler/source.h"
#include "compiler/yaml.h"
#include "compiler/read.h"

#define NAME_SIZE 128U

const struct option_set policy_import_options = {
	.verb = "policy import", .usage = "srt FILE",
	.summary = "Prints a policy made of settings of the sandbox-runtime (~/.srt-settings.json). What has no\n"
		   "counterpart is said in its comments.",
	.examples = "  bailiff policy import srt ~/.srt-settings.json > own.yaml && bailiff policy lint ./own.yaml\n",
};

enum target {
	TO_READ, TO_WRITE, TO_DENY_READ, TO_DENY_WRITE, TO_ALLOW, TO_DENY, TO_UNIX, TO_COUNT, TO_NOTHING,
};

static const struct target_row {
	const char *section, *key;
	enum key_type type;
} targets[TO_COUNT] = {
	[TO_READ] = { "files", "read", KEY_PATHS }, [TO_WRITE] = { "files", "write", KEY_PATHS },
	[TO_DENY_READ] = { "files", "deny_read", KEY_GLOBS }, [TO_DENY_WRITE] = { "files", "deny_write", KEY_GLOBS },
	[TO_ALLOW] = { "network", "allow", KEY_NET_CONNECT }, [TO_DENY] = { "network", "deny", KEY_NET_CONNECT },
	[TO_UNIX] = { "network", "allow_unix", KEY_PATHS },
};

static const struct setting {
	const char *name;
	enum target to;
	const char *why;         /* of TO_NOTHING */
} settings[] = {
	{ "filesystem.allowRead", TO_READ, NULL }, { "filesystem.allowWrite", TO_WRITE, NULL },
	{ "filesystem.denyRead", TO_DENY_READ, NULL }, { "filesystem.denyWrite", TO_DENY_WRITE, NULL },
	{ "network.allowedDomains", TO_ALLOW, NULL }, { "network.deniedDomains", TO_DENY, NULL },
	{ "network.allowUnixSockets", TO_UNIX, NULL },
	{ "network.allowLocalBinding", TO_NOTHING, "a run has a loopback of its own, where it may listen" },
	{ "network.allowAllUnixSockets", TO_NOTHING, "name the sockets in network.allow_unix" },
	{ "network.strictAllowlist", TO_NOTHING, "what is not allowed is always refused" },
	{ "network.deniedDomainReasons", TO_NOTHING, "`bailiff why` gives the reason of a refusal" },
	{ "network.httpProxyPort", TO_NOTHING, "connections are relayed by bailiff-egress" },
	{ "network.socksProxyPort", TO_NOTHING, "connections are relayed by bailiff-egress" },
	{ "network.mitmProxy", TO_NOTHING, "nothing is decrypted on the way" },
	{ "network.tlsTerminate", TO_NOTHING, "nothing is decrypted on the way" },
	{ "network.parentProxy", TO_NOTHING, "name the proxy in network.allow, and in the command's environment" },
	{ "filesystem.allowGitConfig", TO_NOTHING, "a git config names programs that run outside later: it stays protected" },
	{ "filesystem.disabled", TO_NOTHING, "the files of a run are always confined" },
	{ "ignoreViolations", TO_NOTHING, "a refusal is recorded and no violation, unless a policy says so" },
	{ "credentials", TO_NOTHING, "write `secrets`, and hide the files in sandbox.hide; no variable is passed on but those of sandbox.env" },
	{ "enableWeakerNestedSandbox", TO_NOTHING, "no protection is weakened in silence" },
	{ "enableWeakerNetworkIsolation", TO_NOTHING, "of macOS" }, { "allowAppleEvents", TO_NOTHING, "of macOS" },
	{ "allowPty", TO_NOTHING, "of macOS" }, { "ripgrep", TO_NOTHING, "no program is searched with" },
	{ "mandatoryDenySearchDepth", TO_NOTHING, "protected names hold at any depth that the policy lists" },
	{ "seccomp", TO_NOTHING, "the filter is compiled from the policy" },
};

struct import {
	struct yaml yaml;
	struct policy *policy;       /* keeps the lists, sorted */
	struct policy_list lists[TO_COUNT];
	struct buf notes;
};

static void note(struct import *import, const char *name, const char *text, const char *why)
{
	char shown[256];

	text_escape(shown, sizeof(shown), slice_of(text ? text : ""));
	IGNORE(buf_printf(&import->notes, "# not taken over: %s%s%s - %s\n", name, text ? " " : "", shown, why) < 0);
}

/* A path of the settings may begin with a name: it is one of the workspace. */
static void add_item(struct import *import, const struct setting *setting, struct slice text)
{
	const struct target_row *target = &targets[setting->to];
	char memory[POLICY_PATH_MAX + 2], path[POLICY_PATH_MAX], shown[256];
	struct buf clean = buf_fixed(memory, sizeof(memory));
	bool relative = target->section[0] == 'f' && text.len > 0 && text.data[0] != '/' && text.data[0] != '~' &&
			!slice_is(text, ".") && !slice_starts(text, slice_of("./"));
	const char *wrong;

	if (relative && snprintf(path, sizeof(path), "./%.*s", (int)text.len, text.data) < (int)sizeof(path))
		text = slice_of(path);
	wrong = check_item(target->type, text, &clean);
	if (!wrong && policy_add(import->policy, &import->lists[setting->to], buf_slice(&clean)) < 0)
		wrong = "there are too many";
	if (!wrong)
		return;
	IGNORE(snprintf(shown, sizeof(shown), "%.*s", (int)MIN(text.len, 200U), text.data) < 0);
	note(import, setting->name, shown, wrong);
}

static const struct setting *setting_of(const char *name)
{
	for (size_t i = 0; i < COUNT(settings); i++) {
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	}
	return NULL;
}

static bool is_off(struct import *import, const struct yaml_node *node)
{
	return node->kind == YAML_NULL || ((node->kind == YAML_SEQUENCE || node->kind == YAML_MAPPING) &&
	       node->first == YAML_NONE) || (node->kind == YAML_SCALAR && slice_is(yaml_text(&import->yaml, node), "false"));
}

static void take_setting(struct import *import, const char *name, const struct yaml_node *value)
{
	const struct setting *setting = setting_of(name);

	if (is_off(import, value))
		return;
	if (!setting || setting->to == TO_NOTHING) {
		note(import, name, NULL, setting ? setting->why : "nothing of this name is known");
		return;
	}
	if (value->kind != YAML_SEQUENCE) {
		note(import, name, NULL, "a list was expected");
		return;
	}
	for (uint32_t at = value->first; at != YAML_NONE; at = yaml_node(&import->yaml, at)->next)
		add_item(import, setting, yaml_text(&import->yaml, yaml_node(&import->yaml, at)));
}

static void take_mapping(struct import *import, const char *section, const struct yaml_node *node)
{
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *key = yaml_node(&import->yaml, at);
		const struct yaml_node *value = yaml_node(&import->yaml, key->next);
		struct slice text = yaml_text(&import->yaml, key);
		char name[NAME_SIZE], shown[NAME_SIZE];

		at = value->next;
		text_escape(shown, sizeof(shown), text);
		IGNORE(snprintf(name, sizeof(name), "%s%s%.80s", section, section[0] ? "." : "", shown) < 0);
		if (!section[0] && value->kind == YAML_MAPPING && (slice_is(text, "filesystem") || slice_is(text, "network")))
			take_mapping(import, shown, value);
		else
			take_setting(import, name, value);
	}
}

/* ---- the policy ---- */

/* `~` around `~/x`: there what is allowed inside a denied region is read, here all of it would be denied. What
 * no list of files.read names is out of sight anyway. */
static void drop_regions(struct import *import)
{
	struct policy_list *denied = &import->lists[TO_DENY_READ], *read = &import->lists[TO_READ];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < denied->count; i++) {
		const char *text = policy_text(import->policy, denied->items[i]);
		bool around = strcmp(text, "~") == 0 || strcmp(text, "/") == 0 || strcmp(text, ".") == 0;

		for (uint32_t j = 0; j < read->count; j++) {
			const char *inner = policy_text(import->policy, read->items[j]);

			around = around || (strncmp(inner, text, strlen(text)) == 0 && inner[strlen(text)] == '/');
		}
		if (around)
			note(import, "filesystem.denyRead", text, "what files.read does not name is out of sight");
		else
			denied->items[kept++] = denied->items[i];
	}
	denied->count = kept;
}

static void put_list(struct buf *to, const struct import *import, enum target target)
{
	const struct policy_list *list = &import->lists[target];

	if (list->count == 0)
		return;
	IGNORE(buf_printf(to, "  %s:\n", targets[target].key) < 0);
	for (uint32_t i = 0; i < list->count; i++) {
		IGNORE(buf_text(to, "    - \"") < 0);
		for (const char *at = policy_text(import->policy, list->items[i]); *at; at++)
			IGNORE(buf_printf(to, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at) < 0);
		IGNORE(buf_text(to, "\"\n") < 0);
	}
}

static bool writes_workspace(const struct import *import)
{
	const struct policy_list *list = &import->lists[TO_WRITE];

	for (uint32_t i = 0; i < list->count; i++) {
		if (policy_text(import->policy, list->items[i])[0] == '.')
			return true;
	}
	return false;
}

static void put_policy(struct buf *to, const struct import *import, const char *file)
{
	bool network = import->lists[TO_ALLOW].count > 0;
	char shown[256];

	text_escape(shown, sizeof(shown), slice_of(file));
	IGNORE(buf_printf(to, "# Made of %s.\n# There, everything that is not denied can be read; here, the system's programs, the "
			  "workspace and\n# what `files.read` names.\n", shown) < 0);
	IGNORE(buf_append(to, import->notes.data ? import->notes.data : "", import->notes.len) < 0);
	IGNORE(buf_printf(to, "schema: 1\nname: imported\nextends: base\n\nagent:\n  tier: T2\n\nworkspace:\n  mode: %s\n",
			  writes_workspace(import) ? "direct" : "readonly") < 0);
	if (import->lists[TO_READ].count + import->lists[TO_WRITE].count + import->lists[TO_DENY_READ].count +
	    import->lists[TO_DENY_WRITE].count > 0)
		IGNORE(buf_text(to, "\nfiles:\n") < 0);
	for (unsigned int i = TO_READ; i <= TO_DENY_WRITE; i++)
		put_list(to, import, (enum target)i);
	if (network || import->lists[TO_DENY].count + import->lists[TO_UNIX].count > 0)
		IGNORE(buf_printf(to, "\nnetwork:\n%s", network ? "  mode: allowlist\n" : "") < 0);
	put_list(to, import, TO_ALLOW);
	if (network)
		put_list(to, import, TO_DENY);
	put_list(to, import, TO_UNIX);
}

static int import_bytes(struct import *import, const char *file, struct buf *to)
{
	cleanup_with(buf_finish) struct buf bytes = buf_growing(POLICY_BYTES_MAX + 1);
	struct diagnostics diagnostics = { .file = file };
	const struct yaml_node *root;
	struct error err = { 0 };

	if (policy_read(file, &bytes, &err) < 0)
		return cli_fail(&err);
	if (yaml_parse(bytes.data ? buf_slice(&bytes) : slice_of(""), &import->yaml, &diagnostics) < 0) {
		diagnostics_print(stderr, &diagnostics);
		return CLI_POLICY_INVALID;
	}
	root = yaml_node(&import->yaml, 0);
	if (root->kind != YAML_MAPPING) {
		error_say(&err, -EINVAL, "'%s' holds no settings: an object with filesystem and network belongs here", file);
		error_next(&err, "name a file such as ~/.srt-settings.json");
		error_exit(&err, CLI_POLICY_INVALID);
		return cli_fail(&err);
	}
	take_mapping(import, "", root);
	drop_regions(import);
	put_policy(to, import, file);
	if (to->failed)
		return CLI_INTERNAL;
	printf("%.*s", (int)to->len, to->data);
	return CLI_OK;
}

int policy_import(int argc, char **argv)
{
	cleanup_with(buf_finish) struct buf text = buf_growing(2U << 20);
	auto_free struct import *import = calloc(1, sizeof(*import));
	struct option_words words;
	int r = options_take(&policy_import_options, argc, argv, NULL, &words);

	if (r >= 0)
		return r;
	if (words.count != 2 || strcmp(words.words[0], "srt") != 0)
		return cli_usage("policy import", "write `bailiff policy import srt FILE`; settings of the sandbox-runtime "
				 "are what can be imported");
	if (!import || !(import->policy = policy_new()))
		return CLI_INTERNAL;
	import->notes = buf_growing(1U << 20);
	r = import_bytes(import, words.words[1], &text);
	yaml_finish(&import->yaml);
	buf_finish(&import->notes);
	policy_free(import->policy);
	return r;
}
