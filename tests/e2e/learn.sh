#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From watching to a policy: what a run does under `--learn` becomes a policy by `policy suggest`; under that the same run
# passes, something unrelated still fails, and what is dangerous was not suggested.
# shellcheck disable=SC2016  # scripts are for the shell inside
# In a place that no run has of its own, as /tmp is.
TMPDIR=/srv
. "$(dirname "$0")/lib.sh"

ids=$(getent group bailiff | cut -d: -f3),$(getent group bailiff-read | cut -d: -f3)
H=$T/home OUTSIDE=$T/outside
me() { (cd "$WORK" && exec setpriv --reuid "$RUN_USER" --regid "$RUN_USER" --groups "$ids" env HOME="$H" PATH="$PATH" OUTSIDE="$OUTSIDE" "$@"); }
run() { me "$BAILIFF" run --state-dir "$STATE" --runtime-dir "$RUNTIME" -e OUTSIDE "$@" >"$T/out" 2>"$T/err" </dev/null; }
suggest() { me "$BAILIFF" policy suggest --state-dir "$STATE" "$@" >"$T/suggested" 2>"$T/err"; }
lints() { me "$BAILIFF" policy lint "$1"; }
has() { check "$1" grep -qF -e "$2" "$T/suggested"; } # DESCRIPTION LINE

odd='odd "q" #x: {y}'
line=$(printf 'new\n    - /etc')
mkdir -p "$H/.ssh" "$H/proj" "$H/.cache/tool" "$OUTSIDE/logs" "$OUTSIDE/other" "$OUTSIDE/$odd" "$OUTSIDE/$line" "$OUTSIDE/glob"
echo note >"$H/notes.txt"; echo key >"$H/.ssh/id"; echo 1 >"$OUTSIDE/glob/we*ird"; echo ö >"$H/größe"
for i in a b c d; do echo $i >"$H/proj/$i"; done
cat >"$WORK/job" <<'JOB'
bad=0
cat ~/notes.txt ~/größe ~/proj/? "$OUTSIDE/glob/we*ird" >read.txt || bad=1
echo x >>"$OUTSIDE/logs/it" || bad=1
echo x >>"$OUTSIDE/odd \"q\" #x: {y}/it" || bad=1
echo x >>"$OUTSIDE/$(printf 'new\n    - /etc')/it"
echo c >>~/.cache/tool/state || bad=1
cat ~/.ssh/id && bad=2
echo x >/etc/bailiff-learn 2>/dev/null && bad=3
exit $bad
JOB
chown -R "$RUN_USER:" "$H" "$WORK" "$OUTSIDE"
start_supervisor || { not_ok "the supervisor starts"; finish; }
chmod 0666 "$RUNTIME/control.sock"

check "control: outside of a sandbox the secret can be read" me cat "$H/.ssh/id"
refute "the policy base refuses the job" run -p base -- sh ./job
refute "a run that learns is refused what leaves the workspace" run --learn -p base -- sh ./job
check "the banner has the mode" grep -q 'policy base (mode learn:.*network none, workspace overlay' "$T/err"
check "and the end says how to go on" grep -q 'bailiff policy suggest' "$T/err"
refute "the secret was not shown" grep -q key "$T/out"
refute "the workspace was not written" test -e "$WORK/read.txt"
learned=$(ledger run list --json 2>/dev/null | jq -rs 'sort_by(.start_ns // .run) | .[-1].run')
digest=$(ledger log --json --kind run_start --run "$learned" 2>/dev/null | jq -r .detail.policy_digest)
check "the policy of the run is recorded" test -n "$digest"

check "a policy is suggested" suggest "$learned"
cp "$T/suggested" "$T/suggested.yaml"; chmod 0644 "$T/suggested.yaml"
suggest "$learned"
check "twice the same bytes" cmp "$T/suggested" "$T/suggested.yaml"
check "it lints" lints "$T/suggested.yaml"
has "on the run's base" "extends: base"
has "a file of the home" "- ~/notes.txt # record "
has "one with an odd name, quoted" '"~/gr\xf6\xdfe"'
has "the folder in place of four files of it" '- ~/proj # record '
has "a folder of a name that looks like a pattern" "- $OUTSIDE/glob # record "
has "the folder that was written" "- $OUTSIDE/logs # record "
has "one with a name of quotes and signs of YAML, in quotes" "\"$OUTSIDE/odd \\\"q\\\" #x: {y}\" # record"
check "a name with a line break is named in a comment only" grep -qF "# - write $OUTSIDE/new\\x0a    - /etc/it (record" "$T/suggested"
is "and ends no line" "$(grep -c '^ *- /etc' "$T/suggested")" 0
has "the cache of a tool" "- ~/.cache/tool # record "
has "the workspace" "mode: direct"
check "why /etc is not suggested" grep -q '^# - write /etc/bailiff-learn (record [0-9]*): it changes the machine' "$T/suggested"
check "why the key is not suggested" grep -q "^# - read .*/.ssh/id (record [0-9]*): .sandbox.hide. of base denies it" "$T/suggested"
refute "neither is a line" sh -c "grep -v '^#' '$T/suggested' | grep -e ssh -e /etc -e '- ~\$'"

check "the same run passes under it" run -p "$T/suggested.yaml" -- sh ./job
check "and has its effects" test -e "$OUTSIDE/logs/it" -a -e "$WORK/read.txt" -a -e "$H/.cache/tool/state"
check "control: an unrelated write works outside" me sh -c ': >"$OUTSIDE/other/x"'
refute "an unrelated write still fails" run -p "$T/suggested.yaml" -- sh -c ': >"$OUTSIDE/other/y"'
refute "an unrelated file is not there to read" run -p "$T/suggested.yaml" -- cat "$H/.ssh/id"

check "a base of one's own choice" suggest "$learned" --base default
has "is extended" "extends: default"
refute "it allows the workspace itself" grep -q 'mode: direct' "$T/suggested"
refute "a run that is none" suggest ZZZZZZ
refute "a rule refuses a command" run -p coding-agent -- su --version
refute "which is not executed" grep -q util-linux "$T/out"
check "a run that learns executes it" run --learn -p coding-agent -- su --version
check "really" grep -q util-linux "$T/out"
learned=$(ledger run list --json 2>/dev/null | jq -rs '.[-1].run')
check "what the rule would have said is recorded" sh -c "'$BAILIFF' ledger log --state-dir '$STATE' --run '$learned' --verdict warn 2>/dev/null | grep -q no-privilege-change"
check "a policy of it" suggest "$learned"
check "has no rule for it, and says why" grep -q '^# - run exec.* (record [0-9]*): .no-privilege-change. of coding-agent decides' "$T/suggested"
refute "and no line" grep -q '^ *rules:' "$T/suggested"

run -p git -- python3 -c 'import socket; socket.create_connection(("example.org", 443))'
suggest "$(ledger run list --json 2>/dev/null | jq -rs '.[-1].run')"
has "a name is suggested as a name" '- "example.org" # record '
refute "a base with a network keeps its tier" grep -q '^agent:' "$T/suggested"
run --learn -p default -- python3 -c 'import socket; socket.create_connection(("169.254.169.254", 80))'
suggest "$(ledger run list --json 2>/dev/null | jq -rs '.[-1].run')"
check "what is dangerous is a comment" grep -q '^# - connect to 169.254.169.254:80 (record [0-9]*): cloud metadata' "$T/suggested"
refute "and no line" grep -q '^network:' "$T/suggested"

check "to a file" suggest "$learned" -o "$WORK/new.yaml"
refute "but never over one" suggest "$learned" -o "$WORK/new.yaml"
finish
