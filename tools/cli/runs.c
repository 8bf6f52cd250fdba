/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/runs.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/words.h"

#define RUNS_ANSWER_MS 5000
#define RUNS_TOTAL_MAX 65536U  /* a supervisor that lists more than this is broken */

void runs_finish(struct runs *runs)
{
	free(runs->rows);
	*runs = (struct runs){ 0 };
}

static int runs_append(struct runs *runs, const struct wire_run_row *row)
{
	struct wire_run_row *grown;

	if (runs->count >= RUNS_TOTAL_MAX)
		return -E2BIG;
	grown = reallocarray(runs->rows, runs->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[runs->count++] = *row;
	runs->rows = grown;
	return 0;
}

/* One LIST: its rows up to DONE. Returns the number of rows. */
static int runs_page(int socket, bool all, struct runs *runs, struct error *err)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_LIST,
					.flags = all ? WIRE_ALL : 0,
					.cursor = (uint32_t)runs->count };
	struct wire_answer answer;
	int count = 0;
	int r = client_send(socket, &request, err);

	while (r == 0) {
		r = client_receive(socket, RUNS_ANSWER_MS, &answer, err);
		if (r == 0 && answer.kind == WIRE_DONE)
			return count;
		if (r == 0 && answer.kind != WIRE_RUN_ROW)
			continue;
		if (r == 0) {
			r = runs_append(runs, &answer.u.row);
			count++;
			if (r < 0)
				error_set(err, r, "list the runs");
		}
	}
	return r;
}

int runs_list(int socket, bool all, struct runs *ret_runs, struct error *err)
{
	int count;

	*ret_runs = (struct runs){ 0 };
	do {
		count = runs_page(socket, all, ret_runs, err);
	} while (count >= (int)WIRE_RUNS_MAX);
	return count < 0 ? count : 0;
}

static bool tail_matches(const char *id, const char *word)
{
	size_t id_len = strlen(id), len = strlen(word);

	return len <= id_len && strcasecmp(id + id_len - len, word) == 0;
}

static int word_refused(int code, const char *word, const char *why, const char *next,
			struct error *err)
{
	error_say(err, code, "run '%s' %s", word, why);
	error_next(err, "%s", next);
	return error_exit(err, code == -ENOENT ? CLI_NONE : CLI_USAGE);
}

int runs_find(const struct runs *runs, const char *word, const struct wire_run_row **ret_row,
	      struct error *err)
{
	const struct wire_run_row *found = NULL;
	size_t len = strlen(word);

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)word[i]))
			return word_refused(-EINVAL, word, "is no run's id", "`bailiff ps --all` lists them", err);
	}
	if (len < RUNS_TAIL_MIN || len > ULID_TEXT_LEN)
		return word_refused(-EINVAL, word, "is too short or too long",
				    "give the id or its last 4 or more characters", err);
	for (size_t i = 0; i < runs->count; i++) {
		char id[ULID_TEXT_LEN + 1];

		ulid_text(&runs->rows[i].run, id);
		if (!tail_matches(id, word))
			continue;
		if (found)
			return word_refused(-EEXIST, word, "fits several runs", "give more characters", err);
		found = &runs->rows[i];
	}
	if (!found)
		return word_refused(-ENOENT, word, "is not known to the supervisor",
				    "`bailiff ledger run list` shows runs that ended before", err);
	*ret_row = found;
	return 0;
}

int runs_json_print(const struct wire_run_row *row)
{
	char run[ULID_TEXT_LEN + 1], started[TEXT_TIME_MAX], ended[TEXT_TIME_MAX];
	json_t *object;
	int r;

	ulid_text(&row->run, run);
	text_time_utc(started, row->started_ns);
	text_time_utc(ended, row->ended_ns);
	object = json_pack("{s:s, s:s, s:s, s:s, s:o, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:I, "
			   "s:I, s:i, s:o, s:o}",
			   "run", run, "status", word_status(row->status), "cause", word_cause(row->cause),
			   "started", started, "ended", row->ended_ns ? json_string(ended) : json_null(),
			   "exit_code", row->exit_code, "kind", "run", "agent", word_json(row->agent),
			   "policy", word_json(row->policy_name), "owner", word_json(row->owner),
			   "command", word_json(row->command), "workspace", word_json(row->workspace),
			   "uid", (int)row->uid, "processes", (int)row->processes,
			   "events", (json_int_t)row->events, "refused", (json_int_t)row->refused,
			   "violations", (int)row->violations, "status_text", word_json(row->status_text),
			   "paused_for", row->paused_for[0] ? word_json(row->paused_for) : json_null());
	r = object && json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 ? 0 : -ENOMEM;
	json_decref(object);
	putchar('\n');
	return r;
}

bool runs_nobody(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED;
}

int runs_find_live(int control_fd, const char *word, struct ulid *ret_run, struct error *err)
{
	cleanup_with(runs_finish) struct runs runs = { 0 };
	const struct wire_run_row *row;
	int r = runs_list(control_fd, true, &runs, err);

	if (r == 0)
		r = runs_find(&runs, word, &row, err);
	if (r < 0)
		return r;
	if (row->ended_ns != 0) {
		error_say(err, -ESRCH, "run '%s' is over: %s", word, word_status(row->status));
		error_next(err, "`bailiff ledger run show %s` says how it ended", word);
		return error_exit(err, CLI_NONE);
	}
	*ret_run = row->run;
	return 0;
}
