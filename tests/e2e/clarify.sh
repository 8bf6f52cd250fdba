#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A run that does the same again and again stands still until a person says something: an item of the inbox.
. "$(dirname "$0")/lib.sh"

verb() { verb_name=$1; shift; "$BAILIFF" "$verb_name" --runtime-dir "$RUNTIME" "$@"; }
CALLER=games # not root, so that root is somebody else
began() { # a run that repeats itself; its id in $RUN, its item in $ITEM
	rm -f "$WORK/count"
	(cd "$WORK" && exec setpriv --reuid "$CALLER" --regid "$(id -g "$CALLER")" --groups "$(getent group bailiff | cut -d: -f3)" \
		env HOME=/nonexistent "$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" -p "$T/repeats.yaml" -- \
		sh -c 'trap "exit 7" TERM; while :; do /bin/true; echo x >>count; done') 2>"$T/run.err" &
	RUNNER=$!
	wait_for 15 paused || { not_ok "it is paused"; diag <"$T/run.err"; finish; }
	RUN=$(live) ITEM=$(verb inbox --json | jq -r .id)
}
live() { verb ps --json | jq -r 'select(.ended == null) | .run' | head -n 1; }
paused() { [ "$(verb ps --json | jq -r 'select(.ended == null) | .paused_for')" = ambiguity_lock ]; }
runs() { [ "$(verb ps --json | jq -r 'select(.ended == null) | .status')" = RUNNING ]; }
count() { wc -l <"$WORK/count"; }
more() { [ "$(count)" -gt "$1" ]; }
of_item() { verb inbox --all --json | jq -r "select(.id == \"$ITEM\") | $1"; }

chown "$CALLER:" "$WORK"
whole_default | sed 's/^  mode: off .*/  mode: activity\n  ttl: 60s\n  max_repeats: 30\n  on_stall: clarify/' >"$T/repeats.yaml"
chmod 0644 "$T/repeats.yaml"
start_supervisor || { not_ok "the supervisor starts"; finish; }
began
ok "the same action 30 times: it is paused"
is "the inbox has one item" "$(verb inbox --json | jq -s length)" 1
is "of that type" "$(of_item '"\(.type) \(.status) \(.title)"')" "clarification PENDING paused: ambiguity_lock"
check "people see what to do" sh -c "'$BAILIFF' inbox --runtime-dir '$RUNTIME' '$ITEM' | grep -q 'bailiff clarify'"
before=$(count)
check "it is clarified" verb clarify "$RUN" --text 'stop after ten more' --reason-code NEEDS_INFO
is "the item is done" "$(of_item .status)" COMPLETED
check "and it goes on" wait_for 5 more "$before"
check "until it repeats itself once more" wait_for 15 paused
ITEM=$(verb inbox --json | jq -r .id) before=$(count)
check "to approve the item lets it go on, too" verb approve "$ITEM"
check "really" wait_for 5 more "$before"
check "and once more" wait_for 15 paused
ITEM=$(verb inbox --json | jq -r .id)
check "to deny it ends the run" verb deny "$ITEM" --reason 'it does not listen'
wait "$RUNNER"
is "as cancelled" $? 143
check "by whom and why" grep -q 'cancelled by uid:0: it does not listen' "$T/run.err"
began
check "a run that ends otherwise" verb revoke "$RUN" --reason enough --wait
wait "$RUNNER"
is "takes its item with it" "$(of_item .status)" CANCELLED
check "all of it is in the ledger" recorded '.kind == "approval" and .detail.type == "clarification" and .detail.state_to == "APPROVED" and .by == "uid:0"'
check "the ledger verifies" verifies
finish
