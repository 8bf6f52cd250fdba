#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tiers and breakers of agents, where the host keeps them: what a violation leads to, what a tier may not have, what an
# admin does about it, and that all of it survives its supervisor.
. "$(dirname "$0")/lib.sh"

HOST=$T/host.yaml
cat >"$HOST" <<'YAML'
agents: {default_tier: T2, max_tier: T3, named: {low: {tier: T1}, owned: {owner: "user:root", tier: T1}}}
promotion: {min_runs: 2, cooldown: 1s}
breaker: {failures: 2, window: 10m, open_for: 2s}
YAML
agents() { "$BAILIFF" agents "$@" --state-dir "$STATE" --runtime-dir "$RUNTIME"; }
of() { # AGENT FILTER: of its row
	agents --json | jq -r "select(.agent == \"$1\") | $2"
}
whole_default | sed -e 's/^  on_scope: deny/  on_scope: violate/' -e 's/^  tier: T1/  tier: T2/' >"$T/strict.yaml"
{ sed -n '/^violations:/q;p' "$T/strict.yaml"; printf 'violations:\n  override: {SCOPE_VIOLATION: HIGH}\n'; } >"$T/high.yaml"
offender() { # AGENT: a run that is revoked for a HIGH violation
	supervised -p "$T/high.yaml" --agent "$1" -- sh -c 'echo x >/etc/bailiff-test; sleep 5' >"$T/out" 2>"$T/err"
}
works() { supervised -p "$T/strict.yaml" --agent "$@" -- true; }

start_supervisor || { not_ok "the supervisor starts"; finish; }
check "an agent begins where the host says" works one
is "at the default tier" "$(of one .tier)" T2
supervised -p "$T/strict.yaml" --agent low -- true 2>"$T/err"
is "a policy above the agent's tier is refused" "$?" 122
check "  it is said which" grep -q "TIER: agent 'low' is at T1 on this host, and the policy is for T2" "$T/err"
check "  with the flag that narrows it" grep -q 'next: .*run --tier T1' "$T/err"
check "narrowed it runs" supervised -p "$T/strict.yaml" --agent low --tier T1 -- sh -c 'echo x >narrowed'
refute "  and writes to its overlay only" test -e "$WORK/narrowed"
refute "a tier cannot be widened" works one --tier T4
# A plan that says T1 and is not: only a forged one, so the policy is written so.
sed 's/^  tier: T2/  tier: T1/' "$T/strict.yaml" >"$T/forged.yaml"
supervised -p "$T/forged.yaml" --agent low -- true 2>"$T/err"
is "a plan that has more than its tier is refused" "$? $(grep -c 'T1 writes to an overlay only' "$T/err")" "122 1"

offender two
is "control: a HIGH violation revokes" "$?" 123
is "it is a step down" "$(of two '"\(.tier) \(.breaker)"')" "T1 closed"
check "  on record" recorded '.kind == "tier" and (.detail.verb == "demoted" or .verb == "demoted")'
"$BAILIFF" agents demote one --reason x --state-dir "$STATE" --runtime-dir "$RUNTIME" >/dev/null
is "an admin demotes" "$(of one .tier)" T1
supervised -p "$T/strict.yaml" --agent one --tier T1 -- true
refute "one run is too few for a promotion" agents promote one --reason y
supervised -p "$T/strict.yaml" --agent one --tier T1 -- true
check "after two it is promoted" wait_for 5 agents promote one --reason y
is "  a step" "$(of one .tier)" T2
refute "a promotion needs a reason" agents promote one
supervised -p "$T/strict.yaml" --agent owned --tier T1 -- true
supervised -p "$T/strict.yaml" --agent owned --tier T1 -- true
refute "nobody promotes an agent of his own" agents promote owned --reason z
refute "a viewer changes nothing" setpriv --reuid nobody --regid "$(id -g nobody)" \
	--groups "$(getent group bailiff | cut -d: -f3)" "$BAILIFF" agents demote one --reason x --runtime-dir "$RUNTIME" --state-dir "$STATE"

offender three
sed 's/^  tier: T2/  tier: T1/; s/^  mode: direct/  mode: overlay/' "$T/high.yaml" >"$T/high1.yaml"
supervised -p "$T/high1.yaml" --agent three -- sh -c 'echo x >/etc/bailiff-test; sleep 5' >/dev/null 2>&1
is "two revocations open its breaker" "$(of three .breaker)" OPEN
supervised -p "$T/strict.yaml" --agent three --tier T0 -- true 2>"$T/err"
is "nothing of it starts" "$? $(grep -c 'BREAKER: ' "$T/err")" "122 1"
stop_supervisor
start_supervisor || { not_ok "the supervisor starts again"; finish; }
is "it survives its supervisor" "$(of three '"\(.tier) \(.breaker)"')" "T0 OPEN"
sleep 2.2 # open_for, and there is nothing to wait on
check "then one run is let through" supervised -p "$T/strict.yaml" --agent three --tier T0 -- true
is "which closes it" "$(of three .breaker)" closed
refute "nothing to close" agents close three --reason x
verify_log() { verifies >/dev/null; }
check "the ledger verifies" verify_log
finish
