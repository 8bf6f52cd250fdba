#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# names.sh tries each call that makes a name; this tries the ways to a directory: who looks up where a
# path starts, and when. Working directories and descriptors that change during the call, threads
# with a directory of their own, links of /proc, arguments with bits above the kernel's, paths longer
# than PATH_MAX, directories too deep or too full to be searched. Twins run without the rules.
# shellcheck disable=SC2016  # scripts are for the shell inside
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/names_lib.sh"

# call NUMBER ARGUMENT...: a raw call from Python; 1<<40 is above what the kernel reads of an int.
python='
import ctypes, os, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    return libc.syscall(ctypes.c_long(number), *[ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments])
HIGH = 1 << 40
'
attack_python() { attack "$1" "python3 -c '$python$2'"; } # DESCRIPTION SCRIPT without single quotes

attack_python "high bits in the flags" 'call(257, -100, b".env", os.O_CREAT | os.O_WRONLY | HIGH, 0o644)'
attack_python "high bits in the descriptor" 'os.mkdir(".git")
call(258, os.open(".git", os.O_RDONLY) | HIGH, b"hooks", 0o755)'
attack_python "high bits in AT_FDCWD" 'call(257, 0xffffff9c | HIGH, b".env", os.O_CREAT | os.O_WRONLY, 0o644)'
attack_python "by creat" 'call(85, b".env", 0o644)'
attack_python "by rename from a descriptor to a descriptor" 'os.mkdir(".git"); os.mkdir("d"); os.mkdir("d/x")
call(264, os.open("d", os.O_PATH), b"x", os.open(".git", os.O_PATH), b"hooks")'
attack_python "by a path with a descriptor and .." 'os.makedirs(".git/objects")
call(258, os.open(".git/objects", os.O_PATH), b"../hooks", 0o755)'
attack_python "by an absolute path that does not need its descriptor" 'os.mkdir(".git")
call(258, -1, os.fsencode(os.getcwd()) + b"/.git/hooks", 0o755)'
attack_python "by the working directory of the thread in /proc" 'os.mkdir(".git")
os.mkdir("/proc/self/task/%d/cwd/.git/hooks" % os.getpid())'
attack_python "by the descriptor of the thread in /proc" 'os.mkdir(".git")
os.mkdir("/proc/self/task/%d/fd/%d/hooks" % (os.getpid(), os.open(".git", os.O_RDONLY)))'
attack_python "by a link to a link of /proc" 'os.mkdir(".git")
os.symlink("/proc/self/fd/%d" % os.open(".git", os.O_RDONLY), "l")
os.mkdir("l/hooks")'
attack_python "by a file that a link of /proc and a hard link share" 'open("a", "w").close()
call(265, -100, b"/proc/self/fd/%d" % os.open("a", os.O_RDONLY), -100, b".env", 0x400)'
attack_python "in a working directory that was renamed" 'os.mkdir("d"); os.chdir("d"); os.mkdir("hooks0"); os.rename("../d", "../.git"); os.rename("hooks0", "hooks")'
attack_python "by another thread than the one whose directory it is" 'os.mkdir(".git")
def other():
    libc.unshare(0x200) # refused inside: then it is the same directory
    os.chdir(".git")
    os.mkdir("hooks")
t = threading.Thread(target=other); t.start(); t.join()'
attack_python "by a chain of forty links" 'os.symlink(".env", "l0")
for i in range(39): os.symlink("l%d" % i, "l%d" % (i + 1))
open("l39", "w").close()'
attack_python "from below a path longer than PATH_MAX" 'os.mkdir(".git"); top = os.open(".git", os.O_RDONLY)
for i in range(20):
    os.mkdir("d" * 250); os.chdir("d" * 250)
os.mkdir("hooks"); here = os.open("..", os.O_RDONLY)
os.rename("d" * 250 + "/hooks", "hooks", src_dir_fd=here, dst_dir_fd=top)'
attack_python "a full directory that arrives" 'os.makedirs("x/hooks")
for i in range(20500): os.close(os.open("x/%d" % i, os.O_CREAT))
os.rename("x", ".git")'
attack_python "a settings file behind many others" 'os.mkdir("x")
for i in range(300): os.close(os.open("x/%d" % i, os.O_CREAT))
os.close(os.open("x/settings.json", os.O_CREAT)); os.rename("x", ".claude")'
attack_python "a file in a directory that is searched while it fills" 'os.makedirs("x")
def fill():
    for i in range(3000):
        try: os.mkdir("x/hooks"); os.rmdir("x/hooks")
        except OSError: pass
t = threading.Thread(target=fill); t.start()
for i in range(1500):
    try: os.rename("x", ".git"); os.rename(".git", "x")
    except OSError: pass
t.join()
try: os.mkdir("x/hooks")
except OSError: pass
os.rename("x", ".git")'
attack_python "after hundreds of processes that made something" 'os.mkdir(".git")
for i in range(300):
    if os.fork() == 0:
        os.mkdir("p%d" % i); os.chdir("p%d" % i); os.close(os.open("x", os.O_CREAT)); os._exit(0)
    os.wait()
if os.fork() == 0:
    os.chdir(".git"); os.mkdir("hooks"); os._exit(0)
os.wait()'

race_inside "the working directory changes" "chdir d .git hooks" "mkdir d .git; touch d/source .git/source"
race_inside "a descriptor changes" "dup d .git hooks" "mkdir d .git"

umasks='
import os
for i in range(200):
    if os.fork() == 0:
        mask = (0o022, 0o027, 0o077, 0)[i % 4]
        os.mkdir("q%d" % i); os.chdir("q%d" % i); os.umask(mask)
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, 0o666))
        os._exit(os.stat("../q%d/f" % i).st_mode & 0o777 != 0o666 & ~mask)
    assert os.wait()[1] == 0, i
'
errors='
import errno, os, socket
os.mkdir("d"); os.close(os.open("f", os.O_CREAT))
def says(error, what, *arguments, **options):
    try: what(*arguments, **options)
    except OSError as e: assert e.errno == error, (what, arguments, e)
    else: assert False, (what, arguments)
for name in ("d", "f", "d/", "d/.", ".", "/"): says(errno.EEXIST, os.mkdir, name)
for name in ("d", "f"):
    says(errno.EEXIST, os.symlink, "x", name); says(errno.EEXIST, os.link, "f", name); says(errno.EEXIST, os.mkfifo, name)
    says(errno.EEXIST, os.open, name, os.O_CREAT | os.O_EXCL)
says(errno.EISDIR, os.open, "d", os.O_CREAT | os.O_WRONLY)
says(errno.EISDIR, os.open, "new/", os.O_CREAT)
says(errno.ENOENT, os.symlink, "x", "new/")
says(errno.ENOTDIR, os.open, "f/new", os.O_CREAT)
says(errno.EBADF, os.open, "new", os.O_CREAT, dir_fd=999)
says(errno.ENOTDIR, os.open, "new", os.O_CREAT, dir_fd=os.open("f", os.O_RDONLY))
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone"); says(errno.ENOENT, os.open, "new", os.O_CREAT)
'
alike() { # DESCRIPTION SCRIPT: inside as outside
	clean
	check "control: $1" unsupervised python3 -c "$2"
	clean
	check "$1" supervised -- python3 -c "$2"
}
alike "each of many short processes makes its file where it is, with its umask" "$umasks"
alike "what exists says so, whatever asks" "$errors"
check "its ledger verifies" verifies
finish
