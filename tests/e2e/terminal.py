#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The terminal of a run: an outer interactive bash on a pty starts `bailiff run -- bash`, and keys go
through both. Ctrl-C interrupts what runs inside and nothing else; Ctrl-Z stops the job and `fg`
brings it back; a new window size arrives; the exit code passes; afterwards the terminal is what
it was. TAP."""
import os
import signal
import sys
import time

from pty_driver import BIN, finish, modes, result, settles, supervisor_pids, world


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
    with world() as (terminal, folders, runtime, _):
        run = f"{BIN}/bailiff run -q {folders}"
        person = terminal()
        scenario(person, run)
        crash(person, run, runtime)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
