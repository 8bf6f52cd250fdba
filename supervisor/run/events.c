/* SPDX-License-Identifier: Apache-2.0 */
/* From an event to its record: what happened is recorded as it is; what was refused is put to decide(),
 * and becomes a decision where the policy is what refused it. Allocates nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "run/run.h"
#include "watch/paths.h"
#include "watch/validate.h"

#define PATH_BUF 4200U

/* Reads below these are what every program does and need no record. */
static const char *const system_dirs[] = {
	"/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/etc", "/proc", "/dev", "/sys",
};

static bool path_below(struct slice path, const char *dir)
{
	size_t len = strlen(dir);

	return path.len >= len && memcmp(path.data, dir, len) == 0 &&
	       (path.len == len || path.data[len] == '/');
}

static bool is_system_path(struct slice path)
{
	for (size_t i = 0; i < COUNT(system_dirs); i++) {
		if (path_below(path, system_dirs[i]))
			return true;
	}
	return false;
}

/* ---- records ---- */

static void put_event(struct run *run, const struct event_head *event,
		      const struct record_facts *facts)
{
	enum record_kind kind = record_kind_of((enum event_kind)event->kind);
	struct record_frame frame = record_frame_now(&run->id);
	struct buf *buf = outbox_begin(run->runs->outbox, kind);

	if (!buf || outbox_put(run->runs->outbox, kind, record_event(buf, &frame, event, facts)) == 0)
		run->lost++;
	else
		run->records++;
}

static void put_refusal(struct run *run, const struct event_head *event,
			const struct record_facts *facts)
{
	struct record_frame frame = record_frame_now(&run->id);
	struct buf *buf = outbox_begin(run->runs->outbox, RECORD_DECISION);

	if (!buf || outbox_put(run->runs->outbox, RECORD_DECISION,
			       record_refusal(buf, &frame, event, facts)) == 0)
		run->lost++;
	else
		run->records++;
}

void run_merge_report(void *ctx, const struct merge_slot *slot)
{
	struct run *run = ctx;
	enum record_kind kind = (enum record_kind)slot->kind;
	struct record_frame frame = record_frame_now(&run->id);
	struct buf *buf = outbox_begin(run->runs->outbox, kind);
	struct draft draft;

	if (!buf) {
		run->lost++;
		return;
	}
	draft = draft_begin(buf, kind, &frame, NULL);
	if (draft.record) {
		draft.record->proc_pid = slot->key.proc_pid;
		draft.record->proc_start_ns = slot->key.proc_start_ns;
		draft.record->dev = slot->dev;
		draft.record->ino = slot->ino;
		draft.record->verdict = kind == RECORD_DECISION ? RECORD_VERDICT_DENY : 0;
		draft.record->effect = kind == RECORD_DECISION ? RECORD_EFFECT_PREVENTED : 0;
	}
	draft_obj(&draft, slice_new(slot->object, slot->object_len));
	draft_rule(&draft, slice_new(slot->rule, strnlen(slot->rule, sizeof(slot->rule))));
	draft_uint(&draft, DETAIL_COUNT, slot->pending);
	draft_uint(&draft, DETAIL_FIRST, slot->first_ns);
	draft_uint(&draft, DETAIL_LAST, slot->last_ns);
	if (outbox_put(run->runs->outbox, kind, draft_end(&draft)) == 0)
		run->lost++;
	else
		run->records++;
}

static bool first_of(struct run *run, const struct event_head *event, enum merge_what what,
		     enum record_kind kind, struct slice object, struct slice rule, uint64_t count)
{
	struct merge_slot sample = {
		.key = { .proc_start_ns = event->proc_start_ns, .proc_pid = event->tgid, .what = what },
		.kind = (uint16_t)kind,
	};
	uint64_t gen = 0;

