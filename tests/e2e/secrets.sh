#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Secrets come from a file, the caller's environment or a command, reach the run as a file that is read once
# or as a variable, and are in nothing that Bailiff writes. One that does not come starts nothing.
. "$(dirname "$0")/lib.sh"

with_secrets() { { cat "$TOP/policies/library/default.yaml"; printf 'secrets:\n'; cat; } >"$T/p.yaml" && chmod 0644 "$T/p.yaml"; }
# refused WORDS < SECRETS: 122, one line with these words, and the command never ran.
refused() {
	refused_words=$1
	with_secrets
	supervised -p "$T/p.yaml" -- touch ran 2>"$T/err"
	refused_status=$?
	is "122: $refused_words" "$refused_status" 122
	check "in one sentence: $refused_words" grep -q "^bailiff: secret .*$refused_words" "$T/err"
	check "which has a next step" grep -q '^  next: ' "$T/err"
	check "and nothing ran" test ! -e "$WORK/ran"
}
start_supervisor || { not_ok "the supervisor starts"; finish; }

mkdir -m 0700 "$T/home" && printf 'file-Zq83hVn2\n' >"$T/home/token" && head -c 60000 /dev/zero | tr '\0' 'L' >"$T/home/long"
chown -R "$RUN_USER:" "$T/home"
export SOURCE=env-Wk27xLp9
with_secrets <<END
  token: {file: $T/home/token}
  long: {file: $T/home/long}
  said: {command: [/bin/sh, -c, "echo command-Bt61mRs4; id -u >&2"]}
  VARIABLE: {env: SOURCE, as: env}
  named: {env: SOURCE}
END
cat >"$WORK/use.sh" <<'END'
cd /run/bailiff/secrets
cat token; cat said; echo; cat named; echo; wc -c <long; echo "$VARIABLE ${SOURCE-withheld}"
for i in token long said named; do cat $i 2>/dev/null && echo "$i again"; done; :
END
out=$(supervised -p "$T/p.yaml" -e SOURCE -- sh use.sh 2>"$T/err")
is "each arrives, once, and the source variable is withheld" "$out" "$(printf '%s\n' file-Zq83hVn2 command-Bt61mRs4 "$SOURCE" 60000 "$SOURCE withheld")"
check "the command ran as the caller, its stderr is seen" grep -qx "$(id -u "$RUN_USER")" "$T/err"
check "a first reading is recorded" recorded '(tostring | test("changed the mode|0000")) and (tostring | test("secrets/token"))'
check "a second one is a refusal with its own name" recorded '(.kind | test("denied|decision")) and (tostring | test("secret.double_read"))'
settle
check "and why says so" sh -c '"$1" why @last --state-dir "$2" | grep -q "read once"' sh "$BAILIFF" "$STATE"
check "control: names are in the record of the policy" grep -rqa 'said' "$STATE"
out=$(supervised -p "$T/p.yaml" -e SOURCE=env-of-flag -- sh -c 'echo ${SOURCE-withheld}' 2>/dev/null)
is "--env cannot show what is a secret" "$out" withheld

run=$(supervised -d -p "$T/p.yaml" -- sh -c 'cat /run/bailiff/secrets/token; read -r x')
out=$(echo | (cd "$WORK" && SUDO_UID="$(id -u "$RUN_USER")" "$BAILIFF" attach --state-dir "$STATE" --runtime-dir "$RUNTIME" "$run") 2>/dev/null)
check "a detached run has them, too: $out" sh -c 'echo "$1" | grep -q file-Zq83hVn2' sh "$out"
supervised -p "$T/p.yaml" -- sh -c 'ulimit -c unlimited; kill -SEGV $$' 2>/dev/null
is "control: a crash in a run" $? 139
stop_supervisor
for value in file-Zq83hVn2 command-Bt61mRs4 env-Wk27xLp9 LLLLLLLLLLLLLLLL; do
	# The policy's own sources are the test's; what Bailiff wrote is below these.
	refute "the value is in no file that was written: $value" grep -rlaF "$value" "$STATE" "$RUNTIME" "$XDG_STATE_HOME" "$WORK" "$T/bailiffd.log"
done
check "control: the search finds what is there" grep -rlaF "use.sh" "$STATE"
start_supervisor || not_ok "the supervisor starts again"

refused "the file '.*' cannot be read by the caller" <<END
  a: {file: $T/home/none}
END
chmod 0600 "$T/home/long" && chown root: "$T/home/long"
refused "cannot be read by the caller" <<END
  a: {file: $T/home/long}
END
refused "is not a regular file" <<END
  a: {file: $T/home}
END
refused "the variable NOT_SET_HERE is not set" <<END
  a: {env: NOT_SET_HERE}
END
refused "ended with status 3" <<END
  a: {command: [/bin/sh, -c, "echo half; exit 3"]}
END
refused "cannot be executed" <<END
  a: {command: [/nowhere/program]}
END
refused "did not end in 300.0ms" <<END
  a: {command: [/bin/sleep, "60"], timeout: 300ms}
END
refused "did not end in 300.0ms" <<END
  a: {command: [/bin/sh, -c, "echo x; exec >&-; exec sleep 60"], timeout: 300ms}
END
refused "more than 65536 bytes" <<END
  a: {command: [/usr/bin/yes]}
END
refused "is empty" <<END
  a: {command: [/bin/echo]}
END
refused "has a NUL byte" <<END
  A: {command: [/usr/bin/printf, "a\\\\0b"], as: env}
END
head -c 65536 /dev/zero | tr '\0' 'x' >"$T/home/full" && chown "$RUN_USER:" "$T/home/full"
with_secrets <<END
  a: {file: $T/home/full}
END
is "the longest is 65536 bytes" "$(supervised -p "$T/p.yaml" -- sh -c 'wc -c </run/bailiff/secrets/a' 2>&1)" 65536
chown daemon: "$T/p.yaml"
supervised -p "$T/p.yaml" -- true 2>"$T/err"
is "a stranger's policy reads no file for us" $? 122
check "which is said" grep -q 'belongs to uid' "$T/err"
with_secrets <<'END'
  x: {file: relative}
END
supervised -p "$T/p.yaml" -- true 2>/dev/null
is "a wrong key is 120" $? 120
check "its ledger verifies" verifies
finish
