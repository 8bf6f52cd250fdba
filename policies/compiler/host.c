/* SPDX-License-Identifier: Apache-2.0 */
/* The document has sections that are tables of plain values, read like those of a policy, and two that are keyed by
 * names: agents, roles. */
#include "compiler/host.h"

#include <errno.h>
#include <stdio.h>

#include "base/parse.h"
#include "base/text.h"
#include "compiler/read.h"

#define MILLIONTHS 1000000U
#define TIER_NOT_SAID HOST_TIERS

struct host_reader {
	struct reader reader;
	struct host_settings *settings;
	host_lookup_fn lookup;
};

#define VALUE(key_name, key_type, low, high, owner, field, key_doc) \
	{ .name = key_name, .doc = key_doc, .type = key_type, .min = low, .max = high, .offset = offsetof(owner, field) }

static const struct key promotion_keys[] = {
	VALUE("window", KEY_DURATION, 0, 0, struct host_promotion, window_ns, "how far back runs count"),
	VALUE("min_runs", KEY_U32, 1, HOST_RUNS_MAX, struct host_promotion, min_runs, "completed runs at the tier"),
	VALUE("cooldown", KEY_DURATION, 0, 0, struct host_promotion, cooldown_ns, "time since the last demotion"),
	{ 0 },
};
static const struct key breaker_keys[] = {
	VALUE("failures", KEY_U32, 1, HOST_RUNS_MAX, struct host_breaker, failures, "revocations that open it"),
	VALUE("window", KEY_DURATION, 0, 0, struct host_breaker, window_ns, "within this time"),
	VALUE("open_for", KEY_DURATION, 0, 0, struct host_breaker, open_ns, "time until one run is tried"),
	VALUE("half_open_runs", KEY_U32, 1, 1000, struct host_breaker, half_open_runs, "runs that are tried"),
	{ 0 },
};
static const struct key tier_keys[] = {
	VALUE("default_tier", KEY_TIER, 0, 0, struct host_settings, default_tier, "of agents that are not named"),
	VALUE("max_tier", KEY_TIER, 0, 0, struct host_settings, max_tier, "no agent is above it"),
	{ 0 },
};
static const struct key agent_keys[] = {
	VALUE("tier", KEY_TIER, 0, 0, struct host_agent, tier, "where the agent begins"),
	{ 0 },
};

/* ---- principals ---- */

/* "user:NAME" or "group:NAME". False after a diagnostic. */
static bool read_principal(struct host_reader *host, const struct yaml_node *node, bool groups, bool *ret_group,
			   uint32_t *ret_id)
{
	char shown[SHOWN_MAX], name[128];
	struct slice text;
	bool group;
	size_t skip;

	if (!reader_text(&host->reader, node, &text))
		return false;
	group = slice_starts(text, slice_of("group:"));
	skip = group ? strlen("group:") : strlen("user:");
	if ((!group && !slice_starts(text, slice_of("user:"))) || (group && !groups) ||
	    text_copy(name, sizeof(name), slice_new(text.data + skip, text.len - skip)) < 0 || !name[0]) {
		reader_fail(&host->reader, node, "%s is no %s; write it like \"user:ann\"%s",
			    reader_show(&host->reader, node, shown), groups ? "user or group" : "user",
			    groups ? " or \"group:ops\"" : "");
		return false;
	}
	if (host->lookup(group, name, ret_id) < 0) {
		reader_fail(&host->reader, node, "this host has no %s %s", group ? "group" : "user",
			    reader_show(&host->reader, node, shown));
		return false;
	}
	*ret_group = group;
	return true;
}

static void add_role(struct host_reader *host, const struct yaml_node *node, enum role role)
{
	struct host_settings *settings = host->settings;
	bool group = false;
	uint32_t id = 0;

	if (!read_principal(host, node, true, &group, &id))
		return;
	if (settings->role_count == HOST_ROLES_MAX) {
		reader_fail(&host->reader, node, "more than %u users and groups have roles", HOST_ROLES_MAX);
		return;
	}
	settings->roles[settings->role_count++] = (struct host_role){ .id = id, .group = group, .role = (uint8_t)role };
}

