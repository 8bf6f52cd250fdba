# SPDX-License-Identifier: Apache-2.0
"""What the tests of terminals share: an interactive bash on a pty of its own as the person's side, TAP, and a
supervisor of the test that is ended by pid."""
import contextlib
import fcntl
import os
import pwd
import re
import select
import signal
import struct
import tempfile
import termios
import time

TOP = os.environ.get("BAILIFF_TOP") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("BAILIFF_BIN", os.path.join(TOP, "out/release/bin"))
USER = "bailiff-agent"
PATIENCE = 15

tests = failed = 0


def result(good, what, detail=""):
    global tests, failed
    tests += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {what}", flush=True)
    if not good and detail:
        for line in str(detail).splitlines()[-12:]:
            print(f"# {line!r}")


class Terminal:
    """An interactive bash on a pty of our own."""

    def __init__(self, directory, environment):
        self.text = ""
        self.pid, self.master = os.forkpty()
        if self.pid == 0:
            os.chdir(directory)
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], environment)
        self.resize(24, 80)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def size_and_modes(self):
        return termios.tcgetattr(self.master)

    def send(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, seconds=PATIENCE):
        """Waits for the pattern in what was not matched yet; returns the match or None."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.text = self.text[match.end():]
                return match
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                return None
            try:
                self.text += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                return None

    def wait_foreground(self, name, seconds=PATIENCE):
        """Waits until a process of this name sleeps somewhere below our shell: no event says so."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(comm == name and state == "S" for comm, state in below(self.pid)):
                return True
            time.sleep(0.02)
        return False

    def close(self):
        os.close(self.master)
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)


def below(top):
    """(name, state) of the descendants of a process, the whole machine's for a run: its parent is the supervisor."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                text = file.read()
            with open(f"/proc/{entry}/cgroup", encoding="utf-8") as file:
                inside = "/bailiff/" in file.read()
        except OSError:
            continue
        fields = text[text.rindex(")") + 2:].split()
        if inside or int(fields[1]) == top:
            found.append((text[text.index("(") + 1:text.rindex(")")], fields[0]))
    return found


def modes(attributes):
    """Without the speeds, which a pty does not have."""
    return attributes[0:4] + [[bytes([c]) if isinstance(c, int) else c for c in attributes[6]]]


def settles(terminal, before, seconds=3):
    """readline sets its modes a moment around its prompt, so an instant's look would be a race."""
    deadline = time.monotonic() + seconds
    while modes(terminal.size_and_modes()) != before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def supervisor_pids(runtime):
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except (OSError, NotADirectoryError):
            continue
        if words[0].endswith(b"bailiffd") and runtime.encode() in words:
            found.append(int(entry))
    return found


class Maker:
    """Makes terminals; ends the supervisors of its folder."""

    def __init__(self, work, environment, runtime):
        self.work, self.environment, self.runtime, self.terminals = work, environment, runtime, []

    def __call__(self):
        self.terminals.append(Terminal(self.work, self.environment))
        return self.terminals[-1]

    def stop(self):
        for pid in supervisor_pids(self.runtime):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while supervisor_pids(self.runtime) and time.monotonic() < deadline:
            time.sleep(0.1)


@contextlib.contextmanager
def world(extra=None):
    """A terminal in a workspace of the run's user, and the options that name the folders of a supervisor of its own."""
    account = pwd.getpwnam(USER)
    with tempfile.TemporaryDirectory(prefix="bailiff-terminal.", ignore_cleanup_errors=True) as top:
        os.chmod(top, 0o755)
        state, runtime, work = (os.path.join(top, name) for name in ("state", "run", "work"))
        for path in (state, runtime, work):
            os.mkdir(path, 0o755)
        os.chown(work, account.pw_uid, account.pw_gid)
        environment = {"PATH": "/usr/bin:/bin", "TERM": "dumb", "HOME": "/root", "SUDO_UID": str(account.pw_uid)}
        environment.update(extra or {})
        maker = Maker(work, environment, runtime)
        try:
            yield maker, f"--state-dir {state} --runtime-dir {runtime}", runtime, work
        finally:
            for one in maker.terminals:
                one.close()
            maker.stop()
            time.sleep(0.2)  # its ledger's writer ends after it


def finish():
    print(f"1..{tests}")
    return failed > 0
