#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Overlay workspaces where they cannot be, or where the disk is full, or the workspace has gone: clear
# words with a next step, no run that is half equipped, nothing half written.
# The mounts of this test are nobody else's.
[ "$(id -u)" -ne 0 ] || [ -n "${BAILIFF_UNSHARED:-}" ] || BAILIFF_UNSHARED=1 exec unshare -m "$0"
. "$(dirname "$0")/lib.sh"

owner() { # VERB ARGS...
	owner_verb=$1
	shift
	SUDO_UID=$(id -u "$RUN_USER") "$BAILIFF" "$owner_verb" --state-dir "$STATE" --runtime-dir "$RUNTIME" "$@"
}
last() { find "$STATE/workspaces" -mindepth 1 -maxdepth 1 -name '0*' -printf '%f\n' | LC_ALL=C sort | tail -1; }
commit() { owner commit "$(last)" >"$T/out" 2>"$T/err"; echo $?; }
refused() { # DESCRIPTION EXIT WORDS: an overlay is refused, and the run did not start
	refused_code=0
	supervised --overlay -- sh -c 'echo ran' >"$T/out" 2>"$T/err" || refused_code=$?
	is "$1" "$refused_code $(cat "$T/out")" "$2 "
	check "it says why and what to do: $3" sh -c "grep -q '$3' '$T/err' && grep -q 'mode: direct' '$T/err'"
	check "nothing is kept" wait_for 5 sh -c "[ -z \"\$(ls -A '$STATE/workspaces')\" ]"
	check "the same runs directly" supervised -- true
}
mounts() { stop_supervisor; for mounts_at in "$@"; do umount "$mounts_at"; done; }
mkdir "$STATE/workspaces" && chmod 0700 "$STATE/workspaces"
mount -t ramfs none "$STATE/workspaces" && chmod 0700 "$STATE/workspaces" && start_supervisor
refused "a state directory without attributes is refused" 121 'no user attributes'
mounts "$STATE/workspaces"

mkdir "$T/u" "$T/w" "$T/o" "$T/u2" "$T/w2" "$T/o2"
mount -t overlay -o "lowerdir=$WORK,upperdir=$T/u,workdir=$T/w" none "$T/o"
mount --bind "$T/o" "$STATE/workspaces" && chmod 0700 "$STATE/workspaces" && chown root: "$STATE/workspaces" && start_supervisor
refused "a state directory on an overlay is refused" 121 'cannot be a layer'
mounts "$STATE/workspaces"

chmod 0755 "$T/o" && chown "$RUN_USER:" "$T/o"
start_supervisor
was=$WORK WORK=$T/o
check "a workspace on an overlay works" supervised --overlay -- sh -c 'echo x >nested'
is "and is committed" "$(commit; cat "$T/o/nested")" "0
x"
mount -t overlay -o "lowerdir=$T/o,upperdir=$T/u2,workdir=$T/w2" none "$T/o2" && chown "$RUN_USER:" "$T/o2"
WORK=$T/o2
refused "one on an overlay on an overlay is refused" 121 'cannot be a layer'
WORK=$was
mounts "$T/o2" "$T/o"

mount -t tmpfs -o size=1m,mode=0700 none "$STATE/workspaces" && start_supervisor
supervised --overlay -- sh -c 'echo small >small; head -c 3000000 /dev/zero >large || echo full; echo on' >"$T/out" 2>/dev/null
is "a full disk is the command's error, and the run goes on" "$(cat "$T/out")" "full
on"
is "what it could write is committed" "$(commit; cat "$WORK/small")" "0
small"
mount -o remount,nr_inodes=2 "$STATE/workspaces" 2>/dev/null || mount -o remount,size=4k "$STATE/workspaces"
mounts "$STATE/workspaces"
mount -t tmpfs -o size=1m,nr_inodes=2,mode=0700 none "$STATE/workspaces" && start_supervisor
refused "without space for the layer it is refused" 122 ENOSPC
mounts "$STATE/workspaces"

start_supervisor
mkdir "$T/small" && mount -t tmpfs -o size=1m none "$T/small" && chown "$RUN_USER:" "$T/small" && chmod 0755 "$T/small"
WORK=$T/small
echo old >"$WORK/b" && chown "$RUN_USER:" "$WORK/b"
supervised --overlay -- sh -c 'echo a >a; head -c 2000000 /dev/zero >b; echo c >c; mkdir d; echo e >d/e'
is "a commit onto a full disk stops" "$(commit; cat "$WORK/a" "$WORK/b")" "4
a
old"
check "and says that it can go on" grep -q 'next: free space and commit again' "$T/err"
check "nothing half written is there" sh -c "[ -z \"\$(find '$WORK' -name '.bailiff-*')\" ]"
mount -o remount,size=8m "$WORK"
is "with space it goes on" "$(commit; stat -c %s "$WORK/b"; cat "$WORK/d/e")" "0
2000000
e"
WORK=$was

supervised --overlay -- sh -c 'echo x >later'
mv "$WORK" "$T/away"
is "a workspace that has gone is said" "$(commit; grep -c 'open the workspace' "$T/err")" "122
1"
mkdir "$WORK" && chown "$RUN_USER:" "$WORK"
is "and so is another one in its place" "$(commit; grep -c 'another directory' "$T/err"; ls -A "$WORK")" "122
1"
rmdir "$WORK" && mv "$T/away" "$WORK"
is "when it is back the commit works" "$(commit; cat "$WORK/later")" "0
x"

supervised --overlay -- sh -c 'echo kept >kept'
run=$(last)
mkdir "$STATE/workspaces/01ARZ3NDEKTSV4RRFFQ69G5FAV"
kill -KILL "$SUPERVISOR" && wait "$SUPERVISOR" 2>/dev/null
wait_for 10 gone bailiffd # its porter, too, holds the lock
start_supervisor
is "an overlay outlives its supervisor, a half-made one does not" "$(wait_for 5 sh -c "[ \$(ls '$STATE/workspaces' | wc -l) = 1 ]" && last)" "$run"
printf damaged >"$STATE/workspaces/$run/meta"
refute "what is damaged is not committed" owner commit "$run"
"$BAILIFF" rollback --state-dir "$STATE" --runtime-dir "$RUNTIME" "$run" >"$T/out" 2>"$T/err" || :
check "the ledger verifies" verifies
umount "$T/small"
finish
