#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The example of the whole policy language, in real runs: what its rules, plans, tiers and environments answer.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
cp "$TOP/tests/policy/example.policy.yaml" "$T/whole.yaml"
chmod 0644 "$T/whole.yaml"
mkdir "$WORK/build"
# Programs that the host need not have: a script each, outside of what the run can change.
for name in terraform ansible-playbook; do
	printf '#!/bin/sh\necho ran >>ran.%s\n' "$name" >"$WORK/$name"
done
chmod +x "$WORK"/terraform "$WORK"/ansible-playbook
chown -R "$RUN_USER:" "$WORK"
agent() { supervised -p "$T/whole.yaml" -- "$@"; }
status() { "$@" >"$T/out" 2>"$T/err"; echo $?; }
# violates DESCRIPTION TYPE COMMAND...: the run is revoked, the ledger has the packet.
violates() {
	violates_what=$1 violates_type=$2
	shift 2
	is "$violates_what: the run is revoked" "$(status agent "$@")" 123
	check "$violates_what: the caller is told" grep -q "$violates_type" "$T/err"
	check "$violates_what: the ledger has it" recorded ".kind == \"violation\" and (tojson | contains(\"$violates_type\"))"
}

is "ordinary work" "$(status agent ls)" 0
is "a shell, a pipe, a program of the workspace" "$(status agent sh -c 'echo x | grep -q x && ./ansible-playbook --check site.yml')" 0
is "the build folder may be removed" "$(status agent rm -rf build)" 0
refute "and is gone" test -e "$WORK/build"
is "another tier's command is refused, and the run goes on" "$(status agent sh -c './terraform apply; exit 3')" 3
refute "it never ran" test -e "$WORK/ran.terraform"
check "twin: outside it does" unsupervised sh -c './terraform apply && rm ran.terraform'
is "a plan of it is ordinary work" "$(status agent ./terraform plan)" 0
violates "a push without a plan" APPLY_WITHOUT_PLAN sh -c 'git push'
violates "a push by python" APPLY_WITHOUT_PLAN python3 -c 'import os; os.execvp("git", ["git", "-C", ".", "push"])'
rm -f "$WORK/ran.ansible-playbook"
violates "a change without its check" RUN_WITHOUT_CHECK sh -c './ansible-playbook site.yml; echo x >>after'
refute "it never ran" test -e "$WORK/ran.ansible-playbook"
refute "who called it executed nothing more" test -e "$WORK/after"
supervised -- sh -c 'i=0; while [ $i -lt 20 ]; do (while :; do echo x >>beside; done) & i=$((i + 1)); done; wait' >/dev/null 2>&1 &
load=$!
for _ in 1 2 3 4 5 6 7 8; do
	agent sh -c './ansible-playbook site.yml; echo x >>after' >/dev/null 2>&1
done
refute "nor did eight others, on a busy machine" test -e "$WORK/after"
kill "$load" && wait "$load"
violates "a variable of production" UNAUTHORIZED_PROD sh -c 'AWS_PROFILE=prod-eu ls'
is "control: another value of it" "$(status agent sh -c 'AWS_PROFILE=test ls')" 0
finish
