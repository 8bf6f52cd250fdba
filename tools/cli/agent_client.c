/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the supervisor and back: one connection, one question, one answer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fdpass.h"
#include "base/io.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"

struct agent_call agent_call_of(enum agent_verb verb)
{
	return (struct agent_call){ .request = { .version = AGENT_VERSION, .verb = verb }, .fd = FD_NONE };
}

int agent_call_text(struct agent_call *call, struct slice text)
{
	if (text.len > sizeof(call->request.text))
		return -E2BIG;
	memcpy(call->request.text, text.data ? text.data : "", text.len);
	call->request.text_len = (uint32_t)text.len;
	return 0;
}

static int outside(struct error *err, int code)
{
	error_say(err, code, "this is not inside a run, or the run is over");
	error_next(err, "start the command with `bailiff run -- COMMAND`; inside, `%s` is there", AGENT_CONTROL);
	return error_exit(err, AGENT_EXIT_OUTSIDE);
}

static int connect_control(int *ret_fd, struct error *err)
{
	const char *path = getenv("BAILIFF_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_set(err, -errno, "make a socket");
	if (text_copy(address.sun_path, sizeof(address.sun_path), slice_of(path ? path : AGENT_CONTROL)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return outside(err, -errno);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int receive(int socket, int timeout_ms, struct agent_answer *ret_answer, struct error *err)
{
	struct pollfd ready = { .fd = socket, .events = POLLIN };
	int r;
	ssize_t len;

	do {
		r = poll(&ready, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (r == 0) {
		error_say(err, -ETIMEDOUT, "the supervisor did not answer in time");
		return error_exit(err, AGENT_EXIT_WAITED);
	}
	len = recv(socket, ret_answer, sizeof(*ret_answer), 0);
	if (len == 0 || (len < 0 && errno == ECONNRESET))
		return outside(err, -EPIPE);
	if (len != (ssize_t)sizeof(*ret_answer) || ret_answer->version != AGENT_VERSION) {
		error_say(err, -EPROTO, "the supervisor is of another version");
		return error_exit(err, CLI_INTERNAL);
	}
	ret_answer->rule[sizeof(ret_answer->rule) - 1] = '\0';
	ret_answer->reason[sizeof(ret_answer->reason) - 1] = '\0';
	ret_answer->remedy[sizeof(ret_answer->remedy) - 1] = '\0';
	ret_answer->text_len = MIN(ret_answer->text_len, (uint32_t)sizeof(ret_answer->text));
	return 0;
}

int agent_ask(const struct agent_call *call, int timeout_ms, struct agent_answer *ret_answer, struct error *err)
{
	auto_close int fd = FD_NONE;
	int r = connect_control(&fd, err);

	if (r < 0)
		return r;
	r = fdpass_send(fd, &call->request, sizeof(call->request), &call->fd, call->fd == FD_NONE ? 0 : 1, 0);
	if (r < 0)
		return outside(err, r);
	return receive(fd, timeout_ms, ret_answer, err);
}

int agent_read_file(const char *path, size_t max, char **ret_bytes, size_t *ret_len, struct error *err)
{
	bool standard = strcmp(path, "-") == 0;
	cleanup_with(buf_finish) struct buf buf = buf_growing(max);
	auto_close int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : io_read_all(fd, &buf);

	if (r == -ENOSPC)
		error_say(err, -E2BIG, "'%s' has more than %zu bytes", path, max);
	else if (r < 0)
		error_set(err, r, "read '%s'", path);
	if (r < 0)
		return error_exit(err, CLI_USAGE), r;
	*ret_bytes = malloc(buf.len + 1);
	if (!*ret_bytes)
		return error_set(err, -ENOMEM, "read '%s'", path);
	memcpy(*ret_bytes, buf.data ? buf.data : "", buf.len);
	(*ret_bytes)[buf.len] = '\0';
	*ret_len = buf.len;
	return 0;
}
