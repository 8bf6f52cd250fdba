# SPDX-License-Identifier: Apache-2.0
"""A supervisor of the measurement's own, on folders of its own, and ways to run things in and
beside it. Nothing of it is left when the `with` ends."""
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

USER = pwd.getpwnam("bailiff-agent")     # no login of anybody: what SUDO_UID says in the runs here
BWRAP = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib",
         "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin", "--proc", "/proc", "--dev", "/dev",
         "--tmpfs", "/tmp"]


class World:
    """Folders, the programs' places, the environment of a caller with sudo."""

    def __init__(self, programs, benches):
        self.programs, self.benches = os.path.abspath(programs), os.path.abspath(benches)
        self.folder = tempfile.mkdtemp(prefix="measured-")
        os.chmod(self.folder, 0o755)
        self.work = self.sub("work")
        os.chown(self.work, USER.pw_uid, USER.pw_gid)
        self.state, self.runtime = self.sub("state"), self.sub("run")
        self.env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C",
                    "SUDO_UID": str(USER.pw_uid), "SUDO_GID": str(USER.pw_gid)}
        self.daemon, self.prefix = None, []
        # In the workspace, where the run sees it; beside it for nobody else.
        self.ops = shutil.copy(os.path.join(self.benches, "ops"), os.path.join(self.work, "ops"))
        self.net = shutil.copy(os.path.join(self.benches, "net"), os.path.join(self.work, "net"))

    @contextlib.contextmanager
    def on_tmpfs(self):
        """The workspace is one, meanwhile."""
        ops = shutil.copy(self.ops, self.folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=755,uid={USER.pw_uid},gid={USER.pw_gid}", "none", self.work], check=True)
        try:
            shutil.copy(ops, self.work)
            yield
        finally:
            self.stop_all()
            subprocess.run(["umount", self.work], check=True)

    def sub(self, name):
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run_argv(self, *argv, flags=()):
        return [os.path.join(self.programs, "bailiff"), "run", "-q", "--state-dir", self.state,
                "--runtime-dir", self.runtime, *flags, "--", *argv]

    @contextlib.contextmanager
    def own_network(self, address):
        """A network with nothing but a loopback that has this address, too; the supervisor is in it."""
        name = f"measured-{os.getpid()}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        try:
            subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
            subprocess.run(["ip", "-n", name, "addr", "add", f"{address}/32", "dev", "lo"], check=True)
            self.prefix = ["nsenter", f"--net=/run/netns/{name}"]
            yield
        finally:
            self.stop_all()
            self.prefix = []
            subprocess.run(["ip", "netns", "del", name], check=True)

    @contextlib.contextmanager
    def beside(self, *argv):
        """A program in that network that goes on meanwhile, once it has said a line."""
        with subprocess.Popen([*self.prefix, *argv], stdout=subprocess.PIPE, text=True) as program:
            try:
                if not program.stdout.readline():
                    raise SystemExit(f"bench: {' '.join(argv)} does not start")
                yield
            finally:
                program.terminate()
                program.wait()

    def cli(self, *argv):
        return [os.path.join(self.programs, "bailiff"), *argv, "--state-dir", self.state, "--runtime-dir", self.runtime]

    def call(self, argv, **options):
        """Standard output of a command that must succeed."""
        done = subprocess.run(argv, cwd=self.work, env=self.env, stdout=subprocess.PIPE, text=True, check=False, **options)
        if done.returncode:
            raise SystemExit(f"bench: {' '.join(argv)} ended with {done.returncode}")
        return done.stdout

    def call_native(self, argv):
        return self.call(argv, user=USER.pw_uid, group=USER.pw_gid, extra_groups=[])

    def start(self):
        self.daemon = subprocess.Popen([*self.prefix, os.path.join(self.programs, "bailiffd"), "--state-dir", self.state,
                                        "--runtime-dir", self.runtime], stderr=subprocess.DEVNULL)
        wait(lambda: os.path.exists(os.path.join(self.runtime, "control.sock")) or self.daemon.poll() is not None)
        if self.daemon.poll() is not None:
            raise SystemExit("bench: the supervisor does not start")

    def stop(self):
        if self.daemon:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait()
            self.daemon = None

    def own_supervisors(self):
        """Those that a `bailiff run` started here: their command line names our runtime folder."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
                if words[0].endswith(b"/bailiffd") and self.runtime.encode() in words:
                    yield int(pid)

    def stop_all(self):
        self.stop()
        for pid in self.own_supervisors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        wait(lambda: not list(self.own_supervisors()))

    @contextlib.contextmanager
    def supervisor(self):
        self.start()
        try:
            yield self.daemon.pid
        finally:
            self.stop()

    @contextlib.contextmanager
    def live_run(self, *argv):
        """A run that goes on meanwhile; gives its process once it has said a line."""
        with subprocess.Popen(self.run_argv(*argv), cwd=self.work, env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as run:
            try:
                if not run.stdout.readline():
                    raise SystemExit(f"bench: {' '.join(argv)} does not start")
                yield run
            finally:
                run.terminate()
                run.wait()


def wait(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("bench: waited in vain")
        time.sleep(0.002)


def timed(function):
    began = time.monotonic_ns()
    function()
    return (time.monotonic_ns() - began) / 1e6
