#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bad input of each kind gives one line with place and next step, the documented exit code, and
# leaves nothing behind: no supervisor, no process, no cgroup.
. "$(dirname "$0")/lib.sh"

# refused CODE PATTERN DESCRIPTION ARGS...: runs bailiff; the message must match, with a next step.
refused() {
	code=$1 pattern=$2 what=$3
	shift 3
	(cd "$WORK" && exec "$BAILIFF" "$@") >"$T/out" 2>"$T/err" </dev/null
	got=$?
	if [ "$got" -eq "$code" ] && grep -q -- "$pattern" "$T/err" && grep -q '^  next: ' "$T/err"; then
		ok "$what"
	else
		not_ok "$what"
		echo "# exit $got, want $code; message must match: $pattern"
		cut -c 1-300 "$T/err" | diag
	fi
}
# The same for `run` of an ordinary caller.
run_refused() {
	code=$1 pattern=$2 what=$3
	shift 3
	SUDO_UID=$(id -u "$RUN_USER")
	export SUDO_UID
	refused "$code" "$pattern" "$what" run --state-dir "$STATE" --runtime-dir "$RUNTIME" "$@"
	unset SUDO_UID
}

refused 2 'did you mean .bailiff run' "an unknown verb names the nearest" rnu true
refused 2 'is missing' "no verb at all"
refused 2 'not known' "an unknown flag before the verb" --frobnicate
run_refused 2 'did you mean --policy' "an unknown flag names the nearest" --polciy x true
run_refused 2 'command is missing' "a missing command" -q --
run_refused 2 'name is empty' "an empty command name" -- ""
run_refused 2 'needs a value' "a flag without its value" -m
run_refused 2 'no value for --memory' "a bad unit" -m 2X true
run_refused 2 'no value for --time' "a time without unit" -t 10 true
run_refused 2 'does not exist' "a dangling path" -r "$T/nowhere" true
ln -s "$T/nowhere" "$T/dangling"
run_refused 2 'does not exist' "a dangling symbolic link" -w "$T/dangling" true
run_refused 2 'does not exist' "a relative path that is not there" -w ./nowhere true
run_refused 2 'widen' "a flag that would widen the policy" --net host true
run_refused 2 'widen' "a limit above the policy's" -P 4000000 true
run_refused 2 'is not set' "an environment variable that is not set" --env BAILIFF_NOT_SET true

run_refused 120 'no policy' "an unknown policy" -p nonesuch true
run_refused 120 'ENOENT' "a policy file that is not there" -p "$T/none.yaml" true
run_refused 120 'regular file' "a directory as policy" -p "$T/." true
cp "$TOP/policies/library/default.yaml" "$T/open.yaml"
chmod 0666 "$T/open.yaml"
run_refused 120 'writable by everybody' "a world-writable policy" -p "$T/open.yaml" true
printf 'schema: 1\nname: x\nnetwrk: {mode: none}\n' >"$T/typo.yaml"
run_refused 120 'typo.yaml:3:1: .*did you mean "network"' "a misspelt key, with its place" -p "$T/typo.yaml" true
head -c 2000000 /dev/zero >"$T/large.yaml"
run_refused 120 'large' "a policy of 2 MB" -p "$T/large.yaml" true

mkdir "$T/others" && chown 1:1 "$T/others"
run_refused 122 'belongs to' "a workspace of someone else" -C "$T/others" true
run_refused 127 'no program' "a command that is not there" -- nonesuch-command
: >"$WORK/plain"
chown "$RUN_USER:" "$WORK/plain"
run_refused 126 'not executable' "a command that cannot be executed" -- ./plain

# Nothing was started for any of these that were refused before a plan existed.
until [ -z "$(ours bailiffd)" ]; do sleep 0.1; done
is "no supervisor is left behind" "$(ours bailiffd)" ""

# Odd arguments reach the command as they are.
big=$(head -c 131000 /dev/zero | tr '\0' x)
is "an argument of almost 128 KiB arrives" "$(supervised -- sh -c 'printf %s "${#1}"' sh "$big")" 131000
is "an empty argument arrives" "$(supervised -- sh -c 'printf %s "$#${1}$2"' sh "" a)" 2a
odd=$(printf '\377\376')
is "an argument that is not UTF-8 arrives" "$(supervised -- sh -c 'printf %s "$1"' sh "$odd" | od -An -tx1)" " ff fe"

# A caller inside a run: there is no socket and no way to start a second supervisor.
whole_default >"$WORK/own.yaml"
chown "$RUN_USER:" "$WORK/own.yaml"
# LeakSanitizer needs ptrace, which no run has.
supervised -r "$BIN" --env ASAN_OPTIONS=detect_leaks=0 -- "$BAILIFF" run -p ./own.yaml --runtime-dir "$RUNTIME" --state-dir "$STATE" true \
	>"$T/out" 2>"$T/err"
is "a run inside a run does not start" "$?" 122
check "and says in a line why" grep -q 'no supervisor' "$T/err"

# A ledger that cannot be written: nothing starts.
mkdir -p "$T/broken/ledger/1"
echo garbage >"$T/broken/ledger/1/ledger.db"
chown -R bailiff-ledger: "$T/broken/ledger"
until [ -z "$(ours bailiffd)" ]; do sleep 0.1; done
STATE=$T/broken run_refused 122 'ledger' "a dead ledger" true
until [ -z "$(ours bailiffd)" ]; do sleep 0.1; done

start_supervisor
"$BIN/bailiffd" --state-dir "$STATE" --runtime-dir "$T/run2" >"$T/out" 2>"$T/err"
is "a second supervisor on the same state directory ends" "$?" 1
check "and says in a line why" grep -q "$STATE" "$T/err"
as_user() { # GROUP ARGS...: a caller without sudo
	group=$1
	shift
	(cd "$WORK" && exec setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --groups "$group" \
		env HOME=/nonexistent "$BAILIFF" "$@")
}
is "a member of the group bailiff needs no sudo" \
	"$(as_user bailiff run -q --runtime-dir "$RUNTIME" -- id -un)" "$RUN_USER"
as_user nogroup run -q --runtime-dir "$RUNTIME" true >"$T/out" 2>"$T/err"
is "another user is refused" "$?" 122
check "and is told about the group" grep -q 'group .bailiff' "$T/err"
chmod 0600 "$T/typo.yaml"
as_user bailiff run -p "$T/typo.yaml" --runtime-dir "$RUNTIME" true >"$T/out" 2>"$T/err"
is "an unreadable policy is refused" "$?" 120
stop_supervisor
finish
