#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Under `on: violate` the second violation of a kind revokes: exit 123, no process left, and the
# ledger has violation, intent, revocation in this order.
. "$(dirname "$0")/lib.sh"

policy=$T/strict.yaml
cat >"$policy" <<END
schema: 1
name: strict
extends: default
files: {on_scope: violate}
sandbox: {on_forbidden: violate}
END
chmod 0644 "$policy"
cp "$PROBE" "$WORK/probe"
cp /bin/sleep "$WORK/marker-$$"

# Processes of the marker program, anywhere on the machine.
markers() { for m in /proc/[0-9]*; do case $(readlink "$m/exe" 2>/dev/null) in *"marker-$$"*) echo "${m#/proc/}" ;; esac; done; }

# revoked KIND TRY: TRY is made twice, with detached marker processes around it.
revoked() {
	cat >"$WORK/agent.sh" <<END
setsid ./marker-$$ 300 </dev/null >/dev/null 2>&1 &
(setsid sh -c './marker-$$ 300 & ./marker-$$ 300') </dev/null >/dev/null 2>&1 &
sleep 0.3
echo \$(ls -d /proc/[0-9]* | wc -l) >seen
$2
echo first >reached
sleep 0.3
$2
sleep 5
echo second >>reached
END
	rm -f "$WORK/reached"
	supervised -p "$policy" -- sh agent.sh >"$T/out" 2>"$T/err"
	is "$1: exit 123" $? 123
	is "$1: the first warns, the second revokes" "$(cat "$WORK/reached")" first
	is "$1: no process is left" "$(markers)" ""
	check "$1: the markers had been there" test "$(cat "$WORK/seen")" -ge 4
	is "$1: no cgroup is left" "$(find /sys/fs/cgroup -type d -name "$(run_id)" 2>/dev/null)" ""
	settle
	ledger log --json -n 1000000 >"$T/log.json" 2>/dev/null
	order=$(jq -rs --arg run "$(run_id)" '[.[] | select(.run == $run) | select(.kind == "violation" or .kind == "revoke_intent"
		or .kind == "revoke_done" or .kind == "run_end") | .kind] | join(" ")' "$T/log.json")
	is "$1: the ledger's order" "$order" "violation violation revoke_intent revoke_done run_end"
	check "$1: of this type" jq -es --arg run "$(run_id)" "any(.[]; .run == \$run and .kind == \"violation\" and (tostring | test(\"$1\")))" "$T/log.json"
	check "$1: killed and survivors are said" jq -es --arg run "$(run_id)" \
		'any(.[]; .run == $run and .kind == "revoke_done" and ((.killed // .detail.killed) >= 1) and ((.survivors // .detail.survivors // 0) == 0))' "$T/log.json"
	check "$1: stderr says why" grep -q "$1" "$T/err"
}
# The last run that the ledger knows.
run_id() { ledger log --json -n 1000000 2>/dev/null | jq -rs '[.[] | select(.kind == "run_start") | .run] | last'; }

start_supervisor || { not_ok "the supervisor starts"; finish; }
revoked SCOPE_VIOLATION '(echo x >/etc/bailiff-violate) 2>/dev/null'
revoked FORBIDDEN_ACTION './probe mount-tmpfs /tmp >/dev/null'
refute "nothing was written" test -e /etc/bailiff-violate
check "its ledger verifies" verifies

# Control: under the same policy, work within its scope is left alone.
supervised -p "$policy" -- sh -c 'echo x >inside && cat inside' >"$T/out"
is "control: work within the scope ends with 0" $? 0
finish
