# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# Run inside a sandbox: what it is made of, one fact a line, for comparison with another sandbox.
# $1 is a folder of the host that the run must not reach.
grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):' /proc/self/status
cut -d' ' -f5,6 /proc/self/mountinfo
for process in /proc/[0-9]*; do [ -e "$process/stat" ] && echo process; done
for namespace in mnt pid net ipc uts cgroup; do
	[ "$(readlink "/proc/self/ns/$namespace")" = "$(cat ".$namespace")" ] && echo "the host's $namespace"
done
hostname
ulimit -a
while read -r probe; do
	# shellcheck disable=SC2086  # words
	case $(./probe $probe 2>/dev/null) in OK) echo "$probe: yes" ;; *) echo "$probe: no" ;; esac
done <<END
ptrace
vm-readv
mount-tmpfs /tmp
umount /proc
fsopen tmpfs
unshare 0x10000000
clone 0x10000000
keyctl
bpf
io-uring
userfaultfd
perf
int80
setuid 0
limit-pid1
signal 1
listener
ioctl 0x5412 0
socket 40 1 0
connect4 127.0.0.1 22
open-read /etc/shadow
open-read /root/.bashrc
open-read $1/secret
create $1/outside
create /etc/outside
create /tmp/inside
fd-climb $1/secret
mknod /tmp/node
END
