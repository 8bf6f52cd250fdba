#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The attacker chooses arguments, names of files and programs, its status line and what it is refused, and puts into them
what a terminal acts on: colours, cursor moves, the clipboard (OSC 52), a window title, C1 controls, bidirectional overrides, line
breaks, bytes that are no UTF-8. The operator looks at it with each verb. No such byte reaches a terminal from us: neither where people
read, nor in JSON, nor in the supervisor's log. A line break would forge a line of its own. TAP."""
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.environ.get("BAILIFF_TOP") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BAILIFF = os.path.join(os.environ.get("BAILIFF_BIN", os.path.join(TOP, "out/release/bin")), "bailiff")

# Each part has a word behind it, so that it can be told that the name was shown at all.
HOSTILE = ("\x1b[31mred\x1b]52;c;Zm9yZ2Vk\x07clip\x1b]0;title\x1b\\name\x9b2Jc1\u009b2Jcsi\u202eoverride\u2066isolate\u200fmark\x7f\b"
           "break\nbailiff: run FORGED is over\rback")
BYTES = HOSTILE.encode("utf-8", "surrogateescape").replace(b"\xc2\x9b2Jc1", b"\x9b2Jc1", 1) + b"\xff\xfe"
FILE = BYTES.replace(b"/", b"_")
# What a terminal acts on: C0 but line ends and tabs, DEL, C1 in both spellings, bidirectional marks.
ACTS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]|\xd8\x9c")

tests = failed = 0


def result(good, what, detail=b""):
    global tests, failed
    tests += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {what}", flush=True)
    if not good:
        print(f"# {detail!r}"[:2000])


def is_text(shown):
    try:
        shown.decode()
        return True
    except UnicodeDecodeError:
        return False


def harmless(shown, what, word=None):
    found = ACTS.search(shown)
    around = shown[max(0, found.start() - 60):found.end() + 20] if found else b""
    result(not found and is_text(shown), f"no byte that a terminal acts on: {what}", around or shown[-300:])
    result(b"\nbailiff: run FORGED" not in shown and not shown.startswith(b"bailiff: run FORGED"), f"no forged line: {what}", shown[-300:])
    if word:
        result(word in shown, f"control: it is shown: {what}", shown[-600:])


AGENT = r'''
import os, socket, sys
name = sys.argv[1].encode("utf-8", "surrogateescape")
file = name.replace(b"/", b"_")
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for line in name.split(b"\n"):
    notify.sendto(b"STATUS=" + line.decode("utf-8", "replace").encode(), os.environ["NOTIFY_SOCKET"])
def attempt(call, *words):
    try:
        return call(*words)
    except OSError:
        return None
open(file, "w").close()
os.rename(file, file + b"-moved")
attempt(os.mkdir, b"d" + file)
attempt(os.open, b"/etc/" + file, os.O_WRONLY | os.O_CREAT)
attempt(os.open, b".git/hooks/" + file, os.O_WRONLY | os.O_CREAT)
attempt(os.symlink, b"/etc/" + file, b"link")
attempt(os.unlink, b"/usr/" + file)
peer = socket.socket(socket.AF_UNIX)
attempt(peer.connect, b"/tmp/" + file[:60])
os.system("cp /usr/bin/true ./prog")
prog = b"p" + file[:80]
os.rename(b"prog", prog)
if os.fork() == 0:
    os.execve(b"./" + prog, [name, name, b"--token=" + name], {b"X": name})
os.wait()
open(b"/proc/self/comm", "wb", 0).write(name[:15]) if os.access("/proc/self/comm", os.W_OK) else None
import ctypes
ctypes.CDLL(None).prctl(15, name[:15])
attempt(os.open, b"/etc/by-comm" + file, os.O_WRONLY | os.O_CREAT)
if len(sys.argv) > 2:
    open("ready", "w").close()
    sys.stdin.read()
'''


class World:
    def __init__(self, top):
        account = pwd.getpwnam("bailiff-agent")
        self.top = top
        self.state, self.runtime, self.work = (os.path.join(top, name) for name in ("state", "run", "work"))
        os.chmod(top, 0o755)
        for path in (self.state, self.runtime, self.work):
            os.mkdir(path, 0o755)
        os.makedirs(os.path.join(self.work, ".git", "hooks"))
        with open(os.path.join(self.work, "agent.py"), "w", encoding="utf-8") as file:
            file.write(AGENT)
        for path, _, names in os.walk(self.work):
            for name in [path, *(os.path.join(path, one) for one in names)]:
                os.chown(name, account.pw_uid, account.pw_gid)
        self.folders = ["--state-dir", self.state, "--runtime-dir", self.runtime]
        self.environment = dict(os.environ, SUDO_UID=str(account.pw_uid), TERM="xterm", LC_ALL="C.UTF-8")

    def command(self, *words):
        return [os.fsencode(word) for word in (BAILIFF, *words)]

    def look(self, *words, **more):
        """What is printed, on both descriptors."""
        done = subprocess.run(self.command(*words), cwd=self.work, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False, **more)
        return done.stdout

    def run(self, *words, **more):
        return self.look("run", *self.folders, *words, **more)


