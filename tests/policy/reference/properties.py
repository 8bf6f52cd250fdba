#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What must hold of judge() for every policy and question, without a model: the same question is answered alike;
the order of capabilities, rules, environments and grants says nothing; a deny rule or guard that is added never
makes an answer milder; without rules nothing is allowed.

    properties.py [--policies N] [--seed N] [--program JUDGE_STDIN]"""
import argparse
import copy
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import differential  # noqa: E402  pylint: disable=wrong-import-position
import generate  # noqa: E402  pylint: disable=wrong-import-position

QUESTIONS = 10
VERDICT, WOULD = differential.NAMES.index("verdict"), differential.NAMES.index("would")
MILD = {"deny": 0, "require_approval": 1, "allow": 2}


def ask(program, cases):
    """Answers to (policy, questions) in turn."""
    text = []
    for policy, questions in cases:
        text += generate.policy_lines(policy)
        for question in questions:
            text += generate.question_lines(policy, question)
    done = subprocess.run([program], input="\n".join(text) + "\n", capture_output=True, text=True, check=True,
                          timeout=120)
    answers = iter(done.stdout.splitlines())
    return [[differential.normal(next(answers)) for _ in questions] for _, questions in cases]


def shuffled(gen, policy, questions):
    """The same policy, its tables in another order; guards keep theirs, which their parts need."""
    other = dict(policy)
    for table in ("capabilities", "rules", "environments"):
        other[table] = gen.shuffled(policy[table])
    turned = copy.deepcopy(questions)
    for question in turned:
        gen.random.shuffle(question["snapshot"]["grants"])
        gen.random.shuffle(question["action"]["names"])
    return other, turned


def with_denial(gen, policy):
    other = dict(policy)
    other["rules"] = {**policy["rules"], "x-deny": {"when": gen.when(policy), "verdict": "deny", "unless": [],
                                                   "violate": gen.chance(0.5), "accepts": None}}
    return other


def with_guard(gen, policy):
    other = dict(policy)
    other["guards"] = {**policy["guards"], "x-guard": gen.guard(list(policy["guards"]))}
    return other


def milder(before, after):
    return MILD[after[VERDICT]] > MILD[before[VERDICT]] or MILD[after[WOULD]] > MILD[before[WOULD]]


def without_bits(answer):
    """The environments of the last column are numbers of the table's order."""
    return answer[:-1]


def first_breach(program, gen, policies):
    """The name of a broken property with its case, or None; and how many answers were compared."""
    compared, changed = 0, 0
    for _ in range(policies):
        policy = gen.policy()
        questions = list(differential.questions(gen, policy))[:QUESTIONS]
        bare = {**policy, "rules": {}}
        first, again, turned, denied, guarded, empty = ask(program, [
            (policy, questions), (policy, questions), shuffled(gen, policy, questions),
            (with_denial(gen, policy), questions), (with_guard(gen, policy), questions), (bare, questions)])
        for i, question in enumerate(questions):
            action = question["point"] == "action" and question["action"]["kind"] != "transition"
            compared += 1
            changed += denied[i] != first[i] or guarded[i] != first[i]
            broken = {"the same question is answered alike": first[i] != again[i],
                      "order has no meaning": without_bits(first[i]) != without_bits(turned[i]),
                      "a deny rule that is added never widens": milder(first[i], denied[i]),
                      "a guard that is added never widens": milder(first[i], guarded[i]),
                      "without rules nothing is allowed":
                          action and question["snapshot"]["mode"] == "enforce" and empty[i][VERDICT] != "deny"}
            for name, is_broken in broken.items():
                if is_broken:
                    return (name, policy, question, first[i], turned[i], denied[i], guarded[i]), compared, changed
    return None, compared, changed


def main():
    parser = argparse.ArgumentParser()
    tests = os.environ.get("BAILIFF_TEST_BIN", "out/release/tests")
    parser.add_argument("--policies", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--program", default=os.path.join(tests, "policy/reference/judge_stdin"))
    options = parser.parse_args()
    gen = generate.Generator(random.Random(options.seed))
    breach, compared, changed = first_breach(options.program, gen, options.policies)
    print(f"1..2\n# seed {options.seed}: {compared} questions, {changed} answers changed by what was added")
    for part in breach or ():
        print(f"# {part}")
    print(("not ok" if breach else "ok") + " 1 - purity, order, monotonicity, default deny")
    # Else the additions prove nothing.
    print(("ok" if changed > compared // 20 else "not ok") + " 2 - what was added mattered")
    return 0 if not breach and changed > compared // 20 else 1


if __name__ == "__main__":
    sys.exit(main())
