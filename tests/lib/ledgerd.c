/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ledgerd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdpass.h"
#include "base/io.h"
#include "base/loop.h"

#define ANSWER_MS 10000
#define BATCH 200U           /* records of a datagram that ledgerd_record() begins */
#define CHILD_SOCKET 3
#define CHILD_DIR 4

void ledgerd_init(struct ledgerd *ledgerd)
{
	memset(ledgerd, 0, sizeof(*ledgerd));
	ledgerd->socket_fd = ledgerd->dir_fd = FD_NONE;
	snprintf(ledgerd->dir, sizeof(ledgerd->dir), "/tmp/bailiff-ledger.XXXXXX");
	if (!mkdtemp(ledgerd->dir))
		abort();
	ledgerd->dir_fd = open(ledgerd->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_below(int dir_fd, const char *name, int depth)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	while (dir && depth < 8 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) < 0)
			remove_below(fd, entry->d_name, depth + 1);
	}
	if (dir)
		closedir(dir);
	unlinkat(dir_fd, name, AT_REMOVEDIR);
}

void ledgerd_done(struct ledgerd *ledgerd)
{
	if (ledgerd->pid > 0)
		ledgerd_kill(ledgerd);
	ledgerd->dir_fd = fd_close(ledgerd->dir_fd);
	remove_below(AT_FDCWD, ledgerd->dir, 0);
}

static void child(const struct ledgerd *ledgerd, int socket_fd)
{
	const char *bin = getenv("BAILIFF_BIN");
	char path[512], name[] = "bailiff-ledgerd", a[] = "--socket-fd", b[] = "3",
	     c[] = "--dir-fd", d[] = "4";
	char *argv[] = { name, a, b, c, d, NULL };
	int socket_high = fcntl(socket_fd, F_DUPFD, 16), dir_high = fcntl(ledgerd->dir_fd, F_DUPFD, 16);

	snprintf(path, sizeof(path), "%s/bailiff-ledgerd", bin ? bin : "out/release/bin");
	if (dup2(socket_high, CHILD_SOCKET) < 0 || dup2(dir_high, CHILD_DIR) < 0)
		_exit(125);
	close(socket_high);
	close(dir_high);
	execv(path, argv);
	_exit(126);
}

static int reap(struct ledgerd *ledgerd)
{
	int status = 0;

	ledgerd->socket_fd = fd_close(ledgerd->socket_fd);
	if (ledgerd->pid <= 0 || waitpid(ledgerd->pid, &status, 0) < 0)
		return -1;
	ledgerd->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int ledgerd_start(struct ledgerd *ledgerd)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	fflush(NULL);
	ledgerd->pid = fork();
	if (ledgerd->pid == 0)
		child(ledgerd, pair[1]);
	close(pair[1]);
	ledgerd->socket_fd = pair[0];
	ledgerd->cursor = ledgerd->acked = 0;
	ledgerd->batch = buf_fixed(ledgerd->memory, sizeof(ledgerd->memory));
	ledgerd->count = 0;
	if (ledgerd_answer(ledgerd, ANSWER_MS) == 1)
		return 0;
	return reap(ledgerd);
}

int ledgerd_end(struct ledgerd *ledgerd)
{
	return reap(ledgerd);
}

int ledgerd_kill(struct ledgerd *ledgerd)
{
	kill(ledgerd->pid, SIGKILL);
	return reap(ledgerd);
}

struct intake_record *ledgerd_record(struct ledgerd *ledgerd, enum record_kind kind,
				     const uint8_t *run, size_t *ret_at)
{
	struct intake_record *record;

	if (ledgerd->count == BATCH && ledgerd_send(ledgerd) < 0)
		return NULL;
	if (ledgerd->count == 0) {
		ledgerd->batch.len = 0;
		if (!buf_reserve(&ledgerd->batch, sizeof(struct intake_head)))
			return NULL;
	}
	*ret_at = ledgerd->batch.len;
	record = intake_begin(&ledgerd->batch, kind);
	if (!record)
		return NULL;
	ledgerd->count++;
	record->ts_ns = now_realtime_ns();
	record->mono_ns = now_boottime_ns();
	if (run)
		memcpy(record->run, run, 16);
	return record;
}

