# SPDX-License-Identifier: Apache-2.0
"""What is measured. A row is a generator of (subject, baseline) pairs: one pair for each round, both
taken within the same moment of the machine. A new row is a function here and a line in ROWS."""
import contextlib
import json
import os
import sqlite3
import subprocess

from world import BWRAP, timed, wait

ROUNDS = 15


# ---- launching ----

def launch_running(world):
    with world.supervisor():
        for _ in range(ROUNDS * 2):
            yield (timed(lambda: world.call(world.run_argv("/bin/true"))), timed(lambda: world.call([*BWRAP, "/bin/true"])))


def launch_overlay(world):
    argv = world.run_argv("/bin/true", flags=["--overlay"])
    with world.supervisor():
        for _ in range(ROUNDS * 2):
            yield timed(lambda: world.call(argv)), timed(lambda: world.call([*BWRAP, "/bin/true"]))


def overlay_large(world):
    """The start of an overlay over a tree of 100 000 files against one over an empty tree."""
    large, empty = os.path.join(world.work, "large"), os.path.join(world.work, "empty")
    os.mkdir(empty)
    for folder in range(100):
        path = os.path.join(large, f"d{folder}")
        os.makedirs(path)
        for number in range(1000):
            os.close(os.open(os.path.join(path, f"f{number}"), os.O_CREAT | os.O_WRONLY, 0o644))
    own(world, "large")
    own(world, "empty")
    starts = [world.run_argv("/bin/true", flags=["--overlay", "-C", path]) for path in (large, empty)]
    with world.supervisor():
        for _ in range(ROUNDS * 3):
            yield tuple(timed(lambda argv=argv: world.call(argv)) for argv in starts)


def launch_alone(world):
    """No supervisor listens: it is started, and has ended again before the next round."""
    for _ in range(8):
        yield (timed(lambda: world.call(world.run_argv("/bin/true"))), timed(lambda: world.call([*BWRAP, "/bin/true"])))
        world.stop_all()


# ---- work in the run ----

C_FILES = 16
C_TEXT = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/socket.h>\n" + "".join(
    f"int f@_{i}(int x) {{ char b[64]; snprintf(b, sizeof b, \"%d\", x); return (int)strlen(b) + x * {i}; }}\n"
    for i in range(60))


def c_tree(world):
    path = os.path.join(world.work, "build")
    os.mkdir(path)
    for number in range(C_FILES):
        with open(os.path.join(path, f"p{number}.c"), "w", encoding="ascii") as file:
            file.write(C_TEXT.replace("@", str(number)))
    with open(os.path.join(path, "Makefile"), "w", encoding="ascii") as file:
        file.write("OBJ := $(patsubst %.c,%.o,$(wildcard p*.c))\nlib.a: $(OBJ)\n\trm -f $@ && ar rcs $@ $^\n"
                   "%.o: %.c\n\tgcc -O1 -c -o $@ $<\n")


GIT_WORK = """set -e
cd tree; rm -rf .git; cp -r ../template .git
git add . && git -c user.name=b -c user.email=b@b commit -qm one && git status --porcelain && git log --stat | wc -l
python3 -c 'import json, email, http.client, ast, glob
for name in glob.glob("*.py"):
    ast.parse(open(name).read())'
"""


def own(world, path):
    subprocess.run(["chown", "-R", "bailiff-agent:", os.path.join(world.work, path)], check=True)


def work(world, script):
    argv = ["/bin/sh", "-c", script]
    with world.supervisor():
        world.call_native(argv)
        for _ in range(5):
            yield timed(lambda: world.call(world.run_argv(*argv))), timed(lambda: world.call_native(argv))


def c_build(world):
    c_tree(world)
    own(world, "build")
    yield from work(world, "cd build && rm -f *.o *.a && make -s -j2")


def git_python(world):
    tree = os.path.join(world.work, "tree")
    os.mkdir(tree)
    for number in range(200):
        with open(os.path.join(tree, f"m{number}.py"), "w", encoding="ascii") as file:
            file.write("".join(f"def f{i}(x):\n    return x * {i} + {number}\n" for i in range(40)))
    own(world, "tree")
    world.call_native(["git", "init", "-q", "--bare", "template"])
    world.call_native(["git", "-C", "template", "config", "core.bare", "false"])
    yield from work(world, GIT_WORK)


