/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of a session: session.c has the supervisor, signals and the loop, session_pty.c the run's terminal
 * and everybody who looks at it. */
#ifndef CLI_SESSION_OWN_H
#define CLI_SESSION_OWN_H

#include <signal.h>

#include "cli/detach_keys.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/viewers.h"

#define RELAY_BYTES 16384U

#define PROMPTS_MAX 16U            /* open questions of one run (APPROVALS_PER_RUN) */

struct prompt {
	int tty_fd;                /* owned; FD_NONE: nothing is asked here */
	size_t count;
	unsigned int lines;        /* that were not the code */
	struct wire_item items[PROMPTS_MAX]; /* the first one stands at the terminal */
};

struct session {
	const struct session_spec *spec;
	int channel_fd, signal_fd, master_fd; /* owned */
	struct terminal terminal;  /* the person's; without descriptors when nobody sits here */
	struct modes shown;        /* of that terminal, by what the run wrote */
	bool left;                 /* it was put back, for a stop */
	struct scrollback scrollback;
	struct viewers viewers;
	struct detach_keys detach_keys;
	struct prompt prompt;
	sigset_t signals, before;
	struct ulid run;
	unsigned int terminations; /* SIGTERMs so far */
	bool started, over, keyboard_closed;
	bool kept;                 /* nobody sits here: keeper.h */
	bool stopped;              /* the command, while it is kept */
	bool slave_closed;         /* nobody has it open now; looked at again after HUNG_UP_MS */
	int result;                /* when over: exit code, or negative with *err */
	char input[RELAY_BYTES];   /* typed, not yet taken by the pty */
	size_t input_len;
	struct error *err;
};

/* ---- session.c ---- */

/* A line on the person's stderr and at everybody who is attached. */
void session_say(struct session *session, const char *text);
void session_channel_send(struct session *session, enum session_kind kind, int number);

/* ---- session_ask.c ---- */

void prompt_open(struct prompt *prompt, bool wanted);
void prompt_finish(struct prompt *prompt);
/* WIRE_ASK or WIRE_ASK_NOWHERE. */
uint32_t prompt_flags(const struct prompt *prompt, bool wanted);
/* A question stands at the terminal: its lines are answers, and nothing of the run is shown. */
bool prompt_stands(const struct session *session);
void prompt_item(struct session *session, const struct wire_item *item);
void prompt_read(struct session *session);
void prompt_refused(struct session *session);
void prompt_deny(struct session *session);

/* ---- session_pty.c ---- */

/* A master that init sent. */
void session_pty_arrived(struct session *session, int *fd);
/* What the run wrote, as far as it is there. Returns false when no process has the slave open. That may change: closing
 * the master would hang up the run's session (SIGHUP), so it stays open. */
bool session_relay_output(struct session *session);
/* The run is over, its processes are gone: what is still in the pty is all there is. */
void session_drain(struct session *session);
void session_feed_master(struct session *session);
void session_read_keyboard(struct session *session);
/* The smallest window of all who look becomes the pty's. */
void session_resize(struct session *session);
/* The person's terminal as it was before, and as the run has it. */
void session_leave_terminal(struct session *session);
void session_take_terminal(struct session *session);
/* Somebody attached. Takes *fd. */
void session_viewer_arrived(struct session *session, int *fd);
void session_serve_viewers(struct session *session, const struct pollfd fds[VIEWERS_MAX]);
bool session_has_room(const struct session *session);

#endif
