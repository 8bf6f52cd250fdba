/* SPDX-License-Identifier: Apache-2.0 */
/* What is not understood is refused, with the place and the nearest right word. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "compiler/compile.h"
#include "lib/runner.h"

#define HEAD "schema: 1\nname: x\n"
#define TEXT_MAX 2048

struct bad {
	const char *document;
	const char *message;     /* of the first error, after "f:" */
};

#define NOT_A_PLACE \
	"not a network or name; write 10.0.0.0/8, 10.0.0.1:22, [::1]:80, *:25, example.com:443 or *.example.com"

static const struct bad bad_documents[] = {
	{ "", " this document is empty" },
	{ "# nothing\n", " this document is empty" },
	{ "[a]\n", "1:1: keys belong here (schema, ...), not a list" },
	{ ":", " a key belongs here, not nothing" }, /* every text in it is empty */
	{ "hello\n", "1:1: keys belong here (schema, ...), not \"hello\"" },
	{ "name: x\n", "1:1: \"schema: 1\" is missing" },
	{ "schema: 1\n", "1:1: \"name\" is missing" },
	{ "schema: 2\nname: x\n", "1:9: only 1 is possible here, not \"2\"" },
	{ "schema: \"1\"\nname: x\n", "1:9: only 1 is possible here, not \"1\"" },
	{ HEAD "capabilites: {}\n", "3:1: \"capabilites\" is not known here; did you mean \"capabilities\"?" },
	{ HEAD "secrets: [a]\n", "3:10: named secrets belong here, not a list" },
	{ HEAD "secrets: {a: {}}\n", "3:11: the secret \"a\" has no source: file, env or command" },
	{ HEAD "secrets: {a: b}\n", "3:14: keys belong here (file, ...), not \"b\"" },
	{ HEAD "secrets: {a: {env: C, value: b}}\n", "3:23: \"value\" is not known here" },
	{ HEAD "secrets: {a: {env: B}, a: {env: C}}\n", "3:24: \"a\" stands here twice" },
	{ HEAD "secrets: {a: {env: B, file: /c}}\n", "3:29: a secret has one source: file, env or command" },
	{ HEAD "secrets: {a: {file: b}}\n", "3:21: \"b\": a secret's file and program are named by /x or ~/x" },
	{ HEAD "secrets: {a: {file: /b/*}}\n", "3:21: \"/b/*\": patterns are allowed in hide, deny and baseline lists only" },
	{ HEAD "secrets: {a: {env: 1B}}\n", "3:20: \"1B\": a variable has letters, digits and _" },
	{ HEAD "secrets: {a: {command: pass}}\n", "3:24: a list of words such as [/usr/bin/pass, show, x] belongs here, not \"pass\"" },
	{ HEAD "secrets: {a: {command: [pass]}}\n", "3:25: \"pass\": a secret's file and program are named by /x or ~/x" },
	{ HEAD "secrets: {a: {env: B, timeout: 1s}}\n", "3:11: \"timeout\" is for commands" },
	{ HEAD "secrets: {../a: {env: B}}\n", "3:11: \"../a\" is not a name of a secret: letters, digits, - _ and ., at most 64" },
	{ HEAD "secrets: {a-b: {env: B, as: env}}\n", "3:11: \"a-b\" is not a name of a secret: a variable has letters, digits and _, and is none of Bailiff's own, PATH or LD_*" },
	{ HEAD "secrets: {LD_PRELOAD: {env: B, as: env}}\n", "3:11: \"LD_PRELOAD\" is not a name of a secret: a variable has letters, digits and _, and is none of Bailiff's own, PATH or LD_*" },
	{ HEAD "secrets: {a: {env: B, as: fd}}\n", "3:27: \"fd\" is not a value of \"as\" (file, env)" },
	{ HEAD "mode: permissive\n", "1:1: `mode: permissive` has no effect without `rules`: what the kernel refuses stays refused" },
	{ HEAD "mode: enforced\n", "3:7: \"enforced\" is not a value of \"mode\" (enforce, permissive, learn); did you mean \"enforce\"?" },
	{ HEAD "agent: {child_runs: 0}\n", "3:21: \"0\" is not a whole number from 1 to 10000" },
	{ HEAD "agent: {tier: T5}\n", "3:15: \"T5\" is not a tier; tiers are T0, T1, T2, T3 and T4" },
	{ HEAD "workspace: {path: ./x}\n", "3:19: \"./x\": the workspace cannot lie below itself; write \"${cwd}\", ~/x or /x" },
	{ HEAD "network: {mode: allowlist, allow: [\"b\u00fccher.example\"]}\n", "3:36: \"b\u00fccher.example\": write an international name as it travels, with xn--" },
	{ HEAD "network: {mode: allowlist, allow: [a..b]}\n", "3:36: \"a..b\": " NOT_A_PLACE },
	{ HEAD "network: {mode: allowlist, allow: [\"a.*.b\"]}\n", "3:36: \"a.*.b\": " NOT_A_PLACE },
	{ HEAD "network: {mode: allowlist, allow: [\"1.2.3\"]}\n", "3:36: \"1.2.3\": " NOT_A_PLACE },
	{ HEAD "network: {mode: host, bind: [localhost:80]}\n", "3:30: \"localhost:80\": a run listens at addresses of its own; write an address, not a name" },
	{ HEAD "network: {on_scope: ask}\n", "3:21: \"on_scope: ask\" is not supported yet" },
	{ HEAD "network: {expose: [8080]}\n", "1:1: network.expose needs `mode: allowlist`, whose `allow` may be empty; with `mode: host` the host reaches the run's ports anyway" },
	{ HEAD "network: {mode: allowlist, expose: [80]}\n", "3:37: \"80\": a port is a number from 1024 to 65535" },
	{ HEAD "network: {mode: allowlist, expose: [http]}\n", "3:37: \"http\": a port is a number from 1024 to 65535" },
	{ HEAD "network: {mode: allowlist, expose: [65536]}\n", "3:37: \"65536\": a port is a number from 1024 to 65535" },
	{ HEAD "network: {allow_unix: [x.sock]}\n", "3:24: \"x.sock\": a path starts with /, ~/, ./ or is ." },
	{ HEAD "network: {mode: host, allow: [github.com:443]}\n", "1:1: network.allow: \"github.com:443\" is a name, which needs `mode: allowlist`; write an address" },
	{ HEAD "network: {mode: host, deny: [10.0.0.1/8]}\n", "3:30: \"10.0.0.1/8\": " NOT_A_PLACE },
	{ HEAD "network: {allow: [10.0.0.0/8]}\n", "1:1: network.allow and network.bind have no effect with `mode: none`; leave them out or write `mode: host`" },
	{ HEAD "heartbeat: {ttl: 60}\n", "3:18: \"60\" is not a time; write it like 200ms, 60s, 15m, 4h or 7d" },
	{ HEAD "heartbeat: {ttl: 60 s}\n", "3:18: \"60 s\" is not a time; write it like 200ms, 60s, 15m, 4h or 7d" },
	{ HEAD "heartbeat: {ttl: [60s]}\n", "3:18: a time such as 60s belongs here, not a list" },
	{ HEAD "limits: {memory: 8GB}\n", "3:18: \"8GB\" is not a size; write it like 64KiB, 512MiB or 8GiB" },
	{ HEAD "limits: {memory: 0B}\n", "3:18: \"0B\" is not from 1B to 1024TiB" },
	{ HEAD "limits: {pids: 0}\n", "3:16: \"0\" is not a whole number from 1 to 65536" },
	{ HEAD "limits: {pids: -1}\n", "3:16: \"-1\" is not a whole number from 1 to 65536" },
	{ HEAD "limits: {pids: 0x10}\n", "3:16: \"0x10\" is not a whole number from 1 to 65536" },
	{ HEAD "limits: {pids: 65537}\n", "3:16: \"65537\" is not a whole number from 1 to 65536" },
	{ HEAD "limits: {cpu: 0}\n", "3:15: \"0\" is not a number of processors from 0.01 to 4096 such as 4.0 or 0.5" },
	{ HEAD "limits: {cpu: 1.2345}\n", "3:15: \"1.2345\" is not a number of processors from 0.01 to 4096 such as 4.0 or 0.5" },
	{ HEAD "limits: {cpu: 1.}\n", "3:15: \"1.\" is not a number of processors from 0.01 to 4096 such as 4.0 or 0.5" },
	{ HEAD "version: 2026.1\n", "3:10: text belongs here, not a number; write \"2026.1\" in quotes" },
	{ HEAD "description: true\n", "3:14: text belongs here, not a boolean; write \"true\" in quotes" },
	{ HEAD "description: \"a\\tb\"\n", "3:14: control characters are not allowed in text" },
	{ HEAD "description: {a: b}\n", "3:14: text belongs here, not a mapping" },
	{ HEAD "files: {read: /usr}\n", "3:15: a list belongs here, such as [a, b], not \"/usr\"" },
	{ HEAD "files: {read: [usr]}\n", "3:16: \"usr\": a path starts with /, ~/, ./ or is ." },
	{ HEAD "files: {read: [~user/x]}\n", "3:16: \"~user/x\": ~user is not supported; write the path out" },
	{ HEAD "files: {read: [../x]}\n", "3:16: \"../x\": a path starts with /, ~/, ./ or is ." },
	{ HEAD "files: {read: [/a/../b]}\n", "3:16: \"/a/../b\": \"..\" is not allowed in a path" },
	{ HEAD "files: {write: [./*.c]}\n", "3:17: \"./*.c\": patterns are allowed in hide, deny and baseline lists only" },
	{ HEAD "files: {read: [\"${home}/x\"]}\n", "3:16: \"${home}/x\": variables are not known here; write . for the workspace or ~ for the home" },
	{ HEAD "files: {read: [1]}\n", "3:16: text belongs here, not a number; write \"1\" in quotes" },
	{ HEAD "files: {baseline: {x: {on: deny}}}\n", "3:20: the baseline \"x\" has no paths" },
	{ HEAD "files: {baseline: {X: {paths: [./a]}}}\n", "3:20: \"X\" is not a name; use a-z, 0-9 and -" },
	{ HEAD "files: {baseline: {x: {manifest: /a, paths: [./a]}}}\n", "3:24: \"manifest\" is not known here" },
	{ HEAD "sandbox: {user: root}\n", "3:17: only caller is possible here, not \"root\"" },
	{ HEAD "sandbox: {require: [seccom]}\n", "3:21: \"seccom\" is not a protection; did you mean \"seccomp\"?" },
	{ HEAD "sandbox: {env: [A=b]}\n", "3:17: \"A=b\": a variable has letters, digits and _; a final * stands for the rest" },
	{ HEAD "violations: {critical: [warn]}\n", "3:24: \"critical\" must have revoke" },
	{ HEAD "violations: {high: []}\n", "3:20: a list of warn, revoke, revoke@2, alert belongs here, not an empty one" },
	{ HEAD "violations: {medium: [revoke@1]}\n", "3:23: \"revoke@1\" is not a response (warn, revoke, revoke@2, alert)" },
	{ HEAD "violations: {override: {SANDBOX_ESCAPE: HIGH}}\n", "3:41: SANDBOX_ESCAPE is CRITICAL and cannot be lowered" },
	{ HEAD "violations: {override: {SCOPE_VIOLATION: LOW}}\n", "3:42: SCOPE_VIOLATION is MEDIUM; it can be lowered by one step, with a reason: {severity: LOW, reason: ...}" },
	{ HEAD "violations: {override: {SCOPE: LOW}}\n", "3:25: \"SCOPE\" is not a violation, or stands here twice" },
	{ HEAD "name: y\n", "3:1: \"name\" stands here twice" },
	{ HEAD "\"name\": y\n", "3:1: \"name\" stands here twice" },
	{ HEAD "files: {read: [/a], read: [/b]}\n", "3:21: \"read\" stands here twice" },
	{ HEAD "description: &a text\n", "3:17: anchors (&name) are not allowed; write the value out" },
	{ HEAD "description: *a\n", "3:14: aliases (*name) are not allowed; write the value out, or quote a word that starts with *" },
	{ HEAD "description: !!str text\n", "3:20: tags (!name) are not allowed; quote the value if it is text" },
	{ HEAD "<<: {mode: enforce}\n", "3:1: merge keys (<<) are not allowed; write the values out" },
	{ HEAD "---\nname: y\n", "3:1: a second document begins here; a policy is one document" },
	{ HEAD "? [a]\n: b\n", "3:3: a key belongs here, not a list" },
	{ HEAD "name\xff: x\n", "3:1: not UTF-8 text" },
	{ "schema: 1\nname: a b\n", "2:7: \"a b\" is not a name; use letters, digits, - _ and ." },
	{ "schema: 1\nname: ../x\n", "2:7: \"../x\" is not a name; use letters, digits, - _ and ." },
};

