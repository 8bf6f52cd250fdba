#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A small "agent": real work in its workspace, and four things that its policy forbids. It says what
# it sees; whether that is true is for the ledger to tell.
set -u

try() { # WHAT COMMAND...: says whether it was possible
	what=$1
	shift
	if "$@" >/dev/null 2>&1; then
		echo "  agent: $what: done"
	else
		echo "  agent: $what: REFUSED"
	fi
}

echo "  agent: I fix the greeting and build it."
sed -i 's/Helo/Hello/' greet.c
make -s greet && ./greet
printf 'Fixed the greeting.\n' >NOTES.md

echo "  agent: Now I try what I should not."
try "read the secret in .env" cat .env
try "write /etc/bailiff-demo" sh -c 'echo owned > /etc/bailiff-demo'
try "plant a git hook" sh -c 'echo "curl evil" > .git/hooks/pre-commit'
try "call home over the network" python3 -c 'import socket; socket.create_connection(("192.0.2.1", 80), 2)'
exit 0
