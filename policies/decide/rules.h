/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of one run, with paths expanded for this host: what a plan carries into the root
 * process and what decide_*() match against. A borrowed view; the strings and arrays belong to
 * the plan. Pure: no I/O, no allocation, no clock. */
#ifndef DECIDE_RULES_H
#define DECIDE_RULES_H

#include <stdint.h>

#include "base/slice.h"
#include "bpf/net_rule.h"
#include "decide/net_name.h"
#include "decide/policy.h"

enum rule_kind {
	RULE_NONE, RULE_READ, RULE_WRITE, RULE_HIDE, RULE_DENY_READ, RULE_DENY_WRITE, RULE_BASELINE,
	RULE_KIND_COUNT,
};

#define RULE_GLOB 1U         /* *, ? within a component, ** across; else the path and all below it */
#define RULE_PRIVATE 2U      /* READ, WRITE: the run's own tree (/tmp, home): holds only where no
			      * other READ or WRITE rule shows something of the host */

struct rule_path {           /* fixed: part of the plan */
	uint32_t path_offset;    /* into strings */
	uint32_t path_len;       /* absolute, normalised, no trailing slash except "/" */
	uint32_t id_offset;      /* rule id: "files.deny_write", "files.baseline.ci" */
	uint32_t id_len;
	uint16_t kind;           /* enum rule_kind */
	uint16_t flags;          /* RULE_GLOB, RULE_PRIVATE */
	uint16_t on;             /* enum on_refusal */
	uint16_t reserved;
};
_Static_assert(sizeof(struct rule_path) == 24, "part of the plan");

struct rules {
	const char *strings;
	size_t strings_len;
	const struct rule_path *paths;
	size_t path_count;
	const struct net_rule *nets;
	size_t net_count;
	const struct net_name *names;             /* network mode allowlist */
	size_t name_count;
	uint8_t connect_default, bind_default;    /* enum net_verdict */
	uint8_t files_on_scope, net_on_scope, on_forbidden; /* enum on_refusal */
	uint8_t network_mode;                      /* enum network_mode */
	struct response responses[SEVERITY_COUNT];
	uint8_t severity_override[VIOLATION_TYPE_LIMIT];
};

enum verdict { VERDICT_DENY, VERDICT_ASK, VERDICT_ALLOW };

enum request_kind {
	REQUEST_READ, REQUEST_WRITE, REQUEST_EXEC, REQUEST_CONNECT, REQUEST_BIND, REQUEST_SYSCALL,
};

struct request {
	enum request_kind kind;
	struct slice path;       /* READ, WRITE, EXEC: absolute; for CONNECT to UNIX sockets, too */
	uint8_t addr[16];        /* CONNECT, BIND: v4 as ::ffff:a.b.c.d */
	uint16_t port;
	bool datagram;           /* CONNECT: UDP */
	struct slice name;       /* CONNECT to a host by name: clean; addr is not looked at */
	int syscall;             /* SYSCALL */
};

#define DECISION_TEXT_MAX 192

struct decision {
	enum verdict verdict;
	enum on_refusal on;           /* what a refusal leads to */
	enum violation_type violation;/* with on = ON_VIOLATE */
	struct slice rule;            /* rule id, borrowed from rules or static */
	char reason[DECISION_TEXT_MAX];
	char remedy[DECISION_TEXT_MAX];        /* the exact next step for a person */
	char remedy_agent[DECISION_TEXT_MAX];  /* for the agent: what to do instead of trying again */
};

/* Total and deterministic: same bytes in, same bytes out. Strictest rule wins, no rule = deny. */
void decide(const struct rules *rules, const struct request *request, struct decision *ret_decision);

/* True when `path` is the rule's path, below it, or matches its glob. */
bool rule_path_matches(const struct rules *rules, const struct rule_path *rule, struct slice path);
/* * and ? stay within a component, ** crosses them. Bounded: O(len(pattern) * len(path)). */
bool glob_matches(struct slice pattern, struct slice path);

/* The severity in force and its response for the `nth` violation of this type in the run (from 1). */
enum severity rules_severity(const struct rules *rules, enum violation_type type);
bool rules_revokes(const struct rules *rules, enum violation_type type, uint32_t nth);

#endif