static int compile(const char *bytes, size_t len, struct policy *policy, struct diagnostics *diagnostics)
{
	return policy_compile("f", bytes, len, policy, diagnostics);
}

static void first_message(const struct diagnostics *diagnostics, char to[TEXT_MAX])
{
	const struct diagnostic *item = &diagnostics->items[0];

	if (item->line > 0)
		IGNORE(snprintf(to, TEXT_MAX, "%u:%u: %s", item->line, item->column, item->text) < 0);
	else
		IGNORE(snprintf(to, TEXT_MAX, " %s", item->text) < 0);
}

START_TEST(a_bad_document_is_refused_with_place_and_word)
{
	const struct bad *row = &bad_documents[_i];
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;
	char text[TEXT_MAX];
	int r = compile(row->document, strlen(row->document), policy, &diagnostics);

	ck_assert_msg(r == -EINVAL, "accepted: %s", row->document);
	ck_assert_msg(diagnostics.count > 0, "refused without a word: %s", row->document);
	first_message(&diagnostics, text);
	ck_assert_msg(strcmp(text, row->message) == 0, "%s\n got: %s\nwant: %s", row->document, text,
		      row->message);
}
END_TEST

START_TEST(syntax_errors_have_a_place)
{
	static const char *const documents[] = {
		"schema: 1\nname: [x\n", "schema: 1\n\tname: x\n", "a: b: c\n", "{", "\"", "schema: 1\nname: 'x\n",
	};
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;
	int r = compile(documents[_i], strlen(documents[_i]), policy, &diagnostics);

	ck_assert_msg(r == -EINVAL && diagnostics.items[0].line > 0, "'%s': %d, line %u: %s", documents[_i],
		      r, diagnostics.items[0].line, diagnostics.items[0].text);
}
END_TEST

