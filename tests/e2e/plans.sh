#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plans and checks in real runs: the four cases of APPLY_WITHOUT_PLAN and those of RUN_WITHOUT_CHECK, approval by the
# policy, and what ends a plan.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/life_lib.sh"

# A caller that is not root, so that root is somebody else who may approve.
CALLER=games
outside() {
	(cd "$WORK" && exec setpriv --reuid "$CALLER" --regid "$(id -g "$CALLER")" \
		--groups "$(getent group bailiff | cut -d: -f3)" env HOME=/nonexistent "$@")
}
chown "$CALLER:" "$WORK"
start_supervisor || { not_ok "the supervisor starts"; finish; }
# Two commands that leave a mark when they run: cp applies, and needs a plan of its inputs; mv runs, and needs a check
# (cmp) of the same ones.
policy planned 'capabilities:' \
	'  iac.apply: {operation: EXECUTE, risk: HIGH, reversible: true, class: apply, plan: bound, compensation: {manual: undo}, exec: [cp]}' \
	'  conf.run: {operation: EXECUTE, risk: HIGH, reversible: true, class: run, check: conf.check, check_ttl: 2s, compensation: {manual: undo}, exec: [mv]}' \
	'  conf.check: {operation: READ, risk: LOW, reversible: true, class: check, compensation: none, exec: [cmp]}' \
	'agent: {tier: T3}' 'plans: {auto_approve: never}'
sed -i 's/^rules:/rules:\n  runs: {when: {class: [run]}, decision: allow, accept_risk: {up_to: HIGH, reason: test}}\n  applies: {when: {class: [apply]}, decision: require_approval}/' "$T/planned.yaml"
outside sh -c 'echo one >in.yml'
digest() { sha256sum "$WORK/in.yml" | cut -c1-64; }
plan() { # ARGV-JSON [DIGEST]
	printf '{"schema":1,"objective":"copy it","steps":[{"n":1,"capability":"iac.apply","argv":%s,"inputs":{"in.yml":"sha256:%s"}}]}' \
		"$1" "${2:-$(digest)}" >"$WORK/plan.json"
}
inside() {
	outside "$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" -p "$T/planned.yaml" -- sh -c "$1" >"$T/out" 2>"$T/err"
}
asked() { # the one open question
	"$BAILIFF" inbox --json --state-dir "$STATE" --runtime-dir "$RUNTIME" | jq -r 'select(.status == "PENDING" and (.text | test("copy it"))) | .id' | head -n 1
}
is_asked() { [ -n "$(asked)" ]; }
approve() { wait_for 10 is_asked && "$BAILIFF" approve --state-dir "$STATE" --runtime-dir "$RUNTIME" "$(asked)"; }

inside 'cp in.yml out.yml; sleep 5'
is "(a) without a plan: revoked" "$? $(violations)" "123 APPLY_WITHOUT_PLAN"
check "(a) and nothing was done" test ! -e "$WORK/out.yml"
inside "$A agent plan submit plan.json"
is "no plan file: exit 2" $? 2
plan '["git","push"]'
inside "$A agent plan submit plan.json"
is "a step that is not what it says: refused" $? 11
plan '["cp","in.yml","out.yml"]'
if "$BAILIFF" approve --help >/dev/null 2>&1; then
	inside "$A agent plan submit --wait --timeout 30s plan.json >state && cp in.yml out.yml; echo \$? >rc" &
	run=$!
	check "(c) people are asked" approve
	wait $run
	is "(c) approved and identical: runs" "$(cat "$WORK/rc") $(violations)" "0 "
	check "(c) and it was done" cmp -s "$WORK/in.yml" "$WORK/out.yml"
	is "(c) the plan's way" "$(plan_states)" "SUBMITTED APPROVED ACTIVE COMPLETED"
	rm -f "$WORK/out.yml"
	inside "$A agent plan submit --wait --timeout 30s plan.json >state && echo two >in.yml && cp in.yml out.yml; sleep 5" &
	run=$!
	approve >/dev/null
	wait $run
	is "(b) approved, then edited: revoked" "$? $(violations)" "123 APPLY_WITHOUT_PLAN"
	check "(b) and nothing was done" test ! -e "$WORK/out.yml"
	plan '["cp","in.yml","out.yml"]'
	inside "$A agent plan submit --wait --timeout 30s plan.json >state && cp in.yml out.yml && cp in.yml out.yml; sleep 5" &
	run=$!
	approve >/dev/null
	wait $run
	is "a step is good for one time" "$? $(violations)" "123 APPLY_WITHOUT_PLAN"
else
	skip approve "(c) people are asked" "this build has no bailiff approve"
fi
rm -f "$WORK/out.yml"
for way in "sh -c 'cp in.yml out.yml'" "env cp in.yml out.yml" "python3 -c 'import os; os.execvp(\"cp\", [\"cp\", \"in.yml\", \"out.yml\"])'"; do
	inside "$way; sleep 5"
	is "(d) $way" "$? $(violations)" "123 APPLY_WITHOUT_PLAN"
done

# Checks.
outside sh -c 'rm -f in.yml same.yml; echo one >in.yml; cp in.yml same.yml; echo x >other.yml'
inside 'mv in.yml same.yml; sleep 5'
is "without a check: revoked" "$? $(violations)" "123 RUN_WITHOUT_CHECK"
inside 'cmp in.yml same.yml && mv in.yml same.yml'
is "after a check that succeeded: runs" "$? $(violations)" "0 "
outside cp same.yml in.yml
inside 'cmp in.yml other.yml; mv in.yml other.yml; sleep 5'
is "after one that failed: revoked" "$? $(violations)" "123 RUN_WITHOUT_CHECK"
inside 'cmp in.yml same.yml; echo new >in.yml; mv in.yml same.yml; sleep 5'
is "after an edit: revoked" "$? $(violations)" "123 RUN_WITHOUT_CHECK"
outside cp same.yml in.yml
inside 'cmp in.yml same.yml; sleep 3; mv in.yml same.yml; sleep 5'
is "after its time: revoked" "$? $(violations)" "123 RUN_WITHOUT_CHECK"
check "its ledger verifies" verifies
finish
