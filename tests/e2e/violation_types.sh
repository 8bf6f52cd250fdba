#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The types of violations, each by a real cause through the installed programs: packet, severity, response; and the
# twin in which the same act is allowed. Where the others are:
#   UNAUTHORIZED_POOL, UNAUTHORIZED_PROD         environments.sh
#   APPLY_WITHOUT_PLAN, RUN_WITHOUT_CHECK        plans.sh, whole_policy.sh
#   PROCEDURE_VIOLATION, MISSING_ARTIFACT, CONFIDENCE_BELOW_THRESHOLD    phases.sh, stall.sh
#   ERROR_BUDGET_EXCEEDED                        budget.sh
#   HEARTBEAT_TIMEOUT, LIMIT_EXCEEDED, SANDBOX_ESCAPE, BASELINE_MUTATION (prevented)    violations.sh
#   OBSERVER_GAP                                 gaps.sh
#   LOCK_EXPIRED                                 lease.sh
#   STATE_DRIFT                                  nowhere: nothing raises it yet
#   GUARD_BYPASS                                 unit/test_moves.c: by its meaning no input of a right program leads to it
#   UNRECORDED_ROOT                              tests/kernel/test_watch_alone.c: no installed program can gain root
#                                                in a run; attack/setid.sh has the tries
. "$(dirname "$0")/lib.sh"

last_run() { ledger log --json -n 1000000 2>/dev/null | jq -rs '[.[] | select(.kind == "run_start") | .run] | last'; }
# packet DESCRIPTION TYPE SEVERITY EFFECT VERDICTS: of the last run; a verdict for each time.
packet() {
	packet_run=$(last_run)
	ledger log --json -n 1000000 2>/dev/null | jq -s --arg run "$packet_run" --arg type "$2" \
		'[.[] | select(.run == $run and .kind == "violation" and .detail.subject == $type)]' >"$T/packets"
	is "$1: $2, severity, effect, response" "$(jq -r '"\(.[0].severity) \(.[0].effect) " + (map(.verdict) | join(" "))' "$T/packets")" "$3 $4 $5"
	check "$1: all of it is said" jq -e 'all(.[]; (.detail.message | length > 0) and (.detail.remedy | length > 0) and
		(.detail.remedy_agent | length > 0) and (.detail.policy_digest | length == 64) and (.rule | length > 0) and .detail.agent)' "$T/packets"
}
none() { # DESCRIPTION: the last run has no violation
	none_run=$(last_run)
	refute "$1" recorded ".run == \"$none_run\" and .kind == \"violation\""
}
policy() { # NAME SED...
	policy_out=$T/$1.yaml
	shift
	whole_default | sed "$@" >"$policy_out"
	chmod 0644 "$policy_out"
}
policy strict -e 's/^  on_scope: deny/  on_scope: violate/' -e 's/^  on_forbidden: deny/  on_forbidden: violate/'
policy warn -e 's/^  on_scope: deny/  on_scope: violate/' -e 's/^  medium: .*/  medium: [warn]/'
policy pinned -e '/^files:/a\  baseline:\n    rules:\n      paths: [./RULES]\n      on: violate'
cp "$PROBE" "$WORK/probe"
start_supervisor || { not_ok "the supervisor starts"; finish; }

supervised -p "$T/strict.yaml" -- sh -c 'echo x >/etc/bailiff-types; echo x >/etc/bailiff-types; sleep 20' 2>"$T/err"
is "two writes outside: revoked" "$?" 123
packet "a write outside" SCOPE_VIOLATION medium prevented "warn killed"
supervised -p "$T/warn.yaml" -- sh -c 'echo x >/etc/bailiff-types; echo x >/etc/bailiff-types; true' 2>"$T/err"
is "where the policy only warns" "$?" 0
packet "a write outside, warned" SCOPE_VIOLATION medium prevented "warn warn"
supervised -- sh -c 'echo x >/etc/bailiff-types; true' 2>"$T/err"
none "on: deny is no incident"
supervised -p "$T/strict.yaml" -- sh -c 'echo x >inside'
none "twin: a write inside"

