#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker hides what it tries: a harmless forbidden call first, so that the dangerous one is merged into
# it; a protected name through a link of its own, so that the name in the record is innocent. Each call that
# was tried has a record, and a try through a link is a refusal that a policy can make a violation.
. "$(dirname "$0")/../e2e/lib.sh"

whole_default | sed -e 's/^name: .*/name: strict/' -e 's/on_scope: deny/on_scope: violate/' >"$T/strict.yaml"
chmod 0644 "$T/strict.yaml"
unsupervised sh -c 'mkdir -p .git/hooks && : >.git/config && ln -s .git/hooks innocent && echo x >innocent/control && rm innocent/control'
is "control: the link leads there outside" $? 0
cat >"$WORK/calls.py" <<'END'
import ctypes
libc = ctypes.CDLL(None)
for number in (165, 101, 321, 438, 310, 308):  # mount first, then ptrace, bpf, pidfd_getfd, ...
    libc.syscall(number, 0, 0, 0, 0, 0)
END
start_supervisor || { not_ok "the supervisor starts"; finish; }

supervised -- python3 calls.py
for call in mount ptrace bpf pidfd_getfd process_vm_readv setns; do
	check "one process, six calls: $call has a record of its own" recorded "(.kind | test(\"decision|denied\")) and (tostring | test(\"system call $call is\"))"
done
out=$(supervised -- sh -c 'echo x >innocent/evil' 2>&1)
check "through the link nothing is written: $out" test ! -e "$WORK/.git/hooks/evil"
check "and it is a refusal" recorded '(.kind | test("decision|denied")) and (tostring | test("innocent/evil")) and (tostring | test("deny_write"))'
supervised -p "$T/strict.yaml" -- sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo x >innocent/evil; sleep 0.2; done; : >survived' 2>/dev/null
is "where the policy says violate, the second try ends the run" $? 123
check "it did not get to the end" test ! -e "$WORK/survived"
check "its ledger verifies" verifies
finish
