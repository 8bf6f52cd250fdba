/* SPDX-License-Identifier: Apache-2.0 */
/* A plan against the ceiling of the host. Mounts are what a run can see and write, whatever rules a plan carries
 * beside them; so mounts are compared, and a denial holds when a guard of the plan covers it. */
#include "plan/ceiling.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "decide/net.h"

#define EXIT_REFUSED 122
#define SHOWN 160U

/* ---- the image ---- */

static bool text_ok(const struct ceiling *ceiling, uint32_t offset, uint32_t len)
{
	if (offset >= ceiling->strings_len || len >= ceiling->strings_len - offset || len >= PLAN_PATH_MAX)
		return false;
	return memchr(ceiling->strings + offset, '\0', (size_t)len + 1) == ceiling->strings + offset + len;
}

static bool path_ok(const struct ceiling *ceiling, const struct rule_path *rule)
{
	const char *path = ceiling->strings + rule->path_offset;

	if (!text_ok(ceiling, rule->path_offset, rule->path_len) || rule->path_len == 0 || !strchr("/~.", path[0]))
		return false;
	return rule->flags == 0 && (rule->kind == RULE_READ || rule->kind == RULE_WRITE ||
				    rule->kind == RULE_DENY_READ || rule->kind == RULE_DENY_WRITE);
}

static bool tables_ok(const struct ceiling *ceiling)
{
	for (uint32_t i = 0; i < ceiling->path_count; i++)
		if (!path_ok(ceiling, &ceiling->paths[i]))
			return false;
	for (uint32_t i = 0; i < ceiling->net_count; i++) {
		const struct net_rule *rule = &ceiling->nets[i];

		if (rule->prefix > 128 || rule->verdict > NET_ALLOW || rule->port_first > rule->port_last ||
		    (rule->where != NET_CONNECT && rule->where != NET_BIND))
			return false;
	}
	for (uint32_t i = 0; i < ceiling->name_count; i++)
		if (!net_name_is_sound(&ceiling->names[i]))
			return false;
	for (uint32_t i = 0; i < ceiling->home_count; i++) {
		struct plan_text home = ceiling->homes[i].path;

		if (!text_ok(ceiling, home.offset, home.len) || ceiling->strings[home.offset] != '/')
			return false;
	}
	return true;
}

int ceiling_check(const struct ceiling *ceiling, struct error *err)
{
	if (ceiling->magic != CEILING_MAGIC || ceiling->version != CEILING_VERSION || ceiling->reserved != 0)
		return error_say(err, -EINVAL, "this is no ceiling of version %u", CEILING_VERSION);
	if (ceiling->path_count > CEILING_PATHS_MAX || ceiling->net_count > CEILING_NETS_MAX ||
	    ceiling->name_count > CEILING_NAMES_MAX || ceiling->home_count > CEILING_HOMES_MAX ||
	    ceiling->strings_len == 0 || ceiling->strings_len > CEILING_STRINGS_MAX ||
	    ceiling->set >= 1U << CEILING_KEY_COUNT)
		return error_say(err, -EINVAL, "the ceiling's counts are not acceptable");
	if (ceiling->tier > 4 || ceiling->require >= 1ULL << FEATURE_COUNT || ceiling->on_forbidden > ON_VIOLATE ||
	    ceiling->files_on_scope > ON_VIOLATE || ceiling->net_on_scope > ON_VIOLATE ||
	    ceiling->on_supervisor_loss > LOSS_FREEZE || ceiling->on_loss > LOSS_FREEZE ||
	    ceiling->workspace_mode > WORKSPACE_OVERLAY || ceiling->network_mode > NETWORK_HOST)
		return error_say(err, -EINVAL, "the ceiling's numbers are not acceptable");
	return tables_ok(ceiling) ? 0 : error_say(err, -EINVAL, "the ceiling's rules are not acceptable");
}

/* ---- comparing ---- */

struct comparison {
	const struct ceiling *ceiling;
	const struct plan *plan;
	const char *home;        /* of the run's owner; NULL = not known */
	bool (*exists)(const char *path);
	struct error *err;
};

static bool names(const struct comparison *c, enum ceiling_key key)
{
	return c->ceiling->set >> key & 1U;
}

static int exceeds(const struct comparison *c, const char *key, const char *what)
{
	char shown[SHOWN];

	text_escape(shown, sizeof(shown), slice_of(what));
	error_say(c->err, -EPERM, "the ceiling of this host does not allow it: `%s`: %s", key, shown);
	error_next(c->err, "use a policy that stays below it (`bailiff policy ceiling` shows it), or ask the "
		   "administrator of this host");
	return error_exit(c->err, EXIT_REFUSED);
}

