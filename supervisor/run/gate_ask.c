/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run/gate_own.h"
#include "run/run.h"

static struct gate_wait *wait_new(struct gate *gate, const struct gate_call *call)
{
	for (size_t i = 0; i < GATE_WAITS_MAX; i++) {
		struct gate_wait *wait = &gate->waits[i];

		if (wait->used)
			continue;
		*wait = (struct gate_wait){ .gate = gate, .used = true, .call = *call };
		return wait;
	}
	return NULL;
}

/* ---- people ---- */

/* Judged anew: an approval is a grant now, and what changed meanwhile counts, too. */
static void answered(struct ask *ask, enum ask_answer answer)
{
	static const enum approval_answer answers[] = {
		[ASK_REJECTED] = ANSWER_REJECTED, [ASK_EXPIRED] = ANSWER_EXPIRED,
		[ASK_CANCELLED] = ANSWER_REJECTED, [ASK_APPROVED] = ANSWER_NONE,
	};
	struct gate_wait *wait = container_of(ask, struct gate_wait, ask);
	struct gate_call call = wait->call;
	struct gate *gate = wait->gate;

	wait->used = false;
	if (answer != ASK_CANCELLED)
		gate_handle(gate, &call, answers[answer]);
}

/* Words with blanks in quotes, so that two commands never look the same. */
static struct slice shown_command(const struct exec_case *exec, char *to, size_t size)
{
	const struct held *held = &exec->held;
	size_t len = (size_t)snprintf(to, size, "%s:", exec->chain[0].path);

	for (uint32_t i = 0; i < MIN(held->argc, HELD_ARGS_MAX) && len < size; i++) {
		struct slice word = held->args[i];
		bool plain = word.len > 0 && !memchr(word.data, ' ', word.len) && !memchr(word.data, '\'', word.len);

		len += (size_t)snprintf(to + len, size - len, plain ? " %.*s" : " '%.*s'", (int)word.len, word.data);
	}
	return slice_new(to, MIN(len, size - 1));
}

static struct ask_question question_of(const struct gate *gate, const struct exec_case *exec)
{
	const struct govern_view *govern = gate->rules.govern;
	const struct ruling *ruling = &exec->ruling;

	return (struct ask_question){
		.ruling = ruling, .govern = govern, .action = exec->digest,
		.capability = ruling->capability < govern->capabilities_count ?
			govern_text(govern, govern->capabilities[ruling->capability].id) : slice_of("exec.unknown"),
	};
}

bool gate_ask(struct gate *gate, const struct gate_call *call, struct exec_case *exec, struct error *err)
{
	static char text[2 * APPROVAL_TEXT_MAX];
	struct ask_question question = question_of(gate, exec);
	struct gate_wait *wait = wait_new(gate, call);

	if (!wait) {
		error_say(err, -EBUSY, "too many commands of this run wait for an answer");
		return false;
	}
	wait->ask.answered = answered;
	question.who = exec->who;
	question.text = shown_command(exec, text, sizeof(text));
	if (ask_people(gate->run, &question, &wait->ask, err) == 0)
		return true;
	wait->used = false;
	return false;
}

/* ---- rights ---- */

static void spent(struct spend *spend, bool ok)
{
	struct gate_wait *wait = container_of(spend, struct gate_wait, spend);

	wait->used = false;
	if (ok && gate_holds(wait->gate, wait->call.id))
		gate_let_go(wait->gate, &wait->call, &wait->grant);
	else
		gate_refuse(wait->gate, wait->call.id, -EACCES);
}

bool gate_spend(struct gate *gate, const struct gate_call *call, const struct exec_case *exec)
{
	struct ask_question question = question_of(gate, exec);
	struct gate_wait *wait = wait_new(gate, call);

	if (!wait)
		return false;
	wait->spend.spent = spent;
	wait->grant = exec->grant;
	if (grant_spend(gate->run, &question, &wait->spend) == 0)
		return true;
	wait->used = false;
	return false;
}

/* ---- those who are gone ---- */

static void wait_forget(struct gate_wait *wait)
{
	ask_forget(&wait->ask);
	spend_cancel(&wait->spend);
	wait->used = false;
}

void gate_ask_look(struct gate *gate)
{
	for (size_t i = 0; i < GATE_WAITS_MAX; i++)
		if (gate->waits[i].used && !gate_holds(gate, gate->waits[i].call.id))
			wait_forget(&gate->waits[i]);
}

void gate_ask_finish(struct gate *gate)
{
	for (size_t i = 0; i < GATE_WAITS_MAX; i++)
		if (gate->waits[i].used)
			wait_forget(&gate->waits[i]);
}
