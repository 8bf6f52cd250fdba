#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A node script that writes files, starts a program and uses worker threads.
set -eu

case $1 in
prepare)
	cat >job.js <<'END'
const fs = require('fs');
const { execFileSync } = require('child_process');
const { Worker, isMainThread, parentPort } = require('worker_threads');

if (isMainThread) {
  fs.mkdirSync('out');
  for (let i = 0; i < 50; i++) fs.writeFileSync(`out/${i}.txt`, String(i));
  fs.renameSync('out/0.txt', 'out/zero.txt');
  fs.appendFileSync('out/1.txt', execFileSync('uname', ['-s']));
  new Worker(__filename).on('message', (text) => fs.writeFileSync('out/worker.txt', text));
} else {
  fs.writeFileSync('out/thread.txt', 'from a thread');
  parentPort.postMessage('done');
}
END
	;;
work) node job.js ;;
proof)
	[ "$(cat out/worker.txt)" = "done" ]
	grep -q Linux out/1.txt
	[ "$(find out -type f | wc -l)" -eq 52 ]
	;;
esac
