#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shipped `coding-agent` with real tools: ordinary work asks nobody; what leaves the machine is held
# until a person answers; each refusal has a twin that works.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
cat >"$WORK/Makefile" <<'EOF'
all: ; @echo built > out.txt
EOF
chown "$RUN_USER:" "$WORK"
unsupervised git init -q
unsupervised git init -q --bare there.git
unsupervised git remote add there ./there.git
chown -R "$RUN_USER:" "$WORK"
there() { git -c safe.directory="*" -C "$WORK/there.git" for-each-ref | wc -l; }
agent() { supervised -p coding-agent -- "$@"; }

check "a shell" agent sh -c 'echo "$((1 + 1))" | grep -q 2'
check "git commit" agent sh -c 'git add Makefile && git -c user.name=a -c user.email=a@b commit -qm one'
is "the commit is there" "$(unsupervised git log --format=%s)" one
check "make" agent make
is "make has written" "$(cat "$WORK/out.txt")" built
check "python" agent python3 -c 'import subprocess; subprocess.run(["git", "log", "-1"], check=True, stdout=subprocess.DEVNULL)'
check "a program of the workspace" agent sh -c 'printf "#!/bin/sh\nexit 0\n" >own.sh && chmod +x own.sh && ./own.sh'
check "a program of /tmp" agent sh -c 'cp /bin/true /tmp/own && /tmp/own'
check "removing a tree of the workspace" agent sh -c 'mkdir -p build/a && rm -rf build && [ ! -e build ]'

# What cannot be taken back is held until a person answers.
verb() { verb_name=$1; shift; "$BAILIFF" "$verb_name" --runtime-dir "$RUNTIME" "$@"; }
item() { verb inbox --json | jq -r 'select(.status == "PENDING") | .id' | head -n 1; }
waiting() { [ -n "$(item)" ]; }
# answered VERB DESCRIPTION COMMAND...: the command is held, a person answers, its status is in $answered.
answered() {
	answer=$1 what=$2
	shift 2
	agent "$@" >"$T/out" 2>"$T/err" &
	runner=$!
	if wait_for 10 waiting; then ok "$what is held"; else not_ok "$what is held"; diag <"$T/err"; kill "$runner"; fi
	check "a person can answer: $answer" verb "$answer" "$(item)" --reason test
	answered=0
	wait "$runner" || answered=$?
}
answered deny "a push" sh -c 'git -C . push there HEAD:main'
check "and fails" test "$answered" -ne 0
answered deny "a push through a shell of python" python3 -c 'import os; os.execvp("sh", ["sh", "-c", "exec git push there HEAD:main"])'
check "and fails" test "$answered" -ne 0
answered deny "a push by a copy of git" sh -c 'cp /usr/bin/git ./tig && ./tig push there HEAD:main'
check "and fails" test "$answered" -ne 0
is "nothing was pushed" "$(there)" 0
# Nobody approves their own request without a terminal: the caller is somebody else now.
CALLER=games
agent() {
	(cd "$WORK" && exec setpriv --reuid "$CALLER" --regid "$(id -g "$CALLER")" --groups "$(getent group bailiff | cut -d: -f3)" \
		env HOME=/nonexistent "$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" -p coding-agent -- "$@")
}
chown -R "$CALLER:" "$WORK"
answered approve "a push" git push -q there HEAD:main
is "and works when a person says so" "$answered $(there)" "0 1"
check "a push that changes nothing is allowed" agent git push --dry-run -q there HEAD:other
refute "su is refused" agent su -c true
for rule in leaves-this-machine no-privilege-change; do
	check "the ledger names $rule" recorded "tojson | contains(\"$rule\")"
done
refute "a hook is not written" agent sh -c 'echo x >.git/hooks/pre-commit'
chown -R "$RUN_USER:" "$WORK"
check "twin: outside it is written" unsupervised sh -c 'echo x >.git/hooks/pre-commit'
finish
