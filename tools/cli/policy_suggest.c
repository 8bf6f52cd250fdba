/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff policy suggest`: reads a run in the ledger, asks the base about all that it did, and writes the lines that the
 * base lacks. A part of bailiff-records. Nothing is installed. */
#include "cli/policy_suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/identity.h"
#include "cli/ledger.h"
#include "cli/policy_verbs.h"
#include "cli/why_danger.h"
#include "cli/why_say.h"
#include "compiler/compile.h"
#include "decide/forbidden.h"
#include "decide/net.h"
#include "decide/net_name.h"
#include "plan/plan.h"

#define DOCUMENT_MAX (2U << 20)
#define WHY_NOT_MAX 512U

struct suggest_args {
	struct ledger_args where;
	const char *base, *output;
};

#define AT(member) offsetof(struct suggest_args, member)
static const struct option_row rows[] = {
	{ 0, "base", OPTION_TEXT, AT(base), "NAME", "a shipped policy to build on, else that of the run, else `default`", NULL },
	{ 'o', "output", OPTION_TEXT, AT(output), "FILE", "writes it there; a file that exists is not touched", NULL },
	{ 0, "state-dir", OPTION_TEXT, AT(where.state_dir), "DIR", "the supervisor's, else " CLI_DEFAULT_STATE_DIR, NULL },
	{ 0, "db", OPTION_TEXT, AT(where.db), "PATH", "a ledger.db or the folder that it is in", NULL },
	{ 0, "deadline", OPTION_DURATION, AT(where.deadline_ns), "DUR", "give up after this time", NULL },
};

static const struct option_set suggest_options = {
	.verb = "policy suggest",
	.usage = "RUN [--base NAME] [-o FILE]",
	.summary = "Writes a policy under which a recorded run passes and nothing unrelated does: the base, and a line for what\n"
		   "the run used beyond it, with the number of its record. What is dangerous is not suggested: a comment\n"
		   "says why. RUN is the end of its id or @last; `bailiff run --learn` makes runs for this.",
	.examples = "  bailiff run --learn -- ./build.sh\n  bailiff policy suggest @last -o ./build.policy.yaml\n",
	.rows = rows, .count = COUNT(rows),
};

struct suggesting {
	const struct suggest_args *args;
	struct ledger *ledger;
	struct why_run run;
	char owner[256];
	char home[SUGGEST_PATH_MAX];
	const char *base;
	struct policy *policy;   /* owned */
	struct plan_rules_memory *memory; /* owned */
	struct rules rules;
	struct suggest suggest;
	int failed;
};

static void suggesting_finish(struct suggesting **suggesting)
{
	struct suggesting *s = *suggesting;

	if (!s)
		return;
	suggest_finish(&s->suggest);
	plan_rules_free(s->memory);
	policy_free(s->policy);
	why_run_finish(&s->run);
	ledger_free_p(&s->ledger);
	free(s);
}

/* ---- what the base says ---- */

static void note(struct suggesting *s, enum suggest_kind kind, struct slice text, uint64_t seq, const char *why_not)
{
	if (s->failed == 0)
		s->failed = suggest_note(&s->suggest, kind, text, seq, why_not);
}

static void note_denied(struct suggesting *s, enum suggest_kind kind, struct slice text, uint64_t seq, struct slice rule)
{
	char why_not[WHY_NOT_MAX];

	IGNORE(snprintf(why_not, sizeof(why_not), "`%.*s` of %s denies it, and what extends %s cannot lift that", (int)rule.len,
			rule.data, s->base, s->base) < 0);
	note(s, kind, text, seq, why_not);
}

static void note_danger(struct suggesting *s, enum suggest_kind kind, struct slice text, uint64_t seq,
			const struct danger *danger)
{
	char why_not[WHY_NOT_MAX];

	IGNORE(snprintf(why_not, sizeof(why_not), "%s%s%s", danger->harm, danger->instead ? "; instead: " : "",
			danger->instead ? danger->instead : "") < 0);
	note(s, kind, text, seq, why_not);
}

static bool is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return len > 0 && strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* In the run's own empty home everything may be written and nothing of the host's is there: what the host has is
 * missing all the same. */
static bool is_missing(const struct suggesting *s, const char *path, bool write)
{
	char place[SUGGEST_PATH_MAX];

	if (!is_below(path, s->suggest.home) || text_copy(place, sizeof(place), slice_of(path)) < 0)
		return false;
	suggest_place(place, write);
	return is_below(place, s->suggest.home) && strcmp(place, s->suggest.home) != 0 && access(place, F_OK) == 0;
}

/* The line that would allow it, or the comment that says why there is none. */
static void note_place(struct suggesting *s, enum suggest_kind kind, struct slice path, uint64_t seq)
{
	char place[SUGGEST_PATH_MAX];
	const struct danger *danger;
	enum danger_when when = kind == SUGGEST_WRITE ? DANGER_WRITE : DANGER_READ;

	IGNORE(text_copy(place, sizeof(place), path) < 0); /* not longer: it was read from a fixed field */
	suggest_place(place, kind == SUGGEST_WRITE);
	danger = danger_of(when, path);
	if (!danger)
		danger = danger_of(when, slice_of(place));
	if (danger)
		note_danger(s, kind, path, seq, danger);
	else if (!suggest_can_name(place))
		note(s, kind, path, seq, "a policy cannot hold this name: no controls, no * and ?, and UTF-8");
	else if (suggest_is_broad(&s->suggest, place))
		note(s, kind, path, seq, "only a folder that holds much else could be named for it; make one of its own, or name it yourself");
	else
		note(s, kind, slice_of(place), seq, NULL);
}

static void observe_path(struct suggesting *s, enum suggest_kind kind, struct slice path, uint64_t seq)
{
	struct request request = { .kind = kind == SUGGEST_WRITE ? REQUEST_WRITE : REQUEST_READ, .path = path, .syscall = -1 };
	char text[SUGGEST_PATH_MAX];
	struct decision decision;

	/* A record's path is absolute; what is none is the name of something else. */
	if (path.len == 0 || path.data[0] != '/' || text_copy(text, sizeof(text), path) < 0)
		return;
	decide(&s->rules, &request, &decision);
	if (decision.verdict == VERDICT_ALLOW) {
		if (slice_is(decision.rule, "sandbox.own") && is_missing(s, text, kind == SUGGEST_WRITE))
			note_place(s, kind, path, seq);
		return;
	}
	if (slice_is(decision.rule, "files.read") || slice_is(decision.rule, "files.write"))
		note_place(s, kind, path, seq);
	else
		note_denied(s, kind, path, seq, decision.rule);
}

/* "10.0.0.1:80", "example.com:443", "example.com". False when it is none of these. */
static bool target_of(struct slice text, char name[NET_NAME_MAX + 1], struct request *request)
{
	const char *colon = memrchr(text.data, ':', text.len);
	struct slice host = colon ? slice_new(text.data, (size_t)(colon - text.data)) : text;
	uint32_t port = 0;

	*request = (struct request){ .kind = REQUEST_CONNECT, .syscall = -1 };
	if (net_address_parse(text, request->addr, &request->port) == 0)
		return true;
	for (size_t i = host.len + 1; i < text.len; i++)
		port = text.data[i] >= '0' && text.data[i] <= '9' && port < 65536 ? port * 10 + (uint32_t)(text.data[i] - '0') : 65536;
	if (port > 65535 || net_name_clean(host, name) < 0)
		return false;
	request->name = slice_of(name);
	request->port = (uint16_t)port;
	return true;
}

static void observe_target(struct suggesting *s, struct slice text, uint64_t seq)
{
	const struct danger *danger = danger_of(DANGER_CONNECT, text);
	char name[NET_NAME_MAX + 1];
	struct request request;
	struct decision decision;

	if (slice_starts(text, slice_of("unix:/")) && text.len < SUGGEST_PATH_MAX) {
		request = (struct request){ .kind = REQUEST_CONNECT, .path = slice_new(text.data + 5, text.len - 5), .syscall = -1 };
	} else if (slice_starts(text, slice_of("unix:")) || !target_of(text, name, &request)) {
		return;
	}
	decide(&s->rules, &request, &decision);
	if (decision.verdict == VERDICT_ALLOW)
		return;
	if (danger)
		note_danger(s, SUGGEST_CONNECT, text, seq, danger);
	else if (slice_is(decision.rule, "network.deny"))
		note_denied(s, SUGGEST_CONNECT, text, seq, decision.rule);
	else if (!request.name.len && request.port == 53)
		note(s, SUGGEST_CONNECT, text, seq, "a name was looked up, and without a network it is not known which; name hosts yourself: "
		     "`network: {mode: allowlist, allow: [\"example.com:443\"]}`");
	else
		note(s, SUGGEST_CONNECT, text, seq, NULL);
}

