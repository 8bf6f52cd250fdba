/* SPDX-License-Identifier: Apache-2.0 */
/* Those who are attached to a run, on the side of the process that has its terminal. Each reads the scrollback at its own
 * speed; one that does not read holds up nobody. */
#ifndef CLI_VIEWERS_H
#define CLI_VIEWERS_H

#include <poll.h>
#include <sys/ioctl.h>

#include "cli/scrollback.h"
#include "cli/view.h"

#define VIEWERS_MAX 16U

struct viewer {
	int fd;               /* owned; FD_NONE = free */
	uint64_t place;       /* in the scrollback */
	uint16_t rows, columns; /* 0 = not said */
};

struct viewers {
	struct viewer items[VIEWERS_MAX];
};

/* What somebody attached wants; `ctx` is the owner's. */
struct viewer_calls {
	void (*input)(void *ctx, struct slice bytes);  /* at most VIEW_BYTES_MAX; only called when there was room */
	void (*resized)(void *ctx);
	void (*resume)(void *ctx);
	void *ctx;
};

void viewers_init(struct viewers *viewers);
/* Takes `fd`, a seqpacket socket of unknown origin. False, and closed, when it is none or there are too many. */
bool viewers_add(struct viewers *viewers, int fd, const struct scrollback *scrollback);
size_t viewers_count(const struct viewers *viewers);
/* Makes *size no larger than the window of any of them. */
void viewers_bound_size(const struct viewers *viewers, struct winsize *size);
/* Fills VIEWERS_MAX rows. `room`: something typed could be taken now. */
void viewers_poll(const struct viewers *viewers, const struct scrollback *scrollback, bool room,
		  struct pollfd fds[VIEWERS_MAX]);
/* Serves what is ready, with the `room` of viewers_poll(). Never blocks. */
void viewers_serve(struct viewers *viewers, const struct scrollback *scrollback, bool room,
		   const struct pollfd fds[VIEWERS_MAX], const struct viewer_calls *calls);
/* To all; who has no room for it misses it. */
void viewers_tell(struct viewers *viewers, enum view_kind kind, int value, const char *text);
/* Sends what is left of the output, at most for two seconds, then VIEW_ENDED, and closes. */
void viewers_end(struct viewers *viewers, const struct scrollback *scrollback, int exit_code, const char *text);
void viewers_finish(struct viewers *viewers);
/* VIEW_ENDED to one that was not added. */
void viewers_refuse(int fd, int exit_code, const char *text);

#endif
