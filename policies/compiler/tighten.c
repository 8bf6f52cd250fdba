/* SPDX-License-Identifier: Apache-2.0 */
/* The document is read twice: first as any document, into a policy of its own, which finds all errors of form;
 * then each key is compared with the policy by the rule of its row, and applied. A key without a row is
 * refused, so that a new key of policies cannot widen anything from here. */
#include "compiler/tighten.h"

#include <errno.h>

#include "base/text.h"
#include "compiler/covers.h"
#include "compiler/govern.h"
#include "compiler/tighten_govern.h"

#define NAME_MAX_BYTES 64U

struct tightener {
	struct reader reader;    /* of the file; reader.policy is what it says */
	struct policy *policy;   /* what is tightened */
};

typedef void (*tighten_fn)(struct tightener *t, const struct key *key, const struct yaml_node *node);

static void *field_of(struct policy *policy, const struct key *key)
{
	return (char *)policy + key->offset;
}

static void fail_wider(struct tightener *t, const struct key *key, const struct yaml_node *node, const char *how)
{
	char shown[SHOWN_MAX];

	reader_fail(&t->reader, node, "%s would widen \"%s\" of the policy \"%s\"; %s",
		    reader_show(&t->reader, node, shown), key->name, t->policy->name, how);
}

/* ---- values ---- */

static uint64_t number_of(const struct key *key, const void *field)
{
	return key->type == KEY_U32 || key->type == KEY_TIER ? *(const uint32_t *)field : *(const uint64_t *)field;
}

/* Not set (0) is no limit; of a tier 0 is the lowest. */
static void lower(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	void *old = field_of(t->policy, key);
	uint64_t wanted = number_of(key, field_of(t->reader.policy, key)), has = number_of(key, old);

	if (wanted > has && (has != 0 || key->type == KEY_TIER)) {
		fail_wider(t, key, node, "write a lower value, or leave it out");
		return;
	}
	if (key->type == KEY_U32 || key->type == KEY_TIER)
		*(uint32_t *)old = (uint32_t)wanted;
	else
		*(uint64_t *)old = wanted;
}

/* From the loosest to the strictest. A word that is in no order cannot be compared. */
static const char *const orders[][5] = {
	{ "freeze", "kill" },
	{ "deny", "violate" },
	{ "direct", "overlay", "readonly" },
	{ "host", "allowlist", "none" },
	{ "off", "either", "activity", "both" },
	{ "ignore", "clarify", "violate" },
	{ "off", "either", "explicit", "both" },
};

static const char *word_of(const struct key *key, const void *field)
{
	int value;

	memcpy(&value, field, sizeof(value));
	for (const struct key_word *word = key->words; word->name; word++) {
		if (word->value == value)
			return word->name;
	}
	return "";
}

static int rank_in(const char *const *order, const char *word)
{
	for (int i = 0; i < 5 && order[i]; i++) {
		if (strcmp(order[i], word) == 0)
			return i;
	}
	return -1;
}

static bool word_is_stricter(const char *wanted, const char *has)
{
	for (size_t i = 0; i < COUNT(orders); i++) {
		int from = rank_in(orders[i], has), to = rank_in(orders[i], wanted);

		if (from >= 0 && to >= from)
			return true;
	}
	return strcmp(wanted, has) == 0;
}

static void stricter(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	const void *wanted = field_of(t->reader.policy, key);
	void *has = field_of(t->policy, key);
	char how[96];

	if (word_is_stricter(word_of(key, wanted), word_of(key, has))) {
		memcpy(has, wanted, sizeof(int));
		return;
	}
	IGNORE(snprintf(how, sizeof(how), "it is `%s` there; leave it out", word_of(key, has)) < 0);
	fail_wider(t, key, node, how);
}

/* Rules for what is no longer there would be refused, or mislead a reader. */
static void network(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	stricter(t, key, node);
	if (t->policy->network_mode == NETWORK_NONE)
		t->policy->net_allow.count = t->policy->net_deny.count = t->policy->net_expose.count = 0;
	if (t->policy->network_mode != NETWORK_HOST)
		t->policy->net_bind.count = 0;
}

static void more_bits(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	(void)node;
	*(uint32_t *)field_of(t->policy, key) |= *(const uint32_t *)field_of(t->reader.policy, key);
}

/* Nothing to compare: the version of the format, who the run is. */
static void same(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	(void)t;
	(void)key;
	(void)node;
}

/* ---- lists ---- */

static void add_item(struct tightener *t, const struct yaml_node *node, struct policy_list *list,
		     struct slice text)
{
	if (policy_add(t->policy, list, text) < 0)
		reader_fail(&t->reader, node, "the policy's list and this one are too long together");
}

static void more(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	const struct policy *from = t->reader.policy;
	const struct policy_list *list = field_of(t->reader.policy, key);

	for (uint32_t i = 0; i < list->count; i++)
		add_item(t, node, field_of(t->policy, key),
			 slice_new(policy_text(from, list->items[i]), list->items[i].len));
}

