#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A developer's day, each tool under the strictest policy that it can work with: it ends with the status and
# the files that it has outside, and leaves nothing else. What its policy protects stays protected.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
export PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8

as_user() { (cd "$HERE" && setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --clear-groups env HOME="$T/home" "$@"); }
inside() { supervised -C "$HERE" -e GIT_AUTHOR_DATE -e GIT_COMMITTER_DATE "$@"; }
# What lies there: names, kinds, modes and sums. What holds times or names of processes is no content.
tree() {
	(cd "$1" && find . -not -path '*/.git/index' -not -path '*/.git/logs/*' -not -name '*.pyc' -not -path '*/.git/ORIG_HEAD' \
		-not -path '*/.git/worktrees/*/index' -not -path './node_modules/.package-lock.json' -printf '%P %y %m %l\n' | LC_ALL=C sort
	find . -type f -not -path '*/.git/*' -not -name '*.pyc' -not -name '*.o' -not -path './.venv/*' -not -name '*.pack' \
		-not -path './node_modules/.package-lock.json' -exec sha256sum {} + | LC_ALL=C sort)
}
# both DESCRIPTION STATUS PREPARE POLICY COMMAND...: the same work outside and inside, from the same beginning.
both() {
	both_what=$1 both_want=$2 both_prepare=$3 both_policy=$4
	shift 4
	for side in outside inside; do
		HERE=$WORK/place
		rm -rf "$HERE" && mkdir "$HERE" && chown "$RUN_USER:" "$HERE"
		as_user sh -euc "$both_prepare" >"$T/prepare" 2>&1 || diag <"$T/prepare"
		both_status=0
		if [ $side = outside ]; then
			as_user timeout 60 "$@" >"$T/$side.out" 2>&1 </dev/null || both_status=$?
		else
			inside ${both_policy:+-p "$both_policy"} -- timeout 60 "$@" >"$T/$side.out" 2>&1 </dev/null || both_status=$?
		fi
		echo "$both_status" >"$T/$side.status"
		tree "$HERE" >"$T/$side.tree"
	done
	is "$both_what: the status is $both_want inside and outside" "$(cat "$T/inside.status" "$T/outside.status" | tr '\n' ' ')" \
		"$both_want $both_want "
	[ "$(cat "$T/inside.status")" = "$both_want" ] || tail -n 5 "$T/inside.out" | diag
	check "$both_what: the files are those of outside" diff "$T/outside.tree" "$T/inside.tree"
}
mkdir "$T/home" && chown "$RUN_USER:" "$T/home"

# ---- git ----
repository='git init -q -b main origin; cd origin; seq 50 >n; git add n; git commit -qm one; git branch side
	git checkout -q side; echo x >x; git add x; git commit -qm two; git checkout -q main; echo y >y; git add y; git commit -qm three
	git worktree add -q ../linked side'
both "git clone" 0 "$repository" git git clone -q --no-hardlinks origin clone
both "git commit" 0 "$repository" git sh -c 'cd origin && echo z >>n && git commit -qam four'
both "git rebase" 0 "$repository" git sh -c 'cd origin && git worktree remove -f ../linked && git checkout -q side && git rebase -q main'
both "git in a linked worktree" 0 "$repository" git sh -c 'cd linked && echo w >w && git add w && git commit -qm five && git log --oneline | wc -l'
both "git merge with a conflict" 1 "$repository; echo 1 >n; git commit -qam a; cd ../linked; echo 2 >n; git commit -qam b" git \
	sh -c 'cd origin && git merge -q side'
HERE=$WORK/place
rm -rf "$HERE" && mkdir "$HERE" && chown "$RUN_USER:" "$HERE"
as_user sh -euc "$repository" >/dev/null 2>&1
HERE=$WORK/place/origin
for try in 'echo x >.git/hooks/pre-commit' 'git config core.fsmonitor /tmp/x' 'git config --worktree a.b c' \
	'rm -rf .git/hooks' 'mv .git .g'; do
	before=$(tree "$HERE" | grep -E 'hooks|config')
	inside -- git status >/dev/null 2>&1
	refute "protected under git's policy: $try" inside -p git -- sh -c "$try"
	is "  and nothing of it happened" "$(tree "$HERE" | grep -E 'hooks|config')" "$before"
done
check "control: outside it can" as_user sh -c 'echo x >.git/hooks/pre-commit && git config core.fsmonitor false'
HERE=$WORK/place/linked
check "a commit in a linked worktree alone" inside -p git -- sh -c 'echo w >w && git add w && git commit -qm five'
is "  is there" "$(as_user git log --format=%s -n 1)" five
refute "a linked worktree's hooks are those of its repository" inside -p git -- \
	sh -c 'echo x >"$(git rev-parse --git-common-dir)/hooks/post-commit"'

