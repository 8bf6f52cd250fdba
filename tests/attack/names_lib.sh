# shellcheck shell=sh disable=SC2034  # variables are for those that source it
# SPDX-License-Identifier: Apache-2.0
# What the attacks on names that do not exist yet share: programs in the workspace, the default policy
# and the same without its rules, and what counts as planted. Sourced after e2e/lib.sh.

race=$(dirname "$PROBE")/names_race
cp "$PROBE" "$WORK/probe" && cp "$race" "$WORK/names_race" && chmod 0755 "$WORK/probe" "$WORK/names_race"
whole=$T/whole.yaml
whole_default >"$whole"
# The same without the rules: the control.
policy=$T/free.yaml
sed -e 's/^\( *name:\) .*/\1 free/' -e '/^  deny_read:/d' "$whole" |
	awk '/^  deny_write:/ { skip = 1; next } skip && /^    / { next } { skip = 0; print }' >"$policy"
# The rules, and no end for what is tried: the observer reads the changing path, too, and would revoke.
race_policy=$T/race.yaml
sed 's/^  medium: .*/  medium: [warn]/' "$whole" >"$race_policy"
start_supervisor || { not_ok "the supervisor starts"; finish; }

inside() { supervised -- sh -c "$1" >"$T/out" 2>&1; }
free() { supervised -p "$policy" -- sh -c "$1" >"$T/out" 2>&1; }
planted() { # what must never be there
	find "$WORK/.git/hooks" "$WORK/.git/config" "$WORK/.env" "$WORK/.claude/settings.json" \
		"$WORK"/.bailiff* "$WORK/.git/modules/a/hooks" 2>/dev/null
}
clean() {
	find "$WORK" -mindepth 1 -maxdepth 1 ! -name probe ! -name names_race -exec rm -rf {} +
}
# attack DESCRIPTION SCRIPT: plants nothing inside, and something with the control policy.
attack() {
	clean
	inside "$2" || :
	attack_found=$(planted)
	is "refused: $1" "$attack_found" ""
	clean
	free "$2" || :
	attack_found=$(planted)
	if [ -n "$attack_found" ]; then ok "control: $1"; else
		not_ok "control: $1"
		diag <"$T/out"
	fi
}

rounds=10000
race_inside() { # DESCRIPTION ARGUMENTS SETUP
	clean
	supervised -p "$race_policy" -- sh -c "$3; ./names_race $2 $rounds" >"$T/out" 2>&1 || :
	race_made=$(grep -x '[0-9]*' "$T/out")
	is "refused in a race: $1 ($race_made other names made)" "$(planted)" ""
	check "the race made something: $1" test "${race_made:-0}" -gt 0
	clean
	free "$3; ./names_race $2 $rounds" || :
	if [ -n "$(planted)" ]; then ok "control of the race: $1"; else not_ok "control of the race: $1"; fi
}
