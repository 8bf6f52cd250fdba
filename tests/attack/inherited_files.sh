#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker finds on fd 0 or 1 a file that is a switch of the kernel: cgroup.procs, core_pattern, an
# oom_score_adj. The kernel judges a write by who opened the file, so the agent acts as the caller: it moves
# itself out of its cgroup, or names the host's next core handler. Opened for writing, such a file must not
# go in; read-only it may (compare runc CVE-2025-52881, CVE-2024-21626 for what inherited /proc files do).
. "$(dirname "$0")/../e2e/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
group=/sys/fs/cgroup/bailiff-test-$$
[ -e /sys/fs/cgroup/unified/cgroup.procs ] && group=/sys/fs/cgroup/unified/bailiff-test-$$
mkdir "$group" || { not_ok "a cgroup of the test"; finish; }
trap 'rmdir "$group"; clean_up' EXIT

sh -c 'echo 0' 1<>"$group/cgroup.procs"
is "control: outside, who holds it moves into the group" $? 0
supervised -- sh -c 'echo 0; sleep 1' 1<>"$group/cgroup.procs" 2>"$T/err"
is "cgroup.procs open for writing is refused" $? 122
check "it says which descriptor" grep -q stdout "$T/err"
is "nobody is in that group" "$(cat "$group/cgroup.procs")" ""
supervised -- true 0<>/proc/self/oom_score_adj 2>/dev/null
is "a file of /proc open for writing is refused on stdin" $? 122
supervised -- sh -c true 2>>/proc/self/oom_score_adj
is "and on stderr" $? 122
out=$(supervised -- cat </proc/version)
is "control: read-only it goes in" "$out" "$(cat /proc/version)"
supervised -- echo word >"$T/file"
is "control: a file opened for writing goes in" "$(cat "$T/file")" word
check "its ledger verifies" verifies
finish
