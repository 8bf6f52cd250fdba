/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fdpass.h"
#include "base/text.h"
#include "cli/cli.h"

#define CLIENT_ANSWER_MS 5000

static int socket_address(const struct client_dirs *dirs, struct sockaddr_un *ret_address,
			  struct error *err)
{
	const char *dir = dirs->runtime_dir ? dirs->runtime_dir : CLI_DEFAULT_RUNTIME_DIR;
	int len;

	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	len = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s/control.sock", dir);
	if (len > 0 && (size_t)len < sizeof(ret_address->sun_path))
		return 0;
	error_say(err, -ENAMETOOLONG, "the runtime directory '%s' is too long for a socket", dir);
	error_next(err, "choose one of at most %zu bytes with --runtime-dir",
		   sizeof(ret_address->sun_path) - sizeof("/control.sock"));
	return error_exit(err, CLI_USAGE);
}

static int connect_refused(int code, const char *path, struct error *err)
{
	if (code == -EACCES || code == -EPERM) {
		error_set(err, code, "connect to the supervisor at '%s'", path);
		error_next(err, "ask for membership in the group `bailiff`, then log in again; or use sudo");
		return error_exit(err, CLI_REFUSED);
	}
	if (code != -ENOENT && code != -ECONNREFUSED)
		return error_set(err, code, "connect to the supervisor at '%s'", path);
	error_say(err, code, "no supervisor listens at '%s'", path);
	error_next(err, "`sudo bailiff run ...` starts one for its run; "
			"`sudo systemctl start bailiffd` keeps one");
	return error_exit(err, CLI_REFUSED);
}

static int client_ping(int socket, struct error *err)
{
	struct wire_request request = { .version = WIRE_VERSION, .kind = WIRE_PING };
	struct wire_answer answer;
	int r = client_send(socket, &request, err);

	if (r < 0)
		return r;
	return client_receive(socket, CLIENT_ANSWER_MS, &answer, err);
}

int client_connect(const struct client_dirs *dirs, int *ret_socket, struct error *err)
{
	auto_close int fd = FD_NONE;
	struct sockaddr_un address;
	int r = socket_address(dirs, &address, err);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "make a socket");
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return connect_refused(-errno, address.sun_path, err);
	r = client_ping(fd, err);
	/* One that ends between accept and answer is none. */
	if (r == -EPIPE)
		return connect_refused(-ECONNREFUSED, address.sun_path, err);
	if (r < 0)
		return r;
	*ret_socket = TAKE_FD(fd);
	return 0;
}

int client_send(int socket, const struct wire_request *request, struct error *err)
{
	int r = fdpass_send(socket, request, sizeof(*request), NULL, 0, 0);

	return r < 0 ? error_set(err, r == -ECONNRESET ? -EPIPE : r, "ask the supervisor") : 0;
}

static void terminate(char *text, size_t size)
{
	text[size - 1] = '\0';
}

static void check_item(struct wire_item *item)
{
	terminate(item->code, sizeof(item->code));
	terminate(item->agent, sizeof(item->agent));
	terminate(item->capability, sizeof(item->capability));
	terminate(item->rule, sizeof(item->rule));
	terminate(item->reason, sizeof(item->reason));
	terminate(item->text, sizeof(item->text));
}

int client_answer_check(size_t len, struct wire_answer *answer)
{
	if (len != sizeof(*answer) || answer->version != WIRE_VERSION)
		return -EPROTO;
	switch (answer->kind) {
	case WIRE_DONE:
	case WIRE_VIEWER:
		return 0;
	case WIRE_ERROR:
		terminate(answer->u.error.text, sizeof(answer->u.error.text));
		terminate(answer->u.error.next, sizeof(answer->u.error.next));
		return answer->u.error.code < 0 ? 0 : -EPROTO;
	case WIRE_STARTED:
		terminate(answer->u.started.policy_name, sizeof(answer->u.started.policy_name));
		terminate(answer->u.started.agent, sizeof(answer->u.started.agent));
		return 0;
	case WIRE_ENDED:
		terminate(answer->u.ended.text, sizeof(answer->u.ended.text));
		return answer->u.ended.exit_code >= 0 && answer->u.ended.exit_code <= 255 ? 0 : -EPROTO;
	case WIRE_RUN_ROW:
		terminate(answer->u.row.agent, sizeof(answer->u.row.agent));
		terminate(answer->u.row.policy_name, sizeof(answer->u.row.policy_name));
		terminate(answer->u.row.owner, sizeof(answer->u.row.owner));
		terminate(answer->u.row.command, sizeof(answer->u.row.command));
		terminate(answer->u.row.workspace, sizeof(answer->u.row.workspace));
		terminate(answer->u.row.paused_for, sizeof(answer->u.row.paused_for));
		terminate(answer->u.row.status_text, sizeof(answer->u.row.status_text));
		return 0;
	case WIRE_FEATURE_REPORT:
		terminate(answer->u.features.kernel, sizeof(answer->u.features.kernel));
		return 0;
	case WIRE_NOTICE:
		terminate(answer->u.notice, sizeof(answer->u.notice));
		return 0;
	case WIRE_WORKSPACE_ROW:
		terminate(answer->u.workspace.agent, sizeof(answer->u.workspace.agent));
		terminate(answer->u.workspace.workspace, sizeof(answer->u.workspace.workspace));
		return 0;
	case WIRE_ITEM:
		check_item(&answer->u.item);
		return 0;
	case WIRE_AGENT_ROW:
		terminate(answer->u.agent.agent, sizeof(answer->u.agent.agent));
		terminate(answer->u.agent.refused, sizeof(answer->u.agent.refused));
		return 0;
	case WIRE_COUNTED:
	case WIRE_KILLED:
		return 0;
	}
	return -EPROTO;
}

int client_answer_error(const struct wire_answer *answer, struct error *err)
{
	const struct wire_error *from = &answer->u.error;

	error_say(err, from->code, "%s", from->text);
	error_next(err, "%s", from->next);
	return error_exit(err, from->exit_code);
}

int client_receive(int socket, int timeout_ms, struct wire_answer *ret_answer, struct error *err)
{
	cleanup_with(fdset_finish) struct fdset fds = { 0 };

	return client_receive_fds(socket, timeout_ms, ret_answer, &fds, err);
}

int client_receive_fds(int socket, int timeout_ms, struct wire_answer *ret_answer, struct fdset *ret_fds,
		       struct error *err)
{
	struct pollfd ready = { .fd = socket, .events = POLLIN };
	ssize_t len;
	int r;

	do {
		r = poll(&ready, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_set(err, -errno, "wait for the supervisor");
	if (r == 0)
		return error_say(err, -ETIMEDOUT, "the supervisor does not answer");
	len = fdpass_receive(socket, ret_answer, sizeof(*ret_answer), ret_fds, 0);
	if (len == 0 || len == -ECONNRESET)
		return error_say(err, -EPIPE, "the supervisor closed the connection");
	if (len < 0)
		return error_set(err, (int)len, "read the supervisor's answer");
	if (client_answer_check((size_t)len, ret_answer) < 0) {
		error_say(err, -EPROTO, "the supervisor's answer is not of this version of bailiff");
		return error_next(err, "stop the old supervisor: `sudo systemctl restart bailiffd`");
	}
	if (ret_answer->kind == WIRE_ERROR)
		return client_answer_error(ret_answer, err);
	return 0;
}
