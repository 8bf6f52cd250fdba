#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `bailiff why SEQ` on each decision of the exec gate: judged anew from the recorded question and the recorded policy it is
# the same, byte for byte. Where the question is not whole it says so instead.
# shellcheck disable=SC2154,SC2016  # exec_lib.sh assigns them; scripts are for the shell inside
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../attack/exec_lib.sh"

decisions() { # FILTER: numbers of decisions of the gate
	ledger log --json -n 1000000 2>/dev/null | jq -r "select(.kind == \"decision\" and .detail.verb == \"exec\" and ($1)) | .seq"
}
reproduced() { "$BAILIFF" why --json --state-dir "$STATE" "$1" 2>/dev/null | jq -r .reproduced; }
# all DESCRIPTION FILTER MINIMUM: there are so many, and each comes out again.
all() {
	all_seen=0 all_not=
	for all_seq in $(decisions "$2"); do
		all_seen=$((all_seen + 1))
		[ "$(reproduced "$all_seq")" = true ] || all_not="$all_not $all_seq"
	done
	is "$1: the same again" "$all_not" ""
	check "$1: $all_seen of them" test "$all_seen" -ge "$3"
}
run() { supervised -p "$1" -- sh -c "$2" >"$T/out" 2>&1; }

sed 's/^  no-fifos: .*/  ask-fifos: {when: {capability: [fifo.make]}, decision: require_approval}/' "$direct" >"$T/asking.yaml"
sed -e 's/^mode: .*/mode: permissive/' "$direct" >"$T/permissive.yaml"
chmod 0644 "$T"/*.yaml
clean
run "$direct" 'mkfifo a; mkdir RAN; mkdir there/x; MARK=RAN ls; cp /usr/bin/mkfifo /tmp/q; /tmp/q b; ./none; cp /usr/bin/mkfifo c; ./c d'
run "$direct" 'printf "#!/usr/bin/mkfifo RAN\n" >s; chmod 755 s; ./s; printf "#!/bin/sh\ntrue\n" >t; chmod 755 t; ./t
	printf "#!$PWD/s\n" >u; chmod 755 u; ./u; busybox mkfifo x; env mkfifo y; for i in 1 2 3 4 5 6; do mkfifo z; done'
run "$brokered" 'mkfifo RAN; python3 -c "import os; os.execv(\"/usr/bin/mkfifo\", [\"ls\", \"RAN\"])"'
run "$T/asking.yaml" 'timeout -s KILL 1 mkfifo RAN'
run "$T/permissive.yaml" 'mkfifo RAN; true'
settle
all "denials" '.verdict == "deny"' 12
all "questions" '.verdict == "held"' 1
all "permissions" '(.verdict // "") == ""' 3
all "what permissive let happen" '.verdict == "warn"' 1

seq=$(decisions '.rule == "no-fifos" and .verdict == "deny"' | head -n 1)
"$BAILIFF" why --state-dir "$STATE" "$seq" >"$T/out" 2>&1
check "people read it, too" grep -q '^again .*the same answer, byte for byte' "$T/out"
setpriv --reuid nobody --regid nogroup --groups bailiff-read "$BAILIFF" why --state-dir "$STATE" --json "$seq" >"$T/out" 2>/dev/null
is "who may not read the words is not told that it differs" "$(jq -r .reproduced "$T/out")" null
run "$direct" 'mkfifo password=hunter2hunter2'
secret=$(decisions '.rule == "no-fifos"' | tail -n 1)
is "a command with secrets taken out" "$(reproduced "$secret")" null
is "what is no decision has no answer" "$(reproduced 1)" null
check "its ledger verifies" verifies
finish
