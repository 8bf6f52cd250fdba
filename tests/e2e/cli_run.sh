#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What passes through `bailiff run`: exit codes, signals, pipes; and the verbs beside a live run.
# shellcheck disable=SC2086  # $both is several words
. "$(dirname "$0")/lib.sh"

both="--state-dir $STATE --runtime-dir $RUNTIME"
SUDO_UID=$(id -u "$RUN_USER")
export SUDO_UID
cd "$WORK" || exit 1

# Nobody listens and six callers come at once: one supervisor, six runs.
for i in 1 2 3 4 5 6; do
	(
		supervised -- sh -c "exit $i"
		echo "$i $?" >"$T/code.$i"
	) 2>"$T/err.$i" &
done
wait
is "six callers at once have each their run" "$(cat "$T"/code.* | tr '\n' ' ')" "1 1 2 2 3 3 4 4 5 5 6 6 "
is "and one supervisor" "$(ours bailiffd | wc -l)" 1

supervised -- true
is "success passes" $? 0
supervised -- sh -c 'exit 255'
is "255 passes" $? 255
supervised -- sh -c 'kill -SEGV $$'
is "a signal is 128 and its number" $? 139
supervised -t 300ms -- sleep 60 2>"$T/err"
is "the wall-clock limit is 124" $? 124
check "and its reason has a next step" grep -q '^  next: ' "$T/err"

head -c 20000000 /dev/urandom >"$T/random"
is "20 MB from file to pipe" "$(supervised -- cat <"$T/random" | sha256sum)" "$(sha256sum <"$T/random")"
# shellcheck disable=SC2002  # a pipe is what is tested
is "and from pipe to pipe" "$(cat "$T/random" | supervised -- cat | sha256sum)" "$(sha256sum <"$T/random")"
is "stderr stays apart" "$(supervised -- sh -c 'echo out; echo err >&2' 2>"$T/err")$(cat "$T/err")" "outerr"
supervised -- cat </ >"$T/out" 2>"$T/err"
is "a directory as stdin is refused" $? 122

(cd "$WORK" && "$BAILIFF" run $both true) 2>"$T/err"
is "one line says what is enforced" "$(grep -c 'enforced: .*seccomp' "$T/err") $(wc -l <"$T/err")" "1 1"
(cd "$WORK" && "$BAILIFF" run -q $both true) 2>"$T/err"
is "-q silences it" "$(wc -c <"$T/err")" 0
(cd "$WORK" && "$BAILIFF" run --json $both true) 2>"$T/err"
is "--json says it for programs" "$(jq -r .event "$T/err" | tr '\n' ' ')" "run_started run_ended "

"$BAILIFF" run -q $both -- sh -c 'trap "echo got; exit 9" TERM; echo up; while :; do sleep 0.05; done' >"$T/out" &
pid=$!
wait_for 10 grep -q up "$T/out"
kill -TERM "$pid"
wait "$pid"
is "SIGTERM reaches the command, whose exit code passes" "$? $(tail -n 1 "$T/out")" "9 got"
"$BAILIFF" run -q $both -- sh -c 'trap "" TERM; echo up; while :; do sleep 0.05; done' >"$T/out" 2>"$T/err" &
pid=$!
wait_for 10 grep -q up "$T/out"
kill -TERM "$pid"
sleep 0.2 # two signals that are pending together are one
kill -TERM "$pid"
wait "$pid"
is "a second SIGTERM revokes the run" $? 123

"$BAILIFF" run -q $both -- sh -c 'echo up; exec sleep 1000' >"$T/out" 2>"$T/err" &
pid=$!
wait_for 10 grep -q up "$T/out"
run=$("$BAILIFF" ps $both --json | jq -r 'select(.status == "RUNNING") | .run')
is "ps knows the run" "${#run}" 26
tail=$(echo "$run" | cut -c 20-)
check "show takes the tail of its id" sh -c '"$1" show "$2" $3 | grep -q RUNNING' sh "$BAILIFF" "$tail" "$both"
check "revoke waits until nothing is left" "$BAILIFF" revoke "$tail" --reason "a test" --wait $both
wait "$pid"
is "a revoked run is 123" $? 123
check "and its reason is said" grep -q 'a test' "$T/err"
"$BAILIFF" revoke "$tail" --reason again $both >"$T/out" 2>&1
is "revoking it again finds nothing" $? 1

"$BAILIFF" run -q $both -- sleep 4711.4711 &
pid=$!
wait_for 10 pgrep -f '^sleep 4711[.]4711'
kill -KILL "$pid"
check "a killed client takes its run with it" wait_for 5 sh -c '! pgrep -f "^sleep 4711[.]4711"'

until [ -z "$(ours bailiffd)" ]; do sleep 0.1; done
check "show asks the ledger when no supervisor is left" "$BAILIFF" show "$run" $both
check "ps without a supervisor is an empty answer" "$BAILIFF" ps $both
finish
