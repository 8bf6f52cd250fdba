# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# What the tests on the life of a run share: a policy with rules whose keys a test adds to, and what the ledger says of
# the last run. Sourced after lib.sh.

A=/run/bailiff/bin/bailiff
policy() { # NAME KEYS...: lines of YAML behind the rules
	policy_name=$1
	shift
	{
		printf 'schema: 1\nname: %s\nextends: default\ninclude: [std]\n' "$policy_name"
		printf 'rules:\n  ordinary: {when: {class: [read, check, plan, other], risk: [LOW, MEDIUM]}, decision: allow}\n'
		printf '%s\n' "$@"
	} >"$T/$policy_name.yaml"
	chmod 0644 "$T/$policy_name.yaml"
}
# of the last run: jq FILTER over its records, in their order
records() {
	settle
	ledger log --json -n 1000000 2>/dev/null | jq -rs '([.[] | select(.kind == "run_start") | .run] | last) as $run
		| [.[] | select(.run == $run)] | '"$1"
}
phases() { records '[.[] | select(.kind == "run_phase") | (.phase_to // .detail.phase_to)] | join(" ")'; }
violations() { records '[.[] | select(.kind == "violation") | (.subject // .detail.subject)] | join(" ")'; }
plan_states() { records '[.[] | select(.kind == "plan") | (.to // .detail.to)] | join(" ")'; }
status_is() { [ "$("$BAILIFF" ps --json --state-dir "$STATE" --runtime-dir "$RUNTIME" | jq -r .status)" = "$1" ]; }
only_run() { "$BAILIFF" ps --json --state-dir "$STATE" --runtime-dir "$RUNTIME" | jq -r .run; }
