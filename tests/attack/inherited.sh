#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker uses what the caller left open or set: descriptors (runc CVE-2024-21626: a host
# folder as fd 7 or as the working directory), a folder on fd 0 (`bwrap ... < /` reads the host's
# files through it), secrets in the environment, signal dispositions, a mask, root's groups. None
# of it may be there inside.
. "$(dirname "$0")/../e2e/lib.sh"

cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
start_supervisor || { not_ok "the supervisor starts"; finish; }

out=$(supervised -- ./probe fd-census 7</ 8</etc/shadow 9>"$T/nine" 2>"$T/census")
is "no descriptor above 2 is open" "$out" OK
diag <"$T/census"
out=$("$PROBE" fd-census 7</ 2>/dev/null)
is "control: the census sees fd 7 outside" "$out" EBADF
out=$(supervised -- ./probe fd-climb /etc/shadow 7</)
check "no way up to the host's /etc/shadow: $out" test "$out" != OK
is "control: fd-climb finds it outside" "$("$PROBE" fd-climb /etc/shadow)" OK

supervised -- cat </ >"$T/out" 2>"$T/err"
refute "a folder on fd 0 is refused" test $? -eq 0
(exec 3</ && supervised -- true 0<&3 >"$T/out" 2>"$T/err")
refute "a folder on fd 0 by way of fd 3, too" test $? -eq 0
supervised -- true </dev/null
is "control: /dev/null on fd 0 is fine" $? 0

AWS_SECRET_ACCESS_KEY=leak GITHUB_TOKEN=leak LD_PRELOAD=/nonexistent.so LD_LIBRARY_PATH=/x supervised -- env >"$T/env" 2>"$T/err"
refute "no secret, no loader variable comes in" grep -E 'leak|^LD_' "$T/env"
check "control: a variable that is named comes in" sh -c "cd $WORK && WANTED=1 SUDO_UID=$(id -u $RUN_USER) SUDO_GID=$(id -g $RUN_USER) \
	'$BAILIFF' run -q --state-dir $STATE --runtime-dir $RUNTIME --env WANTED -- env | grep -qx WANTED=1"

supervised -- cat /proc/self/status >"$T/status"
for line in 'CapInh:	0000000000000000' 'CapPrm:	0000000000000000' 'CapEff:	0000000000000000' 'CapBnd:	0000000000000000' \
	'CapAmb:	0000000000000000' 'NoNewPrivs:	1' 'Seccomp:	2' 'SigBlk:	0000000000000000' 'SigIgn:	0000000000000000'; do
	check "status says $line" grep -qxF "$line" "$T/status"
done
uid=$(id -u $RUN_USER)
check "all four uids are the caller's" grep -qx "Uid:	$uid	$uid	$uid	$uid" "$T/status"
(trap '' PIPE INT; supervised -- cat /proc/self/status >"$T/status")
check "ignored signals are not inherited" grep -qx 'SigIgn:	0000000000000000' "$T/status"

out=$(env -i SUDO_UID="$uid" sh -c "cd $WORK && '$BAILIFF' run -q --state-dir $STATE --runtime-dir $RUNTIME -- /bin/echo bare")
is "an empty environment works" "$out" bare
out=$(BIG=$(head -c 100000 /dev/zero | tr '\0' x) supervised -- /bin/echo big)
is "a large environment works" "$out" big
check "its ledger verifies" verifies
finish
