/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket and its clients. Nothing waits for a client: one that does not read its answers is
 * closed, and its run is cancelled with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fdpass.h"
#include "base/log.h"
#include "base/proc.h"
#include "daemon/daemon.h"

#define GROUP "bailiff"
#define BACKLOG 64
#define CLIENT_BYTES (1 << 20)  /* room for a whole LIST */

void client_close(struct client *client)
{
	struct daemon *daemon = client->daemon;
	struct run *run = client->run;

	if (!daemon)
		return;
	loop_remove(daemon->loop, &client->source);
	client->fd = fd_close(client->fd);
	client->daemon = NULL;
	client->run = NULL;
	client->waits = false;
	daemon->client_count--;
	if (run) {
		run->owner = NULL;
		run_stop(run, RUN_CAUSE_CANCELLED, 125, "the caller went away");
	}
	daemon_idle_check(daemon);
}

bool client_answer(struct client *client, const struct wire_answer *answer)
{
	return client_answer_fds(client, answer, NULL, 0);
}

bool client_answer_fds(struct client *client, const struct wire_answer *answer, const int *fds,
		       size_t fd_count)
{
	int r;

	if (!client->daemon)
		return false;
	r = fdpass_send(client->fd, answer, sizeof(*answer), fds, fd_count, MSG_DONTWAIT);
	if (r == 0)
		return true;
	log_debug("client_lost", "pid=%d errno=%s", (int)client->peer.pid, errno_name(r));
	client_close(client);
	return false;
}

static void refuse(int fd, const struct error *err)
{
	struct wire_answer answer = { .version = WIRE_VERSION, .kind = WIRE_ERROR };

	answer.u.error.code = err->code;
	answer.u.error.exit_code = err->exit_code ? err->exit_code : 122;
	IGNORE(snprintf(answer.u.error.text, sizeof(answer.u.error.text), "%s", err->text) < 0);
	IGNORE(snprintf(answer.u.error.next, sizeof(answer.u.error.next), "%s", err->next) < 0);
	/* Told if it still listens; closed either way. */
	IGNORE(fdpass_send(fd, &answer, sizeof(answer), NULL, 0, MSG_DONTWAIT) < 0);
}

static int client_ready(struct source *source, uint32_t events)
{
	struct client *client = container_of(source, struct client, source);
	struct wire_people bytes;
	cleanup_with(fdset_finish) struct fdset set = { 0 };
	ssize_t len = fdpass_receive(client->fd, &bytes, sizeof(bytes), &set, MSG_DONTWAIT);

	(void)events;
	if (len == -EAGAIN)
		return 0;
	if (len > 0 && client->refused)
		refuse(client->fd, &client->refusal);
	if (len <= 0 || client->refused) {
		client_close(client);
		return 0;
	}
	request_serve(client, slice_new(&bytes, (size_t)len), set.fds, set.count);
	return 0;
}

static struct client *client_free_slot(struct daemon *daemon, uid_t uid)
{
	struct client *slot = NULL;
	uint32_t same = 0;

	for (size_t i = 0; i < DAEMON_CLIENTS_MAX; i++) {
		if (!daemon->clients[i].daemon)
			slot = slot ? slot : &daemon->clients[i];
		else
			same += daemon->clients[i].peer.uid == uid;
	}
	/* Charged to the uid, so that one user cannot shut out the others, root least of all. */
	return same >= DAEMON_CLIENTS_PER_UID ? NULL : slot;
}

static struct client *client_add(struct daemon *daemon, int fd, const struct peer *peer)
{
	struct client *client = client_free_slot(daemon, peer->uid);
	int bytes = CLIENT_BYTES;

	if (!client || loop_add(daemon->loop, &client->source, fd, EPOLLIN, client_ready) < 0)
		return NULL;
	IGNORE(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0); /* comfort */
	client->daemon = daemon;
	client->fd = fd;
	client->peer = *peer;
	client->run = NULL;
	client->waits = client->refused = false;
	daemon->client_count++;
	loop_timer_clear(daemon->loop, &daemon->idle_timer);
	return client;
}

static void accept_one(struct daemon *daemon, int fd)
{
	struct error err = { 0 };
	struct peer peer = { .uid = UID_NONE };
	struct client *client;
	int r = peer_identify(fd, &peer, &err);

	if (r < 0) {
		log_warn("client_refused", "pid=%d uid=%d reason=\"%s\"", (int)peer.pid,
			 (int)peer.uid, err.text);
		intervention_record(daemon, &peer, "connect", NULL, false, err.text);
	}
	client = client_add(daemon, fd, &peer);
	if (client && r < 0) {
		/* Told in answer to what it asks: an answer before the question may be missed. */
		client->refused = true;
		client->refusal = err;
	} else if (!client) {
		error_say(&err, -EBUSY, "too many connections of uid %u", peer.uid);
		error_next(&err, "wait for a run of yours to end");
		refuse(fd, &err);
		fd_close(fd);
	}
}

static int listener_ready(struct source *source, uint32_t events)
{
	struct daemon *daemon = container_of(source, struct daemon, listener);

	(void)events;
	for (;;) {
		int fd = accept4(daemon->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return 0; /* none left, or the peer went away, or no descriptors: later */
		accept_one(daemon, fd);
	}
}

static int socket_owner(struct daemon *daemon, struct error *err)
{
	const char *path = daemon->socket_path;
	gid_t gid;

	/* Without the group only root may connect. */
	if (group_lookup(GROUP, &gid) < 0)
		gid = 0;
	else if (!daemon->host) /* else its settings say who is who */
		roles_usual(&daemon->runs.people.roles, gid);
	if (chown(path, 0, gid) < 0 || chmod(path, 0660) < 0)
		return error_set(err, -errno, "set the owner of '%s'", path);
	return 0;
}

int control_open(struct daemon *daemon, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r;

	/* Ours by the lock: a socket that is there belongs to a dead predecessor. */
	if (unlink(daemon->socket_path) < 0 && errno != ENOENT)
		return error_set(err, -errno, "remove the old socket '%s'", daemon->socket_path);
	daemon->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (daemon->listen_fd < 0)
		return error_set(err, -errno, "make the control socket");
	memcpy(address.sun_path, daemon->socket_path, sizeof(address.sun_path));
	/* umask 077: nobody but root reaches it before its owner and mode are set. */
	if (bind(daemon->listen_fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set(err, -errno, "bind '%s'", daemon->socket_path);
	r = socket_owner(daemon, err);
	if (r < 0)
		return r;
	if (listen(daemon->listen_fd, BACKLOG) < 0)
		return error_set(err, -errno, "listen at '%s'", daemon->socket_path);
	r = loop_add(daemon->loop, &daemon->listener, daemon->listen_fd, EPOLLIN, listener_ready);
	return r < 0 ? error_set(err, r, "listen at '%s'", daemon->socket_path) : 0;
}

void control_close(struct daemon *daemon)
{
	if (daemon->listen_fd < 0)
		return;
	loop_remove(daemon->loop, &daemon->listener);
	daemon->listen_fd = fd_close(daemon->listen_fd);
	IGNORE(unlink(daemon->socket_path) < 0); /* the next supervisor removes what is left */
}
