/* SPDX-License-Identifier: Apache-2.0 */
/* What travels over the control socket (<runtime-dir>/control.sock, SOCK_SEQPACKET) between
 * `bailiff` and bailiffd, and over the session channel between `bailiff run` and bailiff-init.
 * Fixed structs, host order (same host), all padding zero. The peer is known by SO_PEERCRED and
 * its cgroup; a process inside any run is refused. */
#ifndef DAEMON_WIRE_H
#define DAEMON_WIRE_H

#include <linux/seccomp.h>
#include <stdint.h>

#include "base/feature.h"
#include "base/ulid.h"
#include "decide/status.h"

#define WIRE_VERSION 1U
#define WIRE_TEXT_MAX 768U
#define WIRE_REASON_MAX 256U
#define WIRE_RUNS_MAX 64U      /* rows in one answer to WIRE_LIST */

enum wire_request_kind {
	WIRE_RUN = 1,     /* fds: plan memfd, stdin, stdout, stderr, session channel (seqpacket).
	                   * Terminals are passed as they are; init replaces them by the pty's slave.
	                   * reason: the name of its task, or "" */
	WIRE_LIST = 2,    /* answers: WIRE_RUN_ROW…, then WIRE_DONE */
	WIRE_SHOW = 3,    /* by run; answers WIRE_RUN_ROW or WIRE_ERROR */
	WIRE_REVOKE = 4,  /* by run, with reason; with WIRE_WAIT answers when the run is gone */
	WIRE_FEATURES = 5,/* answers WIRE_FEATURE_REPORT */
	WIRE_PING = 6,    /* answers WIRE_DONE */
	WIRE_WORKSPACES = 7,/* overlays that are kept; answers WIRE_WORKSPACE_ROW…, then WIRE_DONE */
	WIRE_WORKSPACE = 8,/* by run; with WIRE_COMMIT for writing it back. Answers WIRE_WORKSPACE_ROW with
	                   * fds: upper directory, meta (plan/overlay.h), index if there is one */
	WIRE_SETTLE = 9,  /* by run, with what was done as reason: drops the overlay. WIRE_COMMIT: all of it
	                   * was written back; and WIRE_KEEP: not all, so it stays */
	WIRE_ATTACH = 10, /* by run; one fd, a socket that goes to whoever has the run's terminal (WIRE_VIEWER).
	                   * Answers WIRE_DONE */
	/* What people decide: struct wire_people. `run` is a run, an item of the inbox, or nothing. */
	WIRE_INBOX = 11,  /* answers WIRE_ITEM…, then WIRE_DONE. WIRE_ALL: what is over, too */
	WIRE_CLAIM = 12,  /* by item */
	WIRE_RELEASE = 13,/* by item */
	WIRE_APPROVE = 14,/* by item, with what was seen; WIRE_DONE, or WIRE_COUNTED when more votes are needed */
	WIRE_DENY = 15,   /* the same, with reason */
	WIRE_PAUSE = 16,  /* by run; these three with reason */
	WIRE_RESUME = 17,
	WIRE_CANCEL = 18,
	WIRE_CLARIFY = 19,/* by run, with text */
	WIRE_WAIVE = 20,  /* by run, with rule and reason; `seen`: the digest of one action, or zero */
	WIRE_KILL_SWITCH = 21, /* with scope, and run or agent; WIRE_TERMINATE, WIRE_RESET. Answers WIRE_KILLED */
	WIRE_AGENTS = 22, /* how agents stand; answers WIRE_AGENT_ROW…, then WIRE_DONE */
	WIRE_TIER = 23,   /* by agent, with reason and one of WIRE_UP, WIRE_DOWN, WIRE_CLEAR, WIRE_CLOSE */
	WIRE_REQUEST_LIMIT,
};

