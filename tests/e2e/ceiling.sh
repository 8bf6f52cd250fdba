#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The ceiling of a host: the supervisor refuses what exceeds it. `bailiff run` does not look at it, so an
# honest client is here as good as a forged one; plans that no builder makes are in tests/unit/test_ceiling.c.
. "$(dirname "$0")/lib.sh"

CEILING=$T/ceiling.yaml
with_ceiling() { # DOCUMENT: a supervisor that has it
	stop_supervisor
	printf 'schema: 1\nname: c\n%s\n' "$1" >"$CEILING"
	start_supervisor >/dev/null
}
refused() { # DESCRIPTION PATTERN ARGS...
	refused_what=$1 refused_pattern=$2 refused_status=0
	shift 2
	supervised "$@" >"$T/out" 2>"$T/err" || refused_status=$?
	is "$refused_what" "$refused_status $(cat "$T/out")" "122 "
	check "  it is said which key" grep -q "ceiling of this host.*\`$refused_pattern\`" "$T/err"
	check "  with a next step" grep -q '^  next: .*policy ceiling' "$T/err"
}
unsupervised mkdir -p .git/hooks
mkdir -m 0755 "$T/outside"
chown "$RUN_USER:" "$T/outside"
whole_default | grep -v 'git/hooks' >"$T/unguarded.yaml"

with_ceiling 'files: {deny_write: [./.git/hooks]}
limits: {pids: 600}' || { diag <"$T/bailiffd.log"; not_ok "a supervisor starts below a ceiling"; finish; }
check "what stays below it runs" supervised -- true
refused "a policy without a denial that the ceiling has" files.deny_write -p "$T/unguarded.yaml" -- echo ran
check "  and it is on record" recorded '.kind == "intervention" and .verdict == "deny"'
with_ceiling 'limits: {pids: 5}' && refused "more processes" limits.pids -- echo ran
check "  a flag lowers them" supervised --pids 5 -- true
with_ceiling 'files: {write: [.]}' && refused "writing elsewhere" files.write -w "$T/outside" -- echo ran
check "  control: the workspace alone" supervised -- sh -c 'echo x >here'
with_ceiling 'network: {mode: none}' && refused "a network" network.mode --allow example.com -- echo ran
check "  control: none" supervised -- true
with_ceiling 'workspace: {mode: overlay}' && refused "writing in place" workspace.mode -- echo ran
check "  control: an overlay" supervised --dry-run -- true
stop_supervisor
check "control: without a ceiling all of it runs" supervised -p "$T/unguarded.yaml" -w "$T/outside" -- true
settle

# A ceiling that cannot be used starts nothing.
refute "an unknown key" with_ceiling 'limits: {pid: 5}'
check "  it is said where" grep -q 'limits.*pid\|"pid" is not known' "$T/bailiffd.log"
refute "a key without a meaning here" with_ceiling 'secrets: {a: {env: A}}'
check "  it is said where" grep -q 'has no meaning in a ceiling' "$T/bailiffd.log"
refute "a pattern among the denials" with_ceiling 'files: {deny_read: ["./*.pem"]}'
chmod 666 "$CEILING"
"$BIN/bailiffd" --state-dir "$STATE" --runtime-dir "$RUNTIME" --ceiling "$CEILING" >"$T/log" 2>&1
is "one that others can write" "$?" 120
"$BIN/bailiffd" --state-dir "$STATE" --runtime-dir "$RUNTIME" --ceiling "$T/none" >"$T/log" 2>&1
refute "one that was named and is not there" test "$?" -eq 0

# The host's settings are read in the same way.
with_host() { # DOCUMENT
	printf '%s\n' "$1" >"$T/host.yaml"
	timeout 20 "$BIN/bailiffd" --state-dir "$STATE" --runtime-dir "$RUNTIME" --host "$T/host.yaml" --exit-when-idle >"$T/log" 2>&1
}
"$BAILIFF" config defaults >"$T/defaults.yaml"
check "the defaults are settings" "$BAILIFF" config check "$T/defaults.yaml"
check "a supervisor takes them" with_host "$(cat "$T/defaults.yaml")"
with_host 'roles: {admin: ["group:no-such-group"]}'
is "a group that this host does not have starts nothing" "$? $(grep -c 'this host has no group' "$T/log")" "120 1"
finish
