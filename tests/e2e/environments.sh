#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Environments (UNAUTHORIZED_PROD, UNAUTHORIZED_POOL): what is tagged by variable, address or path, and which a run's
# tier or owner does not cover, is not reached: no instruction, no packet, no file. Each with the run that may.
# shellcheck disable=SC2016  # scripts are for the shell inside
[ "$(id -u)" -ne 0 ] || [ -n "${BAILIFF_UNSHARED:-}" ] || BAILIFF_UNSHARED=1 exec unshare -n "$0"
. "$(dirname "$0")/lib.sh"

# A network of the test's own: what is sent to 10.30.0.0/24 leaves by d0, where it is counted.
ip link set lo up && ip link add d0 type veth peer name d1 && ip addr add 10.30.0.1/24 dev d0 &&
	ip link set d0 arp off up && ip link set d1 up && ip -6 addr flush dev d0 ||
	{ skip netns "environments" "no network of its own"; finish; }
# IPv4 to there only: a new link speaks IPv6 by itself.
cat >"$T/count.py" <<'PY'
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
s.bind(("d1", 0x0800))
print("ready", flush=True)
while True:
    packet = s.recv(2048)
    print(socket.inet_ntoa(packet[16:20]), flush=True)
PY
/usr/bin/python3 "$T/count.py" >"$T/packets" 2>&1 &
counter=$!
trap 'kill $counter 2>/dev/null; clean_up' EXIT
wait_for 10 grep -q ready "$T/packets"
sent() { grep -c '^10.30.0.5$' "$T/packets"; }
arrived() { [ "$(sent)" -gt "$before" ]; }
cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
mkdir "$T/srv" && echo secret >"$T/srv/key" && chmod -R a+rX "$T/srv"
# policy NAME TIER ON OWNERS
policy() {
	whole_default | sed -e "s/^  tier: T1/  tier: $2/" -e "s|^    - \. .*# the work|&\n    - $T/srv|" \
		-e 's/^  mode: none/  mode: host\n  allow: ["*"]/' >"$T/$1.yaml"
	cat >>"$T/$1.yaml" <<YAML
include: [std]
rules:
  ordinary: {when: {class: [read, check, plan, other], risk: [LOW, MEDIUM]}, decision: allow}
environments:
  shop:
    class: prod
    min_tier: T3
    owners: [$4]
    match: {net: ["10.30.0.5", 127.77.0.0/16], path: [$T/srv], env: ["AWS_PROFILE=prod*", "KUBECONFIG=*prod*"]}
    on: $3
YAML
	sed -e 's/class: prod/class: pool/' -e 's/min_tier: T3/min_tier: T2/' "$T/$1.yaml" >"$T/pool-$1.yaml"
	chmod 0644 "$T"/*.yaml
}
policy low T2 deny '"agent:*"'
policy violate T2 violate '"agent:*"'
policy enough T3 violate '"agent:*"'
policy other T3 deny '"agent:ci-*"'
policy lower T1 violate '"agent:*"'
start_supervisor || { not_ok "the supervisor starts"; finish; }

# try POLICY SCRIPT [RUN-FLAGS...]: its answer in $OUT, its exit in $STATUS; $RAN says whether the side effect is there.
try() {
	try_policy=$T/$1.yaml try_script=$2
	shift 2
	rm -f "$WORK/RAN"
	OUT=$(supervised -p "$try_policy" "$@" -- sh -c "$try_script" 2>"$T/err")
	STATUS=$?
	RAN=no
	[ ! -e "$WORK/RAN" ] || RAN=yes
}
# refused DESCRIPTION POLICY SCRIPT TYPE: on: violate; the run is revoked, and the packet is whole.
refused() {
	try "$2" "$3; sleep 20"
	is "$1: revoked, nothing ran" "$STATUS $RAN" "123 no"
	run=$(ledger log --json -n 1000000 2>/dev/null | jq -rs '[.[] | select(.kind == "run_start") | .run] | last')
	check "$1: the packet" recorded ".run == \"$run\" and .kind == \"violation\" and .rule == \"shop\" and
		.severity == \"critical\" and .effect == \"prevented\" and (tostring | test(\"$4\")) and (.detail.remedy | length > 0)"
	is "$1: in this order" "$(jq -rs --arg run "$run" '[.[] | select(.run == $run) | .kind |
		select(. == "violation" or . == "revoke_intent" or . == "revoke_done" or . == "run_end")] | join(" ")' "$T/log.json" | sed 's/\(violation \)*/\1/')" \
		"violation revoke_intent revoke_done run_end"
}
# may DESCRIPTION SCRIPT WANT: the twin, at a tier that suffices.
may() {
	try enough "$2"
	is "$1: a run of its tier may" "$STATUS $RAN $OUT" "$3"
}

for variable in AWS_PROFILE=prod AWS_PROFILE=prod-eu KUBECONFIG=/home/x/.kube/prod-config; do
	refused "$variable" violate "$variable touch RAN" UNAUTHORIZED_PROD
	may "$variable" "$variable touch RAN" "0 yes "
done
refused "exported to a grandchild" violate 'export AWS_PROFILE=prod; (env touch RAN)' UNAUTHORIZED_PROD
refused "of the pool class" pool-lower 'AWS_PROFILE=prod touch RAN' UNAUTHORIZED_POOL
try low 'AWS_PROFILE=prod touch RAN; echo $?'
is "on: deny is a refusal, no incident" "$STATUS $RAN $OUT" "0 no 126"
try low 'AWS_PROFILE=staging touch RAN'
is "another value is another environment" "$STATUS $RAN" "0 yes"
try other 'AWS_PROFILE=prod touch RAN; echo $?'
is "at its tier, but not its owner" "$RAN $OUT" "no 126"
try other 'AWS_PROFILE=prod touch RAN; echo $?' --agent ci-7
is "its owner may" "$RAN $OUT" "yes 0"

before=$(sent)
for probe in "connect4 10.30.0.5 80" "send4 10.30.0.5 80" "connect-mapped 10.30.0.5 80" "fastopen4 10.30.0.5 80"; do
	try low "./probe $probe"
	check "$probe: refused: $OUT" test "$OUT" = EPERM -o "$OUT" = EACCES
done
is "and no packet left" "$(sent)" "$before"
check "the decision names the environment" recorded '.kind == "decision" and .verdict == "deny" and .rule == "shop"'
refused "a connect" violate './probe connect4 10.30.0.5 80' UNAUTHORIZED_PROD
refused "a datagram, pool" pool-lower './probe send4 10.30.0.5 80' UNAUTHORIZED_POOL
is "and still none" "$(sent)" "$before"
may "a datagram" './probe send4 10.30.0.5 80' "0 no OK"
check "and its packet left" wait_for 5 arrived
try low './probe send4 10.30.0.6 80'
is "another address is another environment" "$OUT" OK

read_key="python3 -c 'print(open(\"$T/srv/key\").read().strip()); open(\"RAN\", \"w\")'"
refused "a file that a program names" violate "cat $T/srv/key >RAN.not && touch RAN" UNAUTHORIZED_PROD
refused "a file that only its program opens" violate "$read_key" UNAUTHORIZED_PROD
may "the file" "$read_key" "0 yes secret"
try low "$read_key"
is "on: deny hides it" "$RAN $(grep -c -e 'PermissionError' -e 'FileNotFound' "$T/err")" "no 1"
check "its ledger verifies" verifies
finish
