/* SPDX-License-Identifier: Apache-2.0 */
/* What travels over /run/bailiff/agent/control (SOCK_SEQPACKET) between a run's processes and bailiffd: one fixed
 * struct each way, host order (same host), all padding zero; large content is a sealed memfd beside it. The
 * client (`bailiff agent`, tools/cli/agent*.c) parses JSON and text; bailiffd believes no field. The socket
 * says which run it is. */
#ifndef DAEMON_AGENT_WIRE_H
#define DAEMON_AGENT_WIRE_H

#include <stdint.h>

#include "base/ulid.h"

#define AGENT_VERSION 1U
#define AGENT_DIR "/run/bailiff/agent"
#define AGENT_NOTIFY AGENT_DIR "/notify"
#define AGENT_CONTROL AGENT_DIR "/control"
#define AGENT_BIN "/run/bailiff/bin"
#define AGENT_PROGRAM AGENT_BIN "/bailiff"
#define AGENT_TEXT_MAX 4096U
#define AGENT_MILLIONTHS 1000000

enum agent_verb {
	AGENT_NONE,
	AGENT_HEARTBEAT,      /* a beat */
	AGENT_PHASE,          /* number: enum phase */
	AGENT_STATUS,         /* text */
	AGENT_CONFIDENCE,     /* value: millionths, 0 to 1000000 */
	AGENT_PROGRESS,       /* text: what was done; value: k, number: n (0 = not known) */
	AGENT_ERROR,          /* value: errno or 0; text: code */
	AGENT_WHY,            /* the last denial */
	AGENT_INBOX,          /* id: items after this one; answers the next, outcome NONE when there is none */
	AGENT_ACK,            /* id */
	AGENT_ASK,            /* number: enum agent_ask; text: what for, NUL-separated words */
	AGENT_PLAN,           /* fd: struct agent_plan; answers the plan's state */
	AGENT_PLAN_STATE,     /* of the run's plan; AGENT_WAIT: answers when it is decided, or after `value` ns */
	AGENT_ARTIFACT,       /* text: path; fd: the file, opened by the client; hashed by bailiffd */
	AGENT_OUTPUT,         /* text: name; number: enum output_maturity; fd: sealed memfd of canonical JSON */
	AGENT_VERB_COUNT,
};

#define AGENT_WAIT 1U

enum agent_ask { ASK_EXEC = 1, ASK_READ, ASK_WRITE, ASK_CONNECT, ASK_COUNT };
enum output_maturity { MATURITY_DRAFT, MATURITY_REFINED, MATURITY_FINAL, MATURITY_COUNT };

struct agent_request {
	uint32_t version;     /* AGENT_VERSION */
	uint32_t verb;        /* enum agent_verb */
	uint32_t flags;       /* AGENT_WAIT */
	uint32_t number;
	int64_t value;
	uint64_t id;
	uint32_t text_len;
	uint32_t reserved;    /* 0 */
	char text[AGENT_TEXT_MAX];
};
_Static_assert(sizeof(struct agent_request) == 40 + AGENT_TEXT_MAX, "no hidden padding");

enum agent_outcome {
	AGENT_REFUSED,        /* 11 */
	AGENT_DONE,           /* 0 */
	AGENT_NEEDS_APPROVAL, /* 10 */
	AGENT_TIMED_OUT,      /* 12 */
	AGENT_EMPTY,          /* 0: nothing to tell */
	AGENT_REVOKED,        /* 14: the run is over; every further request gets this */
	AGENT_INVALID,        /* 2: no such request, or a field of it */
	AGENT_OUTCOME_COUNT,
};

#define AGENT_STOP_REQUESTED 1U   /* of answers */
#define AGENT_LOOP 2U             /* asked for again and again: do not retry */
#define AGENT_AUTO_ALLOW 4U       /* hooks may say `allow` where nothing is denied (hooks.auto_allow) */

struct agent_answer {
	uint32_t version;
	uint32_t verb;        /* of the request */
	uint32_t outcome;     /* enum agent_outcome */
	uint32_t flags;       /* AGENT_STOP_REQUESTED, AGENT_LOOP */
	uint32_t inbox;       /* items that were not acknowledged */
	uint32_t phase;       /* enum phase, now */
	uint32_t number;      /* PLAN, PLAN_STATE: enum plan_status; INBOX: enum inbox_kind; OUTPUT: maturity */
	uint32_t text_len;
	uint64_t id;          /* INBOX */
	int64_t value;        /* WHY: how often; INBOX: ns left for the ack */
	uint8_t digest[32];   /* PLAN, ARTIFACT, OUTPUT */
	char rule[64], reason[320], remedy[320]; /* terminated */
	char text[AGENT_TEXT_MAX];
};
_Static_assert(sizeof(struct agent_answer) == 48 + 32 + 704 + AGENT_TEXT_MAX, "no hidden padding");

/* ---- a plan, as the client hands it over in a sealed memfd ----
 * struct agent_plan, then the steps, then the strings that they name by offset. */
#define AGENT_PLAN_STEPS_MAX 64U
#define AGENT_PLAN_WORDS_MAX 64U      /* of one step */
#define AGENT_PLAN_INPUTS_MAX 16U     /* of one step */
#define AGENT_PLAN_LISTS_MAX 64U      /* writes, network, artifacts: each */
#define AGENT_PLAN_BYTES_MAX 262144U

struct agent_text {
	uint32_t offset;      /* from the start of the memfd; len bytes without a terminator */
	uint32_t len;
};

struct agent_input {
	struct agent_text path;
	uint8_t digest[32];
};

struct agent_step {
	uint32_t number;      /* n */
	uint32_t word_count, input_count, way_back_count;
	struct agent_text capability;
	struct agent_text words[AGENT_PLAN_WORDS_MAX];
	struct agent_text way_back[AGENT_PLAN_WORDS_MAX];
	struct agent_input inputs[AGENT_PLAN_INPUTS_MAX];
};

struct agent_plan {
	uint32_t version, bytes; /* AGENT_VERSION; of all of it */
	uint32_t step_count;
	uint32_t write_count, net_count, artifact_count;
	int64_t confidence;   /* millionths; -1 = none */
	struct ulid id;       /* plan_id */
	struct agent_text objective, created;
	struct agent_text writes[AGENT_PLAN_LISTS_MAX], nets[AGENT_PLAN_LISTS_MAX], artifacts[AGENT_PLAN_LISTS_MAX];
};

#endif