#define WIRE_WAIT 1U
#define WIRE_ALL 2U           /* LIST: ended runs of this supervisor's life, too */
#define WIRE_COMMIT 4U
#define WIRE_KEEP 8U
#define WIRE_DETACHED 16U     /* RUN: recorded; the connection is not of the person's process */
#define WIRE_ASK 32U          /* RUN: what it asks of people is asked on this connection (WIRE_ITEM) */
#define WIRE_ASK_NOWHERE 64U  /* RUN: the same was wanted, and there is no terminal: what asks is denied */
#define WIRE_TERMINATE 128U   /* KILL_SWITCH: revoke, do not freeze */
#define WIRE_RESET 256U       /* KILL_SWITCH */
#define WIRE_UP 512U          /* TIER: a step up, where the agent has earned it */
#define WIRE_DOWN 1024U       /* TIER: a step down */
#define WIRE_CLEAR 2048U      /* TIER: is suspended no more */
#define WIRE_CLOSE 4096U      /* TIER: its breaker is closed */

struct wire_request {
	uint32_t version;     /* WIRE_VERSION; else WIRE_ERROR with EPROTO */
	uint32_t kind;        /* enum wire_request_kind */
	uint32_t flags;       /* WIRE_* */
	uint32_t cursor;      /* LIST, WORKSPACES: rows to skip */
	struct ulid run;      /* SHOW, REVOKE, WORKSPACE, SETTLE */
	char reason[WIRE_REASON_MAX]; /* NUL-terminated */
};

#define WIRE_ITEMS_MAX 32U    /* in one answer to WIRE_INBOX */
#define WIRE_BINDING_BYTES 224U /* struct approval_binding, which only the supervisor looks into */
#define WIRE_CODE_MAX 8U
#define WIRE_ITEM_TEXT_MAX 1024U

/* WIRE_INBOX and those behind it. What a kind does not take is zero. */
struct wire_people {
	struct wire_request head;
	uint32_t reason_code; /* enum reason_code (decide/people.h) */
	uint32_t scope;       /* enum kill_scope */
	uint64_t ttl_ns;      /* WAIVE; 0 = the default */
	uint8_t seen[WIRE_BINDING_BYTES]; /* as it was shown, whole */
	char code[WIRE_CODE_MAX]; /* as it was typed; each text is NUL-padded */
	char rule[64], agent[64];
	char text[WIRE_ITEM_TEXT_MAX];
};

enum wire_answer_kind {
	WIRE_DONE = 1, WIRE_ERROR, WIRE_STARTED, WIRE_ENDED, WIRE_RUN_ROW, WIRE_FEATURE_REPORT,
	WIRE_NOTICE,      /* a violation or warning while the run goes on: text */
	WIRE_WORKSPACE_ROW,
	WIRE_VIEWER,      /* to the run's connection: one fd, of somebody who may attach (cli/view.h) */
	WIRE_ITEM,        /* unasked, to a connection with WIRE_ASK: it is new or has another state */
	WIRE_COUNTED, WIRE_KILLED,
	WIRE_AGENT_ROW,
};

struct wire_agent_row {   /* WIRE_AGENT_ROW */
	char agent[64];
	uint32_t tier, suspended;
	uint32_t breaker;     /* enum breaker_state */
	uint32_t runs, runs_needed; /* completed at this tier within the window; of how many */
	uint32_t refusal;     /* enum promotion_refusal */
	char refused[64];     /* why it cannot be promoted now; "" = it can */
};

enum run_cause { RUN_CAUSE_NONE, RUN_CAUSE_EXIT, RUN_CAUSE_SIGNAL, RUN_CAUSE_CANCELLED, RUN_CAUSE_WALL,
		 RUN_CAUSE_REFUSED, RUN_CAUSE_SUPERVISOR_LOST, RUN_CAUSE_VIOLATION, RUN_CAUSE_OPERATOR,
		 RUN_CAUSE_NOT_FOUND, RUN_CAUSE_NOT_EXECUTABLE, RUN_CAUSE_INTERNAL, RUN_CAUSE_COUNT };

