#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs that outlive their terminal. `run --detach` goes on by itself; who attaches sees what was written and types;
two are attached at once; keys leave it; the terminal is put back, alternate screen and mouse included; one that does not
read holds up nobody; a run of somebody else's is refused and recorded. TAP."""
import grp
import json
import os
import pwd
import signal
import subprocess
import sys
import time

from pty_driver import BIN, finish, modes, result, settles, supervisor_pids, world

LEAVE = "\x1c"


class Side:
    """A person's side: a terminal, and the commands of this world."""

    def __init__(self, make, folders, work):
        self.make, self.folders, self.work = make, folders, work
        self.environment = dict(os.environ, SUDO_UID=str(os.stat(work).st_uid), TERM="xterm")

    def terminal(self, name):
        terminal = self.make()
        terminal.send(f"PS1='{name[:1]}''{name[1:]}> '\n")
        terminal.expect(f"{name}> ")
        return terminal

    def call(self, verb, *words, **more):
        return subprocess.run([f"{BIN}/bailiff", verb, *self.folders.split(), *words], cwd=self.work, env=self.environment,
                              capture_output=True, text=True, timeout=60, check=False, **more)

    def detached(self, script):
        run = self.call("run", "-q", "-d", "--", "sh", "-c", script, stdin=subprocess.DEVNULL)
        return run.stdout.strip()

    def attach(self, run, options=""):
        return f"{BIN}/bailiff attach {self.folders} {options} {run}\n"

    def exists(self, name, seconds=30):
        """What a run in the workspace makes when it is so far."""
        deadline = time.monotonic() + seconds
        while not os.path.exists(os.path.join(self.work, name)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return os.path.exists(os.path.join(self.work, name))

    def ended(self, run, seconds=15):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            row = self.call("show", "--json", run)
            if row.returncode == 0 and json.loads(row.stdout.splitlines()[0]).get("status") not in ("RUNNING", "STARTING"):
                return True
            time.sleep(0.05)
        return False


def two_at_once(side):
    run = side.detached("echo be''gin; while read x; do echo got-$x; test $x != stop || exit 9; done")
    result(len(run) == 26, "--detach prints the run's id and returns", run)
    one, two = side.terminal("one"), side.terminal("two")
    before = modes(one.size_and_modes())
    one.resize(40, 100)
    two.resize(30, 120)
    one.send(side.attach(run))
    result(one.expect(r"attached to run .*ctrl-\\ leaves it"), "the keys to leave are said", one.text)
    result(one.expect("begin"), "what was written before is shown", one.text)
    two.send(side.attach(run))
    result(two.expect("begin"), "to the second one, too", two.text)
    one.send("first\n")
    result(one.expect("got-first") and two.expect("got-first"), "both see what one types")
    two.send("second\n")
    result(one.expect("got-second") and two.expect("got-second"), "and what the other types")
    one.send(LEAVE)
    result(one.expect("left the run") and one.expect("one> "), "the key leaves", one.text)
    result(settles(one, before), "the terminal is what it was", one.size_and_modes())
    two.send("third\n")
    result(two.expect("got-third"), "the other one stays", two.text)
    one.send(side.attach(run))
    result(one.expect("begin") and one.expect("got-third"), "attached again, what came meanwhile is there", one.text)
    one.send("stop\n")
    one.expect("one> ")
    two.expect("two> ")
    one.send("echo code-$?\n")
    two.send("echo code-$?\n")
    result(one.expect("code-9") and two.expect("code-9"), "at its end both have its exit code", one.text)
    one.expect("one> ")
    one.send(side.attach(run))
    result(one.expect("is over: FAILED"), "a run that is over is said to be", one.text)
    return one, two, before


def sizes(side, one, two):
    run = side.detached("trap 'stty size' WINCH; stty size; touch sized; while :; do sleep 0.1; done")
    side.exists("sized")
    one.send(side.attach(run))
    result(one.expect("24 80"), "nobody attached: 24 80", one.text)
    result(one.expect("40 100"), "its window is the first one's", one.text)
    two.send(side.attach(run))
    result(one.expect("30 100"), "then the smaller of both", one.text)
    two.resize(20, 120)
    result(one.expect("20 100"), "also after a change", one.text)
    two.send(LEAVE)
    result(one.expect("40 100"), "and the first one's again", one.text)
    one.send(LEAVE)
    one.expect("one> ")
    two.expect("two> ")
    side.call("revoke", run, "--reason", "end of the test", "--wait")


def screens(side, one, before):
    run = side.detached(r"printf '\033[?1049h\033[?1000;1006h\033[?2004h\033[?25l\033[31mfull-''screen'; read x; exit 0")
    one.send(side.attach(run))
    one.expect("full-screen")
    one.send(LEAVE)
    back = one.expect(r"\x1b\[m(.*)left the run")
    want = ["\x1b[?2004l", "\x1b[?1006l", "\x1b[?1000l", "\x1b[?25h", "\x1b[?1049l"]
    result(back and [part for part in want if part not in back.group(1)] == [], "screen, mouse, paste and cursor are put back",
           back and back.group(0))
    one.expect("one> ")
    result(settles(one, before), "and the modes of the line", one.size_and_modes())
    one.send(side.attach(run))
    result(one.expect(r"\x1b\[\?1049h.*full-screen"), "attached again, it has them again", one.text)
    one.send("\n")
    one.expect("one> ")


def jobs(side, one):
    run = side.detached("exec cat")
    one.send(side.attach(run))
    one.expect("leaves it")
    one.send("hel''lo\n")
    one.expect("hel''lo\r\n[^\n]*hel''lo")
    one.send("\x1a")
    result(one.expect("Stopped") and one.expect("one> "), "Ctrl-Z at the command stops the attached job", one.text)
    one.send("fg\n")
    one.expect("attach")
    one.send("again\n")
    result(one.expect("again\r\n[^\n]*again"), "fg brings both back", one.text)
    one.send("\x04")
    one.expect("one> ")
    one.send("echo code-$?\n")
    result(one.expect("code-0"), "Ctrl-D ends it", one.text)
    one.expect("one> ")


def first_terminal_gone(side, two):
    three = side.terminal("three")
    three.send(f"{BIN}/bailiff run -q {side.folders} --detach-keys %,# -- bash --norc --noprofile -i\n")
    three.send("PS1='in''ner> '; mark=kept\n")
    three.expect("inner> ")
    three.send("echo a%b%''%c\n")
    result(three.expect("a%b%%c"), "a beginning of the keys goes to the run", three.text)
    three.expect("inner> ")
    three.send("%#")
    left = three.expect(r"left run (\w{26})")
    result(left and three.expect("three> "), "the keys leave a run of the foreground", three.text)
    three.close()
    side.make.terminals.remove(three)
    run = left.group(1) if left else "none"
    two.send(side.attach(run))
    two.send("\necho $mark-''here\n")
    result(two.expect("kept-here"), "another terminal goes on where it was, when the first is closed", two.text)
    two.send("exit 4\n")
    two.expect("two> ")
    two.send("echo code-$?\n")
    result(two.expect("code-4"), "and has its exit code", two.text)
    two.expect("two> ")


def beside_the_first(side, one):
    """The first terminal is still there."""
    four = side.terminal("four")
    four.send(f"{BIN}/bailiff run -q {side.folders} -- sh -c 'touch beside; while read x; do echo got-$x; stty size; test $x != stop || exit 1; done'\n")
    side.exists("beside")
    row = json.loads(side.call("ps", "--json").stdout.splitlines()[0])
    one.send(side.attach(row["run"]))
    one.expect("leaves it")
    one.send("remote\n")
    result(one.expect("got-remote") and four.expect("got-remote"), "a run of the foreground is attached to beside its terminal")
    four.send("local\n")
    result(one.expect("got-local") and four.expect("got-local"), "and both type")
    result(one.expect("24 80"), "its window is the smaller one", one.text)
    four.send("stop\n")
    one.expect("one> ")
    four.expect("four> ")
    one.send("echo code-$?\n")
    result(one.expect("code-1"), "both end with it", one.text)
    one.expect("one> ")
    four.close()
    side.make.terminals.remove(four)


def keeper_killed(side, one):
    run = side.detached("echo be''gun; exec sleep 1000")
    keepers = [pid for pid, words in processes() if words[:2] == [f"{BIN}/bailiff", "run"] and side.folders.split()[1] in words]
    result(len(keepers) == 1, "one process keeps a detached run", keepers)
    status = open(f"/proc/{keepers[0]}/status", encoding="utf-8").read()
    result(f"Uid:\t{os.stat(side.work).st_uid}\t" in status and "CapEff:\t0000000000000000" in status, "which is not root", status)
    one.send(side.attach(run))
    one.expect("begun")
    os.kill(keepers[0], signal.SIGKILL)
    result(one.expect("went away"), "who is attached is told when it is killed", one.text)
    one.expect("one> ")
    result(side.ended(run), "and the run ends with it")


def what_the_supervisor_says(side, one, runtime):
    policy = os.path.join(os.path.dirname(side.work), "strict.yaml")
    with open(policy, "w", encoding="utf-8") as file:
        file.write("schema: 1\nname: strict\nextends: default\nfiles: {on_scope: violate}\n")
    os.chmod(policy, 0o644)
    run = side.call("run", "-q", "-d", "-p", policy, "--", "sh", "-c",
                    "while read x; do echo x >/etc/x; done", stdin=subprocess.DEVNULL).stdout.strip()
    one.send(side.attach(run))
    one.expect("leaves it")
    one.send("1\n")
    result(one.expect("bailiff: SCOPE_VIOLATION"), "who is attached hears of a violation", one.text)
    one.send("2\n")
    result(one.expect("bailiff: SCOPE_VIOLATION") and one.expect("one> "), "and of what ends the run", one.text)
    one.send("echo code-$?\n")
    result(one.expect("code-123"), "whose code is 123", one.text)
    one.expect("one> ")
    run = side.detached("read x")
    one.send(side.attach(run))
    one.expect("leaves it")
    for pid in supervisor_pids(runtime):
        os.kill(pid, signal.SIGKILL)
    result(one.expect("supervisor went away"), "and of the supervisor's end", one.text)
    one.expect("one> ")
    one.send("echo code-$?\n")
    result(one.expect("code-125"), "whose code is 125", one.text)


def processes():
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                yield int(entry), file.read().decode(errors="replace").split("\0")
        except OSError:
            continue


def floods(side, one):
    run = side.detached("seq 200000; echo at-the-''end; touch done; read x")
    result(side.exists("done"), "with nobody attached a run that writes much goes on")
    shown = side.call("attach", run, input="\n")
    result("at-the-end" in shown.stdout and "200000" in shown.stdout and len(shown.stdout) < 300000,
           "the last part of it is kept", (len(shown.stdout), shown.stderr))
    first = shown.stdout.lstrip().split("\n")[0]
    result(first.isdigit() and int(first) > 100000, "from the beginning of a line on", first)

    run = side.detached("read x; seq 100000; echo at-the-''end; read x")
    with subprocess.Popen([f"{BIN}/bailiff", "attach", *side.folders.split(), run], cwd=side.work, env=side.environment,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as slow:
        slow.stderr.readline()
        os.kill(slow.pid, signal.SIGSTOP)
        one.send(side.attach(run))
        one.expect("leaves it")
        one.send("\n")
        result(one.expect("at-the-end"), "one who reads nothing holds up nobody", one.text[-200:])
        one.send("\n")
        one.expect("one> ")
        os.kill(slow.pid, signal.SIGCONT)
        slow.stdin.close()
        slow.stdout.read()
        result(slow.wait(timeout=20) == 0 and side.ended(run), "and ends with the run")


def refusals(side):
    run = side.detached("read x")
    other = pwd.getpwnam("daemon")
    try:
        group = grp.getgrnam("bailiff").gr_gid
    except KeyError:
        group = other.pw_gid
    stranger = subprocess.run(["setpriv", "--reuid", str(other.pw_uid), "--regid", str(group), "--clear-groups", f"{BIN}/bailiff",
                               "attach", *side.folders.split(), run], cwd="/", capture_output=True, text=True, timeout=20,
                              stdin=subprocess.DEVNULL, check=False)
    result(stranger.returncode == 122 and "may not attach" in stranger.stderr and "RUNNING" in stranger.stderr,
           "somebody else's run is refused, with its state", stranger)
    piped = subprocess.Popen([f"{BIN}/bailiff", "run", "-q", *side.folders.split(), "--", "cat"], cwd=side.work,
                             env=side.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    piped.stdin.write(b"x\n")
    piped.stdin.flush()
    piped.stdout.readline()
    rows = [json.loads(line) for line in side.call("ps", "--json").stdout.splitlines()]
    pipe_run = next(row["run"] for row in rows if row["agent"] == "cat")
    shown = side.call("attach", pipe_run, stdin=subprocess.DEVNULL)
    result(shown.returncode == 122 and "no terminal" in shown.stderr, "a run on pipes has no terminal to attach to", shown)
    piped.communicate()
    result(side.call("attach", "ZZZZZZ", stdin=subprocess.DEVNULL).returncode == 1, "an unknown run is none")
    failed = side.call("run", "-q", "-d", "--", "/nowhere/program", stdin=subprocess.DEVNULL)
    result(failed.returncode == 127 and failed.stdout == "", "a detached run that does not start says so", failed)
    side.call("attach", run, input="\n")
    side.ended(run)
    return run


def records(side, state):
    log = subprocess.run([f"{BIN}/bailiff", "ledger", "log", "--state-dir", state, "--json", "-n", "1000000"], capture_output=True,
                         text=True, timeout=60, check=False).stdout
    rows = [json.loads(line) for line in log.splitlines()]
    asked = [json.dumps(row) for row in rows if "attach" in json.dumps(row)]
    result(any("deny" in row and "may not attach" in row for row in asked), "a refused attach is recorded", asked[-3:])
    result(sum("deny" not in row for row in asked) > 8, "each attach is recorded", len(asked))
    result(any("detached" in json.dumps(row) for row in rows), "that a run began without a terminal is recorded")


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can")
        return 0
    with world({"TERM": "xterm"}) as (make, folders, runtime, work):
        state = os.path.join(os.path.dirname(work), "state")
        # One supervisor for all of it, so that what is over is known, too.
        with subprocess.Popen([f"{BIN}/bailiffd", *folders.split()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            deadline = time.monotonic() + 10
            while not os.path.exists(os.path.join(runtime, "control.sock")) and time.monotonic() < deadline:
                time.sleep(0.05)
            side = Side(make, folders, work)
            one, two, before = two_at_once(side)
            sizes(side, one, two)
            screens(side, one, before)
            jobs(side, one)
            first_terminal_gone(side, two)
            beside_the_first(side, one)
            keeper_killed(side, one)
            floods(side, one)
            refusals(side)
            what_the_supervisor_says(side, one, runtime)
            records(side, state)
            for name in os.listdir(work):
                if name not in ("done", "sized", "beside"):
                    result(False, "nothing is left in the workspace", name)
            make.stop()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
