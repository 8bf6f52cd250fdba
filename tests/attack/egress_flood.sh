#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The agent wants to tire out what stands between it and the network: more connections than there is room for,
# idle ones, questions that nobody answers, answers that are none, thousands of refused tries; or it is lucky and
# the relay dies. All of it is bounded, said in the ledger, and none of it opens a way.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/../lib/networld.sh"

trap 'world_stop; clean_up' EXIT
mkdir -p "$WORLD"
world_zone <<'END'
listed.test A 93.184.216.34
silent.test SILENT x
garbage.test GARBAGE x
broken.test SERVFAIL x
wrong.test WRONGID x
wrong.test A 93.184.216.34
END
world_start || { not_ok "the world starts"; diag <"$T/world.out"; finish; }
world_supervisor || { not_ok "the supervisor starts"; finish; }
printf 'schema: 1\nname: flood\nextends: default\nlimits: {open_files: 4096}\nnetwork: {mode: allowlist, allow: ["*.test"], deny: [evil.test]}\n' \
	>"$WORK/flood.yaml"
cat >"$WORK/flood.py" <<'END'
import errno, os, socket, sys, time
def tcp(host="listed.test", port=9999):
    s = socket.socket(); s.settimeout(5); s.connect((socket.gethostbyname(host) if host[0].isalpha() else host, port)); return s
def alive(s):
    try:
        s.settimeout(0.01); return s.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False
def held_or_cut(ip):
    try: return tcp(ip)
    except ConnectionResetError: return socket.socket()  # refused for want of room before connect() came back
def idle():
    ip = socket.gethostbyname("listed.test")
    held = [held_or_cut(ip) for _ in range(1100)]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and sum(map(alive, held[1024:])) > 0: pass
    print(sum(map(alive, held)), flush=True)
    sys.stdin.readline()
    for s in held: s.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if alive(s := held_or_cut(ip)): break
    print(alive(s))
def refused():
    for _ in range(3000):
        try: tcp("93.184.216.66").recv(1)
        except OSError: pass
    print("done")
def datagrams():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("93.184.216.66", 4433))
    for _ in range(5000): s.send(b"x" * 100)
    print("done")