struct wire_error {       /* WIRE_ERROR */
	int32_t code;         /* negative errno */
	int32_t exit_code;    /* of design.md section 9 */
	char text[WIRE_TEXT_MAX];
	char next[384];
};

struct wire_started {     /* WIRE_STARTED */
	struct ulid run;
	uint32_t in_force;    /* bits of enum feature: protections really applied to this run */
	uint32_t missing;     /* preferred ones that are not */
	uint32_t landlock_abi, watch_tier;
	uint32_t network_mode, workspace_mode;
	char policy_name[64], agent[64];
};

struct wire_ended {       /* WIRE_ENDED: the command is over and nothing is left of the run */
	struct ulid run;
	uint32_t status;      /* enum run_status: COMPLETED, FAILED or REVOKED */
	uint32_t cause;       /* enum run_cause */
	int32_t exit_code;    /* what `bailiff run` must exit with */
	int32_t wait_status;  /* of the command, as in wait(2); meaningful for EXIT and SIGNAL */
	uint64_t events, refused, lost;
	uint32_t violations, killed;
	char text[WIRE_TEXT_MAX]; /* why it was revoked or refused, with what to do; "" = nothing to say */
};

struct wire_run_row {     /* WIRE_RUN_ROW */
	struct ulid run;
	uint64_t started_ns;  /* CLOCK_REALTIME */
	uint64_t ended_ns;    /* 0 = live */
	uint64_t events, refused;
	uint32_t status, cause;
	int32_t exit_code;
	uint32_t uid;
	uint32_t processes;   /* now */
	uint32_t violations;
	uint32_t paused;      /* bits of enum pause_reason */
	uint32_t reserved;
	char agent[64], policy_name[64], owner[64];
	char paused_for[24];  /* the most important of them; "" = it is not paused */
	char command[128];    /* argv, cut, for people: escape before showing */
	char workspace[256];
	char status_text[200];/* STATUS= of the run itself */
};

struct wire_workspace_row { /* WIRE_WORKSPACE_ROW: one overlay */
	struct ulid run;
	uint64_t started_ns;  /* CLOCK_REALTIME */
	uint32_t uid, owner_uid;
	uint32_t live;        /* the run goes on */
	uint32_t reserved;
	char agent[64];
	char workspace[WIRE_TEXT_MAX]; /* cut */
};

struct wire_item {        /* WIRE_ITEM: an approval, or another item of the inbox */
	struct ulid id, run;
	uint64_t created_ns;  /* CLOCK_REALTIME */
	uint64_t expires_in_ns; /* 0: it is over, or never */
	uint32_t number;      /* rising: age */
	uint32_t state, type, priority; /* enums of decide/people.h */
	uint32_t role, count, votes, risk;
	uint32_t owner_uid, claimed_by; /* claimed_by: uid -1 = nobody */
	uint32_t mine;        /* whoever asked may answer it now */
	uint32_t text_bytes;  /* of the whole text, where it is cut; else 0 */
	uint8_t binding[WIRE_BINDING_BYTES];
	char code[WIRE_CODE_MAX]; /* to be typed by whoever asked for the action; else "" */
	char agent[64], capability[64], rule[64];
	char reason[WIRE_REASON_MAX];
	char text[WIRE_ITEM_TEXT_MAX]; /* escaped */
};

struct wire_counted { uint32_t votes, needed; };
struct wire_killed { uint32_t frozen, revoked, stopped, changed; };

struct wire_answer {
	uint32_t version;
	uint32_t kind;        /* enum wire_answer_kind */
	union {
		struct wire_error error;
		struct wire_started started;
		struct wire_ended ended;
		struct wire_run_row row;
		struct feature_report features;
		char notice[WIRE_TEXT_MAX];
		struct wire_workspace_row workspace;
		struct wire_agent_row agent;
		struct wire_item item;
		struct wire_counted counted;
		struct wire_killed killed;
	} u;
};

/* ---- the session channel: bailiff run <-> bailiff-init, SOCK_SEQPACKET ---- */

