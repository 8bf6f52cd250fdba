#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The agent has a network with a list of names, and wants to reach what is not on it: by raw addresses, by every
# call that can begin a connection or send a datagram, by names that lie (TLS, Host), by names that lead to
# places of the host (rebinding). Not one byte may reach a server that is not on the list; they are counted
# where they would arrive, as packets and by the server. Each attempt has a twin outside that arrives.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/../lib/networld.sh"

trap 'world_stop; clean_up' EXIT
cp "$(dirname "$0")/egress_client.py" "$WORK/client.py" && chmod 0644 "$WORK/client.py"
mkdir -p "$WORLD"
world_zone <<'END'
listed.test A 93.184.216.34
listed.test AAAA 2001:db8::34
other.test A 93.184.216.35
metadata.test A 169.254.169.254
loopback.test A 127.0.0.1
loopback6.test AAAA ::1
mapped.test AAAA ::ffff:127.0.0.1
nat64.test AAAA 64:ff9b::a9fe:a9fe
hosts-own.test A 10.77.0.1
mixed.test A 169.254.169.254
mixed.test A 93.184.216.36
denied.test A 10.9.9.9
evil.test A 93.184.216.66
END
world_start || { not_ok "the world starts"; diag <"$T/world.out"; finish; }
world_supervisor || { not_ok "the supervisor starts"; finish; }

cat >"$WORK/policy.yaml" <<'END'
schema: 1
name: names
workspace: {mode: readonly}
files: {read: [/usr, /bin, /lib, /lib64, /etc/ssl, /etc/nsswitch.conf, ., /tmp]}
network:
  mode: allowlist
  allow: ["listed.test", "other.test:443", "*.wild.test", "metadata.test", "loopback.test", "loopback6.test",
          "mapped.test", "nat64.test", "hosts-own.test", "mixed.test", "denied.test", "*:9998"]
  deny: ["10.9.0.0/16", "worst.wild.test"]
