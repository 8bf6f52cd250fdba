#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker crashes on purpose. Where the host's core_pattern is a pipe, the kernel starts its handler
# as root on the host and feeds it what the run made (systemd-coredump CVE-2022-4415, CVE-2025-4598;
# apport CVE-2021-3899). A limit of 0 does not prevent that, a limit of 1 does (core(5)): it is set, and
# stays set whatever the run says. The host's core_pattern is not touched here.
. "$(dirname "$0")/../e2e/lib.sh"

[ "$(prlimit --core --output=HARD --noheadings --raw)" != 0 ] || { echo "1..0 # SKIP a hard limit of 0 on core dumps is in force here already"; exit 0; }
cat >"$WORK/limits.py" <<'END'
import ctypes, os, resource, struct
libc = ctypes.CDLL(None, use_errno=True)
def now():
    return resource.getrlimit(resource.RLIMIT_CORE)
def word(result):
    return "ok" if result == 0 else os.strerror(ctypes.get_errno())
soft, hard = struct.pack("QQ", 0, 0), ctypes.create_string_buffer(16)
print("at first", now())
print("setrlimit", word(libc.syscall(160, resource.RLIMIT_CORE, soft)), now())
print("prlimit", word(libc.syscall(302, 0, resource.RLIMIT_CORE, soft, None)), now())
print("prlimit, old value too", word(libc.syscall(302, 0, resource.RLIMIT_CORE, soft, hard)), now())
child = os.fork()
if child == 0:
    os.abort()
print("dumped", os.WCOREDUMP(os.waitpid(child, 0)[1]))
END
start_supervisor || { not_ok "the supervisor starts"; finish; }
unsupervised prlimit --core=1:1 python3 limits.py >"$T/outside" 2>&1
check "control: outside a limit of 0 can be set" grep -qx 'prlimit ok (0, 0)' "$T/outside"
supervised -- python3 limits.py >"$T/inside" 2>&1
is "at first the limit is 1" "$(sed -n 1p "$T/inside")" "at first (1, 1)"
is "setrlimit says it did, and changed nothing" "$(sed -n 2p "$T/inside")" "setrlimit ok (1, 1)"
is "so does prlimit" "$(sed -n 3p "$T/inside")" "prlimit ok (1, 1)"
is "who asks for the old limit is refused" "$(sed -n 4p "$T/inside")" "prlimit, old value too Operation not permitted (1, 1)"
is "a crash leaves no core" "$(sed -n 5p "$T/inside")" "dumped False"
supervised -- sh -c 'ulimit -c 0' 2>"$T/err"
is "a shell that turns cores off goes on" $? 0
check "its ledger verifies" verifies
finish
