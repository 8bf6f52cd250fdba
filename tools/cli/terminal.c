/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <errno.h>
#include <sys/ioctl.h>

void terminal_init(struct terminal *terminal)
{
	static const int order[] = { STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO };

	*terminal = (struct terminal){ .in_fd = FD_NONE, .out_fd = FD_NONE };
	if (isatty(STDIN_FILENO))
		terminal->in_fd = STDIN_FILENO;
	for (size_t i = 0; i < COUNT(order); i++) {
		if (terminal->out_fd == FD_NONE && isatty(order[i]))
			terminal->out_fd = order[i];
	}
}

bool terminal_foreground(const struct terminal *terminal)
{
	pid_t owner;

	if (terminal->in_fd == FD_NONE)
		return false;
	owner = tcgetpgrp(terminal->in_fd);
	return owner < 0 ? errno == ENOTTY : owner == getpgrp();
}

int terminal_raw(struct terminal *terminal)
{
	struct termios modes;

	/* In the background tcsetattr() would stop us with SIGTTOU (termios(3)). */
	if (terminal->raw || !terminal_foreground(terminal))
		return 0;
	if (tcgetattr(terminal->in_fd, &terminal->saved) < 0)
		return -errno;
	modes = terminal->saved;
	cfmakeraw(&modes);
	/* DRAIN, not FLUSH: what the user typed ahead belongs to the command. */
	if (tcsetattr(terminal->in_fd, TCSADRAIN, &modes) < 0)
		return -errno;
	terminal->raw = true;
	return 0;
}

void terminal_restore(struct terminal *terminal)
{
	if (!terminal->raw)
		return;
	terminal->raw = false;
	/* The terminal may have been hung up; then nothing is left to restore. */
	IGNORE(tcsetattr(terminal->in_fd, TCSADRAIN, &terminal->saved) < 0);
}

int terminal_resize(const struct terminal *terminal, int master_fd)
{
	int from = terminal->in_fd != FD_NONE ? terminal->in_fd : terminal->out_fd;
	struct winsize size;

	if (from == FD_NONE || master_fd == FD_NONE)
		return 0;
	if (ioctl(from, TIOCGWINSZ, &size) < 0 || ioctl(master_fd, TIOCSWINSZ, &size) < 0)
		return -errno;
	return 0;
}

int terminal_dress(const struct terminal *terminal, int master_fd)
{
	int from = terminal->in_fd != FD_NONE ? terminal->in_fd : terminal->out_fd;
	struct termios modes;

	if (from == FD_NONE)
		return 0;
	if (terminal->raw)
		modes = terminal->saved;
	else if (tcgetattr(from, &modes) < 0)
		return -errno;
	if (terminal->in_fd == FD_NONE)
		modes.c_oflag &= ~(tcflag_t)OPOST;
	if (tcsetattr(master_fd, TCSANOW, &modes) < 0)
		return -errno;
	return terminal_resize(terminal, master_fd);
}
