#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A supervisor that hangs (SIGSTOP): what the kernel can decide alone it still punishes, at once and
# down to the last process; everything else stands still until the supervisor is back.
. "$(dirname "$0")/lib.sh"

policy=$T/strict.yaml
cat >"$policy" <<END
schema: 1
name: strict
extends: default
sandbox: {on_forbidden: violate}
heartbeat: {mode: activity, ttl: 2s, grace_start: 1s}
END
chmod 0644 "$policy"
cp "$PROBE" "$WORK/probe"
cp /bin/dash "$WORK/marker-$$"
markers() { for m in /proc/[0-9]*; do case $(readlink "$m/exe" 2>/dev/null) in *"marker-$$"*) echo "${m#/proc/}" ;; esac; done; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
lines() { wc -l <"$1" 2>/dev/null || echo 0; }

# One that still stands would not end when told to.
trap 'kill -CONT "$SUPERVISOR" 2>/dev/null; clean_up' EXIT
start_supervisor || { not_ok "the supervisor starts"; finish; }

# ---- a second strike, with a loop that makes no call and a sleeper beside it ----
cat >"$WORK/agent.sh" <<END
(setsid ./marker-$$ -c 'while :; do :; done' &)
(setsid ./marker-$$ -c 'sleep 300; :' &)
./probe mount-tmpfs /tmp >/dev/null
echo first >reached
while [ ! -e go ]; do :; done
./probe mount-tmpfs /tmp >/dev/null
echo second >>reached
sleep 5
END
supervised -p "$policy" -- "./marker-$$" agent.sh >"$T/out" 2>"$T/err" &
client=$!
wait_for 10 test -s "$WORK/reached" || { not_ok "the agent runs"; diag <"$T/err"; finish; }
sleep 0.3
check "the markers are there" test "$(markers | wc -l)" -ge 3
pids=$(markers)
alive() { for p in $pids; do [ -e "/proc/$p/exe" ] && return 0; done; return 1; } # a zombie has none
kill -STOP "$SUPERVISOR"
began=$(now_ms)
: >"$WORK/go"
while alive && [ $(($(now_ms) - began)) -lt 3000 ]; do :; done
took=$(($(now_ms) - began))
check "second strike without a supervisor: all dead after $took ms" test "$took" -le "${HANG_DEAD_MS:-1000}"
is "nothing ran after the second strike" "$(cat "$WORK/reached")" first
kill -CONT "$SUPERVISOR"
wait "$client"
is "exit 123 when it is back" $? 123
order=$(ledger log --json -n 1000000 2>/dev/null | jq -rs '[.[] | select(.kind == "violation" or .kind == "revoke_intent"
	or .kind == "revoke_done" or .kind == "run_end") | .kind] | join(" ")')
is "the ledger's order" "$order" "violation violation revoke_intent revoke_done run_end"

# ---- everything else ----
rm -f "$WORK/reached"
cat >"$WORK/agent.sh" <<END
./marker-$$ -c 'i=0; while [ \$i -lt 3000000 ]; do i=\$((i + 1)); done; echo \$i >counted' &
while [ ! -e done ] || [ ! -s counted ]; do echo x >>ticks; sleep 0.02; done
wait
echo whole >reached
END
supervised -p "$policy" -- sh agent.sh >"$T/out" 2>"$T/err" &
client=$!
wait_for 10 test -s "$WORK/ticks" || { not_ok "the agent runs"; diag <"$T/err"; finish; }
kill -STOP "$SUPERVISOR"
sleep 1
before=$(lines "$WORK/ticks")
check "the counter had not ended" test ! -s "$WORK/counted"
sleep 2.5
is "stopped within a second, and for as long as the supervisor hangs" "$(lines "$WORK/ticks")" "$before"
check "a loop without calls, too" test ! -s "$WORK/counted"
kill -CONT "$SUPERVISOR"
more() { [ "$(lines "$WORK/ticks")" -gt "$before" ]; }
check "it goes on" wait_for 5 more
: >"$WORK/done"
wait "$client"
is "and ends as if nothing had been, longer silent than its ttl" $? 0
is "with nothing missing" "$(cat "$WORK/counted" "$WORK/reached" | tr '\n' ' ')" "3000000 whole "
check "its ledger verifies" verifies
finish
