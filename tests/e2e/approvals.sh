#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One action is held until people answer: who may, for what exactly, how often, how long; and what is recorded.
. "$(dirname "$0")/lib.sh"

# says DESCRIPTION WORDS: what the last check or refute printed has them.
says() { cp "$T/check.out" "$T/said" && check "$1" grep -q -- "$2" "$T/said"; }
verb() { verb_name=$1; shift; "$BAILIFF" "$verb_name" --runtime-dir "$RUNTIME" "$@"; }
gid() { getent group bailiff | cut -d: -f3; }
as() { as_user=$1; shift; setpriv --reuid "$as_user" --regid "$(id -g "$as_user")" --groups "$(gid)" "$@"; }
# A caller that is not root, so that root is somebody else; runs have the caller's uid.
CALLER=games
policy() { # FILE ROLE COUNT TTL SELF
	cat >"$1" <<-YAML
	schema: 1
	name: asks
	extends: default
	include: [std]
	capabilities:
	  test.send: {operation: EXECUTE, risk: HIGH, reversible: true, exec: [touch]}
	rules:
	  all: {when: any, decision: allow}
	  ask-send: {when: {capability: [test.send]}, decision: require_approval, reason: "it leaves the house"}
	approvals:
	  HIGH: {role: $2, count: $3, ttl: $4, uses: 1, on_timeout: deny, self: $5}
	YAML
}
run_as_caller() { # POLICY ARGS...: from a workspace of the caller's
	run_policy=$1
	shift
	(cd "$WORK" && exec setpriv --reuid "$CALLER" --regid "$(id -g "$CALLER")" --groups "$(gid)" env HOME=/nonexistent \
		"$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" -p "$run_policy" "$@")
}
item() { verb inbox --json | jq -r "select(.text | test(\"$1\")) | .id" | head -n 1; }
waiting() { [ -n "$(item "$1")" ]; }
of_item() { verb inbox --all --json | jq -r "select(.id == \"$ITEM\") | $1"; }
asked() { # FILE POLICY...: a run in which touch FILE is held; $RUNNER, $ITEM
	asked_file=$1
	shift
	rm -f "$WORK/$asked_file"
	run_as_caller "$@" -- sh -c "touch $asked_file; echo \$? >$asked_file.exit" 2>"$T/$asked_file.err" &
	RUNNER=$!
	wait_for 10 waiting "$asked_file" || { not_ok "$asked_file is asked"; diag <"$T/$asked_file.err"; finish; }
	ITEM=$(item "$asked_file")
}
# The run is over; what its held command ended with.
answered() { # DESCRIPTION WANT
	wait "$RUNNER"
	is "$1" "$(cat "$WORK/$asked_file.exit")" "$2"
}

