/* SPDX-License-Identifier: Apache-2.0 */
#include "run/handed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "run/run.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)
#define PATH_BUF 4200U

static void put_handed(struct run *run, enum record_kind kind, struct slice name, const uint8_t digest[32],
		       uint64_t size, uint32_t maturity)
{
	struct draft draft;

	if (!run_fact_begin(run, kind, "agent", &draft))
		return;
	if (draft.record) {
		draft.record->effect = RECORD_EFFECT_REPORTED;
		memcpy(draft.record->after, digest, sizeof(draft.record->after));
		draft.record->has_after = 1;
	}
	draft_obj(&draft, name);
	draft_uint(&draft, DETAIL_SIZE, size);
	draft_uint(&draft, DETAIL_TYPE, maturity);
	draft_uint(&draft, DETAIL_PHASE_TO, run->life.phases.now);
	IGNORE(run_fact_end(run, kind, &draft) == 0); /* counted */
}

/* ---- artifacts ---- */

static const char *why_not(int error)
{
	switch (-error) {
	case EINVAL:
		return "it is no regular file";
	case ENODATA:
		return "it is empty";
	case EFBIG:
		return "it has more than 8 MiB";
	case EREMOTE:
		return "its file system may not answer";
	case ELOOP:
		return "a link is on the way to it";
	case ENOENT:
		return "it does not exist";
	default:
		return "it cannot be read";
	}
}

/* 0, or why it counts for nothing. */
static const char *artifact_look(struct run *run, struct slice path, uint8_t digest[32], uint64_t *size)
{
	const char *workspace = plan_text(&run->plan, run->plan.head->workspace);
	static char absolute[PATH_BUF];
	struct decision decision;
	int r, len = snprintf(absolute, sizeof(absolute), "%s%s%.*s", path.data[0] == '/' ? "" : workspace,
			      path.data[0] == '/' ? "" : "/", (int)path.len, path.data);
	struct request request = { .kind = REQUEST_WRITE, .path = slice_new(absolute, (size_t)MAX(len, 0)) };

	if (len < 0 || (size_t)len >= sizeof(absolute))
		return "its name is too long";
	decide(&run->rules, &request, &decision);
	if (decision.verdict == VERDICT_DENY)
		return "it is not where this run may write";
	r = file_digest(run, request.path, digest, size);
	return r < 0 ? why_not(r) : NULL;
}

void artifact_register(struct run *run, struct slice path, struct agent_answer *answer)
{
	uint64_t size = 0;
	const char *why = artifact_look(run, path, answer->digest, &size);

	if (why) {
		agent_say(answer, AGENT_REFUSED, "artifact", why, "name a non-empty regular file of the workspace");
		return;
	}
	put_handed(run, RECORD_ARTIFACT, path, answer->digest, size, phase_maturity((enum phase)run->life.phases.now));
	answer->value = (int64_t)size;
	run_progress(run);
}

void artifacts_look(struct run *run, uint32_t phase)
{
	const struct govern_view *govern = run->life.govern;
	const struct govern_phase *row = govern ? &govern->settings->phases[phase] : NULL;

	for (uint32_t i = 0; row && i < row->artifacts.count; i++) {
		struct slice path = govern_text(govern, govern->words[row->artifacts.first + i]);
		uint8_t digest[32];
		uint64_t size = 0;
		const char *why = path.len ? artifact_look(run, path, digest, &size) : NULL;
		char text[VIOLATION_TEXT_MAX];

		if (path.len && !why) {
			put_handed(run, RECORD_ARTIFACT, path, digest, size, phase_maturity((enum phase)phase));
			continue;
		}
		IGNORE(snprintf(text, sizeof(text), "the phase %s ended without its artifact: %s",
				phase_name((enum phase)phase), why ? why : "it has no name") < 0);
		run_violation(run, MISSING_ARTIFACT, RECORD_EFFECT_OBSERVED, NULL, text, path, NULL);
	}
}

/* ---- outputs ---- */

static int output_read(int memfd, struct buf *buf)
{
	int seals = fcntl(memfd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(memfd, &st) < 0)
		return -EPERM;
	if (st.st_size <= 0 || st.st_size > (off_t)OUTPUT_BYTES_MAX)
		return -EMSGSIZE;
	buf->len = (size_t)st.st_size;
	return pread(memfd, buf->data, buf->len, 0) == (ssize_t)buf->len ? 0 : -EIO;
}

void output_take(struct run *run, struct slice name, enum output_maturity maturity, int memfd,
		 struct agent_answer *answer)
{
	uint32_t highest = phase_maturity((enum phase)run->life.phases.now);
	auto_free char *bytes = malloc(OUTPUT_BYTES_MAX);
	struct buf buf = { .data = bytes };
	int copy, r = bytes ? output_read(memfd, &buf) : -ENOMEM;

	if (r < 0) {
		agent_say(answer, AGENT_INVALID, "", "an output is a sealed memfd of 1 byte to 1 MiB", "");
		return;
	}
	sha256_of(slice_new(buf.data, buf.len), answer->digest);
	copy = fcntl(memfd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0 || outbox_document(run->runs->outbox, copy, answer->digest) < 0) {
		agent_say(answer, AGENT_REFUSED, "output", "the ledger has no room for it now", "try again later");
		return;
	}
	answer->number = MIN((uint32_t)maturity, highest);
	put_handed(run, RECORD_OUTPUT, name, answer->digest, buf.len, answer->number);
	run_progress(run);
}

/* ---- by NOTIFY_SOCKET: nobody waits for an answer ---- */

void run_reported(struct run *run, const struct init_message *message)
{
	static struct agent_answer unread; /* one thread; too long for its stack */
	struct slice word = slice_new(message->code, strnlen(message->code, sizeof(message->code)));
	const char *reason;
	char code[16];

	if (message->notify & NOTIFY_ERRNO) {
		IGNORE(snprintf(code, sizeof(code), "%u", message->reported_errno) < 0);
		run_error(run, ERROR_REPORTED, slice_of("agent"), (struct slice){ 0 }, slice_of(code));
	}
	if (message->notify & NOTIFY_ERROR)
		run_error(run, ERROR_REPORTED, slice_of("agent"), (struct slice){ 0 }, word);
	if (message->notify & NOTIFY_PROGRESS)
		run_progress(run);
	if (message->notify & NOTIFY_CONFIDENCE && message->confidence <= AGENT_MILLIONTHS)
		run_confidence(run, message->confidence);
	if (message->notify & NOTIFY_ARTIFACT)
		artifact_register(run, slice_of(message->path), &unread);
	if (message->notify & NOTIFY_OUTPUT && run->launched.notify_fd != FD_NONE && word.len <= OUTPUT_NAME_MAX)
		output_take(run, word, MATURITY_FINAL, run->launched.notify_fd, &unread);
	if (message->notify & NOTIFY_PHASE) /* last: it may end the run */
		IGNORE(run_phase_ask(run, (enum phase)MIN(message->phase, (uint32_t)PHASE_COUNT), &reason) == PHASE_GOES);
}