static int numbers(const struct comparison *c)
{
	const struct ceiling *top = c->ceiling;
	const struct plan_head *head = c->plan->head;
	const struct plan_limits *limits = &head->limits, *most = &top->limits;
	/* From the strictest to the loosest. */
	static const uint32_t workspaces[] = { [WORKSPACE_READONLY] = 0, [WORKSPACE_OVERLAY] = 1, [WORKSPACE_DIRECT] = 2 };
	const struct {
		enum ceiling_key key;
		const char *name;
		bool good;
	} rows[] = {
		{ CEILING_TIER, "agent.tier", head->tier <= top->tier },
		{ CEILING_REQUIRE, "sandbox.require", (head->require & top->require) == top->require },
		{ CEILING_ON_FORBIDDEN, "sandbox.on_forbidden", head->on_forbidden >= top->on_forbidden },
		{ CEILING_FILES_ON_SCOPE, "files.on_scope", head->files_on_scope >= top->files_on_scope },
		{ CEILING_NET_ON_SCOPE, "network.on_scope", head->net_on_scope >= top->net_on_scope },
		{ CEILING_ON_SUPERVISOR_LOSS, "on_supervisor_loss", head->on_supervisor_loss <= top->on_supervisor_loss },
		{ CEILING_ON_LOSS, "on_loss", head->on_loss <= top->on_loss },
		{ CEILING_WORKSPACE_MODE, "workspace.mode",
		  workspaces[head->workspace_mode] <= workspaces[top->workspace_mode] },
		{ CEILING_NETWORK_MODE, "network.mode",
		  head->network_mode == NETWORK_NONE || top->network_mode == NETWORK_HOST ||
			  head->network_mode == top->network_mode },
		{ CEILING_PIDS, "limits.pids", limits->pids > 0 && limits->pids <= most->pids },
		{ CEILING_OPEN_FILES, "limits.open_files",
		  limits->open_files > 0 && limits->open_files <= most->open_files },
		{ CEILING_MEMORY, "limits.memory", limits->memory_bytes > 0 && limits->memory_bytes <= most->memory_bytes },
		{ CEILING_FILE_SIZE, "limits.file_size",
		  limits->file_size_bytes > 0 && limits->file_size_bytes <= most->file_size_bytes },
		{ CEILING_CPU, "limits.cpu", limits->cpu_milli > 0 && limits->cpu_milli <= most->cpu_milli },
		{ CEILING_WALL, "limits.wall", limits->wall_ns > 0 && limits->wall_ns <= most->wall_ns },
	};

	/* What is never refused needs no ceiling: it is what the ceiling is for. */
	if (head->mode != MODE_ENFORCE)
		return exceeds(c, "mode", "only enforce, where there is a ceiling");
	for (size_t i = 0; i < COUNT(rows); i++)
		if (names(c, rows[i].key) && !rows[i].good)
			return exceeds(c, rows[i].name, "it is lower there, or must be set");
	return 0;
}

/* ---- files ---- */

/* The rule's path on this host for this run's owner. False when it cannot be told. */
static bool expand(const struct comparison *c, const struct rule_path *rule, char to[PLAN_PATH_MAX])
{
	const char *path = c->ceiling->strings + rule->path_offset, *top = "";
	size_t len;

	if (path[0] == '~')
		top = c->home;
	else if (path[0] == '.')
		top = plan_text(c->plan, c->plan->head->workspace);
	if (!top)
		return false;
	len = strlen(top);
	if (path[0] == '/' || (len == 1 && top[0] == '/'))
		len = 0;
	if (len + rule->path_len + 1 > PLAN_PATH_MAX)
		return false;
	memcpy(to, top, len);
	memcpy(to + len, path + (path[0] != '/'), (size_t)rule->path_len - (path[0] != '/') + 1);
	if (to[0] == '\0')
		memcpy(to, "/", 2);
	return true;
}

