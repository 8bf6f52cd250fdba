#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""judge() and the reference model over random policies and questions: every part of the answer is the same.

    differential.py [--cases N] [--seed N] [--program JUDGE_STDIN] [--quiet]

Ends with 0 when all agree and everything that can be answered was answered at least once; prints TAP."""
import argparse
import collections
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import generate  # noqa: E402  pylint: disable=wrong-import-position
import model  # noqa: E402  pylint: disable=wrong-import-position

QUESTIONS_PER_POLICY = 20
POLICIES_PER_BATCH = 25
NAMES = ("verdict would step blocked violation would_raise capability risk class operation rules asked false rule "
         "on_fail grant waiver loop role count self may environments").split()
# What must come up, so that agreement means something.
BLOCKED = {"NONE", "APPROVAL_REQUIRED", "APPROVAL_REJECTED", "APPROVAL_EXPIRED", "POLICY_DENY", "GUARD_DENY", "TIER",
           "LEASE", "BREAKER", "KILL_SWITCH", "PHASE", "BUDGET", "HEALTH"}
VIOLATIONS = {"-", "UNAUTHORIZED_POOL", "UNAUTHORIZED_PROD", "APPLY_WITHOUT_PLAN", "RUN_WITHOUT_CHECK",
              "ERROR_BUDGET_EXCEEDED", "PROCEDURE_VIOLATION", "LOCK_EXPIRED", "FORBIDDEN_ACTION"}
STEPS = {"invariant", "gate", "tier", "environment", "plan", "rules", "risk", "guard", "grant"}


def questions(gen, policy):
    rnd = gen.random
    for _ in range(QUESTIONS_PER_POLICY):
        point = "action" if gen.chance(0.85) else gen.pick(generate.POINTS[1:])
        kinds = generate.KINDS if point != "action" else generate.KINDS[1:]
        kind = "exec" if gen.chance(0.7) else gen.pick(kinds)
        yield {"point": point, "phase": gen.pick(generate.PHASES), "action": gen.action(policy, kind),
               "snapshot": gen.snapshot(policy), "variables": gen.some(generate.VARIABLES, 2, 0),
               "user": gen.pick(generate.USERS), "role": gen.pick(generate.ROLES), "caller": rnd.random() < 0.3}


def expected(policy, question):
    action, snapshot = question["action"], question["snapshot"]
    point = question["point"]
    r = model.judge(policy, action, snapshot, generate.NOW, point, question["phase"])
    need = model.need(policy, snapshot, r["risk"])
    may = model.may_answer(policy, action, snapshot, generate.NOW, question["user"], question["role"],
                           question["caller"])
    found = model.environments_of(policy, action, question["variables"])
    order = list(policy["environments"])
    ids = [",".join(sorted(r[key])) or "-" for key in ("rules", "asked", "false")]
    # The rule ids of what the mode or a point lets pass say nothing.
    rule = r["rule"] or {"guard": "guards"}.get(r["step"], "-")
    return [r["verdict"], r["would"], r["step"], r["blocked"], r["violation"] or "-", r["would_raise"] or "-",
            r["capability"] or "-", r["risk"], r["cls"], r["operation"], *ids, rule, r["on_fail"], str(r["grant"]),
            str(r["waiver"]), str(int(r["loop"])), str(generate.ROLES.index(need["role"])), str(need["count"]),
            str(int(need["self"])), str(int(may)), str(sum(1 << order.index(e) for e in found))]


def normal(line):
    words = line.split(" ")
    for i in (NAMES.index("rules"), NAMES.index("asked"), NAMES.index("false")):
        words[i] = ",".join(sorted(words[i].split(",")))
    return words


def batch(gen, program):
    """Yields (lines of the case, expected, got)."""
    text, wanted = [], []
    for _ in range(POLICIES_PER_BATCH):
        policy = gen.policy()
        head = list(generate.policy_lines(policy))
        text += head
        for question in questions(gen, policy):
            lines = list(generate.question_lines(policy, question))
            text += lines
            wanted.append((head + lines, expected(policy, question)))
    done = subprocess.run([program], input="\n".join(text) + "\n", capture_output=True, text=True, check=False,
                          timeout=120)
    got = done.stdout.splitlines()
    if done.returncode != 0 or len(got) != len(wanted):
        raise RuntimeError(f"{program} ended with {done.returncode} after {len(got)} of {len(wanted)} answers: "
                           f"{done.stderr.strip()}")
    for (lines, want), line in zip(wanted, got):
        yield lines, want, normal(line)


def compare(program, cases, seed):
    """(number of cases, the first difference or None, what came up)."""
    gen, seen, count = generate.Generator(random.Random(seed)), collections.Counter(), 0
    while count < cases:
        for lines, want, got in batch(gen, program):
            count += 1
            seen.update([("blocked", want[3]), ("violation", want[4]), ("step", want[2]), ("verdict", want[0])])
            if want != got:
                return count, (lines, want, got), seen
    return count, None, seen


def say_difference(difference):
    lines, want, got = difference
    for name, wanted, other in zip(NAMES, want, got):
        if wanted != other:
            print(f"# {name}: the model says {wanted}, judge() says {other}")
    for line in lines:
        print("#   " + line)


def main():
    parser = argparse.ArgumentParser()
    tests = os.environ.get("BAILIFF_TEST_BIN", "out/release/tests")
    parser.add_argument("--cases", type=int, default=int(os.environ.get("REFERENCE_CASES", "20000")))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--program", default=os.path.join(tests, "policy/reference/judge_stdin"))
    options = parser.parse_args()
    count, difference, seen = compare(options.program, options.cases, options.seed)
    print(f"1..2\n# {count} cases, seed {options.seed}")
    if difference:
        say_difference(difference)
    print(("not ok" if difference else "ok") + " 1 - judge() and the reference model agree")
    wanted = {("blocked", b) for b in BLOCKED} | {("violation", v) for v in VIOLATIONS} | {("step", s) for s in STEPS}
    missing = sorted(wanted - set(seen))
    for (kind, name), number in sorted(seen.items()):
        print(f"# {kind} {name}: {number}")
    print(("not ok" if missing else "ok") + f" 2 - every kind of answer was given {missing or ''}")
    return 1 if difference or missing else 0


if __name__ == "__main__":
    sys.exit(main())