/* ---- commands ---- */

static bool is_rule_of(const struct policy *policy, struct slice id)
{
	for (uint32_t i = 0; i < policy->govern.rules_count; i++) {
		if (slice_is(id, policy_text(policy, policy->govern.rules[i].id)))
			return true;
	}
	for (uint32_t i = 0; i < policy->govern.guards_count; i++) {
		if (slice_is(id, policy_text(policy, policy->govern.guards[i].id)))
			return true;
	}
	for (uint32_t i = 0; i < policy->govern.environments_count; i++) {
		if (slice_is(id, policy_text(policy, policy->govern.environments[i].id)))
			return true;
	}
	return slice_is(id, "plan") || slice_is(id, "check") || slice_is(id, "invariant") || slice_starts(id, slice_of("tier.")) ||
	       slice_starts(id, slice_of("environments."));
}

static bool has_capability(const struct policy *policy, struct slice id)
{
	for (uint32_t i = 0; i < policy->govern.capabilities_count; i++) {
		if (slice_is(id, policy_text(policy, policy->govern.capabilities[i].id)))
			return true;
	}
	return false;
}

static void observe_command(struct suggesting *s, const struct ledger_hit *hit, struct slice capability)
{
	struct slice rule = hit->record.rule, risk = record_bytes(&hit->record, DETAIL_RISK);
	char why_not[WHY_NOT_MAX] = "";

	if (!s->policy->govern.settings.gated)
		return;
	if (is_rule_of(s->policy, rule))
		IGNORE(snprintf(why_not, sizeof(why_not), "`%.*s` of %s decides about it, and an allowance cannot win over that; a person can "
				"approve it, run by run", (int)rule.len, rule.data, s->base) < 0);
	else if (!has_capability(s->policy, capability))
		IGNORE(snprintf(why_not, sizeof(why_not), "%s has no capability of this name", s->base) < 0);
	else if (slice_is(risk, "HIGH") || slice_is(risk, "CRITICAL"))
		IGNORE(snprintf(why_not, sizeof(why_not), "its risk is %.*s: a person accepts that, with a rule that says `accept_risk`, or "
				"approves it run by run", (int)risk.len, risk.data) < 0);
	note(s, SUGGEST_RULE, capability, hit->seq, why_not[0] ? why_not : NULL);
}