enum session_kind {
	SESSION_PTY = 1,      /* init -> CLI: one fd, the pty's master (only when a terminal was passed) */
	SESSION_STOPPED,      /* init -> CLI: the command's group stopped by `signal` */
	SESSION_CONTINUED,    /* init -> CLI */
	SESSION_SIGNAL,       /* CLI -> init: send `signal` to the command's foreground group */
	SESSION_CONTINUE,     /* CLI -> init: the user brought the job back */
	SESSION_SECRETS,      /* CLI -> init, before WIRE_RUN: one fd, the sealed memfd of plan/secrets.h */
	SESSION_EXIT,         /* init -> CLI: the command ended with `value` (wait(2) status); for pty draining */
};

struct session_message {
	uint32_t version;     /* WIRE_VERSION */
	uint32_t kind;        /* enum session_kind */
	int32_t signal;
	int32_t value;
};

/* ---- the init channel: bailiff-init <-> bailiffd, SOCK_SEQPACKET ---- */

enum init_kind {
	INIT_STAGE_FAILED = 1,/* stage, error, text: nothing was executed */
	INIT_READY,           /* all stages done, about to exec: in_force says what applies */
	INIT_EXEC_FAILED,     /* error; execve of the command failed */
	INIT_EXITED,          /* value = wait status of the command; others may be left */
	INIT_NOTIFY,          /* a parsed NOTIFY_SOCKET datagram */
	INIT_GO,              /* bailiffd -> init: cgroup, maps and ledger are ready: execute */
	INIT_SIGNAL,          /* bailiffd -> init: signal the command's group (cancel) */
	INIT_PLAN,            /* bailiffd -> init: the plan and what belongs to it; value = handover.h */
};

#define NOTIFY_WATCHDOG 1U
#define NOTIFY_READY 2U
#define NOTIFY_STOPPING 4U
#define NOTIFY_STATUS 8U
#define NOTIFY_EXTEND 16U
#define NOTIFY_TRIGGER 32U
#define NOTIFY_UNKNOWN 64U    /* keys of a later protocol: counted */
#define NOTIFY_ERRNO 128U     /* reported_errno */
#define NOTIFY_ERROR 256U     /* code: "CODE:text" */
#define NOTIFY_PHASE 512U
#define NOTIFY_PROGRESS 1024U
#define NOTIFY_CONFIDENCE 2048U
#define NOTIFY_ARTIFACT 4096U /* path */
#define NOTIFY_OUTPUT 8192U   /* code: the name; with one fd, a sealed memfd */
#define NOTIFY_BARRIER 16384U /* with one fd: closed when this message is read, so after all earlier ones */

struct init_message {
	uint32_t version;
	uint32_t kind;        /* enum init_kind */
	int32_t error;        /* negative errno */
	int32_t value;
	uint32_t stage;       /* STAGE_FAILED: index, for tests; `text` names it */
	uint32_t in_force;    /* READY: bits of enum feature */
	uint32_t landlock_abi;
	uint32_t notify;      /* NOTIFY: bits */
	uint64_t extend_ns;   /* NOTIFY_EXTEND */
	uint32_t pid;         /* READY: of the command, in init's pid namespace */
	uint32_t phase;       /* NOTIFY_PHASE: enum phase */
	uint32_t reported_errno;
	uint32_t confidence;  /* millionths */
	uint64_t progress_done, progress_all;
	char text[256];
	char code[208];       /* NOTIFY_ERROR, NOTIFY_OUTPUT; terminated */
	char path[1024];      /* NOTIFY_ARTIFACT; terminated */
};

/* ---- the broker of a gated run -> bailiffd, SOCK_SEQPACKET: a held execve or execveat ---- */

struct held_exec {
	uint32_t version;     /* WIRE_VERSION */
	uint32_t tid;         /* of the caller, in the run's pid namespace */
	uint64_t id;          /* of the notification */
	struct seccomp_data data;
};

#endif
