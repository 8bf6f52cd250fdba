#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `make run` shows: a small agent works under supervision, tries what it may not, and the
# ledger tells. Works in a directory of its own; needs root, as `bailiff run` does without a
# supervisor. BAILIFF names the program; DEMO_STATE_DIR and DEMO_RUNTIME_DIR move its folders.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bailiff=${BAILIFF:-bailiff}
state=${DEMO_STATE_DIR:-/var/lib/bailiff}
runtime=${DEMO_RUNTIME_DIR:-/run/bailiff}

say() { printf '\n== %s\n' "$*"; }
show() { # prints the command, then runs it; what it answers is shown, not judged
	printf '$ bailiff %s\n' "$*"
	"$bailiff" "$@" --state-dir "$state" || echo "(exit code $?)"
}

work=$(mktemp -d "${TMPDIR:-/tmp}/bailiff-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >greet.c <<'END'
#include <stdio.h>

int main(void)
{
	puts("  greet: Helo, world");
	return 0;
}
END
printf 'greet: greet.c\n\tgcc -O2 -o greet greet.c\n' >Makefile
printf 'API_KEY=do-not-read-me\n' >.env
git init -q .
cp "$here/agent.sh" agent.sh
# The files belong to who used sudo; root's own stay root's and are mapped for the run.
chown -R "${SUDO_UID:-0}:${SUDO_GID:-0}" "$work"

say "An agent works in $work, under the policy 'default'."
before=$(sha256sum .env | cut -c 1-64)
code=0
"$bailiff" run --state-dir "$state" --runtime-dir "$runtime" --agent demo -- sh ./agent.sh || code=$?
echo "The agent ended with exit code $code."

say "Its work is there; what it was refused is not."
grep -h 'Hello' greet.c
[ ! -e /etc/bailiff-demo ] && echo "/etc/bailiff-demo does not exist."
[ ! -e .git/hooks/pre-commit ] && echo "There is no hook in .git/hooks."
[ "$before" = "$(sha256sum .env | cut -c 1-64)" ] && echo ".env is as it was."

say "What the ledger says was refused:"
show ledger log --run @last --verdict deny
say "What happened in the run, and why something was refused:"
show ledger run show @last
say "Who changed greet.c:"
show ledger who "$work/greet.c"
say "Who did what, as a tree:"
show ledger run tree @last
say "Whether anything in the ledger was altered (the first time here, its key is only remembered):"
show ledger verify
say "The same again, against the remembered key and checkpoint:"
show ledger verify

say "Now yours: sudo bailiff run -- YOUR COMMAND"
[ "$code" -eq 0 ]
