#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A command that needs somebody's consent waits in the kernel: it runs when this very command is approved, once; it
# fails when it is rejected; and what its caller made of it meanwhile is another question.
# shellcheck disable=SC2154,SC2016  # exec_lib.sh assigns them; scripts are for the shell inside
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../attack/exec_lib.sh"

asking=$T/asking.yaml
verbs="--state-dir $STATE --runtime-dir $RUNTIME"
# A person of their own starts the runs, so that root may answer.
chmod 0666 "$RUNTIME/control.sock"
group=$(getent group bailiff) || { skip group "a held command" "no group bailiff"; finish; }
run_as_user() { # POLICY SCRIPT
	(cd "$WORK" && exec setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --groups "${group%%:*}" env HOME=/nonexistent \
		"$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" -p "$1" -- sh -c "$2")
}
# shellcheck disable=SC2086  # two words
open_id() { "$BAILIFF" inbox --json $verbs 2>/dev/null | jq -r 'select(.status == "PENDING") | .id' | tail -n 1 | grep .; }
# shellcheck disable=SC2086
shown() { "$BAILIFF" inbox --json $verbs 2>/dev/null | jq -r 'select(.status == "PENDING") | .text' | grep -q "$1"; }
# shellcheck disable=SC2086
answer() { "$BAILIFF" "$1" "$(open_id)" $verbs --reason test >"$T/answer" 2>&1; }
nothing_open() { ! open_id; }
begin() { # SCRIPT: in the background
	clean
	run_as_user "$asking" "$1" >"$T/out" 2>&1 &
	RUN=$!
}
ended() { [ ! -e "/proc/$RUN" ] || grep -q '^State:.*Z' "/proc/$RUN/status"; }

for how in brokered direct; do
	eval "from=\$$how"
	sed 's/^  no-fifos: .*/  ask-fifos: {when: {capability: [fifo.make]}, decision: require_approval}/' "$from" >"$asking"
	chmod 0644 "$asking"

	begin 'mkfifo RAN && echo made; mkfifo RAN2 || echo refused'
	check "it is asked about ($how)" wait_for 10 shown 'mkfifo RAN$'
	refute "and has not run" ran
	check "it is approved" answer approve
	check "then it runs" wait_for 10 ran
	check "another command is another question" wait_for 10 shown 'mkfifo RAN2$'
	check "that is denied" answer deny
	check "the run ends" wait_for 10 ended
	is "the one was made, the other refused" "$(grep -c -e '^made$' -e '^refused$' "$T/out")" 2
	refute "what was denied is not there" test -e "$WORK/RAN2"

	begin 'mkfifo RAN; rm RAN; mkfifo RAN || echo refused'
	check "once is once ($how)" wait_for 10 open_id
	first=$(open_id)
	check "it is approved" answer approve
	check "the same again is asked about again" wait_for 10 open_id
	refute "by another question" test "$(open_id)" = "$first"
	check "which is denied" answer deny
	check "and refused" wait_for 10 grep -q '^refused$' "$T/out"
	wait_for 10 ended

	begin 'python3 -c "
import ctypes, os, threading
word = ctypes.create_string_buffer(b\"RAN\")
argv = (ctypes.c_char_p * 3)(b\"mkfifo\", ctypes.cast(word, ctypes.c_char_p), None)
def change():
    while not os.path.exists(\"go\"): pass
    word.value = b\"XYZ\"
threading.Thread(target=change, daemon=True).start()
ctypes.CDLL(None).execve(b\"/usr/bin/mkfifo\", argv, (ctypes.c_char_p * 1)(None))"'
	check "it waits ($how)" wait_for 10 shown 'mkfifo RAN$'
	touch "$WORK/go"
	sleep 0.3
	check "it is approved" answer approve
	check "what it became meanwhile is another question" wait_for 10 shown 'mkfifo XYZ$'
	refute "and what was approved did not become that" test -e "$WORK/XYZ"
	check "denied" answer deny
	wait_for 10 ended

	begin 'timeout -s KILL 1 mkfifo RAN; sleep 2'
	check "one that is killed ($how)" wait_for 10 open_id
	check "takes its question along" wait_for 10 nothing_open
	wait_for 10 ended
done
check "the question is in the ledger" recorded '.kind == "decision" and .verdict == "held" and .rule == "ask-fifos"'
check "and so is what became of it" recorded '.kind == "decision" and .verdict == "deny" and .detail.blocked_by == "APPROVAL_REJECTED"'
check "its ledger verifies" verifies
finish