static bool is_covered(const struct tightener *t, const struct key *key, const struct policy_list *old,
		       struct slice text)
{
	if (key->type == KEY_PATHS)
		return covers_path(t->policy, old, text);
	if (key->type == KEY_ENV)
		return covers_name(t->policy, old, text);
	return covers_net(t->policy, old, text, key->type == KEY_NET_BIND ? NET_BIND : NET_CONNECT);
}

/* The list takes the place of the policy's, and each entry lies within an entry of it. */
static void fewer(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	struct policy_list *list = field_of(t->policy, key);
	auto_free struct policy_list *old = malloc(sizeof(*old));
	char memory[POLICY_PATH_MAX + 2];

	if (!old) {
		reader_fail(&t->reader, node, "no memory to compare this list");
		return;
	}
	*old = *list;
	list->count = 0;
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *item = yaml_node(t->reader.yaml, at);
		struct buf clean = buf_fixed(memory, sizeof(memory));

		at = item->next;
		if (check_item(key->type, yaml_text(t->reader.yaml, item), &clean))
			continue; /* said by the first reading */
		if (is_covered(t, key, old, buf_slice(&clean)))
			add_item(t, item, list, buf_slice(&clean));
		else
			fail_wider(t, key, item, "list only what lies within its entries, or leave the list out");
	}
}

static void baselines(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	struct policy *policy = t->policy;
	const struct policy *from = t->reader.policy;

	(void)key;
	for (uint32_t i = 0; i < from->baseline_count; i++) {
		const struct policy_baseline *source = &from->baselines[i];
		struct policy_baseline *to = &policy->baselines[policy->baseline_count];
		const char *id = policy_text(from, source->id);

		for (uint32_t j = 0; j < policy->baseline_count; j++) {
			if (strcmp(policy_text(policy, policy->baselines[j].id), id) == 0)
				reader_fail(&t->reader, node, "the policy has a baseline \"%s\"; choose another name", id);
		}
		if (policy->baseline_count == POLICY_BASELINES_MAX || !policy_keep(policy, slice_of(id), &to->id)) {
			reader_fail(&t->reader, node, "too many baselines (at most %u)", POLICY_BASELINES_MAX);
			return;
		}
		to->on = source->on;
		to->paths.count = 0;
		for (uint32_t j = 0; j < source->paths.count; j++)
			add_item(t, node, &to->paths, slice_of(policy_text(from, source->paths.items[j])));
		policy->baseline_count++;
	}
}

/* ---- violations ---- */

static bool response_covers(const struct response *wanted, const struct response *has)
{
	if ((wanted->bits & has->bits) != has->bits)
		return false;
	if (has->revoke_at == 0 || (wanted->bits & RESPONSE_REVOKE))
		return true;
	return wanted->revoke_at > 0 && wanted->revoke_at <= has->revoke_at;
}

static void response(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	const struct response *wanted = field_of(t->reader.policy, key);
	struct response *has = field_of(t->policy, key);

	if (response_covers(wanted, has))
		*has = *wanted;
	else
		fail_wider(t, key, node, "keep all that the policy does, and add to it");
}

static enum severity severity_in(const struct policy *policy, unsigned int type)
{
	return policy->severity_override[type] ? (enum severity)(policy->severity_override[type] - 1)
					       : violation_severity((enum violation_type)type);
}

static void overrides(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	for (unsigned int type = 1; type < VIOLATION_TYPE_LIMIT; type++) {
		uint8_t wanted = t->reader.policy->severity_override[type];

		if (wanted == 0)
			continue;
		if ((enum severity)(wanted - 1) < severity_in(t->policy, type))
			fail_wider(t, key, node, "severities can only be raised");
		else
			t->policy->severity_override[type] = wanted;
	}
}

/* ---- actions ---- */

/* The tables are read onto the policy itself: what stands there is what names mean. */
static struct reader policy_reader(const struct tightener *t)
{
	struct reader reader = t->reader;

	reader.policy = t->policy;
	reader.project = false;
	return reader;
}

static void rules_that_deny(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	struct reader reader = policy_reader(t);

	(void)key;
	tighten_rules(&reader, node);
}

static void higher_risks(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	struct reader reader = policy_reader(t);

	(void)key;
	tighten_capabilities(&reader, node);
}

static void smaller_budget(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	struct reader reader = policy_reader(t);

	(void)key;
	tighten_budget(&reader, node, &t->reader.policy->govern.settings.budget);
}

static void higher_tier(struct tightener *t, const struct key *key, const struct yaml_node *node)
{
	const uint8_t *wanted = field_of(t->reader.policy, key);
	uint8_t *has = field_of(t->policy, key);

	if (*wanted < *has)
		fail_wider(t, key, node, "write a higher one, or leave it out");
	else
		*has = *wanted;
}

/* ---- the table ---- */

