#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`bailiff run --ask`: a question stands at the run's own terminal, and only the code that is shown there is a yes."""
import os
import subprocess
import sys
import time

from pty_driver import BIN, finish, modes, result, settles, world

POLICY = """schema: 1
name: asks
extends: default
include: [std]
capabilities:
  test.send: {operation: EXECUTE, risk: HIGH, reversible: true, exec: [touch]}
rules:
  all: {when: any, decision: allow}
  ask-send: {when: {capability: [test.send]}, decision: require_approval, reason: it leaves the house}
approvals:
  HIGH: {role: operator, count: 1, ttl: TTL, uses: 1, on_timeout: deny, self: SELF}
"""
CODE = r"type ([0-9A-Z]{4}) to approve; n denies: "


def policy(work, name, ttl="15m", self_="true"):
    path = os.path.join(os.path.dirname(work), name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(POLICY.replace("TTL", ttl).replace("SELF", self_))
    return path


def asked(terminal, line):
    terminal.send(line)
    match = terminal.expect(CODE)
    return match.group(1) if match else None


def quiet(terminal, seconds):
    """What comes within that time: nothing of a frozen run may."""
    terminal.expect("never said", seconds)
    return terminal.text


def yes(terminal, run, work):
    terminal.send("PS1=outer'> '\n")
    terminal.expect("outer> ")
    before = modes(terminal.size_and_modes())
    code = asked(terminal, f"{run} -- sh -c '(while :; do echo tick; echo x >>grows; sleep 0.01; done) & sleep 0.3; touch yes; echo rc=$?; sleep 0.3; kill $!'\n")
    result(code, "the question stands at the terminal, with a code", terminal.text)
    size = os.path.getsize(f"{work}/grows")
    seen = quiet(terminal, 1)
    result("tick" not in seen, "nothing of the run mixes into it", seen)
    result(os.path.getsize(f"{work}/grows") == size, "for all of it is frozen")
    result(not os.path.exists(f"{work}/yes"), "and nothing has happened yet")
    terminal.send("AAAA\n")
    result(terminal.expect("that is not the code"), "a wrong code is none", terminal.text)
    result(not os.path.exists(f"{work}/yes"), "and does nothing")
    terminal.send(f"{code}\n")
    result(terminal.expect("it is APPROVED"), "the code is a yes", terminal.text)
    result(terminal.expect("rc=0"), "what was asked about is done", terminal.text)
    result(terminal.expect("tick"), "and the run goes on", terminal.text)
    result(os.path.getsize(f"{work}/grows") > size, "control: what was frozen writes again")
    result(os.path.exists(f"{work}/yes"), "its effect is there")
    terminal.expect("outer> ")
    result(settles(terminal, before), "the terminal is as it was before")


def no(terminal, run, work):
    for what, answer in (("n", "n\n"), ("Ctrl-C", "\x03"), ("Ctrl-D", "\x04"), ("three other lines", "a\nb\nc\n")):
        code = asked(terminal, f"{run} -- sh -c 'touch no; echo rc=$?'\n")
        result(code, f"it is asked again, before {what}", terminal.text)
        terminal.send(answer)
        result(terminal.expect("it is REJECTED"), f"{what} is a no", terminal.text)
        result(terminal.expect("rc=126"), "and the command fails", terminal.text)
        terminal.expect("outer> ")
    result(not os.path.exists(f"{work}/no"), "nothing of that has happened")


def typed_ahead(terminal, run, work):
    """Not read by the run, so it lies in the terminal when the question comes."""
    terminal.send(f"{run} -- sh -c 'echo rea''dy; sleep 1; touch ahead; echo rc=$?' </dev/null\n")
    terminal.expect("ready")
    terminal.send("n\n")
    match = terminal.expect(CODE)
    result(match, "a question comes after a line was typed ahead", terminal.text)
    seen = quiet(terminal, 1)
    result("REJECTED" not in seen and not os.path.exists(f"{work}/ahead"), "that line is no answer", seen)
    terminal.send(f"{match.group(1) if match else ''}\n")
    result(terminal.expect("rc=0"), "the code that is typed now is", terminal.text)
    terminal.expect("outer> ")


def too_late(terminal, run):
    result(asked(terminal, f"{run} -- sh -c 'touch late; echo rc=$?'\n"), "a question with a time", terminal.text)
    result(terminal.expect("it is EXPIRED"), "is over by itself", terminal.text)
    result(terminal.expect("rc=126"), "and denied", terminal.text)


def somebody_else(terminal, run, folders):
    """From the inbox while it stands here: the terminal hears of it."""
    code = asked(terminal, f"{run} -- sh -c 'touch else; echo rc=$?'\n")
    words = f"{BIN}/bailiff deny --runtime-dir {folders.split()[-1]}".split()
    inbox = subprocess.run([f"{BIN}/bailiff", "inbox", "--json", "--runtime-dir", folders.split()[-1]],
                           capture_output=True, text=True, timeout=30, check=False).stdout
    item = inbox.split('"id":"')[1][:26] if '"id":"' in inbox else "none"
    approve = subprocess.run([f"{BIN}/bailiff", "approve", item, "--runtime-dir", folders.split()[-1]],
                             capture_output=True, text=True, timeout=30, check=False, start_new_session=True)
    result(code and approve.returncode == 122 and "terminal" in approve.stderr,
           "its own caller approves it from no other place than a terminal", approve)
    done = subprocess.run(words + [item, "--reason", "not now"], capture_output=True, text=True, timeout=30, check=False)
    result(done.returncode == 0, "it can be denied elsewhere", done)
    result(terminal.expect("it is REJECTED"), "the terminal hears of it", terminal.text)
    result(terminal.expect("rc=126"), "and the run, too", terminal.text)
    terminal.expect("outer> ")


def without_terminal(run, work):
    began = time.monotonic()
    done = subprocess.run(run.split() + ["--", "sh", "-c", "touch none; echo rc=$?"], cwd=work, timeout=60,
                          env=dict(os.environ, SUDO_UID=str(os.stat(work).st_uid)), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, start_new_session=True)
    result("there is no terminal to ask at" in done.stderr, "without a terminal it says so at the start", done.stderr)
    result("rc=126" in done.stdout and not os.path.exists(f"{work}/none"), "and denies", done)
    result(time.monotonic() - began < 30, "at once, not when its time is over")


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can")
        return 0
    with world() as (terminal, folders, _, work):
        run = f"{BIN}/bailiff run -q --ask {folders} -p {policy(work, 'ask.yaml')}"
        person = terminal()
        yes(person, run, work)
        no(person, run, work)
        typed_ahead(person, run, work)
        somebody_else(person, run, folders)
        too_late(person, run.replace("ask.yaml", os.path.basename(policy(work, "short.yaml", "2s"))))
        without_terminal(run, work)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
