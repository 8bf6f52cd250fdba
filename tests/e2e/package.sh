#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Debian package holds what it should, with the right modes and owners; installing into a
# folder and removing it again leaves nothing.
. "$(dirname "$0")/lib.sh"

cd "$TOP" || exit 1
flavour=$(basename "$(dirname "$BIN")")
# The build itself belongs to make; here nothing may be out of date.
make_quiet() { make --no-print-directory FLAVOUR="$flavour" "$@"; }
check "the package is built" make_quiet deb
deb=$(ls out/bailiff_*.deb)
# Mode, owner and name; sizes and times change.
dpkg-deb -c "$deb" | awk '{ print $1, $2, $6 }' | LC_ALL=C sort -k 3 >"$T/files"
check "its files, modes and owners are those of tools/packaging/debian/files" diff "$T/files" tools/packaging/debian/files
refute "nothing in it is setuid or setgid" grep -E '^-..[sS]|^-.....[sS]' "$T/files"
dpkg-deb -f "$deb" Depends >"$T/depends"
for library in libbpf1 libcap2 libsqlite3-0 libssl3 libseccomp2; do
	check "it depends on $library" grep -q "$library" "$T/depends"
done

check "install honours DESTDIR" make_quiet install DESTDIR="$T/root"
check "the installed program runs" "$T/root/usr/local/bin/bailiff" --version
check "and finds its policies" "$T/root/usr/local/bin/bailiff" policy show default
check "and its verbs that read the ledger" "$T/root/usr/local/bin/bailiff" ledger log --help
mv "$T/root/usr/local/lib/bailiff/bailiff-records" "$T/records"
"$T/root/usr/local/bin/bailiff" ledger log --help >"$T/out" 2>"$T/err"
is "without their program they cannot answer" "$?" 4
check "and say what is missing" grep -q 'bailiff-records is neither in' "$T/err"
mv "$T/records" "$T/root/usr/local/lib/bailiff/bailiff-records"
check "uninstall works" make_quiet uninstall DESTDIR="$T/root"
is "and leaves no file" "$(find "$T/root" -type f)" ""
finish
