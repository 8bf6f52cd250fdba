/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/compile.h"

#include <errno.h>
#include <stdarg.h>

#include "base/text.h"
#include "compiler/govern.h"
#include "compiler/source.h"
#include "decide/net.h"

#define EXIT_POLICY_INVALID 120

/* Without these there is no run at all, so that no policy can leave them out. */
#define REQUIRED_ALWAYS ((1U << FEATURE_NAMESPACES) | (1U << FEATURE_SECCOMP) | \
			 (1U << FEATURE_CGROUP_V2) | (1U << FEATURE_CGROUP_KILL) | \
			 (1U << FEATURE_MOUNT_API) | (1U << FEATURE_PIDFD) | (1U << FEATURE_BPF_WATCH))

void diagnostics_add(struct diagnostics *diagnostics, uint32_t line, uint32_t column, const char *fmt, ...)
{
	struct diagnostic *item;
	va_list args;

	if (diagnostics->count == POLICY_ERRORS_MAX) {
		diagnostics->dropped++;
		return;
	}
	item = &diagnostics->items[diagnostics->count++];
	item->line = line;
	item->column = column;
	va_start(args, fmt);
	IGNORE(vsnprintf(item->text, sizeof(item->text), fmt, args) < 0);
	va_end(args);
}

static void format_item(char *to, size_t to_size, const struct diagnostics *diagnostics,
			const struct diagnostic *item)
{
	char file[256];

	text_escape(file, sizeof(file), slice_of(diagnostics->file));
	if (item->line > 0)
		IGNORE(snprintf(to, to_size, "%s:%u:%u: %s", file, item->line, item->column,
				item->text) < 0);
	else
		IGNORE(snprintf(to, to_size, "%s: %s", file, item->text) < 0);
}

void diagnostics_print(FILE *stream, const struct diagnostics *diagnostics)
{
	char line[640];

	for (uint32_t i = 0; i < diagnostics->count; i++) {
		format_item(line, sizeof(line), diagnostics, &diagnostics->items[i]);
		IGNORE(fprintf(stream, "%s\n", line) < 0);
	}
	if (diagnostics->dropped > 0)
		IGNORE(fprintf(stream, "... and %u more\n", diagnostics->dropped) < 0);
}

int diagnostics_error(const struct diagnostics *diagnostics, struct error *err)
{
	uint32_t more = diagnostics->count + diagnostics->dropped - 1;
	char line[640];

	if (diagnostics->count == 0)
		return error_exit(err, EXIT_POLICY_INVALID);
	format_item(line, sizeof(line), diagnostics, &diagnostics->items[0]);
	error_say(err, -EINVAL, "%s", line);
	if (more > 0)
		error_next(err, "mend it and %u more; `bailiff policy lint %s` lists all", more,
			   diagnostics->file);
	else
		error_next(err, "mend it, then `bailiff policy lint %s`", diagnostics->file);
	error_exit(err, EXIT_POLICY_INVALID);
	return -EINVAL;
}

struct policy *policy_new(void)
{
	struct policy *policy = calloc(1, sizeof(struct policy));

	if (policy)
		settings_start(policy);
	return policy;
}

struct policy *policy_free(struct policy *policy)
{
	free(policy);
	return NULL;
}

/* What a document that says nothing means: the narrowest that can run at all. */
static void set_defaults(struct policy *policy)
{
	*policy = (struct policy){
		.version = "0",
		.mode = MODE_ENFORCE,
		.on_supervisor_loss = LOSS_KILL,
		.on_loss = LOSS_FREEZE,
		.heartbeat = { .mode = HEARTBEAT_OFF, .ttl_ns = 60000000000U,
			       .grace_start_ns = 30000000000U, .max_extend_ns = 900000000000U },
		.limits = { .pids = 512 },
		.prefer = (1U << FEATURE_LANDLOCK) | (1U << FEATURE_BPF_LSM),
		.workspace_mode = WORKSPACE_READONLY,
		.network_mode = NETWORK_NONE,
		.responses = {
			[SEVERITY_LOW] = { .bits = RESPONSE_WARN },
			[SEVERITY_MEDIUM] = { .bits = RESPONSE_WARN, .revoke_at = 2 },
			[SEVERITY_HIGH] = { .bits = RESPONSE_REVOKE },
			[SEVERITY_CRITICAL] = { .bits = RESPONSE_REVOKE | RESPONSE_ALERT },
		},
	};
	settings_start(policy);
	IGNORE(policy_keep(policy, slice_of("${cwd}"), &policy->workspace_path));
}

