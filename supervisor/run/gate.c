/* SPDX-License-Identifier: Apache-2.0 */
#include "run/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "run/gate_own.h"
#include "run/inner_tid.h"
#include "run/plans.h"
#include "run/run.h"

#define NOTIF_BYTES_MAX 512U
#define TURN_MAX 16U               /* execs of one run in a turn of the loop: others get theirs, too */
/* 6.6: the waker gives its CPU to us at once. Not in Debian 12's headers. */
#define NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define NOTIF_SYNC_WAKE_UP 1UL

/* ---- answers ---- */

bool gate_holds(const struct gate *gate, uint64_t id)
{
	return ioctl(gate->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* False: the caller is gone. */
static bool answer_call(const struct gate *gate, uint64_t id, int error)
{
	struct seccomp_notif_resp response = { .id = id, .error = error,
		.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	return ioctl(gate->listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
}

void gate_refuse(const struct gate *gate, uint64_t id, int error)
{
	IGNORE(!answer_call(gate, id, error ? error : -EACCES)); /* false: it was killed meanwhile */
}

void gate_let_go(struct gate *gate, const struct gate_call *call, const struct exec_grant *grant)
{
	struct watch *watch = gate->run->runs->watch;
	uint32_t tid = (uint32_t)call->tid;

	gate->run->executed = true;
	if (watch_grant(watch, tid, grant) < 0)
		gate_refuse(gate, call->id, -EAGAIN);
	else if (!answer_call(gate, call->id, 0))
		watch_grant_withdraw(watch, tid);
}

/* ---- one exec ---- */

static void deny(struct gate *gate, const struct gate_call *call, struct exec_case *exec)
{
	const struct ruling *ruling = &exec->ruling;

	gate_record(gate->run, &gate->memory, exec);
	/* What revokes does so now: with an answer the caller, and whoever waits for it, would go on until it is marked. It
	 * stays held until it is killed. */
	run_settle(gate->run);
	if (gate->run->revoking)
		return;
	if (!gate->run->executed && !gate->refusal[0])
		IGNORE(snprintf(gate->refusal, sizeof(gate->refusal), "%s; next: %s", ruling->reason,
				ruling->remedy) < 0);
	run_denied(gate->run, &(struct denied){
		.source = ERROR_DENIED, .rule = ruling->rule_id, .error = EACCES,
		.subject = slice_new(exec->chain[0].path, exec->chain[0].path_len),
		.program = slice_new(exec->chain[0].path, exec->chain[0].path_len),
		.reason = ruling->reason, .remedy = ruling->remedy_agent,
	});
	gate_refuse(gate, call->id, -EACCES);
}

/* ASK, and there is nobody who could answer. */
static void deny_unasked(struct gate *gate, const struct gate_call *call, struct exec_case *exec,
			 const struct error *err)
{
	struct ruling *ruling = &exec->ruling;

	ruling->verdict = ruling->would = VERDICT_DENY;
	ruling->blocked_by = BLOCKED_APPROVAL_REQUIRED;
	exec->question = (struct slice){ 0 }; /* whose answer this is not */
	IGNORE(snprintf(ruling->reason, sizeof(ruling->reason), "%.319s", err->text) < 0);
	if (err->next[0])
		IGNORE(snprintf(ruling->remedy, sizeof(ruling->remedy), "%.319s", err->next) < 0);
	deny(gate, call, exec);
}

/* Checks wait for the process's end, steps of plans are used up. Most commands are neither. */
static void tell_plans(struct run *run, const struct exec_case *exec)
{
	const struct ruling *ruling = &exec->ruling;
	uint64_t start_ns = 0;
	uint32_t pid = 0;

	if (ruling->action_class == ACT_RUN || ruling->action_class == ACT_APPLY || ruling->action_class == ACT_DESTROY)
		run_phase_sign(run, SIGN_ACTION);
	if (ruling->action_class == ACT_CHECK)
		gate_process(run, exec->held.tid, &pid, &start_ns);
	plans_acted(run, ruling, pid, start_ns);
}

static void allow(struct gate *gate, const struct gate_call *call, struct exec_case *exec)
{
	const struct ruling *ruling = &exec->ruling;
	bool ours = (ruling->grant && ruling->grant < GRANT_OF_PLAN) || ruling->waiver;

	exec->grant.cgroup_id = gate->run->launched.cgroup.id;
	exec->grant.strings = watch_exec_hash(gate->run->runs->watch, exec->held.strings,
					      (size_t)exec->held.arg_bytes + exec->held.env_bytes);
	gate_record(gate->run, &gate->memory, exec);
	tell_plans(gate->run, exec);
	if (!ours)
		gate_let_go(gate, call, &exec->grant);
	else if (!gate_spend(gate, call, exec))
		gate_refuse(gate, call->id, -EACCES);
}

static void carry_out(struct gate *gate, const struct gate_call *call, struct exec_case *exec)
{
	struct error err = { 0 };

	switch (exec->ruling.verdict) {
	case VERDICT_ALLOW:
		allow(gate, call, exec);
		return;
	case VERDICT_ASK:
		if (gate_ask(gate, call, exec, &err))
			gate_record(gate->run, &gate->memory, exec);
		else
			deny_unasked(gate, call, exec, &err);
		return;
	case VERDICT_DENY:
		break;
	}
	deny(gate, call, exec);
}

/* What cannot be looked at whole is refused, and said. Names that are not there are no news. */
static void cannot_judge(struct gate *gate, const struct gate_call *call, const struct exec_case *exec, int error)
{
	gate_refuse(gate, call->id, error);
	if (error == -E2BIG)
		gate_record_unfit(gate->run, call->tid, exec->held.path, "its arguments and environment have more "
				  "than 2 MiB, or more than 4096 variables");
}

void gate_handle(struct gate *gate, const struct gate_call *call, enum approval_answer said)
{
	static struct exec_case exec;
	int r = exec_case_read(&gate->rules, call->tid, call->id, &call->data, &exec);

	/* What was read was the caller's only while its call is held. */
	if (gate_holds(gate, call->id)) {
		if (r == 0)
			r = exec_case_judge(&gate->rules, gate->run, now_monotonic_ns(), said, &exec);
		if (r < 0)
			cannot_judge(gate, call, &exec, r);
		else
			carry_out(gate, call, &exec);
	}
	exec_case_finish(&exec);
}

/* ---- from the kernel, or from the broker ---- */

static bool read_listener(struct gate *gate)
{
	/* The kernel's structs may be longer than ours. */
	static union {
		struct seccomp_notif request;
		char bytes[NOTIF_BYTES_MAX];
	} notification;

	memset(&notification, 0, sizeof(notification)); /* the kernel wants it so */
	if (ioctl(gate->listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0)
		return errno == ENOENT; /* the caller died: others may wait */
	gate_handle(gate, &(struct gate_call){ notification.request.id, (pid_t)notification.request.pid,
					       notification.request.data }, ANSWER_NONE);
	return true;
}

static bool read_broker(struct gate *gate)
{
	struct held_exec held;
	ssize_t len = recv(gate->forward, &held, sizeof(held), MSG_DONTWAIT);
	pid_t tid;

	if (len < 0)
		return false;
	if (len != (ssize_t)sizeof(held) || held.version != WIRE_VERSION) {
		loop_remove(gate->run->runs->loop, &gate->source); /* its end: pid 1 ends the run */
		return false;
	}
	/* The broker counts as the run does. */
	tid = inner_tid(gate->pidns, gate->run->launched.cgroup.dir_fd, (pid_t)held.tid);
	if (tid > 0)
		gate_handle(gate, &(struct gate_call){ held.id, tid, held.data }, ANSWER_NONE);
	else
		gate_refuse(gate, held.id, -EACCES);
	return true;
}

static bool may_answer(const struct run *run)
{
	/* A run that is to be revoked tries its next command before it is frozen. */
	return run->step == RUN_STEP_LIVE && !run->revoke_wanted && !run_is_frozen(run);
}

static bool is_ready(const struct gate *gate)
{
	struct pollfd fd = { .fd = gate->source.fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1 && fd.revents & POLLIN;
}

static int gate_ready(struct source *source, uint32_t events)
{
	struct gate *gate = container_of(source, struct gate, source);
	struct run *run = gate->run;

	if (!may_answer(run)) {
		gate->stopped = true;
		loop_remove(run->runs->loop, source);
		return 0;
	}
	if (!(events & EPOLLIN)) { /* nobody is left who could call */
		loop_remove(run->runs->loop, source);
		return 0;
	}
	/* RECV would wait: it is asked first, but for the first one, of which we were told. */
	for (uint32_t i = 0; i < TURN_MAX && source->active && may_answer(run); i++)
		if ((i > 0 && !is_ready(gate)) || !(gate->forward == FD_NONE ? read_listener : read_broker)(gate))
			break;
	run_settle(run);
	return 0;
}

void gate_go_on(struct run *run)
{
	struct gate *gate = run->gate;

	if (!gate || !gate->stopped || !may_answer(run))
		return;
	gate->stopped = false;
	if (loop_add(run->runs->loop, &gate->source, gate->forward == FD_NONE ? gate->listener : gate->forward,
		     EPOLLIN, gate_ready) < 0)
		run_stop(run, RUN_CAUSE_INTERNAL, EXIT_INTERNAL, "out of memory");
}

/* ---- birth and end ---- */

static int open_of(pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	/* pid 1 is ours and not reaped, so the number cannot be anybody else's. */
	IGNORE(snprintf(path, sizeof(path), "/proc/%d/%s", pid, name) < 0);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static const char *search_path(const struct plan *plan)
{
	for (size_t at = 0; at < plan->env.len; at += strlen(plan->env.data + at) + 1)
		if (strncmp(plan->env.data + at, "PATH=", 5) == 0)
			return plan->env.data + at + 5;
	return NULL;
}

static int gate_fill(struct gate *gate, struct run *run)
{
	uint64_t flags = NOTIF_SYNC_WAKE_UP;

	gate->listener = TAKE_FD(run->launched.held_fd);
	gate->forward = TAKE_FD(run->launched.execs_fd);
	if (gate->listener == FD_NONE)
		return -ENOSYS;
	gate->rules.root.root = open_of(run->launched.pid, "root", O_PATH | O_DIRECTORY);
	gate->pidns = open_of(run->launched.pid, "ns/pid", O_RDONLY);
	if (gate->rules.root.root < 0 || gate->pidns < 0)
		return -ESRCH;
	gate->rules.root.workspace = plan_text(&run->plan, run->plan.head->workspace);
	exec_rules_fill(&gate->rules, &run->plan.govern, plan_text(&run->plan, run->plan.head->agent),
			search_path(&run->plan));
	/* Before 6.6 unknown: it is only slower then. */
	IGNORE(ioctl(gate->listener, NOTIF_SET_FLAGS, flags) < 0);
	return loop_add(run->runs->loop, &gate->source, gate->forward == FD_NONE ? gate->listener : gate->forward,
			EPOLLIN, gate_ready);
}

static void gate_free_p(struct gate **gate)
{
	*gate = gate_free(*gate);
}

int gate_open(struct run *run, struct error *err)
{
	cleanup_with(gate_free_p) struct gate *gate = NULL;
	int r;

	if (!(run->plan.head->flags & PLAN_GATE))
		return 0;
	gate = calloc(1, sizeof(*gate));
	if (!gate)
		return error_set(err, -ENOMEM, "make the gate of the run");
	gate->run = run;
	gate->listener = gate->forward = gate->pidns = gate->rules.root.root = FD_NONE;
	r = gate_fill(gate, run);
	if (r < 0)
		return error_set(err, r, "hold the commands of the run");
	run->gate = TAKE(gate);
	return 0;
}

struct gate *gate_free(struct gate *gate)
{
	if (!gate)
		return NULL;
	loop_remove(gate->run->runs->loop, &gate->source);
	gate_ask_finish(gate);
	fd_close(gate->listener);
	fd_close(gate->forward);
	fd_close(gate->pidns < 0 ? FD_NONE : gate->pidns);
	fd_close(gate->rules.root.root < 0 ? FD_NONE : gate->rules.root.root);
	free(gate);
	return NULL;
}

void gate_look(struct run *run)
{
	if (run->gate)
		gate_ask_look(run->gate);
}

const char *gate_refusal(const struct run *run)
{
	return run->gate ? run->gate->refusal : "";
}

uint32_t gate_denied_before(const struct run *run, const uint8_t digest[32])
{
	return run->gate ? gate_memory_find(&run->gate->memory, digest) : 0;
}
