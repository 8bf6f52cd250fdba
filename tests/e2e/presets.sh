#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Which policy a command gets by its name, and what is said about it.
. "$(dirname "$0")/lib.sh"

start_supervisor || { not_ok "the supervisor starts"; finish; }
both="--state-dir $STATE --runtime-dir $RUNTIME"
SUDO_UID=$(id -u "$RUN_USER")
export SUDO_UID
mkdir "$WORK/bin"
for name in claude codex npx pip3 gmake unheard-of; do
	printf '#!/bin/sh\nexit 7\n' >"$WORK/bin/$name"
done
chmod -R a+rx "$WORK/bin"
# banner ARGS...: the status and what the first line says of the policy.
banner() {
	banner_status=0
	# shellcheck disable=SC2086  # $both is several words
	(cd "$WORK" && PATH=$WORK/bin:$PATH "$BAILIFF" run $both "$@") 2>"$T/err" || banner_status=$?
	echo "$banner_status $(sed -n 's/.*, \(policy [^,]*\),.*/\1/p' "$T/err")"
}
note="(for a command of this name; -p overrides)"
is "claude gets its policy" "$(banner -- claude)" "7 policy claude $note"
is "also when it is named by a path" "$(banner -- "$WORK/bin/codex")" "7 policy codex $note"
is "npx gets that of npm" "$(banner -- npx)" "7 policy npm $note"
is "pip3 that of pip" "$(banner -- pip3)" "7 policy pip $note"
is "gmake that of make" "$(banner -- gmake)" "7 policy make $note"
is "another command gets the default" "$(banner -- unheard-of)" "7 policy default"
is "-p overrides, and nothing was picked" "$(banner -p offline -- claude)" "7 policy offline"
check "the ledger has the name of the policy" recorded '.kind == "run_start" and (tostring | test("\"claude\""))'

# What other suites change lines of.
whole_default >"$T/whole.yaml"
plain() { "$BAILIFF" policy show --json "$1" | jq -S 'del(.description)'; }
is "whole_default() of the tests is the default policy" "$(plain "$T/whole.yaml")" "$(plain default)"

# A policy of one's own on a shipped one.
printf 'schema: 1\nname: mine\nextends: default\nfiles:\n  read: [%s]  # what the job needs\n' "$T/data" >"$T/mine.yaml"
mkdir "$T/data" && echo found >"$T/data/x"
chmod 0755 "$T/data"
is "extends: what it adds is there" "$(supervised -p "$T/mine.yaml" -- cat "$T/data/x" 2>&1)" found
refute "control: the shipped one does not show it" supervised -p default -- cat "$T/data/x"
check "and what the base protects still is" sh -c "! (cd '$WORK' && '$BAILIFF' run -q $both -p '$T/mine.yaml' -- cat /etc/shadow)"
"$BAILIFF" policy show "$T/mine.yaml" >"$T/show"
check "show says why" grep -q "$T/data .*# what the job needs\$" "$T/show"
check "and from which policy" grep -q '/etc/passwd .*# .*\[base\]$' "$T/show"
sed 's/extends: default/extends: nothing/' "$T/mine.yaml" >"$T/wrong.yaml"
supervised -p "$T/wrong.yaml" -- true 2>"$T/err"
is "a base that is none is 120" "$?" 120
check "with a next step" grep -q '^  next: ' "$T/err"
sed 's/extends: default/extends: "default"/' "$T/mine.yaml" >"$T/wrong.yaml"
supervised -p "$T/wrong.yaml" -- true 2>"$T/err"
is "one that is not found by its line is refused, not ignored" "$? $(grep -c 'wrong.yaml:3:10: .*cannot be extended' "$T/err")" "120 1"
finish
