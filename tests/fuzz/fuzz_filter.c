/* SPDX-License-Identifier: Apache-2.0 */
/* What the filter check accepts ends for every call with "allowed" or an errno of 1..4095: never with
 * a kill, a trace, a listener of the client's, a success for a call that was not made, or no answer. */
#include <assert.h>
#include <linux/audit.h>

#include "lib/filter_machine.h"
#include "plan/check.h"

#define INSTRUCTIONS_MAX 512U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct sock_filter *filter, uint32_t count, struct seccomp_data call)
{
	int answer = filter_run(filter, count, &call);

	assert(answer >= FILTER_ALLOWS && answer <= 4095);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sock_filter filter[INSTRUCTIONS_MAX];
	uint32_t count = (uint32_t)(size / sizeof(filter[0]));
	struct plan_head head = { 0 };
	struct plan plan = { .head = &head, .filter = filter };

	if (count == 0 || count > INSTRUCTIONS_MAX)
		return 0;
	memcpy(filter, data, count * sizeof(filter[0]));
	head.sections[PLAN_FILTER].count = count;
	if (plan_check_filter(&plan, NULL) < 0)
		return 0;
	for (int number = 0; number < 16; number++)
		ask(filter, count, (struct seccomp_data){
			.nr = number * 29, .arch = AUDIT_ARCH_X86_64, .args = { (uint64_t)number } });
	/* Calls made of the program's own constants reach what the numbers above do not. */
	for (uint32_t i = 0; i < MIN(count, 32U); i++)
		ask(filter, count, (struct seccomp_data){
			.nr = (int)filter[i].k, .arch = filter[count - 1 - i].k,
			.args = { filter[i].k, ~(uint64_t)filter[i].k, filter[i].k } });
	return 0;
}