chown "$CALLER:" "$WORK"
start_supervisor || { not_ok "the supervisor starts"; finish; }
policy "$T/one.yaml" operator 1 15m false
policy "$T/admin.yaml" admin 1 15m false
policy "$T/short.yaml" operator 1 2s false
policy "$T/two.yaml" operator 2 15m false
policy "$T/self.yaml" operator 1 15m true
chmod 0644 "$T"/*.yaml

asked yes "$T/one.yaml"
refute "the effect is not there while it is held" test -e "$WORK/yes"
RUN=$(of_item .run)
is "the run is paused for it" "$(verb show --json "$RUN" | jq -r '"\(.status) \(.paused_for)"')" "PAUSED approval"
check "its caller is told what waits, and what answers it" grep -q "touch yes is held.*bailiff approve" "$T/yes.err"
is "the inbox knows what it is" "$(of_item '"\(.capability) \(.rule) \(.status) \(.priority) \(.needed)"')" "test.send ask-send PENDING high 1"
used() { cat "$(find /sys/fs/cgroup -type d -name "$RUN" -path '*bailiff*' | head -n 1)/cpu.stat" 2>/dev/null | head -n 1; }
before=$(used)
refute "a viewer may not approve it" as nobody "$BAILIFF" approve --runtime-dir "$RUNTIME" "$ITEM"
says "and is told why" 'viewer) may not approve'
refute "its caller may not: self is false" as "$CALLER" "$BAILIFF" approve --runtime-dir "$RUNTIME" "$ITEM"
says "and is told why" 'nobody answers their own request'
is "holding costs no processor" "$(used)" "$before"
check "somebody claims it" verb inbox --claim "$ITEM"
is "then it is in progress" "$(of_item '"\(.status) \(.assigned_to)"')" "IN_PROGRESS 0"
check "and approves it" verb approve "$ITEM" --reason 'it may'
answered "the command goes on" 0
check "and its effect is there" test -e "$WORK/yes"
is "the right is used up" "$(of_item .status)" COMPLETED
refute "it is not approved twice" verb approve "$ITEM"
says "with the state that it is in" 'CONSUMED'
check "the ledger: used before the effect" recorded '.kind == "approval" and .detail.state_to == "CONSUMED"'

check "and people read it as a sentence" sh -c "'$BAILIFF' ledger log --state-dir '$STATE' -n 1000 | grep -q 'uid:0 approved test.send: it may'"
asked no "$T/one.yaml"
check "another one is denied" verb deny "$ITEM" --reason 'not on a friday' --reason-code NEEDS_INFO
answered "the command fails" 126
refute "and has no effect" test -e "$WORK/no"

asked late "$T/short.yaml"
answered "nobody answers: the command fails" 126
is "it is expired, not rejected" "$(of_item .status)" EXPIRED
refute "an answer behind the deadline is refused" verb approve "$ITEM"
says "with the state" 'EXPIRED'

asked high "$T/admin.yaml"
refute "an item of another is not the caller's" as "$CALLER" "$BAILIFF" approve --runtime-dir "$RUNTIME" "$ITEM"
check "cancel refuses what it asks" verb cancel "$(of_item .run)" --reason 'enough'
wait "$RUNNER"
is "the item is rejected" "$(of_item .status)" REJECTED

# Root's own request, in a run of another uid: neither that uid, nor a process inside of a run, nor root without a terminal.
mkdir "$T/own"
chown "$RUN_USER:" "$T/own"
(WORK=$T/own supervised -p "$T/self.yaml" -- sh -c "touch own") 2>"$T/own.err" &
RUNNER=$!
wait_for 10 waiting own
ITEM=$(item own)
refute "the run's own uid may not approve" as "$RUN_USER" "$BAILIFF" approve --runtime-dir "$RUNTIME" "$ITEM"
says "and is told the role" 'may not approve'
cgroup=$(findmnt -nro TARGET -t cgroup2 | head -n 1)/bailiff/test-$$/run
mkdir -p "$cgroup"
refute "nor a process inside of a run, though it is root" \
	sh -c "echo \$\$ >'$cgroup/cgroup.procs' && exec '$BAILIFF' approve --runtime-dir '$RUNTIME' '$ITEM'"
says "and is told why" 'inside a run'
rmdir "$cgroup" "${cgroup%/run}"
refute "nor root without a terminal, who asked for it" setsid -w "$BAILIFF" approve --runtime-dir "$RUNTIME" "$ITEM"
says "and is told why" 'at a terminal only'
is "it is open still" "$(of_item .status)" PENDING
check "root may deny it" verb deny "$ITEM" --reason 'not mine'
wait "$RUNNER"
check "the attempt from inside is recorded" recorded \
	'.kind == "intervention" and .verdict == "deny" and (.detail.reason // "" | test("inside a run"))'

asked dead "$T/one.yaml"
verb revoke "$(of_item .run)" --reason 'enough' --wait >/dev/null
wait "$RUNNER"
is "a question of a dead run is cancelled" "$(of_item .status)" CANCELLED
refute "and an approval for it is refused" verb approve "$ITEM"
says "with the state" 'CANCELLED'

run_as_caller "$T/two.yaml" -- sh -c 'touch two; echo $? >two.exit' 2>"$T/two.err"
is "two votes, and there is one person: denied at once" "$(cat "$WORK/two.exit")" 126
check "saying so" recorded '.kind == "decision" and (.detail.reason // "" | test("nobody to ask"))'

asked lost "$T/one.yaml"
crash_supervisor
wait "$RUNNER" 2>/dev/null
refute "nothing of an agent's words is kept on the disk" grep -rq 'touch' "$STATE/inbox"
start_supervisor || { not_ok "the next supervisor starts"; finish; }
is "after a restart it is known, and cancelled: its run is dead" "$(of_item .status)" CANCELLED
refute "an approval of it is refused" verb approve "$ITEM"
says "with the state" 'CANCELLED'
check "each refused attempt is recorded" recorded \
	'.kind == "intervention" and .detail.verb == "approve" and .verdict == "deny" and .detail.role == "viewer"'
check "the ledger verifies" verifies
finish
