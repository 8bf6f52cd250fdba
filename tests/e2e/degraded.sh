#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A kernel that lacks a call, or fails it: the run is refused, or its sandbox is the same to the last
# fact of sandbox_state.sh; never weaker in silence. Nothing is left behind. Only what a policy merely
# prefers may be missing, and then it is said.
. "$(dirname "$0")/lib.sh"

deny=$(dirname "$PROBE")/deny_syscall
cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
cp "$(dirname "$0")/sandbox_state.sh" "$WORK/state.sh"
for namespace in mnt pid net ipc uts cgroup; do readlink "/proc/self/ns/$namespace" >"$WORK/.$namespace"; done
echo secret >"$T/secret"
is "control: deny_syscall takes a call away" "$("$deny" bpf=EPERM -- "$PROBE" bpf)" EPERM
is "control: and leaves the others" "$("$deny" bpf=EPERM -- "$PROBE" userfaultfd)" OK
is "control: one operation of a call" "$("$deny" bpf:1=EPERM -- "$PROBE" bpf)" OK

# attempt CALL=ERRNO...: with these denied to supervisor and init alike. Leaves the state in $T/state,
# what was said in $T/err, and sets $status to the exit code, or "refused" where no supervisor starts.
attempt() {
	if start_supervisor "$deny" "$@" -- 2>/dev/null >"$T/start"; then
		(cd "$WORK" && SUDO_UID=$(id -u $RUN_USER) SUDO_GID=$(id -g $RUN_USER) timeout 30 "$BAILIFF" run \
			--state-dir "$STATE" --runtime-dir "$RUNTIME" -- sh state.sh "$T") >"$T/facts" 2>"$T/err"
		status=$?
		stop_supervisor
	else
		wait "$SUPERVISOR" 2>/dev/null
		status=refused
		SUPERVISOR=
		: >"$T/facts"
		cp "$T/bailiffd.log" "$T/err"
	fi
}
# judged DESCRIPTION [same]: refused with a word and nothing done, or, where allowed, the same sandbox.
judged() {
	judged_facts=$(wc -l <"$T/facts")
	case $status/$judged_facts/${2:-} in
	refused/0/* | 12[125]/0/*)
		if [ -s "$T/err" ] && [ -z "$(ours bailiffd)" ]; then ok "$1: refused ($status)"; else not_ok "$1: without a word"; fi ;;
	0/*/same)
		if cmp -s "$T/facts" "$T/want"; then ok "$1: the same sandbox"; else
			not_ok "$1: a weaker sandbox"
			diff "$T/want" "$T/facts" | diag
		fi ;;
	*) not_ok "$1: status $status, $judged_facts facts"; diag <"$T/err" ;;
	esac
}

start_supervisor || { not_ok "the supervisor starts"; finish; }
stop_supervisor
attempt setns=ENOSYS # which nothing of ours needs
is "control: with all calls that it needs the command runs" "$status" 0
mv "$T/facts" "$T/want"
is "control: its sandbox refuses what it must" "$(grep -c ': no$' "$T/want")" 27
refute "control: and shares no namespace with the host" grep -q "the host's" "$T/want"

for call in bpf=EPERM bpf:0=ENOMEM bpf:2=EPERM bpf:28=EINVAL clone3=ENOSYS openat2=ENOSYS open_tree=ENOSYS \
	move_mount=EPERM mount_setattr=ENOSYS fsopen=ENOSYS fsconfig=EINVAL fsmount=EPERM pivot_root=EPERM \
	mount=EPERM umount2=EPERM unshare=EPERM seccomp=ENOSYS seccomp:1=EINVAL landlock_add_rule=EINVAL \
	landlock_restrict_self=EPERM setgroups=EPERM setresuid=EPERM setresgid=EPERM setfsuid=EPERM \
	setfsgid=EPERM capset=EPERM prctl=EPERM prctl:1=EPERM prctl:24=EPERM prctl:38=EPERM prctl:47=EINVAL \
	prlimit64=EPERM pidfd_open=ENOSYS memfd_create=ENOSYS execveat=ENOSYS close_range=ENOSYS \
	sethostname=EPERM mkdirat=EIO symlinkat=EIO fchmodat=EPERM ioctl=EIO setresuid=OK setresgid=OK \
	timerfd_create=EMFILE socketpair=EMFILE; do
	attempt "$call"
	judged "$call"
done
for call in bpf:1=ENOMEM bpf:8=EPERM seccomp:2=EINVAL perf_event_open=EPERM pidfd_send_signal=ENOSYS; do
	attempt "$call"
	judged "$call" same
done

# Landlock is only preferred by the default policy: without it the run starts, and the banner says so.
attempt landlock_create_ruleset=ENOSYS
is "preferred and missing: the run starts" "$status" 0
check "and the banner names what is missing" grep -qi landlock "$T/err"
whole_default | sed -e 's/^name: default$/name: strict/' -e 's/require: \[/require: [landlock, /' -e 's/prefer: \[landlock, /prefer: [/' >"$T/strict.yaml"
start_supervisor "$deny" landlock_create_ruleset=ENOSYS -- || { not_ok "without Landlock the supervisor starts"; finish; }
supervised -p "$T/strict.yaml" -- true 2>"$T/err"
is "required and missing: exit 121" $? 121
check "and the error names it" grep -qi landlock "$T/err"
stop_supervisor
finish