static void observe_call(struct suggesting *s, const struct ledger_hit *hit)
{
	const struct forbidden_call *call;
	const struct danger *danger;
	uint64_t number;

	if (!record_uint(&hit->record, DETAIL_SYSCALL, &number) || number > 4096 || !(call = forbidden_call((int)number)))
		return;
	danger = danger_of(DANGER_CALL, slice_of(call->name));
	if (danger)
		note_danger(s, SUGGEST_CALL, slice_of(call->name), hit->seq, danger);
	else
		note(s, SUGGEST_CALL, slice_of(call->name), hit->seq, "no policy lifts it");
}

/* A refusal, or what a policy that only records would have refused. */
static void observe_refusal(struct suggesting *s, const struct ledger_hit *hit)
{
	const struct record *record = &hit->record;
	struct slice verb = record_bytes(record, DETAIL_VERB), capability = record_bytes(record, DETAIL_CAPABILITY);

	if (record->verdict == RECORD_VERDICT_NONE)
		return;
	if (capability.len > 0)
		observe_command(s, hit, capability);
	else if (slice_is(verb, "connect"))
		observe_target(s, record->obj, hit->seq);
	else if (slice_is(verb, "syscall"))
		observe_call(s, hit);
	else if (slice_is(verb, "read") || slice_is(verb, "exec"))
		observe_path(s, SUGGEST_READ, record->obj, hit->seq);
	else if (slice_is(verb, "write")) {
		observe_path(s, SUGGEST_WRITE, record->obj, hit->seq);
		observe_path(s, SUGGEST_WRITE, record->obj2, hit->seq);
	}
}

static int observe(void *context, const struct ledger_hit *hit)
{
	struct suggesting *s = context;
	const struct record *record = &hit->record;

	if (!hit->decoded || !hit->intact)
		return 0;
	if (record->kind == RECORD_DECISION || record->kind == RECORD_SYSCALL_DENIED)
		observe_refusal(s, hit);
	else if (record->kind == RECORD_OPEN_READ || record->kind == RECORD_READ_SUMMARY || record->kind == RECORD_EXEC)
		observe_path(s, SUGGEST_READ, record->obj, hit->seq);
	else if (record->kind == RECORD_CONNECT || record->kind == RECORD_SEND)
		observe_target(s, record->obj, hit->seq);
	else if (record_kind_class(record->kind) == CLASS_FILE_CHANGE && record->kind != RECORD_WORKSPACE) {
		observe_path(s, SUGGEST_WRITE, record->obj, hit->seq);
		if (record->kind == RECORD_RENAME || record->kind == RECORD_LINK)
			observe_path(s, SUGGEST_WRITE, record->obj2, hit->seq);
	}
	return s->failed;
}

/* ---- the run ---- */

static int take_start(void *context, const struct ledger_hit *hit)
{
	struct suggesting *s = context;

	why_run_take(&s->run, hit);
	IGNORE(text_copy(s->owner, sizeof(s->owner), record_bytes(&hit->record, DETAIL_OWNER)) < 0);
	s->run.known = true;
	return 1;
}

