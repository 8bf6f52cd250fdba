/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff policy suggest`: from what a run did to the lines that a policy lacks for it. The gathering is in
 * policy_suggest.c; here is what is pure: which places, how wide, and the document. */
#ifndef CLI_POLICY_SUGGEST_H
#define CLI_POLICY_SUGGEST_H

#include "base/buf.h"
#include "base/slice.h"
#include "decide/policy.h"

#define SUGGEST_ITEMS_MAX 4096U
#define SUGGEST_PATH_MAX 4096U
#define SUGGEST_SIBLINGS 4U      /* of one folder, from which on the folder is named */

enum suggest_kind { SUGGEST_READ, SUGGEST_WRITE, SUGGEST_CONNECT, SUGGEST_CALL, SUGGEST_RULE };

struct suggestion {
	enum suggest_kind kind;
	char *text;              /* owned: absolute path, address, call, capability */
	char *why_not;           /* owned: NULL = a line of the policy; else a comment that says so */
	uint64_t seq;            /* of the first record of it */
	uint32_t stands_for;     /* so many of what was used */
	bool high;               /* RULE: of HIGH or CRITICAL risk */
};

struct suggest {
	struct suggestion *items; /* owned, SUGGEST_ITEMS_MAX */
	size_t count;
	uint64_t dropped;        /* did not fit */
	const char *workspace, *home; /* absolute; "" = unknown */
};

int suggest_init(struct suggest *suggest) MUST_USE;
void suggest_finish(struct suggest *suggest);

/* Notes what was used, once: the first record counts. `why_not` may be NULL. Returns 0 or -ENOMEM. */
int suggest_note(struct suggest *suggest, enum suggest_kind kind, struct slice text, uint64_t seq,
		 const char *why_not) MUST_USE;

/* True for what no single run is a reason to open: the home itself, /etc, /opt, what is above the workspace or
 * above the home, folders that hold the state of every program. */
bool suggest_is_broad(const struct suggest *suggest, const char *path);
/* False for names that a list of a policy cannot hold: they look like patterns, hold controls, or are no text. */
bool suggest_can_name(const char *path);
/* Cuts `path` to what a list can name in its place: with `must_exist` the nearest above it that exists; of a file whose
 * name cannot stand there its folder, which may be none that can be named either. */
void suggest_place(char path[SUGGEST_PATH_MAX], bool must_exist);
/* Drops what others cover, and names a folder in place of SUGGEST_SIBLINGS or more of its entries, unless the folder is
 * broad or dangerous. Sorts. Returns 0 or -ENOMEM. */
int suggest_settle(struct suggest *suggest) MUST_USE;

struct suggest_head {
	const char *run, *policy_name, *base; /* policy_name: escaped */
	const struct policy *base_policy;
};
/* Appends the document. Returns 0 or -ENOMEM. */
int suggest_say(const struct suggest *suggest, const struct suggest_head *head, struct buf *to) MUST_USE;
/* A scalar of YAML: plain where every reader takes it for this text, else in double quotes. */
int suggest_put_scalar(struct buf *to, const char *text) MUST_USE;

#endif
