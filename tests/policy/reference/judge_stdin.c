/* SPDX-License-Identifier: Apache-2.0 */
/* judge() for a program that speaks lines: reads policies and questions on stdin, writes one line for each
 * `go`. The words of each line are those that differential.py writes; anything else ends with 2. Each policy goes
 * through govern_write() and govern_check(), as one from a plan. */
#include "base/buf.h"
#include "base/error.h"
#include "base/parse.h"
#include "lib/govern_world.h"

#define WORDS_MAX 24
#define LISTED_MAX 64

struct session {
	struct govern_world *world;
	struct buf image;
	struct govern_view view;
	struct action action;
	struct snapshot snapshot;
	enum guard_point point;
	enum phase phase;
	struct slice argv[LISTED_MAX], paths[LISTED_MAX], env[LISTED_MAX];
	uint32_t env_count;
	struct slice user;
	enum role role;
	bool caller;
	char *kept[1024];                /* lines that the action and snapshot borrow from */
	size_t kept_count;
};

static void broken(const char *line)
{
	fprintf(stderr, "judge_stdin: cannot read '%s'\n", line);
	exit(2);
}

static uint64_t number(const char *word)
{
	uint64_t value = 0;

	if (parse_u64(slice_of(word), 0, UINT64_MAX, &value) < 0)
		broken(word);
	return value;
}

static uint16_t index_of(const char *word)
{
	return strcmp(word, "-") == 0 ? GOVERN_NONE : (uint16_t)number(word);
}

/* "-": nothing; "%": one empty word; else words divided by commas, where "%" is an empty word. */
static uint32_t listed(char *word, struct slice to[LISTED_MAX])
{
	uint32_t count = 0;

	if (strcmp(word, "-") == 0)
		return 0;
	for (char *end; word; word = end) {
		end = strchr(word, ',');
		if (end)
			*end++ = '\0';
		if (count == LISTED_MAX)
			broken(word);
		to[count++] = strcmp(word, "%") == 0 ? slice_of("") : slice_of(word);
	}
	return count;
}

static struct slice one(char *word)
{
	struct slice slices[LISTED_MAX];

	return listed(word, slices) ? slices[0] : slice_of("");
}

static struct govern_list words_in(struct session *session, const char *word)
{
	return strcmp(word, "-") == 0 ? (struct govern_list){ 0 } : world_split(session->world, word, ',');
}

static void bits_in(char *word, uint32_t *bits)
{
	struct slice numbers[LISTED_MAX];
	uint32_t count = listed(word, numbers);

	for (uint32_t i = 0; i < count; i++) {
		uint64_t bit = number(numbers[i].data);

		bits[bit / 32] |= 1U << bit % 32;
	}
}

static uint32_t mask_in(char *word)
{
	uint32_t bits[4] = { 0 };

	bits_in(word, bits);
	return bits[0];
}

static void hex_in(const char *word, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned int byte;

		if (sscanf(word + 2 * i, "%2x", &byte) != 1)
			broken(word);
		bytes[i] = (uint8_t)byte;
	}
}

/* ---- lines of a policy ---- */

static void read_new(struct session *session, char **w)
{
	(void)w;
	free(session->world);
	session->world = world_new();
	memset(&session->world->govern, 0, sizeof(session->world->govern));
	session->world->govern.settings.gated = 1;
	for (uint32_t i = 0; i < PHASE_COUNT; i++)
		session->world->govern.settings.phases[i].exit_guard = GOVERN_NONE;
}

static void read_cap(struct session *session, char **w)
{
	struct govern_capability *c;

	world_capability(session->world, w[1], (enum risk)number(w[2]), (enum action_class)number(w[3]));
	c = &session->world->govern.capabilities[session->world->govern.capabilities_count - 1];
	c->operation = (uint8_t)number(w[4]);
	c->flags = (uint8_t)((number(w[5]) ? CAPABILITY_REVERSIBLE : 0) |
			     (number(w[6]) ? CAPABILITY_SHORT_CLUSTERS : 0) | (number(w[7]) ? CAPABILITY_ASKS : 0));
	c->state = number(w[8]) ? CAPABILITY_FROZEN : CAPABILITY_ACTIVE;
	c->plan_need = (uint8_t)number(w[9]);
	c->check = index_of(w[10]);
	c->check_ttl_ns = number(w[11]);
	c->takes_value = words_in(session, w[12]);
	c->unless = words_in(session, w[13]);
}

