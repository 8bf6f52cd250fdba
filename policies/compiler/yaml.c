/* SPDX-License-Identifier: Apache-2.0 */
/* Events of libfyaml's parser become a flat array of nodes. Working on events rather than on
 * libfyaml's documents means that aliases are seen and refused before anything is resolved. */
#include "compiler/yaml.h"

#include <errno.h>
#include <libfyaml.h>

#include "base/text.h"

#define YAML_TEXT_MAX (2U * POLICY_BYTES_MAX)

struct builder {
	struct yaml *yaml;
	struct diagnostics *diagnostics;
	uint32_t open[POLICY_LEVELS_MAX];    /* containers from the root down */
	uint32_t last[POLICY_LEVELS_MAX];    /* last child of each */
	uint32_t depth;
	uint32_t documents;
	bool stop;
};

void yaml_finish(struct yaml *yaml)
{
	buf_finish(&yaml->nodes);
	buf_finish(&yaml->text);
}

static struct yaml_node *node_at(struct yaml *yaml, uint32_t index)
{
	return &((struct yaml_node *)(void *)yaml->nodes.data)[index];
}

static bool in_words(struct slice text, const char *const *words)
{
	for (; *words; words++)
		if (slice_is(text, *words))
			return true;
	return false;
}

static bool is_number(struct slice text)
{
	size_t digits = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c >= '0' && c <= '9')
			digits++;
		else if (c != '.' && !(i == 0 && (c == '-' || c == '+')) &&
			 !(digits > 0 && (c == 'e' || c == 'E')))
			return false;
	}
	return digits > 0;
}

const char *yaml_scalar_type(struct slice text, bool plain)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const booleans[] = { "true", "True", "TRUE", "false", "False", "FALSE", NULL };

	if (!plain)
		return "text";
	if (in_words(text, nulls))
		return "null";
	if (in_words(text, booleans))
		return "boolean";
	return is_number(text) ? "number" : "text";
}

/* Where an event is written. libfyaml's marks stand behind an opening quote and behind a star. */
static void place_of(struct fy_event *event, uint32_t *ret_line, uint32_t *ret_column)
{
	const struct fy_mark *mark = fy_event_start_mark(event);
	bool behind = event->type == FYET_ALIAS;

	if (event->type == FYET_SCALAR && event->scalar.value) {
		enum fy_scalar_style style = fy_token_scalar_style(event->scalar.value);

		behind = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
	}
	*ret_line = mark ? (uint32_t)mark->line + 1 : 0;
	*ret_column = mark ? (uint32_t)mark->column + (behind && mark->column > 0 ? 0 : 1) : 0;
}

static void fail_at(struct builder *builder, struct fy_event *event, const char *what)
{
	uint32_t line, column;

	builder->stop = true;
	place_of(event, &line, &column);
	diagnostics_add(builder->diagnostics, line, column, "%s", what);
}

/* Appends a node below the container that is open. Returns its index, or YAML_NONE after an error;
 * the root's index is YAML_NONE, too, and needs no link. */
static uint32_t add_node(struct builder *builder, struct fy_event *event, enum yaml_kind kind)
{
	uint32_t index = (uint32_t)(builder->yaml->nodes.len / sizeof(struct yaml_node));
	struct yaml_node *node;

	if (index >= YAML_NODES_MAX || !buf_reserve(&builder->yaml->nodes, sizeof(*node))) {
		fail_at(builder, event, "this document has too many values");
		return YAML_NONE;
	}
	node = node_at(builder->yaml, index);
	node->kind = kind;
	place_of(event, &node->line, &node->column);
	if (builder->depth > 0) {
		uint32_t level = builder->depth - 1;
		uint32_t last = builder->last[level];

		if (last == YAML_NONE)
			node_at(builder->yaml, builder->open[level])->first = index;
		else
			node_at(builder->yaml, last)->next = index;
		builder->last[level] = index;
	}
	return index;
}

static void open_container(struct builder *builder, struct fy_event *event, enum yaml_kind kind)
{
	uint32_t index;

	if (builder->depth == POLICY_LEVELS_MAX) {
		fail_at(builder, event, "nested more than 16 levels deep");
		return;
	}
	index = add_node(builder, event, kind);
	if (builder->stop)
		return;
	builder->open[builder->depth] = index;
	builder->last[builder->depth] = YAML_NONE;
	builder->depth++;
}

static void add_scalar(struct builder *builder, struct fy_event *event)
{
	struct fy_token *token = event->scalar.value;
	size_t len = 0;
	const char *text = token ? fy_token_get_text(token, &len) : "";
	bool plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
	uint32_t index = add_node(builder, event, YAML_SCALAR);
	uint32_t offset = (uint32_t)builder->yaml->text.len;
	struct slice bytes = slice_new(text, text ? len : 0);
	struct yaml_node *node;

	if (builder->stop)
		return;
	if (buf_append(&builder->yaml->text, bytes.data, bytes.len) < 0) {
		fail_at(builder, event, "this document is too large");
		return;
	}
	node = node_at(builder->yaml, index);
	node->plain = plain;
	node->text_offset = offset;
	node->text_len = (uint32_t)bytes.len;
	if (strcmp(yaml_scalar_type(bytes, plain), "null") == 0)
		node->kind = YAML_NULL;
}

