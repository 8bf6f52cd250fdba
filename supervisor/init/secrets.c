/* SPDX-License-Identifier: Apache-2.0 */
#include "init/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fdpass.h"
#include "daemon/wire.h"
#include "init/tree.h"

#define PIPE_BYTES 4096          /* the smallest pipe has one page: it is writable again when it is empty */
#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

static uint32_t secret_count(const struct init *init)
{
	return init->plan.head->sections[PLAN_SECRETS].count;
}

/* ---- the values ---- */

static int head_check(const struct init *init, const struct secrets_head *head, size_t size)
{
	size_t bytes = sizeof(*head);

	if (head->magic != SECRETS_MAGIC || head->count != secret_count(init))
		return -EINVAL;
	for (uint32_t i = 0; i < head->count; i++) {
		if (head->lens[i] == 0 || head->lens[i] > SECRET_BYTES_MAX)
			return -EINVAL;
		bytes += head->lens[i];
	}
	return bytes == size ? 0 : -EINVAL;
}

static int values_copy(struct init *init, const char *bytes, size_t size)
{
	const struct secrets_head *head = (const struct secrets_head *)(const void *)bytes;
	size_t at = sizeof(*head);
	int r = head_check(init, head, size);

	for (uint32_t i = 0; r == 0 && i < head->count; i++) {
		struct secret *secret = &init->secrets[i];

		secret->len = head->lens[i];
		secret->value = malloc(secret->len);
		if (!secret->value)
			return -ENOMEM;
		memcpy(secret->value, bytes + at, secret->len);
		at += secret->len;
	}
	return r;
}

static int values_take(struct init *init, int memfd)
{
	int seals = fcntl(memfd, F_GET_SEALS), r;
	struct stat st;
	void *bytes;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(memfd, &st) < 0)
		return -EPERM;
	if (st.st_size < (off_t)sizeof(struct secrets_head) || st.st_size > (off_t)SECRETS_BYTES_MAX)
		return -EMSGSIZE;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, memfd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	r = values_copy(init, bytes, (size_t)st.st_size);
	IGNORE(munmap(bytes, (size_t)st.st_size) < 0);
	return r;
}

/* The CLI sent them before it sent the plan: they are there, or nobody sends any. */
static int values_receive(struct init *init)
{
	cleanup_with(fdset_finish) struct fdset fds = { 0 };
	struct session_message message;
	ssize_t len;

	if (init->session == FD_NONE)
		return -ENOENT;
	len = fdpass_receive(init->session, &message, sizeof(message), &fds, MSG_DONTWAIT);
	if (len != (ssize_t)sizeof(message) || message.version != WIRE_VERSION ||
	    message.kind != SESSION_SECRETS || fds.count != 1)
		return -ENOENT;
	return values_take(init, fds.fds[0]);
}

/* ---- files ---- */

static int write_on(struct secret *secret)
{
	while (secret->sent < secret->len) {
		ssize_t len = write(secret->fifo, secret->value + secret->sent,
				    MIN(secret->len - secret->sent, (size_t)PIPE_BYTES));

		if (len < 0)
			return errno == EAGAIN ? 0 : -errno;
		explicit_bzero(secret->value + secret->sent, (size_t)len);
		secret->sent += (size_t)len;
	}
	return 0;
}

/* Owned by pid 1's uid, readable by the run's group only: the run can neither write to it nor change it. */
static int fifo_make(const struct init *init, int dir, struct secret *secret)
{
	if (mknodat(dir, secret->name, S_IFIFO | 0400, 0) < 0 ||
	    fchownat(dir, secret->name, init->uid, init->plan.head->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir, secret->name, 0440, 0) < 0)
		return -errno;
	secret->fifo = openat(dir, secret->name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (secret->fifo < 0 || fcntl(secret->fifo, F_SETPIPE_SZ, PIPE_BYTES) != PIPE_BYTES)
		return -errno;
	return write_on(secret);
}

static int files_make(struct init *init, struct error *err)
{
	auto_close int dir = tree_make(init, SECRETS_DIR, true);

	if (dir < 0)
		return error_set(err, dir, "make " SECRETS_DIR);
	for (uint32_t i = 0; i < secret_count(init); i++) {
		struct secret *secret = &init->secrets[i];
		int r = secret->as == SECRET_AS_FILE ? fifo_make(init, dir, secret) : 0;

		if (r < 0)
			return error_set(err, r, "make the secret '%s'", secret->name);
	}
	return 0;
}

int stage_secrets(struct init *init, struct error *err)
{
	uint32_t count = secret_count(init);
	int r;

	if (count == 0)
		return 0;
	init->secrets = calloc(count, sizeof(*init->secrets));
	if (!init->secrets)
		return error_set(err, -ENOMEM, "keep the secrets");
	for (uint32_t i = 0; i < count; i++)
		init->secrets[i] = (struct secret){ .name = plan_text(&init->plan, init->plan.secrets[i].name),
						    .as = (enum secret_as)init->plan.secrets[i].as,
						    .fifo = FD_NONE };
	r = values_receive(init);
	return r < 0 ? error_set(err, r, "the values of the plan's secrets did not come") : files_make(init, err);
}

/* ---- afterwards ---- */

static void value_forget(struct secret *secret)
{
	if (secret->value)
		explicit_bzero(secret->value, secret->len);
	free(secret->value);
	secret->value = NULL;
}

char *secrets_variable(const struct init *init, size_t i)
{
	for (uint32_t at = 0; init->secrets && at < secret_count(init); at++) {
		const struct secret *secret = &init->secrets[at];
		char *text;

		if (secret->as != SECRET_AS_ENV || !secret->value || i-- > 0)
			continue;
		if (asprintf(&text, "%s=%.*s", secret->name, (int)secret->len, secret->value) < 0)
			return NULL;
		return text;
	}
	return NULL;
}

void secrets_forget(struct init *init, enum secret_as kind)
{
	for (uint32_t i = 0; init->secrets && i < secret_count(init); i++) {
		struct secret *secret = &init->secrets[i];

		if (secret->as != kind)
			continue;
		value_forget(secret);
		secret->fifo = fd_close(secret->fifo);
	}
}

void secrets_poll(const struct init *init, struct pollfd fds[PLAN_SECRETS_MAX])
{
	for (uint32_t i = 0; i < PLAN_SECRETS_MAX; i++)
		fds[i] = (struct pollfd){ init->secrets && i < secret_count(init) ? init->secrets[i].fifo : FD_NONE,
					  POLLOUT, 0 };
}

/* Read to its end: nobody may open it again, and who has it open reads an end of file. The permissions go
 * first: who still opens it in between reads nothing either. */
static void fifo_end(struct secret *secret)
{
	value_forget(secret);
	IGNORE(fchmod(secret->fifo, 0) < 0); /* then a second reader waits for a writer that does not come */
	secret->fifo = fd_close(secret->fifo);
}

void secrets_go_on(struct init *init, const struct pollfd fds[PLAN_SECRETS_MAX])
{
	for (uint32_t i = 0; init->secrets && i < secret_count(init); i++) {
		struct secret *secret = &init->secrets[i];

		if (secret->fifo == FD_NONE || !(fds[i].revents & POLLOUT))
			continue;
		/* Writable is empty. */
		if (secret->sent == secret->len || write_on(secret) < 0)
			fifo_end(secret);
	}
}