	if (event_shape(event->kind) == SHAPE_PATH) {
		const struct event_ino *ino = &((const struct event_path *)(const void *)event)->ino;

		/* A refused call's inode is that of whatever was found on the way: the name counts. */
		sample.dev = what == MERGE_DENIAL ? 0 : ino->dev;
		sample.ino = what == MERGE_DENIAL ? 0 : ino->ino;
		gen = what == MERGE_DENIAL ? 0 : ino->gen;
	}
	memcpy(sample.rule, rule.data ? rule.data : "", MIN(rule.len, sizeof(sample.rule) - 1));
	sample.key.object = merge_object(sample.dev, sample.ino, gen, object, rule);
	return merge_first(run->merge, &sample, object, event->time_ns, MAX(count, (uint64_t)1),
			   run_merge_report, run);
}

/* ---- refusals ---- */

static uint32_t syscall_of(const struct event_head *event)
{
	return ((const struct event_syscall *)(const void *)event)->syscall;
}

/* One record for each call that was tried: a harmless one first must not stand for the others. */
static bool first_refusal(struct run *run, const struct event_head *event, struct slice object,
			  struct slice rule, uint64_t count)
{
	char name[32];
	int len;

	if (event_shape(event->kind) == SHAPE_SYSCALL) {
		len = snprintf(name, sizeof(name), "system call %u", syscall_of(event));
		object = slice_new(name, len > 0 ? (size_t)len : 0);
	}
	return first_of(run, event, MERGE_DENIAL, RECORD_DECISION, object, rule, count);
}

static bool request_of(const struct event_head *event, struct slice object, struct request *request)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	const struct event_net *net = (const void *)event;

	*request = (struct request){ .path = object };
	switch (event_shape(event->kind)) {
	case SHAPE_PATH:
		request->kind = event->kind == EVENT_OPEN_READ ? REQUEST_READ : REQUEST_WRITE;
		return true;
	case SHAPE_NET:
		request->kind = event->kind == EVENT_BIND || event->kind == EVENT_LISTEN
					? REQUEST_BIND : REQUEST_CONNECT;
		/* Binding a UNIX socket makes a file. */
		if (net->family == AF_UNIX && request->kind == REQUEST_BIND)
			request->kind = REQUEST_WRITE;
		request->port = net->port;
		request->path = net->family == AF_UNIX ? event_net_path(net) : (struct slice){ 0 };
		memcpy(request->addr, net->addr, sizeof(request->addr));
		if (net->family == AF_INET) {
			memcpy(request->addr, mapped, sizeof(mapped));
			memcpy(request->addr + sizeof(mapped), net->addr, 4);
		}
		return net->family == AF_UNIX || net->family == AF_INET || net->family == AF_INET6;
	case SHAPE_SYSCALL:
		request->kind = REQUEST_SYSCALL;
		request->syscall = (int)syscall_of(event);
		return true;
	case SHAPE_EXEC:
		request->kind = REQUEST_EXEC;
		return true;
	case SHAPE_NONE:
	case SHAPE_FORK:
	case SHAPE_EXIT:
	case SHAPE_CRED:
		return false;
	}
	return false;
}

static bool rule_hides(const struct run *run, struct slice id)
{
	for (size_t i = 0; i < run->rules.path_count; i++) {
		const struct rule_path *rule = &run->rules.paths[i];

		if ((rule->kind == RULE_HIDE || rule->kind == RULE_DENY_READ) &&
		    slice_eq(id, slice_new(run->rules.strings + rule->id_offset, rule->id_len)))
			return true;
	}
	return false;
}

/* Errors with which a sandbox refuses. ENOENT is how a hidden path looks, but also how every search
 * path looks: it counts only where a rule names the path. */
static bool is_refusal(const struct run *run, const struct event_head *event,
		       const struct decision *decision)
{
	switch (-event->ret) {
	case EACCES:
	case EPERM:
	case EROFS:
		return true;
	case EBUSY: /* a pinned name */
	case EXDEV:
		return event_shape(event->kind) == SHAPE_PATH;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
		return event_shape(event->kind) == SHAPE_NET;
	case ENOENT:
		return event_shape(event->kind) == SHAPE_PATH && rule_hides(run, decision->rule);
	default:
		return false;
	}
}

