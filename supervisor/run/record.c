/* SPDX-License-Identifier: Apache-2.0 */
#include "run/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/loop.h"
#include "base/text.h"
#include "watch/validate.h"

struct record_frame record_frame_now(const struct ulid *run)
{
	struct record_frame frame = { .realtime_ns = now_realtime_ns(),
				      .boottime_ns = now_boottime_ns() };

	if (run)
		frame.run = *run;
	return frame;
}

/* ---- drafts ---- */

static void draft_event(struct intake_record *record, const struct record_frame *frame,
			const struct event_head *event)
{
	uint64_t age = frame->boottime_ns > event->time_ns ? frame->boottime_ns - event->time_ns : 0;

	record->ts_ns = frame->realtime_ns - MIN(age, frame->realtime_ns);
	record->mono_ns = event->time_ns;
	record->proc_start_ns = event->proc_start_ns;
	record->proc_pid = event->tgid;
	record->ring = event->ring;
	record->cpu = event->cpu;
	record->kseq = event->kseq;
	record->flags |= INTAKE_HAS_SRC;
}

struct draft draft_begin(struct buf *buf, enum record_kind kind, const struct record_frame *frame,
			 const struct event_head *event)
{
	struct draft draft = { .buf = buf };

	IGNORE(buf_align(buf, 8) < 0); /* a full buffer fails in intake_begin(), too */
	draft.at = buf->len;
	draft.record = intake_begin(buf, kind);
	if (!draft.record)
		return draft;
	draft.record->ts_ns = frame->realtime_ns;
	draft.record->mono_ns = frame->boottime_ns;
	memcpy(draft.record->run, frame->run.bytes, sizeof(draft.record->run));
	if (event)
		draft_event(draft.record, frame, event);
	return draft;
}

/* Every append below leaves buf->failed behind, which draft_end() reports. */
void draft_obj(struct draft *draft, struct slice obj)
{
	obj.len = MIN(obj.len, (size_t)INTAKE_OBJ_MAX);
	if (draft->record && obj.len > 0)
		IGNORE(intake_obj(draft->buf, draft->at, obj) < 0);
}

void draft_obj2(struct draft *draft, struct slice obj2)
{
	obj2.len = MIN(obj2.len, (size_t)INTAKE_OBJ_MAX);
	if (draft->record && obj2.len > 0)
		IGNORE(intake_obj2(draft->buf, draft->at, obj2) < 0);
}

/* As much of `text` as fits and is valid UTF-8. */
static void field_copy(char *field, size_t size, struct slice text)
{
	uint32_t point;
	size_t len, at = 0;

	while (at < text.len) {
		len = text_utf8_next(slice_new(text.data + at, text.len - at), &point);
		if (len == 0 || point == 0 || at + len >= size)
			break;
		at += len;
	}
	memset(field, 0, size);
	memcpy(field, text.data ? text.data : "", at);
}

void draft_rule(struct draft *draft, struct slice rule)
{
	if (draft->record)
		field_copy(draft->record->rule, sizeof(draft->record->rule), rule);
}

void draft_by(struct draft *draft, const char *by)
{
	if (draft->record)
		field_copy(draft->record->by, sizeof(draft->record->by), slice_of(by));
}

void draft_uint(struct draft *draft, enum detail_key key, uint64_t number)
{
	if (draft->record)
		IGNORE(intake_uint(draft->buf, draft->at, key, number) < 0);
}

void draft_bool(struct draft *draft, enum detail_key key, bool value)
{
	if (draft->record)
		IGNORE(intake_bool(draft->buf, draft->at, key, value) < 0);
}

void draft_bytes(struct draft *draft, enum detail_key key, const void *bytes, size_t len)
{
	if (draft->record)
		IGNORE(intake_bytes(draft->buf, draft->at, key, slice_new(bytes, len)) < 0);
}

void draft_text(struct draft *draft, enum detail_key key, struct slice text)
{
	if (text.len == 0 || !draft->record)
		return;
	text.len = MIN(text.len, (size_t)INTAKE_PAIR_MAX);
	if (text_is_utf8(text))
		IGNORE(intake_text(draft->buf, draft->at, key, text) < 0);
	else
		IGNORE(intake_bytes(draft->buf, draft->at, key, text) < 0);
}

int draft_end(struct draft *draft)
{
	/* intake_end() also repairs a buffer in which intake_begin() found no room. */
	return intake_end(draft->buf, draft->at);
}

/* ---- events ---- */

