# shellcheck shell=sh disable=SC2034  # variables are for those that source it
# SPDX-License-Identifier: Apache-2.0
# What the end-to-end and attack tests share: TAP, a supervisor of their own on folders of their
# own, and an end that leaves nothing. Sourced; the test ends with `finish`.
#
# $T work folder of the test     $WORK a workspace that belongs to the run's user
# $STATE, $RUNTIME the supervisor's folders     $LEDGER the ledger's file

set -u
TOP=${BAILIFF_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
BIN=${BAILIFF_BIN:-$TOP/out/release/bin}
BAILIFF=$BIN/bailiff
PROBE=${BAILIFF_TEST_BIN:-$TOP/out/release/tests}/lib/programs/probe
# Not a login of anybody: SUDO_UID of it makes runs look like those of an ordinary caller.
RUN_USER=bailiff-agent

tests=0
bad=0

ok() { tests=$((tests + 1)); echo "ok $tests - $1"; }
not_ok() { tests=$((tests + 1)); bad=$((bad + 1)); echo "not ok $tests - $1"; }
diag() { sed 's/^/# /'; }
skip() { # WHAT DESCRIPTION REASON
	case " ${MUST_WORK:-} " in
	*" $1 "* | *" all "*) not_ok "$2: MUST_WORK names $1, but: $3" ;;
	*) tests=$((tests + 1)); echo "ok $tests - $2 # SKIP $3" ;;
	esac
}

# check DESCRIPTION COMMAND...: ok when the command succeeds; otherwise what it said.
check() {
	check_what=$1
	shift
	check_status=0
	"$@" >"$T/check.out" 2>&1 || check_status=$?
	if [ "$check_status" -eq 0 ]; then
		ok "$check_what"
	else
		not_ok "$check_what"
		echo "# status $check_status: $*"
		tail -n 20 "$T/check.out" | diag
	fi
}
refute() { # DESCRIPTION COMMAND...
	refute_what=$1
	shift
	if "$@" >"$T/check.out" 2>&1; then
		not_ok "$refute_what"
		echo "# succeeded: $*"
		tail -n 20 "$T/check.out" | diag
	else
		ok "$refute_what"
	fi
}
is() { # DESCRIPTION HAVE WANT
	if [ "$2" = "$3" ]; then ok "$1"; else
		not_ok "$1"
		printf 'have: %s\nwant: %s\n' "$2" "$3" | diag
	fi
}
# wait_for SECONDS COMMAND...: polls, for what has no descriptor to wait on from a shell.
wait_for() {
	wait_until=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$wait_until" ] || return 1
		sleep 0.05
	done
}

# Pids whose command line names our runtime folder: supervisors of this test and nobody else's.
ours() { # PROGRAM
	for ours_pid in /proc/[0-9]*; do
		{ tr '\0' ' ' <"$ours_pid/cmdline"; } 2>/dev/null | grep -q "^[^ ]*$1 .*$RUNTIME" && echo "${ours_pid#/proc/}"
	done
	return 0
}
gone() { [ -z "$(ours "$1")" ]; } # PROGRAM: none of ours is left; for wait_for, which asks again
start_supervisor() { # [PREFIX...]: a supervisor that stays, for tests with many runs; $CEILING, $HOST: its settings
	"$@" "$BIN/bailiffd" --state-dir "$STATE" --runtime-dir "$RUNTIME" ${CEILING:+--ceiling "$CEILING"} ${HOST:+--host "$HOST"} >"$T/bailiffd.log" 2>&1 &
	SUPERVISOR=$!
	# The socket's file may be an earlier one's; 00010000 marks one that listens.
	wait_for 10 up_or_gone
	supervisor_listens || { diag <"$T/bailiffd.log"; return 1; }
}
supervisor_listens() { grep -q " 00010000 .*$RUNTIME/control.sock" /proc/net/unix; }
up_or_gone() { supervisor_listens || [ ! -e "/proc/$SUPERVISOR" ] || grep -q '^State:.*Z' "/proc/$SUPERVISOR/status"; }
stop_supervisor() {
	[ -n "${SUPERVISOR:-}" ] || return 0
	kill -TERM "$SUPERVISOR" 2>/dev/null || :
	wait "$SUPERVISOR" 2>/dev/null || :
	SUPERVISOR=
}