def questions():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
    for i in range(200):
        name = b"silent.test" if i else b"listed.test"
        labels = b"".join(bytes([len(l)]) + l for l in name.split(b"."))
        s.sendto(i.to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1", ("10.0.0.1", 53))
    print(sorted({s.recv(512)[3] & 15 for _ in range(200)}))
def malformed():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.3)
    good = b"\1\0\0\1\0\0\0\0\0\0\6listed\4test\0\0\1\0\1"
    for bad in [b"", b"\0", b"\0" * 11, b"\1\2" + good[:12], b"\1\2" + good[:10] + b"\xc0\x0c\0\1\0\1", b"\xff" * 4000, b"\1\2" + good + b"\xff" * 3000,
                b"\1\2" + good[:10] + b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\x3f" + b"c" * 63 + b"\x3f" + b"d" * 63 + b"\0\0\1\0\1"]:
        try: s.sendto(bad, ("10.0.0.1", 53))
        except OSError: pass
    s.settimeout(5); s.sendto(b"\7\7" + good, ("10.0.0.1", 53))
    while s.recv(4096)[:2] != b"\7\7": pass
    print("answered")
def died():
    print("up", flush=True)
    sys.stdin.readline()
    for host in "93.184.216.34", "93.184.216.66":
        try: tcp(host).recv(1); print("reached", host)
        except OSError as e: print(errno.errorcode.get(e.errno, e))
    try: print(socket.gethostbyname("listed.test"))
    except OSError: print("no names")
globals()[sys.argv[1]]()
END
chmod 0644 "$WORK/flood.py" "$WORK/flood.yaml"
inside() { # WAY: what it said on stderr is shown when a later look at its output finds it wanting
	inside_way=$1
	supervised -p ./flood.yaml -- python3 flood.py "$inside_way" 2>"$T/$inside_way.err"
	inside_status=$?
	[ $inside_status -eq 0 ] || { echo "$inside_way ended with $inside_status:"; cat "$T/$inside_way.err"; } | diag >&2
	return $inside_status
}
relay() { pgrep -P "$SUPERVISOR" -x bailiff-egress; }

# More idle connections than there is room for.
mkfifo "$T/go"
inside idle <"$T/go" >"$T/idle.out" &
run=$!
exec 5>"$T/go"
wait_for 100 test -s "$T/idle.out"
is "of 1100 connections 1024 live" "$(head -n 1 "$T/idle.out")" 1024
rss=$(awk '/VmRSS/ { print $2 }' "/proc/$(relay)/status")
check "the relay is small meanwhile: $rss KiB" test "$rss" -lt 32768
state=$(awk '/^(Uid|CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp):/ { printf "%s ", $2 }' "/proc/$(relay)/status")
is "it is nobody and can do nothing" "$state" "$(id -u bailiff-egress) 0000000000000000 0000000000000000 0000000000000000 1 2 "
is "it is not in the run's network" "$(readlink "/proc/$(relay)/ns/net")" "$(readlink "/proc/$SUPERVISOR/ns/net")"
echo >&5
wait $run
is "when they are gone there is room again" "$(tail -n 1 "$T/idle.out")" True
exec 5>&-
check "who was turned away is in the ledger, counted" recorded '.kind == "decision" and (.sentence | test("too many connections")) and .detail.count > 10'

# Thousands of tries: one record each second at most, and the count is right.
is "3000 refused connections" "$(inside refused)" "done"
check "are a few records with the count" recorded '.kind == "decision" and (tostring | test("93.184.216.66:9999")) and .detail.count > 100'
settle
few=$(ledger log --json -n 1000000 | jq -s '[.[] | select(.kind == "decision" and (tostring | test("93.184.216.66:9999")))] | length')
check "few indeed: $few" test "$few" -lt 50
world_forget
is "5000 datagrams" "$(inside datagrams)" "done"
check "are a few records as well" recorded '.kind == "decision" and .address == "93.184.216.66:4433" and .detail.proto == "udp"'
is "not one left" "$(world_got udp 93.184.216.66 '*')" "0 0"

# Resolvers that say nothing, or nonsense.
for name in silent garbage broken wrong; do
	out=$(supervised -p ./flood.yaml -- getent hosts $name.test)
	is "$name.test: no answer" "$out" ""
	check "and a record of it" recorded '.kind == "decision" and .address == "'$name'.test" and (.sentence | test("no resolver answered"))'
done
is "200 questions at once are all answered, some with an error" "$(inside questions)" "[0, 2]"
is "malformed questions harm nobody" "$(inside malformed)" answered

# The relay dies.
mkfifo "$T/go2"
inside died <"$T/go2" >"$T/died.out" &
run=$!
exec 5>"$T/go2"
wait_for 20 grep -q up "$T/died.out"
world_forget
kill -KILL "$(relay)"
wait_for 10 sh -c '"$1" ledger log --state-dir "$2" --json -n 100000 | grep -q "\"health\""' - "$BAILIFF" "$STATE"
echo >&5
wait $run
exec 5>&-
is "without it nothing gets out, and the run goes on" "$(tr '\n' ' ' <"$T/died.out")" "up ECONNREFUSED ECONNREFUSED no names "
is "not one byte" "$(world_got tcp 93.184.216.34 '*'; world_got tcp 93.184.216.66 '*')" "0 0
0 0"
check "the ledger says that it died" recorded '.kind == "health" and (tostring | test("relay of the run"))'
check "another run has one of its own" test "$(supervised -p ./flood.yaml -- curl -s http://listed.test/hello)" = hello
is "none is left behind" "$(relay | wc -l)" 0
check "its ledger verifies" verifies
finish
