#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What was lost between the kernel and us is in the ledger with its exact number: a generator that
# counts its own files, on a ring of one page, against the records and the gaps. And what a policy
# makes of a loss: `on_loss: kill` revokes, a milder one goes on.
. "$(dirname "$0")/lib.sh"

processes=64 each=20
cp "${PROBE%probe}creates" "$WORK/creates"
# Two policies that differ in one word. Under both a gap is no more than a warning by its severity.
for loss in kill freeze; do
	cat >"$T/$loss.yaml" <<END
schema: 1
name: $loss
extends: default
on_loss: $loss
violations:
  medium: [warn]
  override: {OBSERVER_GAP: {severity: MEDIUM, reason: this test counts what it loses}}
END
done
chmod 0644 "$T"/*.yaml

standing() { [ "$(cat /proc/[0-9]*/stat 2>/dev/null | grep -c '(creates) T')" -ge "$processes" ]; }
# generate POLICY [stopped]: a run of the generator. $made is its own count, $status its end. With
# `stopped` nobody reads the ring until the kernel has stopped each of its processes.
generate() {
	rm -f "$WORK"/made-* "$WORK/ready" "$WORK/go"
	mkfifo "$WORK/go"
	supervised -p "$T/$1.yaml" -- ./creates "$processes" "$each" >"$T/made" 2>"$T/err" &
	client=$!
	wait_for 10 test -e "$WORK/ready"
	[ -z "${2:-}" ] || kill -STOP "$SUPERVISOR"
	timeout 10 sh -c ": >\"$WORK/go\""
	if [ -n "${2:-}" ]; then
		check "$1: the kernel stops all of them" wait_for 10 standing
		kill -CONT "$SUPERVISOR"
	fi
	wait "$client"
	status=$?
	made=$(cat "$T/made")
	ledger log --json -n 1000000 >"$T/log.json" 2>/dev/null
	run=$(jq -rs '[.[] | select(.kind == "run_start") | .run] | last' "$T/log.json")
}
seen() { jq -r --arg run "$run" 'select(.run == $run and .kind == "create") | .path' "$T/log.json" | grep -c '/made-[0-9]*-[0-9]*$'; }
lost() { jq -s '[.[] | select(.kind == "gap") | (.lost // .detail.lost)] | add // 0' "$T/log.json"; }

# Control: a ring as built loses nothing of the same.
start_supervisor || { not_ok "a supervisor starts"; finish; }
generate freeze
is "control: the generator ends well" "$status" 0
is "control: all that it counted is recorded" "$(seen)" $((processes * each))
is "control: nothing is lost" "$(lost)" 0
stop_supervisor
check "control: PASS" verifies
ledger verify >"$T/verify"
check "control: verify counts no gap" grep -q 'gaps: 0' "$T/verify"
check "control: log finds nothing missing" ledger log -n 1000000

STATE=$T/small
mkdir "$STATE"
start_small() {
	"$BIN/bailiffd" --state-dir "$STATE" --runtime-dir "$RUNTIME" --telemetry-ring 4096 >"$T/bailiffd.log" 2>&1 &
	SUPERVISOR=$!
	wait_for 10 up_or_gone
	supervisor_listens
}
start_small || { not_ok "a supervisor starts with a ring of one page"; diag <"$T/bailiffd.log"; finish; }
generate freeze stopped
is "a mild policy: the run goes on to its end" "$status" 0
is "and all files are there" "$made" $((processes * each))
echo "# $(seen) recorded, $(lost) lost"
check "control: the ring was too small" test "$(lost)" -gt 0
is "the gaps are exactly what the generator misses" "$(lost)" $((made - $(seen)))
stop_supervisor
ledger verify >"$T/verify" 2>&1 || :
ledger verify >"$T/verify" 2>&1
is "verify says degraded" $? 3
ledger log -n 1000000 >/dev/null 2>"$T/log.err"
is "log says degraded, too" $? 3
check "log says that something is missing" grep -q 'GAP.* missing' "$T/log.err"
records=$(jq -s '[.[] | select(.kind == "gap")] | length' "$T/log.json")
check "and counts the gaps" grep -q "gaps: $records " "$T/verify"
check "and what they stand for" grep -q "$records gaps: the log itself says that $(lost) events are missing" "$T/verify"

start_small || { not_ok "the supervisor starts again"; finish; }
generate kill stopped
is "on_loss: kill revokes at the first loss" "$status" 123
check "as OBSERVER_GAP" grep -q OBSERVER_GAP "$T/err"
check "the ledger has violation, revocation and gap" jq -es --arg run "$run" \
	'(map(select(.run == $run)) | any(.kind == "violation") and any(.kind == "revoke_done")) and any(.[]; .kind == "gap")' "$T/log.json"
check "the generator did not come to its end" test "$(find "$WORK" -name 'made-*' | wc -l)" -lt $((processes * each))
finish
