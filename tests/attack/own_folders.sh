#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker works in a folder that also holds the supervisor's own: the ledger and the control socket. A
# run of root owns there what root owns. It moves the ledger away, reads it, or listens in place of the
# supervisor, to which the next caller hands a plan and a terminal. None of it may work.
. "$(dirname "$0")/../e2e/lib.sh"

mkdir -p "$T/all/state" "$T/all/run" "$T/all/deep/er"
STATE=$T/all/state RUNTIME=$T/all/run
inside() { (cd "$T/all" && "$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" -- sh -c "$1"); }
start_supervisor || { not_ok "the supervisor starts"; finish; }
inside ': >deep/er/mine' 2>"$T/err"
if [ ! -e "$T/all/deep/er/mine" ]; then
	skip idmap "root's run" "$(tail -n 1 "$T/err")"
	finish
fi
is "control: the run may do as it likes beside them" "$(stat -c %u "$T/all/deep/er/mine")" 0
check "control: and move folders" inside 'mv deep deeper'
for try in 'mv state gone' 'rm -rf state && ! test -e state' 'ls state' 'echo x >state/LOCK' 'mv run gone' 'rm run/control.sock' \
	'echo x >run/file' 'mv run/control.sock run/old' 'chmod 0777 run' 'cat state/ledger/1/ledger.db'; do
	refute "refused: $try" inside "$try"
done
check "the ledger's folder is where it was" test -d "$STATE/ledger/1"
check "the socket is the supervisor's" inside true
check "its ledger verifies" verifies
finish
