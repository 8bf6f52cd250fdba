#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A CRITICAL violation is an item that an admin has to acknowledge: it outlives its run and the supervisor.
. "$(dirname "$0")/lib.sh"

verb() { verb_name=$1; shift; "$BAILIFF" "$verb_name" --runtime-dir "$RUNTIME" "$@"; }
of_item() { verb inbox --all --json | jq -r "select(.id == \"$ITEM\") | $1"; }

printf 'schema: 1\nname: grave\nextends: default\nfiles: {on_scope: violate}\nviolations: {override: {SCOPE_VIOLATION: CRITICAL}}\n' \
	>"$T/grave.yaml"
printf 'schema: 1\nname: mild\nextends: default\nfiles: {on_scope: violate}\n' >"$T/mild.yaml"
start_supervisor || { not_ok "the supervisor starts"; finish; }
supervised -p "$T/mild.yaml" -- sh -c 'echo x >/etc/bailiff-test' 2>/dev/null
is "control: a violation that is not CRITICAL asks nothing of anybody" "$(verb inbox --json)" ""
supervised -p "$T/grave.yaml" -- sh -c 'echo x >/etc/bailiff-test; sleep 5' 2>"$T/err"
is "a CRITICAL one revokes at once" $? 123
ITEM=$(verb inbox --json | jq -r .id)
is "and is an item of the inbox" "$(of_item '"\(.type) \(.status) \(.priority) \(.rule)"')" "waive_violation PENDING critical SCOPE_VIOLATION"
check "which says what happened" sh -c "'$BAILIFF' inbox --runtime-dir '$RUNTIME' '$ITEM' | grep -q /etc/bailiff-test"
crash_supervisor
start_supervisor || { not_ok "the next supervisor starts"; finish; }
is "it is still there for the next supervisor" "$(of_item .status)" PENDING
refute "a viewer does not acknowledge it" setpriv --reuid nobody --regid "$(id -g nobody)" \
	--groups "$(getent group bailiff | cut -d: -f3)" "$BAILIFF" approve --runtime-dir "$RUNTIME" "$ITEM"
check "an admin does" verb approve "$ITEM" --reason 'seen'
is "then it is done" "$(of_item .status)" COMPLETED
is "and nothing is open" "$(verb inbox --json)" ""
check "by whom is in the ledger" recorded '.kind == "approval" and .detail.type == "waive_violation" and .detail.state_to == "APPROVED" and .by == "uid:0"'
check "the ledger verifies" verifies
finish
