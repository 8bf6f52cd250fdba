/* SPDX-License-Identifier: Apache-2.0 */
/* decide ROUNDS: full decisions with 128 rules, 6 guards and 64 capabilities, on commands that a coding agent runs:
 * allowed, denied, asked about and granted ones. A line for each round:
 *
 *     decisions per second of CPU  SHA-256 of 1 KiB per second  p99 of one decision in ns  p99 of one SHA-256 in ns */
#include <openssl/sha.h>

#include "base/parse.h"
#include "lib/govern_world.h"

#define DECISIONS 200000U
#define NOW 1000000000000ULL

static const char *const commands[] = {
	"ls -la", "git status --short", "git push origin main", "git push --force", "rm -rf build", "tool7 apply -n x y",
	"tool40 get pods", "python3 -m pytest tests/unit -x -q", "make -j2 all", "ansible-playbook site.yml",
};

struct bench {
	struct govern_world *world;
	struct snapshot snapshot;
	struct action actions[COUNT(commands)];
	uint32_t allowed, asked, denied;
};

static void add_capabilities(struct govern_world *world)
{
	char id[32], line[64];

	world_capability(world, "vcs.push", RISK_HIGH, ACT_APPLY);
	world_exec(world, "git push");
	world_capability(world, "vcs.read", RISK_LOW, ACT_READ);
	world_exec(world, "git status|log|diff|show");
	world_capability(world, "fs.rm_recursive", RISK_HIGH, ACT_DESTROY);
	world_exec(world, "rm -r|-R|--recursive");
	world->govern.capabilities[world->govern.capabilities_count - 1].flags |= CAPABILITY_SHORT_CLUSTERS;
	world_capability(world, "config.run", RISK_HIGH, ACT_RUN);
	world_exec(world, "ansible-playbook");
	for (int i = 0; world->govern.capabilities_count < 64; i++) {
		IGNORE(snprintf(id, sizeof(id), "tool%d.apply", i) < 0);           /* it fits */
		world_capability(world, id, i % 2 ? RISK_HIGH : RISK_MEDIUM, ACT_OTHER);
		IGNORE(snprintf(line, sizeof(line), "tool%d apply|delete", i) < 0);/* it fits */
		world_exec(world, line);
		IGNORE(snprintf(line, sizeof(line), "tool%d scale --to", i) < 0);  /* it fits */
		world_exec(world, line);
	}
}

/* Three in eight rules look at words, the others at bits: more than policies of people do. */
static void add_rules(struct govern_world *world)
{
	struct govern_rule *rule;
	char id[32];

	rule = world_rule(world, "ordinary-work", VERDICT_ALLOW);
	rule->when = (struct govern_when){ .risks = 1U << RISK_LOW | 1U << RISK_MEDIUM };
	rule = world_rule(world, "pushes", VERDICT_ALLOW);
	rule_capability(rule, 3);
	rule->accepts = 1 + RISK_HIGH;
	rule = world_rule(world, "no-force-push", VERDICT_DENY);
	rule_capability(rule, 3);
	rule->when.options = world_words(world, "--force -f");
	rule = world_rule(world, "no-privilege", VERDICT_DENY);
	rule->when = (struct govern_when){ .exes = world_words(world, "/usr/bin/sudo /bin/su /usr/bin/doas") };
	rule = world_rule(world, "risky", VERDICT_ASK);
	rule->when = (struct govern_when){ .risks = 1U << RISK_HIGH, .classes = 1U << ACT_DESTROY | 1U << ACT_RUN };
	for (unsigned int i = 0; world->govern.rules_count < GOVERN_RULES_MAX; i++) {
		IGNORE(snprintf(id, sizeof(id), "rule-%u", i) < 0);                /* it fits */
		rule = world_rule(world, id, i % 2 ? VERDICT_ASK : VERDICT_ALLOW);
		if (i % 8 == 0)
			rule->when = (struct govern_when){ .paths_under = world_words(world, "/srv/a /srv/b") };
		else if (i % 8 == 1)
			rule->when = (struct govern_when){ .principals = world_words(world, "agent:ci-* agent:*-x") };
		else if (i % 8 == 2)
			rule->when = (struct govern_when){ .options = world_words(world, "--unsafe --all") };
		else
			rule_capability(rule, (uint16_t)(8 + i % 50));
	}
}

