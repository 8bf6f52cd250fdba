#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The attacker reaches for files by other ways than their names: symbolic and hard links, renamed
# parents, magic links in /proc, /proc/1/root, RENAME_EXCHANGE, /proc/sys (writable for a root
# caller in popular sandboxes), our own programs (runc CVE-2019-5736), host shared memory. The
# canary and the installed programs must stay as they are.
. "$(dirname "$0")/../e2e/lib.sh"

cp "$PROBE" "$WORK/probe" && chmod 0755 "$WORK/probe"
canary=$T/canary
echo secret >"$canary" && chmod 0666 "$canary"
unsupervised sh -c 'mkdir -p .git/hooks && echo hook >.git/hooks/pre-commit && ln -s "$1" link && mkdir d' sh "$canary"
sums() { sha256sum "$canary" "$WORK/.git/hooks/pre-commit" "$BIN"/bailiff*; }
before=$(sums)
start_supervisor || { not_ok "the supervisor starts"; finish; }

is "control: the canary can be read outside" "$(unsupervised ./probe open-read "$canary")" OK
for path in "$canary" link "/proc/self/root$canary" "/proc/1/root$canary" "/proc/self/cwd/../canary" /dev/shm/../.."$canary"; do
	denied "not read: $path" -- ./probe open-read "$path"
	denied "not written: $path" -- ./probe open-write "$path"
done
for probe in "link $canary stolen" "link .git/hooks/pre-commit d/h" "rename .git/hooks d/hooks" "rename .git d/git" "exchange .git d" \
	"exchange .git/hooks d" "unlink .git/hooks/pre-commit" "truncate .git/hooks/pre-commit" "chmod .git/hooks/pre-commit" \
	"open-write .git/hooks/pre-commit" "create .git/hooks/post-commit" "mkdir .git/hooks/x"; do
	# shellcheck disable=SC2086
	denied "refused: $probe" -- ./probe $probe
done
# A probe that could never work proves nothing: the same on an ordinary file.
unsupervised sh -c 'mkdir -p e/f && echo x >e/f/g'
for probe in "link e/f/g e/h" "rename e/f e/k" "exchange e/k d" "truncate e/h" "chmod e/h" "unlink e/h" "create e/n" "mkdir e/m"; do
	# shellcheck disable=SC2086
	is "control: inside, on ordinary files: $probe" "$(supervised -- ./probe $probe)" OK
done

for path in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/hostname /sys/kernel/uevent_helper /proc/kcore \
	/dev/mem /dev/kmsg /proc/1/mem; do
	denied "not written: $path" -- ./probe open-write "$path"
	# A root caller's run must not be root either.
	out=$(cd "$WORK" && "$BAILIFF" run -q --state-dir "$STATE" --runtime-dir "$RUNTIME" -- ./probe open-write "$path" 2>/dev/null)
	check "not written with a root caller: $path: $out" expr "$out" : 'E[A-Z]*$'
done
denied "our own program: /proc/1/exe" -- ./probe open-write /proc/1/exe

key=$((0x42000000 + $$))
ipcmk_id=$(/usr/bin/python3 -c "
import ctypes
print(ctypes.CDLL(None, use_errno=True).shmget($key, 4096, 0o1666))")
is "control: host shared memory is there outside" "$(unsupervised ./probe shm "$key")" OK
is "host shared memory is not there inside" "$(supervised -- ./probe shm "$key")" ENOENT
ipcrm -m "$ipcmk_id"
echo x >/dev/shm/bailiff-test-$$
denied "host /dev/shm is not there inside" -- ./probe open-read /dev/shm/bailiff-test-$$
rm -f /dev/shm/bailiff-test-$$

is "canary, hook and our programs are as they were" "$(sums)" "$before"
check "its ledger verifies" verifies
finish
