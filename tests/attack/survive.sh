#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker wants to outlive the run: double forks, own sessions, ignored signals, a fork bomb
# during the kill, stopped processes, a memory hog. When the command ends or the run is revoked,
# nothing of it is left, and the machine goes on.
. "$(dirname "$0")/../e2e/lib.sh"

cp /bin/sleep "$WORK/marker-$$"
markers() { for m in /proc/[0-9]*; do case $(readlink "$m/exe" 2>/dev/null) in *"marker-$$"*) echo "${m#/proc/}" ;; esac; done; }
start_supervisor || { not_ok "the supervisor starts"; finish; }

supervised -- sh -c "setsid ./marker-$$ 300 & (trap '' TERM HUP INT; setsid ./marker-$$ 300 &) ; ./marker-$$ 300 & kill -STOP \$!; sleep 0.2; exit 7"
is "the command's own status comes back" $? 7
is "nothing is left after its end" "$(markers)" ""

# A shell ends when it cannot fork; this does not.
cat >"$WORK/bomb.py" <<'END'
import os, signal, subprocess, sys
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
open("started", "w").close()
while True:
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() % 2:
                os.execv(sys.argv[1], [sys.argv[1], "300"])
    except OSError:
        pass
END
supervised -P 100 -- /usr/bin/python3 bomb.py "./marker-$$" >/dev/null 2>&1 &
client=$!
check "the bomb goes off" wait_for 10 test -e "$WORK/started"
sleep 1
"$BAILIFF" ps --json --state-dir "$STATE" --runtime-dir "$RUNTIME" >"$T/ps" 2>"$T/err" || diag <"$T/err"
run=$(jq -rs 'last | .run' "$T/ps")
processes=$(jq -rs 'last | .processes' "$T/ps")
check "the limit of processes holds, and was reached: $processes" test "$processes" -ge 90 -a "$processes" -le 101
began=$(date +%s%N)
check "revoke --wait comes back" timeout 20 "$BAILIFF" revoke "$run" --reason "fork bomb" --wait --state-dir "$STATE" --runtime-dir "$RUNTIME"
took=$((($(date +%s%N) - began) / 1000000))
is "nothing of the bomb is left when it does (after $took ms)" "$(markers)" ""
wait $client
is "the client says revoked" $? 123
supervised -m 64M -- sh -c 'x=$(head -c 400000000 /dev/zero | tr "\0" x); echo $?; echo survived >survived' >/dev/null 2>&1
refute "a memory hog does not get 400 MB under -m 64M" test -e "$WORK/survived"
supervised -t 1s -- sleep 60 2>/dev/null
is "the wall-clock limit is 124" $? 124
check "its ledger verifies" verifies
finish
