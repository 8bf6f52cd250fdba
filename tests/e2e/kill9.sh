#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kill -9 of each of our processes at random moments under load: lib/programs/kill9.c has the rounds.
# KILL9_ROUNDS=1000, KILL9_SEED=N, KILL9_SECONDS=N from the environment; rounds that no time is left for
# are skipped. `make check-long` does a thousand.
. "$(dirname "$0")/lib.sh"

programs=$(dirname "$PROBE")
mkdir "$T/bin"
cp "$BIN/bailiff" "$BIN/bailiffd" "$BIN/bailiff-init" "$BIN/bailiff-ledgerd" "$BIN/bailiff-records" "$BIN/bailiff-agent" "$T/bin"
mkdir -p "$T/share/bailiff" && cp -R "$TOP/policies/library" "$T/share/bailiff/policies" # what default extends
cp "$TOP/policies/library/default.yaml" "$T/policy.yaml"
cp "$programs/load" "$WORK/load"
group=$(getent group bailiff | cut -d: -f3)
seed=${KILL9_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
"$programs/kill9" "$T" "$(id -u "$RUN_USER")" "$(id -g "$RUN_USER")" "$group" "${KILL9_ROUNDS:-50}" "$seed" \
	"${KILL9_SECONDS:-140}"
status=$?
[ "$status" -eq 0 ] || diag <"$T/bailiffd.log"
exit "$status"
