/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the command line as a filter. */
#include <errno.h>

#include "base/parse.h"
#include "base/text.h"
#include "cli/ledger.h"

#define SECOND_NS 1000000000ULL

/* ---- times ---- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static int midnight(uint64_t now_ns, int days_back, uint64_t *ret_ns)
{
	time_t now = (time_t)(now_ns / SECOND_NS);
	struct tm local;

	if (!localtime_r(&now, &local))
		return -EINVAL;
	local.tm_hour = local.tm_min = local.tm_sec = 0;
	local.tm_mday -= days_back;
	local.tm_isdst = -1;
	now = mktime(&local);
	if (now < 0)
		return -EINVAL;
	*ret_ns = (uint64_t)now * SECOND_NS;
	return 0;
}

/* "-10min", "-2h": also the units that parse_duration() has. */
static int parse_ago(struct slice text, uint64_t now_ns, uint64_t *ret_ns)
{
	char copy[32];
	uint64_t ago;

	if (text.len < 2 || text.len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text.data + 1, text.len - 1);
	copy[text.len - 1] = '\0';
	if (text.len > 4 && strcmp(copy + text.len - 4, "min") == 0)
		copy[text.len - 3] = '\0';
	if (parse_duration(slice_of(copy), &ago) < 0)
		return -EINVAL;
	*ret_ns = now_ns > ago ? now_ns - ago : 0;
	return 0;
}

static int parse_zone(const char *rest, int64_t *ret_seconds)
{
	uint64_t hours, minutes;

	if (strcmp(rest, "Z") == 0 || strcmp(rest, "z") == 0) {
		*ret_seconds = 0;
		return 0;
	}
	if ((rest[0] != '+' && rest[0] != '-') || strlen(rest) != 6 || rest[3] != ':')
		return -EINVAL;
	/* Two digits each; parse_u64() takes no leading zero. */
	if (parse_u64(slice_new(rest + 1 + (rest[1] == '0'), 2U - (rest[1] == '0')), 0, 23,
		      &hours) < 0 ||
	    parse_u64(slice_new(rest + 4 + (rest[4] == '0'), 2U - (rest[4] == '0')), 0, 59,
		      &minutes) < 0)
		return -EINVAL;
	*ret_seconds = (int64_t)(hours * 3600 + minutes * 60) * (rest[0] == '-' ? -1 : 1);
	return 0;
}

/* RFC 3339, or its date alone (local midnight), or without a zone (local time). */
static int parse_rfc3339(struct slice text, uint64_t *ret_ns)
{
	struct tm fields = { .tm_isdst = -1 };
	char copy[48], *rest;
	int64_t zone, seconds;

	if (text_copy(copy, sizeof(copy), text) < 0)
		return -EINVAL;
	rest = strptime(copy, "%Y-%m-%d", &fields);
	if (rest && (*rest == 'T' || *rest == 't' || *rest == ' '))
		rest = strptime(rest + 1, "%H:%M:%S", &fields);
	if (!rest)
		return -EINVAL;
	if (*rest == '.') {
		rest++;
		while (*rest >= '0' && *rest <= '9')
			rest++; /* parts of a second do not move a limit of a search */
	}
	if (*rest == '\0') {
		seconds = mktime(&fields);
	} else {
		if (parse_zone(rest, &zone) < 0)
			return -EINVAL;
		seconds = timegm(&fields) - zone;
	}
	if (seconds < 0)
		return -EINVAL;
	*ret_ns = (uint64_t)seconds * SECOND_NS;
	return 0;
}

int ledger_time_parse(struct slice text, uint64_t now_ns, uint64_t *ret_ns)
{
	if (slice_is(text, "now")) {
		*ret_ns = now_ns;
		return 0;
	}
	if (slice_is(text, "today"))
		return midnight(now_ns, 0, ret_ns);
	if (slice_is(text, "yesterday"))
		return midnight(now_ns, 1, ret_ns);
	if (slice_is(text, "boot")) {
		*ret_ns = now_ns - MIN(now_ns, clock_ns(CLOCK_BOOTTIME));
		return 0;
	}
	if (text.len > 0 && text.data[0] == '-')
		return parse_ago(text, now_ns, ret_ns);
	return parse_rfc3339(text, ret_ns);
}

static int take_time(const char *option, const char *text, uint64_t *ret_ns, struct error *err)
{
	if (!text || ledger_time_parse(slice_of(text), clock_ns(CLOCK_REALTIME), ret_ns) == 0)
		return 0;
	error_say(err, -EINVAL, "'%s' is no time for --%s", text, option);
	return error_next(err, "write 2026-01-31T14:00:00Z, -10min, -2h, today, yesterday or boot");
}

/* ---- lists ---- */

/* Hands out the parts of "a,b,c" one by one. */
static bool next_part(struct slice *rest, struct slice *ret_part)
{
	const char *comma;

	if (!rest->data)
		return false;
	comma = rest->len ? memchr(rest->data, ',', rest->len) : NULL;
	*ret_part = slice_new(rest->data, comma ? (size_t)(comma - rest->data) : rest->len);
	if (comma)
		*rest = slice_new(comma + 1, rest->len - ret_part->len - 1);
	else
		*rest = (struct slice){ 0 };
	return true;
}

