#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random policies and commands: what `bailiff policy explain` answers is what the exec gate does. Prints TAP."""
import os, random, subprocess, sys

bailiff, work, folder, state, runtime, base = sys.argv[1:7]
seed = int(os.environ.get("SEED", "20261"))
policies = int(os.environ.get("POLICIES", "30"))
rng = random.Random(seed)
programs = ["true", "echo", "basename", "dirname", "seq", "expr"]
words = ["a", "b", "push", "-f", "--force", "-x", "--", "./there/x", "build"]
risks, classes = ["LOW", "MEDIUM", "HIGH", "CRITICAL"], ["read", "check", "other"]
asked = agreed = 0
counts = {0: 0, 10: 0, 11: 0}
print(f"# seed {seed}")


def policy():
    lines = [base, "include: [std]", "capabilities:"]
    for name in "abc":
        exe, more = rng.choice(programs), rng.choice(["", " push", " -f", " a|b", " --force"])
        lines.append(f"  t.{name}: {{operation: EXECUTE, risk: {rng.choice(risks)}, reversible: true, class: {rng.choice(classes)}, "
                     f"compensation: none, exec: [{exe}{more}]}}")
    lines += ["rules:", "  shell: {when: {exe: [/usr/bin/dash]}, decision: allow}"]
    for i in range(rng.randint(1, 5)):
        when = rng.choice([f"class: [{rng.choice(classes)}]", f"risk: [{rng.choice(risks)}]", f"capability: [t.{rng.choice('abc')}]",
                           f"capability: [t.{rng.choice('abc')}], option: [-f]", "capability: [exec.tool]", "path_under: [./there]"])
        lines.append(f"  r{i}: {{when: {{{when}}}, decision: {rng.choice(['allow', 'allow', 'deny', 'require_approval'])}}}")
    return "\n".join(lines) + "\n"


def explain(path, argv):
    return subprocess.run([bailiff, "policy", "explain", path, "--", *argv], cwd=work, capture_output=True).returncode


for number in range(policies):
    path = f"{folder}/random.yaml"
    with open(path, "w") as out:
        out.write(policy())
    os.chmod(path, 0o644)
    commands = [[rng.choice(programs)] + rng.choices(words, k=rng.randint(0, 4)) for _ in range(10)]
    script = "".join(f"/usr/bin/{' '.join(c)} >/dev/null 2>&1; echo $?\n" for c in commands)
    run = subprocess.run([bailiff, "run", "-q", "--ask", "--state-dir", state, "--runtime-dir", runtime, "-p", path, "--", "sh", "-c", script],
                         cwd=work, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    shell = explain(path, ["/usr/bin/dash", "-c", script])
    if shell != 0:
        asked += 1
        agreed += run.stdout == ""
        continue
    answers = run.stdout.split()
    for command, answer in zip(commands, answers + ["none"] * 10):
        says = explain(path, ["/usr/bin/" + command[0], *command[1:]])
        counts[says] = counts.get(says, 0) + 1
        asked += 1
        if answer != "none" and (says == 0) == (answer != "126"):
            agreed += 1
        else:
            print(f"# policy {number}: {command}: explain says {says}, the gate {answer} {run.stderr[-200:]!r}")
print(f"{'ok' if agreed == asked else 'not ok'} 1 - {agreed} of {asked} answers agree")
print(f"{'ok' if asked >= policies * 5 and counts[0] and counts[11] else 'not ok'} 2 - of each kind: {counts}")
print("1..2")
sys.exit(agreed != asked)
