#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `bailiff policy` and `bailiff capability` say about policies. Nothing is run.
. "$(dirname "$0")/lib.sh"

cd "$T" || exit 1
cat >own.yaml <<'EOF'
schema: 1
name: own
extends: default
agent: {tier: T2}
include: [std]
capabilities:
  vcs.push:
    operation: NETWORK
    risk: HIGH
    reversible: false
    class: apply
    plan: none
    compensation: {manual: push what was there}
    exec: [git push]
    match: [git push origin main]
    not_match: [git pull]
rules:
  work: {when: {risk: [LOW, MEDIUM]}, decision: allow}
  push: {when: {capability: [vcs.push]}, decision: require_approval, reason: it leaves}
  force: {when: {capability: [vcs.push], option: [--force]}, decision: deny, reason: never}
EOF
said() { # DESCRIPTION STATUS WORDS COMMAND...
	said_what=$1 said_status=$2 said_words=$3
	shift 3
	said_have=0
	"$BAILIFF" "$@" >out 2>err || said_have=$?
	cat out err >both
	if [ "$said_have" -eq "$said_status" ] && grep -q -- "$said_words" both; then ok "$said_what"; else
		not_ok "$said_what"
		echo "# status $said_have, want $said_status with '$said_words'"
		diag <both
	fi
}

said "lint accepts it" 0 "own.yaml: ok" policy lint own.yaml
said "the tests inside are counted" 0 "2 command lines inside hold" policy test own.yaml
printf 'run "git push" ask rule=push capability=vcs.push\nrun "git push --force" deny rule=force step=rules\nrun "make" allow\nwrite ~/.bashrc allow\n' >own.cases
said "cases about commands hold" 0 "4 cases, 0 do not hold" policy test own.yaml
echo 'run "git push" allow' >>own.cases
said "a case that does not hold is said with its line" 1 'own.cases:5: .*is ask' policy test own.yaml
sed 's/not_match: .git pull./not_match: [git push x]/' own.yaml >broken.yaml
said "a failing test inside refuses the policy, with its place" 120 'broken.yaml:16:17: "git push x" is vcs.push' policy test broken.yaml

said "explain: allowed" 0 "work: allow (the strictest)" policy explain own.yaml -- ls
said "explain: asks" 10 "push: require_approval (the strictest)" policy explain own.yaml -- git push
said "explain: denied, by the strictest of all that match" 11 "force: deny (the strictest)" policy explain own.yaml -- git push --force
said "explain: the reason" 11 "reason .*never" policy explain own.yaml -- git push --force
said "explain: what the agent is told" 11 "^agent " policy explain own.yaml -- git push --force
said "explain: a file" 11 "files.deny_write" policy explain own.yaml --write "$T/.git/hooks/x"
said "explain: a policy without rules gates nothing" 0 "no rules about commands" policy explain default -- git push
said "explain: without a question" 2 "name a policy" policy explain own.yaml

said "diff: a policy and itself" 0 "^equal" policy diff own.yaml own.yaml
said "diff: narrower" 1 "^narrower  network.mode" policy diff internet default
said "diff: wider" 1 "^wider     network.mode" policy diff default internet
said "show has the tables" 0 "exec: \[git push\]" policy show own.yaml
said "show names the pack" 0 "# includes .*std.pack.yaml" policy show own.yaml
"$BAILIFF" policy show --json own.yaml >own.json.yaml
is "the canonical form compiles to itself" "$("$BAILIFF" policy show --json ./own.json.yaml)" "$(cat own.json.yaml)"

said "capability show fills in what was not said" 0 "scope: network" capability show vcs.push -p own.yaml
said "capability show says the way back" 0 "strategy manual" capability show vcs.push -p own.yaml
said "capability show names the nearest" 2 "did you mean 'vcs.push'" capability show vcs.psuh -p own.yaml
said "capability show lists" 0 "^exec.unknown  *HIGH" capability show -p own.yaml
said "capability lint" 0 "9 capabilities are consistent, 2 command lines" capability lint own.yaml
sed 's/risk: HIGH/risk: LOW/' own.yaml >risky.yaml
said "an inconsistent risk has its place and text" 120 \
	'risky.yaml:7:3: Risk Consistency Check Failed: Irreversible side effects (reversible=false) require risk level HIGH or CRITICAL, got LOW' \
	capability lint risky.yaml
said "shipped policies are consistent" 0 "coding-agent: [0-9]* capabilities" capability lint coding-agent

