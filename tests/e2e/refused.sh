#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the policy forbids does not happen, and the ledger says who, what, which rule, what to do.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
victim=/etc/bailiff-test.$$
trap 'rm -f "$victim"; clean_up' EXIT

supervised -- sh -c "echo x > $victim" 2>"$T/err"
is "writing to /etc fails inside" $? 2
refute "nothing was made" test -e "$victim"
check "control: the same outside, as root, succeeds" sh -c "echo x > $victim"
rm -f "$victim"
check "the ledger has the refusal with its rule" \
	recorded ".kind == \"decision\" and .verdict == \"deny\" and .path == \"$victim\" and (.rule | length) > 0"
check "it says why" recorded ".path == \"$victim\" and (.reason // .detail.reason | length) > 0"
check "it says what to do" recorded ".path == \"$victim\" and (.remedy // .detail.remedy | length) > 0"
check "it says who" recorded ".path == \"$victim\" and (.pid // .proc_pid // .proc | tostring | length) > 0"
ledger who "$victim" >"$T/who" 2>&1
check "ledger who names the path" grep -q "$victim" "$T/who"

# A repository whose hooks are protected: no way around the folder above them.
as_user() { unsupervised "$@" >/dev/null 2>&1; }
repository() {
	rm -rf "$WORK/repo" && as_user git init -q repo && as_user sh -c 'echo "#!/bin/sh" >repo/.git/hooks/pre-commit'
}
inside() { (cd "$WORK/repo" && WORK=$WORK/repo && supervised -- sh -c "$1"); }
for try in 'mv .git x; mkdir -p .git/hooks && echo evil >.git/hooks/pre-commit' \
	'mv .git/hooks x' 'rm -rf .git/hooks/pre-commit' 'echo evil >.git/hooks/pre-commit' \
	'echo evil >.git/hooks/post-commit' 'echo evil >>.git/config' 'ln -f /usr/bin/true .git/hooks/pre-commit' \
	'chmod 777 .git/hooks' 'rm -rf .git && mkdir -p .git/hooks && echo evil >.git/hooks/pre-commit'; do
	repository
	sums=$(find "$WORK/repo/.git/hooks" "$WORK/repo/.git/config" -type f -exec sha256sum {} + | LC_ALL=C sort)
	inside "$try" >/dev/null 2>&1
	is "protected: $try" "$(find "$WORK/repo/.git/hooks" "$WORK/repo/.git/config" -type f -exec sha256sum {} + 2>&1 | LC_ALL=C sort)" "$sums"
done
repository
check "control: mv .git succeeds outside" as_user sh -c 'cd repo && mv .git x && mkdir -p .git/hooks'

repository
check "a commit still works there" inside 'git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m x'
check "moving it away was a refusal, and is recorded" recorded '(.kind | test("decision")) and .ret == -16 and (tostring | test("/.git"))'

# Reads: a secret is out of sight, and the try is seen.
as_user sh -c 'echo TOKEN=1 >.env'
refute "a denied file cannot be read" supervised -- cat .env
check "control: it can outside" as_user cat .env
check "the try to read it is in the ledger" recorded ".verdict == \"deny\" and .path == \"$WORK/.env\""
refute "/etc/shadow cannot be read" supervised -- cat /etc/shadow
check "the try to read /etc/shadow is in the ledger" recorded '.verdict == "deny" and .path == "/etc/shadow"'
check "its ledger verifies" verifies
finish
