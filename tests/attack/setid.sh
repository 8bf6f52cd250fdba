#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker's files belong to somebody else on the host: to root, where root started the run on an
# id-mapped workspace. `chmod u+s`, or any other call that takes a mode, would leave a program there
# that makes whoever starts it root; nosuid holds inside only (compare Docker's CVE-2021-41091, lxc-usernsexec
# set-ups, systemd's RestrictSUIDSGID). No set-id mode may reach the disk, by any call, in any run.
. "$(dirname "$0")/../e2e/lib.sh"

cat >"$T/modes.py" <<'END'
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    if libc.syscall(*words) < 0:
        raise OSError(ctypes.get_errno(), "")
def fresh(name):
    open(name, "w").close()
    return name
how = (ctypes.c_uint64 * 3)(os.O_CREAT | os.O_WRONLY, 0o4755, 0)
os.umask(0)
tries = {
    "chmod": lambda: os.chmod(fresh("a"), 0o4755),
    "chmod_group": lambda: os.chmod(fresh("b"), 0o2755),
    "fchmod": lambda: os.fchmod(os.open("c", os.O_CREAT | os.O_WRONLY, 0o755), 0o6755),
    "fchmodat2": lambda: call(452, -100, fresh(b"d"), 0o4755, 0),
    "open": lambda: call(2, b"e", os.O_CREAT | os.O_WRONLY, 0o4755),
    "openat": lambda: os.open("f", os.O_CREAT | os.O_WRONLY, 0o4755),
    "openat2": lambda: call(437, -100, b"g", ctypes.byref(how), 24),
    "creat": lambda: call(85, b"h", 0o4755),
    "mknod": lambda: os.mknod("i", 0o104755),
    "mknodat": lambda: call(259, -100, b"j", 0o102755, 0),
    "tmpfile": lambda: os.open(".", os.O_TMPFILE | os.O_RDWR, 0o4755),
}
for name, attempt in tries.items():
    try:
        attempt()
        print(name, "OK")
    except OSError as error:
        print(name, "refused" if error.errno in (1, 38) else error)
END
set_ids() { find "$1" -perm /6000 -not -type d | sort; }
names="chmod chmod_group fchmod fchmodat2 open openat openat2 creat mknod mknodat tmpfile"
start_supervisor || { not_ok "the supervisor starts"; finish; }

mkdir "$WORK/control" && chown "$RUN_USER:" "$WORK/control"
cp "$T/modes.py" "$WORK/modes.py" && chmod 0644 "$WORK/modes.py"
unsupervised sh -c 'cd control && python3 ../modes.py' >"$T/control"
for name in $names; do check "control: $name outside" grep -qx "$name OK" "$T/control"; done
is "control: ten files with such modes are there outside" "$(set_ids "$WORK/control" | wc -l)" 10
rm -rf "$WORK/control"

supervised -- python3 modes.py >"$T/user"
for name in $names; do check "a user's run: $name is refused" grep -qx "$name refused" "$T/user"; done
is "a user's run left none" "$(set_ids "$WORK")" ""

# Root without SUDO_UID: what the run makes is root's on disk.
mkdir "$T/roots" && cp "$T/modes.py" "$T/roots"
(cd "$T/roots" && "$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" -- \
	sh -c 'touch mine; python3 modes.py') >"$T/root" 2>"$T/err"
if [ -e "$T/roots/mine" ]; then
	is "control: a file of root's run is root's on disk" "$(stat -c %u "$T/roots/mine")" 0
	for name in $names; do check "root's run: $name is refused" grep -qx "$name refused" "$T/root"; done
	is "root's run left none" "$(set_ids "$T/roots")" ""
else
	skip idmap "root's run" "$(tail -n 1 "$T/err")"
fi
check "the ledger says why" recorded '(.kind | test("decision|denied")) and (tostring | test("set-user-ID"))'
check "ordinary modes still work" supervised -- sh -c 'touch x && chmod 0777 x && mkdir -m 1777 dd && install -m 0755 /bin/true y && ./y'
check "its ledger verifies" verifies
finish