START_TEST(a_good_document_fills_its_fields)
{
	static const char document[] = HEAD
		"version: \"7\"\non_loss: kill\non_supervisor_loss: freeze\nagent: {tier: T3, max_concurrent: 4}\n"
		"heartbeat: {mode: both, ttl: 200ms, grace_start: 1m, max_extend: 4h, on_stall: ignore}\n"
		"limits: {pids: 7, memory: 2GiB, cpu: 1.5, open_files: 99, file_size: 64KiB, wall: 7d}\n"
		"sandbox: {user: caller, on_forbidden: violate, require: [landlock], env: [A, \"B_*\", A]}\n"
		"workspace: {path: ~/w, mode: direct}\n"
		"files:\n  read: [/usr/, //lib/./x, .]\n  write: [./a//b/]\n  on_scope: violate\n"
		"  baseline: {ci: {paths: [\"./**/*.yml\"], pin: at_start}}\n"
		"network: {mode: host, allow: [\"*\"], deny: [\"*:25\"], bind: [\"127.0.0.1:1024-65535\"]}\n"
		"violations: {medium: [warn, revoke@5], override: {SCOPE_VIOLATION: HIGH, "
		"OBSERVER_GAP: {severity: MEDIUM, reason: test host}}}\n";
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;
	int r = compile(document, strlen(document), policy, &diagnostics);

	ck_assert_msg(r == 0, "%u:%u: %s", diagnostics.items[0].line, diagnostics.items[0].column,
		      diagnostics.items[0].text);
	ck_assert_str_eq(policy->version, "7");
	ck_assert_int_eq(policy->on_loss, LOSS_KILL);
	ck_assert_int_eq(policy->on_supervisor_loss, LOSS_FREEZE);
	ck_assert_uint_eq(policy->tier, 3);
	ck_assert_int_eq(policy->heartbeat.mode, HEARTBEAT_BOTH);
	ck_assert(policy->heartbeat.ttl_ns == 200000000ULL);
	ck_assert(policy->limits.memory_bytes == 2ULL << 30);
	ck_assert_uint_eq(policy->limits.cpu_milli, 1500);
	ck_assert(policy->limits.wall_ns == 7ULL * 86400 * 1000000000);
	ck_assert(policy->require & (1U << FEATURE_LANDLOCK));
	ck_assert(policy->require & (1U << FEATURE_BPF_CONNECT));
	ck_assert(!(policy->prefer & (1U << FEATURE_LANDLOCK)));
	ck_assert_uint_eq(policy->env.count, 2);
	ck_assert_uint_eq(policy->read.count, 3);
	ck_assert_str_eq(policy_text(policy, policy->read.items[0]), ".");
	ck_assert_str_eq(policy_text(policy, policy->read.items[1]), "/lib/x");
	ck_assert_str_eq(policy_text(policy, policy->read.items[2]), "/usr");
	ck_assert_str_eq(policy_text(policy, policy->write.items[0]), "./a/b");
	ck_assert_int_eq(policy->baselines[0].on, ON_VIOLATE);
	ck_assert_uint_eq(policy->responses[SEVERITY_MEDIUM].revoke_at, 5);
	ck_assert_uint_eq(policy->severity_override[SCOPE_VIOLATION], 1 + SEVERITY_HIGH);
	ck_assert_uint_eq(policy->severity_override[OBSERVER_GAP], 1 + SEVERITY_MEDIUM);
}
END_TEST

