/* SPDX-License-Identifier: Apache-2.0 */
#include "run/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "decide/encode.h"
#include "ledger/intake.h"
#include "run/digest.h"
#include "run/snapshot.h"

#define PATHS_BYTES (1U << 20)     /* of all arguments that are paths; more is exec.unknown */

static bool looks_at_paths(const struct govern_view *govern)
{
	for (uint32_t i = 0; i < govern->rules_count; i++)
		if (govern->rules[i].when.paths_under.count > 0)
			return true;
	for (uint32_t i = 0; i < govern->environments_count; i++)
		if (govern->environments[i].paths.count > 0)
			return true;
	for (uint32_t i = 0; i < govern->capabilities_count; i++) /* a check and what it is for: the same inputs */
		if (govern->capabilities[i].check != GOVERN_NONE)
			return true;
	return false;
}

void exec_rules_fill(struct exec_rules *rules, const struct govern_view *govern, const char *agent,
		     const char *search)
{
	rules->govern = govern;
	rules->paths = looks_at_paths(govern);
	IGNORE(snprintf(rules->principal, sizeof(rules->principal), "agent:%s", agent) < 0);
	known_fill(&rules->known, govern, &rules->root, search);
}

/* ---- the files ---- */

static int find_chain(struct exec_rules *rules, struct exec_case *exec)
{
	int r = program_called(&rules->root, &exec->held, &exec->cwd, &exec->chain[0]);

	while (r == 0) {
		const struct program *program = &exec->chain[exec->chain_count++];

		if (program->head.kind == PROGRAM_ELF)
			return 0;
		/* Other formats are what the host's binfmt_misc makes of them: not to be foreseen. */
		if (program->head.kind == PROGRAM_OTHER)
			return -ENOEXEC;
		if (exec->chain_count == PROGRAM_LEVELS_MAX)
			return -ELOOP;
		r = program_at(&rules->root, &exec->cwd, program->head.interpreter,
			       &exec->chain[exec->chain_count]);
	}
	return r;
}

void exec_case_finish(struct exec_case *exec)
{
	for (size_t i = 0; i < exec->chain_count; i++)
		program_finish(&exec->chain[i]);
	exec->chain_count = 0;
}

static void fill_grant(struct exec_case *exec)
{
	const struct program *loaded = &exec->chain[exec->chain_count - 1];

	exec->grant = (struct exec_grant){
		.file = loaded->file, .cwd_ino = exec->cwd.st.st_ino,
		/* Directories of overlayfs and btrfs have numbers of their own, too. */
		.cwd_dev = exec->cwd.other_dev ? 0 : exec->cwd.st.st_dev,
		.arg_bytes = exec->held.arg_bytes, .env_bytes = exec->held.env_bytes,
	};
}

int exec_case_read(struct exec_rules *rules, pid_t tid, uint64_t id, const struct seccomp_data *data,
		   struct exec_case *ret_case)
{
	struct action tags = { .kind = ACTION_EXEC };
	int r;

	ret_case->chain_count = 0;
	r = held_read(tid, id, data, &ret_case->held);
	if (r == 0)
		r = program_cwd(tid, &ret_case->cwd);
	if (r == 0)
		r = find_chain(rules, ret_case);
	if (r < 0)
		return r;
	ret_case->environments = environments_of(rules->govern, &tags, ret_case->held.env, ret_case->held.envc);
	digest_exec(&ret_case->held, &ret_case->cwd, ret_case->chain, ret_case->chain_count,
		    ret_case->environments, ret_case->digest);
	return 0;
}

/* ---- the action ---- */

static struct slice base_of(struct slice path)
{
	const char *slash = memrchr(path.data, '/', path.len);

	if (!slash)
		return path;
	return slice_new(slash + 1, path.len - (size_t)(slash + 1 - path.data));
}

/* All names that a program has. Each is judged for itself, and the strictest answer counts: so a name that the
 * caller chooses never makes anything milder. */
struct names {
	uint32_t count;
	struct slice names[JUDGE_NAMES_MAX];
	bool place;                /* and what is said about the place of its file */
};

