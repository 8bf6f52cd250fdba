#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`bailiff shell`: the person's shell inside the sandbox. Its prompt says so, job control works, an editor that
uses the whole screen edits, the exit code passes, and it is confined and recorded. TAP."""
import os
import shutil
import subprocess
import sys

from pty_driver import BIN, finish, modes, result, settles, world


def scenario(terminal, shell, work):
    nap = f"nap{os.getpid()}"  # a name that nobody else's process has
    shutil.copy("/usr/bin/sleep", os.path.join(work, nap))
    terminal.send("PS1='out''er> '\n")
    result(terminal.expect("outer> "), "control: the outer shell answers", terminal.text)
    before = modes(terminal.size_and_modes())
    terminal.send(f"{shell} -q\n")
    result(terminal.expect(r"\(bailiff\) .*\$ "), "the prompt shows that it is inside", terminal.text)
    terminal.send("echo pid-$$ -$0- $SHELL; shopt -q login_shell || echo not-lo''gin\n")
    result(terminal.expect(r"pid-\d+ -/bin/bash- /bin/bash"), "it is the person's shell", terminal.text)
    result(terminal.expect("not-login"), "and no login shell", terminal.text)
    terminal.expect(r"\$ ")
    terminal.send(f"./{nap} 100\n")
    terminal.expect(f"{nap} 100")
    terminal.wait_foreground(nap)
    terminal.send("\x1a")
    result(terminal.expect("Stopped"), "Ctrl-Z stops a job of it", terminal.text)
    terminal.send("fg\n")
    terminal.expect(f"{nap} 100")
    terminal.wait_foreground(nap)
    terminal.send("\x03")
    terminal.expect(r"\$ ")
    terminal.send("echo code-$?\n")
    result(terminal.expect("code-130"), "fg and Ctrl-C reach it", terminal.text)
    terminal.expect(r"\$ ")

    terminal.send("vim -u NONE -i NONE -n note.txt\n")
    result(terminal.expect("~"), "an editor takes the whole screen", terminal.text)
    terminal.expect(r"\x1b\[22;1H")
    terminal.resize(30, 100)
    result(terminal.expect(r"\x1b\[28;1H"), "and hears of a new size", terminal.text)
    terminal.send("ihello from vim\x1b:set lines? columns?\r")
    result(terminal.expect(r"lines=30\s*columns=100"), "which is the right one", terminal.text)
    terminal.send("\r:wq\r")
    terminal.expect(r"\(bailiff\) .*\$ ")
    with open(os.path.join(work, "note.txt"), encoding="utf-8") as file:
        result(file.read() == "hello from vim\n", "what was typed is in the file")
    terminal.send("echo x >/etc/x; echo ref''used\n")
    result(terminal.expect("Read-only file system|Permission denied"), "what the policy forbids is refused", terminal.text)
    result(terminal.expect("refused"), "and the shell goes on", terminal.text)
    terminal.expect(r"\$ ")
    terminal.send("exit 41\n")
    terminal.expect("outer> ")
    terminal.send("echo code-$?\n")
    result(terminal.expect("code-41"), "the exit code passes", terminal.text)
    terminal.expect("outer> ")
    result(settles(terminal, before), "the terminal is what it was", terminal.size_and_modes())


def without_terminal(shell, work):
    environment = dict(os.environ, SUDO_UID=str(os.stat(work).st_uid))
    words = shell.split() + ["-q"]
    run = subprocess.run(words + ["--", "-c", "echo $0 \"$@\"; exit 7", "name", "a b"], cwd=work, env=environment,
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    result((run.returncode, run.stdout) == (7, "name a b\n"), "its arguments are the shell's", run)
    run = subprocess.run(words, cwd=work, env=environment, input="echo piped\nexit 5\n", capture_output=True, text=True,
                         timeout=30, check=False)
    result((run.returncode, run.stdout) == (5, "piped\n"), "a script on a pipe works as for every shell", run)


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can")
        return 0
    with world({"TERM": "xterm"}) as (terminal, folders, _, work):
        shell = f"{BIN}/bailiff shell {folders}"
        scenario(terminal(), shell, work)
        without_terminal(shell, work)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
