#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Editors on a terminal, under the default policy: a file is written as it is outside, nothing else is left in the
folder, the status passes, and the terminal is what it was. TAP."""
import os
import shutil
import sys

from pty_driver import BIN, finish, modes, result, settles, world

# Keys, and what shows that the editor is there. TERM is a real one: editors draw.
EDITORS = (
    ("vim", ["vim", "-u", "NONE", "-i", "NONE"], "1 line|1L|0,0|first", ("Gosecond\x1b", ":wq\r")),
    ("nano", ["nano", "--ignorercfiles"], "GNU nano|\\^G", ("\x1b[4~\x05\rsecond", "\x13", "\x18")),
)


def edit(terminal, run, work, name, command, shown, keys):
    path = os.path.join(work, name + ".txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write("first\n")
    shutil.chown(path, "bailiff-agent", "bailiff-agent")
    kept = sorted(os.listdir(work))
    before = modes(terminal.size_and_modes())
    terminal.send(f"{run} {' '.join(command)} {name}.txt; echo co''de-$?\n")
    result(terminal.expect(shown), f"{name} draws its screen", terminal.text)
    for text in keys:
        terminal.send(text)
    result(terminal.expect("code-0"), f"{name} ends with status 0", terminal.text)
    terminal.expect("outer> ")
    with open(path, encoding="utf-8") as file:
        written = file.read()
    result(written.split() == ["first", "second"], f"{name} has written the file", written)
    result(sorted(os.listdir(work)) == kept, f"{name} leaves no other file", os.listdir(work))
    result(settles(terminal, before), f"{name} leaves the terminal as it was", terminal.size_and_modes())


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can")
        return 0
    for name, command, shown, keys in EDITORS:
        if not shutil.which(name, path="/usr/bin:/bin"):
            result(True, f"{name} # SKIP not installed")
            continue
        with world({"TERM": "xterm"}) as (terminal, folders, _, work):
            for side, run in (("control: outside", "setpriv --reuid bailiff-agent --regid bailiff-agent --clear-groups env HOME=/tmp"),
                              ("inside", f"{BIN}/bailiff run -q {folders} --")):
                person = terminal()
                person.send("PS1='out''er> '\n")
                result(person.expect("outer> "), f"{side}: the shell answers", person.text)
                edit(person, run, work, name, command, shown, keys)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