static void add_name(struct names *names, struct slice name)
{
	for (uint32_t i = 0; i < names->count; i++)
		if (slice_eq(names->names[i], name))
			return;
	if (name.len > 0 && names->count < JUDGE_NAMES_MAX)
		names->names[names->count++] = name;
}

static struct names names_of(const struct exec_rules *rules, const struct exec_case *exec,
			     const struct program *program, const struct known_as *as)
{
	const struct govern_view *govern = rules->govern;
	struct slice called = base_of(exec->held.args[0]), own = base_of(slice_new(program->path, program->path_len));
	struct names names = { .count = 0 };

	/* What a program of many names does is said by the one that it is called by. */
	for (uint32_t i = 0; !as->many && i < as->name_count; i++)
		add_name(&names, as->names[i]);
	if (names.count == 0 || known_is_named(govern, own))
		add_name(&names, own);
	/* A name proves nothing about a file that the agent could have made. */
	names.place = program->place != PLACE_TOOL && (as->many || as->name_count == 0);
	if (as->many || known_is_named(govern, called))
		add_name(&names, called);
	return names;
}

/* Arguments that are no options, as paths. What cannot be a path is none. */
static void add_paths(const struct exec_rules *rules, const struct exec_case *exec, struct action *action)
{
	static char texts[PATHS_BYTES + PROGRAM_PATH_MAX];
	static struct slice paths[JUDGE_ARGS_MAX], words[JUDGE_ARGS_MAX];
	uint32_t count = command_operands(rules->govern, classify(rules->govern, action), action, words,
					  JUDGE_ARGS_MAX);
	size_t used = 0;

	action->paths = paths;
	action->path_count = 0;
	for (uint32_t i = 0; i < MIN(count, JUDGE_ARGS_MAX) && used < PATHS_BYTES; i++) {
		ssize_t len = program_resolve(&rules->root, &exec->cwd, words[i], texts + used, PROGRAM_PATH_MAX);

		if (len < 0)
			continue;
		paths[action->path_count++] = slice_new(texts + used, (size_t)len);
		used += (size_t)len;
	}
	action->argv_cut |= used >= PATHS_BYTES;
	if (action->path_count > 0)
		action->environments |= environments_of(rules->govern, action, exec->held.env, exec->held.envc);
}

static struct action action_of(const struct exec_rules *rules, const struct exec_case *exec,
			       const struct program *program, const struct known_as *as)
{
	struct action action = {
		.kind = ACTION_EXEC, .principal = slice_of(rules->principal),
		.argv = exec->held.args, .argc = MIN(exec->held.argc, HELD_ARGS_MAX),
		.argv_cut = exec->held.argc > HELD_ARGS_MAX || as->more,
		.exe = slice_new(program->path, program->path_len),
		.place = as->loader ? PLACE_UNKNOWN : program->place,
		.environments = exec->environments,
	};

	memcpy(action.digest, exec->digest, sizeof(action.digest));
	return action;
}

/* ---- the ruling ---- */

/* "busybox wget": the applet is what counts, when it is called by its own name. */
static bool applet_of(const struct action *whole, struct action *ret_action)
{
	static const char *const many[] = { "busybox", "toybox", "coreutils" };
	struct slice name = base_of(whole->argv[0]);

	for (size_t i = 0; i < COUNT(many); i++) {
		if (!slice_starts(name, slice_of(many[i])) || whole->argc < 2)
			continue;
		*ret_action = *whole;
		ret_action->argv++;
		ret_action->argc--;
		ret_action->names[0] = base_of(ret_action->argv[0]);
		ret_action->name_count = 1;
		return true;
	}
	return false;
}

static bool is_stricter(const struct ruling *one, const struct ruling *other)
{
	if (one->verdict != other->verdict)
		return one->verdict < other->verdict; /* DENY, ASK, ALLOW */
	if (one->would != other->would)
		return one->would < other->would;
	return one->risk > other->risk;
}

/* What a chain of programs is judged with. */
struct judging {
	struct exec_rules *rules;
	struct run *run;
	uint64_t now_ns;
	enum approval_answer said;
};

