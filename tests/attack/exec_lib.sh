# shellcheck shell=sh disable=SC2034  # variables are for those that source it
# SPDX-License-Identifier: Apache-2.0
# What the attacks on the exec gate share: a policy that lets ordinary commands run and denies mkfifo and
# `mkdir RAN`, with and without a broker; and what counts as having run. Sourced after e2e/lib.sh.

cp "$(dirname "$PROBE")/exec_race" "$WORK/exec_race" && chmod 0755 "$WORK/exec_race"
rules=$T/rules.inc
cat >"$rules" <<'EOR'
include: [std]
capabilities:
  fifo.make: {operation: WRITE, risk: MEDIUM, reversible: true, class: other, compensation: none, exec: [mkfifo]}
  mark.make: {operation: WRITE, risk: MEDIUM, reversible: true, class: other, compensation: none, exec: [mkdir RAN]}
rules:
  ordinary: {when: {class: [read, check, plan, other], risk: [LOW, MEDIUM]}, decision: allow}
  no-fifos: {when: {capability: [fifo.make]}, decision: deny, reason: "no queues here"}
  no-marks: {when: {capability: [mark.make]}, decision: deny, reason: "no marks here"}
  not-there: {when: {path_under: [./there]}, decision: deny, reason: "nothing is made there"}
  no-strangers: {when: {capability: [exec.unknown]}, decision: deny, reason: "nobody knows that program"}
environments:
  marks: {class: prod, min_tier: T4, match: {env: ["MARK=RAN"]}, on: deny}
EOR
# A second attempt of a kind must not end the run: what is wanted is what happens to each.
with_rules() { sed 's/^  medium: .*/  medium: [warn]/' | cat - "$rules"; }
brokered=$T/brokered.yaml
whole_default | with_rules >"$brokered"
# Nothing is protected that is not there: no broker, the supervisor receives the calls itself.
direct=$T/direct.yaml
whole_default | sed -e '/^  deny_read:/d' |
	awk '/^  deny_write:/ { skip = 1; next } skip && /^    / { next } { skip = 0; print }' | with_rules >"$direct"
start_supervisor || { not_ok "the supervisor starts"; finish; }

clean() { find "$WORK" -mindepth 1 -maxdepth 1 ! -name exec_race -exec rm -rf {} +; }
ran() { [ -e "$WORK/RAN" ] || [ -e "$WORK/there/made" ]; }
# attack DESCRIPTION SCRIPT: makes RAN outside, and not inside, however the calls are received.
attack() {
	for attack_policy in $brokered $direct; do
		clean
		supervised -p "$attack_policy" -- sh -c "$2" >"$T/out" 2>&1 || :
		if ran; then not_ok "refused ($(basename "$attack_policy" .yaml)): $1"; diag <"$T/out"
		else ok "refused ($(basename "$attack_policy" .yaml)): $1"; fi
	done
	clean
	unsupervised sh -c "$2" >"$T/out" 2>&1 || :
	if ran; then ok "control: $1"; else not_ok "control: $1"; diag <"$T/out"; fi
}
# works DESCRIPTION SCRIPT: the same inside as outside.
works() {
	clean
	works_want=$(unsupervised sh -c "$2" 2>&1)
	for works_policy in $brokered $direct; do
		clean
		is "works ($(basename "$works_policy" .yaml)): $1" "$(supervised -p "$works_policy" -- sh -c "$2" 2>&1)" "$works_want"
	done
}
