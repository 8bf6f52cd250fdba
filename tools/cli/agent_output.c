/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff agent output` and `artifact`. An output is stored as canonical JSON; its short checksum is that of the
 * older tools: SHA-256 over sorted keys, ", " and ": ", non-ASCII as \uXXXX, the first 12 hex digits. */
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"

#define OUTPUT_MAX (1U << 20)
#define CHECKSUM_LEN 12U

/* jansson has the form but for the separators: with JSON_INDENT 0 and no JSON_COMPACT they are ", " and ": ". */
static int dump(const json_t *value, size_t flags, struct buf *buf)
{
	auto_free char *text = json_dumps(value, flags | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	return text ? buf_append(buf, text, strlen(text)) : -EINVAL;
}

/* Hex digits of \uXXXX are lower-case in the older tools, upper-case here. */
static void lower_escapes(struct buf *buf)
{
	for (size_t i = 0; i + 1 < buf->len; i++) {
		if (buf->data[i] != '\\')
			continue;
		for (size_t at = i + 2; buf->data[i + 1] == 'u' && at < MIN(i + 6, buf->len); at++)
			if (buf->data[at] >= 'A' && buf->data[at] <= 'F')
				buf->data[at] = (char)(buf->data[at] - 'A' + 'a');
		i++;
	}
}

int agent_output_checksum(const json_t *value, char ret_checksum[13])
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(8 * OUTPUT_MAX);
	char hex[2 * SHA256_BYTES + 1];
	uint8_t digest[SHA256_BYTES];
	int r = dump(value, JSON_ENSURE_ASCII, &buf);

	if (r < 0)
		return r;
	lower_escapes(&buf);
	sha256_of(buf_slice(&buf), digest);
	text_hex(hex, digest, sizeof(digest));
	memcpy(ret_checksum, hex, CHECKSUM_LEN);
	ret_checksum[CHECKSUM_LEN] = '\0';
	return 0;
}

struct output_args {
	bool json;
	const char *maturity, *name;
};
#define AT(member) offsetof(struct output_args, member)

static const char *const maturities[] = { "draft", "refined", "final", "alpha", "beta", "gamma", NULL };

static int canonical_memfd(const json_t *value, int *ret_fd)
{
	cleanup_with(buf_finish) struct buf buf = buf_growing(OUTPUT_MAX);
	int r = dump(value, JSON_COMPACT, &buf);

	return r < 0 ? r : io_sealed_memfd("output", buf.data, buf.len, ret_fd);
}

static int hand_over(const json_t *value, const struct output_args *args)
{
	struct agent_call call = agent_call_of(AGENT_OUTPUT);
	auto_close int fd = FD_NONE;
	char checksum[CHECKSUM_LEN + 1], hex[65];
	struct agent_answer answer;
	struct error err = { 0 };

	call.request.number = MATURITY_FINAL; /* as high as the phase allows */
	for (uint32_t i = 0; args->maturity && maturities[i]; i++)
		if (strcmp(args->maturity, maturities[i]) == 0)
			call.request.number = i % MATURITY_COUNT;
	if (agent_call_text(&call, slice_of(args->name ? args->name : "output")) < 0 ||
	    agent_output_checksum(value, checksum) < 0 || canonical_memfd(value, &fd) < 0)
		return cli_usage("agent output", "the document is too large, or its name too long");
	call.fd = fd;
	if (agent_ask(&call, 10000, &answer, &err) < 0)
		return cli_fail(&err);
	text_hex(hex, answer.digest, sizeof(answer.digest));
	if (!args->json && answer.outcome == AGENT_DONE)
		printf("%s %s\n", checksum, maturities[answer.number % MATURITY_COUNT]);
	return agent_report(&answer, args->json, !args->json ? NULL :
			    json_pack("{s:s, s:s+, s:s}", "checksum", checksum, "digest", "sha256:", hex, "maturity",
				      maturities[answer.number % MATURITY_COUNT]));
}

int agent_output(int argc, char **argv)
{
	static const struct option_row rows[] = {
		{ 0, "maturity", OPTION_WORD, AT(maturity), "draft|refined|final", "at most; else what the phase allows",
		  maturities },
		{ 0, "name", OPTION_TEXT, AT(name), "NAME", "of the output, else `output`", NULL },
		{ 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object", NULL },
	};
	static const struct option_set set = {
		.verb = "agent output", .usage = "[--maturity M] [--name NAME] FILE",
		.summary = "Hands over a JSON document (- is stdin, at most 1 MiB). Prints its checksum and maturity; a maturity\n"
			   "above that of the phase is lowered.",
		.rows = rows, .count = COUNT(rows),
	};
	struct output_args args = { 0 };
	auto_free char *bytes = NULL;
	struct option_words words;
	struct error err = { 0 };
	json_error_t at;
	json_t *value;
	size_t len;
	int r = options_take(&set, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != 1)
		return cli_usage("agent output", "one file is expected");
	if (agent_read_file(words.words[0], OUTPUT_MAX, &bytes, &len, &err) < 0)
		return cli_fail(&err);
	value = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
	if (!value)
		return cli_usage("agent output", "line %d, column %d: %s", at.line, at.column, at.text);
	r = hand_over(value, &args);
	json_decref(value);
	return r;
}

int agent_artifact(int argc, char **argv)
{
	static const struct option_row rows[] = { { 0, "json", OPTION_FLAG, AT(json), NULL, "one JSON object for each", NULL } };
	static const struct option_set set = {
		.verb = "agent artifact", .usage = "PATH... [--json]",
		.summary = "Registers files of the workspace as results of the work. They are hashed outside the sandbox.",
		.rows = rows, .count = COUNT(rows),
	};
	struct output_args args = { 0 };
	struct option_words words;
	int worst = 0, r = options_take(&set, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count < 1)
		return cli_usage("agent artifact", "a path is missing");
	for (int i = 0; i < words.count; i++) {
		struct agent_call call = agent_call_of(AGENT_ARTIFACT);
		struct agent_answer answer;
		struct error err = { 0 };
		char hex[65];

		if (agent_call_text(&call, slice_of(words.words[i])) < 0)
			return cli_usage("agent artifact", "'%.64s...' is too long", words.words[i]);
		if (agent_ask(&call, 10000, &answer, &err) < 0)
			return cli_fail(&err);
		text_hex(hex, answer.digest, sizeof(answer.digest));
		if (!args.json && answer.outcome == AGENT_DONE)
			printf("sha256:%s  %s\n", hex, words.words[i]);
		r = agent_report(&answer, args.json, !args.json || answer.outcome != AGENT_DONE ? NULL :
				 json_pack("{s:s, s:s+, s:I}", "path", words.words[i], "digest", "sha256:", hex, "size",
					   (json_int_t)answer.value));
		worst = MAX(worst, r);
	}
	return worst;
}
