#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `bailiff agent hook` with the JSON that coding agents hand over, outputs and artifacts, and the reports of
# NOTIFY_SOCKET with descriptors.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
A=/run/bailiff/bin/bailiff

# hook DESCRIPTION WANTED-EXIT KIND JSON: in a run; stdout in $T/out.
hook() {
	printf '%s' "$4" >"$WORK/in.json"
	supervised -- sh -c "$A agent hook $3 <in.json" >"$T/out" 2>"$T/err"
	is "$1: exit $2" $? "$2"
}
says() { check "$1" jq -e "$2" "$T/out"; }
silent() { check "$1: no opinion" test ! -s "$T/out"; }
tool() { # EVENT TOOL INPUT
	printf '{"session_id":"s","transcript_path":"/tmp/t.jsonl","cwd":"%s","permission_mode":"default","hook_event_name":"%s","tool_name":"%s","tool_input":%s}' "$WORK" "$1" "$2" "$3"
}

hook "SessionStart" 0 claude '{"session_id":"s","cwd":"/","hook_event_name":"SessionStart","source":"startup"}'
says "it tells the model where it is" '.hookSpecificOutput.hookEventName == "SessionStart" and (.hookSpecificOutput.additionalContext | test("bailiff agent why"))'
hook "a write that the policy refuses" 0 claude "$(tool PreToolUse Write '{"file_path":"/etc/motd","content":"x"}')"
says "is denied with the rule" '.hookSpecificOutput.permissionDecision == "deny" and (.hookSpecificOutput.permissionDecisionReason | test("rule"))'
hook "an edit of the workspace" 0 claude "$(tool PreToolUse Edit '{"file_path":"notes.txt","old_string":"a","new_string":"b"}')"
silent "an edit of the workspace"
hook "a read of a hidden file" 0 codex "$(tool PreToolUse Read '{"file_path":"/etc/shadow"}')"
says "is denied for codex, too" '.hookSpecificOutput.permissionDecision == "deny"'
hook "codex spells its events otherwise" 0 codex "$(tool pre_tool_use Read '{"file_path":"/etc/shadow"}')"
says "and is understood" '.hookSpecificOutput.permissionDecision == "deny"'
hook "codex asks for a permission" 0 codex "$(tool PermissionRequest Write '{"file_path":"/etc/motd"}')"
says "in the form of its answer" '.hookSpecificOutput.decision.behavior == "deny"'
hook "shell text" 0 claude "$(tool PreToolUse Bash '{"command":"cat /etc/shadow"}')"
silent "shell text is not parsed"
hook "PostToolUse" 0 generic "$(tool PostToolUse Bash '{"command":"true"}')"
check "is a beat" recorded '.kind == "heartbeat"'
hook "Stop" 0 claude '{"hook_event_name":"Stop","stop_hook_active":false}'
hook "an event of a later version" 0 claude '{"hook_event_name":"PreDinner"}'
silent "an event of a later version"
hook "no JSON" 2 claude 'hello'
check "says why on stderr" grep -q "JSON" "$T/err"
hook "no event" 2 claude '{"tool_name":"Write"}'
hook "a plan in prose" 0 claude "$(tool PreToolUse ExitPlanMode '{"plan":"First I look around."}')"
silent "a plan in prose"
# With every hook removed the refusal holds: the kernel's.
denied "without hooks" -- sh -c 'cat /etc/shadow 2>&1 | grep -o "Permission denied\|No such file" | sed "s/.*/EACCES/"'
printf '%s' "$(tool PreToolUse Write '{"file_path":"/etc/motd"}')" >"$T/in.json"
"$BIN/bailiff-agent" agent hook claude <"$T/in.json" >"$T/out" 2>&1
is "twin: outside a run a hook locks nobody out" "$? $(cat "$T/out")" "0 "

# Outputs: the checksum of the older tools, maturity as high as the phase allows and no higher.
printf '{"b":1,"a":"é"}' >"$WORK/out.json"
cat >"$WORK/hand.sh" <<END
$A agent output --json out.json >o1; echo \$? >>rc
$A agent output --maturity draft --json out.json >o2; echo \$? >>rc
$A agent phase VERIFY >/dev/null
$A agent output --json --name report out.json >o3; echo \$? >>rc
printf hello >good; : >empty; mkdir -p dir; ln -s good link; mkfifo fifo
for f in good empty dir link fifo missing /etc/passwd; do $A agent artifact \$f --json >"a.\${f##*/}"; echo "\$f \$?" >>arc; done
END
supervised -- sh hand.sh >"$T/out" 2>"$T/err"
is "outputs are taken" "$(tr '\n' ' ' <"$WORK/rc")" "0 0 0 "
is "the checksum of the vector" "$(jq -r .checksum "$WORK/o1")" d73913efb309
is "a run that writes is in EXECUTE: refined, and no more" "$(jq -r .maturity "$WORK/o1")" refined
is "the agent may lower it" "$(jq -r .maturity "$WORK/o2")" draft
is "in VERIFY it is final" "$(jq -r .maturity "$WORK/o3")" final
is "what is no artifact is refused" "$(tr '\n' ' ' <"$WORK/arc")" \
	"good 0 empty 11 dir 11 link 11 fifo 11 missing 11 /etc/passwd 11 "
is "its digest is ours" "$(jq -r .digest "$WORK/a.good")" "sha256:$(sha256sum "$WORK/good" | cut -d' ' -f1)"
check "the artifact is in the ledger" recorded '.kind == "artifact" and (tostring | test("good"))'
check "and the output" recorded '.kind == "output" and (tostring | test("report"))'

# A barrier's descriptor closes after what was sent before it.
cat >"$WORK/barrier.py" <<'PY'
import array, os, select, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"STATUS=before the barrier\nX_ERROR=E_SHEEP:lost\nX_CONFIDENCE=0.9")
r, w = os.pipe()
s.sendmsg([b"BARRIER=1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [w]))])
os.close(w)
ready, _, _ = select.select([r], [], [], 10)
print("lifted" if ready and os.read(r, 1) == b"" else "held")
PY
is "a barrier is lifted" "$(supervised -p pip -- python3 barrier.py 2>"$T/err")" lifted
check "its ledger verifies" verifies
finish
