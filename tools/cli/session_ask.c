/* SPDX-License-Identifier: Apache-2.0 */
/* `bailiff run --ask`: what the run asks of people is asked at its own terminal. All of the run is frozen while a
 * question stands there, what it wrote before waits in its pty, what was typed before is thrown away, and the code
 * that is shown must be typed: neither the run nor a key pressed too often answers. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/client.h"
#include "cli/people.h"
#include "cli/session_own.h"

#define LINES_MAX 3U /* that are not the code; then it is denied */

void prompt_open(struct prompt *prompt, bool wanted)
{
	prompt->tty_fd = wanted ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : FD_NONE;
	if (wanted && prompt->tty_fd < 0)
		fprintf(stderr, "bailiff: --ask: there is no terminal to ask at: what needs approval is denied at once\n");
}

void prompt_finish(struct prompt *prompt)
{
	prompt->tty_fd = fd_close(prompt->tty_fd);
}

uint32_t prompt_flags(const struct prompt *prompt, bool wanted)
{
	if (!wanted)
		return 0;
	return prompt->tty_fd >= 0 ? WIRE_ASK : WIRE_ASK_NOWHERE;
}

bool prompt_stands(const struct session *session)
{
	return session->prompt.count > 0;
}

static void answer(struct session *session, bool yes)
{
	const struct wire_item *item = &session->prompt.items[0];
	struct wire_people request = { .head = { .version = WIRE_VERSION, .kind = yes ? WIRE_APPROVE : WIRE_DENY,
						 .run = item->id } };
	int r;

	memcpy(request.seen, item->binding, sizeof(request.seen));
	request.reason_code = yes ? 0 : REASON_OTHER;
	if (yes)
		memcpy(request.code, item->code, sizeof(request.code));
	else
		IGNORE(text_copy(request.head.reason, sizeof(request.head.reason),
				 slice_of(session->kept ? "nobody sits at the run's terminal" : "denied at the run's terminal")));
	/* Its end is told by WIRE_ITEM, whoever answered. */
	r = fdpass_send(session->spec->control_fd, &request, sizeof(request), NULL, 0, 0);
	if (r < 0)
		error_set(session->err, r, "answer the question"); /* the supervisor went away: the loop sees it */
}

static void show(struct session *session)
{
	struct prompt *prompt = &session->prompt;
	const struct wire_item *item = &prompt->items[0];
	auto_close int fd = FD_NONE;
	FILE *tty;

	if (session->kept) {
		answer(session, false);
		return;
	}
	prompt->lines = 0;
	session_leave_terminal(session);
	IGNORE(tcflush(prompt->tty_fd, TCIFLUSH) < 0); /* then a wrong line is read, and refused */
	fd = fcntl(prompt->tty_fd, F_DUPFD_CLOEXEC, 3);
	tty = fd < 0 ? NULL : fdopen(fd, "w");
	if (!tty) {
		answer(session, false);
		return;
	}
	fd = FD_NONE; /* the stream's */
	fprintf(tty, "\nbailiff: the run is frozen and asks:\n");
	item_show(tty, item);
	if (item->code[0])
		fprintf(tty, "type %s to approve; n denies: ", item->code);
	else
		fprintf(tty, "somebody else has to approve it (`bailiff inbox`); n denies: ");
	fclose(tty);
}

static void ended(struct session *session, const struct wire_item *item)
{
	struct prompt *prompt = &session->prompt;
	bool stood = memcmp(&prompt->items[0].id, &item->id, sizeof(item->id)) == 0;
	char line[64];

	for (size_t i = 0; i < prompt->count; i++) {
		if (memcmp(&prompt->items[i].id, &item->id, sizeof(item->id)) != 0)
			continue;
		memmove(&prompt->items[i], &prompt->items[i + 1], (prompt->count - i - 1) * sizeof(*item));
		prompt->count--;
		break;
	}
	if (!stood)
		return;
	IGNORE(snprintf(line, sizeof(line), "it is %s", approval_state_name((enum approval_state)item->state)) < 0);
	session_say(session, line);
	if (prompt->count > 0)
		show(session);
	else if (!session->kept)
		session_take_terminal(session);
}

void prompt_item(struct session *session, const struct wire_item *item)
{
	struct prompt *prompt = &session->prompt;
	bool open = item->state == APPROVAL_PENDING || item->state == APPROVAL_CLAIMED;

	for (size_t i = 0; i < prompt->count && open; i++) {
		if (memcmp(&prompt->items[i].id, &item->id, sizeof(item->id)) == 0)
			return; /* claimed or released: it stands there already */
	}
	if (!open && prompt->count > 0) {
		ended(session, item);
	} else if (open && prompt->count < PROMPTS_MAX) {
		prompt->items[prompt->count++] = *item;
		if (prompt->count == 1)
			show(session);
	}
}

/* The supervisor did not take the answer. */
void prompt_refused(struct session *session)
{
	if (prompt_stands(session))
		show(session);
}

void prompt_deny(struct session *session)
{
	answer(session, false);
}

void prompt_read(struct session *session)
{
	struct prompt *prompt = &session->prompt;
	const struct wire_item *item = &prompt->items[0];
	char line[128];
	ssize_t len = read(prompt->tty_fd, line, sizeof(line) - 1);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	line[MAX(len, 0)] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (len > 0 && item->code[0] && strcasecmp(line, item->code) == 0) {
		answer(session, true);
		return;
	}
	if (len <= 0 || strcasecmp(line, "n") == 0 || strcasecmp(line, "no") == 0 || ++prompt->lines >= LINES_MAX) {
		answer(session, false);
		return;
	}
	IGNORE(dprintf(prompt->tty_fd, "that is not the code; type %s to approve, n to deny: ",
		       item->code[0] ? item->code : "nothing") < 0); /* it is gone: then so are we */
}
