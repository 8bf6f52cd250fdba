/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/service.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdpass.h"
#include "base/io.h"
#include "base/log.h"
#include "ledger/project.h"

#define SYNC_SHARE 16         /* datagrams that may join a commit that must not wait */
#define GAP_QUEUE_LOST 3U     /* words.c */
#define GAP_DISK_FULL 5U
#define SEND_TRIES_MS 1000    /* a producer that reads no answers for so long has hung */

static int on_commit(struct timer *timer, uint64_t now_ns);
static int on_sign(struct timer *timer, uint64_t now_ns);
static int on_tick(struct timer *timer, uint64_t now_ns);
static int on_space(struct timer *timer, uint64_t now_ns);

/* ---- answers ---- */

static int wait_writable(int fd)
{
	struct timeval limit = { .tv_sec = SEND_TRIES_MS / 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ? -errno : 0;
}

/* A producer that is gone needs no answer; end of stream is seen by the next read. One that does
 * not read misses this answer and gets a later one, which covers it. */
static int send_ack(struct service *service, struct intake_ack ack)
{
	int r;

	ack.size = store_size(service->store);
	if (ack.status == INTAKE_OK && store_full(service->store))
		ack.error = -ENOSPC;
	r = fdpass_send(service->socket_fd, &ack, sizeof(ack), NULL, 0, 0);
	if (r == -EPIPE || r == -ECONNRESET || r == -ENOTCONN)
		return 0;
	if (r == -EAGAIN) {
		log_warn("ack_dropped", "cursor=%llu", (unsigned long long)ack.cursor);
		service->flush = true;
		return 0;
	}
	return r < 0 ? error_set(service->err, r, "answer the producer") : 0;
}

static int refuse(struct service *service, uint64_t cursor, uint32_t kind, int error)
{
	log_warn("record_refused", "cursor=%llu kind=%u errno=%s", (unsigned long long)cursor,
		 kind, errno_name(error));
	return send_ack(service, (struct intake_ack){
		.cursor = cursor, .status = INTAKE_REFUSED, .error = error });
}

/* ---- commits ---- */

static int unwritable(struct service *service, int error)
{
	IGNORE(send_ack(service, (struct intake_ack){ /* already failing: the first error counts */
		.cursor = service->acked, .status = INTAKE_UNWRITABLE, .error = error }));
	if (service->err->code == 0)
		error_set(service->err, error, "write the ledger");
	return error;
}

static int note_gap(struct service *service, uint64_t cause, uint64_t lost, uint64_t from, uint64_t to)
{
	const struct { enum detail_key key; uint64_t number; } pairs[] = {
		{ DETAIL_CAUSE, cause }, { DETAIL_LOST, lost },
		{ DETAIL_FROM, from }, { DETAIL_TO, to },
	};
	struct record record = {
		.kind = RECORD_GAP, .ts_ns = now_realtime_ns(), .mono_ns = now_boottime_ns(),
		.by = slice_of("bailiff-ledgerd"),
	};
	int r = 0;

	for (size_t i = 0; i < COUNT(pairs) && r == 0; i++) {
		if (pairs[i].number != 0)
			r = record_set_pair(&record, (struct record_pair){
				.key = (uint16_t)pairs[i].key, .type = PAIR_UINT,
				.number = pairs[i].number });
	}
	return r < 0 ? r : store_append(service->store, &record, service->err);
}

/* A producer must know at once; what was left out until now is a loss, and a loss is a record. */
static int look_at_space(struct service *service)
{
	int r = 0;

	if (store_look(service->store)) {
		service->flush = true;
		log_warn("ledger_space", "full=%d effect=\"%s\"", store_full(service->store),
			 store_full(service->store) ? "only decisions and enforcement are recorded" :
			 "everything is recorded");
	}
	if (service->left_out > 0)
		r = note_gap(service, GAP_DISK_FULL, service->left_out, 0, 0);
	if (r == 0)
		service->left_out = 0;
	return r;
}

static int commit(struct service *service, bool sign)
{
	int r = look_at_space(service);

	if (r == 0)
		r = store_watch_clock(service->store, service->err);
	if (r >= 0)
		r = store_commit(service->store, sign || service->sync, service->err);
	if (r < 0)
		return unwritable(service, r);
	loop_timer_clear(service->loop, &service->commit_timer);
	service->sync = false;
	if (store_signed_size(service->store) == store_size(service->store))
		loop_timer_clear(service->loop, &service->sign_timer);
	else if (service->sign_timer.slot == 0)
		r = loop_timer_set(service->loop, &service->sign_timer,
				   now_monotonic_ns() + SERVICE_SIGN_NS, on_sign);
	if (r < 0)
		return r;
	if (service->acked == service->cursor && !service->flush)
		return 0;
	service->acked = service->cursor;
	service->flush = false;
	return send_ack(service, (struct intake_ack){ .cursor = service->acked });
}

static int on_commit(struct timer *timer, uint64_t now_ns)
{
	IGNORE(now_ns); /* late is late; nothing depends on how much */
	return commit(container_of(timer, struct service, commit_timer), false);
}

static int on_sign(struct timer *timer, uint64_t now_ns)
{
	struct service *service = container_of(timer, struct service, sign_timer);
	int r;

	IGNORE(now_ns); /* as above */
	r = commit(service, true);
	if (r == 0)
		store_tidy(service->store);
	return r;
}

static int arm_space(struct service *service)
{
	return loop_timer_set(service->loop, &service->space_timer,
			      now_monotonic_ns() + SERVICE_SPACE_NS, on_space);
}

static int on_space(struct timer *timer, uint64_t now_ns)
{
	struct service *service = container_of(timer, struct service, space_timer);
	int r = 0;

	IGNORE(now_ns); /* late is late; nothing depends on how much */
	if (store_look(service->store) || service->flush) {
		service->flush = true;
		r = commit(service, false);
	}
	return r < 0 ? r : arm_space(service);
}

static int arm_tick(struct service *service)
{
	return loop_timer_set(service->loop, &service->tick_timer,
			      now_monotonic_ns() + SERVICE_TICK_NS, on_tick);
}

static int on_tick(struct timer *timer, uint64_t now_ns)
{
	struct service *service = container_of(timer, struct service, tick_timer);
	int r;

	IGNORE(now_ns); /* as above */
	r = store_tick(service->store, service->err);
	if (r < 0)
		return unwritable(service, r);
	r = commit(service, true);
	if (r == 0)
		store_tidy(service->store);
	return r < 0 ? r : arm_tick(service);
}

/* ---- messages ---- */

static int take_values(struct service *service, const struct intake_view *view,
		       struct record *record)
{
	for (size_t i = 0; i < view->fixed.value_count; i++) {
		int r = store_value(service->store, &view->values[i].head, view->values[i].bytes,
				    &record->values[i], service->err);

		if (r < 0)
			return r;
		record->value_count++;
	}
	return 0;
}

/* The log's own, what became of a run, decisions, and what was done about violations. */
static bool has_reserve(enum record_kind kind)
{
	return kind < RECORD_CREATE || (kind >= RECORD_RUN_START && kind < RECORD_AGENT);
}

/* Negative only when the service cannot go on. */
static int take_record(struct service *service, const struct intake_view *view, uint64_t cursor)
{
	struct record record;
	int r = convert(&service->converter, view, &record);

	if (r == 0 && store_has(service->store, &record)) {
		service->sync |= convert_is_sync(view);
		return 0;
	}
	if (r == 0 && store_full(service->store) && !has_reserve(record.kind)) {
		service->left_out++;
		return 0;
	}
	if (r == 0)
		r = take_values(service, view, &record);
	if (r == 0)
		r = store_append(service->store, &record, service->err);
	if (r == -EIO)
		return unwritable(service, r);
	if (r < 0)
		return refuse(service, cursor, view->fixed.kind, r);
	if (convert_is_sync(view))
		service->sync = true;
	return 0;
}

static int take_records(struct service *service, const struct intake_head *head,
			struct slice rest)
{
	uint64_t cursor = head->cursor - head->count;
	struct intake_view view;

	for (uint32_t i = 0; i < head->count; i++) {
		int r = intake_parse_next(&rest, &view);

		cursor++;
		if (r != 1)
			return refuse(service, cursor, RECORD_KIND_LIMIT, -EBADMSG);
		r = take_record(service, &view, cursor);
		if (r < 0)
			return r;
	}
	return rest.len == 0 ? 0 : refuse(service, head->cursor, RECORD_KIND_LIMIT, -EBADMSG);
}

static int read_doc(int fd, struct buf *data)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || st.st_size > (off_t)STORE_DOC_MAX)
		return -EFBIG;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return io_read_all(fd, data);
}

