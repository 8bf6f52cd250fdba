#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures, prints a table and one JSON line for each row, compares with the committed ratios.

  bench.py PROGRAMS BENCHES [WORD]...      rows whose name has one of the words; none: all

A ratio fails against the baseline when it is worse by more than the baseline's own spread and a
quarter, or when a row's bar is a ratio and is missed. Absolute bars are shown, and fail only with
BENCH_ABSOLUTE=1: they belong to one machine. BENCH_BASELINE=FILE writes the ratios there."""
import json
import os
import signal
import statistics
import sys

from rows import ROWS
from world import World

BASELINE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "baseline.json")
SLACK = 1.25


def quarters(values):
    return statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3


def measure(world, name):
    function, unit, against, _, _ = ROWS[name]
    pairs = list(function(world))
    if len(pairs) > 10:
        pairs = pairs[2:]        # the first ones warm caches
    low, ratio, high = quarters([ours / max(theirs, 1e-9) for ours, theirs in pairs])
    return {"row": name, "unit": unit, "value": round(statistics.median(p[0] for p in pairs), 2),
            "against": against, "base": round(statistics.median(p[1] for p in pairs), 2),
            "more": round(statistics.median(ours - theirs for ours, theirs in pairs), 2),
            "ratio": round(ratio, 3), "ratio_q1": round(low, 3), "ratio_q3": round(high, 3), "rounds": len(pairs)}


def bar_of(result):
    """'-' without a bar, 'ok' or 'missed', and whether a miss counts here."""
    _, _, _, bar, limit = ROWS[result["row"]]
    if not bar:
        return "-", False
    value = {"ratio": result["ratio"], "value": result["value"], "more": result["more"]}[bar.split()[0]]
    good = value >= limit if bar.endswith("at least") else value <= limit
    counts = bar.startswith("ratio") or os.environ.get("BENCH_ABSOLUTE") == "1"
    return f"{'ok' if good else 'missed'} ({'>=' if bar.endswith('at least') else '<='} {limit})", not good and counts


def is_worse(result, baseline):
    before = baseline.get(result["row"])
    if not before:
        return False
    more_is_better = result["unit"].endswith("/s")
    if more_is_better:
        return result["ratio"] * SLACK < before["ratio_q1"]
    return result["ratio"] > before["ratio_q3"] * SLACK


def load_baseline():
    try:
        with open(BASELINE, encoding="ascii") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def main():
    if os.geteuid() != 0:
        raise SystemExit("bench: only root can start a supervisor")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))    # so that the supervisor ends, too
    words = sys.argv[3:]
    names = [name for name in ROWS if not words or any(word in name for word in words)]
    baseline, results, failed = load_baseline(), [], []
    print(f"{'row':24} {'median':>12} {'against':>24} {'ratio':>7} {'quartiles':>15}  bar", flush=True)
    for name in names:
        with World(sys.argv[1], sys.argv[2]) as world:
            result = measure(world, name)
        results.append(result)
        bar, missed = bar_of(result)
        worse = is_worse(result, baseline)
        spread = f"{result['ratio_q1']:.2f}..{result['ratio_q3']:.2f}"
        print(f"{name:24} {result['value']:>9g} {result['unit']:<9} {result['base']:>7g} {result['against']:<16} "
              f"{result['ratio']:>6.2f} {spread:>15}  {bar}{'  WORSE than the baseline' if worse else ''}", flush=True)
        if missed or worse:
            failed.append(name)
    for result in results:
        print(json.dumps(result))
    if os.environ.get("BENCH_BASELINE"):
        with open(os.environ["BENCH_BASELINE"], "w", encoding="ascii") as file:
            json.dump({r["row"]: {k: r[k] for k in ("ratio", "ratio_q1", "ratio_q3")} for r in results}, file, indent=1)
            file.write("\n")
    if failed:
        raise SystemExit("bench: " + ", ".join(failed))


main()
