#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A ledger that cannot write delays no kill and blocks new runs, and when it can again all goes on:
# ledgerd stopped, its disk full, its disk failing. Then fifty runs at once.
. "$(dirname "$0")/lib.sh"

deny=$(dirname "$PROBE")/deny_syscall
cp /bin/sleep "$WORK/marker-$$"
markers() { for m in /proc/[0-9]*; do case $(readlink "$m/exe" 2>/dev/null) in *"marker-$$"*) echo "${m#/proc/}" ;; esac; done; }
none_left() { [ -z "$(markers)" ]; }
some_there() { [ -n "$(markers)" ]; }
ledgerd() { for p in /proc/[0-9]*; do [ "$(sed -n 's/^PPid:[[:space:]]*//p' "$p/status" 2>/dev/null)" = "$SUPERVISOR" ] && case $(readlink "$p/exe") in */bailiff-ledgerd) echo "${p#/proc/}" ;; esac; done; }
start_agent() {
	supervised -- "./marker-$$" 300 >/dev/null 2>"$T/agent.err" &
	client=$!
	wait_for 10 some_there
}
# revoked DESCRIPTION: the agent's run, while the ledger cannot write.
revoked() {
	run=$("$BAILIFF" ps --json --state-dir "$STATE" --runtime-dir "$RUNTIME" | jq -rs 'last | .run')
	began=$(date +%s%N)
	"$BAILIFF" revoke "$run" --reason test --state-dir "$STATE" --runtime-dir "$RUNTIME" >/dev/null 2>&1
	wait_for 5 none_left
	took=$((($(date +%s%N) - began) / 1000000))
	# The shell's own looks take their time; what the supervisor needed is in the record.
	check "$1: the run is dead after $took ms" test "$took" -le 1000
	wait "$client"
	is "$1: its client says revoked" $? 123
}
refused() { # DESCRIPTION: a start now
	rm -f "$WORK/ran"
	supervised -- sh -c 'echo ran >ran' 2>"$T/err"
	is "$1: a start is refused" $? 122
	refute "$1: and did not run" test -e "$WORK/ran"
	check "$1: with a clear line" grep -q 'HEALTH: the ledger' "$T/err"
}
paused() { "$BAILIFF" ps --json --state-dir "$STATE" --runtime-dir "$RUNTIME" | grep -q -i paused; }
starts_again() { supervised -- true >/dev/null 2>&1; }
recovers() { # DESCRIPTION SECONDS
	check "$1: runs start again" wait_for "$2" starts_again
	check "$1: the revocation is in the ledger, late, and took at most 100 ms" recorded \
		".kind == \"revoke_done\" and .run == \"$run\" and .detail.late and .detail.microseconds <= 100000"
	check "$1: the ledger verifies" verifies
}

start_supervisor && start_agent || { not_ok "a supervisor and a run start"; finish; }
pid=$(ledgerd)
kill -STOP "$pid"
revoked "ledgerd stopped"
refused "ledgerd stopped"
kill -CONT "$pid"
recovers "ledgerd stopped" 10
stop_supervisor

# A small file system of its own as state folder.
STATE=$T/small
mkdir "$STATE"
if mount -t tmpfs -o size=64m,mode=0755 none "$STATE"; then
	trap 'stop_supervisor; umount -l "$T/small"; clean_up' EXIT
	start_supervisor && start_agent || { not_ok "a supervisor and a run start on it"; finish; }
	reserve=$STATE/ledger/1/reserve
	is "control: the ledger keeps 16 MiB" "$(stat -c %s "$reserve")" 16777216
	head -c 100000000 /dev/zero >"$STATE/filler" 2>/dev/null
	is "control: the disk is full" "$(echo x 2>/dev/null >"$STATE/x" && cat "$STATE/x")" ""
	check "disk full: the ledger gives its reserve back" wait_for 10 test ! -e "$reserve"
	check "disk full: what still runs is paused" wait_for 10 paused
	revoked "disk full"
	# In the database already, not in somebody's memory until there is space again.
	for kind in revoke_intent revoke_done run_end; do
		check "disk full: $kind is recorded, and not late" recorded \
			".kind == \"$kind\" and .run == \"$run\" and (.detail.late | not)"
	done
	refused "disk full"
	rm "$STATE/filler"
	check "space again: runs start" wait_for 10 starts_again
	check "space again: the reserve is there again" test "$(stat -c %s "$reserve")" -eq 16777216
	verifies >"$T/verify" 2>&1
	is "what was left out is a gap" $? 3
	check "and nothing else is wrong" grep -q '^DEGRADED' "$T/verify"
	check "whose cause is said" recorded '.kind == "gap" and (tostring | test("disk_full"))'
	stop_supervisor
else
	skip root "disk full" "no tmpfs can be mounted"
fi
STATE=$T/state

# A disk whose flush fails: ledgerd gives up, and is started again in vain.
start_supervisor "$deny" fdatasync=EIO -- && {
	refused "failing disk"
	stop_supervisor
}
start_supervisor || { not_ok "a supervisor starts on the disk that failed"; finish; }
check "and runs start again" starts_again

n=0
clients=
while [ $n -lt 50 ]; do
	n=$((n + 1))
	supervised -- sh -c "echo $n >n$n; exit $n" >/dev/null 2>>"$T/err" &
	clients="$clients $!"
done
n=0
wrong=
for client in $clients; do
	n=$((n + 1))
	wait "$client"
	[ $? -eq $n ] && [ -e "$WORK/n$n" ] || wrong="$wrong $n"
done
is "fifty runs at once end, each with its own status" "$wrong" ""
check "its ledger verifies" verifies
finish