static void read_exec(struct session *session, char **w)
{
	char line[512] = "";

	for (int i = 1; w[i]; i++) {
		size_t len = strlen(line);

		IGNORE(snprintf(line + len, sizeof(line) - len, "%s%s", i > 1 ? " " : "", w[i]) < 0); /* it fits */
	}
	world_exec(session->world, line);
}

static void read_std(struct session *session, char **w)
{
	session->world->govern.settings.std_tool = index_of(w[1]);
	session->world->govern.settings.std_workspace = index_of(w[2]);
	session->world->govern.settings.std_unknown = index_of(w[3]);
}

static void read_env(struct session *session, char **w)
{
	struct govern_environment *e = world_environment(session->world, w[1], (enum environment_class)number(w[2]),
							 (enum on_refusal)number(w[4]));

	e->min_tier = (uint8_t)number(w[3]);
	e->owners = words_in(session, w[5]);
	e->nets = words_in(session, w[6]);
	e->paths = words_in(session, w[7]);
	e->env = words_in(session, w[8]);
}

static void read_rule(struct session *session, char **w)
{
	struct govern_rule *rule = world_rule(session->world, w[1], (enum verdict)number(w[2]));

	rule->on = (uint8_t)number(w[3]);
	rule->accepts = (uint8_t)number(w[4]);
	rule->when = (struct govern_when){
		.any = (uint32_t)number(w[5]), .classes = (uint8_t)mask_in(w[6]), .risks = (uint8_t)mask_in(w[7]),
		.operations = (uint8_t)mask_in(w[8]), .environments = mask_in(w[9]), .phases = mask_in(w[10]),
		.has_capabilities = strcmp(w[11], "-") != 0, .principals = words_in(session, w[12]),
		.exes = words_in(session, w[13]), .options = words_in(session, w[14]),
		.paths_under = words_in(session, w[15]),
	};
	bits_in(w[11], rule->when.capabilities);
	bits_in(w[16], rule->unless);
}

static void read_guard(struct session *session, char **w)
{
	struct govern_guard *guard = world_guard(session->world, w[1], (enum guard_type)number(w[2]),
						 (enum guard_point)number(w[3]));

	guard->phase = (uint8_t)number(w[4]);
	guard->logic = (uint8_t)number(w[5]);
	guard->on_fail = (uint8_t)number(w[6]);
	guard->field = (uint16_t)number(w[7]);
	guard->min_children = (uint32_t)number(w[8]);
	guard->max_children = (uint32_t)number(w[9]);
	guard->max_ns = number(w[10]);
	guard->accept = (uint8_t)mask_in(w[11]);
}

static void read_cond(struct session *session, char **w)
{
	enum field_id field = (enum field_id)number(w[1]);
	enum compare compare = (enum compare)number(w[2]);
	bool is_number = w[3][0] == 'n';
	struct govern_condition *condition =
		world_condition(session->world, field, compare == COMPARE_IN ? COMPARE_EXISTS : compare,
				is_number || compare == COMPARE_IN ? NULL : one(w[4]).data,
				is_number ? (int64_t)number(w[4]) : 0);

	if (compare != COMPARE_IN)
		return;
	condition->compare = COMPARE_IN;
	condition->type = TYPE_LIST;
	condition->list = words_in(session, w[4]);
}

static struct govern_guard *last_guard(struct session *session)
{
	return &session->world->govern.guards[session->world->govern.guards_count - 1];
}

static void read_part(struct session *session, char **w)
{
	world_part(session->world, last_guard(session), (uint32_t)number(w[1]));
}

static void read_route(struct session *session, char **w)
{
	world_route(session->world, last_guard(session), w[1], NULL);
	session->world->govern.routes[session->world->govern.routes_count - 1].targets = words_in(session, w[2]);
}

static void read_usual(struct session *session, char **w)
{
	last_guard(session)->usual = words_in(session, w[1]);
}

static void read_settings(struct session *session, char **w)
{
	struct govern_settings *settings = &session->world->govern.settings;

	settings->phases_enforce = (uint8_t)number(w[1]);
	settings->budget.on_exceed = number(w[2]) ? ON_VIOLATE : ON_ASK;
	settings->high_risk_transitions = (uint16_t)mask_in(w[3]);
}

