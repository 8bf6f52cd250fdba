#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The error budget in real runs: the thirteenth error revokes, the fourth of a kind revokes, half of it pauses the run
# until somebody corrects its instructions; what is no error is not counted.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/life_lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
policy strict 'budget: {max_total_errors: 12, max_same_error_repeats: 3, soft_at: 0, count: [denied, reported, check_failed, crash]}'
ends() { # DESCRIPTION WANTED SCRIPT
	supervised -p "$T/strict.yaml" -- sh -c "$3" >"$T/out" 2>"$T/err"
	is "$1" "$? $(violations)" "$2"
}
ends "twelve different errors" "0 " "for i in \$(seq 12); do $A agent error E_\$i >/dev/null; done"
ends "the thirteenth revokes" "123 ERROR_BUDGET_EXCEEDED" "for i in \$(seq 13); do $A agent error E_\$i >/dev/null; done; sleep 5"
ends "three of the same" "0 " "for i in 1 2 3; do $A agent error E_SAME >/dev/null; done"
ends "the fourth revokes" "123 ERROR_BUDGET_EXCEEDED" "for i in 1 2 3 4; do $A agent error E_SAME >/dev/null; done; sleep 5"
ends "plain exits are no errors" "0 " "for i in \$(seq 20); do grep nothing /dev/null; done; true"
ends "refused files are none by default" "0 " "for i in \$(seq 20); do cat /etc/shadow 2>/dev/null; done; true"
ends "four crashes of a kind revoke" "123 ERROR_BUDGET_EXCEEDED" "for i in 1 2 3 4 5; do sh -c 'kill -SEGV \$\$'; done; sleep 5"
policy files 'budget: {max_total_errors: 12, max_same_error_repeats: 3, soft_at: 0, count: [fs_denied]}'
supervised -p "$T/files.yaml" -- sh -c 'for i in 1 2 3 4 5; do cat /etc/shadow 2>/dev/null; done; sleep 5' >"$T/out" 2>"$T/err"
is "unless the policy counts them" "$? $(violations)" "123 ERROR_BUDGET_EXCEEDED"

# Half of it: paused, quiet, corrected, on its way again; the counters are kept.
policy soft 'budget: {max_total_errors: 12, max_same_error_repeats: 12, soft_at: 0.5, count: [reported]}'
cat >"$WORK/soft.sh" <<END
for i in 1 2 3 4 5 6; do $A agent error E_\$i >/dev/null; done
until $A agent inbox --json | tee letter | grep -q clarif; do :; done
$A agent ack "\$(sed 's/.*"id":\([0-9]*\).*/\1/' letter | head -n 1)"
echo \$? >acked
END
supervised -p "$T/soft.yaml" -- sh soft.sh >"$T/out" 2>"$T/err" &
run=$!
check "six errors: paused" wait_for 10 status_is PAUSED
cpu() { cat /sys/fs/cgroup/unified/bailiff/*/"$(only_run)"/cpu.stat /sys/fs/cgroup/bailiff/*/"$(only_run)"/cpu.stat 2>/dev/null | grep usage_usec; }
before=$(cpu)
! wait_for 1 false
is "it uses no processor" "$(cpu)" "$before"
check "for a clarification" recorded '.kind == "run_state" and (tostring | test("clarification"))'
if "$BAILIFF" clarify --help >/dev/null 2>&1; then
	check "a person corrects it" "$BAILIFF" clarify --state-dir "$STATE" --runtime-dir "$RUNTIME" --text "use the other file" "$(only_run)"
	wait $run
	is "it read that, acknowledged and went on" "$? $(cat "$WORK/acked")" "0 0"
	check "the acknowledgement is recorded" recorded '.kind == "clarification" and (tostring | test("acknowledged"))'
else
	skip clarify "a person corrects it" "this build has no bailiff clarify"
	"$BAILIFF" revoke --wait --state-dir "$STATE" --runtime-dir "$RUNTIME" --reason test "$(only_run)" >/dev/null
	wait $run
fi
check "its ledger verifies" verifies
finish