/* What the base filter refuses by an argument, or by its ABI: no list of numbers has it. NULL = the base
 * filter it was not. */
static const char *filtered_because(const struct event_head *event)
{
	const struct event_path *path = (const void *)event;

	if (event->flags & EVENT_FOREIGN_ABI)
		return "calls of a foreign architecture are refused in every run";
	if ((event->kind == EVENT_CHMOD || event->kind == EVENT_MKNOD) && event->ret == -EPERM &&
	    path->open_flags & (S_ISUID | S_ISGID))
		return "set-user-ID and set-group-ID modes are refused in every run";
	if (event->kind != EVENT_SYSCALL_REFUSED)
		return NULL;
	switch (syscall_of(event)) {
	case SYS_unshare:
	case SYS_clone:
		return "new namespaces are refused in every run";
	case SYS_ioctl:
		return "typing into a terminal is refused in every run";
	default:
		return NULL;
	}
}

static void decide_filtered(const struct run *run, const struct event_head *event,
			    struct decision *decision)
{
	const char *reason = filtered_because(event);
	const struct event_path *path = (const void *)event;

	if (!reason)
		return;
	*decision = (struct decision){
		.verdict = VERDICT_DENY, .on = (enum on_refusal)run->rules.on_forbidden,
		.violation = FORBIDDEN_ACTION, .rule = slice_of("sandbox.on_forbidden"),
		.remedy = "run this part outside Bailiff",
		.remedy_agent = "Do not try again or another way round: the answer stays the same.",
	};
	/* Folders are set-group-ID for good reasons; refused all the same, but no incident. */
	if (event_shape(event->kind) == SHAPE_PATH && !(path->open_flags & S_ISUID))
		decision->on = ON_DENY;
	IGNORE(snprintf(decision->reason, sizeof(decision->reason), "%s", reason) < 0);
}

/* A name that the policy allows, yet the mounts refuse: a link leads from it to a protected place, or it
 * holds one and would be moved away. Else an agent could try for as long as it likes. */
static void decide_mounts(const struct run *run, const struct event_head *event,
			  struct decision *decision)
{
	bool pinned = event->ret == -EBUSY;

	if ((event->ret != -EROFS && !pinned) || event_shape(event->kind) != SHAPE_PATH)
		return;
	*decision = (struct decision){
		.verdict = VERDICT_DENY, .on = (enum on_refusal)run->rules.files_on_scope,
		.violation = SCOPE_VIOLATION, .rule = slice_of("files.deny_write"),
	};
	IGNORE(snprintf(decision->remedy, sizeof(decision->remedy), "%s", pinned
			? "do this step yourself, outside of the run"
			: "name the place itself, not a link to it, to see which rule protects it") < 0);
	IGNORE(snprintf(decision->remedy_agent, sizeof(decision->remedy_agent), "%s", pinned
			? "Leave it where it is: something below it is protected. Do not try again."
			: "Do not write through this link: what it names is protected.") < 0);
	IGNORE(snprintf(decision->reason, sizeof(decision->reason), "%s", pinned
			? "a protected name lies below it: it cannot be moved or removed"
			: "the name leads to a place that this run may not write") < 0);
}

/* Programs ask for these to see whether they exist, and go on without: ENOSYS is an answer, no
 * incident. glibc asks for clone3 with every thread, which is not even news. */
static bool is_question(const struct event_head *event, struct decision *decision)
{
	if (event_shape(event->kind) != SHAPE_SYSCALL || event->ret != -ENOSYS)
		return false;
	decision->on = ON_DENY;
	return true;
}

