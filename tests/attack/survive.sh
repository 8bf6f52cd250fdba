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

cat >"$WORK/bomb.sh" <<'END'
trap '' TERM HUP INT
echo started >started
bomb() { bomb | bomb & }
bomb
while :; do ./"$1" 300 & done
END
supervised -P 100 -- sh bomb.sh "marker-$$" >/dev/null 2>&1 &
client=$!
check "the bomb goes off" wait_for 10 test -e "$WORK/started"
sleep 1
run=$("$BAILIFF" ps --json --state-dir "$STATE" --runtime-dir "$RUNTIME" 2>/dev/null | jq -rs '[.[] | .run // .id] | last')
began=$(date +%s%N)
check "revoke --wait comes back" timeout 20 "$BAILIFF" revoke "$run" --reason "fork bomb" --wait --state-dir "$STATE" --runtime-dir "$RUNTIME"
took=$((($(date +%s%N) - began) / 1000000))
is "nothing of the bomb is left when it does (after $took ms)" "$(markers)" ""
wait $client
is "the client says revoked" $? 123
check "the pids limit held: the machine can still fork" true

supervised -m 64M -- sh -c 'x=$(head -c 400000000 /dev/zero | tr "\0" x); echo $?; echo survived >survived' >/dev/null 2>&1
refute "a memory hog does not get 400 MB under -m 64M" test -e "$WORK/survived"
supervised -t 1s -- sleep 60
is "the wall-clock limit is 124" $? 124
check "its ledger verifies" verifies
finish