# ---- builds and tests ----
c='printf "all: p\np: p.o\n\tcc -o p p.o\np.o: p.c\n\tcc -c p.c\ncheck: p\n\t./p\n" >Makefile; echo "int main(void) { return 0; }" >p.c'
both "make -j2" 0 "$c" make make -s -j2
both "make check that fails" 2 "$c; echo 'int main(void) { return 3; }' >p.c" make make -s check
unit='printf "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(1, 1)\n" >test_a.py'
both "unittest" 0 "$unit" default /usr/bin/python3 -B -m unittest -q
both "unittest with a failure" 1 "$unit; sed -i 's/1, 1/1, 2/' test_a.py" default /usr/bin/python3 -B -m unittest -q
if /usr/bin/python3 -c 'import pytest' 2>/dev/null; then
	both "pytest" 0 "$unit" default /usr/bin/python3 -B -m pytest -q -p no:cacheprovider
else
	skip pytest "pytest" "no python3-pytest here"
fi

# ---- packages ----
wheel='mkdir src; /usr/bin/python3 - <<P
import zipfile
class Wheel(zipfile.ZipFile):
    def put(self, name, text): self.writestr(zipfile.ZipInfo(name), text)
w = Wheel("src/demo-1.0-py3-none-any.whl", "w")
w.put("demo.py", "answer = 42\n")
w.put("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
w.put("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
w.put("demo-1.0.dist-info/RECORD", "demo.py,,\ndemo-1.0.dist-info/METADATA,,\ndemo-1.0.dist-info/WHEEL,,\ndemo-1.0.dist-info/RECORD,,\n")
P
/usr/bin/python3 -m venv .venv'
if /usr/bin/python3 -c 'import venv, ensurepip' 2>/dev/null; then
	both "pip install of a local wheel" 42 "$wheel" pip sh -c '. .venv/bin/activate && pip install -q --no-index --no-compile \
		--disable-pip-version-check src/demo-1.0-py3-none-any.whl && python -B -c "import demo; raise SystemExit(demo.answer)"'
else
	skip venv "pip install of a local wheel" "no python3-venv here"
fi
if command -v npm >/dev/null; then
	npm='mkdir lib; printf "{\"name\":\"lib\",\"version\":\"1.0.0\",\"main\":\"i.js\"}" >lib/package.json; echo "module.exports = 42" >lib/i.js
		printf "{\"name\":\"app\",\"version\":\"1.0.0\",\"scripts\":{\"test\":\"node t.js\",\"postinstall\":\"echo ran >post\"}}" >package.json
		echo "process.exit(require(\"lib\") - 35)" >t.js'
	both "npm install of a local package" 7 "$npm" npm sh -c 'npm install -s --no-audit --no-fund ./lib && npm test -s'
else
	skip npm "npm install of a local package" "no npm here"
fi
if [ -x /usr/bin/cargo ]; then
	both "cargo build" 0 'cargo init -q --vcs none --name app .' cargo cargo build -q --offline
else
	skip cargo "cargo build" "no cargo that other users can run"
fi

# ---- a coding agent: reads, edits, runs tests, is told what it may not, commits ----
cat >"$T/agent.sh" <<'END'
set -eu
grep -q 'return 3' p.c
sed -i 's/return 3/return 0/' p.c
make -s check
cat .env >/dev/null 2>&1 && exit 90
echo '#!/bin/sh' 2>/dev/null >.git/hooks/pre-commit && exit 91
mkdir -p .claude && echo '{}' 2>/dev/null >.claude/settings.json && exit 92
git add p.c && git commit -qm 'p: succeed'
[ "$(git log --oneline | wc -l)" -eq 2 ] || exit 93
END
chmod 0755 "$T/agent.sh"
HERE=$WORK/place
rm -rf "$HERE" && mkdir "$HERE" && chown "$RUN_USER:" "$HERE"
as_user sh -euc "$c; echo 'int main(void) { return 3; }' >p.c; printf 'p\n*.o\n.env\n' >.gitignore; echo K=1 >.env
	git init -q -b main; git add .; git commit -qm one" >/dev/null 2>&1
inside -p claude -r "$T/agent.sh" -- sh "$T/agent.sh" >"$T/out" 2>&1
is "a coding agent does its work" "$?" 0
diag <"$T/out"
is "and leaves a clean tree" "$(as_user git status --porcelain)" ""
is "with its commit" "$(as_user git log --format=%s | tr '\n' ' ')" "p: succeed one "
check "its three tries are in the ledger" recorded "[.path // empty] | any(test(\"/.claude/settings.json\$\"))"
check "  the secret" recorded ".verdict == \"deny\" and .path == \"$HERE/.env\""
check "  the hook" recorded ".verdict == \"deny\" and .path == \"$HERE/.git/hooks/pre-commit\""
check "the ledger verifies" verifies
finish
