#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker plants what the policy protects but nobody has made yet: a hook in a workspace without
# .git, a settings file, a secret's name. By every call that makes a name, by links at the end and on
# the way, by parents that arrive with content or change places, by paths that change while they are
# read. Nothing protected may appear on the host, no stub may be seen there, and ordinary names work.
# shellcheck disable=SC2016  # scripts are for the shell inside
. "$(dirname "$0")/../e2e/lib.sh"

. "$(dirname "$0")/names_lib.sh"

clean
mkdir "$WORK/before" && before=$(ls -A "$WORK")
inside 'ls -A . && ls -A /' && is "no stub is seen on the host" "$(ls -A "$WORK")" "$before"

attack "a hook by open" 'mkdir -p .git/hooks; echo x >.git/hooks/pre-commit'
attack "a settings file by open" 'mkdir .claude; echo x >.claude/settings.json'
attack "a name that a pattern covers" 'echo x >.bailiff.yaml'
attack "a hidden name" 'echo x >.env'
attack "by mkdir" 'mkdir .git; mkdir .git/hooks'
attack "by mknod" 'mkfifo .env'
attack "by symlink" 'ln -s /tmp .env'
attack "by link" 'echo x >a; ln a .env'
attack "by rename" 'echo x >a; mv a .env'
attack "by exchange" 'echo x >a; mkdir -p .git; ./probe exchange a .env || mv a .env'
attack "by bind" 'python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\".env\")"'
attack "by bind in a directory of /proc" 'python3 -c "
import os, socket
fd = os.open(\".\", os.O_RDONLY)
socket.socket(socket.AF_UNIX).bind(\"/proc/self/fd/%d/.env\" % fd)"'
attack "by a file without a name" 'python3 -c "
import ctypes, os
fd = os.open(\".\", os.O_TMPFILE | os.O_RDWR, 0o600)
ctypes.CDLL(None).linkat(-100, b\"/proc/self/fd/%d\" % fd, -100, b\".env\", 0x400)"'
attack "by a link as last component" 'ln -s .env l; echo x >l'
attack "by a dangling chain of links" 'ln -s .env l1; ln -s l1 l2; ln -s "$PWD/l2" l3; echo x >l3'
attack "by a link on the way" 'mkdir .git d; ln -s ../.git d/g; mkdir d/g/hooks'
attack "by .." 'mkdir -p .git/objects; mkdir .git/objects/../hooks'
attack "by dots and slashes" 'mkdir -p .//.git/; mkdir ./.git//./hooks//'
attack "by a directory descriptor" 'mkdir .git; python3 -c "
import os
os.mkdir(\"hooks\", dir_fd=os.open(\".git\", os.O_RDONLY))"'
attack "by /proc/self/fd" 'mkdir .git; python3 -c "
import os
os.mkdir(\"/proc/self/fd/%d/hooks\" % os.open(\".git\", os.O_PATH))"'
attack "by /proc/self/cwd" 'echo x >/proc/self/cwd/.env'
attack "by /proc/thread-self and root" 'echo x >"/proc/thread-self/root$PWD/.env"'
attack "a directory that arrives with it" 'mkdir -p x/hooks; echo x >x/hooks/pre-commit; mv x .git'
attack "a directory that arrives with it, two levels down" 'mkdir -p .git y/a/hooks; mv y .git/modules'
attack "a directory that cannot be read" 'mkdir -p x/hooks; chmod 300 x; ./probe rename x .git; chmod 700 x .git'
attack "a directory that changes places" 'mkdir -p x/hooks .git; ./probe exchange x .git'
attack "moved away, filled, moved back" 'mkdir .git; mv .git x; mkdir x/hooks; mv x .git'
attack "moved within a prepared parent" 'mkdir -p p/a/hooks .git; mv p .git/modules'
attack "a link in place of the parent" 'mkdir -p x/hooks; ln -s x .git'
attack "made in a directory of the new name later" 'mkdir x; cd x; mv ../x ../.git; mkdir hooks'
attack "by a process that cannot be dumped" 'python3 -c "
import ctypes
ctypes.CDLL(None).prctl(4, 0)
open(\".env\", \"w\").write(\"x\")"'

race_inside "bytes of the path change" "bytes .git/hookz .git/hooks" "mkdir .git"
race_inside "directories change places" "exchange d .git hooks" "mkdir d .git"
race_inside "a link on the way changes" "link l d .git hooks" "mkdir d .git"

clean
check "ordinary names work" inside 'mkdir -p a/b && echo x >a/b/c && ln a/b/c d && ln -s d e && mv d f && mkfifo p &&
	{ echo y >p & } && test "$(cat p)" = y && echo z >>a/b/c && echo >/dev/null && umask 027 && echo >m && test "$(stat -c %a m)" = 640'
check "a link in /proc leads to the caller" inside 'echo x >file; exec 3<>file; echo y >/proc/self/fd/3; test "$(cat file)" = y'
refute "another's link in /proc leads nowhere" inside 'sleep 5 3>other & sleep 0.1; echo y >/proc/$!/fd/3'
clean
check "an existing directory says so" inside 'mkdir .git && { mkdir .git 2>&1 || :; } | grep -q "File exists"'
refute "openat2 does not exist" inside 'python3 -c "
import ctypes, os
buf = (ctypes.c_uint64 * 3)(os.O_CREAT | os.O_WRONLY, 0o644, 0)
libc = ctypes.CDLL(None, use_errno=True)
raise SystemExit(libc.syscall(437, -100, b\"x\", buf, 24) < 0)"'
check "nobody signals, traces or slows the broker" inside 'python3 -c "
import os, sys
for pid in (int(p) for p in os.listdir(\"/proc\") if p.isdigit()):
    if open(f\"/proc/{pid}/comm\").read().strip() != \"bailiff-broker\":
        continue
    for what in (lambda: os.kill(pid, 9), lambda: os.kill(pid, 19), lambda: os.sched_setaffinity(pid, {0}),
                 lambda: os.setpriority(os.PRIO_PROCESS, pid, 19), lambda: open(f\"/proc/{pid}/mem\"),
                 lambda: os.listdir(f\"/proc/{pid}/fd\")):
        try:
            what()
        except PermissionError:
            continue
        sys.exit(1)
    sys.exit(0)
sys.exit(2)"'
mkdir -p "$WORK/.git"
inside 'mkdir .git/hooks'
check "the refusal is in the ledger" recorded '.kind == "decision" and .verdict == "deny" and .rule == "files.deny_write" and .effect == "prevented" and (.path | endswith("/.git/hooks"))'
check "its ledger verifies" verifies
finish
