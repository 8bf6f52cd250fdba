# SPDX-License-Identifier: Apache-2.0
"""Reads what `strace -f -ff -y --decode-pids=pidns -o FOLDER/t` left: which paths were written,
created, renamed, removed or changed, and which programs were executed. Only calls that succeeded
count. Relative paths are followed through each process's working directory."""
import os
import re

CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+)(.*)$")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9a-f]{2}|.)")
LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b'"': b'"', b"\\": b"\\"}
FORKS = {"clone", "clone3", "fork", "vfork"}
WRITE_FLAGS = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE")

# call: which of its strings are changed paths. "at" calls have a directory before each.
PATHS = {
    "creat": [0], "mkdir": [0], "rmdir": [0], "unlink": [0], "rename": [0, 1], "link": [0, 1],
    "symlink": [1], "chmod": [0], "chown": [0], "lchown": [0], "truncate": [0], "mknod": [0],
    "mkdirat": [0], "unlinkat": [0], "renameat": [0, 1], "renameat2": [0, 1], "linkat": [0, 1],
    "symlinkat": [1], "fchmodat": [0], "fchmodat2": [0], "fchownat": [0], "mknodat": [0],
    "setxattr": [0], "lsetxattr": [0], "removexattr": [0], "lremovexattr": [0],
}
# Calls on a descriptor, which -y shows as 3</path>.
BY_FD = {"fchmod", "fchown", "ftruncate", "fsetxattr", "fremovexattr"}
TRACED = ",".join(sorted({"open", "openat", "openat2", "execve", "execveat", "chdir", "fchdir", *PATHS,
                          *BY_FD, *FORKS} - {"fchmodat2"}))  # not known to strace 6.1


def unescape(text):
    def one(match):
        what = match.group(1)
        if what[:1] in b"01234567":
            return bytes([int(what, 8) & 255])
        if what[:1] == b"x" and len(what) == 3:
            return bytes([int(what[1:], 16)])
        return LETTERS.get(what, what)
    return os.fsdecode(ESCAPE.sub(one, text.encode("utf-8", "surrogateescape")))


def fd_path(text):
    """The path in 3</path> or AT_FDCWD</path>, without strace's mark of a removed file."""
    match = re.match(r"\s*(?:AT_FDCWD|\d+)<(.*?)>(?:\(deleted\))?(?:,|$)", text)
    return match.group(1).removesuffix(" (deleted)") if match else None


class Process:
    def __init__(self, cwd):
        self.cwd = cwd


class Reader:
    def __init__(self, folder, cwd):
        self.folder, self.start = folder, cwd
        self.writes, self.execs, self.cwds = set(), set(), {}

    def resolve(self, base, path):
        """As the kernel did: links in the folders are followed, the last component is not."""
        path = os.path.join(base, path)
        head, tail = os.path.split(path.rstrip("/") or "/")
        if tail in ("", ".", ".."):
            return os.path.realpath(path)
        return os.path.join(os.path.realpath(head), tail)

    def bases(self, args, process):
        """The folder that each path of the call is relative to."""
        found = [m.group(1) for m in re.finditer(r'(?:^|, )(?:AT_FDCWD|\d+)<([^>]*)>(?=, ")', args)]
        return found or [process.cwd]

    def paths(self, name, args, process):
        strings = [unescape(m.group(1)) for m in STRING.finditer(args)]
        bases = self.bases(args, process)
        for index in PATHS[name]:
            if name.startswith("symlink"):
                base = bases[-1]
            else:
                base = bases[min(index, len(bases) - 1)] if name.endswith(("at", "at2")) else process.cwd
            if index < len(strings):
                yield self.resolve(base, strings[index])

    def opened(self, name, args, rest, process):
        flags = args.split('"')[-1]
        if name == "creat" or any(flag in flags for flag in WRITE_FLAGS):
            path = re.match(r"<(.*?)>(\(deleted\))?$", rest.strip())
            if path:
                self.writes.add(path.group(1).removesuffix(" (deleted)"))

    def call(self, name, args, value, rest, process):
        if name in ("open", "openat", "openat2", "creat"):
            self.opened(name, args, rest, process)
        elif name in PATHS:
            self.writes.update(self.paths(name, args, process))
        elif name in BY_FD:
            path = fd_path(args)
            if path and path.startswith("/"):
                self.writes.add(path)
        elif name in ("execve", "execveat"):
            strings = STRING.search(args)
            base = fd_path(args) if name == "execveat" else None
            path = unescape(strings.group(1)) if strings else ""
            self.execs.add(os.path.realpath(os.path.join(base or process.cwd, path)))
        elif name == "chdir":
            process.cwd = os.path.realpath(os.path.join(process.cwd, unescape(STRING.search(args).group(1))))
        elif name == "fchdir":
            process.cwd = fd_path(args) or process.cwd
        elif name in FORKS and int(value, 0) > 0:
            outside = re.search(r"/\* (\d+) in strace's PID NS \*/", rest)
            child = int(outside.group(1)) if outside else int(value, 0)
            self.cwds[child] = process if "CLONE_FS" in args and "CLONE_THREAD" in args else Process(process.cwd)

    def read(self, pid):
        process = self.cwds.setdefault(pid, Process(self.start))
        with open(os.path.join(self.folder, f"t.{pid}"), encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                match = CALL.match(line.rstrip("\n"))
                if match and not match.group(3).startswith("-"):
                    self.call(*match.groups(), process)


def read_trace(folder, cwd):
    """Returns (written paths, executed programs)."""
    reader = Reader(folder, cwd)
    pids = sorted(int(n.split(".")[1]) for n in os.listdir(folder) if re.fullmatch(r"t\.\d+", n))
    if not pids:
        raise RuntimeError("strace left nothing")
    # The first file is the first process's. A child is read when its parent has been, because the
    # parent's file says where the child began.
    waiting, reader.cwds[pids[0]] = list(pids), Process(cwd)
    while waiting:
        ready = [pid for pid in waiting if pid in reader.cwds]
        if not ready:
            raise RuntimeError(f"no parent of {waiting} in the trace")
        for pid in ready:
            reader.read(pid)
            waiting.remove(pid)
    return reader.writes, reader.execs