/* It has counted the strike already, so there is one. */
static void kernel_decided(const struct event_head *event, struct decision *decision)
{
	bool tagged = decision->violation == UNAUTHORIZED_POOL || decision->violation == UNAUTHORIZED_PROD;

	if (event->violation == VIOLATION_NONE || (tagged && event->violation == SCOPE_VIOLATION))
		return;
	decision->on = ON_VIOLATE;
	decision->violation = (enum violation_type)event->violation;
}

/* For `bailiff agent why`, and the error budget. */
static void tell_life(struct run *run, const struct event_head *event, const struct decision *decision,
		      struct slice object)
{
	struct denied denied = {
		.source = ERROR_DENIED, .rule = decision->rule, .subject = object, .reason = decision->reason,
		.remedy = decision->remedy_agent, .error = (int)-event->ret,
		.program = slice_new(event->comm, strnlen(event->comm, sizeof(event->comm))),
	};

	if (event_shape(event->kind) == SHAPE_PATH)
		denied.source = ERROR_FS_DENIED;
	else if (event_shape(event->kind) == SHAPE_NET)
		denied.source = ERROR_NET_DENIED;
	run_denied(run, &denied);
}

static void refused(struct run *run, const struct event_head *event, struct slice object,
		    struct slice object2, uint64_t count)
{
	struct record_facts facts = { .obj = object, .obj2 = object2 };
	struct decision decision;
	struct request request;

	if (!request_of(event, object, &request))
		return;
	decide(&run->rules, &request, &decision);
	/* The other name of a rename or link may be the protected one. */
	if (decision.verdict == VERDICT_ALLOW && object2.len > 0 && event->kind != EVENT_SYMLINK) {
		request.path = object2;
		decide(&run->rules, &request, &decision);
	}
	run_decide_environment(run, &request, &decision);
	if (decision.verdict == VERDICT_ALLOW || event->flags & EVENT_FOREIGN_ABI)
		decide_filtered(run, event, &decision);
	if (decision.verdict == VERDICT_ALLOW)
		decide_mounts(run, event, &decision);
	if (decision.verdict == VERDICT_ALLOW) {
		/* Refused by something else than the policy: permissions, a peer, the host. */
		facts.verdict = RECORD_VERDICT_ERROR;
		if (event->ret == -EACCES || event->ret == -EPERM || event->ret == -EROFS ||
		    event_shape(event->kind) == SHAPE_NET)
			put_event(run, event, &facts);
		if (event->violation != VIOLATION_NONE) /* the kernel's word: it may have killed for it */
			run_violation(run, (enum violation_type)event->violation,
				      RECORD_EFFECT_PREVENTED, NULL, NULL, object, event);
		return;
	}
	kernel_decided(event, &decision);
	if (!is_question(event, &decision) && !is_refusal(run, event, &decision))
		return;
	if (event->ret == -ENOSYS && request.syscall == SYS_clone3)
		return;
	run->refused += MAX(count, (uint64_t)1);
	tell_life(run, event, &decision, object);
	facts.verdict = RECORD_VERDICT_DENY;
	facts.effect = RECORD_EFFECT_PREVENTED;
	facts.decision = &decision;
	if (decision.on == ON_VIOLATE) {
		put_refusal(run, event, &facts);
		run_violation(run, decision.violation ? decision.violation : FORBIDDEN_ACTION,
			      RECORD_EFFECT_PREVENTED, &decision, NULL, object, event);
		return;
	}
	if (first_refusal(run, event, object, decision.rule, count))
		put_refusal(run, event, &facts);
}

/* ---- what happened ---- */