static bool below(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (len == 1)
		return true;
	return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static bool shown_by(const struct comparison *c, const char *path, bool write)
{
	char expanded[PLAN_PATH_MAX];

	for (uint32_t i = 0; i < c->ceiling->path_count; i++) {
		const struct rule_path *rule = &c->ceiling->paths[i];

		if (rule->kind != RULE_WRITE && (write || rule->kind != RULE_READ))
			continue;
		if (expand(c, rule, expanded) && below(path, expanded))
			return true;
	}
	return false;
}

static const char *mount_target(const struct comparison *c, const struct plan_mount *mount)
{
	return plan_text(c->plan, mount->target);
}

static int mounts(const struct comparison *c)
{
	uint32_t count = c->plan->head->sections[PLAN_MOUNTS].count;

	for (uint32_t i = 0; i < count; i++) {
		const struct plan_mount *mount = &c->plan->mounts[i];
		bool write = mount->kind == MOUNT_BIND_RW || mount->kind == MOUNT_OVERLAY;
		const char *source = plan_text(c->plan, mount->source);

		if (!write && mount->kind != MOUNT_BIND_RO)
			continue;
		if (write && names(c, CEILING_WRITE) && !shown_by(c, source, true))
			return exceeds(c, "files.write", source);
		if (!write && names(c, CEILING_READ) && !shown_by(c, source, false))
			return exceeds(c, "files.read", source);
	}
	return 0;
}

/* The last mount that covers the path decides what the run finds there. */
static const struct plan_mount *found_at(const struct comparison *c, const char *path)
{
	for (uint32_t i = c->plan->head->sections[PLAN_MOUNTS].count; i > 0; i--) {
		const struct plan_mount *mount = &c->plan->mounts[i - 1];

		if (mount->kind != MOUNT_PIN && mount->kind != MOUNT_SYMLINK && below(path, mount_target(c, mount)))
			return mount;
	}
	return NULL;
}

static bool refused_by_rule(const struct comparison *c, const char *path, uint16_t kind)
{
	for (uint32_t i = 0; i < c->plan->head->sections[PLAN_PATHS].count; i++) {
		const struct rule_path *rule = &c->plan->paths[i];
		bool strong = rule->kind == RULE_HIDE || rule->kind == RULE_DENY_READ ||
			      (kind == RULE_DENY_WRITE && (rule->kind == RULE_DENY_WRITE || rule->kind == RULE_BASELINE));

		if (strong && !(rule->flags & RULE_GLOB) && below(path, c->plan->strings + rule->path_offset))
			return true;
	}
	return false;
}

/* A bind of a part of the tree somewhere else would show it under another name: sources are looked at, too. */
static bool shown_elsewhere(const struct comparison *c, const char *path)
{
	for (uint32_t i = 0; i < c->plan->head->sections[PLAN_MOUNTS].count; i++) {
		const struct plan_mount *mount = &c->plan->mounts[i];
		bool bind = mount->kind == MOUNT_BIND_RO || mount->kind == MOUNT_BIND_RW || mount->kind == MOUNT_OVERLAY;
		const char *source = plan_text(c->plan, mount->source);

		if (bind && strcmp(source, mount_target(c, mount)) != 0 && (below(path, source) || below(source, path)))
			return true;
	}
	return false;
}

/* Something below the denied path, bound by itself on top of what covers it. */
static bool shown_below(const struct comparison *c, const char *path, bool write)
{
	for (uint32_t i = 0; i < c->plan->head->sections[PLAN_MOUNTS].count; i++) {
		const struct plan_mount *mount = &c->plan->mounts[i];
		bool writes = mount->kind == MOUNT_BIND_RW || mount->kind == MOUNT_OVERLAY;

		if ((writes || (!write && mount->kind == MOUNT_BIND_RO)) && below(mount_target(c, mount), path))
			return true;
	}
	return false;
}

static int denial(const struct comparison *c, const struct rule_path *rule)
{
	bool write = rule->kind == RULE_DENY_WRITE;
	const char *key = write ? "files.deny_write" : "files.deny_read";
	const struct plan_mount *at;
	char path[PLAN_PATH_MAX];

	if (!expand(c, rule, path))
		return exceeds(c, key, "the home of this user is not known; restart the supervisor");
	at = found_at(c, path);
	if (shown_elsewhere(c, path) || shown_below(c, path, write))
		return exceeds(c, key, path);
	if (!at || at->kind == MOUNT_MASK || at->kind == MOUNT_TMPFS || at->kind == MOUNT_PROC || at->kind == MOUNT_DEV)
		return 0; /* the host's is not there */
	if (write && (at->kind == MOUNT_BIND_RO || at->kind == MOUNT_PROTECT))
		return 0;
	/* What does not exist yet has no mount: the broker refuses it by the rule. */
	if (!c->exists(path) && refused_by_rule(c, path, rule->kind))
		return 0;
	return exceeds(c, key, path);
}

static int files(const struct comparison *c)
{
	int r = mounts(c);

	for (uint32_t i = 0; r == 0 && i < c->ceiling->path_count; i++) {
		const struct rule_path *rule = &c->ceiling->paths[i];

		if (rule->kind == RULE_DENY_READ || rule->kind == RULE_DENY_WRITE)
			r = denial(c, rule);
	}
	return r;
}

/* ---- networks ---- */

/* In a network of its own a run may reach and listen at what nobody else sees. */
static bool own_loopback(const struct comparison *c, const struct net_rule *rule)
{
	static const uint8_t v4[13] = { [10] = 0xff, 0xff, 127 }, any4[12] = { [10] = 0xff, 0xff }, any6[16] = { 0 },
			     v6[16] = { [15] = 1 };

	if (c->plan->head->network_mode == NETWORK_HOST)
		return false;
	if (rule->where == NET_BIND)
		return true;
	return (rule->prefix >= 104 && memcmp(rule->addr, v4, sizeof(v4)) == 0) ||
	       (rule->prefix == 128 && (memcmp(rule->addr, v6, sizeof(v6)) == 0 || memcmp(rule->addr, any6, 16) == 0 ||
					(memcmp(rule->addr, any4, 12) == 0 && rule->addr[12] == 0)));
}

static bool net_allowed(const struct comparison *c, const struct net_rule *rule)
{
	for (uint32_t i = 0; i < c->ceiling->net_count; i++) {
		const struct net_rule *top = &c->ceiling->nets[i];

		if (top->verdict == NET_ALLOW && top->where == rule->where && net_rule_within(rule, top))
			return true;
	}
	return false;
}

static bool net_denied(const struct comparison *c, const struct net_rule *top)
{
	for (uint32_t i = 0; i < c->plan->head->sections[PLAN_NETS].count; i++) {
		const struct net_rule *rule = &c->plan->nets[i];

		if (rule->verdict == NET_DENY && rule->where == top->where && net_rule_within(top, rule))
			return true;
	}
	return false;
}

static int addresses(const struct comparison *c)
{
	const struct plan_head *head = c->plan->head;
	char shown[64];

	for (uint32_t i = 0; i < head->sections[PLAN_NETS].count; i++) {
		const struct net_rule *rule = &c->plan->nets[i];
		enum ceiling_key key = rule->where == NET_BIND ? CEILING_BIND : CEILING_ALLOW;

		net_address_text(shown, sizeof(shown), rule->addr, rule->port_first);
		if (rule->verdict == NET_ALLOW && names(c, key) && !own_loopback(c, rule) && !net_allowed(c, rule))
			return exceeds(c, key == CEILING_BIND ? "network.bind" : "network.allow", shown);
	}
	if ((head->connect_default == NET_ALLOW && names(c, CEILING_ALLOW)) ||
	    (head->bind_default == NET_ALLOW && names(c, CEILING_BIND)))
		return exceeds(c, "network.allow", "everything");
	for (uint32_t i = 0; head->network_mode != NETWORK_NONE && i < c->ceiling->net_count; i++) {
		const struct net_rule *top = &c->ceiling->nets[i];

		net_address_text(shown, sizeof(shown), top->addr, top->port_first);
		if (top->verdict == NET_DENY && !net_denied(c, top))
			return exceeds(c, "network.deny", shown);
	}
	return 0;
}

static bool name_in(const struct net_name *rule, const struct net_name *list, uint32_t count, uint8_t verdict)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i].verdict == verdict && net_name_within(rule, &list[i]))
			return true;
	return false;
}

