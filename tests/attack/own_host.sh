#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker has the internet but not this host: 127.0.0.1 is denied, so it takes the host's other names: the
# address of its network card, the same mapped into IPv6, broadcast, the all-nodes group, a datagram socket
# that is connected elsewhere; and protocols whose send passes no hook (ICMP, UDP-Lite, SCTP). Under
# `coding-agent` no service of the host may be reached by any of them. In a network namespace of the test.
. "$(dirname "$0")/../e2e/lib.sh"

if [ "${1:-}" != inside ]; then
	trap - EXIT
	rm -rf "$T"
	command -v ip >/dev/null || { echo "1..0 # SKIP no ip(8)"; exit 0; }
	exec unshare --net "$0" inside
fi
# 203.0.113.0/24 and 2001:db8::/32 are for documentation: public to any policy.
ip link set lo up
ip link add eth9 type dummy 2>/dev/null || ip link add eth9 type veth 2>/dev/null || ip link add eth9 type bridge 2>/dev/null || :
if ! ip addr add 203.0.113.9/24 broadcast 203.0.113.255 dev eth9 || ! ip addr add 2001:db8::9/64 dev eth9 nodad || ! ip link set eth9 up; then
	skip network "a network card" "this kernel makes none"
	finish
fi
ip link set veth0 up 2>/dev/null || :
ip route add default dev eth9
cat >"$T/reach.py" <<'END'
import socket, sys
def tcp(address, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_STREAM); s.settimeout(2); s.connect((address, 7777))
def udp(address, family=socket.AF_INET, protocol=0, first=None):
    s = socket.socket(family, socket.SOCK_DGRAM, protocol)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if first:
        s.connect(first)
    s.sendto(b"x", (address, 7777))
six = socket.AF_INET6
tries = {
    "card": lambda: tcp("203.0.113.9"), "card6": lambda: tcp("2001:db8::9", six),
    "mapped": lambda: tcp("::ffff:203.0.113.9", six), "datagram": lambda: udp("203.0.113.9"),
    "datagram6": lambda: udp("2001:db8::9", six), "elsewhere": lambda: udp("203.0.113.9", first=("203.0.113.77", 53)),
    "broadcast": lambda: udp("203.0.113.255"), "everybody": lambda: udp("255.255.255.255"),
    "nodes": lambda: udp("ff02::1%eth9", six), "lite": lambda: udp("203.0.113.9", protocol=136),
    "loopback": lambda: tcp("127.0.0.1"),
}
for name in sys.argv[1:]:
    try:
        tries[name]()
        print(name, "OK")
    except OSError as error:
        print(name, error.errno)
END
cp "$T/reach.py" "$WORK/reach.py"
cat >"$T/service.py" <<'END'
import select, socket
all = [socket.create_server(("", 7777)), socket.create_server(("::", 7777), family=socket.AF_INET6)]
for family, address in ((socket.AF_INET, ""), (socket.AF_INET6, "::")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, 7777)); all.append(s)
print("ready", flush=True)
while True:
    for s in select.select(all, [], [])[0]:
        if s.type == socket.SOCK_STREAM:
            s.accept()[0].close()
        else:
            s.recv(100)
        print("reached", flush=True)
END
python3 "$T/service.py" >"$T/service" &
service=$!
trap 'kill $service 2>/dev/null; clean_up' EXIT
check "a service that listens everywhere" wait_for 10 grep -q ready "$T/service"
names="card card6 mapped datagram datagram6 elsewhere broadcast everybody nodes lite loopback"
# shellcheck disable=SC2086  # words
unsupervised python3 reach.py $names >"$T/control"
start_supervisor || { not_ok "the supervisor starts"; finish; }
reached=$(grep -c reached "$T/service")
# shellcheck disable=SC2086
supervised -p coding-agent -- python3 reach.py $names >"$T/inside" 2>"$T/err"
for name in $names; do
	grep -qx "$name OK" "$T/control" || { skip network "$name" "outside: $(grep "^$name " "$T/control")"; continue; }
	check "$name is refused" grep -qx "$name \(1\|13\)" "$T/inside"
done
is "the service saw nobody from inside" "$(grep -c reached "$T/service")" "$reached"
check "the refusals are in the ledger" recorded '(tostring | test("203.0.113.9:7777"))'
check "its ledger verifies" verifies
finish
