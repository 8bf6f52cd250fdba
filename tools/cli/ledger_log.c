/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff ledger log` and `who`: records as a table, as lines, as JSON Lines, and as they come. */
#include <errno.h>
#include <poll.h>

#include "base/text.h"
#include "base/ulid.h"
#include "cli/ledger.h"
#include "ledger/render.h"

#define POLL_MS 100
#define WIDTH_PROCESS 16

static const struct option_row log_rows[] = {
	LEDGER_FILTER_ROWS,
	{ 'f', "follow", OPTION_FLAG, LEDGER_AT(follow), NULL, "go on with what is recorded from now on", NULL },
	LEDGER_WHERE_ROWS,
};

static const struct option_set log_options = {
	.verb = "ledger log",
	.usage = "[FILTER]... [-f]",
	.summary = "Shows records as sentences. The same filter twice means either, different filters mean\n"
		   "both. Each record shown is hashed again; one that does not fit is marked !!.",
	.examples = "bailiff ledger log --run @last\n"
		    "bailiff ledger log --verdict deny --since -1h\n"
		    "bailiff ledger log -f --kind network --json\n",
	.rows = log_rows,
	.count = COUNT(log_rows),
};

static const struct option_row who_rows[] = {
	LEDGER_FILTER_ROWS,
	{ 0, "reads", OPTION_FLAG, LEDGER_AT(reads), NULL, "who read it, too", NULL },
	LEDGER_WHERE_ROWS,
};

static const struct option_set who_options = {
	.verb = "ledger who",
	.usage = "PATH [FILTER]...",
	.summary = "Shows who changed a file, or was refused to. PATH is absolute or a glob. Renames and\n"
		   "links that gave the file its name are followed backwards. `blame` shows the last change.",
	.examples = "bailiff ledger who /srv/app/deploy.yml\n"
		    "bailiff ledger who '/srv/app/*.c' --since today\n",
	.rows = who_rows,
	.count = COUNT(who_rows),
};

struct printer {
	const struct ledger_args *args;
	unsigned int width;        /* 0 = no terminal: nothing is cut */
	bool colour, headed;
	uint64_t next_seq;         /* --follow: behind the newest one shown */
	struct buf line;
};

void ledger_time_text(char to[LEDGER_TIME_MAX], uint64_t ns, bool utc)
{
	time_t at = (time_t)(ns / 1000000000), now = time(NULL);
	struct tm fields, today;
	size_t len;

	if (utc) {
		gmtime_r(&at, &fields);
		gmtime_r(&now, &today);
	} else {
		localtime_r(&at, &fields);
		localtime_r(&now, &today);
	}
	if (fields.tm_year == today.tm_year && fields.tm_yday == today.tm_yday)
		len = strftime(to, LEDGER_TIME_MAX, "%H:%M:%S", &fields);
	else
		len = strftime(to, LEDGER_TIME_MAX, "%Y-%m-%d %H:%M:%S", &fields);
	IGNORE(snprintf(to + len, LEDGER_TIME_MAX - len, ".%03u%s",
			(unsigned int)(ns / 1000000 % 1000), utc ? "Z" : "") < 0);
}

static void head(struct printer *printer)
{
	if (printer->headed || printer->args->json)
		return;
	printf("%7s  %-12s  %-8s  %-*s  %s\n", "SEQ", "TIME", "RUN", WIDTH_PROCESS, "PROCESS", "WHAT");
	printer->headed = true;
}

static void put_columns(struct printer *printer, const struct ledger_hit *hit)
{
	char memory[96], time[LEDGER_TIME_MAX], run[RENDER_RUN_LEN + 1] = "-";
	struct buf process = buf_fixed(memory, sizeof(memory) - 1);

	render_process(&process, hit);
	memory[process.len] = '\0';
	ledger_time_text(time, hit->record.ts_ns, printer->args->utc);
	if (hit->record.has_run)
		render_run(hit->record.run, run);
	IGNORE(buf_printf(&printer->line, "%5llu%s  %-12s  %-8s  %-*s  ",
			  (unsigned long long)hit->seq, hit->intact ? "  " : "!!", time, run,
			  WIDTH_PROCESS, process.len ? memory : "-") < 0);
}

static void put_verdict(struct printer *printer, const struct record *record)
{
	const char *verdict = word_name(WORDS_VERDICT, record->verdict);

	if (verdict && *verdict)
		IGNORE(buf_printf(&printer->line, "  [%s%s", verdict, record->rule.len ? " " : "") < 0);
	else if (record->rule.len)
		IGNORE(buf_text(&printer->line, "  [") < 0);
	render_text(&printer->line, record->rule);
	if ((verdict && *verdict) || record->rule.len)
		IGNORE(buf_text(&printer->line, "]") < 0);
}

static const char *colour_of(const struct printer *printer, const struct ledger_hit *hit)
{
	if (!printer->colour)
		return "";
	if (!hit->intact || hit->record.verdict >= RECORD_VERDICT_DENY ||
	    hit->record.kind == RECORD_VIOLATION || hit->record.kind == RECORD_GAP)
		return "\x1b[31m";
	return hit->record.verdict == RECORD_VERDICT_WARN ? "\x1b[33m" : "";
}

/* Cut at the terminal's width, between characters. */
static size_t fitting(const struct printer *printer)
{
	struct slice rest = buf_slice(&printer->line);
	size_t columns = 0, len = 0;

	if (printer->width == 0)
		return rest.len;
	while (len < rest.len && columns < printer->width) {
		uint32_t point;
		size_t step = text_utf8_next(slice_new(rest.data + len, rest.len - len), &point);

		len += step ? step : 1;
		columns++;
	}
	return len;
}

static int print_hit(void *context, const struct ledger_hit *hit)
{
	struct printer *printer = context;
	const char *colour;
	size_t len;

	printer->line.len = 0;
	printer->line.failed = false;
	printer->next_seq = MAX(printer->next_seq, hit->seq + 1);
	head(printer);
	if (printer->args->json) {
		render_json(&printer->line, hit);
	} else {
		put_columns(printer, hit);
		render_what(&printer->line, hit);
		put_verdict(printer, &hit->record);
	}
	if (printer->line.failed)
		return -EMSGSIZE;
	colour = colour_of(printer, hit);
	len = printer->args->json ? printer->line.len : fitting(printer);
	printf("%s%.*s%s\n", colour, (int)len, printer->line.data, *colour ? "\x1b[0m" : "");
	return ferror(stdout) ? -EPIPE : 0;
}

int ledger_answer_end(const struct ledger_answer *answer, const struct ledger_args *args)
{
	bool degraded = answer->mismatched || answer->undecodable || answer->gaps ||
			answer->unsigned_late;

	if (!args->json) {
		fflush(stdout);
		fprintf(stderr, "%llu record%s; log signed to %llu of %llu; ",
			(unsigned long long)answer->found, answer->found == 1 ? "" : "s",
			(unsigned long long)answer->signed_size, (unsigned long long)answer->size);
		if (answer->gaps)
			fprintf(stderr, "%llu GAPS: something that happened is missing here\n",
				(unsigned long long)answer->gaps);
		else
			fprintf(stderr, "no gaps\n");
	}
	if (answer->mismatched || answer->undecodable)
		fprintf(stderr, "bailiff: %llu of these are not what was recorded (marked !!)\n"
			"  next: `bailiff ledger verify` names the first bad record\n",
			(unsigned long long)(answer->mismatched + answer->undecodable));
	if (answer->unsigned_late)
		fprintf(stderr, "bailiff: the newest records are unsigned for more than 5 s: the ledger's "
				"writer stopped\n");
	if (degraded)
		return CLI_DEGRADED;
	return answer->found ? CLI_OK : CLI_NONE;
}

static int query(struct ledger *ledger, const struct ledger_filter *filter, struct printer *printer,
		 struct ledger_answer *answer, struct error *err)
{
	int r = ledger_query(ledger, filter, print_hit, printer, answer, err);

	if (r == -EMSGSIZE)
		return error_say(err, r, "a record is too long to be shown");
	if (r == -EPIPE)
		return error_set(err, r, "write to standard output");
	return r;
}

/* Until the reader of our output goes, or a signal ends us. */
static int follow(struct ledger *ledger, struct ledger_filter *filter, struct printer *printer,
		  struct ledger_answer *total, struct error *err)
{
	struct pollfd out = { .fd = STDOUT_FILENO };
	int r = 0;

	while (r == 0 && poll(&out, 1, POLL_MS) >= 0 && !(out.revents & (POLLERR | POLLHUP))) {
		struct ledger_answer answer = { 0 };
		bool changed = false;

		fflush(stdout);
		r = ledger_poll(ledger, &changed, err);
		if (r < 0 || !changed)
			continue;
		filter->seq_from = printer->next_seq;
		r = query(ledger, filter, printer, &answer, err);
		if (answer.size > filter->seq_from)
			printer->next_seq = MAX(printer->next_seq, answer.size);
		total->found += answer.found;
		total->mismatched += answer.mismatched;
	}
	return r == -EPIPE ? 0 : r;
}

static int note_seq(void *context, const struct ledger_hit *hit)
{
	uint64_t *seq = context;

	*seq = hit->seq;
	return 0;
}

/* -n N means the newest N, oldest of them first, as in journalctl(1): find where they begin. */
static int begin_at_newest(struct ledger *ledger, struct ledger_filter *filter, struct error *err)
{
	struct ledger_filter backwards = *filter;
	struct ledger_answer answer;
	uint64_t first = filter->seq_from;
	int r;

	if (filter->limit == 0 || filter->newest_first)
		return 0;
	backwards.newest_first = true;
	r = ledger_query(ledger, &backwards, note_seq, &first, &answer, err);
	if (r < 0)
		return r;
	filter->seq_from = first;
	filter->limit = 0;
	/* Nothing found stays nothing; what is written meanwhile is not of this answer. */
	filter->seq_to = filter->seq_to || answer.size == 0 ? filter->seq_to : answer.size - 1;
	return 0;
}

static int show(const char *verb, struct ledger *ledger, struct ledger_filter *filter,
		const struct ledger_args *args)
{
	cleanup_with(buf_finish) struct buf line = buf_growing(2 * RENDER_MAX);
	struct printer printer = { .args = args, .width = args->json ? 0 : cli_width(),
				   .colour = cli_colour() && !args->json, .line = line };
	struct ledger_answer answer;
	struct error err = { 0 };
	bool changed;
	int r = ledger_poll(ledger, &changed, &err);

	if (r == 0)
		r = begin_at_newest(ledger, filter, &err);
	if (r == 0)
		r = query(ledger, filter, &printer, &answer, &err);
	if (r == 0 && args->follow) {
		printer.next_seq = MAX(printer.next_seq, answer.size);
		r = follow(ledger, filter, &printer, &answer, &err);
	}
	line = printer.line;
	if (r < 0)
		return ledger_fail(verb, r, &err);
	return ledger_answer_end(&answer, args);
}

static int run_log(const struct ledger_args *args)
{
	cleanup_with(ledger_free_p) struct ledger *ledger = NULL;
	struct ledger_filter filter;
	struct error err = { 0 };
	int r = ledger_args_open(args, &ledger, &err);

	if (r == 0)
		r = ledger_filter_make(ledger, args, &filter, &err);
	if (r == -ENOENT && ledger) {
		error_print("bailiff ledger log", &err);
		return CLI_NONE;
	}
	return r < 0 ? ledger_fail("log", r, &err) : show("log", ledger, &filter, args);
}

int ledger_log(int argc, char **argv)
{
	cleanup_with(ledger_args_finish) struct ledger_args args = { 0 };
	struct option_words words;
	int r = options_take(&log_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count)
		return cli_usage("ledger log", "'%s' is not expected here; filters are options",
				 words.words[0]);
	if (args.follow && (args.reverse || args.limit))
		return cli_usage("ledger log", "--follow excludes --reverse and --limit; --since -1min "
				 "limits what is shown at first");
	return run_log(&args);
}

/* ---- who ---- */

static void kinds_of_who(struct ledger_filter *filter, bool reads)
{
	for (size_t i = 0; i < COUNT(filter->any_kind); i++) {
		if (filter->any_kind[i])
			return;
	}
	memset(&filter->any_kind[RECORD_CREATE], true, 16);
	filter->any_kind[RECORD_DECISION] = true;
	filter->any_kind[RECORD_VIOLATION] = true;
	if (reads)
		memset(&filter->any_kind[RECORD_OPEN_READ], true, 8);
}

static int run_who(const struct ledger_args *args, const char *path, bool last)
{
	cleanup_with(ledger_free_p) struct ledger *ledger = NULL;
	struct ledger_filter filter;
	struct error err = { 0 };
	int r = ledger_args_open(args, &ledger, &err);

	if (r == 0)
		r = ledger_filter_make(ledger, args, &filter, &err);
	if (r < 0)
		return ledger_fail("who", r, &err);
	kinds_of_who(&filter, args->reads);
	filter.names[0] = path;
	filter.name_until[0] = 0;
	filter.name_count = 1;
	if (last) {
		filter.any_kind[RECORD_DECISION] = filter.any_kind[RECORD_VIOLATION] = false;
		filter.newest_first = true;
		filter.limit = filter.limit ? filter.limit : 1;
	}
	r = ledger_follow(ledger, &filter, &err);
	return r < 0 ? ledger_fail("who", r, &err) : show("who", ledger, &filter, args);
}

int ledger_who(int argc, char **argv)
{
	cleanup_with(ledger_args_finish) struct ledger_args args = { 0 };
	bool last = strcmp(argv[0], "blame") == 0;
	char absolute[4096];
	struct option_words words;
	int r = options_take(&who_options, argc, argv, &args, &words);

	if (r >= 0)
		return r;
	if (words.count != 1 || words.words[0][0] == '\0')
		return cli_usage("ledger who", "one PATH is expected: bailiff ledger who PATH");
	if (args.paths.count)
		return cli_usage("ledger who", "--path is what PATH says already");
	/* Records have absolute paths; one that begins otherwise is meant from here. */
	if (words.words[0][0] != '/' && words.words[0][0] != '*') {
		auto_free char *here = getcwd(NULL, 0);

		IGNORE(snprintf(absolute, sizeof(absolute), "%s/%s", here ? here : "",
				words.words[0]) < 0);
		return run_who(&args, absolute, last);
	}
	return run_who(&args, words.words[0], last);
}