static bool has_key(const struct reader *reader, const struct yaml_node *root, const char *name)
{
	for (uint32_t at = root->first; at != YAML_NONE;) {
		const struct yaml_node *key = yaml_node(reader->yaml, at);

		if (slice_is(yaml_text(reader->yaml, key), name))
			return true;
		at = yaml_node(reader->yaml, key->next)->next;
	}
	return false;
}

/* Only a relay knows names; elsewhere addresses are all there is. */
static void check_names(struct reader *reader, const struct yaml_node *root,
			const struct policy_list *list, const char *key)
{
	struct net_rule rules[NET_ENTRY_RULES_MAX];

	for (uint32_t i = 0; reader->policy->network_mode == NETWORK_HOST && i < list->count; i++) {
		const char *text = policy_text(reader->policy, list->items[i]);

		if (net_entry_parse(slice_of(text), NET_ALLOW, NET_CONNECT, rules) < 0)
			reader_fail(reader, root, "network.%s: \"%s\" is a name, which needs `mode: allowlist`; "
				    "write an address", key, text);
	}
}

void policy_settle(struct policy *policy)
{
	policy->require |= REQUIRED_ALWAYS;
	if (policy->network_mode != NETWORK_NONE)
		policy->require |= 1U << FEATURE_BPF_CONNECT;
	policy->prefer &= ~policy->require;
}

void check_whole(struct reader *reader, const struct yaml_node *root)
{
	struct policy *policy = reader->policy;

	if (policy->network_mode == NETWORK_NONE && policy->net_allow.count + policy->net_bind.count > 0)
		reader_fail(reader, root, "network.allow and network.bind have no effect with `mode: none`; "
			    "leave them out or write `mode: host`");
	check_names(reader, root, &policy->net_allow, "allow");
	check_names(reader, root, &policy->net_deny, "deny");
	if (policy->net_expose.count > 0 && policy->network_mode != NETWORK_ALLOWLIST)
		reader_fail(reader, root, "network.expose needs `mode: allowlist`, whose `allow` may be empty; with "
			    "`mode: host` the host reaches the run's ports anyway");
	if (policy->net_expose.count > POLICY_EXPOSE_MAX)
		reader_fail(reader, root, "network.expose has more than %u ports", POLICY_EXPOSE_MAX);
	if (reader->diagnostics->count == 0)
		govern_finish(reader, root);
	policy_settle(policy);
}

static int by_place(const void *a, const void *b)
{
	const struct diagnostic *left = a, *right = b;

	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return (left->column > right->column) - (left->column < right->column);
}

void diagnostics_sort(struct diagnostics *diagnostics)
{
	qsort(diagnostics->items, diagnostics->count, sizeof(diagnostics->items[0]), by_place);
}

static void check_base(struct reader *reader, const struct yaml_node *root)
{
	if (!has_key(reader, root, "schema"))
		reader_fail(reader, root, "\"schema: 1\" is missing");
	if (!has_key(reader, root, "name"))
		reader_fail(reader, root, "\"name\" is missing");
	if (reader->base && reader->base[0] && !has_key(reader, root, "extends"))
		reader_fail(reader, root, "a line looks like `extends: %s`, but is none: indent it", reader->base);
}

enum document { DOCUMENT_PACK, DOCUMENT_BASE, DOCUMENT_LAST };