int ledgerd_send(struct ledgerd *ledgerd)
{
	struct intake_head head = {
		.version = INTAKE_VERSION, .message = INTAKE_RECORDS, .count = ledgerd->count,
		.bytes = (uint32_t)ledgerd->batch.len,
	};

	if (ledgerd->count == 0)
		return 0;
	ledgerd->cursor += ledgerd->count;
	head.cursor = ledgerd->cursor;
	memcpy(ledgerd->batch.data, &head, sizeof(head));
	ledgerd->count = 0;
	return fdpass_send(ledgerd->socket_fd, ledgerd->batch.data, ledgerd->batch.len, NULL, 0, 0);
}

int ledgerd_message(struct ledgerd *ledgerd, enum intake_message message, int fd,
		    const uint8_t *digest)
{
	struct intake_head head = {
		.version = INTAKE_VERSION, .message = message, .bytes = sizeof(head),
		.cursor = ++ledgerd->cursor,
	};

	if (digest)
		memcpy(head.digest, digest, sizeof(head.digest));
	return fdpass_send(ledgerd->socket_fd, &head, sizeof(head), &fd, fd == FD_NONE ? 0 : 1, 0);
}

int ledgerd_doc(struct ledgerd *ledgerd, const char *text, uint8_t ret_digest[32])
{
	auto_close int fd = FD_NONE;
	int r = io_sealed_memfd("doc", text, strlen(text), &fd);

	if (r < 0)
		return r;
	SHA256((const unsigned char *)text, strlen(text), ret_digest);
	return ledgerd_message(ledgerd, INTAKE_DOC, fd, ret_digest);
}

int ledgerd_answer(struct ledgerd *ledgerd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = ledgerd->socket_fd, .events = POLLIN };
	ssize_t len;

	if (poll(&poll_fd, 1, timeout_ms) == 0)
		return 0;
	len = recv(ledgerd->socket_fd, &ledgerd->ack, sizeof(ledgerd->ack), 0);
	if (len != (ssize_t)sizeof(ledgerd->ack))
		return len < 0 ? -errno : -EPIPE;
	if (ledgerd->ack.status == INTAKE_REFUSED)
		ledgerd->refused++;
	if (ledgerd->ack.status == INTAKE_OK) {
		ledgerd->acked = ledgerd->ack.cursor;
		ledgerd->size = ledgerd->ack.size;
	}
	return 1;
}

int ledgerd_flush(struct ledgerd *ledgerd)
{
	int r = ledgerd_send(ledgerd);

	if (r == 0)
		r = ledgerd_message(ledgerd, INTAKE_FLUSH, FD_NONE, NULL);
	while (r >= 0 && ledgerd->acked < ledgerd->cursor) {
		r = ledgerd_answer(ledgerd, ANSWER_MS);
		if (r == 0)
			return -ETIMEDOUT;
	}
	return r < 0 ? r : 0;
}

int ledgerd_begin_run(struct ledgerd *ledgerd, const uint8_t run[16])
{
	uint8_t digest[32];
	size_t at;
	int r = ledgerd_doc(ledgerd, "{\"schema\":\"test\"}", digest);

	if (r < 0 || !ledgerd_record(ledgerd, RECORD_RUN_START, run, &at))
		return r < 0 ? r : -ENOSPC;
	if (intake_bytes(&ledgerd->batch, at, DETAIL_POLICY_DIGEST, slice_new(digest, 32)) < 0 ||
	    intake_text(&ledgerd->batch, at, DETAIL_OWNER, slice_of("user:test")) < 0 ||
	    intake_end(&ledgerd->batch, at) < 0)
		return -ENOSPC;
	return ledgerd_flush(ledgerd);
}
