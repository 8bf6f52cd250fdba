/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and lists of texts of the tables: each kind of word has its check and its clean form. */
#include "base/parse.h"
#include "base/text.h"
#include "compiler/govern.h"

#define NO_ROOM "the lists of this policy are too long together"

bool govern_keep(struct reader *reader, const struct yaml_node *node, struct slice text, struct policy_string *ret)
{
	if (policy_keep(reader->policy, text, ret))
		return true;
	reader_fail(reader, node, NO_ROOM);
	return false;
}

bool govern_add_word(struct reader *reader, const struct yaml_node *node, struct slice text)
{
	struct govern *govern = &reader->policy->govern;

	if (govern->words_count == GOVERN_WORDS_MAX) {
		reader_fail(reader, node, NO_ROOM);
		return false;
	}
	if (!govern_keep(reader, node, text, &govern->words[govern->words_count]))
		return false;
	govern->words_count++;
	return true;
}

int govern_compare(const struct policy *policy, struct policy_string a, struct policy_string b)
{
	int r = memcmp(policy_text(policy, a), policy_text(policy, b), MIN(a.len, b.len));

	return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

static int by_text(const void *a, const void *b, void *policy)
{
	return govern_compare(policy, *(const struct policy_string *)a, *(const struct policy_string *)b);
}

void govern_sort_words(struct policy *policy, struct govern_list *list)
{
	struct policy_string *words = &policy->govern.words[list->first];
	uint32_t kept = 0;

	qsort_r(words, list->count, sizeof(*words), by_text, policy);
	for (uint32_t i = 0; i < list->count; i++) {
		if (kept == 0 || govern_compare(policy, words[kept - 1], words[i]) != 0)
			words[kept++] = words[i];
	}
	list->count = kept;
}

/* ---- what a word may be ---- */

static bool has_blank(struct slice text)
{
	return memchr(text.data, ' ', text.len) != NULL;
}

static const char *check_option(struct slice text)
{
	if (text.len < 2 || text.data[0] != '-' || slice_is(text, "--"))
		return "an option begins with -";
	if (text.data[1] != '-' && text.len > 2 && text.data[2] == '=')
		return "write the option without its value";
	return memchr(text.data, '=', text.len) || has_blank(text) ? "write the option without its value" : NULL;
}

static const char *check_agent(struct slice text)
{
	return slice_starts(text, slice_of("agent:")) && text.len > 6 ? NULL :
	       "a principal is agent:NAME, with * as a pattern; no one else asks";
}

/* "NAME=pattern" */
static const char *check_variable(struct slice text)
{
	const char *is = text.len ? memchr(text.data, '=', text.len) : NULL;
	size_t len = is ? (size_t)(is - text.data) : 0;

	for (size_t i = 0; i < len; i++) {
		char c = text.data[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9')))
			return "a variable has letters, digits and _";
	}
	return len == 0 || len + 1 == text.len ? "write \"NAME=pattern\", with * for any text" : NULL;
}

static bool is_role(struct slice name)
{
	return slice_is(name, "viewer") || slice_is(name, "operator") || slice_is(name, "admin");
}

static const char *check_user(struct slice text)
{
	return slice_starts(text, slice_of("user:")) && text.len > 5 && !has_blank(text) ? NULL :
	       "a person is user:NAME";
}

static const char *check_approver(struct slice text)
{
	if (slice_starts(text, slice_of("role:")))
		return is_role(slice_new(text.data + 5, text.len - 5)) ? NULL :
		       "a role is role:viewer, role:operator or role:admin";
	return check_user(text) ? "who answers is role:ROLE or user:NAME" : NULL;
}

static const char *check_program(struct slice text)
{
	if (text.len == 0 || has_blank(text) || text.data[0] == '-')
		return "a program is a name or an absolute path";
	return text.data[0] != '/' && memchr(text.data, '/', text.len) ? "a program is a name or an absolute path" : NULL;
}

static const char *check_exe(struct slice text, struct buf *clean)
{
	return text.len > 1 && text.data[0] == '/' ? check_path(text, false, clean) : "a program's path begins with /";
}

/* A path that begins with a name is one of the workspace. */
static const char *check_glob(struct slice text, struct buf *clean)
{
	char memory[POLICY_PATH_MAX];
	struct buf path = buf_fixed(memory, sizeof(memory));

	if (text.len == 0 || text.data[0] == '/' || text.data[0] == '~' || slice_starts(text, slice_of("./")))
		return check_path(text, true, clean);
	IGNORE(buf_text(&path, "./") < 0 || buf_append(&path, text.data, text.len) < 0);
	return path.failed ? "this path is too long" : check_path(buf_slice(&path), true, clean);
}

const char *check_govern_word(enum words_kind kind, struct slice text, struct buf *clean)
{
	const char *wrong = NULL;

	switch (kind) {
	case WORDS_EXE:
		return check_exe(text, clean);
	case WORDS_PATH:
		return check_path(text, false, clean);
	case WORDS_GLOB:
		return check_glob(text, clean);
	case WORDS_NET:
		return check_item(KEY_NET_CONNECT, text, clean);
	case WORDS_OPTION:
		wrong = check_option(text);
		break;
	case WORDS_AGENT:
		wrong = check_agent(text);
		break;
	case WORDS_VARIABLE:
		wrong = check_variable(text);
		break;
	case WORDS_USER:
		wrong = check_user(text);
		break;
	case WORDS_APPROVER:
		wrong = check_approver(text);
		break;
	case WORDS_PROGRAM:
		wrong = check_program(text);
		break;
	case WORDS_ANY:
	case WORDS_ARGV:
		break;
	}
	if (!wrong && text.len == 0 && kind != WORDS_ARGV)
		wrong = "a word belongs here";
	if (!wrong && buf_append(clean, text.data, text.len) < 0)
		wrong = "this word is too long";
	return wrong;
}

void read_words(struct reader *reader, const struct key *key, const struct yaml_node *node, struct govern_list *ret)
{
	enum words_kind kind = (enum words_kind)key->min;
	struct govern *govern = &reader->policy->govern;
	struct govern_list list = { .first = govern->words_count };
	char shown[SHOWN_MAX], memory[POLICY_PATH_MAX + 2];

	if (!reader_list(reader, node, "texts"))
		return;
	for (uint32_t at = node->first; at != YAML_NONE;) {
		const struct yaml_node *item = yaml_node(reader->yaml, at);
		struct buf clean = buf_fixed(memory, sizeof(memory));
		struct slice text;
		const char *wrong;

		at = item->next;
		if (!reader_text(reader, item, &text))
			continue;
		wrong = check_govern_word(kind, text, &clean);
		if (wrong)
			reader_fail(reader, item, "%s: %s", reader_show(reader, item, shown), wrong);
		else if (!govern_add_word(reader, item, buf_slice(&clean)))
			return;
	}
	list.count = govern->words_count - list.first;
	if (kind != WORDS_ARGV)
		govern_sort_words(reader->policy, &list);
	*ret = list;
}

/* ---- ${name} ---- */

static bool is_variable(const struct policy *policy, struct slice name, const char *const *names,
			const struct govern_capability *capability)
{
	for (; *names; names++) {
		if (slice_is(name, *names))
			return true;
	}
	for (uint32_t i = 0; capability && i < capability->captures.count; i++) {
		const struct govern_capture *capture = &policy->govern.captures[capability->captures.first + i];

		if (slice_is(name, policy_text(policy, capture->name)))
			return true;
	}
	return false;
}

bool check_variables(struct reader *reader, const struct yaml_node *node, struct slice text,
		     const char *const *names, const struct govern_capability *capability)
{
	char shown[SHOWN_MAX];

	for (size_t i = 0; i + 1 < text.len; i++) {
		const char *end;
		size_t len;

		if (text.data[i] != '$' || text.data[i + 1] != '{')
			continue;
		end = memchr(text.data + i, '}', text.len - i);
		len = end ? (size_t)(end - text.data) - i - 2 : 0;
		if (len > 0 && is_variable(reader->policy, slice_new(text.data + i + 2, len), names, capability))
			continue;
		text_escape(shown, sizeof(shown), slice_new(text.data + i, end ? len + 3 : text.len - i));
		reader_fail(reader, node, "%s has no value here; %s%s%s", shown,
			    names[0] ? "what has one is ${" : "name it in `capture`", names[0] ? names[0] : "", names[0] ? "}" : "");
		return false;
	}
	return true;
}
