#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker makes one system call that no sandbox should let through: mounts old and new,
# namespaces in namespaces, ptrace and its cousins, pidfd tricks, foreign-architecture calls,
# io_uring, keys, userfaultfd, bpf, odd socket families, handles, other credentials. Three or more
# popular sandboxes leave several of these open. Each must be refused inside, with the errno below,
# and succeed outside as the run's own user or as root; then the run must go on.
. "$(dirname "$0")/../e2e/lib.sh"

cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
# As who the control runs: "user" is the run's user, "root" where only root can at all. Mount calls
# of the control happen in a mount namespace of their own.
table='
# who   errno        probe and its arguments
root    EPERM        mount-tmpfs /tmp
root    EPERM        mount-bind /usr /tmp
root    EPERM        umount /proc
root    EPERM        open-tree /tmp
root    EPERM        fsopen tmpfs
root    EPERM        chroot /tmp
root    EPERM        unshare 0x00020000
root    EPERM        unshare 0x40000000
user    EPERM        unshare 0x10000000
user    EPERM        clone 0x10000000
root    EPERM        clone 0x20000000
root    EPERM        setns /proc/self/ns/net
user    EPERM        ptrace
user    EPERM        vm-readv
user    EPERM        pidfd-getfd
user    EPERM        keyctl
user    EPERM        add-key
user    EPERM        userfaultfd
user    EPERM|ENOSYS io-uring
root    EPERM        bpf
root    EPERM        perf
user    EPERM|ENOSYS int80
user    EPERM        listener
user    EPERM        personality 0x0400000
root    EPERM        setuid 0
root    EPERM        open-handle /etc/hostname
root    EPERM|EACCES mknod node
user    EPERM|EAFNOSUPPORT socket 40 1 0
user    EPERM|EAFNOSUPPORT socket 38 5 0
root    EPERM|EAFNOSUPPORT socket 17 3 0
root    EPERM        limit-pid1
user    EACCES       memfd-exec 0
user    EACCES       memfd-exec 0x10
'
start_supervisor || { not_ok "the supervisor starts"; finish; }

control() { # WHO PROBE...
	control_who=$1
	shift
	case $control_who in
	user) unsupervised ./probe "$@" 2>/dev/null ;;
	root) (cd "$WORK" && unshare --mount --propagation private ./probe "$@" 2>/dev/null) ;;
	esac
}
echo "$table" | grep -v '^#' >"$T/table"
while read -r who want probe; do
	[ -n "$who" ] || continue
	# limit-pid1 outside would starve the host's pid 1.
	if [ "$probe" != limit-pid1 ]; then
		# shellcheck disable=SC2086  # a probe and its arguments
		out=$(control "$who" $probe)
		rm -f "$WORK/node"
		case $out in
		OK) ok "control: $probe succeeds outside" ;;
		ENOSYS | EAFNOSUPPORT | EPROTONOSUPPORT | EINVAL) skip "$probe" "control: $probe" "this kernel says $out"; continue ;;
		*) skip "$probe" "control: $probe" "outside, as $who, it says $out"; ;;
		esac
	fi
	# shellcheck disable=SC2086
	out=$(supervised -- ./probe $probe 2>/dev/null)
	if echo "$out" | grep -Eqx "$want"; then ok "$probe: $out inside"; else not_ok "$probe: '$out' inside, want $want"; fi
done <"$T/table"

supervised -- sh -c './probe ptrace >/dev/null; ./probe mount-tmpfs /tmp >/dev/null; echo alive >alive'
check "the run goes on after a refusal" test -f "$WORK/alive"
check "a refused mount is in the ledger" recorded '(.kind | test("denied|decision")) and (tostring | test("mount"))'
check "a refused ptrace is in the ledger" recorded '(.kind | test("denied|decision|ptrace")) and (tostring | test("ptrace"))'
check "a foreign-architecture call is in the ledger" recorded '(.kind | test("denied|decision")) and (tostring | test("int80|foreign|i386|32-bit"))'
check "its ledger verifies" verifies
finish
