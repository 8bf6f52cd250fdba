#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Standard input, output and error pass through byte-exact, and the exit status with them.
. "$(dirname "$0")/lib.sh"

# A gigabyte that repeats nothing within a page: a counter, encrypted with a key that we know.
gigabyte() {
	head -c 1073741824 /dev/zero | openssl enc -aes-128-ctr -nosalt -K 0123456789abcdef0123456789abcdef \
		-iv 00000000000000000000000000000000 2>/dev/null
}
start_supervisor || { not_ok "the supervisor starts"; finish; }

want=$(gigabyte | sha256sum)
have=$(gigabyte | supervised -- cat | sha256sum)
is "a gigabyte through the run is byte-exact" "$have" "$want"

printf 'out\0\377' >"$T/want.out"
printf 'err\0\376' >"$T/want.err"
supervised -- sh -c 'printf "out\0\377"; printf "err\0\376" >&2' >"$T/out" 2>"$T/err"
check "stdout is byte-exact" cmp "$T/out" "$T/want.out"
check "stderr is byte-exact" cmp "$T/err" "$T/want.err"
check "a reader that ends early ends the run" timeout 20 sh -c "cd $WORK && SUDO_UID=$(id -u "$RUN_USER") \
	SUDO_GID=$(id -g "$RUN_USER") '$BAILIFF' run -q --state-dir $STATE --runtime-dir $RUNTIME -- yes | head -n 1"

for code in 0 1 7 119 255; do
	supervised -- sh -c "exit $code"
	is "exit status $code passes through" $? "$code"
done
for signal in 15 9 11; do
	supervised -- sh -c "kill -$signal \$\$"
	is "death by signal $signal is 128 + its number" $? $((128 + signal))
done
supervised -- /nonexistent/program 2>/dev/null
is "a program that is not there is 127" $? 127
echo text >"$WORK/text" && supervised -- ./text 2>/dev/null
is "a file that is no program is 126" $? 126
supervised -- printf '%s.' '' 'a b' '*' >"$T/out"
is "arguments pass unchanged, empty ones too" "$(cat "$T/out")" ".a b.*."
check "its ledger verifies" verifies
finish
