/* SPDX-License-Identifier: Apache-2.0 */
/* The border of root: bytes from an unprivileged process become a plan, or nothing. Every offset,
 * count, enum and string is looked at before it is used; nothing is changed and nothing allocated. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "decide/judge.h"
#include "plan/check.h"

static const struct section {
	const char *name;
	uint32_t size;           /* of one element */
	uint32_t max;            /* elements */
	bool required;
} sections[] = {
	[PLAN_STRINGS] = { "strings", 1, PLAN_STRINGS_MAX, true },
	[PLAN_PATHS] = { "paths", sizeof(struct rule_path), PLAN_PATHS_MAX, false },
	[PLAN_NETS] = { "nets", sizeof(struct net_rule), PLAN_NETS_MAX, false },
	[PLAN_NAMES] = { "names", sizeof(struct net_name), PLAN_NAMES_MAX, false },
	[PLAN_MOUNTS] = { "mounts", sizeof(struct plan_mount), PLAN_MOUNTS_MAX, true },
	[PLAN_GROUPS] = { "groups", sizeof(uint32_t), PLAN_GROUPS_MAX, false },
	[PLAN_FILTER] = { "filter", sizeof(struct sock_filter), PLAN_FILTER_MAX, true },
	[PLAN_ARGV] = { "argv", 1, PLAN_ARGV_MAX, true },
	[PLAN_ENV] = { "env", 1, PLAN_ENV_MAX, false },
	[PLAN_DOC] = { "policy document", 1, PLAN_DOC_MAX, true },
	[PLAN_GOVERN] = { "rules about actions", 1, PLAN_GOVERN_MAX, false },
	[PLAN_SECRETS] = { "secrets", sizeof(struct plan_secret), PLAN_SECRETS_MAX, false },
};
static_assert(COUNT(sections) == PLAN_SECTION_COUNT, "a section has no row");

int plan_bad(struct error *err, const char *field)
{
	return error_say(err, -EINVAL, "the plan's %s is not acceptable", field);
}

static int check_sections(const struct plan_head *head, struct error *err)
{
	for (size_t i = 0; i < PLAN_SECTION_COUNT; i++) {
		const struct plan_range *range = &head->sections[i];
		uint64_t end = (uint64_t)range->offset + (uint64_t)range->count * sections[i].size;

		if (range->count == 0 && !sections[i].required && range->offset == 0)
			continue;
		if (range->count == 0 || range->count > sections[i].max || range->offset % 8 != 0 ||
		    range->offset < sizeof(*head) || end > head->bytes)
			return plan_bad(err, sections[i].name);
		for (size_t j = 0; j < i; j++) {
			const struct plan_range *other = &head->sections[j];
			uint64_t other_end = (uint64_t)other->offset +
					     (uint64_t)other->count * sections[j].size;

			if (other->count > 0 && range->offset < other_end && other->offset < end)
				return plan_bad(err, sections[i].name);
		}
	}
	return 0;
}

static const void *section_at(const struct plan_head *head, enum plan_section section)
{
	return (const char *)head + head->sections[section].offset;
}

static struct slice bytes_at(const struct plan_head *head, enum plan_section section)
{
	return slice_new(section_at(head, section), head->sections[section].count);
}

bool plan_text_ok(const struct plan *plan, struct plan_text text, uint32_t max)
{
	uint32_t size = plan->head->sections[PLAN_STRINGS].count;

	if (text.len > max || text.offset >= size || text.len >= size - text.offset)
		return false;
	return memchr(plan->strings + text.offset, '\0', (size_t)text.len + 1) ==
	       plan->strings + text.offset + text.len;
}

bool plan_path_ok(const struct plan *plan, struct plan_text text)
{
	const char *path;

	if (!plan_text_ok(plan, text, PLAN_PATH_MAX - 1) || text.len == 0)
		return false;
	path = plan_text(plan, text);
	if (path[0] != '/')
		return false;
	if (text.len == 1)
		return true;
	for (uint32_t at = 0; at < text.len;) {
		uint32_t end = at + 1;
		struct slice part;

		while (end < text.len && path[end] != '/')
			end++;
		part = slice_new(path + at + 1, end - at - 1);
		if (part.len == 0 || part.len > 255 || slice_is(part, ".") || slice_is(part, ".."))
			return false;
		at = end;
	}
	return true;
}

