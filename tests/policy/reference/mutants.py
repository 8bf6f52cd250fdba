#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The reference model notices mistakes: each mutant is judge() with one deliberate error, compiled from a changed
copy of its source, and must disagree with the model. The unchanged source, built in the same way, must agree.

    mutants.py [--cases N] [--seed N]"""
import argparse
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import differential  # noqa: E402  pylint: disable=wrong-import-position

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
FLAGS = ["-std=gnu17", "-O1", "-w", "-D_GNU_SOURCE", "-I" + TOP, f"-I{TOP}/supervisor", f"-I{TOP}/policies",
         f"-I{TOP}/tests", "-include", f"{TOP}/supervisor/base/banned.h"]
SOURCES = sorted(glob.glob(TOP + "/policies/decide/*.c")) + [
    f"{TOP}/supervisor/base/{name}.c" for name in ("buf", "error", "text", "parse", "cleanup", "feature")] + [
    TOP + "/tests/lib/govern_world.c", TOP + "/tests/policy/reference/judge_stdin.c"]

# What is wrong, the file, the words there (once), and the words instead.
MUTANTS = [
    ("between names the most specific pattern wins", "classify.c",
     "if (is_better(govern, &search.best[n], &worst, false))", "if (is_better(govern, &search.best[n], &worst, true))"),
    ("unless does not cancel", "classify.c",
     "!command_has_option(search->govern, &search->command, capability->unless) &&", ""),
    ("an option behind -- counts", "classify.c", "ended = true;", "ended = false;"),
    ("plan: bound is for T2", "judge.c", "(tier >= 3 || !is_change || !is_bound)",
     "(tier >= 2 || !is_change || !is_bound)"),
    ("a check is too old one nanosecond early", "judge.c", "snapshot->check_age_ns > capability->check_ttl_ns",
     "snapshot->check_age_ns >= capability->check_ttl_ns"),
    ("one path below is enough for a permission", "rule.c", "under == count && !action->paths_cut",
     "under > 0 && !action->paths_cut"),
    ("accept_risk covers one level more", "rule.c", "accepted <= question->risk", "accepted < question->risk"),
    ("a missing field is not equal", "guard.c", "if (!right_value(question, field, &value))\n\t\treturn false;",
     "if (!right_value(question, field, &value))\n\t\treturn condition->compare == COMPARE_NE;"),
    ("a join passes while a child lives", "guard.c", "snapshot->children_live == 0 &&", ""),
    ("a grant holds in the nanosecond of its end", "judge.c", "grant->expires_ns > now_ns",
     "grant->expires_ns >= now_ns"),
    ("an environment that asks is no floor", "judge.c",
     "if (answer.verdict == VERDICT_ASK && by_rules.verdict == VERDICT_ALLOW)", "if (false)"),
    ("prod is for T2", "environment.c", "[ENVIRONMENT_PROD] = 3", "[ENVIRONMENT_PROD] = 2"),
    ("permissive lets the floor of an environment pass", "judge.c", "hard = evaluate(question, false);", ""),
    ("the laxest rule wins", "rule.c", "a->verdict < b->verdict", "a->verdict > b->verdict"),
]


def compile_one(source, folder):
    target = os.path.join(folder, os.path.basename(source)[:-2] + ".o")
    subprocess.run(["gcc", *FLAGS, "-c", "-o", target, source], check=True, timeout=120)
    return target


def link(objects, folder):
    program = os.path.join(folder, "judge_stdin")
    subprocess.run(["gcc", "-o", program, *objects], check=True, timeout=120)
    return program


def mutate(folder, name, old, new):
    """The changed source, or None when the words are not there exactly once."""
    with open(f"{TOP}/policies/decide/{name}", encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        return None
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    return path


def try_mutant(folder, objects, mutant, cases, seed):
    """A text: what happened. "caught" at the front when it was."""
    _, name, old, new = mutant
    own = tempfile.mkdtemp(dir=folder)
    source = mutate(own, name, old, new)
    if source is None:
        return "cannot be made: the words are not in the source once"
    changed = compile_one(source, own)
    program = link([changed if os.path.basename(o) == name[:-2] + ".o" else o for o in objects], own)
    count, difference, _ = differential.compare(program, cases, seed)
    shutil.rmtree(own)
    return f"caught after {count} cases" if difference else f"not caught by {count} cases"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"1..{len(MUTANTS) + 1}\n# seed {options.seed}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        objects = [compile_one(source, folder) for source in SOURCES]
        _, difference, _ = differential.compare(link(objects, folder), 2000, options.seed)
        failed += difference is not None
        print(("not ok" if difference else "ok") + " 1 - without a mistake they agree")
        for number, mutant in enumerate(MUTANTS, 2):
            result = try_mutant(folder, objects, mutant, options.cases, options.seed)
            caught = result.startswith("caught")
            failed += not caught
            print(("ok" if caught else "not ok") + f" {number} - {mutant[0]}: {result}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