supervised -p "$T/strict.yaml" -- sh -c './probe mount-tmpfs /tmp; ./probe mount-tmpfs /tmp; sleep 20' >"$T/out" 2>"$T/err"
is "two mounts: revoked" "$?" 123
packet "a mount" FORBIDDEN_ACTION medium prevented "warn killed"
check "twin: outside of a run root may" unshare -m "$WORK/probe" mount-tmpfs /tmp

{ whole_default; cat <<'YAML'; } >"$T/rules.yaml"
include: [std]
capabilities:
  queue.make: {operation: WRITE, risk: MEDIUM, reversible: true, class: other, compensation: none, exec: [mkfifo]}
rules:
  ordinary: {when: {class: [read, check, plan, other], risk: [LOW, MEDIUM]}, decision: allow}
  no-queues: {when: {capability: [queue.make]}, decision: deny, on: violate, reason: "no queues"}
YAML
chmod 0644 "$T/rules.yaml"
supervised -p "$T/rules.yaml" -- sh -c '/usr/bin/mkfifo a; /usr/bin/mkfifo b; sleep 20' 2>"$T/err"
is "two denied commands whose rule says violate: revoked" "$?" 123
packet "a denied command" FORBIDDEN_ACTION medium prevented "warn killed"
refute "neither ran" sh -c "test -e $WORK/a -o -e $WORK/b"
sed '/no-queues/d' "$T/rules.yaml" >"$T/twin.yaml" && chmod 0644 "$T/twin.yaml"
check "twin: without the rule" supervised -p "$T/twin.yaml" -- mkfifo a
none "twin: no violation"

# Root on the host takes the protection of a file away: what could be prevented happens, and is seen. (r+: an open
# that could make a name would still be refused, by the broker.)
uncovered() { # POLICY FILE: a run that writes FILE once its cover is gone
	rm -f "$WORK/ready" "$WORK/go"
	supervised -p "$1" -- sh -c "echo ready >ready; until [ -e go ]; do sleep 0.05; done
		python3 -c 'open(\"$2\", \"r+\").write(\"evil\")'; sleep 20" 2>"$T/err" &
	client=$!
	wait_for 10 test -e "$WORK/ready"
	victim=$(head -n 1 "$(find /sys/fs/cgroup -type d -name "$(last_run)" | head -n 1)/cgroup.procs")
	check "the cover of $2 is taken away" nsenter -t "$victim" -m -r python3 -c \
		'import ctypes, sys; sys.exit(ctypes.CDLL(None).umount2(sys.argv[1].encode(), 2))' "$WORK/$2"
	touch "$WORK/go"
	wait "$client"
}
mkdir -p "$WORK/.claude" && echo '{}' >"$WORK/.claude/settings.json" && echo good >"$WORK/RULES"
chown -R "$RUN_USER:" "$WORK"
uncovered default .claude/settings.json
is "a change of its own settings: revoked" "$?" 123
packet "its own settings" SELF_TAMPER critical observed killed
echo '{}' >"$WORK/.claude/settings.json"
supervised -- sh -c 'echo evil >.claude/settings.json; python3 -c "open(\".claude/settings.json\", \"w\")"; true' 2>"$T/err"
none "a refused save of its own settings is an ordinary refusal"
check "and recorded" recorded '.kind == "decision" and .verdict == "deny" and .rule == "files.deny_write"'
is "the file is as it was" "$(cat "$WORK/.claude/settings.json")" '{}'
uncovered "$T/pinned.yaml" RULES
is "a pinned file that changed: revoked" "$?" 123
packet "a pinned file" BASELINE_MUTATION critical observed killed
supervised -- sh -c 'echo changed >RULES'
none "twin: without the pin"
check "its ledger verifies" verifies
finish
