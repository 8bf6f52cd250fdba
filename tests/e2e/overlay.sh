#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A workspace that is kept apart: what the run changes is seen by `changes`, comes by `commit`, goes by
# `rollback`, and is in the user's tree in no other way. The control is the same command done directly.
# shellcheck disable=SC2016  # scripts are for the shell inside
. "$(dirname "$0")/lib.sh"

owner() { # VERB ARGS...: as the caller through sudo, who owns the overlay
	owner_verb=$1
	shift
	SUDO_UID=$(id -u "$RUN_USER") "$BAILIFF" "$owner_verb" --state-dir "$STATE" --runtime-dir "$RUNTIME" "$@"
}
state_of() { # DIR: all that counts, without the times that writing gives
	(cd "$1" && find . -mindepth 1 -printf '%P %y %m %U %l\n' | LC_ALL=C sort &&
		find . -type f -exec sha256sum {} + | LC_ALL=C sort)
}
whole_state_of() { # DIR: bit for bit
	(cd "$1" && find . -printf '%P %y %m %U %G %i %n %s %T@ %C@ %l\n' | LC_ALL=C sort &&
		find . -type f -exec sha256sum {} + | LC_ALL=C sort)
}
fill() { # DIR
	mkdir -p "$1/src/deep/er" "$1/old"
	echo one >"$1/a"; echo two >"$1/b"; echo three >"$1/src/c"; echo four >"$1/src/deep/er/d"
	echo five >"$1/old/e"; ln -s a "$1/link"; ln "$1/b" "$1/b2"; chmod 0640 "$1/src/c"
	chown -R "$RUN_USER:" "$1"
}
last() { find "$STATE/workspaces" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | tail -1; }
kept() { find "$STATE/workspaces" -mindepth 1 | head -1; }
nothing_kept() { [ -z "$(kept)" ]; }