static int host_names(const struct comparison *c)
{
	const struct plan_head *head = c->plan->head;
	uint32_t count = head->sections[PLAN_NAMES].count;

	for (uint32_t i = 0; i < count; i++) {
		const struct net_name *name = &c->plan->names[i];

		if (name->verdict == NET_ALLOW && names(c, CEILING_ALLOW) &&
		    !name_in(name, c->ceiling->names, c->ceiling->name_count, NET_ALLOW))
			return exceeds(c, "network.allow", name->text);
	}
	for (uint32_t i = 0; head->network_mode == NETWORK_ALLOWLIST && i < c->ceiling->name_count; i++) {
		const struct net_name *top = &c->ceiling->names[i];

		if (top->verdict == NET_DENY && !name_in(top, c->plan->names, count, NET_DENY))
			return exceeds(c, "network.deny", top->text);
	}
	return 0;
}

int ceiling_covers(const struct ceiling *ceiling, const struct plan *plan, bool (*exists)(const char *path),
		   struct error *err)
{
	static int (*const parts[])(const struct comparison *) = { numbers, files, addresses, host_names };
	struct comparison c = { .ceiling = ceiling, .plan = plan, .exists = exists, .err = err };
	int r = 0;

	for (uint32_t i = 0; i < ceiling->home_count; i++)
		if (ceiling->homes[i].uid == plan->head->owner_uid)
			c.home = ceiling->strings + ceiling->homes[i].path.offset;
	for (size_t i = 0; r == 0 && i < COUNT(parts); i++)
		r = parts[i](&c);
	return r;
}
