/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff ledger verify`, `prove` and `checkpoint`. */
#include <errno.h>
#include <fcntl.h>

#include "base/io.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/ledger.h"
#include "ledger/prove.h"
#include "ledger/render.h"
#include "ledger/verify.h"

static const struct option_row verify_rows[] = {
	{ 0, "key", OPTION_TEXT, LEDGER_AT(key), "VKEY|FILE", "the log's verifier key, kept elsewhere", NULL },
	{ 0, "policy", OPTION_TEXT, LEDGER_AT(policy), "FILE", "trusted logs, else /etc/bailiff/verify.policy", NULL },
	{ 0, "checkpoint", OPTION_TEXT, LEDGER_AT(checkpoint), "FILE", "a checkpoint kept elsewhere: must still be part of the log", NULL },
	{ 0, "enrol", OPTION_FLAG, LEDGER_AT(enrol), NULL, "trust the key that this log shows, now and later", NULL },
	{ 0, "memory", OPTION_TEXT, LEDGER_AT(memory), "DIR", "where the last good result is kept", NULL },
	{ 0, "no-memory", OPTION_FLAG, LEDGER_AT(no_memory), NULL, "compare with no earlier result and keep none", NULL },
	{ 0, "quick", OPTION_FLAG, LEDGER_AT(quick), NULL, "leave out the check of SQLite's own structures", NULL },
	LEDGER_WHERE_ROWS,
};

static const struct option_set verify_options = {
	.verb = "ledger verify", .usage = "[--key VKEY|FILE] [--checkpoint FILE] [--enrol]",
	.summary = "Hashes and decodes every record, derives every table again from the records alone, and\n"
		   "checks every signature. Says against whom the result is a proof. The first verify on\n"
		   "a machine can only say that the log is consistent with itself, and remembers its key\n"
		   "and size; the next one compares. Exit: 0 PASS, 1 FAIL, 3 degraded, 4 cannot verify.",
	.examples = "bailiff ledger verify --enrol\n"
		    "bailiff ledger verify --key h-3f9a.vkey --checkpoint kept.note\n",
	.rows = verify_rows, .count = COUNT(verify_rows),
};

static const struct option_row prove_rows[] = {
	{ 'o', "output", OPTION_TEXT, LEDGER_AT(output), "FILE", "the proof; the record goes beside it, as .rec", NULL },
	LEDGER_WHERE_ROWS,
};

static const struct option_set prove_options = {
	.verb = "ledger prove", .usage = "SEQ [-o FILE]",
	.summary = "Writes a c2sp.org/tlog-proof@v1 of one record, and the record's bytes. Without -o the\n"
		   "proof goes to stdout.",
	.examples = "bailiff ledger prove 48213 -o v.tlog-proof\n",
	.rows = prove_rows, .count = COUNT(prove_rows),
};

static const struct option_row checkpoint_rows[] = { LEDGER_WHERE_ROWS };

static const struct option_set checkpoint_options = {
	.verb = "ledger checkpoint", .usage = "",
	.summary = "Prints the newest signed checkpoint. Kept off this machine, it shows later whether\n"
		   "anything before it was changed or cut off: verify --checkpoint FILE.",
	.examples = "bailiff ledger checkpoint > kept.note\n",
	.rows = checkpoint_rows, .count = COUNT(checkpoint_rows),
};

/* ---- verify ---- */

/* Root's memory belongs to the state directory; everybody else's to himself. */
static const char *memory_dir(const struct ledger_args *args, char *buf, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (args->no_memory)
		return NULL;
	if (args->memory)
		return args->memory;
	if (geteuid() == 0)
		IGNORE(snprintf(buf, size, "%s/verify",
				args->state_dir ? args->state_dir : CLI_DEFAULT_STATE_DIR) < 0);
	else if (state && state[0] == '/')
		IGNORE(snprintf(buf, size, "%s/bailiff/verify", state) < 0);
	else if (home && home[0] == '/')
		IGNORE(snprintf(buf, size, "%s/.local/state/bailiff/verify", home) < 0);
	else
		return NULL;
	return buf;
}

static const char *trust_text(enum verify_trust trust)
{
	switch (trust) {
	case VERIFY_TRUST_NONE:
		return "shown by the ledger itself";
	case VERIFY_TRUST_REMEMBERED:
		return "the one that an earlier verify saw (trust on first use)";
	case VERIFY_TRUST_ENROLLED:
		return "taken from the ledger now, as you said (--enrol)";
	case VERIFY_TRUST_POLICY:
		return "trusted by the policy file";
	case VERIFY_TRUST_GIVEN:
		return "the one given with --key";
	}
	return "unknown";
}

static void say_findings(const struct verify_report *report)
{
	if (report->has_bad)
		printf("first bad record: %llu\n", (unsigned long long)report->bad_seq);
	for (uint32_t i = 0; i < report->finding_count; i++) {
		const struct verify_finding *finding = &report->findings[i];

		if (finding->has_seq)
			printf("  record %llu: %s\n", (unsigned long long)finding->seq, finding->text);
		else
			printf("  %s\n", finding->text);
	}
	if (report->findings_more)
		printf("  and %llu more\n", (unsigned long long)report->findings_more);
}

static void say_degraded(const struct verify_report *report)
{
	if (report->gaps)
		printf("  %llu gaps: the log itself says that %llu events are missing\n",
		       (unsigned long long)report->gaps, (unsigned long long)report->lost);
	if (report->unsigned_late)
		printf("  the newest %llu records are not signed: the writer was stopped, or cannot sign\n",
		       (unsigned long long)(report->size - report->signed_size));
	if (report->witness_unchecked)
		printf("  the policy asks for witnesses, which this version does not check\n");
	if (report->trust == VERIFY_TRUST_NONE)
		printf("  whoever made this file may have made its key, too\n"
		       "  next: compare the key with one kept elsewhere (--key), or run verify again: the "
		       "key is%s remembered now\n", report->remembered ? "" : " NOT");
}

static void say_proved(const struct verify_report *report)
{
	printf("proved against: whoever can edit the file but has no signing key%s\n",
	       report->compared_size ? "; nothing that an earlier check saw was cut off or replaced" : "");
	printf("not against: root on this host, who holds the keys of the open epoch; that a record is "
	       "true; freshness\n");
}

static void say_report(const struct verify_report *report)
{
	printf("origin %s   %llu records, %llu epoch%s, %llu checkpoints, %llu runs\n", report->origin,
	       (unsigned long long)report->size, (unsigned long long)report->epochs,
	       report->epochs == 1 ? "" : "s", (unsigned long long)report->checkpoints,
	       (unsigned long long)report->runs);
	if (report->result != VERIFY_FAIL)
		printf("records ok   tree ok   columns ok   state ok   runs ok   signatures ok   values %s"
		       "   gaps: %llu   unsigned: %llu\n", report->values_checked ? "ok" : "not readable",
		       (unsigned long long)report->gaps,
		       (unsigned long long)(report->size - report->signed_size));
	printf("identity key: %s\n", trust_text(report->trust));
	if (report->compared_size)
		printf("still contains the %llu records that were seen before\n",
		       (unsigned long long)report->compared_size);
	switch (report->result) {
	case VERIFY_PASS:
		printf("PASS\n");
		say_proved(report);
		return;
	case VERIFY_DEGRADED:
		printf("%s\n", report->trust == VERIFY_TRUST_NONE ? "SELF-CONSISTENT ONLY" : "DEGRADED");
		say_degraded(report);
		return;
	case VERIFY_FAIL:
		printf("FAIL\n");
		say_findings(report);
		return;
	case VERIFY_CANNOT:
		printf("CANNOT VERIFY\n");
	}
}

static void json_report(const struct verify_report *report)
{
	static const char *const results[] = { "PASS", "FAIL", "", "DEGRADED", "CANNOT" };
	static const char *const trusts[] = { "none", "remembered", "enrolled", "policy", "given" };
	cleanup_with(buf_finish) struct buf line = buf_growing(RENDER_MAX);

	IGNORE(buf_printf(&line, "{\"result\":\"%s\",\"trust\":\"%s\",", results[report->result],
			  trusts[report->trust]) < 0);
	render_json_bytes(&line, "origin", slice_of(report->origin));
	IGNORE(buf_printf(&line, ",\"records\":%llu,\"signed\":%llu,\"checkpoints\":%llu,\"runs\":%llu,"
			  "\"gaps\":%llu,\"lost\":%llu,\"compared\":%llu,\"values\":%s,",
			  (unsigned long long)report->size, (unsigned long long)report->signed_size,
			  (unsigned long long)report->checkpoints, (unsigned long long)report->runs,
			  (unsigned long long)report->gaps, (unsigned long long)report->lost,
			  (unsigned long long)report->compared_size,
			  report->values_checked ? "true" : "false") < 0);
	IGNORE(buf_printf(&line, report->has_bad ? "\"first_bad\":%llu,\"findings\":[" :
						   "\"first_bad\":null,\"findings\":[",
			  (unsigned long long)report->bad_seq) < 0);
	for (uint32_t i = 0; i < report->finding_count; i++) {
		const struct verify_finding *finding = &report->findings[i];

		IGNORE(buf_printf(&line, finding->has_seq ? "%s{\"seq\":%llu,\"text\":" :
							    "%s{\"seq\":null,\"text\":",
				  i ? "," : "", (unsigned long long)finding->seq) < 0);
		render_json_string(&line, slice_of(finding->text));
		IGNORE(buf_text(&line, "}") < 0);
	}
	printf("%.*s]}\n", (int)line.len, line.data);
}

int ledger_verify(int argc, char **argv)
{
	cleanup_with(ledger_args_finish) struct ledger_args args = { 0 };
	char path[4096], memory[4096];
	struct verify_options options;
	struct verify_report report;
	struct option_words words;
	struct error err = { 0 };
	int r = options_take(&verify_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count)
		return cli_usage("ledger verify", "'%s' is not expected here", words.words[0]);
	options = (struct verify_options){
		.path = ledger_args_path(&args, path, sizeof(path)), .key = args.key,
		.policy = args.policy, .checkpoint = args.checkpoint, .enrol = args.enrol,
		.memory_dir = memory_dir(&args, memory, sizeof(memory)), .quick = args.quick,
		.deadline_ms = (uint32_t)MIN(args.deadline_ns / 1000000, (uint64_t)UINT32_MAX),
	};
	r = verify_run(&options, &report, &err);
	if (r < 0) {
		error_print("bailiff ledger verify", &err);
		return VERIFY_CANNOT;
	}
	if (args.json)
		json_report(&report);
	else
		say_report(&report);
	return (int)report.result;
}

/* ---- prove ---- */

static int write_file(const char *path, struct slice bytes, struct error *err)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
	int r = fd < 0 ? -errno : io_write(fd, bytes.data, bytes.len);

	return r < 0 ? error_set(err, r, "write '%s'", path) : 0;
}

/* "v.tlog-proof" gives "v.rec", "proof" gives "proof.rec". */
static int record_path(const char *proof, char *to, size_t size)
{
	static const char ending[] = ".tlog-proof";
	size_t len = strlen(proof), tail = sizeof(ending) - 1;

	if (len > tail && strcmp(proof + len - tail, ending) == 0)
		len -= tail;
	return (size_t)snprintf(to, size, "%.*s.rec", (int)len, proof) < size ? 0 : -ENAMETOOLONG;
}

static int prove(const struct ledger_args *args, uint64_t seq, struct error *err)
{
	cleanup_with(ledger_free_p) struct ledger *ledger = NULL;
	cleanup_with(buf_finish) struct buf proof = buf_growing(PROVE_MAX);
	cleanup_with(buf_finish) struct buf rec = buf_growing(RECORD_MAX);
	struct prove_facts facts = { 0 };
	char path[4096];
	int r = ledger_args_open(args, &ledger, err);

	if (r == 0)
		r = prove_record(ledger, seq, &proof, &rec, &facts, err);
	if (r < 0)
		return r;
	if (!args->output) {
		printf("%.*s", (int)proof.len, proof.data);
		return 0;
	}
	if (record_path(args->output, path, sizeof(path)) < 0)
		return error_set(err, -ENAMETOOLONG, "write '%s'", args->output);
	r = write_file(args->output, buf_slice(&proof), err);
	if (r == 0)
		r = write_file(path, buf_slice(&rec), err);
	if (r == 0)
		printf("wrote %s (%u hashes, checkpoint %llu) and %s (%zu B)\n", args->output,
		       facts.hashes, (unsigned long long)facts.size, path, rec.len);
	return r;
}

int ledger_prove(int argc, char **argv)
{
	cleanup_with(ledger_args_finish) struct ledger_args args = { 0 };
	struct option_words words;
	struct error err = { 0 };
	uint64_t seq;
	int r = options_take(&prove_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != 1 || parse_u64(slice_of(words.words[0]), 0, INT64_MAX - 1, &seq) < 0)
		return cli_usage("ledger prove", "the number of one record is expected");
	r = prove(&args, seq, &err);
	if (r == -ENOENT && err.next[0] == '\0') {
		error_print("bailiff ledger prove", &err);
		return CLI_NONE;
	}
	return r < 0 ? ledger_fail("prove", r == -EINVAL ? -EIO : r, &err) : CLI_OK;
}

/* ---- checkpoint ---- */

int ledger_checkpoint_verb(int argc, char **argv)
{
	cleanup_with(ledger_args_finish) struct ledger_args args = { 0 };
	cleanup_with(ledger_free_p) struct ledger *ledger = NULL;
	struct note_checkpoint checkpoint;
	struct option_words words;
	struct error err = { 0 };
	struct slice note;
	int r = options_take(&checkpoint_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count)
		return cli_usage("ledger checkpoint", "'%s' is not expected here", words.words[0]);
	r = ledger_args_open(&args, &ledger, &err);
	if (r == 0)
		r = ledger_checkpoint(ledger, 0, &note, &checkpoint, &err);
	if (r < 0)
		return ledger_fail("checkpoint", r, &err);
	if (r == 0) {
		fprintf(stderr, "bailiff ledger checkpoint: the log is not signed yet\n");
		return CLI_NONE;
	}
	printf("%.*s", (int)note.len, note.data);
	return CLI_OK;
}
