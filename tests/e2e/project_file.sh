#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `.bailiff.yaml`: tightens the policy of a run, never widens it, and no run can write, replace or make one.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
both="--state-dir $STATE --runtime-dir $RUNTIME"
file=$WORK/.bailiff.yaml
as_user() { unsupervised "$@" >/dev/null 2>&1; }
project() { # DOCUMENT: the project file of the workspace
	rm -f "$file"
	printf '%s\n' "$1" >"$file"
	chown "$RUN_USER:" "$file"
}
# refused DESCRIPTION PATTERN ARGS...: exit code 120, a sentence, and a next step; nothing ran.
refused() {
	refused_what=$1 refused_pattern=$2 refused_status=0
	shift 2
	supervised "$@" -- sh -c 'echo ran' >"$T/out" 2>"$T/err" || refused_status=$?
	is "$refused_what" "$refused_status $(cat "$T/out")" "120 "
	check "  it is said where and what" grep -qE "$refused_pattern" "$T/err"
	check "  with a next step" grep -q '^  next: ' "$T/err"
}

check "control: without a file the run writes here" supervised -- sh -c 'echo x >here'
project 'files: {write: [/tmp], deny_read: [./private]}
limits: {open_files: 32}'
as_user sh -c 'echo s >private; mkdir out'
refute "with one that lists /tmp it does not" supervised -- sh -c 'echo x >here'
refute "what it hides cannot be read" supervised -- cat private
is "a limit is lowered" "$(supervised -- sh -c 'ulimit -n' 2>&1)" 32
# shellcheck disable=SC2086  # $both is several words
(cd "$WORK" && SUDO_UID=$(id -u "$RUN_USER") "$BAILIFF" run $both -- true) 2>"$T/err"
check "the banner says so" grep -q "policy default tightened by $file, network" "$T/err"
sum=$(sha256sum "$file" | cut -c 1-64)
digest=$(ledger log --json --kind run_start -n 1 2>/dev/null | jq -r '.. | .policy_digest? // empty' | head -n 1)
doc=$(python3 -c 'import sqlite3, sys; print(sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute(
	"SELECT data FROM doc WHERE digest = ?", (bytes.fromhex(sys.argv[2]),)).fetchone()[0].decode())' "$LEDGER" "$digest")
is "the ledger has its digest in the policy that was in force" \
	"$(echo "$doc" | jq -r '.project[0].path + " " + .project[0].sha256')" "$file $sum"
is "and its effect" "$(echo "$doc" | jq -c '[.files.write, .limits.open_files]')" '[["/tmp"],32]'

project 'files:
  write: [/tmp, /srv]'
refused "what would widen is refused" "^bailiff: $file:2:17: \"/srv\" would widen"
project 'limits: {pids: 9999}'
refused "a higher limit, too" "^bailiff: $file:1:16: "
project 'network: {mode: host}'
refused "and another network" "^bailiff: $file:1:17: .*it is .none. there"
project 'extends: internet'
refused "it has no base" "$file:1:10: "
project 'secrets: {A: {env: A}}'
refused "and no secrets" "$file:1:1: .*may not stand in a project file"
project ''
refused "an empty one is no permission" "$file: this document is empty"
as_user sh -c "ln -s $T out/link"
project 'files: {write: [./out/link]}'
supervised -- true 2>"$T/err"
is "a link out of the workspace is no way out" "$? $(grep -c 'leads out of the workspace' "$T/err")" "122 1"
project 'files: {write: [./out]}'
check "a folder of the workspace is" supervised -- sh -c 'echo x >out/y; ! echo x >here2'

# Which files are believed.
project 'limits: {pids: 9}' && chmod o+w "$file"
refused "writable by everybody" 'writable by everybody'
project 'limits: {pids: 9}' && chown nobody: "$file"
refused "of somebody else" 'belongs to somebody else'
rm "$file" && as_user ln -s "$T/elsewhere" "$file"
refused "a symbolic link" 'symbolic link'
rm "$file" && as_user mkfifo "$file"
refused "a FIFO" 'not a regular file'
rm "$file" && project 'limits: {pids: 99}' && as_user ln "$file" other
refused "a second name, through which it could be written" 'more than one name'
rm -f "$WORK/other"

# No run can write it, whatever its policy says.
printf 'schema: 1\nname: open\nworkspace: {mode: direct}\nfiles: {read: [/usr, /bin, /lib, /lib64], write: [.]}\n' >"$T/open.yaml"
for try in 'echo x >.bailiff.yaml' 'rm .bailiff.yaml' 'mv .bailiff.yaml x' 'echo x >y && mv y .bailiff.yaml' \
	'ln .bailiff.yaml z' 'chmod 777 .bailiff.yaml' 'echo x >.bailiff.more.yaml' 'ln -s a .bailiff.other'; do
	project 'limits: {pids: 99}'
	before=$(stat -c '%i %a %h' "$file"; cat "$file"; ls "$WORK"/.bailiff*)
	supervised -p "$T/open.yaml" -- sh -c "$try" >/dev/null 2>&1
	is "it stays as it is: $try" "$(stat -c '%i %a %h' "$file"; cat "$file"; ls "$WORK"/.bailiff*)" "$before"
done
rm -f "$file"
check "control: without one this policy protects nothing" supervised -p "$T/open.yaml" -- sh -c 'echo x >.bailiff.yaml'
rm -f "$file"

# The repository around the workspace.
as_user git init -q .
as_user mkdir -p sub/deep
project 'files: {deny_read: [./private]}'
echo s >"$WORK/sub/deep/private" && chown "$RUN_USER:" "$WORK/sub/deep/private"
refute "the file of the repository's root holds below it" supervised -C "$WORK/sub/deep" -- cat private
project 'limits: {open_files: 64}'
printf 'limits: {open_files: 128}\n' >"$WORK/sub/.bailiff.yaml" && chown "$RUN_USER:" "$WORK/sub/.bailiff.yaml"
supervised -C "$WORK/sub" -- true 2>"$T/err"
is "one below cannot loosen it" "$? $(grep -c "$WORK/sub/.bailiff.yaml:1:22: " "$T/err")" "120 1"
rm "$WORK/sub/.bailiff.yaml"
is "one folder below it is used" "$(supervised -C "$WORK/sub" -- sh -c 'ulimit -n')" 64
rm -rf "$WORK/.git"
refute "without a repository the folder above is nobody's business" \
	sh -c "[ \"\$1\" = 64 ]" sh "$(supervised -C "$WORK/sub" -- sh -c 'ulimit -n')"
check "its ledger verifies" verifies
finish
