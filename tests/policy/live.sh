#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The third way of policy cases: each line of each shipped .cases file is tried in a real run. A denial
# that revokes the run counts when the same line does it again; then the next run goes on behind it.
# In a network namespace of its own, where "the host's network" is nobody's.
if [ "${1:-}" != inside ] && [ "$(id -u)" -eq 0 ]; then exec unshare -n "$0" inside; fi
. "$(dirname "$0")/../e2e/lib.sh"

ip link set lo up
helper=$(dirname "$PROBE")/cases
# The files that cases name below the workspace exist: what protects names to come is another matter.
plant() {
	sed -n 's/^\(read\|write\) *\$WORKSPACE\/\([^ ]*\) .*/\2/p' "$1" | grep -v '\.\./' | sort -r | while read -r name; do
		mkdir -p "$WORK/$(dirname "$name")"
		[ -e "$WORK/$name" ] || echo planted >"$WORK/$name"
	done
	# A project file that is used must be one.
	[ ! -e "$WORK/.bailiff.yaml" ] || echo 'schema: 1' >"$WORK/.bailiff.yaml"
	cp "$helper" "$WORK/cases"
	chown -R "$RUN_USER:" "$WORK"
}
# live POLICY: tries all lines; leaves what was said in $T/said.
live() {
	from=1 struck=0 runs=0
	: >"$T/said"
	while [ $runs -lt 120 ]; do
		runs=$((runs + 1))
		# shellcheck disable=SC2016  # the run's own HOME
		supervised -p "$1" -- sh -c 'exec ./cases policy.cases "$1" "$HOME" "$2"' sh "$WORK" "$from" >"$T/out" 2>"$T/err"
		cat "$T/out" >>"$T/said"
		[ "$(tail -n 1 "$T/out")" != end ] || return 0
		last=$(sed -n 's/ try$//p' "$T/out" | tail -n 1)
		[ -n "$last" ] || { diag <"$T/err"; return 1; }
		if [ "$last" = "$struck" ] && [ "$(grep -c ' try$' "$T/out")" -eq 1 ]; then
			sed -n "${last}p" "$WORK/policy.cases" | grep -q ' deny' || echo "$last bad: an allowed line ended the run" >>"$T/said"
			from=$((last + 1)) struck=0
		else
			from=$last struck=$last
		fi
	done
	return 1
}
start_supervisor || { not_ok "the supervisor starts"; finish; }
for cases in "$TOP"/policies/library/*.cases; do
	name=$(basename "$cases" .cases)
	: >"$WORK/policy.cases"
	for part in "$cases" $(sed -n "s|^include \(.*\)|$TOP/policies/library/\1.inc|p" "$cases"); do
		# Names need a world that answers for them: tests/attack/egress.sh has one. Commands: tests/e2e/gate.sh.
		grep -vE '^include |^connect +[a-z]|^run ' "$part" >>"$WORK/policy.cases"
	done
	plant "$WORK/policy.cases"
	(cd "$WORK" && ./cases policy.cases "$WORK" /nonexistent 1 syscall) >"$T/control"
	is "$name, control: outside no call is refused so" "$(grep -c ' ok syscall .* deny ' "$T/control")" 0
	check "$name: each line was tried" live "$name"
	is "$name: the run agrees with the decision in $(grep -c ' ok ' "$T/said") lines, $runs runs" "$(grep ' bad' "$T/said")" ""
	check "$name: and those are most of its lines" test "$(grep ' ok ' "$T/said" | sort -u | wc -l)" -ge \
		"$(($(grep -c '^[a-z]' "$WORK/policy.cases") * 3 / 4))"
	rm -rf "$WORK"
	mkdir "$WORK"
	chown "$RUN_USER:" "$WORK"
done
# Seven lines that are not so: each is found.
cat >"$WORK/policy.cases" <<'END'
read /etc/passwd deny rule=files.read
write /tmp/x deny rule=files.write
write /etc/passwd allow
syscall read deny EPERM
syscall ptrace allow
syscall ptrace deny ENOSYS
connect 127.0.0.1:1 deny rule=network.deny
END
plant "$WORK/policy.cases"
check "control: each wrong line was tried" live default
is "control: and found wrong" "$(grep -c ' bad ' "$T/said")" 7
check "its ledger verifies" verifies
finish
