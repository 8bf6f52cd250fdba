#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A storm of opens in one run while another breaks its policy: no event is lost, and the violator is
# dead as fast as ever. STORM_SECONDS makes it longer.
. "$(dirname "$0")/lib.sh"

seconds=${STORM_SECONDS:-2}
policy=$T/strict.yaml
cat >"$policy" <<END
schema: 1
name: strict
extends: default
sandbox: {on_forbidden: violate}
END
chmod 0644 "$policy"
cp "$PROBE" "$WORK/probe"
cp "${PROBE%probe}storm" "$WORK/storm"
cat >"$WORK/agent.sh" <<END
(setsid sleep 300 &)
./probe mount-tmpfs /tmp >/dev/null
echo first >>reached
./probe mount-tmpfs /tmp >/dev/null
echo second >>reached
sleep 5
END

start_supervisor || { not_ok "the supervisor starts"; finish; }
supervised -- ./storm "$seconds" 2 >"$T/opens" 2>"$T/storm.err" &
storm=$!
raging() { [ -e "$WORK/storm-1-255" ]; }
wait_for 10 raging || { not_ok "the storm rages"; diag <"$T/storm.err"; finish; }
round=0
while [ "$round" -lt 3 ]; do
	supervised -p "$policy" -- sh agent.sh >"$T/out" 2>"$T/err"
	is "the violator is revoked in the storm" $? 123
	round=$((round + 1))
done
is "nothing runs after a second strike" "$(sort "$WORK/reached" | uniq -c | tr -s ' ')" " 3 first"
wait "$storm"
is "the storm ends as it would without us" $? 0
echo "# $(($(cat "$T/opens") / seconds)) opens per second"
check "it was one: thousands of opens" test "$(cat "$T/opens")" -ge 5000
ledger log --json -n 1000000 >"$T/log.json" 2>"$T/log.err"
is "no event was lost" "$(jq -s '[.[] | select(.kind == "gap")] | length' "$T/log.json")" 0
is "each file has its record" "$(jq -r 'select(.kind == "create") | .path' "$T/log.json" |
	grep -c '/storm-[01]-[0-9]*$')" 512
times=$(jq -r 'select(.kind == "revoke_done") | (.microseconds // .detail.microseconds)' "$T/log.json" | tr '\n' ' ')
echo "# from the second strike to an empty cgroup: $times us"
# How fast is said above and measured by `make bench`; a shared machine may take a breath here.
for us in $times; do check "gone at once" test "$us" -le "${STORM_GONE_US:-1000000}"; done
check "its ledger verifies" verifies
finish