static void read_approval(struct session *session, char **w)
{
	session->world->govern.settings.approvals[number(w[1])] = (struct govern_approval){
		.role = (uint8_t)number(w[2]), .count = (uint32_t)number(w[3]), .uses = 1,
		.self = (uint8_t)number(w[4]), .of = words_in(session, w[5]),
	};
}

static void read_exit(struct session *session, char **w)
{
	session->world->govern.settings.phases[number(w[1])].exit_guard = index_of(w[2]);
}

static void read_end(struct session *session, char **w)
{
	struct error err = { 0 };

	(void)w;
	buf_finish(&session->image);
	session->image = buf_growing(1U << 22);
	if (govern_write(world_view(session->world), &session->image) < 0 ||
	    govern_check(session->image.data, session->image.len, &session->view, &err) < 0)
		broken(err.text);
}

/* ---- lines of a question ---- */

static void read_ask(struct session *session, char **w)
{
	struct action *action = &session->action;
	struct slice names[LISTED_MAX];

	*action = (struct action){ .kind = (enum action_kind)number(w[3]), .principal = one(w[4]),
				   .place = (enum program_place)number(w[5]), .exe = one(w[6]),
				   .argv_cut = number(w[7]), .paths_cut = number(w[8]),
				   .environments = mask_in(w[9]), .transition = (uint32_t)number(w[11]) };
	session->point = (enum guard_point)number(w[1]);
	session->phase = (enum phase)number(w[2]);
	hex_in(w[10], action->digest, sizeof(action->digest));
	action->name_count = listed(w[12], names);
	for (uint32_t i = 0; i < action->name_count; i++)
		action->names[i] = names[i];
	action->argc = listed(w[13], session->argv);
	action->path_count = listed(w[14], session->paths);
	action->argv = session->argv;
	action->paths = session->paths;
	memset(session->world->fields, 0, sizeof(session->world->fields));
	session->env_count = 0;
}

static void read_reach(struct session *session, char **w)
{
	session->action.host = one(w[1]);
	session->action.port = (uint16_t)number(w[2]);
	hex_in(w[3], session->action.addr, sizeof(session->action.addr));
	session->env_count = listed(w[4], session->env);
}

static void read_snap(struct session *session, char **w)
{
	session->snapshot = (struct snapshot){
		.gates = mask_in(w[1]), .mode = (uint32_t)number(w[2]), .phase = (uint32_t)number(w[3]),
		.phase_reported = number(w[4]), .tier = (uint32_t)number(w[5]),
		.plan_status = (uint32_t)number(w[6]), .plan_cover = (enum plan_cover)number(w[7]),
		.check = (enum check_state)number(w[8]), .check_age_ns = number(w[9]),
		.children = (uint32_t)number(w[10]), .children_live = (uint32_t)number(w[11]),
		.children_status = mask_in(w[12]), .point_age_ns = number(w[13]),
		.same_denied = (uint32_t)number(w[14]), .answer = (enum approval_answer)number(w[15]),
		.fields = session->world->fields,
	};
	hex_in(w[16], session->snapshot.policy_digest, sizeof(session->snapshot.policy_digest));
}

static void read_field(struct session *session, char **w)
{
	enum field_kind type = (enum field_kind)number(w[2]);

	session->world->fields[number(w[1])] = (struct field_value){
		.type = (uint8_t)type, .text = type == TYPE_TEXT ? one(w[3]) : (struct slice){ 0 },
		.number = type == TYPE_TEXT || type == TYPE_NULL ? 0 : (int64_t)number(w[3]),
	};
}

static void read_grant(struct session *session, char **w)
{
	struct grant *grant = &session->snapshot.grants[session->snapshot.grant_count++];

	*grant = (struct grant){ .kind = (uint8_t)number(w[1]), .max_risk = (uint8_t)number(w[2]),
				 .uses = (uint16_t)number(w[3]), .id = (uint32_t)number(w[4]),
				 .expires_ns = number(w[5]), .rule = one(w[7]) };
	hex_in(w[6], grant->digest, sizeof(grant->digest));
}

static void read_who(struct session *session, char **w)
{
	session->user = one(w[1]);
	session->role = (enum role)number(w[2]);
	session->caller = number(w[3]);
}

static void print_ids(const struct session *session, const uint32_t *bits, const char *rows, uint32_t count,
		      size_t size)
{
	const char *comma = "";

	putchar(' ');
	for (uint32_t i = 0; i < count; i++) {
		struct policy_string id;

		if (!(bits[i / 32] >> i % 32 & 1U))
			continue;
		memcpy(&id, rows + i * size, sizeof(id));
		printf("%s%s", comma, session->view.strings + id.offset);
		comma = ",";
	}
	if (!*comma)
		putchar('-');
}

