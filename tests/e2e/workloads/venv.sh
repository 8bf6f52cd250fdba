#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A Python environment of its own, and a test run in it.
set -eu

case $1 in
prepare)
	mkdir tests
	cat >sums.py <<'END'
def total(values):
    return sum(values)
END
	cat >tests/test_sums.py <<'END'
import tempfile
import unittest
from sums import total


class Sums(unittest.TestCase):
    def test_total(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
        self.assertEqual(total([1, 2, 3]), 6)
END
	: >tests/__init__.py
	;;
work)
	/usr/bin/python3 -m venv --without-pip environment
	environment/bin/python -m unittest -q tests.test_sums >result.txt 2>&1
	;;
proof)
	grep -q '^OK' result.txt
	[ -x environment/bin/python ]
	[ -d __pycache__ ]
	;;
esac