static int check_names(const struct plan *plan, struct error *err)
{
	const struct plan_head *head = plan->head;
	const struct {
		const char *field;
		struct plan_text text;
		uint32_t max;
	} names[] = {
		{ "agent", head->agent, 63 },           { "policy name", head->policy_name, 63 },
		{ "owner name", head->owner_name, 63 }, { "host name", head->hostname, 63 },
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (!plan_text_ok(plan, names[i].text, names[i].max))
			return plan_bad(err, names[i].field);
	if (!plan_path_ok(plan, head->cwd))
		return plan_bad(err, "working directory");
	if (!plan_path_ok(plan, head->workspace))
		return plan_bad(err, "workspace");
	if (!plan_text_ok(plan, head->program, PLAN_PATH_MAX - 1) || head->program.len == 0)
		return plan_bad(err, "program");
	if (strchr(plan_text(plan, head->program), '/') && !plan_path_ok(plan, head->program))
		return plan_bad(err, "program");
	return 0;
}

/* One row per number of the head: nothing is used that has no row. */
static int check_numbers(const struct plan_head *head, struct error *err)
{
	const uint64_t features = (1ULL << FEATURE_COUNT) - 1;
	const struct {
		const char *field;
		bool good;
	} rows[] = {
		{ "reserved field", head->reserved == 0 && head->pad[0] == 0 && head->pad[1] == 0 },
		{ "uid", head->uid != 0 && head->uid != UID_NONE },
		{ "gid", head->gid != 0 && head->gid != GID_NONE },
		{ "owner", head->owner_uid == 0 || head->owner_uid == head->uid },
		{ "flags", head->flags <= PLAN_FLAGS },
		{ "mode", head->mode <= MODE_LEARN },
		{ "workspace mode", head->workspace_mode <= WORKSPACE_OVERLAY },
		{ "network mode", head->network_mode <= NETWORK_HOST },
		{ "on_supervisor_loss", head->on_supervisor_loss <= LOSS_FREEZE },
		{ "on_loss", head->on_loss <= LOSS_FREEZE },
		{ "tier", head->tier <= 4 },
		{ "required features", head->require <= features },
		{ "preferred features", head->prefer <= features },
		{ "files.on_scope", head->files_on_scope <= ON_VIOLATE },
		{ "network.on_scope", head->net_on_scope <= ON_VIOLATE },
		{ "on_forbidden", head->on_forbidden <= ON_VIOLATE },
		{ "connect default", head->connect_default <= NET_ALLOW },
		{ "bind default", head->bind_default <= NET_ALLOW },
		{ "umask", head->umask <= 0777 },
		{ "pids limit", head->limits.pids <= 1U << 22 },
		{ "open files limit", head->limits.open_files <= 1U << 30 },
		{ "memory limit", head->limits.memory_bytes <= 1ULL << 60 },
		{ "file size limit", head->limits.file_size_bytes <= 1ULL << 60 },
		{ "cpu limit", head->limits.cpu_milli <= 1U << 24 },
		{ "wall limit", head->limits.wall_ns <= 1ULL << 60 },
		{ "heartbeat mode", head->heartbeat.mode <= HEARTBEAT_OFF },
		{ "heartbeat ttl", head->heartbeat.ttl_ns <= 1ULL << 60 &&
			(head->heartbeat.ttl_ns > 0 || head->heartbeat.mode == HEARTBEAT_OFF) },
		{ "heartbeat times", head->heartbeat.grace_start_ns <= 1ULL << 60 &&
			head->heartbeat.max_extend_ns <= 1ULL << 60 &&
			head->heartbeat.stall_after_ns <= 1ULL << 60 },
		{ "heartbeat on_stall", head->heartbeat.on_stall <= ON_VIOLATE && head->heartbeat.reserved == 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (!rows[i].good)
			return plan_bad(err, rows[i].field);
	return 0;
}

static int check_expose(const struct plan_head *head, struct error *err)
{
	bool good = head->expose_count == 0 ||
		    (head->expose_count <= PLAN_EXPOSE_MAX && head->network_mode == NETWORK_ALLOWLIST);

	for (uint32_t i = 0; i < PLAN_EXPOSE_MAX; i++)
		good &= i < head->expose_count ? head->expose[i] >= 1024 : head->expose[i] == 0;
	return good ? 0 : plan_bad(err, "exposed ports");
}

static int check_responses(const struct plan_head *head, struct error *err)
{
	for (size_t i = 0; i < SEVERITY_COUNT; i++) {
		const struct response *response = &head->responses[i];

		if (response->bits > (RESPONSE_WARN | RESPONSE_REVOKE | RESPONSE_ALERT) ||
		    response->revoke_at > 1000 ||
		    (i >= SEVERITY_HIGH && !(response->bits & RESPONSE_REVOKE)))
			return plan_bad(err, "responses");
	}
	for (size_t i = 0; i < VIOLATION_TYPE_LIMIT; i++) {
		uint8_t override = head->severity_override[i];

		if (override > SEVERITY_COUNT ||
		    (override > 0 && override <= SEVERITY_CRITICAL &&
		     violation_severity((enum violation_type)i) == SEVERITY_CRITICAL))
			return plan_bad(err, "severities");
	}
	return 0;
}

static int check_paths(const struct plan *plan, struct error *err)
{
	for (uint32_t i = 0; i < plan->head->sections[PLAN_PATHS].count; i++) {
		const struct rule_path *rule = &plan->paths[i];

		if (rule->kind == RULE_NONE || rule->kind >= RULE_KIND_COUNT ||
		    rule->flags > (RULE_GLOB | RULE_PRIVATE) ||
		    rule->on > ON_VIOLATE || rule->reserved != 0 ||
		    !plan_path_ok(plan, (struct plan_text){ rule->path_offset, rule->path_len }) ||
		    !plan_text_ok(plan, (struct plan_text){ rule->id_offset, rule->id_len }, 128))
			return plan_bad(err, "file rules");
	}
	return 0;
}

static int check_nets(const struct plan *plan, struct error *err)
{
	for (uint32_t i = 0; i < plan->head->sections[PLAN_NETS].count; i++) {
		const struct net_rule *rule = &plan->nets[i];

		if (rule->prefix > 128 || rule->verdict > NET_ALLOW || rule->reserved != 0 ||
		    (rule->where != NET_CONNECT && rule->where != NET_BIND) ||
		    rule->port_first > rule->port_last)
			return plan_bad(err, "network rules");
	}
	return 0;
}

static int check_host_names(const struct plan *plan, struct error *err)
{
	for (uint32_t i = 0; i < plan->head->sections[PLAN_NAMES].count; i++)
		if (!net_name_is_sound(&plan->names[i]))
			return plan_bad(err, "host names");
	return 0;
}

static int check_groups(const struct plan *plan, struct error *err)
{
	for (uint32_t i = 0; i < plan->head->sections[PLAN_GROUPS].count; i++)
		if (plan->groups[i] == 0 || plan->groups[i] == GID_NONE)
			return plan_bad(err, "groups");
	return 0;
}

static int check_secrets(const struct plan *plan, struct error *err)
{
	for (uint32_t i = 0; i < plan->head->sections[PLAN_SECRETS].count; i++) {
		const struct plan_secret *secret = &plan->secrets[i];

		if (secret->reserved != 0 || secret->as >= SECRET_AS_COUNT ||
		    !plan_text_ok(plan, secret->name, 64) ||
		    !secret_name_ok(plan_text(plan, secret->name), secret->name.len, (enum secret_as)secret->as))
			return plan_bad(err, "secrets");
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(plan_text(plan, plan->secrets[j].name), plan_text(plan, secret->name)) == 0)
				return plan_bad(err, "secrets");
	}
	return 0;
}

/* Commands are judged exactly when there is something to judge them by. */
static int check_govern(const struct plan *plan, struct govern_view *ret_view, struct error *err)
{
	struct slice bytes = bytes_at(plan->head, PLAN_GOVERN);
	bool gate = plan->head->flags & PLAN_GATE;
	int r = 0;

	*ret_view = (struct govern_view){ 0 };
	if (bytes.len > 0)
		r = govern_check(bytes.data, bytes.len, ret_view, err);
	if (r == 0 && gate != (ret_view->settings && ret_view->settings->gated))
		r = plan_bad(err, "rules about actions");
	return r;
}

/* Strings one after another, the last one terminated, too. */
static int check_vectors(const struct plan *plan, struct error *err)
{
	const char *at = plan->env.data, *end = plan->env.data + plan->env.len;

	if (plan->argv.data[plan->argv.len - 1] != '\0')
		return plan_bad(err, "argv");
	if (plan->env.len == 0)
		return 0;
	if (end[-1] != '\0')
		return plan_bad(err, "env");
	while (at < end) {
		size_t len = strlen(at);
		const char *equals = memchr(at, '=', len);

		if (!equals || equals == at)
			return plan_bad(err, "env");
		at += len + 1;
	}
	return 0;
}

int plan_check(const void *bytes, size_t len, struct plan *ret_plan, struct error *err)
{
	static int (*const checks[])(const struct plan *, struct error *) = {
		check_names, check_paths, check_nets, check_host_names, check_groups, check_vectors,
		plan_check_mounts, plan_check_filter, check_secrets,
	};
	const struct plan_head *head = bytes;
	struct plan plan;
	int r;

	if (len < sizeof(*head) || len > PLAN_BYTES_MAX || (uintptr_t)bytes % 8 != 0)
		return plan_bad(err, "size");
	if (head->magic != PLAN_MAGIC || head->version != PLAN_VERSION || head->bytes != len)
		return error_say(err, -EINVAL, "this is not a plan of version %u", PLAN_VERSION);
	r = check_sections(head, err);
	if (r == 0)
		r = check_numbers(head, err);
	if (r == 0)
		r = check_expose(head, err);
	if (r == 0)
		r = check_responses(head, err);
	if (r < 0)
		return r;
	plan = (struct plan){
		.head = head, .bytes = len,
		.strings = section_at(head, PLAN_STRINGS), .paths = section_at(head, PLAN_PATHS),
		.nets = section_at(head, PLAN_NETS), .names = section_at(head, PLAN_NAMES),
		.mounts = section_at(head, PLAN_MOUNTS),
		.groups = section_at(head, PLAN_GROUPS), .filter = section_at(head, PLAN_FILTER),
		.argv = bytes_at(head, PLAN_ARGV), .env = bytes_at(head, PLAN_ENV),
		.doc = bytes_at(head, PLAN_DOC), .secrets = section_at(head, PLAN_SECRETS),
	};
	for (size_t i = 0; i < COUNT(checks); i++) {
		r = checks[i](&plan, err);
		if (r < 0)
			return r;
	}
	r = check_govern(&plan, &plan.govern, err);
	if (r == 0)
		*ret_plan = plan;
	return r;
}

int plan_map(int memfd, struct plan *ret_plan, struct error *err)
{
	const int needed = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	int seals = fcntl(memfd, F_GET_SEALS), r;
	struct stat st;
	void *bytes;

	if (seals < 0 || (seals & needed) != needed)
		return error_say(err, -EPERM, "the plan's memory is not sealed");
	if (fstat(memfd, &st) < 0)
		return error_set(err, -errno, "stat the plan");
	if (st.st_size < (off_t)sizeof(struct plan_head) || st.st_size > (off_t)PLAN_BYTES_MAX)
		return error_say(err, -EMSGSIZE, "the plan has %lld bytes", (long long)st.st_size);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, memfd, 0);
	if (bytes == MAP_FAILED)
		return error_set(err, -errno, "map the plan");
	r = plan_check(bytes, (size_t)st.st_size, ret_plan, err);
	if (r < 0)
		IGNORE(munmap(bytes, (size_t)st.st_size) < 0);
	return r;
}

void plan_unmap(struct plan *plan)
{
	union {
		const void *constant;
		void *plain;
	} bytes = { .constant = plan->head };

	if (bytes.plain)
		IGNORE(munmap(bytes.plain, plan->bytes) < 0);
	*plan = (struct plan){ 0 };
}

void plan_rules(const struct plan *plan, struct rules *ret_rules)
{
	const struct plan_head *head = plan->head;

	*ret_rules = (struct rules){
		.strings = plan->strings, .strings_len = head->sections[PLAN_STRINGS].count,
		.paths = plan->paths, .path_count = head->sections[PLAN_PATHS].count,
		.nets = plan->nets, .net_count = head->sections[PLAN_NETS].count,
		.names = plan->names, .name_count = head->sections[PLAN_NAMES].count,
		.connect_default = (uint8_t)head->connect_default,
		.bind_default = (uint8_t)head->bind_default,
		.files_on_scope = (uint8_t)head->files_on_scope,
		.net_on_scope = (uint8_t)head->net_on_scope,
		.on_forbidden = (uint8_t)head->on_forbidden,
		.network_mode = (uint8_t)head->network_mode,
	};
	memcpy(ret_rules->responses, head->responses, sizeof(head->responses));
	memcpy(ret_rules->severity_override, head->severity_override, sizeof(head->severity_override));
}

size_t plan_vector(struct slice strings, char **ret, size_t ret_size)
{
	size_t count = 0, at = 0;

	while (at < strings.len) {
		union {
			const char *constant;
			char *plain;         /* execve(2) takes char *const[], and does not write */
		} string = { .constant = strings.data + at };

		if (ret && count + 1 < ret_size)
			ret[count] = string.plain;
		count++;
		at += strnlen(string.constant, strings.len - at) + 1;
	}
	if (ret && ret_size > 0)
		ret[MIN(count, ret_size - 1)] = NULL;
	return count;
}
