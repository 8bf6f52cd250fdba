#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many launches, fifty at once: each has its own exit code, its own words, its own secret, and none hangs. Afterwards no file,
process, cgroup or descriptor is left that was not there after the first. LAUNCHES=1000 for the long form. TAP."""
import concurrent.futures
import contextlib
import os
import random
import re
import subprocess
import sys
import time

from pty_driver import BIN, finish, result, supervisor_pids, world

LAUNCHES = int(os.environ.get("LAUNCHES", "150"))
AT_ONCE = 50
SECONDS = 120  # for one launch, while fifty compete for two processors
SEED = int(os.environ.get("LAUNCHES_SEED", str(random.SystemRandom().randrange(1 << 31))))


def policy(top):
    path = os.path.join(top, "secret.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("schema: 1\nname: secret\nextends: default\nsecrets:\n  token: {env: TOKEN}\n  WORD: {env: TOKEN, as: env}\n")
    os.chmod(path, 0o644)
    return path


class Launch:
    def __init__(self, folders, work, with_secret):
        self.folders, self.work, self.with_secret = folders.split(), work, with_secret
        self.environment = dict(os.environ, SUDO_UID=str(os.stat(work).st_uid))

    def call(self, words, **more):
        try:
            done = subprocess.run([f"{BIN}/bailiff", *words], cwd=self.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=SECONDS, check=False, **{"stdin": subprocess.DEVNULL, "env": self.environment, **more})
        except subprocess.TimeoutExpired:
            return ("hung",)
        # What a busy machine makes the supervisor say is no word of the launch.
        said = [line for line in done.stderr.splitlines(True) if "supervisor did not answer for" not in line]
        return (done.returncode, done.stdout, "".join(said))

    def plain(self, number):
        code = number % 119
        got = self.call(["run", "-q", *self.folders, "--", "sh", "-c", f"echo w{number}; exit {code}"])
        return got, (code, f"w{number}\n", "")

    def piped(self, number):
        got = self.call(["shell", "-q", *self.folders], input=f"echo s{number}\nexit 3\n", stdin=None)
        return got, (3, f"s{number}\n", "")

    def signalled(self, _):
        return self.call(["run", "-q", *self.folders, "--", "sh", "-c", "kill -TERM $$"]), (143, "", "")

    def secret(self, number):
        got = self.call(["run", "-q", *self.folders, "-p", self.with_secret, "--", "sh", "-c",
                         "cat /run/bailiff/secrets/token; cat /run/bailiff/secrets/token 2>/dev/null; echo $WORD"],
                        env=dict(self.environment, TOKEN=f"t{number}"))
        return got, (0, f"t{number}t{number}\n", "")

    def missing(self, _):
        got = self.call(["run", "-q", *self.folders, "--", "/nowhere/program"])
        return got[:2], (127, "")

    def detached(self, number):
        first = self.call(["run", "-q", "-d", *self.folders, "--", "sh", "-c", f"read x; echo d$x; exit {number % 100}"])
        if first[0] != 0:
            return first, "an id"
        got = self.call(["attach", *self.folders, first[1].strip()], input=f"{number}\n", stdin=None)
        return (got[0], f"d{number}" in got[1] if len(got) > 1 else got), (number % 100, True)


def all_of(launch, numbers):
    """The launches whose answer is another than it must be."""
    kinds = [launch.plain, launch.plain, launch.plain, launch.piped, launch.secret, launch.signalled, launch.missing, launch.detached]
    chosen = random.Random(SEED)
    work = [(chosen.choice(kinds), number) for number in numbers]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda one: (one[0].__name__, one[1], *one[0](one[1])), work)
        return [answer for answer in answers if answer[2] != answer[3]]


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def is_spare(instance, name):
    """It waits for the next launch, and its v2 group says so (launch/spare.h)."""
    for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        with contextlib.suppress(OSError):
            return os.getxattr(f"{top}/bailiff/{instance}/{name}", "trusted.bailiff.spare") == b"1"
    return False


def groups(supervisor):
    """Of runs, below the instance of this supervisor, which its children tell: one waits for the next launch."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if parent(int(entry)) != supervisor:
                continue
            with open(f"/proc/{entry}/cgroup", encoding="utf-8") as file:
                found = re.search("/bailiff/([^/\n]+)/", file.read())
        except OSError:
            continue
        if found:
            return sorted(name for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") if os.path.isdir(f"{top}/bailiff/{found.group(1)}")
                          for name in os.listdir(f"{top}/bailiff/{found.group(1)}")
                          if re.fullmatch("[0-9A-Z]{26}", name) and not is_spare(found.group(1), name))
    return ["no instance was found"]


