#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Phases in real runs: a strict run begins in PLAN, where the kernel refuses writes; it goes on one by one, through
# guards, and back to VERIFY's rework; artifacts are looked for when a phase ends; confidence is weighed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/life_lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
policy strict 'phases: {enforce: strict, rework: 1, optional: [PACKAGE, REPORT]}'
cat >"$WORK/strict.sh" <<END
mkdir -p sub 2>/dev/null
(echo x >in-plan) 2>/dev/null && echo "PLAN wrote"
(echo x >/tmp/private) && echo "PLAN has /tmp"
$A agent phase EXECUTE >/dev/null || echo "EXECUTE refused"
(echo x >in-execute) 2>/dev/null && echo "EXECUTE wrote"
$A agent phase VERIFY >/dev/null && $A agent phase EXECUTE >/dev/null && $A agent phase VERIFY >/dev/null && echo "rework once"
$A agent phase REPORT >/dev/null && echo "PACKAGE passed over"
END
supervised -p "$T/strict.yaml" -- sh strict.sh >"$T/out" 2>"$T/err"
is "a strict run that follows its procedure ends well" $? 0
is "PLAN is read-only but for /tmp, EXECUTE is not" "$(cat "$T/out")" "PLAN has /tmp
EXECUTE wrote
rework once
PACKAGE passed over"
is "its phases" "$(phases)" "0 1 2 3 4 3 4 5 6 7"
is "no violation" "$(violations)" ""

supervised -p "$T/strict.yaml" -- sh -c "$A agent phase VERIFY; sleep 5" >"$T/out" 2>"$T/err"
is "VERIFY from PLAN: revoked" $? 123
is "PROCEDURE_VIOLATION" "$(violations)" PROCEDURE_VIOLATION
is "and REVOKED is its phase" "$(phases)" "0 1 2 8"
supervised -p "$T/strict.yaml" -- sh -c "$A agent phase EXECUTE && $A agent phase VERIFY && $A agent phase EXECUTE && $A agent phase VERIFY && $A agent phase EXECUTE; sleep 5" >"$T/out" 2>"$T/err"
is "the second way back is one too many" "$? $(violations)" "123 PROCEDURE_VIOLATION"

# Twin: auto never accuses a silent script, and binds one that announced PLAN.
policy auto 'phases: {enforce: auto}'
supervised -p "$T/auto.yaml" -- sh -c 'echo x >silent && cat silent >/dev/null'
is "a silent script in auto" "$? $(violations)" "0 "
is "is in EXECUTE with its first write" "$(phases)" "0 1 3 7"
cat >"$WORK/announce.sh" <<END
$A agent phase PLAN >/dev/null
(echo x >no) 2>/dev/null && echo wrote
exec 3<strict.sh
$A agent phase EXECUTE >/dev/null
(echo x >yes) && echo "wrote after"
END
supervised -p "$T/auto.yaml" -- sh announce.sh >"$T/out" 2>"$T/err"
is "who announces PLAN cannot write until it goes on" "$? $(cat "$T/out")" "0 wrote after"
# VERIFY may narrow, too: what it does not name is read-only, as soon as nobody has it open for writing.
mkdir "$T/shared"; chown "$RUN_USER:" "$T/shared"
policy narrow "files: {write: [., $T/shared]}" "phases: {enforce: auto, VERIFY: {write: [$T/shared]}}"
cat >"$WORK/writer.sh" <<END
$A agent phase EXECUTE >/dev/null
exec 3>open-file
$A agent phase VERIFY --json >busy.json
echo x >&3
exec 3>&-
$A agent phase VERIFY >/dev/null && echo "VERIFY"
(echo x >late) 2>/dev/null && echo "wrote late"
(echo x >$T/shared/report) && echo "wrote its report"
END
supervised -p "$T/narrow.yaml" -- sh writer.sh >"$T/out" 2>"$T/err"
is "a phase that would take an open file away is refused" "$(jq -r .outcome "$WORK/busy.json")" refused
check "with the place" jq -e --arg at "$WORK" '.reason | contains($at)' "$WORK/busy.json"
is "then it is entered, and narrow" "$(cat "$T/out")" "VERIFY
wrote its report"

# Guards, artifacts, confidence.
policy guarded 'phases:' '  enforce: strict' '  PLAN: {exit_guard: sure}' '  EXECUTE: {artifacts: [./report.xml], min_confidence: 0.7}' \
	'guards:' '  sure: {type: criteria_gate, all: [{field: output.confidence, ge: 0.5}]}'
supervised -p "$T/guarded.yaml" -- sh -c "exec $A agent phase EXECUTE --json" >"$T/out" 2>"$T/err"
is "a guard that is not satisfied: refused" "$? $(violations)" "11 "
check "and named" jq -e '.reason | test("sure")' "$T/out"
cat >"$WORK/sure.sh" <<END
$A agent confidence 0.9 && $A agent phase EXECUTE && [ -z "\$1" ] || echo x >report.xml
$A agent confidence 0.42 && $A agent phase VERIFY
END
rm -f "$WORK/report.xml"
supervised -p "$T/guarded.yaml" -- sh sure.sh "" >"$T/out" 2>"$T/err"
is "without its artifact, and unsure: two warnings" "$? $(violations)" "0 CONFIDENCE_BELOW_THRESHOLD MISSING_ARTIFACT"
supervised -p "$T/guarded.yaml" -- sh sure.sh yes >"$T/out" 2>"$T/err"
is "with it: one" "$? $(violations)" "0 CONFIDENCE_BELOW_THRESHOLD"
check "hashed by us" recorded ".kind == \"artifact\" and (tostring | test(\"$(sha256sum "$WORK/report.xml" | cut -c1-64)\"))"
finish