def while_it_lives(world):
    with subprocess.Popen(world.command("run", *world.folders, "-v", "--", "python3", "agent.py", BYTES, "wait"), cwd=world.work,
                          env=world.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        deadline = time.monotonic() + 30
        while not os.path.exists(os.path.join(world.work, "ready")) and time.monotonic() < deadline and run.poll() is None:
            time.sleep(0.05)
        shown = world.look("ps", *world.folders)
        harmless(shown, "ps", b"python3")
        name = shown.split(b"\n")[1].split()[0]
        harmless(world.look("ps", "--json", *world.folders), "ps --json", b"override")
        harmless(world.look("show", *world.folders, name), "show: arguments and status line", b"override")
        harmless(world.look("show", "--json", *world.folders, name), "show --json", b"override")
        harmless(run.communicate(timeout=30)[0], "the banner and the last line of run -v", b"refused")


def from_the_ledger(world):
    folder = ["--state-dir", world.state]
    harmless(world.look("ledger", "log", *folder, "-n", "100000"), "ledger log", b"override")
    harmless(world.look("ledger", "log", "--json", *folder, "-n", "100000"), "ledger log --json", b"override")
    harmless(world.look("ledger", "log", "--verdict", "deny", *folder), "refusals", b"override")
    harmless(world.look("ledger", "who", os.fsencode(world.work) + b"/*", *folder), "ledger who", b"override")
    harmless(world.look("ledger", "who", os.fsencode(world.work) + b"/" + FILE, *folder), "ledger who, asked for the name itself")
    harmless(world.look("ledger", "run", "show", "@last", *folder), "ledger run show", b"override")
    harmless(world.look("ledger", "run", "tree", "@last", *folder), "ledger run tree", b"31mred")
    harmless(world.look("ledger", "run", "list", *folder), "ledger run list", b"python3")
    harmless(world.look("why", *folder), "why")
    harmless(world.look("why", "--json", *folder), "why --json")


def notices(world):
    policy = os.path.join(world.top, "strict.yaml")
    with open(policy, "w", encoding="utf-8") as file:
        file.write("schema: 1\nname: strict\nextends: default\nfiles: {on_scope: violate}\n")
    os.chmod(policy, 0o644)
    shown = world.run("-p", policy, "--", "python3", "agent.py", BYTES)
    harmless(shown, "notices and the reason of a violation", b"SCOPE_VIOLATION")
    harmless(world.run("--json", "-p", policy, "--", "python3", "agent.py", BYTES), "the same with --json", b"SCOPE_VIOLATION")


def refused_words(world):
    """What is said of the person's own words: pasted, they come from somewhere."""
    harmless(world.run("--", BYTES), "a program that does not exist", b"override")
    harmless(world.run("-p", FILE, "--", "true"), "a policy that does not exist", b"override")
    harmless(world.run("-r", b"/" + FILE, "--", "true"), "-r", b"override")
    harmless(world.run("--agent", BYTES, "--", "true"), "--agent", b"override")
    harmless(world.run(b"--" + BYTES, "true"), "an option")
    harmless(world.look("attach", *world.folders, BYTES), "attach")
    harmless(world.look("revoke", *world.folders, BYTES, "--reason", "x"), "revoke")
    harmless(world.look(BYTES), "a verb", b"override")


def kept_changes(world):
    shutil.rmtree(os.path.join(world.work, ".git"))
    for name in os.listdir(os.fsencode(world.work)):
        if name not in (b"agent.py", b"link"):
            path = os.path.join(os.fsencode(world.work), name)
            (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)
    os.mkdir(os.path.join(world.work, ".git"))
    shown = world.run("--overlay", "--", "python3", "agent.py", BYTES)
    if b"overlay" in shown and b"needs" in shown:
        print(f"# no overlay here: {shown!r}")
        return
    harmless(shown, "the hint behind an overlay")
    harmless(world.look("changes", *world.folders), "changes")
    last = world.look("ledger", "run", "list", "--state-dir", world.state, "-r", "-n", "1").split(b"\n")
    name = next((word for line in last for word in line.split() if re.fullmatch(rb"[0-9A-Z]{26}", word)), b"@last")
    harmless(world.look("changes", *world.folders, name), "changes of one run", b"override")
    harmless(world.look("rollback", *world.folders, name), "rollback")


def supervisor_log(world):
    path = os.path.join(world.runtime, "bailiffd.log")
    with open(path, "rb") as file:
        harmless(file.read(), "the supervisor's log")


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can")
        return 0
    result(ACTS.search(BYTES) is not None and ACTS.search(b"plain text\n") is None, "control: the name has what is looked for")
    with tempfile.TemporaryDirectory(prefix="bailiff-escapes.", ignore_cleanup_errors=True) as top:
        world = World(top)
        while_it_lives(world)
        from_the_ledger(world)
        notices(world)
        refused_words(world)
        kept_changes(world)
        supervisor_log(world)
        deadline = time.monotonic() + 15
        while os.path.exists(os.path.join(world.runtime, "control.sock")) and time.monotonic() < deadline:
            time.sleep(0.1)
    print(f"1..{tests}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
