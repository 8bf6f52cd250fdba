#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A hostile client of the run's control socket: wrong sizes, wrong fields, descriptors that nobody asked for, half
# messages, floods, connections that never speak or never listen. Must hold: the supervisor answers or closes,
# leaks no descriptor, other runs are served meanwhile, and the offender gets no more than its rate.
. "$(dirname "$0")/../e2e/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
A=/run/bailiff/bin/bailiff
at_most() { [ "$(descriptors)" -le "$1" ]; }
descriptors() { find "/proc/$SUPERVISOR/fd" -mindepth 1 2>/dev/null | wc -l; }

cat >"$WORK/hostile.py" <<'PY'
import array, os, random, socket, struct, sys, time
PATH, SIZE = "/run/bailiff/agent/control", 40 + 4096
def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(10)
    s.connect(PATH)
    return s
def request(verb, version=1, flags=0, number=0, value=0, ident=0, length=0, reserved=0, text=b""):
    return struct.pack("=IIIIqQII", version, verb, flags, number, value, ident, length, reserved) + text.ljust(4096, b"\0")
def outcome(s):
    data = s.recv(65536)
    return struct.unpack("=IIII", data[:16])[2] if data else None
def ask(bytes_, fds=()):
    s = connect()
    s.sendmsg([bytes_], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
    return outcome(s)
DONE, INVALID = 1, 6
def rows():
    yield "a good beat", ask(request(1)) == DONE
    for size in (1, 8, 39, 40, SIZE - 1, SIZE + 1, 60000):
        yield f"{size} bytes", ask(b"\1" * size) in (INVALID, None)
    for name, bad in (("version 0", request(1, version=0)), ("verb 0", request(0)), ("verb 99", request(99)),
                      ("verb 2^32-1", request(2**32 - 1)), ("flags", request(1, flags=2**31)), ("reserved", request(1, reserved=1)),
                      ("a length above the text", request(3, length=4097)), ("a length of 2^32-1", request(3, length=2**32 - 1)),
                      ("a status with ESC", request(3, length=3, text=b"a\x1bb")), ("a status that is no UTF-8", request(3, length=2, text=b"\xff\xfe")),
                      ("confidence 2", request(4, value=2000000)), ("confidence -1", request(4, value=-1)),
                      ("errno -5", request(6, value=-5, length=1, text=b"x")), ("ask without an end", request(10, number=2, length=4, text=b"/etc")),
                      ("ask of a relative path", request(10, number=2, length=4, text=b"etc\0")), ("ask of a kind 77", request(10, number=77, length=5, text=b"/etc\0"))):
        yield name, ask(bad) == INVALID
    yield "a phase of 2^32-1 is refused", ask(request(2, number=2**32 - 1)) == 0
    null = os.open("/dev/null", os.O_RDONLY)
    yield "a descriptor that nobody asked for", ask(request(1), [null]) == INVALID
    yield "two hundred of them", ask(request(1), [null] * 200) in (INVALID, None)
    yield "an empty message", ask(b"") in (INVALID, None)
    many = [connect() for _ in range(12)]    # more than are served at once
    for s in many[:6]:
        s.close()
    time.sleep(0.2)
    yield "the queue moves on", outcome_of(many[-1]) == DONE
    deaf = many[7]
    deaf.setblocking(False)
    try:
        for _ in range(400):
            deaf.send(request(1))            # never reads an answer
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        pass
    for s in many:
        s.close()
    time.sleep(0.5)
    seed = int.from_bytes(os.urandom(4), "big")
    print("seed", seed, file=sys.stderr)
    noise = random.Random(seed)
    for _ in range(40):
        ask(noise.randbytes(SIZE))
    yield "noise", True
    start, beats, s = time.monotonic(), 0, connect()
    while time.monotonic() - start < 4:
        s.send(request(1))
        beats += outcome(s) == DONE
    print("beats in 4 s:", beats, file=sys.stderr)
    yield "no more than 100 a second and 200 at once", 200 <= beats <= 650
def outcome_of(s):
    s.send(request(1))
    return outcome(s)
for name, good in rows():
    print("good" if good else "BAD", name, flush=True)
PY
supervised -- true
# What a supervisor keeps for the next start is there after the first one.
wait_for 3 sh -c "ls -l /proc/$SUPERVISOR/fd | grep -q porter" || :
before=$(descriptors)
supervised -p pip -- sh -c "until [ -e stop ]; do $A agent heartbeat --json >beat.new && mv beat.new beat; sleep 0.1; done" >/dev/null 2>&1 &
neighbour=$!
wait_for 10 test -s "$WORK/beat"
supervised -p pip -- python3 hostile.py >"$T/hostile" 2>"$T/err" &
hostile=$!
wait_for 60 grep -q noise "$T/hostile"
# While the flood goes on: the neighbour's beats are answered.
rm -f "$WORK/beat"
check "a neighbour is served during the flood" wait_for 3 test -s "$WORK/beat"
wait $hostile
is "the hostile client ended by itself" $? 0
check "it tried everything" test "$(wc -l <"$T/hostile")" -ge 30
is "everything was refused or closed" "$(grep BAD "$T/hostile")" ""
diag <"$T/err"
touch "$WORK/stop"
wait $neighbour
is "the neighbour was left alone" $? 0
check "no descriptor is left over" wait_for 5 at_most "$before"
# The program and the socket stay what they are.
denied "the program inside cannot be written" -- sh -c "(echo x >$A) 2>/dev/null && echo written || echo EROFS"
denied "nor removed" -- sh -c "rm -f $A 2>/dev/null && echo gone || echo EBUSY"
denied "nor the socket" -- sh -c "rm -f /run/bailiff/agent/control 2>/dev/null && echo gone || echo EACCES"
cp "$BIN/bailiff-agent" "$T/copy"
check "twin: outside, a copy can be" sh -c "echo x >>'$T/copy' && rm '$T/copy'"
finish
