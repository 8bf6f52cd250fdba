#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `bailiff agent` inside real runs: what it says reaches the supervisor and the ledger, what it asks is answered,
# and its exit codes are those of the manual.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
A=/run/bailiff/bin/bailiff

# inside DESCRIPTION WANTED-EXIT ARGS...: `bailiff agent ARGS` in a run of its own; stdout in $T/out.
inside() {
	inside_what=$1 inside_want=$2
	shift 2
	supervised -- sh -c 'exec "$@"' sh $A agent "$@" >"$T/out" 2>"$T/err"
	is "$inside_what: exit $inside_want" $? "$inside_want"
}
said() { check "$1" jq -e "$2" "$T/out"; }

inside "a beat is taken" 0 heartbeat --json
said "and the answer says the phase and an empty inbox" '.outcome == "done" and .inbox == 0 and .stop == false and .phase == "PREFLIGHT"'
check "the beat is in the ledger" recorded '.kind == "heartbeat"'
inside "nothing denied, nothing to explain" 0 why --json
said "and it says so" '.outcome == "empty"'
inside "an empty inbox" 0 inbox --json
inside "an ack of nothing" 2 ack 7
inside "a phase that there is not" 2 phase DINNER
inside "a confidence that is none" 2 confidence 1.5
inside "a verb that there is not" 2 dance
inside "a read that the policy hides" 11 ask --kind read --json -- /etc/shadow
said "with rule, reason and what to do" '.rule == "sandbox.hide" and (.reason | length > 0) and (.remedy | length > 0)'
inside "a read that it shows" 0 ask --kind read -- /etc/passwd

# Twin: outside there is no supervisor to talk to.
"$BIN/bailiff-agent" agent heartbeat >"$T/out" 2>&1
is "outside: exit 13" $? 13
"$BAILIFF" agent heartbeat >"$T/out" 2>&1
is "outside, the whole program: exit 13" $? 13

cat >"$WORK/agent.sh" <<END
cat /etc/shadow 2>/dev/null
$A agent why --json >why1
for i in 1 2 3 4 5 6; do cat /etc/shadow 2>/dev/null; done
$A agent why --json >why2
$A agent status 'counting sheep' && $A agent progress one && $A agent error E_SHEEP 5 && $A agent confidence 0.42
echo \$? >said
$A agent heartbeat --every 50ms -- sh -c 'sleep 0.3; exit 7'
echo \$? >beats
until [ -e go ]; do sleep 0.05; done
END
supervised -- sh agent.sh >"$T/out" 2>"$T/err" &
run=$!
wait_for 10 test -s "$WORK/beats"
status_is() { "$BAILIFF" ps --json --state-dir "$STATE" --runtime-dir "$RUNTIME" | jq -es "any(.[]; .status_text == \"$1\")"; }
check "ps shows its status" status_is "counting sheep"
touch "$WORK/go"
wait $run
is "a denial is explained by its rule" "$(jq -r .rule "$WORK/why1")" sandbox.hide
is "the first time it may be news" "$(jq -r .loop "$WORK/why1")" false
is "the seventh time: do not retry" "$(jq -r '"\(.loop) \(.count)"' "$WORK/why2")" "true 7"
is "status, progress, error and confidence are taken" "$(cat "$WORK/said")" 0
is "beats around a command end with its exit code" "$(cat "$WORK/beats")" 7

# A silent script is never accused; its phases are inferred.
supervised -- true
is "true ends with 0" $? 0
phases() { # of the last run
	settle
	ledger log --json -n 1000000 2>/dev/null | jq -rs '([.[] | select(.kind == "run_start") | .run] | last) as $run
		| [.[] | select(.run == $run and .kind == "run_phase") | (.phase_to // .detail.phase_to)] | join(" ")'
}
is "a wrapped true: BOOTSTRAP, PREFLIGHT, EXECUTE, EXIT" "$(phases)" "0 1 3 7"

# Every sandbox that the shipped policies build has the program and the socket.
for policy in "$TOP"/policies/library/*.yaml; do
	name=$(basename "$policy" .yaml)
	case $name in *.pack) continue ;; esac # to be included, no policy
	supervised -p "$name" -- sh -c "exec $A agent heartbeat --json" >"$T/out" 2>"$T/err"
	is "policy $name: a beat" "$? $(jq -r .outcome "$T/out" 2>/dev/null)" "0 done"
done
finish
