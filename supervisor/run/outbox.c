/* SPDX-License-Identifier: Apache-2.0 */
/* The queue is a ring of datagrams in one arena. A datagram lies in one piece: where the rest of
 * the arena is too short, the ring starts again at 0. Entries go through three marks:
 * acknowledged (first), sent, sealed (count). */
#include "run/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/fdpass.h"

#define ENTRIES_MAX 4096U
#define RECORD_ROOM 32768U        /* no record of ours is longer: see record.c */
#define MUST_RESERVE (2U << 20)   /* bytes that telemetry may not use */
#define MUST_ENTRIES 512U

struct entry {
	size_t offset, len;
	uint64_t cursor;          /* of its last record */
	int fd;                   /* INTAKE_DOC */
};

struct outbox {
	struct loop *loop;
	struct outbox_callbacks callbacks;
	struct source source;
	struct timer flush_timer;
	int fd;
	bool wants_write, high, answered, full;
	char *arena;
	size_t arena_size, used, tail;   /* bytes in use (with the unused end), next free offset */
	struct entry entries[ENTRIES_MAX];
	uint32_t first, count, sent;     /* ring of entries; sent: of `count` */
	uint64_t cursor, durable, lost, log_size;
	struct outbox_wait *waits;
	uint32_t batch_count;
	struct buf batch;
	char batch_bytes[INTAKE_DATAGRAM_MAX];
};

static struct entry *entry_at(struct outbox *outbox, uint32_t index)
{
	return &outbox->entries[(outbox->first + index) % ENTRIES_MAX];
}

static void batch_reset(struct outbox *outbox)
{
	outbox->batch = buf_fixed(outbox->batch_bytes, sizeof(outbox->batch_bytes));
	outbox->batch_count = 0;
	IGNORE(!buf_reserve(&outbox->batch, sizeof(struct intake_head))); /* fits an empty buffer */
}

int outbox_new(struct loop *loop, size_t bytes, const struct outbox_callbacks *callbacks,
	       struct outbox **ret_outbox)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));

	if (!outbox)
		return -ENOMEM;
	outbox->arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (outbox->arena == MAP_FAILED) {
		free(outbox);
		return -ENOMEM;
	}
	outbox->arena_size = bytes;
	outbox->loop = loop;
	outbox->callbacks = *callbacks;
	outbox->fd = FD_NONE;
	batch_reset(outbox);
	*ret_outbox = outbox;
	return 0;
}

struct outbox *outbox_free(struct outbox *outbox)
{
	if (!outbox)
		return NULL;
	outbox_detach(outbox);
	loop_timer_clear(outbox->loop, &outbox->flush_timer);
	for (uint32_t i = 0; i < outbox->count; i++)
		fd_close(entry_at(outbox, i)->fd);
	munmap(outbox->arena, outbox->arena_size);
	free(outbox);
	return NULL;
}

bool outbox_attached(const struct outbox *outbox)
{
	return outbox->fd >= 0;
}

bool outbox_answered(const struct outbox *outbox)
{
	return outbox->fd >= 0 && outbox->answered;
}

bool outbox_full(const struct outbox *outbox)
{
	return outbox->full;
}

void outbox_detach(struct outbox *outbox)
{
	if (outbox->fd < 0)
		return;
	loop_remove(outbox->loop, &outbox->source);
	outbox->fd = fd_close(outbox->fd);
	outbox->sent = 0;
	outbox->wants_write = false;
}

static void outbox_broken(struct outbox *outbox)
{
	outbox_detach(outbox);
	outbox->callbacks.lost(outbox->callbacks.ctx);
}

/* ---- the arena ---- */

/* Offset for `len` bytes in one piece, or SIZE_MAX. */
static size_t arena_place(const struct outbox *outbox, size_t len, size_t *ret_skipped)
{
	size_t head = outbox->count ? outbox->entries[outbox->first].offset : outbox->tail;

	*ret_skipped = 0;
	if (outbox->count == 0)
		return len <= outbox->arena_size ? 0 : SIZE_MAX;
	if (outbox->tail > head) {
		if (outbox->arena_size - outbox->tail >= len)
			return outbox->tail;
		*ret_skipped = outbox->arena_size - outbox->tail;
		return len < head ? 0 : SIZE_MAX;
	}
	return len < head - outbox->tail ? outbox->tail : SIZE_MAX;
}

static size_t arena_free_bytes(const struct outbox *outbox)
{
	return outbox->arena_size - outbox->used;
}

static void pressure_check(struct outbox *outbox)
{
	bool over = outbox->full || outbox->used > outbox->arena_size / 4 * 3 || outbox->count > ENTRIES_MAX / 4 * 3;
	bool under = !outbox->full && outbox->used < outbox->arena_size / 4 && outbox->count < ENTRIES_MAX / 4;

	if (over == outbox->high || (outbox->high && !under))
		return;
	outbox->high = over;
	outbox->callbacks.pressure(outbox->callbacks.ctx, over);
}

