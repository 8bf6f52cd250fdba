#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The supervisor by itself: what it says when it cannot start, who else may start, how it ends.
. "$(dirname "$0")/lib.sh"

"$BIN/bailiffd" --help >"$T/help" 2>&1
is "--help succeeds" $? 0
check "--help names --exit-when-idle" grep -q -- --exit-when-idle "$T/help"
"$BIN/bailiffd" --no-such >"$T/err" 2>&1
is "an unknown option is a usage error" $? 2
check "with a next step" grep -q 'next: bailiffd --help' "$T/err"
"$BIN/bailiffd" --state-dir relative >"$T/err" 2>&1
is "a relative directory is a usage error" $? 2
setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/bailiffd" >"$T/err" 2>&1
is "only root may start it" $? 1
check "and it says so" grep -q 'started by root' "$T/err"
"$BIN/bailiffd" --probe >"$T/report" 2>"$T/err"
is "--probe succeeds" $? 0
check "--probe writes a report" test -s "$T/report"

start_supervisor || { not_ok "the supervisor starts"; finish; }
ok "the supervisor starts"
is "its socket is for its group alone" "$(stat -c %a "$RUNTIME/control.sock")" 660
"$BIN/bailiffd" --state-dir "$STATE" --runtime-dir "$T/other" >"$T/err" 2>&1
is "a second supervisor on the same state directory is refused" $? 1
check "in one line that names the directory" grep -q "another supervisor works on '$STATE'" "$T/err"
check "and with a next step" grep -q 'next: ' "$T/err"
refute "and leaves no socket behind" test -e "$T/other/control.sock"
"$BIN/bailiffd" --state-dir "$STATE" --runtime-dir "$RUNTIME" >"$T/err" 2>&1
is "one on both directories of the first is refused" $? 1
"$BIN/bailiffd" --state-dir "$T/other-state" --runtime-dir "$RUNTIME" >"$T/err" 2>&1
is "one on the runtime directory of the first is refused" $? 1
check "and takes nothing with it: the first one can still run" supervised -q -- true
check "ps reaches the first one all the same" "$BAILIFF" ps --runtime-dir "$RUNTIME"
# In the cgroup of a run, yet with the socket in sight: only its cgroup tells it apart.
cgroup=$(findmnt -nro TARGET -t cgroup2 | head -n 1)/bailiff/test-$$/run
mkdir -p "$cgroup"
sh -c "echo \$\$ >'$cgroup/cgroup.procs' && exec '$BAILIFF' ps --runtime-dir '$RUNTIME'" >"$T/out" 2>"$T/err"
refute "a process in a run's cgroup is refused, though it is root" test $? -eq 0
check "and is told why" grep -q 'inside a run' "$T/err"
check "and the ledger has the attempt" wait_for 5 recorded '.kind == "intervention" and .verdict == "deny"'
check "control: from outside it is answered" "$BAILIFF" ps --runtime-dir "$RUNTIME"
rmdir "$cgroup" "${cgroup%/run}"

# Processor time and not the clock: beside a run that only waits, the supervisor has nothing to do.
ticks() { awk '{ print $14 + $15 }' "/proc/$SUPERVISOR/stat"; }
before=$(ticks)
supervised -- sleep 2
is "a run that waits ends well" $? 0
check "and the supervisor waited, too: less than half of that time" test "$(($(ticks) - before))" -lt "$(getconf CLK_TCK)"

# One run of this agent at a time.
whole_default | sed 's/^agent:/agent:\n  max_concurrent: 1/' >"$T/one.yaml"
supervised -p "$T/one.yaml" -- sh -c 'until test -e go; do sleep 0.1; done' 2>/dev/null &
holder=$!
wait_for 5 sh -c "'$BAILIFF' ps --runtime-dir '$RUNTIME' | grep -q RUNNING" || not_ok "the first run runs"
supervised -p "$T/one.yaml" -- sh -c true 2>"$T/err"
is "a run beyond max_concurrent is refused" $? 122
check "and says which key" grep -q max_concurrent "$T/err"
touch "$WORK/go"
wait "$holder"
supervised -p "$T/one.yaml" -- sh -c true 2>"$T/err"
is "control: when the first is over it may start" $? 0

# Its hooks are passed by every task of the host: they are there for runs only.
hooks() { grep -qs 'link_type:.raw_tracepoint' "/proc/$SUPERVISOR/fdinfo/"*; }
no_hooks() { ! hooks; }
check "control: after a run its hooks are still attached" hooks
check "without a run they are taken away" wait_for 20 no_hooks
supervised -- touch after-rest 2>/dev/null
check "and the next run is seen as any other" recorded '.kind == "create" and (.path | endswith("/after-rest"))'

stop_supervisor
refute "after SIGTERM its socket is gone" test -e "$RUNTIME/control.sock"
check "the ledger was closed in order" sh -c "'$BAILIFF' ledger log --state-dir '$STATE' | grep -q 'closed in order'"

# Ends by itself when nobody needs it, and only then.
"$BIN/bailiffd" --state-dir "$STATE" --runtime-dir "$RUNTIME" --exit-when-idle >"$T/idle" 2>&1 &
idle=$!
check "without clients it ends by itself" timeout 20 tail --pid="$idle" -f /dev/null
check "because it was idle" grep -q 'reason=idle' "$T/idle"
finish