static int find_run(struct suggesting *s, const char *word, struct error *err)
{
	struct ledger_filter filter = { .has_run = true, .limit = 1 };
	struct ledger_answer answer;
	int r = ledger_run_find(s->ledger, slice_of(word), s->run.uid, err);

	if (r < 0)
		return r;
	memcpy(filter.run, s->run.uid, sizeof(filter.run));
	filter.any_kind[RECORD_RUN_START] = true;
	r = ledger_query(s->ledger, &filter, take_start, s, &answer, err);
	if (r >= 0 && !s->run.known)
		return error_say(err, -ENOENT, "the beginning of this run is no longer in the ledger");
	return r < 0 ? r : 0;
}

/* The home that the run had: its owner's, or what the caller says is theirs. */
static void find_home(struct suggesting *s)
{
	const struct passwd *account = getpwnam(s->owner);
	const char *own = getenv("HOME");

	if (account && geteuid() != 0 && account->pw_uid == getuid() && own && own[0] == '/')
		IGNORE(text_copy(s->home, sizeof(s->home), slice_of(own)) < 0);
	else if (account && account->pw_dir[0] == '/')
		IGNORE(text_copy(s->home, sizeof(s->home), slice_of(account->pw_dir)) < 0);
	s->suggest.home = s->home;
	s->suggest.workspace = s->run.workspace;
}

/* What is given, or the run's own when it ships with Bailiff: `extends` takes nothing else. */
static int find_base(struct suggesting *s, struct error *err)
{
	struct diagnostics diagnostics = { 0 };
	char path[POLICY_PATH_MAX];
	int r;

	s->base = s->args->base ? s->args->base : s->run.policy_name;
	r = policy_find_shipped(s->base, path, err);
	if (r < 0 && !s->args->base) {
		*err = (struct error){ 0 };
		s->base = "default";
		r = policy_find_shipped(s->base, path, err);
	}
	if (r == 0)
		r = policy_load(path, s->policy, &diagnostics, path, err);
	if (r == 0)
		r = plan_rules_of(s->policy, s->run.workspace, s->home, &s->memory, &s->rules, err);
	return r;
}

static int write_out(const struct suggest_args *args, const struct buf *text, struct error *err)
{
	auto_close int fd = FD_NONE;
	int r;

	if (!args->output) {
		printf("%.*s", (int)text->len, text->data);
		return 0;
	}
	fd = open(args->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		error_set(err, -errno, "write '%s'", args->output);
		return error_next(err, "name a file that does not exist yet");
	}
	r = io_write(fd, text->data, text->len);
	return r < 0 ? error_set(err, r, "write '%s'", args->output) : 0;
}

static int suggest_run(struct suggesting *s, const char *word, struct error *err)
{
	cleanup_with(buf_finish) struct buf text = buf_growing(DOCUMENT_MAX);
	struct ledger_filter filter = { .has_run = true };
	struct ledger_answer answer = { 0 };
	int r = find_run(s, word, err);

	if (r < 0)
		return r;
	find_home(s);
	r = find_base(s, err);
	if (r < 0)
		return r;
	memcpy(filter.run, s->run.uid, sizeof(filter.run));
	r = ledger_query(s->ledger, &filter, observe, s, &answer, err);
	if (r == 0)
		r = suggest_settle(&s->suggest);
	if (r == 0)
		r = suggest_say(&s->suggest, &(struct suggest_head){ .run = s->run.id, .policy_name = s->run.policy_name,
				.base = s->base, .base_policy = s->policy }, &text);
	if (r < 0)
		return err->code ? r : error_set(err, r, "write the suggestion");
	if (answer.gaps > 0)
		fprintf(stderr, "bailiff: %llu gaps: something that the run did is missing here\n", (unsigned long long)answer.gaps);
	return write_out(s->args, &text, err);
}

int policy_suggest(int argc, char **argv)
{
	cleanup_with(suggesting_finish) struct suggesting *s = calloc(1, sizeof(*s));
	struct suggest_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&suggest_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != 1)
		return cli_usage("policy suggest", "name one run: the end of its id, or @last; `bailiff ledger run list` shows them");
	if (!s || suggest_init(&s->suggest) < 0 || !(s->policy = policy_new()))
		return CLI_INTERNAL;
	s->args = &args;
	r = ledger_args_open(&args.where, &s->ledger, &err);
	if (r == 0)
		r = suggest_run(s, words.words[0], &err);
	if (r == 0)
		return CLI_OK;
	error_print("bailiff policy suggest", &err);
	if (r == -ENOENT && s->ledger && !s->run.known)
		return CLI_NONE;
	return r == -EINVAL || r == -ENOTUNIQ ? CLI_USAGE : CLI_CANNOT;
}