static int take_doc(struct service *service, const struct intake_head *head,
		    const struct fdset *set)
{
	cleanup_with(buf_finish) struct buf data = buf_growing(STORE_DOC_MAX);
	int r = set->count == 1 ? read_doc(set->fds[0], &data) : -EBADMSG;

	if (r == 0)
		r = store_doc(service->store, head->digest, buf_slice(&data), service->err);
	if (r == -EIO)
		return unwritable(service, r);
	return r < 0 ? refuse(service, head->cursor, RECORD_KIND_LIMIT, r) : 0;
}

/* Numbers that never came are a loss, and a loss is a record. */
static int note_hole(struct service *service, uint64_t from, uint64_t to)
{
	int r = note_gap(service, GAP_QUEUE_LOST, to - from + 1, from, to);

	service->sync = true;
	return r < 0 ? unwritable(service, r) : 0;
}

static int take_message(struct service *service, const struct intake_head *head,
			struct slice rest, const struct fdset *set)
{
	switch ((enum intake_message)head->message) {
	case INTAKE_RECORDS:
		return take_records(service, head, rest);
	case INTAKE_DOC:
		return take_doc(service, head, set);
	case INTAKE_FLUSH:
		service->sync = true;
		service->flush = true;
		return 0;
	case INTAKE_STOP:
		service->ended = true;
		return 0;
	}
	return -EPROTO;
}