/* A change that a pinned or write-denied path should have made impossible. */
static void check_happened(struct run *run, const struct event_head *event, struct slice object)
{
	struct request request = { .kind = REQUEST_WRITE, .path = object };
	struct decision decision;

	if (object.len == 0 || object.data[0] != '/')
		return;
	/* Kept apart: what the policy protects there is refused when it is to be written back. */
	if (run->plan.head->workspace_mode == WORKSPACE_OVERLAY &&
	    path_below(object, plan_text(&run->plan, run->plan.head->workspace)))
		return;
	decide(&run->rules, &request, &decision);
	if (decision.verdict != VERDICT_DENY)
		return;
	if (decision.violation == BASELINE_MUTATION ||
	    slice_starts(decision.rule, slice_of("files.baseline")))
		run_violation(run, BASELINE_MUTATION, RECORD_EFFECT_OBSERVED, &decision, NULL, object,
			      event);
	else if (slice_is(decision.rule, "files.deny_write") || slice_is(decision.rule, "sandbox.own"))
		/* A name that the agent could change while it was read accuses nobody of the worst. */
		run_violation(run, event->flags & EVENT_CLAIMED ? SCOPE_VIOLATION : violation_of_change(object),
			      RECORD_EFFECT_OBSERVED, &decision, NULL, object, event);
}

static void path_event(struct run *run, const struct event_head *head)
{
	static char path[PATH_BUF], path2[PATH_BUF]; /* one thread; too long for its stack */
	const struct event_path *event = (const void *)head;
	struct slice object, object2 = { 0 };
	ssize_t len = event_absolute_path(event, false, path, sizeof(path));

	object = len >= 0 ? slice_new(path, (size_t)len) : event_path_path(event);
	if (head->kind == EVENT_SYMLINK) {
		object2 = event_path_path2(event);
	} else if (event->path2_len > 0) {
		len = event_absolute_path(event, true, path2, sizeof(path2));
		object2 = len >= 0 ? slice_new(path2, (size_t)len) : event_path_path2(event);
	}
	if (head->flags & EVENT_REFUSED) {
		refused(run, head, object, object2, event->count);
		return;
	}
	if (head->kind == EVENT_OPEN_READ && (is_system_path(object) || object.len == 0))
		return;
	if (head->kind == EVENT_OPEN_READ &&
	    !first_of(run, head, MERGE_READ, RECORD_READ_SUMMARY, object, (struct slice){ 0 },
		      event->count))
		return;
	/* What was opened for writing needs no witness that it was written. */
	if ((head->kind == EVENT_OPEN_WRITE || head->kind == EVENT_CREATE ||
	     head->kind == EVENT_WITNESS) &&
	    !first_of(run, head, MERGE_WRITE, RECORD_OPEN_WRITE, object, (struct slice){ 0 },
		      event->count))
		return;
	/* Nobody of the run opened it for that; it has no name here, its identity says which it is. */
	if (head->kind == EVENT_WITNESS) {
		put_event(run, head, &(struct record_facts){ .effect = RECORD_EFFECT_OBSERVED });
		return;
	}
	/* Nothing to name: a pipe, a socket, an anonymous file. */
	if (object.len == 0 || head->flags & EVENT_NO_PATH)
		return;
	put_event(run, head, &(struct record_facts){
		.obj = object, .obj2 = object2,
		.effect = head->flags & EVENT_CLAIMED ? RECORD_EFFECT_CLAIMED : RECORD_EFFECT_NONE,
	});
	if (head->kind == EVENT_OPEN_READ)
		return;
	if (path_below(object, plan_text(&run->plan, run->plan.head->workspace)))
		run_phase_sign(run, SIGN_WRITE);
	check_happened(run, head, object);
	if (head->kind == EVENT_RENAME)
		check_happened(run, head, object2);
}

static void net_event(struct run *run, const struct event_head *head)
{
	const struct event_net *event = (const void *)head;
	char address[RECORD_ADDRESS_MAX];
	struct slice object = slice_new(address, record_address(event, address, sizeof(address)));
	bool waiting = head->ret == -EINPROGRESS || head->ret == -EAGAIN || head->ret == -EALREADY;

	if (head->flags & EVENT_REFUSED && !waiting) {
		refused(run, head, object, (struct slice){ 0 }, event->count);
		return;
	}
	if (head->kind == EVENT_SEND &&
	    !first_of(run, head, MERGE_NET, RECORD_SEND, object, (struct slice){ 0 }, event->count))
		return;
	put_event(run, head, &(struct record_facts){ .obj = object });
}

