/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/mentions.h"

#include <stdio.h>

#include "compiler/keys.h"
#include "compiler/yaml.h"

#define NAME_BYTES 128U

static const struct key *key_named(const struct key *keys, struct slice name)
{
	for (; keys->name; keys++)
		if (slice_is(name, keys->name))
			return keys;
	return NULL;
}

static void walk(const struct yaml *yaml, const struct key *keys, const char *section, const struct yaml_node *node,
		 mention_fn mention, void *context)
{
	for (uint32_t at = node->kind == YAML_MAPPING ? node->first : YAML_NONE; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(yaml, at), *value = yaml_node(yaml, name->next);
		const struct key *key = key_named(keys, yaml_text(yaml, name));
		char full[NAME_BYTES];

		at = value->next;
		if (!key)
			continue;
		IGNORE(snprintf(full, sizeof(full), "%s%s%s", section, section[0] ? "." : "", key->name) < 0);
		if (key->type == KEY_SECTION)
			walk(yaml, key->keys, full, value, mention, context);
		else
			mention(context, full, name->line, name->column);
	}
}

int policy_mentions(struct slice bytes, mention_fn mention, void *context, struct diagnostics *diagnostics)
{
	cleanup_with(yaml_finish) struct yaml yaml = { 0 };
	int r = yaml_parse(bytes, &yaml, diagnostics);

	if (r == 0)
		walk(&yaml, policy_keys, "", yaml_node(&yaml, 0), mention, context);
	return r;
}
