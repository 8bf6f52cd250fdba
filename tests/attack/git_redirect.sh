#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker leaves the protected .git/config and .git/hooks alone and makes git look elsewhere: a file
# .git/commondir names another folder whose config runs a program at the user's next `git status`
# (core.fsmonitor; compare CVE-2022-24765, CVE-2024-32002 for what a foreign config may do). In worktrees that
# exist the file is read-only; a new one cannot be made, and where the policy says violate the second try ends
# the run.
. "$(dirname "$0")/../e2e/lib.sh"

git_outside() { unsupervised git -c user.name=t -c user.email=t@example.org "$@"; }
git_outside init -q . && git_outside commit -q --allow-empty -m first && git_outside worktree add -q tree
is "control: a repository with a worktree" "$(git_outside -C tree rev-parse --is-inside-work-tree)" true
cat >"$WORK/plant.sh" <<'END'
mkdir -p evil/objects evil/refs && cp .git/HEAD .git/config evil/
printf '[core]\n\tfsmonitor = touch %s/owned; false\n' "$PWD" >>evil/config
printf ../evil >.git/commondir
END
unsupervised sh plant.sh && git_outside status >/dev/null 2>&1
check "control: outside, the planted file runs a program" test -e "$WORK/owned"
rm -rf "$WORK/owned" "$WORK/evil" "$WORK/.git/commondir"
start_supervisor || { not_ok "the supervisor starts"; finish; }

for policy in default coding-agent ci; do
	supervised -p $policy -- sh -c 'sh plant.sh; sleep 0.3; printf ../evil >.git/commondir; sleep 0.3; : >survived' 2>/dev/null
	echo $? >"$T/status.$policy"
	refute "$policy: .git/commondir is not made" test -e "$WORK/.git/commondir"
	rm -rf "$WORK/survived" "$WORK/evil" "$WORK/.git/commondir"
done
is "default: refused, and the run goes on" "$(cat "$T/status.default")" 0
is "ci: the second try ends the run" "$(cat "$T/status.ci")" 123
check "the ledger has the refusal" recorded '(.kind | test("decision")) and (tostring | test("commondir"))'
check "the ledger has the violation" recorded '(.kind == "violation") and (tostring | test("commondir"))'
for try in 'echo ../../../evil >.git/worktrees/tree/commondir' 'rm .git/worktrees/tree/commondir' 'mv .git/worktrees .git/w' \
	'mv .git/worktrees/tree .git/worktrees/t'; do
	refute "refused: $try" supervised -- sh -c "$try"
done
is "the worktree's file is as it was" "$(cat "$WORK/.git/worktrees/tree/commondir")" ../..
check "control: commits and new worktrees work inside" supervised -e HOME=/tmp -- sh -c '
	git -c user.name=t -c user.email=t@example.org commit -q --allow-empty -m second && git worktree add -q /tmp/other'
check "its ledger verifies" verifies
finish