enum record_kind record_kind_of(enum event_kind kind)
{
	static const enum record_kind kinds[EVENT_KIND_LIMIT] = {
		[EVENT_FORK] = RECORD_FORK, [EVENT_EXEC] = RECORD_EXEC, [EVENT_EXIT] = RECORD_EXIT,
		[EVENT_OPEN_READ] = RECORD_OPEN_READ, [EVENT_OPEN_WRITE] = RECORD_OPEN_WRITE,
		[EVENT_CREATE] = RECORD_CREATE, [EVENT_UNLINK] = RECORD_UNLINK,
		[EVENT_RMDIR] = RECORD_RMDIR, [EVENT_RENAME] = RECORD_RENAME,
		[EVENT_LINK] = RECORD_LINK, [EVENT_SYMLINK] = RECORD_SYMLINK,
		[EVENT_MKDIR] = RECORD_MKDIR, [EVENT_MKNOD] = RECORD_MKNOD,
		[EVENT_CHMOD] = RECORD_CHMOD, [EVENT_CHOWN] = RECORD_CHOWN,
		[EVENT_TRUNCATE] = RECORD_TRUNCATE, [EVENT_XATTR] = RECORD_XATTR,
		[EVENT_CONNECT] = RECORD_CONNECT, [EVENT_BIND] = RECORD_BIND,
		[EVENT_LISTEN] = RECORD_LISTEN, [EVENT_ACCEPT] = RECORD_ACCEPT,
		[EVENT_SEND] = RECORD_SEND, [EVENT_CRED] = RECORD_CRED,
		[EVENT_SIGNAL] = RECORD_SIGNAL, [EVENT_SYSCALL_REFUSED] = RECORD_SYSCALL_DENIED,
		[EVENT_ESCAPE] = RECORD_ESCAPE, [EVENT_WITNESS] = RECORD_MMAP_WRITE,
	};

	return (unsigned int)kind < EVENT_KIND_LIMIT ? kinds[kind] : RECORD_GENESIS;
}

static struct slice comm_of(const struct event_head *event)
{
	return slice_new(event->comm, strnlen(event->comm, sizeof(event->comm)));
}

static void details_fork(struct draft *draft, const struct event_head *head)
{
	const struct event_fork *event = (const void *)head;

	if (!draft->record)
		return;
	draft->record->parent_pid = head->tgid;
	draft->record->parent_start_ns = head->proc_start_ns;
	draft->record->proc_pid = event->child_tgid;
	draft->record->proc_start_ns = event->child_start_ns;
}

static void details_exec(struct draft *draft, const struct event_head *head)
{
	const struct event_exec *event = (const void *)head;
	struct slice argv = event_exec_argv(event);

	if (!draft->record)
		return;
	draft->record->parent_pid = event->parent_tgid;
	draft->record->parent_start_ns = event->parent_start_ns;
	draft_uint(draft, DETAIL_ARGC, event->argc);
	draft_text(draft, DETAIL_COMM, comm_of(head));
	if (argv.len > 0)
		IGNORE(intake_value(draft->buf, draft->at, VALUE_ARGV, argv,
				    MAX(event->argv_size, argv.len)) < 0);
}

static void details_exit(struct draft *draft, const struct event_head *head)
{
	const struct event_exit *event = (const void *)head;

	if (WIFSIGNALED(event->status))
		draft_uint(draft, DETAIL_SIGNAL, (uint64_t)WTERMSIG(event->status));
	else
		draft_uint(draft, DETAIL_EXIT_CODE, (uint64_t)WEXITSTATUS(event->status));
}

static void details_path(struct draft *draft, const struct event_head *head)
{
	const struct event_path *event = (const void *)head;

	draft_text(draft, DETAIL_COMM, comm_of(head));
	if (head->kind == EVENT_CHOWN)
		draft_uint(draft, DETAIL_UID, event->open_flags);
	else if (head->kind == EVENT_CHMOD || head->kind == EVENT_MKDIR || head->kind == EVENT_MKNOD)
		draft_uint(draft, DETAIL_MODE, event->open_flags);
	else if (event->open_flags)
		draft_uint(draft, DETAIL_FLAGS, event->open_flags);
	if (event->count > 1)
		draft_uint(draft, DETAIL_COUNT, event->count);
}

static const char *protocol_name(const struct event_net *event)
{
	if (event->family == AF_UNIX)
		return "unix";
	if (event->type == SOCK_STREAM)
		return "tcp";
	return event->type == SOCK_DGRAM ? "udp" : "raw";
}

static void details_net(struct draft *draft, const struct event_head *head)
{
	const struct event_net *event = (const void *)head;

	draft_text(draft, DETAIL_COMM, comm_of(head));
	draft_text(draft, DETAIL_PROTO, slice_of(protocol_name(event)));
	if (event->count > 1)
		draft_uint(draft, DETAIL_COUNT, event->count);
	if (event->bytes_sent > 0)
		draft_uint(draft, DETAIL_BYTES, event->bytes_sent);
}

static void details_cred(struct draft *draft, const struct event_head *head)
{
	const struct event_cred *event = (const void *)head;

	draft_text(draft, DETAIL_COMM, comm_of(head));
	draft_uint(draft, DETAIL_UID, event->new_euid);
	draft_uint(draft, DETAIL_FROM, event->old_caps);
	draft_uint(draft, DETAIL_TO, event->new_caps);
}

static void details_syscall(struct draft *draft, const struct event_head *head)
{
	const struct event_syscall *event = (const void *)head;

	draft_text(draft, DETAIL_COMM, comm_of(head));
	draft_uint(draft, DETAIL_SYSCALL, event->syscall);
	if (head->kind == EVENT_SIGNAL)
		draft_uint(draft, DETAIL_SIGNAL, event->args[1]);
}