# What every agent may do: the smallest policy that has each command held.
GATED = """schema: 1
name: gated
extends: default
include: [std]
rules:
  ordinary: {when: {class: [read, check, plan, other], risk: [LOW, MEDIUM]}, decision: allow}
"""


def gated(world):
    path = os.path.join(world.folder, "gated.yaml")
    with open(path, "w", encoding="ascii") as file:
        file.write(GATED)
    return ["-p", path]


def c_build_gated(world):
    flags = gated(world)
    c_tree(world)
    own(world, "build")
    argv = ["/bin/sh", "-c", "cd build && rm -f *.o *.a && make -s -j2"]
    with world.supervisor():
        world.call_native(argv)
        for _ in range(5):
            yield timed(lambda: world.call(world.run_argv(*argv, flags=flags))), timed(lambda: world.call_native(argv))


def exec_held(world):
    """Held and judged, against the same in a run whose policy has no rules."""
    flags, argv = gated(world), [world.ops, "exec", "300"]
    with world.supervisor():
        for _ in range(ROUNDS):
            yield float(world.call(world.run_argv(*argv, flags=flags))), float(world.call(world.run_argv(*argv)))


# ---- one operation ----

def in_run(what, count):
    def row(world):
        argv = [world.ops, what, str(count)]
        with world.supervisor():
            for _ in range(ROUNDS):
                yield float(world.call(world.run_argv(*argv))), float(world.call_native(argv))
    return row


def create_in_run(what, count):
    """On a tmpfs: what ext4 takes for a new inode depends on what was deleted within the last seconds."""
    def row(world):
        with world.on_tmpfs():
            yield from in_run(what, count)(world)
    return row


def on_host(what, count):
    """Beside a supervisor with a live run, against the same machine without, before and after: for those who are
    not watched. Of open+close the processor time is compared: it is a tenth that matters, and the machine is shared."""
    def row(world):
        argv = [world.ops, what, str(count)]
        for _ in range(15):
            before = float(world.call_native(argv))
            with world.supervisor(), world.live_run(world.ops, "detach", "1"):
                watched = float(world.call_native(argv))
            yield watched, (before + float(world.call_native(argv))) / 2
    return row


# ---- killing ----

def emptied(path):
    with open(os.path.join(path, "cgroup.events"), encoding="ascii") as events:
        return "populated 0" in events.read()


def kill_group(path):
    def kill():
        with open(os.path.join(path, "cgroup.kill"), "w", encoding="ascii") as file:
            file.write("1")
        with contextlib.suppress(OSError):     # ENODEV: its owner has removed it already
            while not emptied(path):
                pass
    return timed(kill)


def group_of(pid):
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("0::"))
    root = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
    return root + line.strip()[3:]


