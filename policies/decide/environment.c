/* SPDX-License-Identifier: Apache-2.0 */
/* Environments: what an action touches, and whether the run's tier and owner cover it (behaviour model,
 * sections 3.2, 3.5, 7.1). */
#include <stdio.h>

#include "base/text.h"
#include "decide/net.h"
#include "decide/net_name.h"
#include "decide/question.h"

/* The tier from which a class of environments may be used at all. */
static const uint8_t least_tier[] = { [ENVIRONMENT_POOL] = 2, [ENVIRONMENT_PROD] = 3 };

static bool net_matches(struct slice entry, const struct action *action)
{
	struct net_rule rules[NET_ENTRY_RULES_MAX];
	struct net_name name;
	int count = net_entry_parse(entry, NET_DENY, NET_CONNECT, rules);

	for (int i = 0; i < count; i++)
		if (net_rule_matches(&rules[i], NET_CONNECT, action->addr, action->port))
			return true;
	return count < 0 && action->host.len > 0 && net_name_parse(entry, NET_DENY, &name) == 0 &&
	       net_name_covers(&name, action->host) && action->port >= name.port_first &&
	       action->port <= name.port_last;
}

/* "NAME=glob" and "NAME=value". */
static bool variable_matches(struct slice pattern, struct slice variable)
{
	const char *equals = memchr(pattern.data, '=', pattern.len);
	size_t name_len = equals ? (size_t)(equals - pattern.data) + 1 : 0;

	return equals && slice_starts(variable, slice_new(pattern.data, name_len)) &&
	       text_matches(slice_new(pattern.data + name_len, pattern.len - name_len),
			    slice_new(variable.data + name_len, variable.len - name_len));
}

static bool touches_net(const struct govern_view *govern, const struct govern_environment *environment,
			const struct action *action)
{
	for (uint32_t i = 0; action->kind == ACTION_CONNECT && i < environment->nets.count; i++)
		if (net_matches(govern_word(govern, environment->nets, i), action))
			return true;
	return false;
}

static bool touches_path(const struct govern_view *govern, const struct govern_environment *environment,
			 const struct action *action)
{
	if (environment->paths.count == 0)
		return false;
	for (uint32_t i = 0; action->paths && i < action->path_count; i++)
		if (path_is_under(govern, environment->paths, action->paths[i]))
			return true;
	return path_is_under(govern, environment->paths, action->exe);
}

static bool touches_variable(const struct govern_view *govern, const struct govern_environment *environment,
			     const struct slice *env, uint32_t env_count)
{
	for (uint32_t i = 0; i < environment->env.count; i++)
		for (uint32_t j = 0; j < env_count; j++)
			if (variable_matches(govern_word(govern, environment->env, i), env[j]))
				return true;
	return false;
}

uint32_t environments_of(const struct govern_view *govern, const struct action *action,
			 const struct slice *env, uint32_t env_count)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < govern->environments_count; i++) {
		const struct govern_environment *environment = &govern->environments[i];

		if (touches_net(govern, environment, action) || touches_path(govern, environment, action) ||
		    touches_variable(govern, environment, env, env ? env_count : 0))
			bits |= 1U << i;
	}
	return bits;
}

static bool is_covered(const struct govern_view *govern, const struct govern_environment *environment, uint32_t tier,
		       struct slice principal, bool *ret_by_tier)
{
	uint32_t least = MAX(environment->min_tier, least_tier[environment->environment_class]);

	*ret_by_tier = tier < least;
	return !*ret_by_tier &&
	       (environment->owners.count == 0 || words_match(govern, environment->owners, principal));
}

/* Asking is milder than denying. */
static unsigned int strictness(const struct govern_environment *environment)
{
	static const uint8_t rank[] = { [ON_ASK] = 0, [ON_DENY] = 1, [ON_VIOLATE] = 2 };

	return rank[environment->on] * 2U + (environment->environment_class == ENVIRONMENT_PROD);
}

