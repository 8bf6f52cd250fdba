#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker uses Bailiff itself: a supervisor in the sandbox, the control socket of its own
# supervisor (passed in by a careless caller), another run's command line, escape sequences in
# names that a person will read.
. "$(dirname "$0")/../e2e/lib.sh"

cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
start_supervisor || { not_ok "the supervisor starts"; finish; }

refute "the control socket does not exist inside" test "$(supervised -- ./probe connect-unix "$RUNTIME/control.sock")" = OK
# Careless: the runtime folder is handed in. The peer's cgroup still gives it away.
out=$(supervised -w "$RUNTIME" -- "$BAILIFF" ps --state-dir "$STATE" --runtime-dir "$RUNTIME" 2>&1)
refute "handed in, the supervisor refuses a peer that is inside a run: $out" test $? -eq 0
out=$(supervised -r "$BIN" -- "$BAILIFF" run -- true 2>&1)
refute "no run inside a run" test $? -eq 0
check "it says so in one line: $out" test "$(echo "$out" | grep -c '^bailiff')" -le 1

# ESC ] 0 ; sets a terminal's title; ESC [ 2 J clears it.
name=$(printf 'a\033[2Jb\033]0;owned\007\nline')
unsupervised sh -c ': >"$1"' sh "$name" || not_ok "control: such a name can be made"
supervised -- sh -c 'echo x >"$1"; rm "$1"' sh "$name"
settle
ledger log -n 1000 >"$T/out" 2>&1
"$BAILIFF" ps --all --state-dir "$STATE" --runtime-dir "$RUNTIME" >>"$T/out" 2>&1
refute "no control byte of an agent reaches the terminal" grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$T/out"
check "control: the name is shown, escaped" grep -q 'x1b\|u{1b}\|u001b' "$T/out"
check "its ledger verifies" verifies
finish