static void add_guards(struct govern_world *world)
{
	struct govern_guard *guard;

	world_guard(world, "identity", GUARD_PASS_THRU, POINT_ACTION);
	world_guard(world, "no-plan", GUARD_CRITERIA, POINT_NONE);
	world_condition(world, FIELD_PLAN_ID, COMPARE_NOT_EXISTS, NULL, 0);
	guard = world_guard(world, "plan-fresh", GUARD_TTL, POINT_NONE);
	guard->field = FIELD_PLAN_APPROVED_AT;
	guard->max_ns = 86400ULL * 1000000000;
	guard = world_guard(world, "start", GUARD_COMPOSITE, POINT_ACTION);
	guard->logic = LOGIC_ANY;
	world_part(world, guard, 1);
	world_part(world, guard, 2);
	guard = world_guard(world, "who", GUARD_ROUTE, POINT_ACTION);
	guard->field = FIELD_REQUEST_RISK;
	world_route(world, guard, "CRITICAL", "role:admin");
	guard->usual = world_words(world, "role:operator");
	world_guard(world, "few-errors", GUARD_CRITERIA, POINT_ACTION);
	world_condition(world, FIELD_COUNTERS_ERRORS, COMPARE_LT, NULL, 12 * GOVERN_NUMBER_ONE);
	world_condition(world, FIELD_COUNTERS_VIOLATIONS, COMPARE_EQ, NULL, 0);
}

static struct action copy_of(struct govern_world *world, const char *command)
{
	static char texts[COUNT(commands)][256];
	static struct slice words[COUNT(commands)][WORLD_WORDS_MAX];
	static size_t used;
	struct action action = world_exec_action(world, command);

	memcpy(texts[used], world->argv_text, sizeof(texts[used]));
	for (uint32_t i = 0; i < action.argc; i++)
		words[used][i] = slice_new(texts[used] + (world->argv[i].data - world->argv_text),
					   world->argv[i].len);
	action.argv = words[used];
	action.names[0] = slice_new(texts[used], words[used][0].len);
	action.exe = slice_of("/usr/bin/tool");
	action.paths = words[used];
	action.path_count = 2;
	used++;
	return action;
}

static void set_up(struct bench *bench)
{
	struct govern_world *world = bench->world = world_new();

	add_capabilities(world);
	add_rules(world);
	add_guards(world);
	world_view(world);
	for (size_t i = 0; i < COUNT(commands); i++)
		bench->actions[i] = copy_of(world, commands[i]);
	memset(bench->actions[4].digest, 4, sizeof(bench->actions[4].digest));
	bench->snapshot = world_snapshot(world);
	world_field(world, FIELD_COUNTERS_ERRORS, TYPE_NUMBER, 2 * GOVERN_NUMBER_ONE, NULL);
	world_field(world, FIELD_COUNTERS_VIOLATIONS, TYPE_NUMBER, 0, NULL);
	bench->snapshot.grant_count = 1;
	bench->snapshot.grants[0] = (struct grant){ .kind = GRANT_APPROVAL, .uses = 1, .id = 1, .expires_ns = UINT64_MAX };
	memset(bench->snapshot.grants[0].digest, 4, sizeof(bench->snapshot.grants[0].digest));
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void decide_once(struct bench *bench, uint32_t nth)
{
	struct ruling ruling;

	judge(&bench->world->view, &bench->actions[nth % COUNT(commands)], &bench->snapshot, NOW, &ruling);
	bench->allowed += ruling.verdict == VERDICT_ALLOW;
	bench->asked += ruling.verdict == VERDICT_ASK;
	bench->denied += ruling.verdict == VERDICT_DENY;
}

static void hash_once(struct bench *bench, uint32_t nth)
{
	static uint8_t block[1024];
	uint8_t digest[32];

	block[nth % sizeof(block)]++;
	SHA256(block, sizeof(block), digest);
	bench->asked += digest[0] & 0;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t p99_of(struct bench *bench, void (*once)(struct bench *bench, uint32_t nth))
{
	static uint64_t took[DECISIONS / 4];

	for (uint32_t i = 0; i < COUNT(took); i++) {
		uint64_t start = now_ns(CLOCK_MONOTONIC);

		once(bench, i);
		took[i] = now_ns(CLOCK_MONOTONIC) - start;
	}
	qsort(took, COUNT(took), sizeof(took[0]), by_size);
	return took[COUNT(took) * 99 / 100];
}

static double rate_of(struct bench *bench, void (*once)(struct bench *bench, uint32_t nth))
{
	uint64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);

	for (uint32_t i = 0; i < DECISIONS; i++)
		once(bench, i);
	return DECISIONS * 1e9 / (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	uint64_t rounds = 5;

	if (argc > 1 && parse_u64(slice_of(argv[1]), 1, 1000, &rounds) < 0)
		return 2;
	set_up(&bench);
	for (uint64_t i = 0; i < rounds; i++) {
		double decisions = rate_of(&bench, decide_once), hashes = rate_of(&bench, hash_once);

		printf("%.0f %.0f %llu %llu\n", decisions, hashes, (unsigned long long)p99_of(&bench, decide_once),
		       (unsigned long long)p99_of(&bench, hash_once));
	}
	fprintf(stderr, "allowed %u, asked %u, denied %u\n", bench.allowed, bench.asked, bench.denied);
	free(bench.world);
	/* All kinds of answers, or it measured nothing. */
	return bench.allowed && bench.asked && bench.denied ? 0 : 1;
}