static void (*const details[])(struct draft *, const struct event_head *) = {
	[SHAPE_FORK] = details_fork, [SHAPE_EXEC] = details_exec, [SHAPE_EXIT] = details_exit,
	[SHAPE_PATH] = details_path, [SHAPE_NET] = details_net, [SHAPE_CRED] = details_cred,
	[SHAPE_SYSCALL] = details_syscall,
};

static const struct event_ino *ino_of(const struct event_head *head)
{
	enum event_shape shape = event_shape(head->kind);

	if (shape == SHAPE_EXEC)
		return &((const struct event_exec *)(const void *)head)->ino;
	return shape == SHAPE_PATH ? &((const struct event_path *)(const void *)head)->ino : NULL;
}

static struct draft draft_of_event(struct buf *buf, enum record_kind kind,
				   const struct record_frame *frame, const struct event_head *event,
				   const struct record_facts *facts)
{
	struct draft draft = draft_begin(buf, kind, frame, event);
	const struct event_ino *ino = ino_of(event);

	if (!draft.record)
		return draft;
	draft.record->verdict = (uint8_t)facts->verdict;
	draft.record->effect = (uint8_t)facts->effect;
	if (ino && ino->ino) {
		draft.record->dev = ino->dev;
		draft.record->ino = ino->ino;
		draft.record->gen = ino->gen;
	}
	if (event->ret < 0) {
		draft.record->flags |= INTAKE_HAS_RET;
		draft.record->ret = event->ret;
	}
	draft_obj(&draft, facts->obj);
	draft_obj2(&draft, facts->obj2);
	return draft;
}

int record_event(struct buf *buf, const struct record_frame *frame, const struct event_head *event,
		 const struct record_facts *facts)
{
	enum event_shape shape = event_shape(event->kind);
	struct draft draft = draft_of_event(buf, record_kind_of((enum event_kind)event->kind), frame,
					    event, facts);

	if ((size_t)shape < COUNT(details) && details[shape])
		details[shape](&draft, event);
	return draft_end(&draft);
}

static const char *verb_of(enum event_kind kind)
{
	const char *names[] = {
		[SHAPE_NONE] = "action", [SHAPE_FORK] = "fork", [SHAPE_EXEC] = "exec",
		[SHAPE_EXIT] = "exit", [SHAPE_PATH] = "write", [SHAPE_NET] = "connect",
		[SHAPE_CRED] = "credentials", [SHAPE_SYSCALL] = "syscall",
	};

	if (kind == EVENT_OPEN_READ)
		return "read";
	if (kind == EVENT_BIND || kind == EVENT_LISTEN)
		return "bind";
	return names[event_shape(kind)];
}

int record_refusal(struct buf *buf, const struct record_frame *frame, const struct event_head *event,
		   const struct record_facts *facts)
{
	const struct decision *decision = facts->decision;
	struct draft draft = draft_of_event(buf, RECORD_DECISION, frame, event, facts);

	draft_rule(&draft, decision->rule);
	draft_text(&draft, DETAIL_VERB, slice_of(verb_of((enum event_kind)event->kind)));
	draft_text(&draft, DETAIL_COMM, comm_of(event));
	if (event_shape(event->kind) == SHAPE_SYSCALL)
		draft_uint(&draft, DETAIL_SYSCALL,
			   ((const struct event_syscall *)(const void *)event)->syscall);
	draft_text(&draft, DETAIL_REASON, slice_of(decision->reason));
	draft_text(&draft, DETAIL_REMEDY, slice_of(decision->remedy));
	draft_text(&draft, DETAIL_REMEDY_AGENT, slice_of(decision->remedy_agent));
	return draft_end(&draft);
}

static size_t clamp_len(int written, size_t size)
{
	return written < 0 ? 0 : MIN((size_t)written, size - 1);
}

size_t record_address(const struct event_net *event, char *to, size_t to_size)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char text[INET6_ADDRSTRLEN] = "?";
	struct slice path = event_net_path(event);

	if (event->family == AF_UNIX) {
		bool abstract = path.len > 0 && path.data[0] == '\0';

		path = abstract ? slice_new(path.data + 1, path.len - 1) : path;
		return clamp_len(snprintf(to, to_size, "unix:%s%.*s", abstract ? "@" : "",
					  (int)MIN(path.len, to_size), path.data ? path.data : ""),
				 to_size);
	}
	if (event->family == AF_INET6 && memcmp(event->addr, mapped, sizeof(mapped)) != 0) {
		IGNORE(!inet_ntop(AF_INET6, event->addr, text, sizeof(text)));
		return clamp_len(snprintf(to, to_size, "[%s]:%u", text, event->port), to_size);
	}
	IGNORE(!inet_ntop(AF_INET, event->family == AF_INET6 ? event->addr + 12 : event->addr, text,
			  sizeof(text))); /* fails only for unknown families: "?" stays */
	return clamp_len(snprintf(to, to_size, "%s:%u", text, event->port), to_size);
}
