#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Build a real C project: the base library and the decisions of Bailiff inside Bailiff.
set -eu

case $1 in
prepare)
	mkdir src
	(cd "$TOP" && tar -cf - Makefile supervisor/base policies/decide bpf) | tar -xf - -C src
	;;
work)
	make -s -C src -j2 out/release/lib/supervisor-base.a out/release/lib/policies-decide.a
	;;
proof)
	[ "$(ar t src/out/release/lib/supervisor-base.a | grep -c '\.o$')" -ge 10 ]
	nm src/out/release/lib/supervisor-base.a | grep -q ' T loop_run'
	;;
esac
