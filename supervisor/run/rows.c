/* SPDX-License-Identifier: Apache-2.0 */
/* A run as its owner's clients see it. */
#include <stdio.h>
#include <string.h>

#include "run/run.h"

#define COPY(to, from) IGNORE(snprintf((to), sizeof(to), "%s", (from)) < 0)

/* argv with blanks between; what does not fit is cut. */
static void command_text(const struct run *run, char *to, size_t size)
{
	struct slice argv = run->plan.argv;
	size_t len = MIN(argv.len, size - 1);

	for (size_t i = 0; i < len; i++)
		to[i] = argv.data[i] ? argv.data[i] : ' ';
	if (len > 0 && to[len - 1] == ' ')
		len--;
	to[len] = '\0';
}

void run_row(const struct run *run, struct wire_run_row *ret_row)
{
	const struct plan_head *head = run->plan.head;

	memset(ret_row, 0, sizeof(*ret_row));
	ret_row->run = run->id;
	ret_row->started_ns = run->started_ns;
	ret_row->events = run->events;
	ret_row->refused = run->refused;
	ret_row->status = run->status;
	ret_row->cause = run->outcome.cause;
	ret_row->exit_code = run->outcome.exit_code;
	ret_row->uid = head->uid;
	ret_row->violations = run->strikes.total;
	ret_row->paused = run->paused;
	COPY(ret_row->paused_for, pause_name(run->paused));
	if (run->step < RUN_STEP_CLOSING &&
	    cgroup_count(&run->launched.cgroup, &ret_row->processes) < 0)
		ret_row->processes = 0;
	COPY(ret_row->agent, plan_text(&run->plan, head->agent));
	COPY(ret_row->policy_name, plan_text(&run->plan, head->policy_name));
	COPY(ret_row->owner, plan_text(&run->plan, head->owner_name));
	COPY(ret_row->workspace, plan_text(&run->plan, head->workspace));
	COPY(ret_row->status_text, run->status_text);
	command_text(run, ret_row->command, sizeof(ret_row->command));
}

void run_ended(const struct run *run, struct wire_ended *ret_ended)
{
	memset(ret_ended, 0, sizeof(*ret_ended));
	ret_ended->run = run->id;
	ret_ended->status = run->outcome.status;
	ret_ended->cause = run->outcome.cause;
	ret_ended->exit_code = run->outcome.exit_code;
	ret_ended->wait_status = run->wait_status;
	ret_ended->events = run->events;
	ret_ended->refused = run->refused;
	ret_ended->lost = run->lost;
	ret_ended->violations = run->strikes.total;
	ret_ended->killed = run->killed;
	COPY(ret_ended->text, run->outcome.text);
}
