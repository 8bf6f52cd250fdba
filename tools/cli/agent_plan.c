/* SPDX-License-Identifier: Apache-2.0 */
/* A plan: JSON, parsed here without privilege, becomes fixed structs in a sealed memfd. Unknown keys, wrong types and
 * what does not fit are refused with their place. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"

#define PLAN_FILE_MAX (1U << 20)
#define WAIT_NS 86400000000000LL

struct writer {
	struct agent_plan head;
	struct agent_step steps[AGENT_PLAN_STEPS_MAX];
	struct buf strings;
	struct error *err;
};

static int bad(struct writer *writer, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int bad(struct writer *writer, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	IGNORE(vsnprintf(text, sizeof(text), fmt, args) < 0);
	va_end(args);
	error_say(writer->err, -EINVAL, "%s", text);
	error_next(writer->err, "`man bailiff-agent` shows a plan");
	return error_exit(writer->err, CLI_USAGE), -EINVAL;
}

static int known_keys(struct writer *writer, json_t *object, const char *where, const char *const *keys)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		size_t i = 0;

		while (keys[i] && strcmp(keys[i], key) != 0)
			i++;
		if (!keys[i])
			return bad(writer, "%s: \"%s\" is not known here", where, key);
	}
	return 0;
}

/* Offsets are from the start of the strings until they are placed. */
static int add_text(struct writer *writer, json_t *value, const char *where, struct agent_text *ret)
{
	if (!json_is_string(value))
		return bad(writer, "%s: a text is expected", where);
	if (json_string_length(value) > AGENT_TEXT_MAX)
		return bad(writer, "%s: a text has at most %u bytes", where, AGENT_TEXT_MAX);
	ret->offset = (uint32_t)writer->strings.len;
	ret->len = (uint32_t)json_string_length(value);
	if (buf_append(&writer->strings, json_string_value(value), ret->len) < 0)
		return bad(writer, "the plan has more than %u bytes", AGENT_PLAN_BYTES_MAX);
	return 0;
}

