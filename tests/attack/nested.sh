#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker uses Bailiff itself: a supervisor in the sandbox, the control socket of its own
# supervisor (passed in by a careless caller), another run's command line, escape sequences in
# names that a person will read.
. "$(dirname "$0")/../e2e/lib.sh"

cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
start_supervisor || { not_ok "the supervisor starts"; finish; }

denied "the control socket does not exist inside" -- ./probe connect-unix "$RUNTIME/control.sock"
# Careless: the runtime folder is handed in, and anybody may use the socket. The peer's cgroup still
# gives it away.
chmod 0755 "$RUNTIME" && chmod 0666 "$RUNTIME/control.sock"
# WIRE_PING of daemon/wire.h, answered by WIRE_DONE = 1.
cat >"$WORK/ping.py" <<'END'
import socket, struct, sys
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.connect(sys.argv[1])
peer.send(struct.pack("IIII16s256s", 1, 6, 0, 0, b"", b""))
sys.exit(0 if struct.unpack_from("II", peer.recv(65536))[1] == 1 else 1)
END
check "control: outside, the same user is answered" unsupervised /usr/bin/python3 ping.py "$RUNTIME/control.sock"
refute "handed in, the supervisor refuses a peer that is inside a run" \
	supervised -w "$RUNTIME" -- /usr/bin/python3 ping.py "$RUNTIME/control.sock"
check "the peer had reached it, and was refused as what it is" grep -q 'inside a run' "$T/bailiffd.log"
cp "$BAILIFF" "$WORK/bailiff" && chmod 0755 "$WORK/bailiff"
supervised -w "$RUNTIME" -r "$TOP/policies" -- ./bailiff run -p "$TOP/policies/library/base.yaml" --state-dir "$STATE" \
	--runtime-dir "$RUNTIME" -- true >"$T/out" 2>&1
refute "no run inside a run" test $? -eq 0
diag <"$T/out"

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
