#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whoever is killed first, supervisor or init, within a second nothing of the run is alive.
. "$(dirname "$0")/lib.sh"

cp /bin/sleep "$WORK/marker-$$"
markers() { for m in /proc/[0-9]*; do case $(readlink "$m/exe" 2>/dev/null) in *"marker-$$"*) echo "${m#/proc/}" ;; esac; done; }
none_left() { [ -z "$(markers)" ]; }
some_there() { [ "$(markers | wc -l)" -ge 3 ]; }
# pid 1 of the run: the parent of the shell that is the parent of a marker, as the host counts.
init_of_run() {
	for m in $(markers); do
		p=$m
		while [ "${p:-0}" -gt 1 ]; do
			grep -q '^NSpid:.*[[:space:]]1$' "/proc/$p/status" 2>/dev/null && { echo "$p"; return; }
			p=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$p/status" 2>/dev/null)
		done
	done
}
agent="setsid ./marker-$$ 300 & (setsid sh -c './marker-$$ 300') & trap '' TERM HUP INT; ./marker-$$ 300; sleep 300"

# death NAME FIRST SECOND
death() {
	start_supervisor || { not_ok "$1: the supervisor starts"; return; }
	supervised -- sh -c "$agent" >/dev/null 2>"$T/err" &
	client=$!
	wait_for 10 some_there || { not_ok "$1: the run has its processes"; diag <"$T/err"; stop_supervisor; return; }
	init=$(init_of_run)
	supervisor=$SUPERVISOR
	began=$(date +%s%N)
	for who in $2; do
		case $who in
		supervisor) kill -KILL "$supervisor" ;;
		init) kill -KILL "$init" 2>/dev/null ;; # may have died of the supervisor's death
		esac
	done
	if wait_for 2 none_left; then
		took=$((($(date +%s%N) - began) / 1000000))
		# A second is the promise; the scan of /proc that finds out takes up to another on a busy machine.
		check "$1: all dead after $took ms" test "$took" -le 2000
	else
		not_ok "$1: alive after 2 s: $(markers | tr '\n' ' ')"
		for m in $(markers); do kill -KILL "$m"; done
	fi
	wait "$client" 2>/dev/null
	check "$1: the client ends with an error" test $? -ne 0
	wait "$supervisor" 2>/dev/null
	SUPERVISOR=
}
death "supervisor killed" "supervisor"
death "supervisor, then init" "supervisor init"

start_supervisor || { not_ok "a new supervisor starts on the same folders"; finish; }
check "a new supervisor has cleaned up: a run works" supervised -- true
check "the lost runs are in the ledger as ended" recorded '.kind == "run_end" and (tostring | test("SUPERVISOR_LOST|supervisor"))'
stop_supervisor

# Init first: the supervisor lives, and says what happened.
death_of_init() {
	start_supervisor || return 1
	supervised -- sh -c "$agent" >/dev/null 2>"$T/err" &
	client=$!
	wait_for 10 some_there || return 1
	kill -KILL "$(init_of_run)"
	wait_for 1 none_left || return 1
	wait "$client"
	[ $? -ne 0 ]
}
check "init killed: all dead within a second, the client is told" death_of_init
check "init killed: the supervisor still works" supervised -- true
stop_supervisor
death "init, then supervisor" "init supervisor"
start_supervisor && check "its ledger verifies" verifies
finish
