#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The kill switch: freezes what it covers, lets nothing start, survives its supervisor, is reset by an admin alone.
. "$(dirname "$0")/lib.sh"

# says DESCRIPTION WORDS: what the last check or refute printed has them.
says() { cp "$T/check.out" "$T/said" && check "$1" grep -q -- "$2" "$T/said"; }
verb() { verb_name=$1; shift; "$BAILIFF" "$verb_name" --runtime-dir "$RUNTIME" --state-dir "$STATE" "$@"; }
live() { verb ps --json | jq -r 'select(.ended == null) | "\(.run) \(.agent) \(.status) \(.paused_for // "")"' | sort; }
ticker() { # NAME AGENT: a run that writes to its own file
	supervised --agent "$2" -- sh -c "while :; do echo x >>$1; sleep 0.02; done" 2>"$T/$1.err" &
	wait_for 10 test -s "$WORK/$1" || { not_ok "the run $1 begins"; diag <"$T/$1.err"; finish; }
}
size() { wc -c <"$WORK/$1"; }
bigger() { [ "$(size "$1")" -gt "$2" ]; }
all_frozen() { [ "$(live | grep -c 'PAUSED kill_switch')" -eq "$1" ]; }
# Everything that the run wrote is in the file when nothing in it can run: what follows compares sizes.
frozen() { find /sys/fs/cgroup -type d -path '*bailiff*' -name "$1" -exec grep -l 'frozen 1' {}/cgroup.events \; 2>/dev/null | grep -q .; }
run_of() { live | awk -v agent="$1" '$2 == agent { print $1 }'; }

start_supervisor || { not_ok "the supervisor starts"; finish; }
ticker a.tick alpha && A=$!
ticker b.tick beta && B=$!
RUN_A=$(run_of alpha) RUN_B=$(run_of beta)

refute "it needs a reason" verb kill-switch --scope agent:alpha
refute "and a scope that there is" verb kill-switch --scope nonsense --reason x
refute "an ordinary user may not trip it" setpriv --reuid nobody --regid "$(id -g nobody)" \
	--groups "$(getent group bailiff | cut -d: -f3)" "$BAILIFF" kill-switch --runtime-dir "$RUNTIME" --reason x
says "and is told why" '(viewer) may not kill-switch'

check "one agent is stopped" verb kill-switch --scope agent:alpha --reason 'it is odd'
says "and it says how many" 'frozen 1, revoked 0'
check "its run stands still" wait_for 5 frozen "$RUN_A"
before=$(size a.tick) other=$(size b.tick)
check "the other one goes on" wait_for 5 bigger b.tick "$other"
is "while it does not" "$(size a.tick)" "$before"
supervised --agent alpha -- true 2>"$T/err"
is "no run of this agent starts" $? 122
check "because of the switch" grep -q 'KILL_SWITCH: it is tripped for agent:alpha by uid:0: it is odd' "$T/err"
check "with a next step" grep -q 'kill-switch reset' "$T/err"
check "control: another agent's run starts" supervised --agent gamma -- true
refute "resume does not get past it" verb resume "$RUN_A"
says "and says what does" 'kill-switch reset'
check "all are stopped" verb kill-switch --reason 'everything is odd'
check "both stand still" wait_for 5 all_frozen 2
check "a reset of one scope leaves the other in force" verb kill-switch reset --scope agent:alpha
check "so both still stand still" all_frozen 2
check "a reset of all" verb kill-switch reset
before=$(size a.tick)
check "lets the first go on" wait_for 5 bigger a.tick "$before"
other=$(size b.tick)
check "and the second" wait_for 5 bigger b.tick "$other"
refute "what is not tripped is not reset" verb kill-switch reset
check "one run alone" verb kill-switch --scope "run:$RUN_B" --reason 'this one'
check "stands still" all_frozen 1
check "--terminate revokes what it covers" verb kill-switch --terminate --reason 'enough'
wait "$A"; is "the first caller sees a revocation" $? 123
wait "$B"; is "and the one whose run was frozen, too" $? 123
is "nothing of them is left" "$(live)" ""

# A new supervisor on the same state.
crash_supervisor
check "its state is kept for root alone" test "$(stat -c %a "$STATE/kill-switch")" = 600
start_supervisor || { not_ok "the next supervisor starts"; finish; }
supervised -- true 2>"$T/err"
is "killed and started again, it is still tripped" $? 122
check "with who and why" grep -q 'tripped for all by uid:0: enough' "$T/err"
check "until it is reset" verb kill-switch reset
check "then runs start" supervised -- true
stop_supervisor
printf 'torn' >"$STATE/kill-switch"
start_supervisor || { not_ok "a supervisor starts on a torn file"; finish; }
supervised -- true 2>"$T/err"
is "a state that cannot be read counts as tripped" $? 122
check "and says so" grep -q 'its kept state cannot be read' "$T/err"
check "an admin resets that, too" verb kill-switch reset
check "and runs start" supervised -- true

check "tripping is in the ledger" recorded '.kind == "kill_switch" and .detail.subject == "all" and .detail.state_to == "TRIPPED"'
check "as a sentence" sh -c "'$BAILIFF' ledger log --state-dir '$STATE' -n 1000 | grep -q 'uid:0 tripped the kill switch for all: enough'"
check "with the reset" recorded '.kind == "kill_switch" and .detail.state_to == "ARMED" and .by == "uid:0"'
check "and the refused attempt" recorded '.kind == "intervention" and .detail.verb == "kill-switch" and .verdict == "deny" and .detail.role == "viewer"'
check "each run's pause too" recorded '.kind == "run_state" and .detail.cause == "kill_switch"'
check "the ledger verifies" verifies
finish