static void print_rules(const struct session *session, const uint32_t *bits)
{
	print_ids(session, bits, (const char *)session->view.rules, session->view.rules_count,
		  sizeof(struct govern_rule));
}

static void print_guards(const struct session *session, const uint32_t *bits)
{
	print_ids(session, bits, (const char *)session->view.guards, session->view.guards_count,
		  sizeof(struct govern_guard));
}

static void read_go(struct session *session, char **w)
{
	static const char *const verdicts[] = { "deny", "require_approval", "allow" };
	static const char *const fails[] = { "deny", "wait", "cancel_children", "violate" };
	uint64_t now = number(w[1]);
	struct govern_approval row;
	struct ruling r;

	if (session->point == POINT_ACTION)
		judge(&session->view, &session->action, &session->snapshot, now, &r);
	else
		judge_point(&session->view, session->point, session->phase, &session->action, &session->snapshot, now,
			    &r);
	row = judge_approval(&session->view, &session->snapshot, &r);
	printf("%s %s %s %s %s %s %s %s %s %s", verdicts[r.verdict], verdicts[r.would], step_name(r.step),
	       blocked_name(r.blocked_by), r.violation ? violation_name(r.violation) : "-",
	       r.would_raise ? violation_name(r.would_raise) : "-",
	       r.capability == GOVERN_NONE ? "-" :
	       session->view.strings + session->view.capabilities[r.capability].id.offset,
	       risk_name((enum risk)r.risk), class_name((enum action_class)r.action_class),
	       operation_name((enum operation)r.operation));
	print_rules(session, r.rules);
	print_guards(session, r.guards);
	print_guards(session, r.guards_false);
	printf(" %.*s %s %u %u %d %u %u %d %d %u\n", (int)r.rule_id.len, r.rule_id.data, fails[r.guard_on_fail],
	       r.grant, r.waiver, r.loop, row.role, row.count, row.self,
	       judge_may_answer(&session->view, &session->action, &session->snapshot, now, &r, session->user,
				session->role, session->caller),
	       environments_of(&session->view, &session->action, session->env, session->env_count));
}

static const struct line {
	const char *word;
	int words;               /* at least; with the first */
	void (*read)(struct session *session, char **w);

} lines[] = {
	{ "new", 1, read_new }, { "cap", 14, read_cap }, { "exec", 2, read_exec },
	{ "std", 4, read_std }, { "env", 9, read_env }, { "rule", 17, read_rule },
	{ "guard", 12, read_guard }, { "cond", 5, read_cond }, { "part", 2, read_part },
	{ "route", 3, read_route }, { "usual", 2, read_usual },
	{ "settings", 4, read_settings }, { "approval", 6, read_approval },
	{ "exit", 3, read_exit }, { "end", 1, read_end }, { "ask", 15, read_ask },
	{ "reach", 5, read_reach }, { "snap", 17, read_snap }, { "field", 4, read_field },
	{ "grant", 8, read_grant }, { "who", 4, read_who }, { "go", 2, read_go },
};

static void read_line(struct session *session, char *text)
{
	char *words[WORDS_MAX + 1] = { 0 };
	int count = 0;

	for (char *at = text, *end; at && count < WORDS_MAX; at = end) {
		end = strchr(at, ' ');
		if (end)
			*end++ = '\0';
		words[count++] = at;
	}
	for (size_t i = 0; i < COUNT(lines); i++)
		if (strcmp(words[0], lines[i].word) == 0 && count >= lines[i].words) {
			lines[i].read(session, words);
			return;
		}
	broken(text);
}

int main(void)
{
	static struct session session;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		char *own = strndup(line, (size_t)len - (line[len - 1] == '\n'));

		if (!own || session.kept_count == COUNT(session.kept))
			broken("too many lines");
		session.kept[session.kept_count++] = own;
		read_line(&session, own);
		/* A policy borrows nothing; a question is over with its `go`. */
		if (strncmp(line, "go ", 3) != 0 && strncmp(line, "end", 3) != 0)
			continue;
		while (session.kept_count > 0)
			free(session.kept[--session.kept_count]);
	}
	free(line);
	free(session.world);
	buf_finish(&session.image);
	return 0;
}
