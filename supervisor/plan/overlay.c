/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/overlay.h"

#include <errno.h>


static int bad(struct error *err, const char *what)
{
	error_say(err, -EINVAL, "what is kept of the workspace is damaged: %s", what);
	return error_next(err, "`bailiff rollback RUN` drops it");
}

bool overlay_head_ok(const struct overlay_head *head)
{
	return head->magic == OVERLAY_MAGIC && head->version == OVERLAY_VERSION && head->reserved == 0 &&
	       head->uid != 0 && head->uid != UID_NONE && head->gid != 0 && head->gid != GID_NONE &&
	       (head->owner_uid == 0 || head->owner_uid == head->uid) &&
	       head->path_count <= PLAN_PATHS_MAX && head->strings_len > 0 &&
	       head->strings_len <= PLAN_STRINGS_MAX && head->files_on_scope <= ON_VIOLATE &&
	       !ulid_is_zero(&head->run);
}

static bool text_ok(const struct overlay_meta *meta, struct plan_text text)
{
	return text.offset < meta->head->strings_len && text.len < meta->head->strings_len - text.offset &&
	       meta->strings[text.offset + text.len] == '\0' &&
	       !memchr(meta->strings + text.offset, '\0', text.len);
}

static bool path_ok(const struct overlay_meta *meta, struct plan_text text)
{
	return text_ok(meta, text) && text.len > 0 && text.len < PLAN_PATH_MAX &&
	       meta->strings[text.offset] == '/';
}

static bool rule_ok(const struct overlay_meta *meta, const struct rule_path *rule)
{
	return rule->kind != RULE_NONE && rule->kind < RULE_KIND_COUNT && rule->on <= ON_VIOLATE &&
	       rule->flags <= (RULE_GLOB | RULE_PRIVATE) && rule->reserved == 0 &&
	       path_ok(meta, (struct plan_text){ rule->path_offset, rule->path_len }) &&
	       text_ok(meta, (struct plan_text){ rule->id_offset, rule->id_len });
}

int overlay_check(const void *bytes, size_t len, struct overlay_meta *ret_meta, struct error *err)
{
	struct overlay_meta meta = { .head = bytes };
	size_t rules;

	if (len < sizeof(*meta.head) || len > OVERLAY_BYTES_MAX || (uintptr_t)bytes % 8 != 0)
		return bad(err, "its size");
	if (!overlay_head_ok(meta.head))
		return bad(err, "its head");
	rules = meta.head->path_count * sizeof(struct rule_path);
	if (len != sizeof(*meta.head) + rules + meta.head->strings_len)
		return bad(err, "its size");
	meta.paths = (const struct rule_path *)(const void *)((const char *)bytes + sizeof(*meta.head));
	meta.strings = (const char *)meta.paths + rules;
	if (!path_ok(&meta, meta.head->workspace) || !text_ok(&meta, meta.head->agent) ||
	    !text_ok(&meta, meta.head->policy_name))
		return bad(err, "its names");
	for (uint32_t i = 0; i < meta.head->path_count; i++)
		if (!rule_ok(&meta, &meta.paths[i]))
			return bad(err, "its rules");
	*ret_meta = meta;
	return 0;
}

void overlay_rules(const struct overlay_meta *meta, struct rules *ret_rules)
{
	*ret_rules = (struct rules){
		.strings = meta->strings, .strings_len = meta->head->strings_len,
		.paths = meta->paths, .path_count = meta->head->path_count,
		.files_on_scope = (uint8_t)meta->head->files_on_scope,
	};
}