static bool entry_add(struct outbox *outbox, const void *bytes, size_t len, uint64_t cursor, int fd)
{
	size_t skipped, offset = arena_place(outbox, len, &skipped);

	if (offset == SIZE_MAX || outbox->count == ENTRIES_MAX)
		return false;
	if (outbox->count == 0)
		outbox->used = 0;
	memcpy(outbox->arena + offset, bytes, len);
	*entry_at(outbox, outbox->count) = (struct entry){
		.offset = offset, .len = len, .cursor = cursor, .fd = fd,
	};
	outbox->count++;
	outbox->tail = offset + len;
	outbox->used += len + skipped;
	return true;
}

static void entry_release(struct outbox *outbox)
{
	struct entry *entry = entry_at(outbox, 0);
	size_t end = entry->offset + entry->len;

	fd_close(entry->fd);
	outbox->first = (outbox->first + 1) % ENTRIES_MAX;
	outbox->count--;
	if (outbox->sent > 0)
		outbox->sent--;
	outbox->used -= entry->len;
	if (outbox->count == 0)
		outbox->used = 0;
	else if (entry_at(outbox, 0)->offset < end)
		outbox->used -= outbox->arena_size - end; /* the unused end goes with its last entry */
}

/* ---- sending ---- */

static void seal(struct outbox *outbox)
{
	struct intake_head *head = (void *)outbox->batch_bytes;

	if (outbox->batch_count == 0)
		return;
	*head = (struct intake_head){
		.version = INTAKE_VERSION, .message = INTAKE_RECORDS, .count = outbox->batch_count,
		.bytes = (uint32_t)outbox->batch.len, .cursor = outbox->cursor,
	};
	/* outbox_begin() kept the room, so this can fail only for want of the reserve: the numbers
	 * must stay gapless, so they are given back. */
	if (!entry_add(outbox, outbox->batch_bytes, outbox->batch.len, outbox->cursor, FD_NONE)) {
		outbox->lost += outbox->batch_count;
		outbox->cursor -= outbox->batch_count;
	}
	batch_reset(outbox);
	pressure_check(outbox);
}

static int outbox_ready(struct source *source, uint32_t events);

static void want_write(struct outbox *outbox, bool wanted)
{
	if (wanted == outbox->wants_write)
		return;
	outbox->wants_write = wanted;
	IGNORE(loop_change(outbox->loop, &outbox->source, EPOLLIN | (wanted ? EPOLLOUT : 0U)) < 0);
	/* EPOLL_CTL_MOD of a registered fd fails only without memory; the next flush tries again */
}

/* Returns 0 or the error that broke the socket. */
static int send_entries(struct outbox *outbox)
{
	while (outbox->fd >= 0 && outbox->sent < outbox->count) {
		const struct entry *entry = entry_at(outbox, outbox->sent);
		int r = fdpass_send(outbox->fd, outbox->arena + entry->offset, entry->len,
				    &entry->fd, entry->fd >= 0 ? 1 : 0, MSG_DONTWAIT);

		if (r == -EAGAIN) {
			want_write(outbox, true);
			return 0;
		}
		if (r < 0)
			return r;
		outbox->sent++;
	}
	want_write(outbox, false);
	return 0;
}

void outbox_flush(struct outbox *outbox)
{
	loop_timer_clear(outbox->loop, &outbox->flush_timer);
	seal(outbox);
	if (outbox->fd >= 0 && send_entries(outbox) < 0)
		outbox_broken(outbox);
}

static int flush_due(struct timer *timer, uint64_t now_ns)
{
	(void)now_ns;
	outbox_flush(container_of(timer, struct outbox, flush_timer));
	return 0;
}

static void flush_by(struct outbox *outbox, uint64_t deadline_ns)
{
	if (outbox->flush_timer.slot && outbox->flush_timer.deadline_ns <= deadline_ns)
		return;
	if (loop_timer_set(outbox->loop, &outbox->flush_timer, deadline_ns, flush_due) < 0)
		outbox_flush(outbox);
}

/* ---- receiving ---- */

static void call_waits(struct outbox *outbox)
{
	struct outbox_wait **at = &outbox->waits;

	while (*at) {
		struct outbox_wait *wait = *at;

		if (wait->cursor > outbox->durable) {
			at = &wait->next;
			continue;
		}
		*at = wait->next;
		wait->armed = false;
		wait->done(wait);
		at = &outbox->waits; /* `done` may have changed the list */
	}
}

static void take_ack(struct outbox *outbox, const struct intake_ack *ack)
{
	outbox->log_size = ack->size;
	if (ack->status == INTAKE_OK)
		outbox->full = ack->error == -ENOSPC;
	outbox->answered = ack->status == INTAKE_OK || (outbox->answered && ack->status != INTAKE_UNWRITABLE);
	if (ack->status != INTAKE_OK)
		outbox->callbacks.refused(outbox->callbacks.ctx, ack);
	if (ack->status == INTAKE_UNWRITABLE || ack->cursor > outbox->cursor)
		return;
	if (ack->status == INTAKE_OK && ack->cursor > outbox->durable)
		outbox->durable = ack->cursor;
	while (outbox->count > 0 && entry_at(outbox, 0)->cursor <= outbox->durable)
		entry_release(outbox);
	pressure_check(outbox);
}

