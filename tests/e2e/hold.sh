#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What people do to a run: pause, resume, clarify, waive, cancel; by whom, in which state, and what is recorded.
. "$(dirname "$0")/lib.sh"

VIEWER=nobody # in the group of the socket, and nobody's caller
# says DESCRIPTION WORDS: what the last check or refute printed has them.
says() { cp "$T/check.out" "$T/said" && check "$1" grep -q -- "$2" "$T/said"; }
verb() { verb_name=$1; shift; "$BAILIFF" "$verb_name" --runtime-dir "$RUNTIME" "$@"; }
as_viewer() { setpriv --reuid "$VIEWER" --regid "$(id -g "$VIEWER")" --groups "$(getent group bailiff | cut -d: -f3)" "$@"; }
live_run() { verb ps --json | jq -r 'select(.ended == null) | .run' | head -n 1; }
status() { verb show --json "$RUN" | jq -r '"\(.status) \(.paused_for // "")"'; }
grows() { grows_from=$(wc -c <"$WORK/tick"); wait_for 5 test "$(wc -c <"$WORK/tick")" -gt "$grows_from"; }
size() { wc -c <"$WORK/tick"; }
bigger() { [ "$(size)" -gt "$1" ]; }
began() { # ARGS...: a run that writes a byte all the time; its id in $RUN
	rm -f "$WORK/tick"
	supervised "$@" -- sh -c 'trap "echo heard >heard; exit 7" TERM; while :; do echo x >>tick; sleep 0.02; done' 2>"$T/run.err" &
	CALLER=$!
	wait_for 10 test -s "$WORK/tick" || { not_ok "the run begins"; diag <"$T/run.err"; finish; }
	RUN=$(live_run)
}

start_supervisor || { not_ok "the supervisor starts"; finish; }
whole_default | sed 's/^  mode: off .*/  mode: explicit\n  ttl: 2s\n  grace_start: 1s/' >"$T/base.yaml"
began
check "a run is paused" verb pause "$RUN" --reason 'looking at it'
is "and says why it stands still" "$(status)" "PAUSED manual"
check "show tells people, too" sh -c "'$BAILIFF' show --runtime-dir '$RUNTIME' '$RUN' | grep -q 'PAUSED (manual)'"
frozen=$(find /sys/fs/cgroup -type d -name "$RUN" -path '*bailiff*' -exec test -e {}/cgroup.events \; -print | head -n 1)
check "its processes are frozen" wait_for 5 grep -q 'frozen 1' "$frozen/cgroup.events"
before=$(size)
used=$(awk '$1 == "usage_usec" { print $2 }' "$frozen/cpu.stat" 2>/dev/null || echo 0)
refute "a second pause is refused" verb pause "$RUN"
says "with the state that it is in" 'PAUSED (manual)'
refute "a viewer may not resume it" as_viewer "$BAILIFF" resume --runtime-dir "$RUNTIME" "$RUN"
says "and is told the role" '(viewer) may not resume'
check "control: a viewer may look" as_viewer "$BAILIFF" show --runtime-dir "$RUNTIME" "$RUN"
is "nothing of it ran meanwhile" "$(size)" "$before"
is "nor used a processor" "$(awk '$1 == "usage_usec" { print $2 }' "$frozen/cpu.stat" 2>/dev/null || echo 0)" "$used"
check "root resumes it" verb resume "$RUN"
is "it runs" "$(status)" "RUNNING "
check "and works on" wait_for 5 bigger "$before"
refute "what is not paused is not resumed" verb resume "$RUN"
says "with the state" 'is RUNNING'
check "clarify tells it something" verb clarify "$RUN" --text 'the tests are in t/' --reason-code NEEDS_INFO
refute "an empty text is none" verb clarify "$RUN" --text ''
refute "a waiver needs a reason" verb waive "$RUN" SCOPE_VIOLATION --reason-code TEST
refute "what is never waived is not" verb waive "$RUN" SELF_TAMPER --reason x --reason-code TEST
says "and it says so" 'never waived'
refute "a strike that there is not cannot be waived" verb waive "$RUN" SCOPE_VIOLATION --reason x --reason-code TEST
refute "nor can a rule that its policy does not have" verb waive "$RUN" no-push --reason x --reason-code TEST

# Cancelled: asked first.
check "cancel asks it to end" verb cancel "$RUN" --reason 'not needed any more'
wait "$CALLER"
is "and its caller hears of it" $? 143
check "why" grep -q 'cancelled by uid:0: not needed any more' "$T/run.err"
is "it was asked, and could answer" "$(cat "$WORK/heard")" heard
check "it is FAILED by being cancelled" recorded '.kind == "run_end" and .detail.cause == "cancelled"'
refute "what is over is not paused" verb pause "$RUN"
says "and says what became of it" 'is over: FAILED'

# Paused and cancelled: thawed to hear it.
rm -f "$WORK/heard"
began
verb pause "$RUN" >/dev/null
check "a paused run is cancelled, too" verb cancel "$RUN"
wait "$CALLER"
is "by being asked" "$? $(cat "$WORK/heard" 2>/dev/null)" "143 heard"

# A paused run's clock of signs of life stands still.
began -p "$T/base.yaml"
verb pause "$RUN" >/dev/null
sleep 4
is "a run that may be silent for 2 s is paused for 4 s and lives" "$(status)" "PAUSED manual"
verb resume "$RUN" >/dev/null
wait "$CALLER"
is "control: once it runs, its silence ends it" $? 123
check "as that violation" grep -q HEARTBEAT_TIMEOUT "$T/run.err"

check "each move is in the ledger with its reason" recorded \
	'.kind == "run_state" and .detail.cause == "manual"'
check "each attempt too, with user, role, channel" recorded \
	'.kind == "intervention" and .detail.verb == "pause" and .by == "uid:0" and .detail.role == "admin" and .detail.channel == "local"'
check "also the refused ones" recorded \
	'.kind == "intervention" and .detail.verb == "resume" and .detail.role == "viewer" and .verdict == "deny"'
check "the text of a clarification is a value of its record" recorded '.kind == "clarification" and .by == "uid:0"'
check "the ledger verifies" verifies
finish