static void exec_event(struct run *run, const struct event_head *head)
{
	const struct event_exec *event = (const void *)head;

	if (head->flags & EVENT_UNGRANTED) {
		gate_ungranted(run, head);
		return;
	}
	put_event(run, head, &(struct record_facts){
		.obj = event_exec_path(event), .obj2 = event_exec_interp(event) });
	run_acted(run, event_exec_path(event), event_exec_argv(event), event->argv_size);
}

static void fork_event(struct run *run, const struct event_head *head)
{
	const struct event_fork *event = (const void *)head;

	if (!event->is_thread)
		put_event(run, head, &(struct record_facts){ 0 });
}

/* Deaths that nobody of the run wanted: a bug of a program, or the kernel's. */
static void exit_counts(struct run *run, const struct event_head *head, int status)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGKILL };
	char code[16];

	for (size_t i = 0; i < COUNT(crashes); i++) {
		if (!WIFSIGNALED(status) || WTERMSIG(status) != crashes[i])
			continue;
		IGNORE(snprintf(code, sizeof(code), "%d", crashes[i]) < 0);
		run_error(run, ERROR_CRASH, slice_of("crash"), slice_new(head->comm, strnlen(head->comm, sizeof(head->comm))),
			  slice_of(code));
	}
}

static void exit_event(struct run *run, const struct event_head *head)
{
	const struct event_exit *event = (const void *)head;

	/* pid 1 is ours; its end says nothing about the command. */
	if (!event->last_of_group || head->tgid == (uint32_t)run->launched.pid)
		return;
	put_event(run, head, &(struct record_facts){ 0 });
	plans_exit(run, head->tgid, head->proc_start_ns, event->status);
	exit_counts(run, head, event->status);
}

static void cred_event(struct run *run, const struct event_head *head)
{
	const struct event_cred *event = (const void *)head;

	put_event(run, head, &(struct record_facts){ .effect = RECORD_EFFECT_OBSERVED });
	if ((event->new_euid == 0 && event->old_euid != 0) || (event->new_caps & ~event->old_caps))
		run_violation(run, UNRECORDED_ROOT, RECORD_EFFECT_OBSERVED, NULL, NULL,
			      slice_new(head->comm, strnlen(head->comm, sizeof(head->comm))), head);
}

static void syscall_event(struct run *run, const struct event_head *head)
{
	if (head->flags & EVENT_REFUSED) {
		refused(run, head, (struct slice){ 0 }, (struct slice){ 0 }, 1);
		return;
	}
	put_event(run, head, &(struct record_facts){ .effect = RECORD_EFFECT_OBSERVED });
}

static void escape_event(struct run *run, const struct event_head *head)
{
	put_event(run, head, &(struct record_facts){ .effect = RECORD_EFFECT_OBSERVED });
	run_violation(run, SANDBOX_ESCAPE, RECORD_EFFECT_OBSERVED, NULL, NULL,
		      slice_new(head->comm, strnlen(head->comm, sizeof(head->comm))), head);
}

static void (*const handlers[])(struct run *, const struct event_head *) = {
	[SHAPE_FORK] = fork_event, [SHAPE_EXEC] = exec_event, [SHAPE_EXIT] = exit_event,
	[SHAPE_PATH] = path_event, [SHAPE_NET] = net_event, [SHAPE_CRED] = cred_event,
	[SHAPE_SYSCALL] = syscall_event,
};

void run_event(struct run *run, const struct event_head *event)
{
	enum event_shape shape = event_shape(event->kind);

	run->events++;
	if (event->kind == EVENT_ESCAPE)
		escape_event(run, event);
	else if ((size_t)shape < COUNT(handlers) && handlers[shape])
		handlers[shape](run, event);
}
