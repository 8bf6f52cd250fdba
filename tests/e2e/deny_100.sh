#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Under `on: deny` a hundred attempts are refused, recorded and counted, and the run goes on.
. "$(dirname "$0")/lib.sh"

victims=$T/outside
mkdir "$victims" && chmod 777 "$victims"
cat >"$WORK/try.sh" <<'END'
n=0
while [ $n -lt 100 ]; do
	n=$((n + 1))
	(echo x >/etc/bailiff-deny-$n) 2>/dev/null && echo written
	"$1" mount-tmpfs /tmp >>mounts
done
grep -c EPERM mounts
echo still here >after
END
cp "$PROBE" "$WORK/probe"
start_supervisor || { not_ok "the supervisor starts"; finish; }

supervised -- sh try.sh ./probe >"$T/out" 2>"$T/err"
is "the run ends by itself" $? 0
is "a hundred mounts were refused, no file was written" "$(cat "$T/out")" 100
check "the run went on to its end" test -f "$WORK/after"
refute "nothing was made" sh -c 'ls /etc/bailiff-deny-* 2>/dev/null'

settle
ledger log --json -n 1000000 >"$T/log.json" 2>"$T/err"
files=$(jq -rs '[.[] | select(.verdict == "deny") | .path // empty | select(startswith("/etc/bailiff-deny-"))] | unique | length' "$T/log.json")
is "each of a hundred files is in the ledger as refused" "$files" 100
mounts=$(jq -rs '[.[] | select(.kind == "decision" or .kind == "syscall_denied" or .kind == "mount_denied") | select(tostring | test("mount"))
	| (.count // .detail.count // 1)] | add // 0' "$T/log.json")
check "a hundred refused mounts are counted: $mounts" test "$mounts" -ge 100
refute "no violation was made of it" jq -es 'any(.[]; .kind == "violation")' "$T/log.json"
check "its ledger verifies" verifies
finish
