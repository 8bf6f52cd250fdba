#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A kernel that lacks a call, or fails it: the run is refused (never weaker in silence) and nothing
# is left behind. Only what a policy merely prefers may be missing, and then it is said.
. "$(dirname "$0")/lib.sh"

deny=$(dirname "$PROBE")/deny_syscall
cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
is "control: deny_syscall takes a call away" "$("$deny" bpf=EPERM -- "$PROBE" bpf)" EPERM
is "control: and leaves the others" "$("$deny" bpf=EPERM -- "$PROBE" userfaultfd)" OK

# refused CALL=ERRNO...: with these denied to supervisor and init alike, no command runs.
refused() {
	rm -f "$WORK/ran"
	if start_supervisor "$deny" "$@" -- 2>/dev/null >"$T/start"; then
		supervised -- sh -c 'echo ran >ran' >"$T/out" 2>"$T/err"
		status=$?
		stop_supervisor
	else
		# A supervisor that cannot do its work may refuse to start at all.
		wait "$SUPERVISOR" 2>/dev/null
		status=refused
		SUPERVISOR=
		cp "$T/bailiffd.log" "$T/err"
	fi
	case $status in
	refused | 121 | 122 | 125) ok "$*: refused ($status)" ;;
	*) not_ok "$*: status $status"; diag <"$T/err" ;;
	esac
	refute "$*: the command did not run" test -e "$WORK/ran"
	check "$*: it says something" test -s "$T/err"
	is "$*: no process is left" "$(ours bailiffd)" ""
}
refused bpf=EPERM
refused clone3=ENOSYS
refused openat2=ENOSYS
refused open_tree=ENOSYS
refused move_mount=EPERM
refused mount_setattr=ENOSYS
refused pivot_root=EPERM
refused seccomp=ENOSYS
refused setgroups=EPERM
refused setresuid=EPERM
refused pidfd_open=ENOSYS
refused fsync=ENOSPC fdatasync=ENOSPC

start_supervisor || { not_ok "the supervisor starts"; finish; }
supervised -- sh -c 'echo ran >ran'
is "control: with all calls the same command runs" "$?$(cat "$WORK/ran")" 0ran
stop_supervisor

# Landlock is only preferred by the default policy: without it the run starts, and the banner says so.
start_supervisor "$deny" landlock_create_ruleset=ENOSYS -- || { not_ok "without Landlock the supervisor starts"; finish; }
(cd "$WORK" && SUDO_UID=$(id -u $RUN_USER) SUDO_GID=$(id -g $RUN_USER) "$BAILIFF" run --state-dir "$STATE" --runtime-dir "$RUNTIME" -- true) 2>"$T/err"
is "preferred and missing: the run starts" $? 0
check "and the banner names what is missing" grep -qi landlock "$T/err"
sed -e 's/^name: default$/name: strict/' -e 's/require: \[/require: [landlock, /' -e 's/prefer: \[landlock, /prefer: [/' \
	"$TOP/policies/library/default.yaml" >"$T/strict.yaml"
supervised -p "$T/strict.yaml" -- true 2>"$T/err"
is "required and missing: exit 121" $? 121
check "and the error names it" grep -qi landlock "$T/err"
stop_supervisor
finish
