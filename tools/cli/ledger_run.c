/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff ledger run list` and `tree`; `show` is in ledger_show.c. */
#include <errno.h>

#include "base/text.h"
#include "base/ulid.h"
#include "cli/ledger.h"
#include "cli/ledger_show.h"
#include "ledger/render.h"

static const struct option_row list_rows[] = {
	{ 'n', "limit", OPTION_COUNT, LEDGER_AT(limit), "N", "the newest N only", NULL },
	{ 'r', "reverse", OPTION_FLAG, LEDGER_AT(reverse), NULL, "newest first", NULL },
	LEDGER_WHERE_ROWS,
};

static const struct option_set list_options = {
	.verb = "ledger run list", .usage = "[-n N] [-r]",
	.summary = "Lists all runs that the ledger knows.",
	.examples = "bailiff ledger run list -r -n 10\n",
	.rows = list_rows, .count = COUNT(list_rows),
};

static const struct option_row one_rows[] = { LEDGER_WHERE_ROWS };

static const struct option_set tree_options = {
	.verb = "ledger run tree", .usage = "RUN",
	.summary = "Shows the processes of a run as a tree: how long each lived, how it ended, how many\n"
		   "files it changed (w), how often it used the network (n), how often it was refused.",
	.examples = "bailiff ledger run tree @last\n",
	.rows = one_rows, .count = COUNT(one_rows),
};

static const struct option_set explain_options = {
	.verb = "ledger run show", .usage = "RUN",
	.summary = "Explains a run: who, under which policy, what was refused and why, what to do about\n"
		   "it, how it ended.",
	.examples = "bailiff ledger run show @last\n",
	.rows = one_rows, .count = COUNT(one_rows),
};

/* ---- list ---- */

struct lister {
	const struct ledger_args *args;
	struct buf *line;
	uint64_t found;
};

static void list_json(struct buf *line, const struct ledger_run *run, const char *uid)
{
	char time[TEXT_TIME_MAX], hex[65];

	text_hex(hex, run->policy, 32);
	text_time_utc(time, run->start_ns);
	IGNORE(buf_printf(line, "{\"run\":\"%s\",\"seq\":%llu,\"status\":\"%s\",\"started\":\"%s\","
			  "\"started_ns\":\"%llu\",\"ended_ns\":", uid, (unsigned long long)run->id,
			  word_name(WORDS_STATUS, (uint64_t)run->status), time,
			  (unsigned long long)run->start_ns) < 0);
	if (run->end_ns)
		IGNORE(buf_printf(line, "\"%llu\"", (unsigned long long)run->end_ns) < 0);
	else
		IGNORE(buf_text(line, "null") < 0);
	IGNORE(buf_printf(line, run->has_exit ? ",\"exit_code\":%lld" : ",\"exit_code\":null",
			  (long long)run->exit_code) < 0);
	IGNORE(buf_printf(line, ",\"records\":%llu,\"lost\":%llu,\"refused\":%llu,\"violations\":%llu,"
			  "\"policy_digest\":\"%s\",", (unsigned long long)run->records,
			  (unsigned long long)run->lost, (unsigned long long)run->refused,
			  (unsigned long long)run->violations, hex) < 0);
	render_json_bytes(line, "agent", run->agent);
	IGNORE(buf_text(line, ",") < 0);
	render_json_bytes(line, "owner", run->owner);
	IGNORE(buf_text(line, ",") < 0);
	render_json_bytes(line, "policy", run->policy_name);
	IGNORE(buf_text(line, "}") < 0);
}

static void list_people(struct buf *line, const struct ledger_run *run, const char *uid, bool utc)
{
	char time[LEDGER_TIME_MAX], took[24] = "-";
	const char *status = word_name(WORDS_STATUS, (uint64_t)run->status);

	ledger_time_text(time, run->start_ns, utc);
	if (run->end_ns > run->start_ns)
		text_duration(took, sizeof(took), run->end_ns - run->start_ns);
	IGNORE(buf_printf(line, "%s  %-24s %-10s %8s  %7llu  %4llu  ", uid, time,
			  status ? status : "?", took, (unsigned long long)run->refused,
			  (unsigned long long)run->violations) < 0);
	render_text(line, run->agent.len ? run->agent : slice_of("-"));
	IGNORE(buf_text(line, "  ") < 0);
	render_text(line, run->policy_name);
}

static int list_one(void *context, const struct ledger_run *run)
{
	struct lister *lister = context;
	char uid[ULID_TEXT_LEN + 1];
	struct ulid ulid;

	memcpy(ulid.bytes, run->uid, sizeof(ulid.bytes));
	ulid_text(&ulid, uid);
	if (lister->found++ == 0 && !lister->args->json)
		printf("%-26s  %-24s %-10s %8s  %7s  %4s  %s\n", "RUN", "STARTED", "STATUS", "TIME",
		       "REFUSED", "VIOL", "AGENT  POLICY");
	lister->line->len = 0;
	if (lister->args->json)
		list_json(lister->line, run, uid);
	else
		list_people(lister->line, run, uid, lister->args->utc);
	printf("%.*s\n", (int)lister->line->len, lister->line->data);
	return lister->line->failed ? -EMSGSIZE : 0;
}

static int run_list(const struct ledger_args *args)
{
	cleanup_with(ledger_free_p) struct ledger *ledger = NULL;
	cleanup_with(buf_finish) struct buf line = buf_growing(RENDER_MAX);
	struct lister lister = { .args = args, .line = &line };
	struct error err = { 0 };
	int r = ledger_args_open(args, &ledger, &err);

	if (r == 0)
		r = ledger_runs(ledger, args->reverse, args->limit, list_one, &lister, &err);
	if (r < 0)
		return ledger_fail("run list", r, &err);
	return lister.found ? CLI_OK : CLI_NONE;
}

/* ---- tree ---- */

#define PROCESSES_MAX 65536U

struct node {
	uint64_t id, parent;
	uint32_t pid, child, sibling, last; /* indices + 1; 0 = none */
	char *label;
};

struct forest {
	const struct ledger_args *args;
	struct node *nodes;
	uint32_t count, cap, first, last; /* first, last: roots */
};

static void forest_finish(struct forest *forest)
{
	for (uint32_t i = 0; i < forest->count; i++)
		free(forest->nodes[i].label);
	free(forest->nodes);
}

static struct node *find_node(struct forest *forest, uint64_t id)
{
	uint32_t low = 0, high = forest->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (forest->nodes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < forest->count && forest->nodes[low].id == id ? &forest->nodes[low] : NULL;
}

static void label_end(struct buf *label, const struct ledger_process *process)
{
	char took[24];

	if (!process->exit_ns) {
		IGNORE(buf_text(label, "  end not seen") < 0);
		return;
	}
	text_duration(took, sizeof(took), process->exit_ns > process->start_ns ?
					  process->exit_ns - process->start_ns : 0);
	if (process->has_exit_code && process->exit_code > 128)
		IGNORE(buf_printf(label, "  signal %lld", (long long)process->exit_code - 128) < 0);
	else if (process->has_exit_code)
		IGNORE(buf_printf(label, "  exit %lld", (long long)process->exit_code) < 0);
	IGNORE(buf_printf(label, "  %s", took) < 0);
}

static char *label_of(const struct ledger_process *process)
{
	cleanup_with(buf_finish) struct buf label = buf_growing(16384);

	render_text(&label, process->comm.len ? process->comm : slice_of("?"));
	IGNORE(buf_printf(&label, "(%u)", process->pid) < 0);
	label_end(&label, process);
	if (process->writes)
		IGNORE(buf_printf(&label, "  w%llu", (unsigned long long)process->writes) < 0);
	if (process->network)
		IGNORE(buf_printf(&label, "  n%llu", (unsigned long long)process->network) < 0);
	if (process->refused)
		IGNORE(buf_printf(&label, "  REFUSED %llu", (unsigned long long)process->refused) < 0);
	return strndup(label.data ? label.data : "?", label.data ? label.len : 1);
}

static int add_process(void *context, const struct ledger_process *process)
{
	struct forest *forest = context;
	struct node *node;

	if (forest->count >= PROCESSES_MAX)
		return -E2BIG;
	if (forest->count == forest->cap) {
		uint32_t cap = forest->cap ? 2 * forest->cap : 64;
		struct node *nodes = realloc(forest->nodes, cap * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		forest->nodes = nodes;
		forest->cap = cap;
	}
	node = &forest->nodes[forest->count];
	*node = (struct node){ .id = process->id, .parent = process->parent, .pid = process->pid };
	node->label = label_of(process);
	if (!node->label)
		return -ENOMEM;
	forest->count++;
	return 0;
}

/* A parent may have been named after its child: rings keep no common order. What would make a
 * circle (only a doctored file can) becomes a root. */
static bool leads_to(struct forest *forest, const struct node *from, uint64_t id)
{
	for (uint32_t steps = 0; from && steps <= forest->count; steps++) {
		if (from->id == id)
			return true;
		from = from->parent == LEDGER_NO_PARENT ? NULL : find_node(forest, from->parent);
	}
	return from != NULL;
}

static void link_nodes(struct forest *forest)
{
	for (uint32_t i = 0; i < forest->count; i++) {
		struct node *node = &forest->nodes[i];
		struct node *parent = node->parent == LEDGER_NO_PARENT ? NULL :
				      find_node(forest, node->parent);
		uint32_t *last;

		if (parent && leads_to(forest, parent, node->id))
			parent = NULL;
		last = parent ? &parent->last : &forest->last;
		if (*last)
			forest->nodes[*last - 1].sibling = i + 1;
		else if (parent)
			parent->child = i + 1;
		else
			forest->first = i + 1;
		*last = i + 1;
	}
}

struct level {
	uint32_t at;                /* index + 1 */
	size_t prefix_len;          /* of the lines below it */
};

/* Without recursion: an agent chooses how deep its processes nest. */
static int print_tree(struct forest *forest)
{
	cleanup_with(buf_finish) struct buf prefix = buf_growing(8U * PROCESSES_MAX);
	auto_free struct level *levels = calloc(forest->count + 1U, sizeof(*levels));
	uint32_t depth = 0, at = forest->first;

	if (!levels)
		return -ENOMEM;
	while (at) {
		const struct node *node = &forest->nodes[at - 1];

		printf("%.*s%s%s\n", (int)prefix.len, prefix.data ? prefix.data : "",
		       depth == 0 ? "" : node->sibling ? "├─" : "└─", node->label);
		levels[depth] = (struct level){ .at = at, .prefix_len = prefix.len };
		if (node->child) {
			if (depth > 0)
				IGNORE(buf_text(&prefix, node->sibling ? "│ " : "  ") < 0);
			depth++;
			at = node->child;
			continue;
		}
		while (depth > 0 && !forest->nodes[levels[depth].at - 1].sibling)
			depth--;
		at = forest->nodes[levels[depth].at - 1].sibling;
		prefix.len = levels[depth].prefix_len;
	}
	return 0;
}

static int run_tree(const struct ledger_args *args, const char *name)
{
	cleanup_with(ledger_free_p) struct ledger *ledger = NULL;
	cleanup_with(forest_finish) struct forest forest = { .args = args };
	struct error err = { 0 };
	uint8_t uid[16];
	int r = ledger_args_open(args, &ledger, &err);

	if (r == 0)
		r = ledger_run_find(ledger, slice_of(name), uid, &err);
	if (r == -ENOENT && ledger) {
		error_print("bailiff ledger run tree", &err);
		return CLI_NONE;
	}
	if (r == 0) {
		r = ledger_processes(ledger, uid, add_process, &forest, &err);
		if (r == -E2BIG || r == -ENOMEM)
			error_say(&err, r, "the run has too many processes for a tree");
	}
	if (r < 0)
		return ledger_fail("run tree", r, &err);
	link_nodes(&forest);
	if (print_tree(&forest) < 0)
		return CLI_CANNOT;
	return forest.count ? CLI_OK : CLI_NONE;
}

/* ---- the verb ---- */

static const struct option_set *set_of(const char *verb)
{
	if (strcmp(verb, "list") == 0)
		return &list_options;
	if (strcmp(verb, "tree") == 0)
		return &tree_options;
	return strcmp(verb, "show") == 0 ? &explain_options : NULL;
}

static void help(void)
{
	printf("bailiff ledger run list -r -n 10     # the newest runs\n"
	       "bailiff ledger run show @last        # what happened, why, what to do about it\n"
	       "bailiff ledger run tree @last        # its processes\n"
	       "\nusage: bailiff ledger run list | show RUN | tree RUN\n");
}

int ledger_run(int argc, char **argv)
{
	cleanup_with(ledger_args_finish) struct ledger_args args = { 0 };
	const struct option_set *set;
	struct option_words words;
	int at = ledger_first_word(argc, argv), r;

	if (!at && argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		help();
		return CLI_OK;
	}
	set = at ? set_of(argv[at]) : NULL;
	if (!set)
		return cli_usage("ledger run", "list, show RUN or tree RUN is expected");
	ledger_word_first(argv, at);
	r = options_take(set, argc - 1, argv + 1, &args, &words);
	if (r >= 0)
		return r;
	if (set == &list_options)
		return words.count ? cli_usage(set->verb, "'%s' is not expected here", words.words[0]) :
				     run_list(&args);
	if (words.count != 1)
		return cli_usage(set->verb, "one RUN is expected: its id, the end of it, or @last");
	return set == &tree_options ? run_tree(&args, words.words[0]) :
				      ledger_show(&args, words.words[0]);
}