# Killed, not stopped. Its ledger's writer ends a moment after it, and two cannot write.
crash_supervisor() {
	crash_children=$(grep -ls "^PPid:[[:space:]]*$SUPERVISOR\$" /proc/[0-9]*/status | cut -d/ -f3)
	kill -KILL "$SUPERVISOR"
	wait "$SUPERVISOR" 2>/dev/null || :
	for crash_child in $crash_children; do wait_for 10 test ! -e "/proc/$crash_child" || :; done
	SUPERVISOR=
}

# The run of an ordinary caller, who used sudo. Its words come last: supervised [-p P] -- CMD ARGS
supervised() {
	(cd "$WORK" && exec env SUDO_UID="$(id -u "$RUN_USER")" SUDO_GID="$(id -g "$RUN_USER")" \
		"$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" "$@")
}
# The default policy in one file, base.yaml with what default.yaml adds: for suites that change a line of it.
# presets.sh compares the two.
whole_default() {
	sed -e 's/^name: base$/name: default/' -e 's/^  mode: readonly/  mode: direct/' -e 's/^  tier: T0/  tier: T1/' \
		-e 's/^  write: \[/&., /' -e 's|^    - \. .*# the work|&\n    - ~/.gitconfig\n    - ~/.config/git|' \
		"$TOP/policies/library/base.yaml"
}
# The same outside any sandbox: the control.
unsupervised() {
	(cd "$WORK" && setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --clear-groups \
		env HOME=/nonexistent "$@")
}
# denied DESCRIPTION SUPERVISED-ARGS...: the probe ran, and said the name of an errno.
denied() {
	denied_what=$1
	shift
	denied_out=$(supervised "$@" 2>"$T/err")
	case $denied_out in
	E[A-Z]*) ok "$denied_what: $denied_out" ;;
	*) not_ok "$denied_what: '$denied_out'"; diag <"$T/err" ;;
	esac
}
ledger() { # VERB ARGS...
	ledger_verb=$1
	shift
	"$BAILIFF" ledger "$ledger_verb" --state-dir "$STATE" "$@"
}
# True when a record of the ledger, as JSON, satisfies a jq expression.
recorded() {
	settle
	ledger log --json -n 1000000 >"$T/log.json" 2>"$T/log.err"
	jq -es "any(.[]; $1)" "$T/log.json" >/dev/null
}
# Everything acknowledged: a supervisor that ends when idle has written its last record then.
settle() {
	[ -n "${SUPERVISOR:-}" ] || wait_for 10 gone bailiffd || :
}
# The first look remembers the key; only the second can say PASS.
verifies() { settle; ledger verify >/dev/null 2>&1 || :; ledger verify; }

finish() {
	echo "1..$tests"
	[ "$bad" -eq 0 ]
	exit
}
clean_up() {
	stop_supervisor
	for clean_pid in $(ours bailiffd); do kill -TERM "$clean_pid" 2>/dev/null || :; done
	wait_for 5 gone bailiffd || for clean_pid in $(ours bailiffd); do kill -KILL "$clean_pid"; done
	if [ -n "${KEEP:-}" ]; then echo "# kept: $T"; else rm -rf "$T"; fi
}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP only root can"
	exit 0
fi
T=$(mktemp -d "${TMPDIR:-/tmp}/bailiff-test.XXXXXX")
STATE=$T/state RUNTIME=$T/run WORK=$T/work LEDGER=$T/state/ledger/1/ledger.db SUPERVISOR=
chmod 0755 "$T"
mkdir "$STATE" "$RUNTIME" "$WORK"
chown "$RUN_USER:" "$WORK"
export XDG_STATE_HOME="$T/xdg"   # where verify keeps what it saw
trap clean_up EXIT
trap 'exit 1' INT TERM
