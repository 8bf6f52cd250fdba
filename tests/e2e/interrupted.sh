#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Signals hit a program in calls that the broker makes for it. Each call happens once, and its answer is
# what it did: a descriptor that leads to the new file, never 0 for a file that nobody can reach.
. "$(dirname "$0")/lib.sh"

cp "${PROBE%probe}interrupted" "$WORK/interrupted" && chmod 0755 "$WORK/interrupted"
start_supervisor || { not_ok "the supervisor starts"; finish; }
mkdir "$WORK/outside" && chown "$RUN_USER:" "$WORK/outside"
is "control: outside" "$(cd "$WORK/outside" && setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --clear-groups ../interrupted 3000)" OK
is "one program in the run" "$(supervised -- sh -c 'mkdir one && cd one && exec ../interrupted 3000' 2>"$T/err")" OK
supervised -- sh -c 'for i in 1 2 3 4; do (mkdir "of$i" && cd "of$i" && exec ../interrupted 1500) & done; wait' >"$T/out" 2>"$T/err"
is "four at once" "$(sort "$T/out" | uniq -c | tr -s ' ')" " 4 OK"
check "its ledger verifies" verifies
finish