static int receive_acks(struct outbox *outbox)
{
	for (;;) {
		struct intake_ack ack;
		ssize_t len = recv(outbox->fd, &ack, sizeof(ack), MSG_DONTWAIT);

		if (len < 0)
			return errno == EAGAIN ? 0 : errno == EINTR ? 0 : -errno;
		if (len != (ssize_t)sizeof(ack))
			return -EPIPE;
		take_ack(outbox, &ack);
	}
}

static int outbox_ready(struct source *source, uint32_t events)
{
	struct outbox *outbox = container_of(source, struct outbox, source);
	int r = receive_acks(outbox);

	if (r == 0 && events & EPOLLOUT)
		r = send_entries(outbox);
	if (r == 0 && events & (EPOLLHUP | EPOLLERR))
		r = -EPIPE;
	if (r < 0)
		outbox_broken(outbox);
	call_waits(outbox);
	return 0;
}

int outbox_attach(struct outbox *outbox, int fd)
{
	int r;

	outbox_detach(outbox);
	r = loop_add(outbox->loop, &outbox->source, fd, EPOLLIN, outbox_ready);
	if (r < 0) {
		fd_close(fd);
		return r;
	}
	outbox->fd = fd;
	outbox->sent = 0;
	outbox->answered = false;
	outbox_flush(outbox);
	return 0;
}

/* ---- records ---- */

static bool room_for(const struct outbox *outbox, enum record_kind kind)
{
	bool telemetry = kind >= RECORD_CREATE && kind < RECORD_RUN_START;
	size_t keep = telemetry ? MIN(MUST_RESERVE, outbox->arena_size / 8) : 0;
	uint32_t entries = telemetry ? ENTRIES_MAX - MUST_ENTRIES : ENTRIES_MAX;

	return arena_free_bytes(outbox) > keep + 2 * INTAKE_DATAGRAM_MAX && outbox->count < entries;
}

struct buf *outbox_begin(struct outbox *outbox, enum record_kind kind)
{
	if (outbox->batch_count == INTAKE_BATCH_MAX ||
	    outbox->batch.max - outbox->batch.len < RECORD_ROOM)
		outbox_flush(outbox);
	if (!room_for(outbox, kind)) {
		outbox->lost++;
		return NULL;
	}
	return &outbox->batch;
}

uint64_t outbox_put(struct outbox *outbox, enum record_kind kind, int built)
{
	uint64_t now;

	if (built < 0) {
		outbox->lost++;
		return 0;
	}
	now = now_monotonic_ns();
	outbox->batch_count++;
	outbox->cursor++;
	flush_by(outbox, intake_kind_is_sync(kind) ? now : now + OUTBOX_FLUSH_NS);
	return outbox->cursor;
}

static bool put_message(struct outbox *outbox, enum intake_message message, int fd,
			const uint8_t *digest)
{
	struct intake_head head = { .version = INTAKE_VERSION, .message = message,
				    .bytes = sizeof(head) };

	seal(outbox);
	head.cursor = outbox->cursor + 1;
	if (digest)
		memcpy(head.digest, digest, sizeof(head.digest));
	if (!entry_add(outbox, &head, sizeof(head), head.cursor, fd))
		return false;
	outbox->cursor = head.cursor;
	outbox_flush(outbox);
	return true;
}

int outbox_document(struct outbox *outbox, int memfd, const uint8_t digest[32])
{
	if (put_message(outbox, INTAKE_DOC, memfd, digest))
		return 0;
	fd_close(memfd);
	return -ENOSPC;
}

void outbox_stop(struct outbox *outbox, struct outbox_wait *wait)
{
	if (put_message(outbox, INTAKE_STOP, FD_NONE, NULL))
		wait->cursor = outbox->cursor;
	outbox_wait_for(outbox, wait, outbox->cursor, wait->done);
}

/* ---- waiting ---- */

void outbox_wait_for(struct outbox *outbox, struct outbox_wait *wait, uint64_t cursor,
		     void (*done)(struct outbox_wait *wait))
{
	outbox_wait_cancel(outbox, wait);
	wait->cursor = cursor;
	wait->done = done;
	if (cursor <= outbox->durable) {
		done(wait);
		return;
	}
	wait->armed = true;
	wait->next = outbox->waits;
	outbox->waits = wait;
}

void outbox_wait_cancel(struct outbox *outbox, struct outbox_wait *wait)
{
	if (!wait->armed)
		return;
	for (struct outbox_wait **at = &outbox->waits; *at; at = &(*at)->next) {
		if (*at == wait) {
			*at = wait->next;
			break;
		}
	}
	wait->armed = false;
}

uint64_t outbox_last(const struct outbox *outbox)
{
	return outbox->cursor;
}

uint64_t outbox_take_lost(struct outbox *outbox)
{
	uint64_t lost = outbox->lost;

	outbox->lost = 0;
	return lost;
}

uint64_t outbox_log_size(const struct outbox *outbox)
{
	return outbox->log_size;
}