START_TEST(a_secret_is_named_by_its_source_and_its_file_is_hidden)
{
	static const char document[] = HEAD "secrets:\n  b: {file: ~/x//y}\n  A: {env: B, as: env}\n"
		"  c: {command: [/bin/p, \"-n\", \"\", a b], timeout: 5s}\n";
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	cleanup_with(buf_finish) struct buf json = buf_growing(65536);
	struct diagnostics diagnostics;
	int r = compile(document, strlen(document), policy, &diagnostics);

	ck_assert_msg(r == 0, "%s", diagnostics.items[0].text);
	ck_assert_uint_eq(policy->secret_count, 3);
	ck_assert_str_eq(policy_text(policy, policy->deny_read.items[0]), "~/x/y");
	ck_assert_int_eq(policy_json(policy, &json), 0);
	ck_assert_int_eq(buf_append(&json, "", 1), 0);
	ck_assert_ptr_nonnull(strstr(json.data, "\"secrets\":{\"A\":{\"as\":\"env\",\"env\":\"B\"},"
		"\"b\":{\"as\":\"file\",\"file\":\"~/x/y\"},\"c\":{\"as\":\"file\",\"command\":[\"/bin/p\",\"-n\",\"\","
		"\"a b\"],\"timeout\":\"5000ms\"}}"));
}
END_TEST

