#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Ten thousand files into an archive and out of it again.
set -eu

case $1 in
prepare)
	for folder in $(seq 100); do
		mkdir -p "tree/$folder"
		for file in $(seq 100); do echo "$folder $file" >"tree/$folder/$file"; done
	done
	;;
work)
	tar -czf tree.tar.gz tree
	mkdir copy
	tar -xzf tree.tar.gz -C copy
	gzip -dc tree.tar.gz | gzip -9 >again.gz
	;;
proof)
	diff -r tree copy/tree
	[ "$(find copy -type f | wc -l)" -eq 10000 ]
	gzip -t again.gz
	;;
esac
