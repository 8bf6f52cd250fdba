/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets inside: a FIFO below SECRETS_DIR that pid 1 fills and that can be emptied once, or a variable of
 * the command. Each byte leaves a pipe once, so no two readers get the same one; when the last is gone,
 * pid 1 takes all permissions from the name and closes it. tee(2), which could copy without taking, is
 * refused inside. */
#ifndef INIT_SECRETS_H
#define INIT_SECRETS_H

#include <poll.h>

#include "init/init.h"
#include "plan/secrets.h"

#define SECRETS_DIR "/run/bailiff/secrets"

struct secret {
	const char *name;        /* in the plan */
	enum secret_as as;
	char *value;             /* owned; NULL = given away */
	size_t len, sent;
	int fifo;                /* both ends, not blocking; FD_NONE = none, or read to its end */
};

/* The i-th secret that is a variable, as "NAME=VALUE", owned by the caller, who executes soon; NULL behind the
 * last and without memory. */
char *secrets_variable(const struct init *init, size_t i);
/* Overwrites what this process has of one kind, and closes its ends of the files: only pid 1 needs those, only
 * the command's process the variables. */
void secrets_forget(struct init *init, enum secret_as kind);
/* Fills PLAN_SECRETS_MAX rows with what to wait for; then, when poll(2) said so, writes on. */
void secrets_poll(const struct init *init, struct pollfd fds[PLAN_SECRETS_MAX]);
void secrets_go_on(struct init *init, const struct pollfd fds[PLAN_SECRETS_MAX]);

#endif
