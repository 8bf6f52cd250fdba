# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# Two network namespaces and nothing else: `$HOST_NS`, where bailiffd and bailiff run, and `$WORLD_NS`, where
# networld.py is every server there is. Sourced after e2e/lib.sh.
HOST_NS=bl-h$$ WORLD_NS=bl-w$$
WORLD=$T/world

world_zone() { cat >"$WORLD/zone"; }
world_start() {
	mkdir -p "$WORLD/www"
	echo hello >"$WORLD/www/hello"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=networld \
		-addext "subjectAltName=DNS:listed.test,DNS:*.wild.test,DNS:evil.test,DNS:alias.test,DNS:pypi.test,DNS:npm.test" \
		-keyout "$WORLD/k.pem" -out "$WORLD/ca.pem" 2>/dev/null
	cat "$WORLD/k.pem" "$WORLD/ca.pem" >"$WORLD/key.pem"
	ip netns add "$HOST_NS" && ip netns add "$WORLD_NS" || return 1
	ip -n "$HOST_NS" link add h0 type veth peer name s0 netns "$WORLD_NS" || return 1
	for world_ns in "$HOST_NS" "$WORLD_NS"; do
		ip netns exec "$world_ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
		ip -n "$world_ns" link set lo up
	done
	ip -n "$HOST_NS" addr add 10.77.0.1/24 dev h0
	ip -n "$HOST_NS" addr add fd77::1/64 dev h0 nodad
	ip -n "$WORLD_NS" addr add 10.77.0.2/24 dev s0
	ip -n "$WORLD_NS" addr add fd77::2/64 dev s0 nodad
	ip -n "$HOST_NS" link set h0 up
	ip -n "$WORLD_NS" link set s0 up
	ip -n "$HOST_NS" route add default via 10.77.0.2
	ip -n "$HOST_NS" -6 route add default via fd77::2
	# Every address is this one's: what comes is answered, wherever it was sent.
	ip -n "$WORLD_NS" route add local 0.0.0.0/0 dev lo table main
	ip -n "$WORLD_NS" -6 route add local ::/0 dev lo table main
	ip netns exec "$WORLD_NS" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.s0.rp_filter=0
	ip netns exec "$WORLD_NS" /usr/bin/python3 "$(dirname "$0")/../lib/networld.py" "$WORLD" >"$T/world.out" 2>&1 &
	WORLD_PID=$!
	wait_for 10 test -s "$WORLD/ready"
}
world_stop() {
	[ -z "${WORLD_PID:-}" ] || kill "$WORLD_PID" 2>/dev/null || :
	ip netns del "$HOST_NS" 2>/dev/null || :
	ip netns del "$WORLD_NS" 2>/dev/null || :
}
on_host() { nsenter --net="/run/netns/$HOST_NS" "$@"; }
# Forget what came so far.
world_forget() { : >"$WORLD/seen.jsonl"; : >"$WORLD/packets"; }
# world_saw JQ: the servers saw it. world_got PROTO ADDRESS PORT: bytes of payload that arrived there.
world_saw() { jq -es "any(.[]; $1)" "$WORLD/seen.jsonl" >/dev/null; }
world_got() {
	awk -v p="$1" -v a="$2" -v n="$3" '$1 == p && $2 == a && (n == "*" || $3 == n) { s += $4; c++ } END { print s + 0, c + 0 }' "$WORLD/packets"
}
# A supervisor on the host whose runs ask the world's name server.
world_supervisor() {
	# Not on_host: the pid must be the supervisor's own.
	nsenter --net="/run/netns/$HOST_NS" "$BIN/bailiffd" --state-dir "$STATE" --runtime-dir "$RUNTIME" --resolver 10.77.0.2 >"$T/bailiffd.log" 2>&1 &
	SUPERVISOR=$!
	wait_for 10 on_host grep -q " 00010000 .*$RUNTIME/control.sock" /proc/net/unix || { diag <"$T/bailiffd.log"; return 1; }
}