static void read_document(struct reader *reader, enum document kind)
{
	const struct yaml_node *root = yaml_node(reader->yaml, 0);
	struct policy *policy = reader->policy;
	bool mapping = root->kind == YAML_MAPPING;

	if (kind != DOCUMENT_PACK) {
		/* What a base is called is not what this one is called. */
		IGNORE(text_copy(policy->version, sizeof(policy->version), slice_of("0")));
		policy->description[0] = '\0';
	}
	read_mapping(reader, kind == DOCUMENT_PACK ? pack_keys : policy_keys, root, policy);
	if (mapping && kind != DOCUMENT_PACK)
		check_base(reader, root);
	if (mapping && reader->diagnostics->count == 0)
		govern_finish_document(reader);
	if (mapping && kind == DOCUMENT_LAST)
		check_whole(reader, root);
}

/* One document onto what the policy already says. */
static int compile_layer(struct reader *reader, enum document kind)
{
	cleanup_with(yaml_finish) struct yaml yaml = { 0 };
	auto_free struct naming *naming = calloc(1, sizeof(*naming));

	if (!naming) {
		diagnostics_add(reader->diagnostics, 0, 0, "no memory to read this document");
		return -EINVAL;
	}
	reader->naming = naming;
	reader->yaml = &yaml;
	if (yaml_parse(reader->document, &yaml, reader->diagnostics) == 0)
		read_document(reader, kind);
	return reader->diagnostics->count > 0 ? -EINVAL : 0;
}

static int compile_packs(const struct reader *layer)
{
	const struct policy_source *source = layer->source;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < source->pack_count; i++) {
		const struct policy_pack *pack = &source->packs[i];
		struct reader reader = *layer;

		if (pack->of != layer->layer)
			continue;
		reader.document = pack->bytes.data ? buf_slice(&pack->bytes) : slice_of("");
		reader.layer = POLICY_PACK_LAYER + i;
		reader.diagnostics->file = pack->path;
		reader.diagnostics->layer = reader.layer;
		r = compile_layer(&reader, DOCUMENT_PACK);
	}
	return r;
}

int policy_compile_source(const struct policy_source *source, struct policy *ret_policy,
			  struct policy_notes *notes, struct diagnostics *ret_diagnostics)
{
	int r = 0;

	set_defaults(ret_policy);
	*ret_diagnostics = (struct diagnostics){ .file = source->layers[0].path };
	for (uint32_t i = source->count; r == 0 && i > 0; i--) {
		const struct policy_layer *layer = &source->layers[i - 1];
		struct reader reader = {
			.policy = ret_policy, .diagnostics = ret_diagnostics, .base = layer->extends,
			.document = layer->bytes.data ? buf_slice(&layer->bytes) : slice_of(""),
			.layer = i - 1, .extending = i < source->count, .notes = notes, .source = source,
		};

		r = compile_packs(&reader);
		if (r < 0)
			break;
		ret_diagnostics->file = layer->path;
		ret_diagnostics->layer = i - 1;
		r = compile_layer(&reader, i == 1 ? DOCUMENT_LAST : DOCUMENT_BASE);
	}
	diagnostics_sort(ret_diagnostics);
	return r;
}

int policy_compile(const char *name, const char *bytes, size_t len, struct policy *ret_policy,
		   struct diagnostics *ret_diagnostics)
{
	auto_free struct policy_source *source = calloc(1, sizeof(*source));
	int r;

	*ret_diagnostics = (struct diagnostics){ .file = name };
	if (!source) {
		diagnostics_add(ret_diagnostics, 0, 0, "no memory to read this document");
		return -EINVAL;
	}
	source->count = 1;
	/* Borrowed: nothing here writes to it or frees it. */
	source->layers[0].bytes = buf_fixed((char *)(uintptr_t)bytes, len);
	source->layers[0].bytes.len = len;
	r = policy_compile_source(source, ret_policy, NULL, ret_diagnostics);
	ret_diagnostics->file = name;
	return r;
}
