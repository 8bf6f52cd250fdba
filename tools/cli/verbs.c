/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <assert.h>

#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"

const struct verb verbs[] = {
	{ "run", "runs a command in its sandbox, watched and recorded", verb_run, &run_options, NULL },
	{ "shell", "starts your shell in a sandbox, watched and recorded", verb_shell, &shell_options, NULL },
	{ "attach", "connects this terminal to a run", verb_attach, &attach_options, NULL },
	{ "ps", "lists the runs of the supervisor", verb_ps, &ps_options, NULL },
	{ "show", "shows one run", verb_show, &show_options, NULL },
	{ "why", "explains a refusal: the rule, what to change, or why not to", verb_records, &why_options, NULL },
	{ "inbox", "lists what runs ask of people", verb_inbox, &inbox_options, NULL },
	{ "approve", "lets one action go on that waits in the inbox", verb_approve, &approve_options, NULL },
	{ "deny", "refuses one action that waits in the inbox", verb_deny, &deny_options, NULL },
	{ "waive", "an exception to one rule, once", verb_waive, &waive_options, NULL },
	{ "clarify", "tells the agent of a run something, and lets it go on", verb_clarify, &clarify_options, NULL },
	{ "pause", "freezes a run", verb_pause, &pause_options, NULL },
	{ "resume", "lets a paused run go on", verb_resume, &resume_options, NULL },
	{ "cancel", "asks a run to end, and ends it", verb_cancel, &cancel_options, NULL },
	{ "revoke", "stops a run at once, with all its processes", verb_revoke, &revoke_options, NULL },
	{ "kill-switch", "stops all runs, or an agent's, and lets none start", verb_kill_switch, &kill_switch_options,
	  "reset" },
	{ "changes", "shows what a run with an overlay workspace changed", verb_changes, &changes_options, NULL },
	{ "commit", "writes these changes back to the workspace", verb_commit, &commit_options, NULL },
	{ "rollback", "drops these changes", verb_rollback, &rollback_options, NULL },
	{ "ledger", "asks, verifies and proves what was recorded", verb_records, NULL,
	  "log who run verify prove checkpoint" },
	{ "policy", "checks and shows policies", verb_policy, NULL,
	  "lint test show explain diff suggest list import check-cases ceiling names" },
	{ "capability", "shows what a policy knows of actions and their risks", verb_capability, NULL, "show lint" },
	{ "agent", "inside a run: what its processes say to their supervisor", verb_agent, NULL,
	  "heartbeat phase status confidence progress error plan artifact output ask why inbox ack hook" },
	{ "agents", "shows and changes how agents stand: tiers, breakers", verb_agents, NULL, "promote demote clear close" },
	{ "config", "checks the settings of this host", verb_config, NULL, "check defaults" },
	{ "doctor", "says what this machine offers and what is missing", verb_doctor, &doctor_options,
	  NULL },
	{ "completion", "prints completions for bash, zsh or fish", verb_completion, &completion_options,
	  NULL },
	{ "version", "prints the version", verb_version, &version_options, NULL },
};
const size_t verb_count = COUNT(verbs);

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < COUNT(verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

const char *verb_nearest(const char *name)
{
	const char *names[COUNT(verbs) + 1] = { 0 };

	for (size_t i = 0; i < COUNT(verbs); i++)
		names[i] = verbs[i].name;
	return text_nearest(slice_of(name), names);
}

void verbs_help(void)
{
	printf("sudo bailiff run -- make -j2                       # supervise a command here\n"
	       "sudo bailiff run -- claude                         # with the policy for this agent\n"
	       "bailiff why                                        # the last refusal, and what to do about it\n"
	       "bailiff ledger log                                 # what happened, in sentences\n"
	       "\n"
	       "usage: bailiff VERB [OPTIONS]\n\n");
	for (size_t i = 0; i < COUNT(verbs); i++)
		printf("  %-12s %s\n", verbs[i].name, verbs[i].summary);
	printf("\n`bailiff VERB --help` explains one. Exit codes: the command's own; 2 usage; 120 policy\n"
	       "invalid; 121 kernel feature missing; 122 start refused; 123 revoked; 124 wall-clock limit;\n"
	       "125 internal error; 126 not executable; 127 not found.\n");
}
