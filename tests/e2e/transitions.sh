#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A policy may want people to agree that a run is COMPLETED: approved, rejected, expired, nobody to ask, and none of it.
. "$(dirname "$0")/lib.sh"

verb() { verb_name=$1; shift; "$BAILIFF" "$verb_name" --runtime-dir "$RUNTIME" "$@"; }
CALLER=games
policy() { # FILE TTL COUNT
	cat >"$1" <<-YAML
	schema: 1
	name: ends
	extends: default
	include: [std]
	rules: {all: {when: any, decision: allow}}
	high_risk_transitions: [COMPLETED]
	approvals: {HIGH: {role: operator, count: $3, ttl: $2, uses: 1, on_timeout: deny, self: false}}
	YAML
	chmod 0644 "$1"
}
started() { # POLICY SCRIPT: in the background; $RUNNER
	(cd "$WORK" && exec setpriv --reuid "$CALLER" --regid "$(id -g "$CALLER")" --groups "$(getent group bailiff | cut -d: -f3)" \
		env HOME=/nonexistent "$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" -p "$1" -- sh -c "$2") 2>"$T/err" &
	RUNNER=$!
}
item() { verb inbox --json | jq -r .id | head -n 1; }
asked() { [ -n "$(item)" ]; }
live() { verb ps --json | jq -r 'select(.ended == null) | "\(.status) \(.paused_for)"'; }

chown "$CALLER:" "$WORK"
policy "$T/ends.yaml" 15m 1
policy "$T/short.yaml" 1s 1
policy "$T/two.yaml" 15m 2
start_supervisor || { not_ok "the supervisor starts"; finish; }
started "$T/ends.yaml" '(while :; do echo x >>grows; sleep 0.02; done) & echo done >made'
wait_for 10 asked || not_ok "it is asked"
is "the run waits" "$(live)" "PAUSED approval"
check "its work is done" grep -q 'done' "$WORK/made"
# Not `frozen 1`: a task whose exec is held at that moment never says so, and is as quiet as the others.
still() { size=$(wc -c <"$WORK/grows"); sleep 0.3; [ "$(wc -c <"$WORK/grows")" -eq "$size" ]; }
check "what it left behind stands still" wait_for 5 still
check "somebody agrees" verb approve "$(item)"
wait "$RUNNER"
is "then it is completed" $? 0
check "which is on record behind the use of the approval" recorded '.kind == "approval" and .detail.capability == "run.complete" and .detail.state_to == "CONSUMED"'
started "$T/ends.yaml" true
wait_for 10 asked || not_ok "it is asked"
check "somebody does not" verb deny "$(item)" --reason 'the tests fail'
wait "$RUNNER"
is "then it is not completed" $? 122
check "for that reason" grep -q APPROVAL_REJECTED "$T/err"
started "$T/short.yaml" true
wait "$RUNNER"
is "nobody answers" $? 122
check "which is no rejection" grep -q APPROVAL_EXPIRED "$T/err"
started "$T/two.yaml" true
wait "$RUNNER"
is "nobody could answer: it is not waited for" $? 122
check "and says so" grep -q 'APPROVAL_REQUIRED.*nobody to ask' "$T/err"
started "$T/ends.yaml" 'exit 3'
wait "$RUNNER"
is "control: an end that is not COMPLETED is asked about by nobody" $? 3
sed -i '/^high_risk/d' "$T/ends.yaml"
started "$T/ends.yaml" true
wait "$RUNNER"
is "control: without the key it ends by itself" $? 0
check "the ledger verifies" verifies
finish