static const struct class_word {
	const char *name;
	uint32_t from, to;
} class_words[] = {
	{ "control", 0, 15 }, { "file", 16, 31 }, { "read", 32, 39 }, { "process", 40, 47 },
	{ "network", 48, 63 }, { "privilege", 64, 127 }, { "run", 128, 143 },
	{ "decisions", 144, 159 }, { "enforcement", 160, 175 }, { "operator", 208, 223 },
};

static int take_kind(struct ledger_filter *filter, struct slice word, struct error *err)
{
	const char *names[RECORD_KIND_LIMIT + 1] = { 0 };
	enum record_kind kind;
	const char *near;
	size_t count = 0;

	if (record_kind_parse(word, &kind) == 0) {
		filter->any_kind[kind] = true;
		return 0;
	}
	for (size_t i = 0; i < COUNT(class_words); i++) {
		if (!slice_is(word, class_words[i].name))
			continue;
		memset(&filter->any_kind[class_words[i].from], true,
		       class_words[i].to - class_words[i].from + 1);
		return 0;
	}
	for (uint32_t i = 0; i < RECORD_KIND_LIMIT; i++) {
		if (record_kind_name(i))
			names[count++] = record_kind_name(i);
	}
	near = text_nearest(word, names);
	error_say(err, -EINVAL, "'%.*s' is no kind of record", (int)MIN(word.len, (size_t)40),
		  word.data);
	return error_next(err, near ? "did you mean '%s'?" : "kinds are, for example, '%s'; classes: "
			  "file, read, process, network, run, decisions, enforcement",
			  near ? near : "connect");
}

static int take_verdict(struct ledger_filter *filter, struct slice word, struct error *err)
{
	uint64_t number;

	if (slice_is(word, "kill"))
		word = slice_of("killed");
	if (slice_is(word, "none"))
		number = RECORD_VERDICT_NONE;
	else if (word_parse(WORDS_VERDICT, word, &number) < 0)
		return error_say(err, -EINVAL, "'%.*s' is no verdict: none, warn, deny, held, killed "
				 "or error", (int)MIN(word.len, (size_t)40), word.data);
	filter->verdicts |= 1U << number;
	return 0;
}

static int take_pid(struct ledger_filter *filter, struct slice word, struct error *err)
{
	uint32_t pid;

	if (filter->pid_count >= LEDGER_PIDS_MAX || parse_u32(word, 1, 1U << 22, &pid) < 0)
		return error_say(err, -EINVAL, "'%.*s' is no process id (at most %u of them)",
				 (int)MIN(word.len, (size_t)40), word.data, LEDGER_PIDS_MAX);
	filter->pids[filter->pid_count++] = pid;
	return 0;
}

static int take_list(const struct option_list *list, struct ledger_filter *filter,
		     int (*take)(struct ledger_filter *, struct slice, struct error *),
		     struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		struct slice rest = slice_of(list->items[i]), part;

		while (r == 0 && next_part(&rest, &part))
			r = take(filter, part, err);
	}
	return r;
}

static int take_seq(const struct option_list *list, struct ledger_filter *filter, struct error *err)
{
	const char *text, *dots;
	uint64_t from = 0, to = 0;
	int r = 0;

	if (list->count == 0)
		return 0;
	text = list->items[list->count - 1];
	dots = strstr(text, "..");
	if (!dots) {
		r = parse_u64(slice_of(text), 0, INT64_MAX - 1, &from);
		to = from;
	} else {
		if (dots != text)
			r = parse_u64(slice_new(text, (size_t)(dots - text)), 0, INT64_MAX - 1, &from);
		if (r == 0 && dots[2] != '\0')
			r = parse_u64(slice_of(dots + 2), from, INT64_MAX - 1, &to);
	}
	if (r < 0)
		return error_say(err, -EINVAL, "'%s' is no range of records: write 100..200, 100.. or 100",
				 text);
	filter->seq_from = from;
	filter->seq_to = to;
	if (from == 0 && to == 0 && !dots)
		filter->limit = 1; /* --seq 0: 0 as an end would mean "to the end" */
	return 0;
}

int ledger_filter_make(struct ledger *ledger, const struct ledger_args *args,
		       struct ledger_filter *ret_filter, struct error *err)
{
	struct ledger_filter filter = { .newest_first = args->reverse, .limit = args->limit };
	int r;

	if (args->paths.count > LEDGER_NAMES_MAX || args->runs.count > 1)
		return error_say(err, -EINVAL, "at most one --run and %u --path can be given",
				 LEDGER_NAMES_MAX);
	for (size_t i = 0; i < args->paths.count; i++)
		filter.names[filter.name_count++] = args->paths.items[i];
	r = take_list(&args->kinds, &filter, take_kind, err);
	if (r == 0)
		r = take_list(&args->verdicts, &filter, take_verdict, err);
	if (r == 0)
		r = take_list(&args->pids, &filter, take_pid, err);
	if (r == 0)
		r = take_seq(&args->seqs, &filter, err);
	if (r == 0)
		r = take_time("since", args->since, &filter.since_ns, err);
	if (r == 0)
		r = take_time("until", args->until, &filter.until_ns, err);
	if (r == 0 && args->runs.count) {
		filter.has_run = true;
		r = ledger_run_find(ledger, slice_of(args->runs.items[0]), filter.run, err);
	}
	if (r == 0)
		*ret_filter = filter;
	return r;
}
