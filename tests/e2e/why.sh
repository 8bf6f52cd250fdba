#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `bailiff why` on real refusals: from the ledger, without a supervisor, as whoever may read it.
. "$(dirname "$0")/lib.sh"

SUDO_UID=$(id -u "$RUN_USER")
export SUDO_UID
# why DESCRIPTION STATUS WORDS...
why() {
	why_what=$1 why_want=$2 why_have=0
	shift 2
	"$BAILIFF" why --state-dir "$STATE" "$@" >"$T/out" 2>"$T/err" </dev/null || why_have=$?
	is "$why_what" "$why_have" "$why_want"
}
says() { # DESCRIPTION PATTERN
	check "$1" grep -qE -e "$2" "$T/out"
}

why "without a ledger nothing can be answered" 4
supervised -- true
settle
why "a run that was refused nothing has no answer" 1
says "and says how it ended" 'nothing was refused; the run ended COMPLETED with status 0'

unsupervised git init -q . >/dev/null 2>&1
supervised -- sh -c 'echo x >/etc/bailiff-why; cat /etc/shadow; echo x >>.git/config' >/dev/null 2>&1
supervised -- python3 -c 'import socket; socket.create_connection(("10.0.0.1", 22))' >/dev/null 2>&1
settle
is "no supervisor is left" "$(ours bailiffd)" ""
why "the last refusal of the last run is explained" 0
says "what" '^what .*was refused to connect to 10\.0\.0\.1:22'
says "who" '^who .*python3.*\([0-9]+\), /usr/bin/python3'
says "which rule in which policy" '^rule .*network\.mode, policy default \(/.*/default\.yaml\)'
says "what to change, to the line" '^change .*.extends: default.*network: \{mode: allowlist, allow: \["10\.0\.0\.1:22"\]\}'
why "as JSON" 0 --json
check "it is one object" jq -e '.refusal and .rule == "network.mode" and .line != null and .danger == null' "$T/out"

seq_of() { ledger log --json --verdict deny 2>/dev/null | jq -r "select(.path == \"$1\") | .seq" | head -n 1; }
why "any record by its number" 0 "$(seq_of /etc/shadow)"
says "the entry of the policy that matched" '^rule .*sandbox\.hide, entry ./etc/shadow.'
says "a secret is not to be shown" '^danger '
why "a write outside of the scope" 0 "$(seq_of /etc/bailiff-why)"
says "names the flag" "run -w /etc"
why "git's configuration" 0 "$(seq_of "$WORK/.git/config")"
says "the line of the policy" 'entry ..\/\.git\/config'
says "why not to lift it" '^danger .*git runs the programs'
says "and what to do instead" '^instead '

run=$("$BAILIFF" ledger --state-dir "$STATE" run list --json 2>/dev/null | jq -r 'select(.refused > 1) | .run')
why "a run by its id" 0 "$run"
says "has its other refusals behind the last one" '^more refusals of this run'
why "and by the end of it" 0 "$(echo "$run" | cut -c 19-)"
why "a run that is none" 1 ZZZZZZ
why "a record that is none" 1 999999
why "a record that is no refusal" 1 1
says "says so" 'no refusal'
why "what is neither is usage" 2 zz
why "and so are two words" 2 1 2

# A name that is not on the list of an allowlist network.
supervised -p git -- python3 -c 'import socket; socket.create_connection(("example.org", 443))' >/dev/null 2>&1
settle
why "a host that is not on the list" 0
says "has the flag that would add it" '^change .*run --allow example\.org'
says "and the line" 'extends: git. and .network: \{allow: \["example\.org'

# An agent chose the name: nothing of it moves a cursor or ends a line.
supervised -- sh -c 'printf x >"/etc/$(printf "a\033[2Jb\nchange  run it")"' 2>/dev/null
settle
why "a name with controls" 0
refute "is escaped" grep -q "$(printf '\033')" "$T/out"
is "and stays on its line" "$(grep -c '^change' "$T/out")" 0

# Whoever may read the ledger may ask, and whoever may not is told so.
reader() { # GROUP
	setpriv --reuid nobody --regid nogroup --groups "$1" "$BAILIFF" why --state-dir "$STATE" "$run" >"$T/out" 2>&1
}
reader bailiff-read
is "a member of bailiff-read gets the answer" "$? $(grep -c '^rule ' "$T/out")" "0 1"
reader nogroup
is "somebody else does not" "$?" 4
SUDO_UID=$(id -u nobody)
why "who ran nothing has no last run" 1
check "and the next step is said" grep -q '^  next: ' "$T/err"
finish
