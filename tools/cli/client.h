/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to the supervisor over <runtime-dir>/control.sock (daemon/wire.h), and starting one when
 * the caller is root and nobody listens. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "daemon/wire.h"

struct client_dirs {
	const char *state_dir, *runtime_dir; /* NULL = the default */
};

/* Connects and checks with a ping that the supervisor is there to stay: from here on it counts
 * us as a client. Blocks at most 5 s. The caller owns *ret_socket.
 *
 * Returns 0; -ENOENT or -ECONNREFUSED: nobody listens (text is set, too); -EACCES: not allowed;
 * or another negative errno. */
int client_connect(const struct client_dirs *dirs, int *ret_socket, struct error *err) MUST_USE;

/* The same, and where nobody listens and the caller is root starts
 * `bailiffd --exit-when-idle` and waits until it is ready. */
int client_connect_or_start(const struct client_dirs *dirs, int *ret_socket,
			    struct error *err) MUST_USE;

/* Sends a request without descriptors. */
int client_send(int socket, const struct wire_request *request, struct error *err) MUST_USE;

/* Waits for one answer. Checked: size, version, kind, every text terminated. `timeout_ms` -1 waits
 * for ever. Returns 0; -EPIPE when the supervisor is gone; -ETIMEDOUT; -EPROTO. A WIRE_ERROR is
 * returned as its code with text, next step and exit code in *err. */
int client_receive(int socket, int timeout_ms, struct wire_answer *ret_answer,
		   struct error *err) MUST_USE;

/* The same with the descriptors that came along; release them with fdset_finish() in each case. */
int client_receive_fds(int socket, int timeout_ms, struct wire_answer *ret_answer, struct fdset *ret_fds,
		       struct error *err) MUST_USE;

/* Checks bytes received as an answer and terminates its texts. Pure. Returns 0 or -EPROTO. */
int client_answer_check(size_t len, struct wire_answer *answer) MUST_USE;
/* A WIRE_ERROR as an error of ours; returns its negative code. */
int client_answer_error(const struct wire_answer *answer, struct error *err);

/* The path of a program of ours: beside this executable or in ../lib/bailiff. -ENOENT. */
int client_find_program(const char *name, char *path, size_t size, struct error *err) MUST_USE;

#endif
