#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long it takes to launch /bin/true: plain, in bubblewrap, and under Bailiff with a supervisor
that is already there. The contestants take turns, so that a slow moment of the machine meets all of
them; medians and quartiles as JSON lines, and the ratio to bubblewrap, which is what compares from
machine to machine.

  launch.py BAILIFF [ROUNDS]
"""
import json
import os
import pwd
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

USER = pwd.getpwnam("bailiff-agent")


def bwrap():
    return ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib",
            "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin", "--proc", "/proc", "--dev", "/dev",
            "--tmpfs", "/tmp", "/bin/true"]


def once(argv, cwd, env):
    began = time.monotonic_ns()
    status = subprocess.run(argv, cwd=cwd, env=env, check=False).returncode
    took = time.monotonic_ns() - began
    if status:
        raise SystemExit(f"launch: {argv[0]} ended with {status}")
    return took / 1e6


def wait_for_socket(path, process):
    deadline = time.monotonic() + 10
    while not os.path.exists(path):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("launch: no supervisor")
        time.sleep(0.01)


def measure(bailiff, rounds, folder):
    work, state, runtime = (os.path.join(folder, n) for n in ("work", "state", "run"))
    for path in (work, state, runtime):
        os.mkdir(path)
    os.chmod(folder, 0o755)
    os.chown(work, USER.pw_uid, USER.pw_gid)
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "SUDO_UID": str(USER.pw_uid), "SUDO_GID": str(USER.pw_gid)}
    daemon = [os.path.join(os.path.dirname(bailiff), "bailiffd"), "--state-dir", state, "--runtime-dir", runtime]
    contestants = {
        "plain": ["/bin/true"],
        "bubblewrap": bwrap(),
        "bailiff": [bailiff, "run", "-q", "--state-dir", state, "--runtime-dir", runtime, "--", "/bin/true"],
    }
    with subprocess.Popen(daemon, stderr=subprocess.DEVNULL) as supervisor:
        try:
            wait_for_socket(os.path.join(runtime, "control.sock"), supervisor)
            times = {name: [] for name in contestants}
            for turn in range(rounds + 5):
                for name, argv in contestants.items():
                    took = once(argv, work, env)
                    if turn >= 5:   # the first ones warm caches
                        times[name].append(took)
        finally:
            supervisor.send_signal(signal.SIGTERM)
    return times


def main():
    bailiff = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    if os.geteuid() != 0:
        raise SystemExit("launch: only root can start a supervisor")
    folder = tempfile.mkdtemp(prefix="bailiff-bench.")
    try:
        times = measure(bailiff, rounds, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    base = statistics.median(times["bubblewrap"])
    for name, values in times.items():
        quarters = statistics.quantiles(values, n=4)
        print(json.dumps({"bench": "launch", "what": name, "rounds": rounds, "median_ms": round(quarters[1], 2),
                          "q1_ms": round(quarters[0], 2), "q3_ms": round(quarters[2], 2),
                          "to_bubblewrap": round(quarters[1] / base, 2)}))


main()