static int add_list(struct writer *writer, json_t *list, const char *where, struct agent_text *to, size_t max,
		    uint32_t *ret_count)
{
	size_t i;
	json_t *item;

	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > max)
		return bad(writer, "%s: a list of at most %zu texts is expected", where, max);
	json_array_foreach(list, i, item) {
		int r = add_text(writer, item, where, &to[i]);

		if (r < 0)
			return r;
	}
	*ret_count = (uint32_t)json_array_size(list);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int digest_read(const char *text, uint8_t ret[32])
{
	static const char start[] = "sha256:";

	if (strncmp(text, start, sizeof(start) - 1) != 0 || strlen(text) != sizeof(start) - 1 + 64)
		return -EINVAL;
	text += sizeof(start) - 1;
	for (size_t i = 0; i < 32; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static int add_inputs(struct writer *writer, json_t *inputs, const char *where, struct agent_step *step)
{
	const char *path;
	json_t *digest;

	if (!inputs)
		return 0;
	if (!json_is_object(inputs) || json_object_size(inputs) > AGENT_PLAN_INPUTS_MAX)
		return bad(writer, "%s: inputs are at most %u paths with digests", where, AGENT_PLAN_INPUTS_MAX);
	json_object_foreach(inputs, path, digest) {
		struct agent_input *input = &step->inputs[step->input_count];
		json_t *name = json_string(path);
		int r = name ? add_text(writer, name, where, &input->path) : -ENOMEM;

		json_decref(name);
		if (r < 0)
			return r;
		if (!json_is_string(digest) || digest_read(json_string_value(digest), input->digest) < 0)
			return bad(writer, "%s: the digest of %s is not sha256:<64 hex>", where, path);
		step->input_count++;
	}
	return 0;
}

static int add_step(struct writer *writer, json_t *object, uint32_t index)
{
	static const char *const keys[] = { "n", "capability", "argv", "inputs", "compensation", NULL };
	struct agent_step *step = &writer->steps[index];
	char where[32];
	int r;

	IGNORE(snprintf(where, sizeof(where), "steps[%u]", index) < 0);
	if (!json_is_object(object))
		return bad(writer, "%s: an object is expected", where);
	r = known_keys(writer, object, where, keys);
	if (r == 0 && json_integer_value(json_object_get(object, "n")) != (json_int_t)index + 1)
		r = bad(writer, "%s: n must be %u: steps are numbered from 1 in their order", where, index + 1);
	step->number = index + 1;
	if (r == 0)
		r = add_text(writer, json_object_get(object, "capability"), where, &step->capability);
	if (r == 0)
		r = add_list(writer, json_object_get(object, "argv"), where, step->words, AGENT_PLAN_WORDS_MAX,
			     &step->word_count);
	if (r == 0 && step->word_count == 0)
		r = bad(writer, "%s: argv is empty", where);
	if (r == 0)
		r = add_list(writer, json_object_get(object, "compensation"), where, step->way_back,
			     AGENT_PLAN_WORDS_MAX, &step->way_back_count);
	return r < 0 ? r : add_inputs(writer, json_object_get(object, "inputs"), where, step);
}

static int add_steps(struct writer *writer, json_t *steps)
{
	size_t i;
	json_t *step;
	int r = 0;

	if (!json_is_array(steps) || json_array_size(steps) == 0 || json_array_size(steps) > AGENT_PLAN_STEPS_MAX)
		return bad(writer, "steps: a list of 1 to %u steps is expected", AGENT_PLAN_STEPS_MAX);
	json_array_foreach(steps, i, step) {
		r = add_step(writer, step, (uint32_t)i);
		if (r < 0)
			return r;
	}
	writer->head.step_count = (uint32_t)json_array_size(steps);
	return 0;
}

static int add_head(struct writer *writer, json_t *root)
{
	struct agent_plan *head = &writer->head;
	json_t *id = json_object_get(root, "plan_id"), *confidence = json_object_get(root, "confidence");
	json_t *created = json_object_get(root, "created_at");
	int r;

	if (json_integer_value(json_object_get(root, "schema")) != 1)
		return bad(writer, "schema: 1 is expected");
	if (id && (!json_is_string(id) || ulid_parse(slice_of(json_string_value(id)), &head->id) < 0))
		return bad(writer, "plan_id: a ULID is expected");
	if (!id && ulid_new(&head->id) < 0)
		return bad(writer, "plan_id: none could be made");
	head->confidence = -1;
	if (confidence && (!json_is_number(confidence) || json_number_value(confidence) < 0 ||
			   json_number_value(confidence) > 1))
		return bad(writer, "confidence: a number from 0 to 1 is expected");
	if (confidence)
		head->confidence = (int64_t)(json_number_value(confidence) * AGENT_MILLIONTHS + 0.5);
	r = add_text(writer, json_object_get(root, "objective"), "objective", &head->objective);
	if (r == 0 && head->objective.len == 0)
		r = bad(writer, "objective: it is empty");
	if (r == 0 && created)
		r = add_text(writer, created, "created_at", &head->created);
	if (r == 0)
		r = add_list(writer, json_object_get(root, "writes"), "writes", head->writes, AGENT_PLAN_LISTS_MAX,
			     &head->write_count);
	if (r == 0)
		r = add_list(writer, json_object_get(root, "network"), "network", head->nets, AGENT_PLAN_LISTS_MAX,
			     &head->net_count);
	return r < 0 ? r : add_list(writer, json_object_get(root, "artifacts"), "artifacts", head->artifacts,
				    AGENT_PLAN_LISTS_MAX, &head->artifact_count);
}

static void place(struct agent_text *texts, size_t count, size_t by)
{
	for (size_t i = 0; i < count; i++)
		texts[i].offset += (uint32_t)by;
}

/* The strings come behind the steps. */
static int write_all(struct writer *writer, int *ret_fd)
{
	struct agent_plan *head = &writer->head;
	cleanup_with(buf_finish) struct buf out = buf_growing(AGENT_PLAN_BYTES_MAX + AGENT_PLAN_BYTES_MAX);
	size_t by = sizeof(*head) + head->step_count * sizeof(writer->steps[0]);
	int r;

	head->version = AGENT_VERSION;
	head->bytes = (uint32_t)(by + writer->strings.len);
	if (head->bytes > AGENT_PLAN_BYTES_MAX)
		return bad(writer, "the plan is too large: fewer steps, or shorter texts");
	place(&head->objective, 1, by);
	place(&head->created, 1, by);
	place(head->writes, head->write_count, by);
	place(head->nets, head->net_count, by);
	place(head->artifacts, head->artifact_count, by);
	for (uint32_t i = 0; i < head->step_count; i++) {
		struct agent_step *step = &writer->steps[i];

		place(&step->capability, 1, by);
		place(step->words, step->word_count, by);
		place(step->way_back, step->way_back_count, by);
		for (uint32_t input = 0; input < step->input_count; input++)
			place(&step->inputs[input].path, 1, by);
	}
	IGNORE(buf_append(&out, head, sizeof(*head)) < 0 ||
	       buf_append(&out, writer->steps, head->step_count * sizeof(writer->steps[0])) < 0 ||
	       buf_append(&out, writer->strings.data, writer->strings.len) < 0); /* looked at below */
	r = out.failed ? -ENOMEM : io_sealed_memfd("plan", out.data, out.len, ret_fd);
	return r < 0 ? error_set(writer->err, r, "hand over the plan") : 0;
}

int agent_plan_memfd(const char *json, size_t len, int *ret_fd, struct error *err)
{
	static const char *const keys[] = { "schema", "plan_id", "objective", "created_at", "steps", "writes", "network",
					    "confidence", "artifacts", NULL };
	auto_free struct writer *writer = calloc(1, sizeof(*writer));
	json_error_t at;
	json_t *root;
	int r;

	if (!writer)
		return error_set(err, -ENOMEM, "read the plan");
	writer->err = err;
	writer->strings = buf_growing(AGENT_PLAN_BYTES_MAX);
	root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &at);
	if (!root)
		r = bad(writer, "line %d, column %d: %s", at.line, at.column, at.text);
	else if (!json_is_object(root))
		r = bad(writer, "a plan is an object");
	else
		r = known_keys(writer, root, "plan", keys);
	if (r == 0)
		r = add_head(writer, root);
	if (r == 0)
		r = add_steps(writer, json_object_get(root, "steps"));
	if (r == 0)
		r = write_all(writer, ret_fd);
	json_decref(root);
	buf_finish(&writer->strings);
	return r;
}

/* ---- the verb ---- */

struct plan_args {
	bool wait, json;
	uint64_t timeout_ns;
};
#define AT(member) offsetof(struct plan_args, member)

static const char *const states[] = { "NONE", "DRAFT", "SUBMITTED", "APPROVED", "ACTIVE", "COMPLETED", "REJECTED",
				      "EXPIRED", "ABORTED" };

static json_t *plan_json(const struct agent_answer *answer)
{
	char hex[65];

	text_hex(hex, answer->digest, sizeof(answer->digest));
	return json_pack("{s:s, s:s+}", "plan", answer->number < COUNT(states) ? states[answer->number] : "?",
			 "digest", "sha256:", hex);
}

static int report(const struct agent_answer *answer, bool json)
{
	if (!json)
		printf("plan: %s\n", answer->number < COUNT(states) ? states[answer->number] : "?");
	return agent_report(answer, json, json ? plan_json(answer) : NULL);
}

static int state(const struct plan_args *args)
{
	struct agent_call call = agent_call_of(AGENT_PLAN_STATE);
	struct agent_answer answer;
	struct error err = { 0 };

	if (args->wait) {
		call.request.flags = AGENT_WAIT;
		call.request.value = args->timeout_ns ? (int64_t)MIN(args->timeout_ns, (uint64_t)INT64_MAX) : WAIT_NS;
	}
	if (agent_ask(&call, args->wait ? -1 : 10000, &answer, &err) < 0)
		return cli_fail(&err);
	return report(&answer, args->json);
}

static int submit(const char *path, const struct plan_args *args)
{
	struct agent_call call = agent_call_of(AGENT_PLAN);
	auto_free char *bytes = NULL;
	auto_close int fd = FD_NONE;
	struct agent_answer answer;
	struct error err = { 0 };
	size_t len;

	if (agent_read_file(path, PLAN_FILE_MAX, &bytes, &len, &err) < 0 ||
	    agent_plan_memfd(bytes, len, &fd, &err) < 0)
		return cli_fail(&err);
	call.fd = fd;
	if (agent_ask(&call, 10000, &answer, &err) < 0)
		return cli_fail(&err);
	if (args->wait && answer.outcome == AGENT_NEEDS_APPROVAL)
		return state(args);
	return report(&answer, args->json);
}

int agent_plan(int argc, char **argv)
{
	static const struct option_row rows[] = {
		{ 0, "wait", OPTION_FLAG, AT(wait), NULL, "until it is decided", NULL },
		{ 0, "timeout", OPTION_DURATION, AT(timeout_ns), "15m", "to wait at most, else 24h", NULL },
		{ 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object", NULL },
	};
	static const struct option_set set = {
		.verb = "agent plan", .usage = "submit FILE [--wait] | state [--wait]",
		.summary = "Submits a plan (JSON; - is stdin), or asks what became of it. Exit codes: 0 approved, 10 people are\n"
			   "asked, 11 rejected, 12 waited in vain.",
		.rows = rows, .count = COUNT(rows),
	};
	struct plan_args args = { 0 };
	struct option_words words;
	int r = options_take(&set, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count == 2 && strcmp(words.words[0], "submit") == 0)
		return submit(words.words[1], &args);
	if (words.count == 1 && strcmp(words.words[0], "state") == 0)
		return state(&args);
	return cli_usage("agent plan", "expected: %s", set.usage);
}
