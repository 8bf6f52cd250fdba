#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker is in the run that has secrets, or in another one of the same user. It reads one a second time, copies
# it out of the pipe without taking it (tee(2)), changes, replaces or links its name, looks into pid 1's memory,
# descriptors and environment, races a sibling for it. Each byte is read once, by whoever reads first.
. "$(dirname "$0")/../e2e/lib.sh"

VALUE=secret-Hd84kQw1
{ cat "$TOP/policies/library/default.yaml"; printf 'secrets:\n  a: {env: FROM}\n  b: {env: FROM}\n  V: {env: FROM, as: env}\n'; } >"$T/p.yaml"
chmod 0644 "$T/p.yaml"
export FROM=$VALUE
inside() { supervised -p "$T/p.yaml" -- "$@" 2>"$T/err"; }
start_supervisor || { not_ok "the supervisor starts"; finish; }

is "control: the first reader has it" "$(inside cat /run/bailiff/secrets/a)" "$VALUE"
out=$(inside sh -c 'cat /run/bailiff/secrets/a >/dev/null; for i in 1 2 3; do timeout 5 cat /run/bailiff/secrets/a; done')
is "a sibling that comes later has nothing, at once" "$out" ""
cat >"$WORK/held.py" <<'END'
import os
first, second = (os.open("/run/bailiff/secrets/a", os.O_RDONLY | os.O_NONBLOCK) for _ in range(2))
print(os.read(first, 99).decode(), end="|")
while True:  # until pid 1 has closed its end
    try:
        print(os.read(second, 99).decode(), end="|")
        break
    except BlockingIOError:
        pass
try:
    os.open(f"/proc/self/fd/{second}", os.O_RDONLY | os.O_NONBLOCK)
    print("opened anew")
except OSError as error:
    print(os.strerror(error.errno))
END
is "one that had it open before has nothing, and cannot open it anew" "$(inside timeout 10 python3 held.py)" "$VALUE||Permission denied"
cat >"$WORK/race.py" <<'END'
import multiprocessing, os
def read(queue, barrier):
    barrier.wait()
    try:
        queue.put(open("/run/bailiff/secrets/a", "rb", buffering=0).read(99))
    except OSError:
        queue.put(b"")
queue, barrier = multiprocessing.Queue(), multiprocessing.Barrier(16)
readers = [multiprocessing.Process(target=read, args=(queue, barrier)) for _ in range(16)]
for reader in readers: reader.start()
parts = [queue.get() for _ in readers]
print(b"".join(parts).decode())
END
for round in 1 2 3 4 5 6 7 8; do
	is "sixteen at once have it once together, round $round" "$(inside timeout 20 python3 race.py)" "$VALUE"
done
cat >"$WORK/tee.py" <<'END'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if sys.argv[1] == "secret":
    pipe = os.open("/run/bailiff/secrets/a", os.O_RDONLY)
else:
    pipe, end = os.pipe()
    os.write(end, b"x")
to, end = os.pipe()[::-1]
count = libc.tee(pipe, to, 99, 0)
print(count if count >= 0 else os.strerror(ctypes.get_errno()))
END
is "control: tee copies outside" "$(unsupervised python3 tee.py pipe)" 1
is "tee(2), which copies without taking" "$(inside python3 tee.py secret)" "Operation not permitted"
for try in 'chmod 0644 a' 'echo x >a' 'rm -f a' 'mv a c' 'ln a c' 'ln a ~/c' 'mkfifo d' 'exec 3<>a' 'chown $(id -u) a'; do
	refute "refused: $try" inside sh -c "cd /run/bailiff/secrets && $try"
done
for try in 'cat /proc/1/environ' 'ls /proc/1/fd/' 'head -c 1 /proc/1/mem' 'cat /proc/1/maps' 'ls -l /proc/1/map_files'; do
	refute "nothing of pid 1: $try" inside sh -c "$try"
done
check "control: its own it may read" inside sh -c 'cat /proc/self/environ'
check "no file's value is in an environment" inside sh -c '! env | grep -v ^V= | grep -q "secret-Hd"'

# Another run of the same user, while the first one has not read its own yet.
supervised -p "$T/p.yaml" -- sh -c 'echo ready >ready; while ! test -e go; do sleep 0.05; done; cat /run/bailiff/secrets/b' >"$T/first" 2>&1 &
first=$!
wait_for 10 test -e "$WORK/ready"
out=$(supervised -- sh -c 'cat /run/bailiff/secrets/b; cat /proc/*/environ | tr "\0" "\n" | grep ^V=; ls /proc | grep -c "^[0-9]"' 2>/dev/null)
refute "another run sees neither file nor variable: $out" sh -c "echo '$out' | grep -q 'secret-Hd'"
: >"$WORK/go"
wait "$first"
is "control: the first run still has it" "$(cat "$T/first")" "$VALUE"
stop_supervisor
refute "and no file has the value" grep -rlaF "$VALUE" "$STATE" "$RUNTIME" "$T/bailiffd.log"
start_supervisor || not_ok "the supervisor starts again"
check "its ledger verifies" verifies
finish
