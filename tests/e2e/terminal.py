#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The terminal of a run: an outer interactive bash on a pty starts `bailiff run -- bash`, and keys go
through both. Ctrl-C interrupts what runs inside and nothing else; Ctrl-Z stops the job and `fg`
brings it back; a new window size arrives; the exit code passes; afterwards the terminal is what
it was. TAP."""
import fcntl
import os
import pwd
import re
import select
import signal
import struct
import sys
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

    def close(self):
        os.close(self.master)
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)


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


def scenario(terminal, run):
    terminal.send("PS1='out''er> '\n")
    result(terminal.expect("outer> "), "control: the outer shell answers", terminal.text)
    time.sleep(0.3)  # for readline's modes, see settles()
    before = modes(terminal.size_and_modes())

    terminal.send(f"{run} -- bash --norc --noprofile -i\n")
    terminal.send("PS1='in''ner> '\n")
    result(terminal.expect("inner> "), "an interactive bash starts inside", terminal.text)
    terminal.send("tty; test -t 0 && test -t 1 && test -t 2 && echo three-''terminals\n")
    result(terminal.expect("three-terminals"), "0, 1 and 2 are terminals inside", terminal.text)
    terminal.send("stty size\n")
    result(terminal.expect("24 80"), "the window's size is there from the start", terminal.text)
    terminal.resize(41, 132)
    terminal.send("stty size\n")
    result(terminal.expect("41 132"), "a new window size arrives", terminal.text)

    terminal.send("sleep 100\n")
    time.sleep(0.5)  # no event says that sleep is in the foreground
    terminal.send("\x03")
    result(terminal.expect("inner> "), "Ctrl-C ends the command inside, not the run", terminal.text)
    terminal.send("echo code-$?\n")
    result(terminal.expect("code-130"), "and the shell inside sees SIGINT", terminal.text)

    terminal.send("sleep 100\n")
    time.sleep(0.5)
    terminal.send("\x1a")
    result(terminal.expect("Stopped"), "Ctrl-Z inside is the inner shell's job control", terminal.text)
    terminal.send("kill %1; exit 37\n")
    # bash -i warns once about the stopped job unless it is gone by now.
    if not terminal.expect("outer> ", 3):
        terminal.send("exit 37\n")
        terminal.expect("outer> ")
    terminal.send("echo code-$?\n")
    result(terminal.expect("code-37"), "the exit code passes through", terminal.text)
    terminal.expect("outer> ")
    result(settles(terminal, before), "the terminal's modes are what they were",
           terminal.size_and_modes())

    terminal.send(f"{run} -- cat\n")
    time.sleep(0.3)
    terminal.send("hel''lo\n")
    result(terminal.expect("hel''lo\r\n[^\n]*hel''lo"), "what is typed arrives and is echoed once", terminal.text)
    terminal.send("\x1a")
    result(terminal.expect("Stopped"), "Ctrl-Z stops the whole job", terminal.text)
    result(terminal.expect("outer> "), "and the outer shell has the terminal", terminal.text)
    terminal.send("stty -a | grep -o ' icanon'; echo mid-$?\n")
    result(terminal.expect(r"mid-0"), "which is not raw while the job is stopped", terminal.text)
    terminal.send("fg\n")
    time.sleep(0.5)
    terminal.send("again\n")
    result(terminal.expect("again\r\n[^\n]*again"), "fg brings it back", terminal.text)
    terminal.send("\x04")
    result(terminal.expect("outer> "), "Ctrl-D ends it", terminal.text)
    terminal.send("echo code-$?\n")
    result(terminal.expect("code-0"), "with exit code 0", terminal.text)

    terminal.send(f"printf 'a\\nb\\n' | {run} -- sh -c 'test -t 0 || echo pi''pe; cat; test -t 1 && echo out-''tty'\n")
    result(terminal.expect("pipe\r\na\r\nb\r\nout-tty\r\n"), "a pipe stays a pipe beside a terminal", terminal.text)
    terminal.expect("outer> ")
    terminal.send(f"{run} -- sh -c 'test -t 0 && test ! -t 1 && echo mix''ed' | cat\n")
    result(terminal.expect("mixed"), "stdin a terminal, stdout a pipe", terminal.text)
    terminal.expect("outer> ")
    terminal.send(f"{run} -- sh -c 'kill -9 $$'; echo code-$?\n")
    result(terminal.expect("code-137"), "a signal becomes 128 and its number", terminal.text)
    terminal.expect("outer> ")
    result(settles(terminal, before), "the terminal's modes are still what they were")


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


def crash(terminal, run, runtime):
    time.sleep(0.3)
    before = modes(terminal.size_and_modes())
    terminal.send(f"{run} -- sh -c 'echo rea''dy; sleep 1000'\n")
    terminal.expect("ready")
    for pid in supervisor_pids(runtime):
        os.kill(pid, signal.SIGKILL)
    result(terminal.expect("outer> "), "a killed supervisor ends the client", terminal.text)
    terminal.send("echo code-$?\n")
    result(terminal.expect("code-125"), "with exit code 125", terminal.text)
    terminal.expect("outer> ")
    result(settles(terminal, before), "and the terminal is restored")


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can")
        return 0
    account = pwd.getpwnam(USER)
    with tempfile.TemporaryDirectory(prefix="bailiff-terminal.", ignore_cleanup_errors=True) as top:
        os.chmod(top, 0o755)
        state, runtime, work = (os.path.join(top, name) for name in ("state", "run", "work"))
        for path in (state, runtime, work):
            os.mkdir(path, 0o755)
        os.chown(work, account.pw_uid, account.pw_gid)
        environment = {"PATH": "/usr/bin:/bin", "TERM": "dumb", "HOME": "/root", "SUDO_UID": str(account.pw_uid)}
        run = f"{BIN}/bailiff run -q --state-dir {state} --runtime-dir {runtime}"
        terminal = Terminal(work, environment)
        try:
            scenario(terminal, run)
            crash(terminal, run, runtime)
        finally:
            terminal.close()
            for pid in supervisor_pids(runtime):
                os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + 10
            while supervisor_pids(runtime) and time.monotonic() < deadline:
                time.sleep(0.1)
            time.sleep(0.2)  # its ledger's writer ends after it
    print(f"1..{tests}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