def left(folders, work, supervisor):
    """What could pile up: files but the ledger's own, cgroups, descriptors, processes with our folder in their arguments."""
    state, runtime = folders.split()[1], folders.split()[3]
    files = sorted(os.path.relpath(os.path.join(path, name), work) for top in (runtime, work) for path, _, names in os.walk(top)
                   for name in names if name != "start.lock")  # who was one too many took a turn at it
    kept = sorted(name for name in os.listdir(state))
    fds = len(os.listdir(f"/proc/{supervisor}/fd"))
    processes = 0
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read()
        except OSError:
            continue
        processes += words.startswith(f"{BIN}/bailiff\0".encode()) and runtime.encode() in words
    return {"files": files, "state": kept, "descriptors": fds, "processes": processes,
            "cgroups": groups(supervisor), "temporary": sorted(name for name in os.listdir("/tmp") if name.startswith("bailiff-secret"))}


def settled(folders, work, supervisor, want, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        now = left(folders, work, supervisor)
        if now == want or time.monotonic() > deadline:
            return now
        time.sleep(0.1)


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can")
        return 0
    with world() as (make, folders, runtime, work):
        with subprocess.Popen([f"{BIN}/bailiffd", *folders.split()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
            deadline = time.monotonic() + 10
            while not os.path.exists(os.path.join(runtime, "control.sock")) and time.monotonic() < deadline:
                time.sleep(0.05)
            launch = Launch(folders, work, policy(os.path.dirname(work)))
            print(f"# LAUNCHES_SEED={SEED}")
            wrong = all_of(launch, range(16))
            result(not wrong, "control: one of each kind answers as it must", wrong[:5])
            before = left(folders, work, daemon.pid)
            result(before["cgroups"] == [] and before["processes"] == 0, "control: they leave nothing", before)
            began = time.monotonic()
            wrong = all_of(launch, range(LAUNCHES))
            print(f"# {LAUNCHES} launches, {AT_ONCE} at once: {time.monotonic() - began:.1f} s")
            result(not wrong, f"{LAUNCHES} launches, {AT_ONCE} at once: each has its own code and words", wrong[:5])
            after = settled(folders, work, daemon.pid, before)
            result(after == before, "nothing of them is left: files, descriptors, processes", (before, after))
            others = [pid for pid in supervisor_pids(runtime) if pid != daemon.pid and parent(pid) != daemon.pid]
            result(daemon.poll() is None and not others, "one supervisor did all of it", others)
            rows = launch.call(["ps", "--json", *folders.split()])
            result(rows[1] == "", "and knows of no run that lives", rows)
            make.stop()
        state = folders.split()[1]
        subprocess.run([f"{BIN}/bailiff", "ledger", "verify", "--state-dir", state], capture_output=True, timeout=120, check=False,
                       env=dict(os.environ, XDG_STATE_HOME=os.path.dirname(work)))
        verify = subprocess.run([f"{BIN}/bailiff", "ledger", "verify", "--state-dir", state], capture_output=True, text=True, timeout=120,
                                check=False, env=dict(os.environ, XDG_STATE_HOME=os.path.dirname(work)))
        result(verify.returncode == 0, "its ledger verifies", verify.stdout + verify.stderr)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