static void read_roles(struct host_reader *host, const struct yaml_node *name, const struct yaml_node *value)
{
	static const char *const words[] = { [ROLE_VIEWER] = "viewer", [ROLE_OPERATOR] = "operator",
					     [ROLE_ADMIN] = "admin" };
	struct slice text = yaml_text(host->reader.yaml, name);
	char shown[SHOWN_MAX];

	for (size_t i = ROLE_VIEWER; i < COUNT(words); i++) {
		if (!slice_is(text, words[i]))
			continue;
		if (!reader_list(&host->reader, value, "users and groups"))
			return;
		for (uint32_t at = value->first; at != YAML_NONE; at = yaml_node(host->reader.yaml, at)->next)
			add_role(host, yaml_node(host->reader.yaml, at), (enum role)i);
		return;
	}
	reader_fail(&host->reader, name, "%s is no role; roles are admin, operator and viewer",
		    reader_show(&host->reader, name, shown));
}

/* Calls for each pair of a mapping whose keys are names, each once. */
typedef void (*pair_fn)(struct host_reader *host, const struct yaml_node *name, const struct yaml_node *value);

static void each_pair(struct host_reader *host, const struct yaml_node *node, const char *what, pair_fn pair)
{
	char shown[SHOWN_MAX];

	if (node->kind != YAML_MAPPING) {
		reader_fail(&host->reader, node, "%s belong here, not %s", what, reader_show(&host->reader, node, shown));
		return;
	}
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(host->reader.yaml, at);
		const struct yaml_node *value = yaml_node(host->reader.yaml, name->next);

		at = value->next;
		if (name->kind != YAML_SCALAR)
			reader_fail(&host->reader, name, "a name belongs here");
		else if (mapping_is_duplicate(&host->reader, node, name))
			reader_fail(&host->reader, name, "%s stands here twice",
				    reader_show(&host->reader, name, shown));
		else
			pair(host, name, value);
	}
}

/* ---- agents ---- */

/* Of the agent that was begun last. */
static void read_agent_key(struct host_reader *host, const struct yaml_node *name, const struct yaml_node *value)
{
	struct host_agent *agent = &host->settings->agents[host->settings->agent_count - 1];
	bool group = false;
	char shown[SHOWN_MAX];

	if (slice_is(yaml_text(host->reader.yaml, name), "owner"))
		IGNORE(!read_principal(host, value, false, &group, &agent->owner_uid)); /* said */
	else if (slice_is(yaml_text(host->reader.yaml, name), agent_keys[0].name))
		read_value(&host->reader, &agent_keys[0], value, agent);
	else
		reader_fail(&host->reader, name, "%s is not known here; an agent has \"owner\" and \"tier\"",
			    reader_show(&host->reader, name, shown));
}

static void read_agent(struct host_reader *host, const struct yaml_node *name, const struct yaml_node *value)
{
	struct host_settings *settings = host->settings;
	struct host_agent *agent = &settings->agents[settings->agent_count];
	struct slice text = yaml_text(host->reader.yaml, name);
	char shown[SHOWN_MAX];

	if (settings->agent_count == HOST_AGENTS_MAX || host_agent_find(settings, text) ||
	    text_copy(agent->name, sizeof(agent->name), text) < 0) {
		reader_fail(&host->reader, name, "%s is one agent too many, named twice, or its name is too long",
			    reader_show(&host->reader, name, shown));
		return;
	}
	settings->agent_count++;
	agent->owner_uid = UID_NONE;
	agent->tier = TIER_NOT_SAID;
	each_pair(host, value, "keys (owner, tier)", read_agent_key);
}

static void read_agents(struct host_reader *host, const struct yaml_node *name, const struct yaml_node *value)
{
	struct slice text = yaml_text(host->reader.yaml, name);
	char shown[SHOWN_MAX];

	for (const struct key *key = tier_keys; key->name; key++) {
		if (slice_is(text, key->name)) {
			read_value(&host->reader, key, value, host->settings);
			return;
		}
	}
	if (slice_is(text, "named"))
		each_pair(host, value, "agents by name", read_agent);
	else
		reader_fail(&host->reader, name, "%s is not known here; there are \"default_tier\", \"max_tier\" and "
			    "\"named\"", reader_show(&host->reader, name, shown));
}

/* ---- numbers ---- */