work='echo new >a; rm b; mv src/c src/c2; rm -r old; mkdir -p made/by/me; echo x >made/by/me/x; ln -s /etc/passwd out
ln made/by/me/x made/y; mkfifo pipe; chmod 0700 src/deep; echo more >>src/deep/er/d; rm link; mkdir link; echo z >"odd
name"; printf "\033[31mred\n" >"$(printf "esc\033[31m")"'

fill "$WORK"
start_supervisor || { not_ok "the supervisor starts"; finish; }
before=$(whole_state_of "$WORK")
check "a run on an overlay" supervised --overlay -- sh -c "$work"
is "its workspace is bit for bit what it was" "$(whole_state_of "$WORK")" "$before"
run=$(last)
owner changes "$run" >"$T/changes" 2>"$T/err"
for line in 'modified  a$' 'deleted   b$' 'renamed   src/c -> src/c2$' 'deleted   old/$' 'deleted   old/e$' \
	'added     made/by/me/x$' 'added     out  (symlink)$' 'added     pipe  (fifo)$' 'mode      src/deep/  (0755 -> 0700)$' \
	'modified  src/deep/er/d$' 'modified  link/  (symlink -> directory)$' 'added     odd\\x0aname$' 'added     esc\\x1b\[31m$'; do
	check "changes says: $line" grep -q "^$line" "$T/changes"
done
owner changes "$run" --json >"$T/json"
check "and as JSON" jq -es 'any(.[]; .change == "renamed" and .from == "src/c" and .path == "src/c2")' "$T/json"

owner changes "$run" --stat >"$T/stat"
check "the sum by file" grep -qx ' src/deep/er/d | +1 -0' "$T/stat"
owner changes "$run" --patch >"$T/patch"
cp -a "$WORK" "$T/patched" && (cd "$T/patched" && git init -q . && git apply --whitespace=nowarn "$T/patch") >"$T/out" 2>&1
is "git applies the patch" "$(cat "$T/out")" ""
is "and has the files of the run" "$(cd "$T/patched" && cat a src/c2 src/deep/er/d made/y "$(printf 'odd\nname')" && readlink out && ls b old/e 2>/dev/null)" "new
three
four
more
x
z
/etc/passwd"
check "the list of what is kept has its size" sh -c "SUDO_UID=$(id -u "$RUN_USER") '$BAILIFF' changes --state-dir '$STATE' --runtime-dir '$RUNTIME' --json | jq -e '.bytes > 4000 and .bytes < 200000 and .workspace == \"$WORK\"'"
check "rollback drops it" owner rollback "$run"
is "the workspace is bit for bit what it was" "$(whole_state_of "$WORK")" "$before"
check "nothing of it is kept" wait_for 5 nothing_kept
refute "and nothing is left to commit" owner commit "$run"

mkdir "$T/direct" && fill "$T/direct"
(cd "$T/direct" && setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --clear-groups sh -c "$work")
supervised --overlay -- sh -c "$work"
check "commit writes all of it" owner commit "$(last)"
is "the workspace is what the command would have made of it directly" "$(state_of "$WORK")" "$(state_of "$T/direct")"
is "two names of one file came as one file" "$(stat -c %i "$WORK/made/y")" "$(stat -c %i "$WORK/made/by/me/x")"
check "nothing is kept after it" wait_for 5 nothing_kept
check "commit and rollback are recorded" recorded '.kind == "workspace" and .by == "uid:0"'
check "who changed a file is known by its name in the workspace" sh -c "
	'$BAILIFF' ledger who '$WORK/a' --state-dir '$STATE' | grep -q sh"

supervised --overlay -- sh -c 'echo 1 >p1; echo 2 >p2; mkdir q; echo 3 >q/p3; rm a'
run=$(last)
check "commit of one path" owner commit "$run" q/p3
is "writes that and the way to it" "$(cat "$WORK/q/p3")" 3
refute "and nothing else" test -e "$WORK/p1" -o ! -e "$WORK/a"
check "the rest is still there to be committed" owner commit "$run"
is "and comes" "$(cat "$WORK/p1" "$WORK/p2")" "1
2"
refute "with its deletion" test -e "$WORK/a"

echo mine >"$WORK/p1"; chown "$RUN_USER:" "$WORK/p1"
supervised --overlay -- sh -c 'echo his >p1; echo his >p2; rm q/p3; echo new >n'
run=$(last)
echo mine-later >"$WORK/p1"; echo mine-later >"$WORK/q/p3"; echo mine-later >"$WORK/n"
is "a conflict has exit code 3" "$(owner commit "$run" >"$T/out" 2>"$T/err"; echo $?)" 3
is "and is written nowhere, the others are" "$(cat "$WORK/p1" "$WORK/q/p3" "$WORK/n" "$WORK/p2")" "mine-later
mine-later
mine-later
his"
for name in p1 q/p3 n; do check "it names $name" grep -q "not written: $name (conflict" "$T/err"; done
is "--force writes it" "$(owner commit "$run" --force >"$T/out" 2>&1; echo $?; cat "$WORK/p1" "$WORK/n"; ls "$WORK/q")" "0
his
new"

supervised --dry-run -- sh -c 'echo dry >p1; echo out' >"$T/out" 2>"$T/err"
is "a dry run leaves the workspace, and the output of the command" "$(cat "$WORK/p1" "$T/out")" "his
out"
check "says what would have changed" grep -q "^modified  p1" "$T/err"
check "and keeps nothing" wait_for 5 nothing_kept
supervised --overlay -- true
check "a run that changes nothing keeps nothing" wait_for 5 nothing_kept

supervised --overlay -- sh -c 'mkdir -p .git/hooks; echo x >.git/hooks/pre-commit; echo x >.env; echo x >.bailiff.yaml; echo ok >fine; ln -s fine .claude' >"$T/out" 2>&1
run=$(last)
is "protected names are held back one by one" "$(owner commit "$run" >"$T/out" 2>"$T/err"; echo $?; cat "$WORK/fine")" "3
ok"
for name in .git/hooks .git/hooks/pre-commit .env .bailiff.yaml .claude; do
	check "$name is named" grep -q "not written: $name (protected" "$T/err"
	refute "$name did not come" test -e "$WORK/$name" -o -L "$WORK/$name"
done
owner rollback "$run" >"$T/out" 2>&1

mkfifo "$T/hold" && exec 3<>"$T/hold"
supervised --overlay -- sh -c 'echo first >both; echo 1 >only1; read go' <"$T/hold" & first=$!
supervised --overlay -- sh -c 'echo second >both; echo 2 >only2'
echo go >&3
wait $first
# shellcheck disable=SC2046  # ids of runs are words
set -- $(find "$STATE/workspaces" -mindepth 1 -maxdepth 1 -printf '%f\n')
is "two runs at once have two overlays" "$#" 2
owner commit "$1" >"$T/out" 2>&1
is "the second of two that made the same file conflicts there only" "$(owner commit "$2" >"$T/out" 2>"$T/err"; echo $?
	cat "$WORK/only1" "$WORK/only2"; grep -c 'not written' "$T/err")" "3
1
2
1"
owner rollback "$2" >"$T/out" 2>&1
group=$(getent group bailiff | cut -d: -f3)
if [ -n "$group" ]; then
	supervised --overlay -- sh -c 'echo own >own; ln own own2'
	is "its owner needs no root" "$(setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --groups "$group" "$BAILIFF" commit --state-dir "$STATE" \
		--runtime-dir "$RUNTIME" "$(last)"; cat "$WORK/own2")" "2 written, 0 held, 0 failed, 0 left
own"
else
	skip group "its owner needs no root" "there is no group bailiff"
fi
check "the ledger says what became of it" sh -c "'$BAILIFF' ledger log -n 10000 --state-dir '$STATE' | grep -q 'uid:0 did a commit of run .* on $WORK: .* written'"

# Root without sudo: the run is somebody else, and the files stay root's.
root() { # VERB ARGS...
	root_verb=$1
	shift
	(cd "$T/rooted" && env -u SUDO_UID "$BAILIFF" "$root_verb" --state-dir "$STATE" --runtime-dir "$RUNTIME" "$@")
}
mkdir "$T/rooted" && echo one >"$T/rooted/a" && ln "$T/rooted/a" "$T/rooted/a2" && mkdir -m 0700 "$T/rooted/d"
is "root's overlay is not root inside" "$(root run -q --overlay -- sh -c 'id -u; echo two >>a; echo x >d/x; echo y >n; chmod 0 n')" "$(id -u "$RUN_USER")"
check "its commit" root commit "$(last)"
is "leaves root's files root's, and both names one file" "$(stat -c '%u %a' "$T/rooted/n" "$T/rooted/d/x"; cat "$T/rooted/a2")" "0 0
0 644
one
two"
check "the ledger verifies" verifies
finish
