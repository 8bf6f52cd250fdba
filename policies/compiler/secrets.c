/* SPDX-License-Identifier: Apache-2.0 */
/* Where secrets come from. The compiler sees names, paths, variables and commands, never a value. */
#include "base/text.h"
#include "compiler/read.h"

#define COMMAND_TIMEOUT_NS 30000000000U

static const char *keep_word(struct reader *reader, struct policy_secret *secret, struct slice text)
{
	if (secret->word_count == POLICY_SECRET_WORDS_MAX)
		return "this command has too many words";
	if (!policy_keep(reader->policy, text, &secret->words[secret->word_count]))
		return "the lists of this policy are too long together";
	secret->word_count++;
	return NULL;
}

/* Not in the workspace, where the run could read it: from the root or the caller's home. */
static const char *keep_path(struct reader *reader, struct policy_secret *secret, struct slice text)
{
	char memory[POLICY_PATH_MAX + 2];
	struct buf clean = buf_fixed(memory, sizeof(memory));
	const char *wrong;

	if (text.len < 2 || (text.data[0] != '/' && text.data[0] != '~'))
		return "a secret's file and program are named by /x or ~/x";
	wrong = check_path(text, false, &clean);
	return wrong ? wrong : keep_word(reader, secret, buf_slice(&clean));
}

static const char *keep_variable(struct reader *reader, struct policy_secret *secret, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
		      (i > 0 && c >= '0' && c <= '9')))
			return "a variable has letters, digits and _";
	}
	return text.len == 0 ? "a name of a variable belongs here" : keep_word(reader, secret, text);
}

static void fail_word(struct reader *reader, const struct yaml_node *node, const char *wrong)
{
	char shown[SHOWN_MAX];

	if (wrong)
		reader_fail(reader, node, "%s: %s", reader_show(reader, node, shown), wrong);
}

static void read_command(struct reader *reader, const struct yaml_node *node, struct policy_secret *secret)
{
	if (!reader_list(reader, node, "words such as [/usr/bin/pass, show, x]"))
		return;
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *item = yaml_node(reader->yaml, at);
		struct slice text;

		at = item->next;
		if (reader_text(reader, item, &text))
			fail_word(reader, item, secret->word_count == 0 ? keep_path(reader, secret, text) :
									   keep_word(reader, secret, text));
	}
}

void read_secret_source(struct reader *reader, const struct key *key, const struct yaml_node *node,
			struct policy_secret *secret)
{
	struct slice text;

	if (secret->source != SECRET_UNSET) {
		reader_fail(reader, node, "a secret has one source: file, env or command");
		return;
	}
	if (key->type == KEY_SECRET_COMMAND) {
		secret->source = SECRET_COMMAND;
		read_command(reader, node, secret);
		return;
	}
	secret->source = key->type == KEY_SECRET_FILE ? SECRET_FILE : SECRET_ENV;
	if (reader_text(reader, node, &text))
		fail_word(reader, node, secret->source == SECRET_FILE ? keep_path(reader, secret, text) :
									keep_variable(reader, secret, text));
}

/* What holds between the keys of one secret. */
static void check_secret(struct reader *reader, const struct yaml_node *name, struct policy_secret *secret)
{
	struct slice text = yaml_text(reader->yaml, name);
	struct policy *policy = reader->policy;
	char shown[SHOWN_MAX];

	if (secret->source == SECRET_UNSET)
		reader_fail(reader, name, "the secret %s has no source: file, env or command",
			    reader_show(reader, name, shown));
	else if (secret->timeout_ns > 0 && secret->source != SECRET_COMMAND)
		reader_fail(reader, name, "\"timeout\" is for commands");
	else if (!secret_name_ok(text.data, text.len, secret->as))
		reader_fail(reader, name, "%s is not a name of a secret: %s", reader_show(reader, name, shown),
			    secret->as == SECRET_AS_ENV ? "a variable has letters, digits and _, and is none of Bailiff's "
							  "own, PATH or LD_*" :
							  "letters, digits, - _ and ., at most 64");
	else if (secret->source == SECRET_COMMAND && secret->timeout_ns == 0)
		secret->timeout_ns = COMMAND_TIMEOUT_NS;
	/* Where the file lies in a tree that the run sees, the run does not see the file. */
	if (secret->source == SECRET_FILE && secret->word_count == 1 &&
	    policy_add(policy, &policy->deny_read,
		       slice_new(policy_text(policy, secret->words[0]), secret->words[0].len)) < 0)
		reader_fail(reader, name, "\"deny_read\" has no room for the secret's file");
}

static void read_secret(struct reader *reader, const struct yaml_node *name, const struct yaml_node *value)
{
	struct policy *policy = reader->policy;
	struct policy_secret *secret = &policy->secrets[policy->secret_count];
	struct slice text = yaml_text(reader->yaml, name);
	char shown[SHOWN_MAX];

	for (uint32_t i = 0; i < policy->secret_count; i++) {
		if (!slice_is(text, policy_text(policy, policy->secrets[i].name)))
			continue;
		reader_fail(reader, name, "%s stands here twice", reader_show(reader, name, shown));
		return;
	}
	if (policy->secret_count == POLICY_SECRETS_MAX || !policy_keep(policy, text, &secret->name)) {
		reader_fail(reader, name, "too many secrets (at most %u)", POLICY_SECRETS_MAX);
		return;
	}
	policy->secret_count++;
	read_mapping(reader, secret_keys, value, secret);
	if (value->kind == YAML_MAPPING)
		check_secret(reader, name, secret);
}

void read_secrets(struct reader *reader, const struct yaml_node *node)
{
	char shown[SHOWN_MAX];

	if (node->kind != YAML_MAPPING) {
		reader_fail(reader, node, "named secrets belong here, not %s", reader_show(reader, node, shown));
		return;
	}
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *name = yaml_node(reader->yaml, at);
		const struct yaml_node *value = yaml_node(reader->yaml, name->next);
		struct slice text;

		at = value->next;
		if (reader_text(reader, name, &text))
			read_secret(reader, name, value);
	}
}
