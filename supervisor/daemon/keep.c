/* SPDX-License-Identifier: Apache-2.0 */
/* What people decided and a supervisor has to know before its ledger answers: <state-dir>/kill-switch and the
 * items of the inbox, one file each, named by its place in the table (so there are never more than that).
 *
 * The facts are in the ledger, which ledgerd alone opens; asking it at the start would make a kill switch
 * depend on a disk that can be read. So this is a copy: written whole beside the old one and renamed, with a
 * sum at its end. What an agent asked for is not in it: its words may carry secrets, and after a restart
 * nothing of it is asked any more. A kill switch that cannot be read is tripped; an item that cannot be read is no
 * right. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "daemon/daemon.h"

#define KEEP_DIR "inbox"
#define KEEP_SWITCH "kill-switch"
#define KEEP_MAGIC 0x31706b6c69616242ULL /* "Bailkp1" */
#define NAME_MAX_LEN 32U

struct keep_head {
	uint64_t magic;
	uint64_t bytes;          /* behind the head: another version has another size */
	uint64_t sum;            /* FNV-1a: against torn writes, not against root */
};

static uint64_t sum_of(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 0x100000001b3ULL;
	return hash;
}

static int file_write(int fd, const void *bytes, size_t len)
{
	struct keep_head head = { .magic = KEEP_MAGIC, .bytes = len, .sum = sum_of(bytes, len) };
	int r = io_write(fd, &head, sizeof(head));

	return r == 0 ? io_write(fd, bytes, len) : r;
}

/* `durable`: also against a loss of power. */
int keep_write(int dir, const char *name, const void *bytes, size_t len, bool durable)
{
	char new_name[NAME_MAX_LEN];
	auto_close int fd = FD_NONE;
	int r;

	IGNORE(snprintf(new_name, sizeof(new_name), "%s.new", name) < 0);
	fd = openat(dir, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = file_write(fd, bytes, len);
	if (r == 0 && durable && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir, new_name, dir, name) < 0)
		r = -errno;
	if (r == 0 && durable && fsync(dir) < 0)
		r = -errno;
	return r;
}

/* Returns 0; -ENOENT: there is none; -EBADMSG: it is not what was written. */
int keep_read(int dir, const char *name, void *bytes, size_t len)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct keep_head head;
	char more;

	if (fd < 0)
		return -errno;
	if (io_read(fd, &head, sizeof(head)) != (ssize_t)sizeof(head) || head.magic != KEEP_MAGIC ||
	    head.bytes != len || io_read(fd, bytes, len) != (ssize_t)len || io_read(fd, &more, 1) != 0 ||
	    head.sum != sum_of(bytes, len))
		return -EBADMSG;
	return 0;
}

int keep_kill_switch(struct daemon *daemon)
{
	const struct kill_switch *kill_switch = &daemon->runs.people.kill_switch;

	/* In the loop, on purpose: what it covers is frozen already, and a disk that hangs here stops the rest, by
	 * the dead man's switch. */
	return keep_write(daemon->state_fd, KEEP_SWITCH, kill_switch, sizeof(*kill_switch), true);
}

void keep_item(void *ctx, const struct approval *approval)
{
	struct daemon *daemon = ctx;
	struct approval kept = *approval;
	char name[NAME_MAX_LEN];
	int r;

	explicit_bzero(kept.text, sizeof(kept.text));
	explicit_bzero(kept.code, sizeof(kept.code));
	IGNORE(snprintf(name, sizeof(name), "%03zu",
			(size_t)(approval - daemon->runs.people.approvals.items)) < 0);
	r = keep_write(daemon->inbox_fd, name, &kept, sizeof(kept), false);
	if (r < 0) /* it is in the ledger; after a restart it is not known, which is no right either */
		log_warn("item_not_kept", "errno=%s", errno_name(r));
	question_show(daemon, approval);
}

static void switch_read(struct daemon *daemon)
{
	struct kill_switch *kill_switch = &daemon->runs.people.kill_switch;
	struct kill_entry broken = { .target.scope = KILL_ALL, .realtime_ns = now_realtime_ns(),
				     .reason = "its kept state cannot be read" };
	int r = keep_read(daemon->state_fd, KEEP_SWITCH, kill_switch, sizeof(*kill_switch));

	if (r == 0 && !kill_switch_is_valid(kill_switch))
		r = -EBADMSG;
	if (r == 0 || r == -ENOENT)
		return;
	log_error("kill_switch_unreadable", "errno=%s effect=\"tripped for all\"", errno_name(r));
	*kill_switch = (struct kill_switch){ 0 };
	IGNORE(!kill_switch_trip(kill_switch, &broken)); /* it is empty, so it takes it */
}

static void items_read(struct daemon *daemon)
{
	for (size_t i = 0; i < APPROVALS_MAX; i++) {
		struct approval item;
		char name[NAME_MAX_LEN];
		int r;

		IGNORE(snprintf(name, sizeof(name), "%03zu", i) < 0);
		r = keep_read(daemon->inbox_fd, name, &item, sizeof(item));
		if (r == 0 && approval_is_valid(&item))
			people_restore(&daemon->runs, &item);
		else if (r != -ENOENT)
			log_warn("item_unreadable", "name=%s errno=%s", name, errno_name(r == 0 ? -EINVAL : r));
		if (r != -ENOENT)
			IGNORE(unlinkat(daemon->inbox_fd, name, 0) < 0); /* written again below, at its new place */
	}
}

int keep_open(struct daemon *daemon, struct error *err)
{
	if (mkdirat(daemon->state_fd, KEEP_DIR, 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, "make '%s/" KEEP_DIR "'", daemon->options.state_dir);
	daemon->inbox_fd = openat(daemon->state_fd, KEEP_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (daemon->inbox_fd < 0)
		return error_set(err, -errno, "open '%s/" KEEP_DIR "'", daemon->options.state_dir);
	switch_read(daemon);
	items_read(daemon);
	daemon->runs.people.item = keep_item;
	daemon->runs.people.ctx = daemon;
	people_restored(&daemon->runs);
	return 0;
}