END
chmod 0644 "$WORK/policy.yaml"
inside() { supervised -p ./policy.yaml -- /usr/bin/python3 client.py "$@" 2>"$T/err"; }
outside() { (cd "$WORK" && on_host setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --clear-groups /usr/bin/python3 client.py "$@"); }
# arrives ADDRESS: the world got something for it since it last forgot.
arrives() { [ "$(world_got tcp "$1" '*'; world_got udp "$1" '*')" != "0 0
0 0" ]; }
# unreached DESCRIPTION ADDRESS WHAT PORT [MORE]: outside it arrives, inside nothing does.
unreached() {
	world_forget
	outside "$3" "$2" "$4" ${5:+"$5"} >/dev/null 2>&1
	check "control: $1 arrives from outside" arrives "${6:-$2}"
	world_forget
	unreached_out=$(inside "$3" "$2" "$4" ${5:+"$5"})
	refute "$1 does not arrive ($unreached_out)" arrives "${6:-$2}"
}

# The way that is open, else all of the rest would be nothing.
out=$(inside http listed.test 80 'GET /hello HTTP/1.1\r\nHost: listed.test\r\n\r\n')
is "control: a listed name is reached" "$out" "HTTP/1.1 200 OK"
check "control: the world saw it" world_saw '.kind == "http" and .to == "93.184.216.34" and .host == "listed.test"'

# Raw addresses, by every call.
for what in connect mapped mptcp fastopen fastopen_message nonblocking reconnect; do
	unreached "$what to a raw address" 93.184.216.66 $what 9999
done
unreached "connect to a raw IPv6 address" 2001:db8::66 connect 9999
for what in datagram connected_datagram message; do
	unreached "$what to a raw address" 93.184.216.66 $what 4433
done
unreached "a datagram over IPv6" 2001:db8::66 datagram 4433
unreached "DNS asked of a server of one's own" 93.184.216.66 datagram 53
unreached "a metadata address" 169.254.169.254 connect 80
unreached "a denied network" 10.9.9.9 connect 80
unreached "the host's neighbour" 10.77.0.2 connect 9999
world_forget
inside relay 127.128.0.7 1 >/dev/null
check "the relay's port cannot be reached directly" recorded '.kind == "connect" and .address == "127.128.0.7:1" and .errno == "EPERM"'

# Names that are not on the list, and ways to write one that is.
world_forget
for name in evil.test worst.wild.test wild.test listed.test.evil.test 93.184.216.66.evil.test; do
	out=$(inside resolve "$name" 0)
	is "$name does not exist" "${out%% *}" EAI
done
refute "nobody was asked for them" world_saw '.kind == "dns"'
for name in LISTED.test listed.test.; do
	out=$(inside resolve "$name" 0)
	is "$name is listed.test" "$out" "['2001:db8::34', '93.184.216.34'] OK"
done

# Names of the list that lead to places that no name may lead to.
for name in metadata.test loopback.test loopback6.test mapped.test nat64.test hosts-own.test denied.test; do
	out=$(inside resolve "$name" 0)
	is "$name has no address" "${out%% *}" EAI
done
check "rebinding is in the ledger with its address" recorded \
	'.kind == "decision" and .address == "metadata.test" and (tostring | test("169.254.169.254"))'
out=$(inside resolve mixed.test 0)
is "of two addresses the good one is left" "$out" "['93.184.216.36'] OK"

# TLS and HTTP that lie about whom they are for.
lies() { # DESCRIPTION WHAT PORT MORE
	world_forget
	(inside resolve listed.test 0; inside "$2" listed.test "$3" "$4") >/dev/null
	is "$1: no byte arrives" "$(world_got tcp 93.184.216.34 '*' | cut -d ' ' -f 1)" 0
}
lies "TLS for a name that is not listed" sni 443 evil.test
lies "TLS for a listed name of another address" sni 443 other.test
lies "Host that is not listed" http 80 'GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n'
lies "Host of another address" http 80 'GET / HTTP/1.1\r\nHost: other.test\r\n\r\n'
lies "Host that is an address" http 80 'GET / HTTP/1.1\r\nHost: 93.184.216.66\r\n\r\n'
lies "two Hosts" http 80 'GET / HTTP/1.1\r\nHost: listed.test\r\nHost: evil.test\r\n\r\n'
lies "absolute target that is not listed" http 80 'GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n'
lies "CONNECT to a name that is not listed" http 80 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n'
lies "CONNECT to a listed name at another port" http 80 'CONNECT other.test:22 HTTP/1.1\r\nHost: other.test:22\r\n\r\n'
lies "bare line ends" http 80 'GET / HTTP/1.1\nHost: evil.test\n\n'
lies "a blank before the method" http 80 ' GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n'
lies "HTTP/2 without TLS" http 80 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
lies "a hello that is cut" hello 443 cut
lies "a hello in 4000 records" hello 443 long
lies "a hello of 16 KiB that is none" hello 443 16k
lies "a hello that never ends" hello 443 slow
# Bytes that change between the look and the way out.
world_forget
cp "$WORK/policy.yaml" "$WORK/direct.yaml" && sed -i 's/mode: readonly/mode: direct/; s/files: {read/files: {write: [.], read/' "$WORK/direct.yaml"
out=$(supervised -p ./direct.yaml -- /usr/bin/python3 client.py swap listed.test 80 2>"$T/err")
is "requests in pages that change: some arrive" "$out" "True OK"
refute "none with another host" world_saw '.host == "flipped.evl"'
check "a lying name is in the ledger" recorded '.kind == "decision" and .verdict == "deny" and (tostring | test("other.test"))'
check "a slow one as well" recorded '.kind == "decision" and (tostring | test("did not say in time"))'
world_forget
inside http listed.test 80 'GET /hello HTTP/1.1\r\nHost: listed.test\r\n\r\nGET /second HTTP/1.1\r\nHost: evil.test\r\n\r\n' >/dev/null
check "the first of two requests arrives" world_saw '.kind == "http" and .path == "/hello"'
refute "the second, for another host, does not" world_saw '.path == "/second"'
world_forget
inside sni listed.test 443 listed.test >/dev/null
check "control: TLS that says the truth arrives" world_saw '.kind == "sni" and .name == "listed.test"'

check "its ledger verifies" verifies
finish
