#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The verbs of `bailiff ledger` on the ledger of one real run: what they find, their exit codes, and
# that bad input is one line with a next step.
. "$(dirname "$0")/lib.sh"

supervised -- sh -c 'echo a >a.tmp && mv a.tmp a.txt; echo x >/etc/bailiff-was-here' >/dev/null 2>&1
settle

# exits DESCRIPTION STATUS VERB...
exits() {
	exits_what=$1
	exits_want=$2
	shift 2
	exits_have=0
	"$BAILIFF" ledger --state-dir "$STATE" "$@" >"$T/out" 2>"$T/err" </dev/null || exits_have=$?
	is "$exits_what" "$exits_have" "$exits_want"
}
says() { # DESCRIPTION FILE PATTERN
	check "$1" grep -qE -e "$3" "$2"
}

exits "log finds" 0 log
says "a sentence says who made the file" "$T/out" 'sh\([0-9]+\).*created .*/a\.tmp'
exits "a filter that fits nothing finds none" 1 log --path /no/such/file
exits "a refusal is found by its verdict" 0 log --verdict deny
says "with its rule" "$T/out" 'was refused to write /etc/bailiff-was-here.*\[deny files\.write'
exits "who follows the rename" 0 who "$WORK/a.txt"
says "back to the name before" "$T/out" 'created .*/a\.tmp'
exits "blame gives the last change" 0 blame "$WORK/a.txt"
is "and that alone" "$(grep -c renamed "$T/out")/$(wc -l <"$T/out")" "1/2"
exits "run list finds the run" 0 run list
exits "run show explains it" 0 run show @last
says "with what to do" "$T/out" '^ *next .*files\.write'
exits "run tree draws it" 0 run tree @last
exits "log as JSON" 0 log --json
check "is one object per line" sh -c "jq -es 'length > 5 and all(.[]; .intact)' '$T/out'"

exits "the first verify is only self-consistent" 3 verify
exits "the second one passes" 0 verify
says "and says against whom" "$T/out" '^proved against:'
seq=$("$BAILIFF" ledger --state-dir "$STATE" log --json --verdict deny -n 1 2>/dev/null | jq .seq)
exits "prove writes a proof" 0 prove "$seq" -o "$T/v.tlog-proof"
says "in the common format" "$T/v.tlog-proof" "^index $seq\$"
check "and the record beside it" test -s "$T/v.rec"

exits "an unknown verb is usage" 2 lgo
says "and names the nearest" "$T/err" 'did you mean .bailiff ledger log'
exits "an unknown kind is usage" 2 log --kind conect
says "and names the nearest kind" "$T/err" "did you mean 'connect'"
exits "a time that is none is usage" 2 log --since teatime
exits "a run that is none is not found" 1 run show ZZZZZZZZ
exits "a record that is none is not found" 1 prove 999999
exits "prove wants a number" 2 prove x
"$BAILIFF" ledger log --state-dir "$T/nowhere" >"$T/out" 2>"$T/err"
is "without a ledger nothing can be answered" "$?" 4
says "and the next step is said" "$T/err" '^  next: '
"$BAILIFF" ledger verify --state-dir "$T/nowhere" >"$T/out" 2>"$T/err"
is "nor verified" "$?" 4

# What is recorded while it looks on.
"$BAILIFF" ledger log -f --json --kind run_end --state-dir "$STATE" >"$T/follow" 2>/dev/null &
follower=$!
before=$("$BAILIFF" ledger --state-dir "$STATE" log --json --kind run_end 2>/dev/null | wc -l)
wait_for 5 sh -c "[ \$(wc -l <'$T/follow') -eq $before ]" || :
supervised -- true >/dev/null 2>&1
check "log -f shows a run that came later" wait_for 10 sh -c "[ \$(wc -l <'$T/follow') -gt $before ]"
kill "$follower" 2>/dev/null
wait "$follower" 2>/dev/null

finish