static bool is_stricter(const struct govern_view *govern, const struct govern_environment *a,
			const struct govern_environment *b)
{
	if (!b || strictness(a) != strictness(b))
		return !b || strictness(a) > strictness(b);
	return slice_is_less(govern_text(govern, a->id), govern_text(govern, b->id));
}

const struct govern_environment *environment_uncovered(const struct question *question, bool *ret_by_tier)
{
	const struct govern_view *govern = question->govern;
	const struct govern_environment *strictest = NULL;

	*ret_by_tier = false;
	for (uint32_t i = 0; i < govern->environments_count; i++) {
		const struct govern_environment *environment = &govern->environments[i];
		bool by_tier;

		if (!(question->action->environments >> i & 1U) ||
		    is_waived(question, govern_text(govern, environment->id)) ||
		    is_covered(govern, environment, question->snapshot->tier, question->action->principal, &by_tier) ||
		    !is_stricter(govern, environment, strictest))
			continue;
		strictest = environment;
		*ret_by_tier = by_tier;
	}
	return strictest;
}

/* ---- what no action of the gate is: files and addresses, which the kernel and the relay refuse ---- */

uint32_t environments_uncovered(const struct govern_view *govern, uint32_t tier, struct slice principal)
{
	uint32_t bits = 0;
	bool by_tier;

	for (uint32_t i = 0; i < govern->environments_count; i++)
		if (!is_covered(govern, &govern->environments[i], tier, principal, &by_tier))
			bits |= 1U << i;
	return bits;
}

enum violation_type environment_violation(const struct govern_environment *environment)
{
	return environment->environment_class == ENVIRONMENT_PROD ? UNAUTHORIZED_PROD : UNAUTHORIZED_POOL;
}

static struct action action_of(const struct request *request)
{
	struct action action = { .kind = request->kind == REQUEST_CONNECT ? ACTION_CONNECT : ACTION_WRITE,
				 .host = request->name, .port = request->port };

	memcpy(action.addr, request->addr, sizeof(action.addr));
	if (request->path.len > 0) {
		action.kind = ACTION_WRITE;
		action.paths = &request->path;
		action.path_count = 1;
	}
	return action;
}

static void say_refused(const struct govern_view *govern, const struct govern_environment *environment,
			struct decision *decision)
{
	struct slice id = govern_text(govern, environment->id);
	char shown[POLICY_NAME_MAX + 1];

	text_escape(shown, sizeof(shown), id);
	decision->rule = id;
	decision->on = (enum on_refusal)environment->on;
	decision->violation = environment_violation(environment);
	IGNORE(snprintf(decision->reason, sizeof(decision->reason), "this belongs to the environment %s, which the "
			"run's tier or owner does not cover", shown) < 0);
	IGNORE(snprintf(decision->remedy, sizeof(decision->remedy), "run it under an agent that `environments.%s` "
			"names, of its `min_tier`", shown) < 0);
	IGNORE(snprintf(decision->remedy_agent, sizeof(decision->remedy_agent), "Do not try again or another way "
			"round: the answer stays the same. Work without this environment, or ask a person.") < 0);
}

bool environment_refuses(const struct govern_view *govern, uint32_t tier, struct slice principal,
			 const struct request *request, struct decision *decision)
{
	const struct action action = action_of(request);
	uint32_t bits = environments_uncovered(govern, tier, principal);
	const struct govern_environment *strictest = NULL;

	if (bits == 0 || request->kind == REQUEST_BIND || request->kind == REQUEST_SYSCALL)
		return false;
	bits &= environments_of(govern, &action, NULL, 0);
	for (uint32_t i = 0; i < govern->environments_count; i++)
		if (bits >> i & 1U && is_stricter(govern, &govern->environments[i], strictest))
			strictest = &govern->environments[i];
	if (strictest)
		say_refused(govern, strictest, decision);
	return strictest;
}