START_TEST(what_is_not_said_is_the_narrowest)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;

	ck_assert_int_eq(compile(HEAD, strlen(HEAD), policy, &diagnostics), 0);
	ck_assert_int_eq(policy->network_mode, NETWORK_NONE);
	ck_assert_int_eq(policy->workspace_mode, WORKSPACE_READONLY);
	ck_assert_uint_eq(policy->read.count + policy->write.count + policy->env.count, 0);
	ck_assert_uint_eq(policy->limits.pids, 512);
	ck_assert(policy->require & (1U << FEATURE_SECCOMP));
	ck_assert(policy->responses[SEVERITY_CRITICAL].bits & RESPONSE_REVOKE);
}
END_TEST

START_TEST(yes_and_on_are_plain_words)
{
	static const char document[] = HEAD "description: yes\nfiles: {on_scope: deny, baseline: {on: {paths: [./x], on: deny}}}\n";
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;

	ck_assert_int_eq(compile(document, strlen(document), policy, &diagnostics), 0);
	ck_assert_str_eq(policy->description, "yes");
	ck_assert_str_eq(policy_text(policy, policy->baselines[0].id), "on");
}
END_TEST

START_TEST(twenty_errors_are_said_and_the_rest_counted)
{
	cleanup_with(buf_finish) struct buf document = buf_growing(65536);
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;
	struct error err = { 0 };

	buf_text(&document, HEAD);
	for (int i = 0; i < 25; i++)
		buf_printf(&document, "zzzzz%d: 1\n", i);
	ck_assert_int_eq(compile(document.data, document.len, policy, &diagnostics), -EINVAL);
	ck_assert_uint_eq(diagnostics.count, 20);
	ck_assert_uint_eq(diagnostics.dropped, 5);
	for (uint32_t i = 1; i < diagnostics.count; i++)
		ck_assert_uint_gt(diagnostics.items[i].line, diagnostics.items[i - 1].line);
	ck_assert_int_eq(diagnostics_error(&diagnostics, &err), -EINVAL);
	ck_assert_int_eq(err.exit_code, 120);
	ck_assert_ptr_nonnull(strstr(err.next, "24 more"));
}
END_TEST

