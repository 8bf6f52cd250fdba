#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The grand unified test: a HIGH capability is registered, the policy denies HIGH. The first run of a task writes a
# file, the second executes the capability: it is denied, the run fails, the first one's effect is taken back, in this
# order in the ledger. The twin: the same task under a policy that accepts the risk keeps what both made.
# shellcheck disable=SC2016  # scripts are for the shell inside
. "$(dirname "$0")/lib.sh"

policy() { # NAME RULES
	{ whole_default; cat <<YAML; } >"$T/$1.yaml"
include: [std]
capabilities:
  queue.make: {operation: WRITE, risk: HIGH, reversible: false, class: other, compensation: {snapshot: workspace}, exec: [mkfifo]}
rules:
  ordinary: {when: {class: [read, check, plan, other], risk: [LOW, MEDIUM]}, decision: allow}
  $2
YAML
	chmod 0644 "$T/$1.yaml"
}
policy deny 'no-high: {when: {risk: [HIGH, CRITICAL]}, decision: deny, reason: "nothing HIGH here"}'
policy accept 'high: {when: {capability: [queue.make]}, decision: allow, accept_risk: {up_to: HIGH, reason: "a test"}}'
of_task() { # TASK POLICY SCRIPT [FLAGS]: a run of it
	of_task=$1 of_policy=$T/$2.yaml of_script=$3
	shift 3
	supervised --task "$of_task" -p "$of_policy" "$@" -- sh -c "$of_script" >"$T/out" 2>"$T/err"
}
kept() { find "$STATE/workspaces" -mindepth 1 -maxdepth 1 ! -name '.*' | grep -c .; }
nothing_kept() { [ "$(kept)" = 0 ]; }
undone() { # TASK RUNS: so many are taken back
	settle
	ledger log --json -n 1000000 2>/dev/null | jq -es "[.[] | select(.kind == \"compensation\" and .detail.verb == \"done\" and
		(.detail.message | test(\"task $1:\")))] | length == $2" >/dev/null
}
last_run() { ledger log --json -n 1000000 2>/dev/null | jq -rs '[.[] | select(.kind == "run_start") | .run] | last'; }

start_supervisor || { not_ok "the supervisor starts"; finish; }

# ---- the task that fails ----
check "the first run writes a file" of_task one deny 'echo made >made && echo more >>made'
first=$(last_run)
is "its effect is kept" "$(kept)" 1
check "and can be looked at" sh -c "SUDO_UID=$(id -u "$RUN_USER") $BAILIFF changes $first --state-dir $STATE --runtime-dir $RUNTIME | grep -q '^added  *made$'"
of_task one deny 'X_RISK=LOW mkfifo RAN; code=$?; echo after >after; exit $code'
is "the second run fails by what was denied" $? 126
second=$(last_run)
check "its effects are taken back" wait_for 10 undone one 2
is "nothing of the task is kept" "$(kept)" 0
for file in made RAN after; do refute "$file is gone" test -e "$WORK/$file"; done
check "no instruction of the capability ran" recorded '.kind == "decision" and .verdict == "deny" and .rule == "no-high" and
	.path == "/usr/bin/mkfifo" and .effect == "prevented"'
refute "no exec of it is recorded" recorded '.kind == "exec" and .path == "/usr/bin/mkfifo"'
check "the risk came from the registry" recorded ".run == \"$second\" and .kind == \"decision\" and
	.detail.capability == \"queue.make\" and .detail.risk == \"HIGH\""
order=$(jq -rs --arg run "$second" '[.[] | select(.run == $run) | select((.kind == "decision" and .verdict == "deny") or
	.kind == "run_end" or .kind == "compensation") | .kind + (if .kind == "compensation" then "-" + .detail.verb else "" end)]
	| join(" ")' "$T/log.json" | sed 's/\(decision \)*/\1/')
is "in this order" "$order" \
	"decision run_end compensation-intent compensation-done compensation-intent compensation-done"
is "the run failed" "$(jq -rs --arg run "$second" '.[] | select(.run == $run and .kind == "run_end") | .detail.status_to' "$T/log.json")" 6
is "the newest first" "$(jq -rs '[.[] | select(.kind == "compensation" and .detail.verb == "done") | .detail.subject] | join(" ")' "$T/log.json")" \
	"$second $first"

# ---- twins ----
check "another task writes, too" of_task two accept 'echo made >made'
check "and may execute the capability" of_task two accept 'mkfifo RAN && test -p RAN'
is "both are kept" "$(kept)" 2
refute "another one's failure" of_task three deny false
refute "with no task: what it left stays" supervised --overlay -p "$T/deny.yaml" -- sh -c 'echo x >alone; exit 3'
is "is nobody else's" "$(kept)" 3
SUDO_UID=$(id -u "$RUN_USER") "$BAILIFF" commit --state-dir "$STATE" --runtime-dir "$RUNTIME" "$(last_run)" >"$T/out" 2>&1
check "what is committed is the user's" test -s "$WORK/alone"

# ---- bad input, and what stands in the way ----
refute "a task has no path as its name" of_task ../x deny true
refute "and not none" of_task '' deny true
of_task two accept 'until [ -e go ]; do sleep 0.05; done' --detach
busy=$(cat "$T/out")
of_task two accept true
is "its runs are one after another" "$? $(grep -c 'has a run that is not over' "$T/err")" "122 1"
verb_revoke() { "$BAILIFF" revoke "$busy" --reason enough --wait --state-dir "$STATE" --runtime-dir "$RUNTIME"; }
check "one that is revoked has failed" verb_revoke
check "so all of its task goes" wait_for 10 undone two 2

# ---- a run whose supervisor dies with it has failed; the next one takes its task back ----
check "a task" of_task four deny 'echo x >four'
is "its name is kept beside its overlay, for root alone" "$(stat -c '%a %u' "$STATE"/workspaces/*/task)" "600 0"
of_task four deny 'echo y >five; sleep 60' --detach
crash_supervisor
start_supervisor || { not_ok "the next supervisor starts"; finish; }
check "after its supervisor's death all of it goes" wait_for 10 undone four 2
check "and nothing is kept" wait_for 5 nothing_kept
check "a task that is done" of_task five deny 'echo z >six'
stop_supervisor
start_supervisor || { not_ok "the next supervisor starts"; finish; }
is "outlives its supervisor" "$(kept)" 1
check "its ledger verifies" verifies
finish
