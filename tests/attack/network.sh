#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker talks to the world: TCP, UDP per message, TCP fast open (a connection without
# connect), IPv4 in IPv6, loopback services of the host, sockets of daemons by path and abstract
# name (docker.sock, D-Bus), odd families. With network `none` nothing of the host is reachable;
# with `host` only what the rules leave.
. "$(dirname "$0")/../e2e/lib.sh"

cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
port=$((20000 + $$ % 20000))
# A service of the host on loopback, on a path in /run, on an abstract name.
cat >"$T/services.py" <<'END'
import os, select, socket, sys
port, path = int(sys.argv[1]), sys.argv[2]
tcp = socket.create_server(("127.0.0.1", port))
named = socket.socket(socket.AF_UNIX); named.bind(path); named.listen(); os.chmod(path, 0o777)
abstract = socket.socket(socket.AF_UNIX); abstract.bind("\0" + os.path.basename(path)); abstract.listen()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", port))
print("ready", flush=True)
while True:
    for s in select.select([tcp, named, abstract], [], [])[0]:
        s.accept()[0].close()
END
socket=/run/bailiff-test-$$.sock
/usr/bin/python3 "$T/services.py" "$port" "$socket" >"$T/ready" 2>&1 &
services=$!
trap 'kill $services 2>/dev/null; rm -f "$socket"; clean_up' EXIT
wait_for 10 grep -q ready "$T/ready"
start_supervisor || { not_ok "the supervisor starts"; finish; }

for probe in "connect4 127.0.0.1 $port" "send4 127.0.0.1 $port" "fastopen4 127.0.0.1 $port" "connect-mapped 127.0.0.1 $port" \
	"connect-unix $socket" "connect-unix @$(basename "$socket")"; do
	# shellcheck disable=SC2086
	is "control: $probe succeeds outside" "$(unsupervised ./probe $probe)" OK
	# In a network of its own 127.0.0.1 is its own: UDP to it is lost, not refused.
	[ "${probe#send4}" = "$probe" ] || continue
	# shellcheck disable=SC2086
	denied "$probe does not reach the host under network none" -- ./probe $probe
done
out=$(supervised -- ./probe connect4 192.0.2.1 443)
check "an address outside is refused at once: $out" test "$out" = EPERM -o "$out" = EACCES -o "$out" = ENETUNREACH
check "the try is in the ledger" recorded '(tostring | test("192.0.2.1"))'
out=$(supervised -- sh -c 'ls /sys/class/net 2>/dev/null; cat /proc/net/dev | sed 1,2d | cut -d: -f1')
is "there is no network device but loopback" "$(echo "$out" | tr -d ' \n')" lo

# Network host, with metadata and private ranges denied.
for address in "169.254.169.254 80" "10.0.0.1 80" "192.168.0.1 80"; do
	# shellcheck disable=SC2086
	out=$(supervised -p coding-agent -- ./probe connect4 $address)
	check "coding-agent: $address is refused: $out" test "$out" = EPERM -o "$out" = EACCES
	# shellcheck disable=SC2086
	out=$(supervised -p coding-agent -- ./probe connect-mapped $address)
	check "coding-agent: $address mapped into IPv6 is refused: $out" test "$out" = EPERM -o "$out" = EACCES
	# shellcheck disable=SC2086
	out=$(supervised -p coding-agent -- ./probe send4 $address)
	check "coding-agent: a datagram to $address is refused: $out" test "$out" = EPERM -o "$out" = EACCES
	# shellcheck disable=SC2086
	out=$(supervised -p coding-agent -- ./probe fastopen4 $address)
	check "coding-agent: fast open to $address is refused: $out" test "$out" = EPERM -o "$out" = EACCES -o "$out" = EOPNOTSUPP
done
denied "coding-agent: a socket in /run is out of reach" -p coding-agent -- ./probe connect-unix "$socket"
denied "coding-agent: an abstract socket of the host is out of reach" -p coding-agent -- ./probe connect-unix "@$(basename "$socket")"
check "its ledger verifies" verifies
finish
