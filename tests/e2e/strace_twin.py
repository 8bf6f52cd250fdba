#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real work, twice: once supervised, once outside under `strace -f` in the same folder. The set of
written paths and the set of executed programs in the ledger must be those that strace saw, no more
and no less. Each file of workloads/ is one kind of work: prepare, work (the part that is compared),
proof (that the work was done).

  strace_twin.py [WORKLOAD...]     KEEP=1 keeps the folders
"""
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

from trace_reader import TRACED, read_trace

TOP = os.environ.get("BAILIFF_TOP") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BIN = os.environ.get("BAILIFF_BIN") or os.path.join(TOP, "out/release/bin")
WORKLOADS = os.path.join(TOP, "tests/e2e/workloads")
USER = pwd.getpwnam("bailiff-agent")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": USER.pw_dir, "LANG": "C.UTF-8",
               "USER": USER.pw_name, "LOGNAME": USER.pw_name}

# Names that a program draws by lot or by its pid, so that two runs of it cannot agree.
RANDOM = [(re.compile(p), r) for p, r in (
    (r"/tmp/cc[A-Za-z0-9]{6}", "/tmp/cc?"),
    (r"/tmp/(pip-[a-z-]+|tmp)[-a-z0-9_]{8}", r"/tmp/\1?"),
    (r"/tmp/(GmFD|Gm|sh-thd\.|make)[A-Za-z0-9]+", r"/tmp/\1?"),
    (r"/tmp_(obj|idx|pack|rev)_[A-Za-z0-9]{6}", r"/tmp_\1_?"),
    (r"\.pyc\.\d+", ".pyc.?"),
    (r"^/tmp/[a-z0-9_]{8}$", "/tmp/?"),
    (r"^/.*/#\d+$", "a file without a name"),   # O_TMPFILE
    (r"/(sed|st)[A-Za-z0-9]{6}$", r"/\1?"),
    (r"/t[A-Za-z0-9]{6}$", "/t?"),
    (r"/\.git/objects/(incoming|maintenance)-[A-Za-z0-9]+", r"/.git/objects/\1?"),
)]
# The ledger's kinds that change a name or a file.
WRITES = {"create", "open_write", "unlink", "rename", "link", "symlink", "mkdir", "rmdir", "truncate",
          "chmod", "chown", "xattr", "mknod", "mmap_write"}
# Neither side counts these: they are no files of anybody.
NO_FILE = re.compile(r"^(/dev/|/proc/|/memfd:|pipe:|socket:|anon_inode:)")


def plain(path):
    for pattern, text in RANDOM:
        path = pattern.sub(text, path)
    return path


class Tap:
    count = failed = 0

    def say(self, good, what, detail=""):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {what}", flush=True)
        for line in detail.splitlines()[:60] if not good else []:
            print(f"#   {line}")


class Work:
    """One workload in a folder of its own."""

    def __init__(self, script, folder):
        self.script = script
        self.name = os.path.basename(script).removesuffix(".sh")
        self.work, self.state, self.runtime = (os.path.join(folder, n) for n in ("work", "state", "run"))
        self.trace = os.path.join(folder, "trace")
        for path in (self.state, self.runtime, self.trace):
            os.mkdir(path)
        os.chmod(folder, 0o755)
        os.chown(self.trace, USER.pw_uid, USER.pw_gid)

    def demoted(self, *argv):
        return ["setpriv", f"--reuid={USER.pw_uid}", f"--regid={USER.pw_gid}", "--clear-groups", *argv]

    def step(self, step, *before):
        """prepare or proof: unsupervised, as the run's user."""
        return subprocess.run([*self.demoted(*before), "sh", self.script, step], cwd=self.work,
                              env=dict(ENVIRONMENT, TOP=TOP), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)

    def fresh(self):
        shutil.rmtree(self.work, ignore_errors=True)
        os.mkdir(self.work)
        os.chown(self.work, USER.pw_uid, USER.pw_gid)
        shutil.copy(self.script, os.path.join(self.work, "workload.sh"))
        return self.step("prepare")

    def supervised(self):
        return subprocess.run([f"{BIN}/bailiff", "run", "-q", "--state-dir", self.state, "--runtime-dir",
                               self.runtime, "--", "sh", "workload.sh", "work"], cwd=self.work,
                              env=dict(ENVIRONMENT, SUDO_UID=str(USER.pw_uid), SUDO_GID=str(USER.pw_gid)),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def straced(self):
        # ptrace(2): the shell that strace starts is exec'd by strace itself, as it is by init inside.
        return subprocess.run(self.demoted("strace", "-qq", "-f", "-ff", "-y", "-s", "4096", "-o",
                                           f"{self.trace}/t", "--decode-pids=pidns", "-e",
                                           f"trace={TRACED}", "-e", "signal=none",
                                           "--seccomp-bpf", "sh", "workload.sh", "work"), cwd=self.work, env=ENVIRONMENT,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def ledger(self):
        out = subprocess.run([f"{BIN}/bailiff", "ledger", "log", "--state-dir", self.state, "--json", "-n",
                              "1000000"], capture_output=True, text=True, check=False)
        records = [json.loads(line) for line in out.stdout.splitlines()]
        if not records:
            raise RuntimeError(f"the ledger says nothing: {out.stderr}")
        return records


def ledger_sets(records):
    writes, execs = set(), set()
    for record in records:
        kind = record.get("kind")
        refused = (record["ret"] or 0) < 0 or record.get("verdict") in ("deny", "error")
        if kind == "exec":
            execs.add(record["path"])
        elif kind in WRITES and not refused:
            paths = [record["path"]]
            if kind in ("rename", "link"):
                paths.append(record["path2"])
            writes.update(plain(p or "a file without a name") for p in paths if not NO_FILE.match(p or ""))
    return writes, execs


def difference(ledger, strace):
    lines = [f"only strace: {p}" for p in sorted(strace - ledger)]
    return "\n".join(lines + [f"only ledger: {p}" for p in sorted(ledger - strace)])


def compare(tap, work):
    prepared = work.fresh()
    tap.say(prepared.returncode == 0, f"{work.name}: is prepared", prepared.stderr)
    done = work.supervised()
    tap.say(done.returncode == 0, f"{work.name}: works under supervision",
            f"exit {done.returncode}\n{done.stderr[-3000:]}")
    proof = work.step("proof")
    tap.say(proof.returncode == 0, f"{work.name}: has done its work", proof.stdout + proof.stderr)
    records = work.ledger()

    work.fresh()
    twin = work.straced()
    tap.say(twin.returncode == 0, f"{work.name}: the twin works outside",
            f"exit {twin.returncode}\n{twin.stderr[-2000:]}")
    writes, execs = ledger_sets(records)
    twin_writes, twin_execs = read_trace(work.trace, work.work)
    twin_writes = {plain(p) for p in twin_writes if not NO_FILE.match(p)}
    tap.say(writes == twin_writes and writes, f"{work.name}: {len(twin_writes)} written paths are those of strace",
            difference(writes, twin_writes))
    tap.say(execs == twin_execs and execs, f"{work.name}: {len(twin_execs)} programs are those of strace",
            difference(execs, twin_execs))
    gaps = [r for r in records if r.get("kind") == "gap"]
    tap.say(not gaps, f"{work.name}: nothing was lost", "\n".join(map(str, gaps)))
    verify = subprocess.run([f"{BIN}/bailiff", "ledger", "verify", "--state-dir", work.state],
                            capture_output=True, text=True, check=False,
                            env=dict(os.environ, XDG_STATE_HOME=work.trace))
    tap.say(verify.returncode in (0, 3), f"{work.name}: its ledger verifies", verify.stdout + verify.stderr)


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can")
        return 0
    names = sys.argv[1:] or sorted(n.removesuffix(".sh") for n in os.listdir(WORKLOADS) if n.endswith(".sh"))
    tap = Tap()
    for name in names:
        folder = tempfile.mkdtemp(prefix="bailiff-twin.")
        try:
            compare(tap, Work(os.path.join(WORKLOADS, f"{name}.sh"), folder))
        except Exception as error:  # whatever it is, the other workloads run
            tap.say(False, f"{name}: {type(error).__name__}", str(error))
        finally:
            if os.environ.get("KEEP"):
                print(f"# kept: {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
    print(f"1..{tap.count}")
    return 1 if tap.failed else 0


sys.exit(main())
