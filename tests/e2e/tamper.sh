#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One changed byte in any column of any table makes verify fail; a cut tail is found against a kept
# checkpoint. The whole matrix is in the unit tests; this is a real ledger of real work.
. "$(dirname "$0")/lib.sh"

supervised -- sh -c 'for i in 1 2 3 4 5; do echo $i >file$i; rm file$i; done; cat /etc/shadow' >/dev/null 2>&1
settle
ledger verify >"$T/out" 2>&1
status=$?
check "the untouched ledger verifies" test "$status" -eq 0 -o "$status" -eq 3
[ "$status" -eq 0 ] || [ "$status" -eq 3 ] || diag <"$T/out"
# What a careful person keeps elsewhere.
ledger checkpoint >"$T/checkpoint" 2>/dev/null || cp "$STATE/ledger/1/checkpoint" "$T/checkpoint"

cp -a "$STATE" "$T/good"
# An attacker takes the triggers and checks out of the way, and puts them back.
drop=$(sqlite3 "$LEDGER" "SELECT 'DROP TRIGGER \"' || name || '\";' FROM sqlite_schema WHERE type = 'trigger'")
again=$(sqlite3 "$LEDGER" "SELECT sql || ';' FROM sqlite_schema WHERE type = 'trigger'")
broken() { # SQL: a copy with this change
	rm -rf "$T/bad" && cp -a "$T/good" "$T/bad"
	sqlite3 "$T/bad/ledger/1/ledger.db" "PRAGMA ignore_check_constraints=ON; $drop $1; $again" >/dev/null 2>"$T/sql.err" || { diag <"$T/sql.err"; return 1; }
}
verify_bad() { "$BAILIFF" ledger verify --state-dir "$T/bad" "$@" >"$T/out" 2>&1; }

sqlite3 "$T/good/ledger/1/ledger.db" "SELECT m.name, p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p
	WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'" >"$T/columns"
check "there are tables and columns to change" test "$(wc -l <"$T/columns")" -ge 30
tried=0
while IFS='|' read -r table column; do
	rows=$(sqlite3 "$T/good/ledger/1/ledger.db" "SELECT count(*) FROM \"$table\" WHERE \"$column\" IS NOT NULL")
	[ "$rows" -gt 0 ] || continue
	# A STRICT column takes only its own type, so the new value has it, too. Its last byte becomes another.
	broken "UPDATE \"$table\" SET \"$column\" = CASE typeof(\"$column\")
		WHEN 'integer' THEN \"$column\" + 1
		WHEN 'text' THEN substr(\"$column\", 1, length(\"$column\") - 1) ||
			CASE substr(\"$column\", -1) WHEN 'X' THEN 'Y' ELSE 'X' END
		ELSE CAST(substr(\"$column\", 1, length(\"$column\") - 1) ||
			CASE substr(\"$column\", -1) WHEN x'58' THEN x'59' ELSE x'58' END AS BLOB) END
		WHERE \"$column\" = (SELECT max(\"$column\") FROM \"$table\")" 2>/dev/null || { skip change "$table.$column" "SQLite refuses it: $(cat "$T/sql.err")"; continue; }
	tried=$((tried + 1))
	verify_bad
	is "$table.$column changed: FAIL" $? 1
done <"$T/columns"
check "most columns could be changed: $tried" test "$tried" -ge 20

broken "UPDATE event SET rec = CAST(substr(rec, 1, length(rec) - 1) || CASE substr(rec, -1) WHEN x'00' THEN x'01'
	ELSE x'00' END AS BLOB) WHERE seq = 5"
verify_bad
is "a changed record fails" $? 1
check "and is named" grep -Eq '(^|[^0-9])5([^0-9]|$)' "$T/out"

last=$(sqlite3 "$T/good/ledger/1/ledger.db" 'SELECT max(seq) FROM event')
broken "DELETE FROM event WHERE seq > $last - 3; DELETE FROM checkpoint WHERE size > $last - 3"
verify_bad --checkpoint "$T/checkpoint"
is "a cut tail fails against the kept checkpoint" $? 1
check "control: the good copy passes against it" sh -c "'$BAILIFF' ledger verify --state-dir '$T/good' --checkpoint '$T/checkpoint'; [ \$? -eq 0 -o \$? -eq 3 ]"
finish