def descendants(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def plain_group(world, count):
    """The same processes in a cgroup that nobody watches."""
    path = os.path.join(group_of("self"), f"bailiff-bench-{os.getpid()}")
    os.mkdir(path)
    with subprocess.Popen([world.ops, "detach", str(count)], stdout=subprocess.PIPE, text=True, preexec_fn=lambda: open(
            os.path.join(path, "cgroup.procs"), "w", encoding="ascii").write("0")) as parent:
        parent.stdout.readline()
        took = kill_group(path)
    wait(lambda: emptied(path))
    os.rmdir(path)
    return took


def is_spare(group):
    """Of a pid 1 that waits for the next run (supervisor/launch/spare.c)."""
    try:
        os.getxattr(group, "trusted.bailiff.spare")
        return True
    except OSError:
        return False


def run_group(world, daemon):
    inits = [pid for pid in descendants(daemon) if group_of(pid) != group_of(daemon) and not is_spare(group_of(pid))]
    if len(inits) != 1:
        raise SystemExit("bench: which of the supervisor's children is the run?")
    return group_of(inits[0])


def kill_tree(count):
    def row(world):
        with world.supervisor() as daemon:
            for _ in range(5):
                with world.live_run(world.ops, "detach", str(count)):
                    ours = kill_group(run_group(world, daemon))
                yield ours, plain_group(world, count)
    return row


def revoke(count):
    """`bailiff revoke` from the command to the word that nothing is left."""
    def row(world):
        with world.supervisor():
            for _ in range(5):
                with world.live_run(world.ops, "detach", str(count)):
                    run = json.loads(world.call(world.cli("ps", "--json")).splitlines()[0])["run"]
                    ours = timed(lambda run=run: world.call(world.cli("revoke", run, "--reason", "bench", "--wait")))
                yield ours, plain_group(world, count)
    return row


# ---- the ledger ----

MEASURED = {}


def ledger_rounds(world):
    if not MEASURED:
        env = dict(world.env, BAILIFF_BIN=world.programs)
        lines = subprocess.run([os.path.join(world.benches, "ledger"), "200000", "3"], env=env, check=True, text=True,
                               stdout=subprocess.PIPE).stdout
        for line in map(json.loads, lines.splitlines()):
            MEASURED.setdefault(line["what"], []).append(line["per_second"])
    return MEASURED


def ledger(what):
    def row(world):
        rounds = ledger_rounds(world)
        yield from zip(rounds[what], rounds[what + " raw"])
    return row


# ---- deciding ----

def decide(rate):
    """Full decisions, 128 rules and 6 guards, per second of CPU; or the p99 of one in ns."""
    def row(world):
        for line in world.call([os.path.join(world.benches, "decide"), "9"]).splitlines():
            decisions, hashes, p99, hash_p99 = map(float, line.split())
            yield (decisions, hashes) if rate else (p99, hash_p99)
    return row


# ---- watching ----

def storm(world):
    """Opens for 3 s in two processes; each must be in the ledger, as itself or in a folded count."""
    seconds, path = 3, os.path.join(world.work, "storm.txt")
    with open(path, "w", encoding="ascii"):
        pass
    os.chmod(path, 0o666)
    script = f"{world.ops} storm {seconds} {path} & {world.ops} storm {seconds} {path}; wait"
    for _ in range(3):
        with world.supervisor():
            opens = sum(map(int, world.call(world.run_argv("/bin/sh", "-c", script)).split()))
        native = sum(map(int, world.call_native(["/bin/sh", "-c", script]).split()))
        with sqlite3.connect(f"file:{world.state}/ledger/1/ledger.db?mode=ro", uri=True) as db:
            lost = db.execute("SELECT coalesce(sum(n), 0) FROM gap").fetchone()[0]
        if lost:
            raise SystemExit(f"bench: {lost} events were lost in the storm")
        yield opens / seconds, native / seconds


# ---- the relay ----

SERVER = "10.255.77.9"
BODY = str(1 << 30)


def relayed(world, compared):
    """Through the relay of a run against `compared`, which yields a function: both print their rate."""
    with world.own_network(SERVER), world.beside(world.net, "serve", SERVER, "9000"), world.supervisor():
        with compared(world) as native:
            for _ in range(5):
                yield native


def through(world, *argv):
    return float(world.call(world.run_argv(world.net, *argv, flags=("--allow", SERVER + ":9000"))))


@contextlib.contextmanager
def bare_relay(world):
    with world.beside(world.net, "relay", "9001", SERVER, "9000"):
        yield lambda: float(world.call([*world.prefix, world.net, "pull", "127.0.0.1", "9001", BODY]))


@contextlib.contextmanager
def direct(world):
    yield lambda: float(world.call([*world.prefix, world.net, "pull", SERVER, "9000", BODY]))


@contextlib.contextmanager
def direct_storm(world):
    yield lambda: float(world.call([*world.prefix, world.net, "storm", SERVER, "9000", "20000", "64"]))


def egress_bytes(compared):
    def row(world):
        for native in relayed(world, compared):
            yield through(world, "pull", SERVER, "9000", BODY), native()
    return row


def egress_connections(world):
    for native in relayed(world, direct_storm):
        yield through(world, "storm", SERVER, "9000", "20000", "64"), native()


# ---- memory ----

def rss(pid):
    """Resident KiB without the pages of the rings."""
    total = mapping = 0
    with open(f"/proc/{pid}/smaps", encoding="ascii") as file:
        for line in file:
            word = line.split(None, 1)[0]
            if not word.endswith(":"):
                mapping = "bpf-map" in line
            elif word == "Rss:" and not mapping:
                total += int(line.split()[1])
    return total


def map_memory(pid):
    total = 0
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
        if "map_type" in fields and "memlock" in fields:
            total += int(fields["memlock"])
    return total // 1024


def memory(world):
    with world.supervisor() as daemon:
        world.call(world.run_argv("/bin/true"))
        yield rss(daemon), map_memory(daemon)


def memory_per_run(world):
    runs = 20
    with world.supervisor() as daemon:
        world.call(world.run_argv("/bin/true"))
        before = rss(daemon)
        started = [subprocess.Popen(world.run_argv("/bin/sh", "-c", "echo up; exec sleep 1000"), cwd=world.work, env=world.env,
                                    stdout=subprocess.PIPE) for _ in range(runs)]
        for run in started:
            run.stdout.readline()
        yield (rss(daemon) - before) / runs, before
        for run in started:
            run.terminate()
            run.wait()


def policy_compile(world):
    """Reading, compiling, canonical JSON and digest, in one process: the example of the whole language against `default`."""
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    program = os.path.join(world.benches, "compile")
    names = (os.path.join(top, "tests/policy/example.policy.yaml"), os.path.join(top, "policies/library/default.yaml"))
    for _ in range(ROUNDS):
        yield tuple(int(subprocess.run([program, name, "10"], check=True, capture_output=True, cwd=top).stdout) / 1e6
                    for name in names)


# name: (function, unit, what the baseline is, bar on "ratio" or "value", its limit). A bar that ends in
# "at least" is a lower one. "more" is ours less theirs. Rows without a bar are there to be seen.
ROWS = {
    "launch, supervisor runs": (launch_running, "ms", "bubblewrap", "ratio", 1.5),
    "launch on an overlay": (launch_overlay, "ms", "bubblewrap", "ratio", 1.5),
    "overlay, 100000 files": (overlay_large, "ms", "empty tree", "ratio", 1.1),
    "launch, no supervisor": (launch_alone, "ms", "bubblewrap", "value", 150),
    "C build": (c_build, "ms", "native", "ratio", 1.08),
    "C build, gated": (c_build_gated, "ms", "native", "ratio", 1.08),
    "git and python3": (git_python, "ms", "native", None, None),
    "open in the run": (in_run("open", 100000), "ns", "native", None, None),
    "create in the run": (create_in_run("create", 2000), "ns", "native", "more", 40000),
    "create beside another": (create_in_run("creates", 2000), "ns", "native", None, None),
    "exec in the run": (in_run("exec", 300), "ns", "native", None, None),
    "exec held": (exec_held, "ns", "no rules", "more", 30000),
    "connect in the run": (in_run("connect", 5000), "ns", "native", None, None),
    "open on the host": (on_host("cpu-open", 200000), "ns", "native", "ratio", 1.05),
    "exec on the host": (on_host("exec", 300), "ns", "native", None, None),
    "connect on the host": (on_host("connect", 5000), "ns", "native", None, None),
    "kill 1": (kill_tree(1), "ms", "plain cgroup", None, None),
    "kill 200": (kill_tree(200), "ms", "plain cgroup", "value", 10),
    "revoke 1": (revoke(1), "ms", "plain cgroup", None, None),
    "revoke 200": (revoke(200), "ms", "plain cgroup", None, None),
    "ledger append": (ledger("append"), "records/s", "raw SQLite", "value at least", 100000),
    "ledger verify": (ledger("verify"), "records/s", "SELECT + SHA-256", "value at least", 500000),
    "decide": (decide(True), "/s", "SHA-256 of 1 KiB", "value at least", 500000),
    "decide, p99": (decide(False), "ns", "SHA-256 of 1 KiB", "value", 10000),
    "open storm, no loss": (storm, "opens/s", "native", "value at least", 200000),
    "egress bytes, bare relay": (egress_bytes(bare_relay), "MB/s", "splice relay", "ratio at least", 0.9),
    "egress bytes, direct": (egress_bytes(direct), "MB/s", "loopback", "ratio at least", 0.45),
    "egress connections": (egress_connections, "conn/s", "loopback", "value at least", 5000),
    "policy compile": (policy_compile, "ms", "default", "value", 10),
    "memory": (memory, "KiB", "BPF maps", "value", 30 * 1024),
    "memory of one run": (memory_per_run, "KiB", "supervisor", "value", 64),
}