START_TEST(depth_and_size_are_bounded)
{
	cleanup_with(buf_finish) struct buf document = buf_growing(4U << 20);
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;

	for (int levels = 15; levels <= 17; levels++) {
		document.len = 0;
		buf_text(&document, HEAD "description: ");
		for (int i = 0; i < levels; i++)
			buf_text(&document, "[");
		for (int i = 0; i < levels; i++)
			buf_text(&document, "]");
		buf_text(&document, "\n");
		ck_assert_int_eq(compile(document.data, document.len, policy, &diagnostics), -EINVAL);
		ck_assert_msg((strstr(diagnostics.items[0].text, "16 levels") != NULL) == (levels > 15),
			      "%d levels: %s", levels, diagnostics.items[0].text);
	}
	document.len = 0;
	buf_text(&document, HEAD "# ");
	while (document.len < POLICY_BYTES_MAX)
		buf_text(&document, "x");
	ck_assert_int_eq(compile(document.data, document.len, policy, &diagnostics), 0);
	buf_text(&document, "x");
	ck_assert_int_eq(compile(document.data, document.len, policy, &diagnostics), -EINVAL);
	ck_assert_str_eq(diagnostics.items[0].text, "larger than 1 MiB");
}
END_TEST

START_TEST(a_list_has_256_entries_and_not_one_more)
{
	cleanup_with(policy_free_p) struct policy *policy = policy_new();
	struct diagnostics diagnostics;

	for (int entries = 256; entries <= 257; entries++) {
		cleanup_with(buf_finish) struct buf document = buf_growing(1U << 20);

		buf_text(&document, HEAD "files:\n  read:\n");
		for (int i = 0; i < entries; i++)
			buf_printf(&document, "    - /x%d\n", i);
		ck_assert_int_eq(compile(document.data, document.len, policy, &diagnostics),
				 entries > 256 ? -EINVAL : 0);
	}
}
END_TEST

