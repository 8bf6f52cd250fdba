#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker lets one thread rewrite what another executes while the call is held: the path, an argument, a
# variable, the working directory, a million times. What runs is what was judged, or it is killed before its first
# instruction: what is denied never happens.
# shellcheck disable=SC2154  # exec_lib.sh assigns them
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/exec_lib.sh"

rounds=${EXEC_ROUNDS:-200}
# race WHAT: nothing denied happens inside, it does outside; and the thread hits the moment.
race() {
	for race_policy in $brokered $direct; do
		race_how="$1 ($(basename "$race_policy" .yaml))"
		clean
		unsupervised mkdir there
		supervised -p "$race_policy" -- ./exec_race "$1" "$rounds" >"$T/out" 2>&1 || :
		if ran; then not_ok "never happens: $race_how"; else ok "never happens: $race_how"; fi
		grep '^[0-9 ]*$' "$T/out" | diag
		check "allowed ones ran, others were refused or killed: $race_how" awk 'NF == 4 && $1 > 0 && $2 + $3 > 0 { good = 1 }
			END { exit !good }' "$T/out"
	done
	clean
	unsupervised mkdir there
	unsupervised ./exec_race "$1" "$rounds" >"$T/out" 2>&1 || :
	if ran; then ok "control: $1"; else not_ok "control: $1"; diag <"$T/out"; fi
}
race path
race argv
race environ
race cwd
check "what was killed is in the ledger" recorded '.kind == "violation" and .rule == "exec.binding" and .effect == "prevented"'
check "its ledger verifies" verifies
finish