/* For `bailiff why`: what was asked, and of which words where they are not those that the record has. */
static void keep_question(const struct judging *with, const struct action *action, const struct snapshot *snapshot,
			  struct exec_case *exec)
{
	static char bytes[INTAKE_VALUE_MAX];
	struct buf buf = buf_fixed(bytes, sizeof(bytes));
	bool other = exec->chain_count > 1 || action->argv != exec->held.args;
	uint32_t len = 0;
	int r = buf_append(&buf, &len, sizeof(len));

	for (uint32_t i = 0; r == 0 && other && i < action->argc; i++) {
		r = buf_append(&buf, action->argv[i].data, action->argv[i].len);
		if (r == 0)
			r = buf_append(&buf, "", 1);
	}
	len = (uint32_t)(buf.len - sizeof(len));
	memcpy(bytes, &len, sizeof(len));
	if (r == 0)
		r = question_encode(with->rules->govern, action, snapshot, with->now_ns, &buf);
	exec->question = r == 0 ? buf_slice(&buf) : (struct slice){ 0 };
}

static void judge_one(const struct judging *with, struct action *action, size_t level, struct exec_case *exec)
{
	static struct snapshot snapshot;
	static struct field_value fields[FIELD_COUNT];
	static struct ruling ruling;

	if (with->rules->paths)
		add_paths(with->rules, exec, action);
	snapshot_fill(with->run, action, with->now_ns, &snapshot, fields);
	snapshot.answer = with->said;
	judge(with->rules->govern, action, &snapshot, with->now_ns, &ruling);
	if (exec->ruled != SIZE_MAX && !is_stricter(&ruling, &exec->ruling))
		return;
	exec->ruling = ruling;
	exec->ruled = level;
	keep_question(with, action, &snapshot, exec);
	if (ruling.verdict == VERDICT_ASK)
		exec->who = judge_approval(with->rules->govern, &snapshot, &ruling);
}

/* What the kernel will put in place of argv[0]. */
static int descend(struct exec_case *exec, size_t level)
{
	const struct program_head *head = &exec->chain[level].head;
	/* Of the first one the name that it was called by, of an interpreter what the line before says. */
	const char *script = level == 0 ? exec->held.path : exec->chain[level - 1].head.interpreter;
	const char *words[3] = { head->interpreter };
	size_t count = 1;

	if (head->has_argument)
		words[count++] = head->argument;
	words[count++] = script;
	return held_replace_first(&exec->held, words, count);
}

static void judge_level(const struct judging *with, size_t level, struct exec_case *exec)
{
	const struct program *program = &exec->chain[level];
	const struct known_as *as = known_find(&with->rules->known, &with->rules->root, program);
	const struct action whole = action_of(with->rules, exec, program, as);
	const struct names names = names_of(with->rules, exec, program, as);
	struct action one;

	for (uint32_t i = 0; i < names.count; i++) {
		one = whole;
		one.names[0] = names.names[i];
		one.name_count = 1;
		judge_one(with, &one, level, exec);
	}
	if (as->many && applet_of(&whole, &one))
		judge_one(with, &one, level, exec);
	one = whole;
	if (names.place)
		judge_one(with, &one, level, exec);
}

/* Interpreters will stand in place of its first word. */
static void keep_first(struct exec_rules *rules, struct exec_case *exec)
{
	static struct slice args[HELD_ARGS_MAX];
	static char called[HELD_PATH_MAX];
	const struct known_as *as = known_find(&rules->known, &rules->root, &exec->chain[0]);

	exec->first = action_of(rules, exec, &exec->chain[0], as);
	memcpy(args, exec->held.args, exec->first.argc * sizeof(args[0]));
	args[0].len = MIN(args[0].len, sizeof(called));
	memcpy(called, args[0].data, args[0].len);
	args[0].data = called;
	exec->first.argv = args;
}

int exec_case_judge(struct exec_rules *rules, struct run *run, uint64_t now_ns, enum approval_answer said,
		    struct exec_case *exec)
{
	const struct judging with = { rules, run, now_ns, said };

	keep_first(rules, exec);
	exec->ruled = SIZE_MAX;
	for (size_t level = 0; level < exec->chain_count; level++) {
		int r;

		judge_level(&with, level, exec);
		if (level + 1 == exec->chain_count)
			break;
		r = descend(exec, level);
		if (r < 0)
			return r;
	}
	fill_grant(exec);
	return 0;
}
