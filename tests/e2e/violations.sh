#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The violations that are no refused attempt: silence, limits, a pinned file, a process outside of its
# run's cgroup. Each by a real cause, each with the twin that is left alone.
. "$(dirname "$0")/lib.sh"

policy() { # NAME SED-EXPRESSION...: a copy of the default policy with changes
	policy_out=$T/$1.yaml
	shift
	whole_default | sed "$@" >"$policy_out"
	chmod 0644 "$policy_out"
}
last_run() { ledger log --json -n 1000000 2>/dev/null | jq -rs '[.[] | select(.kind == "run_start") | .run] | last'; }
# has RUN TYPE: the ledger holds a violation of this type of the run.
has() { ledger log --json -n 1000000 2>/dev/null | jq -es --arg run "$1" \
	"any(.[]; .run == \$run and .kind == \"violation\" and (tostring | test(\"$2\")))" >/dev/null; }
kinds() { ledger log --json -n 1000000 2>/dev/null | jq -rs --arg run "$1" '[.[] | select(.run == $run)
	| select(.kind == "violation" or .kind == "revoke_intent" or .kind == "revoke_done" or .kind == "run_end")
	| .kind] | join(" ")'; }
beat='import os, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[1])):
    s.sendto(b"WATCHDOG=1", os.environ["NOTIFY_SOCKET"]); time.sleep(0.3)'
work='import time
for i in range(6):
    time.sleep(0.5); open(f"f{i}", "w").close()'

start_supervisor || { not_ok "the supervisor starts"; finish; }

# ---- HEARTBEAT_TIMEOUT: explicit beats are owed, and detached children die with the run ----
policy explicit -e 's/^  mode: off .*/  mode: explicit\n  ttl: 1s\n  grace_start: 1s/'
supervised -p "$T/explicit.yaml" -- python3 -c "$beat" 8 2>"$T/err"
is "control: who beats is left alone" $? 0
supervised -p "$T/explicit.yaml" -- sh -c 'setsid sleep 300 & sleep 300' 2>"$T/err"
is "silence ends the run with 123" $? 123
check "as HEARTBEAT_TIMEOUT" grep -q HEARTBEAT_TIMEOUT "$T/err"
is "in the ledger's order" "$(kinds "$(last_run)")" "violation revoke_intent revoke_done run_end"

# ---- activity counts where the mode says so ----
policy activity -e 's/^  mode: off .*/  mode: activity\n  ttl: 2s\n  grace_start: 2s/'
supervised -p "$T/activity.yaml" -- python3 -c "$work" 2>"$T/err"
is "control: a run that works is alive without a beat" $? 0
supervised -p "$T/activity.yaml" -- sleep 300 2>"$T/err"
is "a run that does nothing at all is not" $? 123

# ---- LIMIT_EXCEEDED: the limit holds, and the host does not notice ----
cat >"$WORK/bomb.py" <<'END'
import os, time
made = 0
for _ in range(400):
    try:
        if os.fork() == 0:
            time.sleep(60)
    except BlockingIOError:
        break
    made += 1
print(made)
END
supervised -P 32 -- python3 bomb.py >"$T/out" 2>"$T/err"
check "a fork bomb stays below its limit" test "$(cat "$T/out")" -lt 32
check "and is recorded as LIMIT_EXCEEDED" has "$(last_run)" LIMIT_EXCEEDED
supervised -P 450 -- python3 bomb.py >"$T/out" 2>"$T/err"
is "control: below the limit nothing holds it" "$(cat "$T/out")" 400
refute "and nothing is recorded" has "$(last_run)" LIMIT_EXCEEDED
supervised -m 64M -- python3 -c 'b = bytearray(300 << 20); print(len(b))' >"$T/out" 2>"$T/err"
refute "300 MiB do not fit into 64 MiB" test -s "$T/out"
check "and that is recorded as LIMIT_EXCEEDED" has "$(last_run)" LIMIT_EXCEEDED
supervised -m 1G -- python3 -c 'b = bytearray(300 << 20); print(len(b))' >"$T/out" 2>"$T/err"
is "control: they fit into 1 GiB" "$(cat "$T/out")" 314572800

# ---- BASELINE_MUTATION: a pinned file ----
policy pinned -e '/^files:/a\  baseline:\n    rules:\n      paths: [./RULES]\n      on: violate'
echo "be good" >"$WORK/RULES"
chown "$RUN_USER:" "$WORK/RULES"
before=$(sha256sum "$WORK/RULES")
supervised -p "$T/pinned.yaml" -- sh -c 'cat RULES; echo evil >RULES; sleep 5; echo late' >"$T/out" 2>"$T/err"
is "a write to a pinned file ends the run with 123" $? 123
is "it could be read, and nothing came after" "$(cat "$T/out")" "be good"
check "as BASELINE_MUTATION" grep -q BASELINE_MUTATION "$T/err"
is "the file is as it was" "$(sha256sum "$WORK/RULES")" "$before"
supervised -- sh -c 'echo changed >RULES' 2>"$T/err"
is "control: without the pin it can be written" "$(cat "$WORK/RULES")" changed

# ---- SANDBOX_ESCAPE: root on the host moves a process out of its run ----
other=$(findmnt -nro TARGET -t cgroup2 | head -n 1)/bailiff-escape-$$
mkdir "$other"
supervised -- sh -c 'echo ready >ready; exec sleep 300' 2>"$T/err" &
client=$!
check "the run is up" wait_for 10 test -e "$WORK/ready"
group=$(find "$(findmnt -nro TARGET -t cgroup2 | head -n 1)/bailiff" -type d -name "$(last_run)")
victim=$(for p in $(cat "$group/cgroup.procs"); do grep -qx sleep "/proc/$p/comm" && echo "$p"; done)
check "its process is where it belongs" test -n "$victim"
echo "$victim" >"$other/cgroup.procs"
check "moved out, it is dead within a second" wait_for 1 test ! -e "/proc/$victim"
wait "$client"
is "and its run was revoked" $? 123
check "as SANDBOX_ESCAPE" grep -q SANDBOX_ESCAPE "$T/err"
rmdir "$other"

check "the ledger verifies" verifies
finish
