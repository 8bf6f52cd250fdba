#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Clone a local repository, edit, commit.
set -eu
# The same names of objects in both runs.
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=gc.auto GIT_CONFIG_VALUE_0=0

case $1 in
prepare)
	git init -q -b main origin
	seq 200 >origin/numbers
	mkdir origin/src
	echo 'int main(void) { return 0; }' >origin/src/main.c
	git -C origin add .
	git -C origin commit -qm first
	;;
work)
	git clone -q --no-hardlinks origin clone
	cd clone
	sed -i s/100/hundred/ numbers
	echo new >src/new.txt
	git mv src/main.c src/first.c
	git add .
	git commit -qm second
	git tag v1
	;;
proof)
	[ "$(git -C clone log --format=%s | tr '\n' ' ')" = "second first " ]
	[ -z "$(git -C clone status --porcelain)" ]
	grep -q hundred clone/numbers
	;;
esac
