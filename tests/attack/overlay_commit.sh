#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The agent leaves in its overlay what shall hurt whoever commits it: links out of the tree, directories
# that became links, names that the terminal obeys, FIFOs that block, a device, setuid, depth; and while
# the commit runs somebody exchanges directories of the workspace with links. Nothing outside of the
# workspace may change, nothing blocks, nothing comes that the agent could not have made. Controls do the
# same by hand and succeed.
# shellcheck disable=SC2016  # scripts are for the shell inside
. "$(dirname "$0")/../e2e/lib.sh"

OUT=$T/outside
mkdir "$OUT" && echo canary >"$OUT/canary" && chown -R "$RUN_USER:" "$OUT" # its owner could write there
start_supervisor || { not_ok "the supervisor starts"; finish; }
owner() { # VERB ARGS...
	owner_verb=$1
	shift
	SUDO_UID=$(id -u "$RUN_USER") timeout 30 "$BAILIFF" "$owner_verb" --state-dir "$STATE" --runtime-dir "$RUNTIME" "$@"
}
overlay() { supervised --overlay -- sh -c "$1" >"$T/out" 2>&1; run=$(last); }
last() { find "$STATE/workspaces" -mindepth 1 -maxdepth 1 -name '0*' -printf '%f\n' | LC_ALL=C sort | tail -1; }
commit() { owner commit "$run" >"$T/out" 2>"$T/err"; echo $?; }
as_user() { setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --clear-groups "$@"; }
untouched() { is "nothing outside changed: $1" "$(find "$OUT" -mindepth 1 -printf '%P %m ' && cat "$OUT/canary")" "canary 644 canary"; }
hand() { printf '%s\n' "$@" >"$WORK/.list"; rm -f "$WORK/.list"; }

as_user sh -c "mkdir '$WORK/d' && echo mine >'$WORK/d/f'"
overlay "rm -r d; ln -s '$OUT' d; ln -s '$OUT/canary' c; ln -s ../outside/canary r"
is "links out of the tree are committed as links" "$(commit; readlink "$WORK/d")" "0
$OUT"
check "control: the link leads there" as_user test -w "$WORK/d/canary"
untouched "a directory that became a link"
overlay 'rm d c; mkdir d; echo x >d/canary; echo x >c; rm r; mkdir r; echo y >r/canary'
is "and what was a link becomes a directory or a file" "$(commit; cat "$WORK/d/canary" "$WORK/c" "$WORK/r/canary")" "0
x
x
y"
untouched "links that became directories and files"

ln "$OUT/canary" "$WORK/hard"
overlay 'echo broken >hard'
is "a hard link to a file outside is broken, not written through" "$(commit; cat "$WORK/hard")" "0
broken"
untouched "a hard link"
ln -f "$OUT/canary" "$WORK/hard"
overlay 'chmod 0600 hard'
is "nor is the mode of the file outside" "$(commit; stat -c %a "$WORK/hard")" "0
600"
untouched "the mode of a hard link"

overlay 'i=0; mkdir s; while [ $i -lt 300 ]; do echo x >s/$i; i=$((i + 1)); done'
as_user mkdir "$WORK/s" "$T/work/spare" && as_user ln -s "$OUT" "$WORK/link"
as_user /usr/bin/python3 - "$WORK" "$T/stop" <<'END' &
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
root = os.open(sys.argv[1], os.O_RDONLY)
for _ in range(10000000):
    libc.renameat2(root, b"s", root, b"link", 2)
    if os.path.exists(sys.argv[2]):
        break
END
racer=$!
# Each commit meets the exchange at other moments; what it held back is there for the next.
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do commit; done >"$T/codes"
is "a commit ends while directories are exchanged with links" "$(grep -vc '^[0134]$' "$T/codes")" 0
as_user touch "$WORK/x" && touch "$T/stop"
wait "$racer"
untouched "a race against the commit"
check "control: some of it came" sh -c "find '$WORK/s' '$WORK/link' -type f | grep -q ."
owner rollback "$run" >"$T/out" 2>&1
find "$WORK" -mindepth 1 -delete