/* ---- files ---- */

static char directory[64];

static void make_directory(void)
{
	IGNORE(text_copy(directory, sizeof(directory), slice_of("/tmp/bailiff-test-XXXXXX")) < 0);
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_directory(void)
{
	char path[128];

	IGNORE(snprintf(path, sizeof(path), "%s/p.yaml", directory) < 0);
	unlink(path);
	rmdir(path);
	rmdir(directory);
}

static const char *write_policy(mode_t mode)
{
	static char path[128];
	int fd;

	IGNORE(snprintf(path, sizeof(path), "%s/p.yaml", directory) < 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write(fd, HEAD, strlen(HEAD)), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

START_TEST(a_file_that_others_can_write_is_refused)
{
	cleanup_with(buf_finish) struct buf bytes = buf_growing(POLICY_BYTES_MAX + 1);
	struct error err = { 0 };

	ck_assert_int_eq(policy_read(write_policy(0644), &bytes, &err), 0);
	ck_assert_int_eq(policy_read(write_policy(0646), &bytes, &err), -EPERM);
	ck_assert_int_eq(err.exit_code, 120);
	ck_assert_ptr_nonnull(strstr(err.next, "chmod o-w"));
}
END_TEST

START_TEST(only_a_regular_file_is_read)
{
	cleanup_with(buf_finish) struct buf bytes = buf_growing(POLICY_BYTES_MAX + 1);
	char path[128];
	struct error err = { 0 };

	ck_assert_int_eq(policy_read(directory, &bytes, &err), -EINVAL);
	ck_assert_int_eq(policy_read("/dev/zero", &bytes, &err), -EINVAL);
	IGNORE(snprintf(path, sizeof(path), "%s/p.yaml", directory) < 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(policy_read(path, &bytes, &err), -EINVAL);
	ck_assert_int_eq(policy_read("/nowhere/x", &bytes, &err), -ENOENT);
	ck_assert_int_eq(err.exit_code, 120);
}
END_TEST

START_TEST(a_name_that_is_not_found_is_an_error_with_a_next_step)
{
	char path[POLICY_PATH_MAX];
	struct error err = { 0 };

	ck_assert_int_eq(policy_find("no-such-policy-here", path, &err), -ENOENT);
	ck_assert_int_eq(err.exit_code, 120);
	ck_assert(err.next[0] != '\0');
	ck_assert_int_eq(policy_find("./x.yaml", path, &err), 0);
	ck_assert_str_eq(path, "./x.yaml");
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("policy_compile");
	TCase *refused = tcase_create("the unknown is refused");
	TCase *taken = tcase_create("the known is taken");
	TCase *files = tcase_create("files");

	tcase_add_loop_test(refused, a_bad_document_is_refused_with_place_and_word, 0,
			    (int)COUNT(bad_documents));
	tcase_add_loop_test(refused, syntax_errors_have_a_place, 0, 6);
	tcase_add_test(refused, twenty_errors_are_said_and_the_rest_counted);
	tcase_add_test(refused, depth_and_size_are_bounded);
	tcase_add_test(refused, a_list_has_256_entries_and_not_one_more);
	tcase_add_test(taken, a_good_document_fills_its_fields);
	tcase_add_test(taken, a_secret_is_named_by_its_source_and_its_file_is_hidden);
	tcase_add_test(taken, what_is_not_said_is_the_narrowest);
	tcase_add_test(taken, yes_and_on_are_plain_words);
	tcase_add_checked_fixture(files, make_directory, remove_directory);
	tcase_add_test(files, a_file_that_others_can_write_is_refused);
	tcase_add_test(files, only_a_regular_file_is_read);
	tcase_add_test(files, a_name_that_is_not_found_is_an_error_with_a_next_step);
	tcase_set_tags(refused, "pure");
	tcase_set_tags(taken, "pure");
	suite_add_tcase(suite, refused);
	suite_add_tcase(suite, taken);
	suite_add_tcase(suite, files);
	return suite;
}
