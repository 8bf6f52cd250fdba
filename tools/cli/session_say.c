/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session_say.h"

#include <errno.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli/words.h"

/* What a feature protects, in a word; features without one are means to another. */
static const char *const protections[FEATURE_COUNT] = {
	[FEATURE_NAMESPACES] = "namespaces",
	[FEATURE_SECCOMP] = "seccomp",
	[FEATURE_LANDLOCK] = "landlock",
	[FEATURE_LANDLOCK_SCOPE] = "landlock-scope",
	[FEATURE_MEMFD_NOEXEC] = "no-memfd-exec",
	[FEATURE_CGROUP_KILL] = "kill",
	[FEATURE_LIMIT_PIDS] = "pids-limit",
	[FEATURE_LIMIT_MEMORY] = "memory-limit",
	[FEATURE_LIMIT_CPU] = "cpu-limit",
	[FEATURE_BPF_WATCH] = "watched",
	[FEATURE_BPF_CONNECT] = "connect-rules",
	[FEATURE_BPF_LSM] = "lsm",
};

static void banner_bits(struct buf *line, const char *title, uint32_t bits, bool all)
{
	bool first = true;

	for (unsigned int i = 0; i < FEATURE_COUNT; i++) {
		const char *word = protections[i] ? protections[i] : feature_infos[i].name;

		if (!(bits & (1U << i)) || (!all && !protections[i]))
			continue;
		IGNORE(buf_printf(line, "%s%s", first ? title : " ", word) < 0);
		first = false;
	}
}

void session_banner(const struct wire_started *started, const char *policy_note, char *to, size_t to_size)
{
	char run[ULID_TEXT_LEN + 1], policy[sizeof(started->policy_name) * 4];
	struct buf line = buf_fixed(to, to_size - 1);

	ulid_text(&started->run, run);
	text_escape(policy, sizeof(policy), slice_of(started->policy_name));
	IGNORE(buf_printf(&line, "run %s, policy %s%s, network %s, workspace %s", run, policy,
			  policy_note ? policy_note : "",
			  word_network(started->network_mode),
			  word_workspace(started->workspace_mode)) < 0);
	banner_bits(&line, "; enforced: ", started->in_force, false);
	banner_bits(&line, "; MISSING: ", started->missing, true);
	to[line.len] = '\0';
}

static json_t *feature_names(uint32_t bits)
{
	json_t *names = json_array();

	for (unsigned int i = 0; i < FEATURE_COUNT; i++) {
		if (bits & (1U << i))
			IGNORE(json_array_append_new(names, json_string(feature_infos[i].name)) < 0);
	}
	return names;
}

static int json_print(json_t *object, char **ret_text)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	json_decref(object);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

int session_json_started(const struct wire_started *started, char **ret_text)
{
	char run[ULID_TEXT_LEN + 1];

	ulid_text(&started->run, run);
	return json_print(json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:i, s:i}",
				    "event", "run_started", "run", run,
				    "policy", word_json(started->policy_name),
				    "agent", word_json(started->agent),
				    "network", word_network(started->network_mode),
				    "workspace", word_workspace(started->workspace_mode),
				    "enforced", feature_names(started->in_force),
				    "missing", feature_names(started->missing),
				    "landlock_abi", (int)started->landlock_abi,
				    "watch_tier", (int)started->watch_tier),
			  ret_text);
}

int session_json_ended(const struct wire_ended *ended, char **ret_text)
{
	char run[ULID_TEXT_LEN + 1];

	ulid_text(&ended->run, run);
	return json_print(json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:i, s:i, s:o}",
				    "event", "run_ended", "run", run,
				    "status", word_status(ended->status),
				    "cause", word_cause(ended->cause), "exit_code", ended->exit_code,
				    "events", (json_int_t)ended->events,
				    "refused", (json_int_t)ended->refused,
				    "lost", (json_int_t)ended->lost,
				    "violations", (int)ended->violations, "killed", (int)ended->killed,
				    "text", word_json(ended->text)),
			  ret_text);
}
