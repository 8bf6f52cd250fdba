#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A waiver lets one action of one run pass one rule, once, for a time; or takes a strike away. Admins only, with a reason.
. "$(dirname "$0")/lib.sh"

verb() { verb_name=$1; shift; "$BAILIFF" "$verb_name" --runtime-dir "$RUNTIME" "$@"; }
says() { cp "$T/check.out" "$T/said" && check "$1" grep -q -- "$2" "$T/said"; }
CALLER=games
as_caller() { setpriv --reuid "$CALLER" --regid "$(id -g "$CALLER")" --groups "$(getent group bailiff | cut -d: -f3)" "$@"; }
run_as_caller() { # POLICY ARGS...
	run_policy=$1
	shift
	(cd "$WORK" && as_caller env HOME=/nonexistent "$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" -p "$run_policy" "$@")
}
live() { verb ps --json | jq -r 'select(.ended == null) | .run' | head -n 1; }
some_live() { [ -n "$(live)" ]; }
step() { # NAME: the run does it now; its exit status
	touch "$WORK/go.$1"
	wait_for 10 test -s "$WORK/$1.exit"
	cat "$WORK/$1.exit"
}
# Each step waits for its file, so that the test decides what comes between.
STEPS='for s in a b c d e; do until test -e go.$s; do sleep 0.05; done; $0 made.$s; echo $? >$s.exit; done'

cat >"$T/rules.yaml" <<-YAML
	schema: 1
	name: rules
	extends: default
	include: [std]
	capabilities:
	  test.send: {operation: EXECUTE, risk: LOW, reversible: true, exec: [touch]}
	rules:
	  all: {when: any, decision: allow}
	  no-send: {when: {capability: [test.send]}, decision: deny, reason: "not from here"}
YAML
printf 'schema: 1\nname: strict\nextends: default\nfiles: {on_scope: violate}\n' >"$T/strict.yaml"
chmod 0644 "$T"/*.yaml
chown "$CALLER:" "$WORK"
start_supervisor || { not_ok "the supervisor starts"; finish; }
run_as_caller "$T/rules.yaml" -- sh -c "$STEPS" touch 2>"$T/err" &
RUNNER=$!
wait_for 10 some_live
RUN=$(live)
is "control: without a waiver it is denied" "$(step a)" 126
refute "its caller may not waive" as_caller "$BAILIFF" waive --runtime-dir "$RUNTIME" "$RUN" no-send --reason x --reason-code TEST
says "and is told the role" 'may not waive'
refute "a rule that there is not cannot be waived" verb waive "$RUN" no-such --reason x --reason-code TEST
refute "nor without a reason" verb waive "$RUN" no-send --reason-code TEST
check "an admin waives the rule" verb waive "$RUN" no-send --reason 'release day' --reason-code SAFE_HERE
is "the next one passes" "$(step b)" 0
check "really" test -e "$WORK/made.b"
is "the one after that does not" "$(step c)" 126
check "one that expires" verb waive "$RUN" no-send --reason 'for a moment' --reason-code SAFE_HERE --ttl 1s
check "does so by itself" wait_for 5 recorded '.kind == "waiver" and .detail.state_to == "EXPIRED"'
is "and lets nothing pass" "$(step d)" 126
check "one for a run that ends" verb waive "$RUN" no-send --reason 'unused' --reason-code SAFE_HERE
check "is withdrawn with it" verb revoke "$RUN" --reason enough --wait
wait "$RUNNER"
check "which is a fact" wait_for 5 recorded '.kind == "waiver" and .detail.state_to == "WITHDRAWN"'
check "granted by whom, why" recorded '.kind == "waiver" and .detail.state_to == "GRANTED" and .by == "uid:0" and .detail.reason == "release day" and .detail.reason_code == "SAFE_HERE" and .rule == "no-send"'
check "as a sentence" sh -c "'$BAILIFF' ledger log --state-dir '$STATE' -n 1000 | grep -q 'uid:0 granted a waiver of no-send: release day'"
check "used: another fact" recorded '.kind == "waiver" and .detail.state_to == "CONSUMED"'

check "and the decision that used it says so" recorded '.kind == "decision" and .detail.waiver_issued == true and (.detail.id | length) == 26 and .verdict != "deny"'

# Strikes: the second one revokes.
rm -f "$WORK"/go.* "$WORK"/*.exit
run_as_caller "$T/strict.yaml" -- sh -c 'for s in a b c; do until test -e go.$s; do sleep 0.05; done; echo x >/etc/made.$s; echo $? >$s.exit; done; sleep 5' 2>"$T/err" &
RUNNER=$!
wait_for 10 some_live
RUN=$(live)
is "a write elsewhere is refused" "$(step a)" 2
check "and a strike" wait_for 5 grep -q SCOPE_VIOLATION "$T/err"
check "which an admin takes away" verb waive "$RUN" SCOPE_VIOLATION --reason 'a typo' --reason-code FALSE_POSITIVE
is "so the second one does not revoke" "$(step b)" 2
touch "$WORK/go.c"
wait "$RUNNER"
is "the third one does" $? 123
check "the ledger verifies" verifies
finish
