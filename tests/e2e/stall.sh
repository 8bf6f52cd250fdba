#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Alive without progress: the same action again and again pauses the run at the policy's count, a run that gets
# nowhere is paused at its time; work that gets on is left alone.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
A=/run/bailiff/bin/bailiff
policy() { # NAME HEARTBEAT-KEYS
	{
		echo "schema: 1"
		echo "name: $1"
		echo "extends: default"
		echo "heartbeat: {$2}"
	} >"$T/$1.yaml"
	chmod 0644 "$T/$1.yaml"
}
status() { "$BAILIFF" ps --json --state-dir "$STATE" --runtime-dir "$RUNTIME" | jq -r .status; }
paused() { [ "$(status)" = PAUSED ]; }
revoke() { # of the only run
	"$BAILIFF" revoke --wait --state-dir "$STATE" --runtime-dir "$RUNTIME" --reason test \
		"$("$BAILIFF" ps --json --state-dir "$STATE" --runtime-dir "$RUNTIME" | jq -r .run)" >/dev/null
}
# held REASON POLICY COMMAND...: the run is paused for this reason, and does nothing meanwhile.
held() {
	held_why=$1 held_policy=$2
	shift 2
	rm -f "$WORK/count"
	supervised -p "$T/$held_policy.yaml" -- "$@" >"$T/out" 2>"$T/err" &
	run=$!
	check "$held_why: the run is paused" wait_for 10 paused
	before=$(wc -c <"$WORK/count")
	! wait_for 1 false
	is "$held_why: it does nothing meanwhile" "$(wc -c <"$WORK/count")" "$before"
	check "$held_why: the ledger says why" recorded ".kind == \"run_state\" and (tostring | test(\"$held_why\"))"
	revoke
	wait $run
	is "$held_why: a person ends it" $? 123
}

policy repeats 'max_repeats: 50, on_stall: clarify'
held ambiguity_lock repeats sh -c 'while :; do /bin/true; printf x >>count; done'
# The kernel tells of a command up to 20 ms later; a run with an exec gate is asked before each one.
check "at 50, or soon after" test "$(wc -c <"$WORK/count")" -ge 48 -a "$(wc -c <"$WORK/count")" -lt 1000
policy stalls 'stall_after: 1s, on_stall: clarify'
held stall stalls sh -c "printf x >>count; while :; do $A agent heartbeat >/dev/null; printf x >>count; sleep 0.2; done"

# Twins: progress, other arguments, and a policy that ignores it.
supervised -p "$T/repeats.yaml" -- sh -c "for i in \$(seq 60); do /bin/true; [ \$((i % 20)) != 0 ] || $A agent progress step-\$i; done"
is "steps on the way: not paused" $? 0
supervised -p "$T/repeats.yaml" -- sh -c 'for i in $(seq 60); do /bin/true $i; done'
is "other arguments: not the same action" $? 0
supervised -p "$T/stalls.yaml" -- sh -c "for i in 1 2 3 4 5 6 7 8; do $A agent progress s\$i; sleep 0.3; done"
is "progress within the time: not paused" $? 0
policy ignored 'max_repeats: 5, on_stall: ignore'
supervised -p "$T/ignored.yaml" -- sh -c 'for i in $(seq 20); do /bin/true; done'
is "ignored" $? 0
policy violates 'max_repeats: 5, on_stall: violate'
supervised -p "$T/violates.yaml" -- sh -c 'for i in $(seq 20); do /bin/true; done; sleep 5' 2>"$T/err"
is "violate: PROCEDURE_VIOLATION revokes" $? 123
check "and says so" grep -q PROCEDURE_VIOLATION "$T/err"
finish