static const struct rule {
	const char *key;
	tighten_fn apply;
} rules[] = {
	{ "schema", same },
	{ "on_supervisor_loss", stricter }, { "on_loss", stricter },
	{ "agent.tier", lower }, { "agent.max_concurrent", lower }, { "agent.child_runs", lower },
	{ "agent.min_tier", higher_tier },
	{ "heartbeat.mode", stricter }, { "heartbeat.ttl", lower }, { "heartbeat.grace_start", lower },
	{ "heartbeat.max_extend", lower }, { "heartbeat.stall_after", lower }, { "heartbeat.max_repeats", lower },
	{ "heartbeat.on_stall", stricter }, { "budget", smaller_budget }, { "rules", rules_that_deny },
	{ "capabilities", higher_risks },
	{ "limits.pids", lower }, { "limits.memory", lower }, { "limits.cpu", lower },
	{ "limits.open_files", lower }, { "limits.file_size", lower }, { "limits.wall", lower },
	{ "sandbox.require", more_bits }, { "sandbox.prefer", more_bits }, { "sandbox.user", same },
	{ "sandbox.on_forbidden", stricter }, { "sandbox.hide", more }, { "sandbox.env", fewer },
	{ "workspace.mode", stricter },
	{ "files.read", fewer }, { "files.write", fewer },
	{ "files.deny_read", more }, { "files.deny_write", more },
	{ "files.on_scope", stricter }, { "files.baseline", baselines },
	{ "network.mode", network }, { "network.allow", fewer }, { "network.deny", more },
	{ "network.bind", fewer }, { "network.allow_unix", fewer }, { "network.on_scope", stricter },
	{ "violations.critical", response }, { "violations.high", response },
	{ "violations.medium", response }, { "violations.low", response },
	{ "violations.override", overrides },
};

static const struct rule *rule_of(const char *name)
{
	for (size_t i = 0; i < COUNT(rules); i++) {
		if (strcmp(rules[i].key, name) == 0)
			return &rules[i];
	}
	return NULL;
}

static const struct key *key_of(const struct tightener *t, const struct key *keys, const struct yaml_node *name)
{
	for (; keys->name; keys++) {
		if (slice_is(yaml_text(t->reader.yaml, name), keys->name))
			return keys;
	}
	return NULL;
}

static void apply_pair(struct tightener *t, const char *section, const struct key *key,
		       const struct yaml_node *at, const struct yaml_node *value)
{
	char name[NAME_MAX_BYTES];
	const struct rule *rule;

	IGNORE(snprintf(name, sizeof(name), "%s%s%s", section, section[0] ? "." : "", key->name) < 0);
	rule = rule_of(name);
	if (rule)
		rule->apply(t, key, value);
	else
		reader_fail(&t->reader, at, "\"%s\" may not stand in a project file, which only tightens the policy of a "
			    "run; write a policy that extends \"%s\" instead", key->name, t->policy->name);
}

/* `modes`: only the network's mode, which decides what the lists mean; else all but that. */
static void apply_mapping(struct tightener *t, const char *section, const struct key *keys,
			  const struct yaml_node *node, bool modes)
{
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(t->reader.yaml, at);
		const struct yaml_node *value = yaml_node(t->reader.yaml, name->next);
		const struct key *key = key_of(t, keys, name);
		bool is_mode = strcmp(section, "network") == 0 && key && strcmp(key->name, "mode") == 0;

		at = value->next;
		if (key && key->type == KEY_SECTION)
			apply_mapping(t, key->name, key->keys, value, modes);
		else if (key && is_mode == modes)
			apply_pair(t, section, key, name, value);
	}
}

static void apply_document(struct tightener *t)
{
	const struct yaml_node *root = yaml_node(t->reader.yaml, 0);
	struct reader whole = t->reader;

	read_mapping(&t->reader, policy_keys, root, t->reader.policy);
	if (t->reader.diagnostics->count > 0)
		return;
	apply_mapping(t, "", policy_keys, root, true);
	apply_mapping(t, "", policy_keys, root, false);
	whole.policy = t->policy;
	whole.project = false;
	if (whole.diagnostics->count == 0)
		govern_finish_document(&whole);
	if (whole.diagnostics->count == 0)
		check_whole(&whole, root);
}

int policy_tighten(const char *name, struct slice bytes, struct policy *policy,
		   struct diagnostics *ret_diagnostics)
{
	cleanup_with(policy_free_p) struct policy *said = policy_new();
	cleanup_with(yaml_finish) struct yaml yaml = { 0 };
	auto_free struct naming *naming = calloc(1, sizeof(*naming));
	struct tightener t = {
		.reader = { .yaml = &yaml, .policy = said, .diagnostics = ret_diagnostics, .document = bytes,
			    .naming = naming, .project = true },
		.policy = policy,
	};

	*ret_diagnostics = (struct diagnostics){ .file = name };
	if (!said || !naming)
		diagnostics_add(ret_diagnostics, 0, 0, "no memory to read this document");
	else if (yaml_parse(bytes, &yaml, ret_diagnostics) == 0)
		apply_document(&t);
	diagnostics_sort(ret_diagnostics);
	return ret_diagnostics->count > 0 ? -EINVAL : 0;
}