# Packs by digest.
mkdir packs
printf 'schema: 1\npack: ours\ncapabilities: {our.tool: {kind: read, exec: [tool]}}\n' >packs/ours.yaml
sum=$(sha256sum packs/ours.yaml | cut -d' ' -f1)
sed "s|^include:.*|include: [std, {file: packs/ours.yaml, sha256: $sum}]|" own.yaml >with.yaml
said "a pack by file and digest" 0 "our.tool  *LOW" capability show -p ./with.yaml
echo '# changed' >>packs/ours.yaml
said "a pack with another content is refused" 120 "with.yaml:5:.*another content" policy lint ./with.yaml
sed "s|^include:.*|include: [std, {file: packs/none.yaml, sha256: $sum}]|" own.yaml >none.yaml
said "a pack that is not there" 120 "ENOENT" policy lint ./none.yaml
sed "s|^include:.*|include: [stdd]|" own.yaml >stdd.yaml
said "a shipped pack that is not there" 120 "there is no pack 'stdd'" policy lint ./stdd.yaml
sed 's|^include:.*|"include": [std]|' own.yaml >odd.yaml
said "an include that no line says" 120 "odd.yaml:5:13: .std. cannot be included" policy lint ./odd.yaml

# Settings of the sandbox-runtime.
cat >srt.json <<'EOF'
{"filesystem": {"denyRead": ["~/.ssh", "~"], "allowRead": ["~/x"], "allowWrite": [".", "build/"], "denyWrite": ["notes.txt"]},
 "network": {"allowedDomains": ["example.com:443"], "deniedDomains": ["bad.example"], "allowLocalBinding": true},
 "ignoreViolations": {"*": ["/x"]}, "nonsense": 1}
EOF
said "srt settings become a policy" 0 "deny_write" policy import srt srt.json
cp out imported.yaml
said "which compiles" 0 "ok" policy lint ./imported.yaml
said "denies what was denied" 11 "files.deny_write" policy explain ./imported.yaml --write "$T/notes.txt"
said "allows what was allowed" 0 "files.write" policy explain ./imported.yaml --write "$T/build/x"
said "says what it left out" 0 "not taken over: ignoreViolations" policy import srt srt.json
said "and what nobody knows" 0 "nonsense - nothing of this name is known" policy import srt srt.json
check "a region that is denied around what is allowed is not denied" grep -q 'denyRead ~ ' imported.yaml
said "no settings" 120 "holds no settings" policy import srt /etc/hostname
said "only srt" 2 "import srt FILE" policy import yaml srt.json

# Bad input of every size is refused.
yes '# ten megabytes' | head -c 10485760 >big.yaml
said "10 MB" 120 "larger than 1 MiB" policy lint ./big.yaml
{
	printf 'schema: 1\nname: x\na: &a [x, x]\n'
	for i in b c d e f g h; do printf '%s: &%s [*a, *a, *a, *a]\n' "$i" "$i"; done
} >bomb.yaml
said "an alias bomb" 120 "bomb.yaml:3:[0-9]*: anchors" policy lint ./bomb.yaml
printf 'schema: 1\nname: x\nrules:\n\tr: {when: any, decision: deny}\n' >tab.yaml
said "tabs" 120 "tab.yaml:4:" policy lint ./tab.yaml

for kind in capabilities rules; do
	check "names of $kind for completions" sh -c '"$1" policy names "$2" coding-agent | grep -qx "$3"' sh "$BAILIFF" "$kind" \
		"$([ $kind = rules ] && echo ordinary-work || echo vcs.push)"
done
check "names of policies" sh -c '"$1" policy names policies | grep -qx coding-agent' sh "$BAILIFF"
said "names of nothing" 2 "is expected" policy names
"$BAILIFF" completion bash >bash
# shellcheck disable=SC2016  # expanded by the inner bash
is "bash completes a capability" "$(PATH=$BIN:$PATH bash -c '. "$1"; COMP_WORDS=(bailiff capability show vcs.p) COMP_CWORD=3; _bailiff
	echo "${COMPREPLY[*]}"' bash ./bash)" "vcs.push"
# shellcheck disable=SC2016
is "bash completes a policy" "$(PATH=$BIN:$PATH bash -c '. "$1"; COMP_WORDS=(bailiff run -p coding) COMP_CWORD=3; _bailiff
	echo "${COMPREPLY[*]}"' bash ./bash)" "coding-agent"
finish