/* "0.05" in millionths: a part of one. */
static void read_rate(struct host_reader *host, const struct yaml_node *node)
{
	struct slice text = yaml_text(host->reader.yaml, node);
	char shown[SHOWN_MAX];
	uint32_t value = 0, unit = MILLIONTHS;
	bool good = node->kind == YAML_SCALAR && text.len > 2 && text.len <= 8 && text.data[0] == '0' && text.data[1] == '.';

	for (size_t i = 2; good && i < text.len; i++) {
		unit /= 10;
		good = text.data[i] >= '0' && text.data[i] <= '9';
		value += (uint32_t)(text.data[i] - '0') * unit;
	}
	if (good)
		host->settings->promotion.max_error_rate = value;
	else
		reader_fail(&host->reader, node, "%s is no part of one such as 0.05",
			    reader_show(&host->reader, node, shown));
}

static void read_promotion(struct host_reader *host, const struct yaml_node *name, const struct yaml_node *value)
{
	struct slice text = yaml_text(host->reader.yaml, name);
	char shown[SHOWN_MAX];

	if (slice_is(text, "max_error_rate")) {
		read_rate(host, value);
		return;
	}
	for (const struct key *key = promotion_keys; key->name; key++) {
		if (slice_is(text, key->name)) {
			read_value(&host->reader, key, value, &host->settings->promotion);
			return;
		}
	}
	reader_fail(&host->reader, name, "%s is not known here; there are window, min_runs, max_error_rate and cooldown",
		    reader_show(&host->reader, name, shown));
}

/* ---- the document ---- */

/* Sections of the fleet and the gateway, which this version does not have. */
static bool comes_later(struct slice name)
{
	static const char *const later[] = { "redis", "http", "sinks", "vault" };

	for (size_t i = 0; i < COUNT(later); i++)
		if (slice_is(name, later[i]))
			return true;
	return false;
}

static void read_section(struct host_reader *host, const struct yaml_node *name, const struct yaml_node *value)
{
	static const char *const sections[] = { "agents", "roles", "promotion", "breaker", NULL };
	struct slice text = yaml_text(host->reader.yaml, name);
	const char *near = text_nearest(text, sections);
	char shown[SHOWN_MAX];

	if (slice_is(text, "agents"))
		each_pair(host, value, "keys", read_agents);
	else if (slice_is(text, "roles"))
		each_pair(host, value, "roles", read_roles);
	else if (slice_is(text, "promotion"))
		each_pair(host, value, "keys", read_promotion);
	else if (slice_is(text, "breaker"))
		read_mapping(&host->reader, breaker_keys, value, &host->settings->breaker);
	else if (comes_later(text))
		reader_fail(&host->reader, name, "%s is not supported yet", reader_show(&host->reader, name, shown));
	else
		reader_fail(&host->reader, name, "%s is not known here%s%s%s", reader_show(&host->reader, name, shown),
			    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void check_tiers(struct host_reader *host, const struct yaml_node *root)
{
	struct host_settings *settings = host->settings;

	for (uint32_t i = 0; i < settings->agent_count; i++)
		if (settings->agents[i].tier == TIER_NOT_SAID)
			settings->agents[i].tier = settings->default_tier;
	if (settings->default_tier > settings->max_tier)
		reader_fail(&host->reader, root, "agents: default_tier T%u is above max_tier T%u", settings->default_tier,
			    settings->max_tier);
	for (uint32_t i = 0; i < settings->agent_count; i++)
		if (settings->agents[i].tier > settings->max_tier)
			reader_fail(&host->reader, root, "agents: \"%s\" begins at T%u, above max_tier T%u",
				    settings->agents[i].name, settings->agents[i].tier, settings->max_tier);
}

int host_compile(const char *name, struct slice bytes, host_lookup_fn lookup, struct host_settings *ret_settings,
		 struct diagnostics *ret_diagnostics)
{
	cleanup_with(yaml_finish) struct yaml yaml = { 0 };
	struct host_reader host = {
		.reader = { .yaml = &yaml, .diagnostics = ret_diagnostics, .document = bytes },
		.settings = ret_settings, .lookup = lookup,
	};

	*ret_diagnostics = (struct diagnostics){ .file = name };
	host_defaults(ret_settings);
	if (yaml_parse(bytes, &yaml, ret_diagnostics) < 0)
		return -EINVAL;
	each_pair(&host, yaml_node(&yaml, 0), "sections (agents, roles, promotion, breaker)", read_section);
	if (ret_diagnostics->count == 0)
		check_tiers(&host, yaml_node(&yaml, 0));
	diagnostics_sort(ret_diagnostics);
	return ret_diagnostics->count > 0 ? -EINVAL : 0;
}