/* Anchors, tags and aliases make one text mean another; none is needed in a policy. */
static bool refuse_indirection(struct builder *builder, struct fy_event *event, struct fy_token *anchor,
			       struct fy_token *tag)
{
	if (anchor)
		fail_at(builder, event, "anchors (&name) are not allowed; write the value out");
	else if (tag)
		fail_at(builder, event, "tags (!name) are not allowed; quote the value if it is text");
	return anchor || tag;
}

static void take_event(struct builder *builder, struct fy_event *event)
{
	switch (event->type) {
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		return;
	case FYET_DOCUMENT_START:
		if (++builder->documents > 1)
			fail_at(builder, event, "a second document begins here; a policy is one document");
		return;
	case FYET_ALIAS:
		fail_at(builder, event, "aliases (*name) are not allowed; write the value out, "
			"or quote a word that starts with *");
		return;
	case FYET_MAPPING_START:
		if (!refuse_indirection(builder, event, event->mapping_start.anchor,
					event->mapping_start.tag))
			open_container(builder, event, YAML_MAPPING);
		return;
	case FYET_SEQUENCE_START:
		if (!refuse_indirection(builder, event, event->sequence_start.anchor,
					event->sequence_start.tag))
			open_container(builder, event, YAML_SEQUENCE);
		return;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		if (builder->depth > 0)
			builder->depth--;
		return;
	case FYET_SCALAR:
		if (!refuse_indirection(builder, event, event->scalar.anchor, event->scalar.tag))
			add_scalar(builder, event);
		return;
	}
}

/* Hands libfyaml's own syntax errors on. */
static void take_syntax_errors(struct fy_diag *diag, struct diagnostics *diagnostics)
{
	struct fy_diag_error *error;
	void *at = NULL;
	bool any = false;

	while ((error = fy_diag_errors_iterate(diag, &at))) {
		char shown[200];

		text_escape(shown, sizeof(shown), slice_of(error->msg ? error->msg : "not YAML"));
		diagnostics_add(diagnostics, error->line > 0 ? (uint32_t)error->line : 1,
				error->column > 0 ? (uint32_t)error->column : 1, "%s", shown);
		any = true;
	}
	if (!any)
		diagnostics_add(diagnostics, 0, 0, "this is not a YAML document");
}

static void parse_events(struct builder *builder, struct fy_parser *parser, struct fy_diag *diag)
{
	bool ended = false;

	while (!builder->stop && !ended) {
		struct fy_event *event = fy_parser_parse(parser);

		if (!event)
			break;
		ended = event->type == FYET_STREAM_END;
		take_event(builder, event);
		fy_parser_event_free(parser, event);
	}
	if (!builder->stop && (!ended || fy_diag_got_error(diag)))
		take_syntax_errors(diag, builder->diagnostics);
	else if (!builder->stop && builder->yaml->nodes.len == 0)
		diagnostics_add(builder->diagnostics, 0, 0, "this document is empty");
}

static int parse_bytes(struct slice bytes, struct builder *builder)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 |
					     FYPCF_JSON_NONE };
	struct fy_parser *parser;

	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.colorize = false;
	cfg.diag = fy_diag_create(&diag_cfg);
	if (!cfg.diag)
		return -ENOMEM;
	fy_diag_set_collect_errors(cfg.diag, true);
	parser = fy_parser_create(&cfg);
	if (parser && fy_parser_set_string(parser, bytes.data, bytes.len) == 0)
		parse_events(builder, parser, cfg.diag);
	else
		diagnostics_add(builder->diagnostics, 0, 0, "no memory to read this document");
	fy_parser_destroy(parser);
	fy_diag_destroy(cfg.diag);
	return 0;
}

/* 1-based line of the first byte that is not UTF-8 or is NUL, 0 when there is none. */
static uint32_t bad_byte_line(struct slice text)
{
	uint32_t line = 1, point;

	while (text.len > 0) {
		size_t len = text_utf8_next(text, &point);

		if (len == 0 || point == 0)
			return line;
		line += point == '\n';
		text.data += len;
		text.len -= len;
	}
	return 0;
}

int yaml_parse(struct slice bytes, struct yaml *ret_yaml, struct diagnostics *diagnostics)
{
	struct builder builder = { .yaml = ret_yaml, .diagnostics = diagnostics };
	uint32_t line = bad_byte_line(bytes);

	*ret_yaml = (struct yaml){ .nodes = buf_growing(YAML_NODES_MAX * sizeof(struct yaml_node)),
				   .text = buf_growing(YAML_TEXT_MAX) };
	if (bytes.len > POLICY_BYTES_MAX)
		diagnostics_add(diagnostics, 0, 0, "larger than 1 MiB");
	else if (line > 0)
		diagnostics_add(diagnostics, line, 1, "not UTF-8 text");
	else if (bytes.len == 0)
		diagnostics_add(diagnostics, 0, 0, "this document is empty");
	else if (parse_bytes(bytes, &builder) < 0)
		diagnostics_add(diagnostics, 0, 0, "no memory to read this document");
	return diagnostics->count > 0 ? -EINVAL : 0;
}
