#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Help, man pages and completions say the same, because they come from one table or are compared
# with it here.
. "$(dirname "$0")/lib.sh"

MAN=$TOP/tools/packaging/man
"$BAILIFF" --help >"$T/help"
is "the first three lines of help are examples to run" "$(head -n 3 "$T/help" | grep -c 'bailiff [a-z]* ')" 3
for verb in run shell attach ps show revoke changes commit rollback ledger policy capability doctor completion version; do
	check "'$verb' is in the help" grep -q "^  $verb " "$T/help"
	check "'$verb --help' succeeds" "$BAILIFF" "$verb" --help
	check "'$verb' is in its man page" grep -q "$verb" "$MAN/bailiff.1"
done

"$BAILIFF" run --help >"$T/run.help"
grep -o -- '--[a-z-]*' "$T/run.help" | sed -n '/^--[a-z]/p' | LC_ALL=C sort -u >"$T/options"
check "help lists more than ten options" test "$(wc -l <"$T/options")" -gt 10
tr -d '\\' <"$MAN/bailiff-run.1" >"$T/page"
while read -r option; do
	[ "$option" = --help ] && continue
	check "man page of run knows $option" grep -q -- "$option" "$T/page"
done <"$T/options"
for page in "$MAN"/*.1; do
	is "$(basename "$page") has no warnings" "$(man -l --warnings -E UTF-8 "$page" 2>&1 >/dev/null)" ""
done

"$BAILIFF" completion bash >"$T/bash"
check "bash reads its completion" bash -n "$T/bash"
# shellcheck disable=SC2016  # expanded by the inner bash
is "bash completes an option" "$(bash -c '. "$1"; COMP_WORDS=(bailiff run --memo) COMP_CWORD=2; _bailiff
	echo "${COMPREPLY[*]}"' bash "$T/bash")" "--memory"
for shell in zsh fish; do
	check "completion for $shell is printed" sh -c '"$1" completion "$2" | grep -q memory' sh "$BAILIFF" "$shell"
done
refute "completion for an unknown shell is refused" "$BAILIFF" completion tcsh
refute "output that cannot be written is a failure" sh -c '"$1" --help >/dev/full' sh "$BAILIFF"
check "version is printed" sh -c '"$1" --version | grep -q "^bailiff [0-9]"' sh "$BAILIFF"
finish