static int take_datagram(struct service *service, struct slice datagram, const struct fdset *set)
{
	struct intake_head head;
	struct slice rest;
	uint64_t first;
	int r = intake_parse_head(datagram, &head, &rest);

	if (r < 0)
		return refuse(service, service->cursor + 1, RECORD_KIND_LIMIT, r);
	first = head.message == INTAKE_RECORDS ? head.cursor - head.count + 1 : head.cursor;
	if (service->started && first <= service->cursor)
		return refuse(service, head.cursor, RECORD_KIND_LIMIT, -EALREADY);
	if (service->started && first > service->cursor + 1) {
		r = note_hole(service, service->cursor + 1, first - 1);
		if (r < 0)
			return r;
	}
	service->started = true;
	service->cursor = head.cursor;
	return take_message(service, &head, rest, set);
}

/* One datagram. Returns 1 when there was one, 0 when there is none now. */
static int receive(struct service *service)
{
	cleanup_with(fdset_finish) struct fdset set = { 0 };
	ssize_t len = fdpass_receive(service->socket_fd, service->datagram,
				     sizeof(service->datagram), &set, MSG_DONTWAIT);
	int r;

	if (len == -EAGAIN || len == -EINTR)
		return 0;
	if (len == -EMSGSIZE) {
		r = refuse(service, service->cursor + 1, RECORD_KIND_LIMIT, -EMSGSIZE);
		return r < 0 ? r : 1;
	}
	if (len <= 0) {
		service->ended = true;
		return 0;
	}
	r = take_datagram(service, slice_new(service->datagram, (size_t)len), &set);
	return r < 0 ? r : 1;
}

static int finish(struct service *service)
{
	int r;

	loop_remove(service->loop, &service->source);
	r = commit(service, true);
	if (r == 0)
		r = store_stop(service->store, service->err);
	if (r == 0)
		loop_stop(service->loop, 0);
	return r;
}

static int on_readable(struct source *source, uint32_t events)
{
	struct service *service = container_of(source, struct service, source);
	int shared = 0, r = 1;

	IGNORE(events == 0); /* reading tells more than the bits do */
	while (r == 1 && !service->ended && shared < SYNC_SHARE &&
	       store_pending(service->store) < SERVICE_COMMIT_RECORDS) {
		r = receive(service);
		shared += service->sync;
	}
	if (r < 0)
		return r;
	if (service->ended)
		return finish(service);
	if (service->sync || store_pending(service->store) >= SERVICE_COMMIT_RECORDS)
		r = commit(service, false);
	else if (service->cursor != service->acked && service->commit_timer.slot == 0)
		r = loop_timer_set(service->loop, &service->commit_timer,
				   now_monotonic_ns() + SERVICE_COMMIT_NS, on_commit);
	return r < 0 ? r : arm_tick(service);
}

int service_start(struct service *service, struct loop *loop, struct store *store, int socket_fd,
		  struct error *err)
{
	int r;

	memset(service, 0, sizeof(*service));
	service->loop = loop;
	service->store = store;
	service->socket_fd = socket_fd;
	service->err = err;
	memcpy(service->converter.boot_id, store_boot_id(store),
	       sizeof(service->converter.boot_id));
	r = wait_writable(socket_fd);
	if (r == 0)
		r = loop_add(loop, &service->source, socket_fd, EPOLLIN, on_readable);
	if (r == 0)
		r = arm_tick(service);
	if (r == 0)
		r = arm_space(service);
	if (r < 0)
		return error_set(err, r, "listen to the producer");
	return send_ack(service, (struct intake_ack){ .cursor = 0 });
}

int service_stop(struct service *service)
{
	return finish(service);
}
