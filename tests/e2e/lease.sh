#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A lease: one run at a time, from its start until nothing of it is left; who shows no sign of life loses it and is dead
# before the next one begins.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
{ whole_default | sed 's/^  on_stall:.*//'; printf 'lease: {resource: "workspace:${workspace}", ttl: 2s}\n'; } >"$T/lease.yaml"
held() { supervised -p "$T/lease.yaml" --agent "$@"; }
mkfifo "$T/go"

held first -- sh -c 'echo up >up; read line' <"$T/go" 2>"$T/first.err" &
first=$!
exec 9>"$T/go"
# Signs of life: a shell that waits makes none, so it is asked for some.
check "the first one runs" wait_for 10 test -s "$WORK/up"
held second -- true 2>"$T/err"
is "a second one on this workspace is refused" "$? $(grep -c "LEASE: workspace:$WORK is held by run .* of agent 'first'" "$T/err")" "122 1"
check "  with a next step" grep -q '^  next: wait' "$T/err"
check "control: a policy without a lease" supervised -- true
check "it loses the lease" wait_for 8 grep -q LOCK_EXPIRED "$T/first.err"
wait "$first"
is "which revokes it" "$?" 123
exec 9>&-
check "then the next one runs" held third -- true
ended=$(ledger log --json -n 100000 | jq -s '[.[] | select(.kind == "revoke_done")][0].seq')
taken=$(ledger log --json -n 100000 | jq -s '[.[] | select(.kind == "lease" and (tojson | contains("taken")))][1].seq')
check "the old one was dead before" test "$ended" -lt "$taken"
check "both ends are on record" recorded '.kind == "lease" and (tojson | contains("expired"))'
check "and the release" recorded '.kind == "lease" and (tojson | contains("released"))'
check "who works keeps it" held fourth -- sh -c 'i=0; while [ $i -lt 30 ]; do /bin/true; sleep 0.1; i=$((i+1)); done'
finish