as_user sh -c "echo f >'$WORK/was-file'"
overlay 'rm was-file; mkfifo was-file other; mkdir -p a; mkfifo a/b'
is "FIFOs block nobody" "$(owner changes "$run" >"$T/out" 2>&1; echo $?; commit; find "$WORK" -type p | wc -l)" "0
0
3"
overlay 'mv was-file x; echo data >was-file; printf "\033]0;owned\007" >"$(printf "n\033]0;owned\007\n\r")"; touch "$(printf "u\342\200\256x")"'
owner changes "$run" >"$T/out" 2>&1
refute "no byte of a name reaches the terminal as it is" grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae' "$T/out"
is "and the names come as they are" "$(commit; find "$WORK" -name "n$(printf '\033')*" -type f | wc -l)" "0
2"

overlay 'echo x >plain; echo y >tool; echo z >cap'
upper=$STATE/workspaces/$run/upper
chmod 6755 "$upper/tool" && mknod "$upper/disk" b 7 0 && mknod "$upper/null" c 1 3 &&
	python3 -c 'import os, sys
os.setxattr(sys.argv[1], "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))' "$upper/cap"
check "control: the upper layer has setuid and a capability" sh -c "test -u '$upper/tool' && python3 -c 'import os; os.getxattr(\"$upper/cap\", \"security.capability\")'"
is "devices are held back" "$(commit; grep -c 'not written: \(disk\|null\) (a device' "$T/err")" "3
2"
is "setuid and setgid stay behind" "$(stat -c %a "$WORK/tool")" 755
check "and so do capabilities" sh -c "! python3 -c 'import os; os.getxattr(\"$WORK/cap\", \"security.capability\")' 2>/dev/null"
refute "no device came" test -e "$WORK/disk" -o -e "$WORK/null"
owner rollback "$run" >"$T/out" 2>&1

overlay 'python3 -c "
import os
for _ in range(2500):
    os.mkdir(\"d\")
    os.chdir(\"d\")
"; echo x >shallow'
is "what is too deep is named, the rest comes" "$(commit; grep -c 'too deep' "$T/err"; cat "$WORK/shallow")" "3
1
x"
check "and it goes with the rollback" owner rollback "$run"
check "whatever its depth" wait_for 10 sh -c "[ -z \"\$(ls -A '$STATE/workspaces')\" ]"

mkfifo "$T/hold" && exec 3<>"$T/hold"
supervised --overlay -- sh -c 'echo x >live; ls "'"$STATE"'/workspaces" 2>&1; read go' <"$T/hold" >"$T/inside" 2>&1 & live=$!
wait_for 10 grep -q . "$T/inside"
run=$(last)
check "the run does not see where its changes are kept" grep -q 'No such file\|denied' "$T/inside"
check "changes of a live run are shown" sh -c "SUDO_UID=$(id -u "$RUN_USER") '$BAILIFF' changes --state-dir '$STATE' --runtime-dir '$RUNTIME' '$run' | grep -q live"
is "they cannot be committed" "$(commit)" 122
is "nor dropped" "$(owner rollback "$run" >"$T/out" 2>&1; echo $?)" 122
group=$(getent group bailiff | cut -d: -f3)
other() { # VERB: as a user who may connect, and to whom the run does not belong
	setpriv --reuid 65534 --regid 65534 --groups "${group:-65534}" "$BAILIFF" "$1" --state-dir "$STATE" --runtime-dir "$RUNTIME" "$run"
}
if [ -n "$group" ]; then
	for verb in changes commit rollback; do refute "another user may not: $verb" other "$verb"; done
else
	skip group "another user may neither look nor write" "there is no group bailiff"
fi
echo go >&3
wait "$live"
is "after its end they can" "$(commit; cat "$WORK/live")" "0
x"
check "the ledger verifies" verifies
finish
