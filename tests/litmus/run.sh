#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Asks herd7 whether each pair of docs/memory-model.md orders what it is said to order: what must not happen
# never does, neither in C11 nor in RC11, which repairs it. Once all is relaxed it does in C11, so that the
# question is one; RC11 forbids some of these, since it knows no loads that see what is stored behind them.
# Called by ./dev check litmus. HERD7 names the program, with options if need be.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
herd=${HERD7:-herd7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=

# ask MODEL FILE: Never, Sometimes or Always
ask() {
	# shellcheck disable=SC2086
	$herd -model "$1" "$2" 2>"$work/err" | awk '/^Observation/ { print $3 }'
}

for file in "$here"/*.litmus; do
	name=$(basename "$file" .litmus)
	sed 's/memory_order_\(release\|acquire\|acq_rel\|seq_cst\)/memory_order_relaxed/g' "$file" >"$work/$name.litmus"
	found="$(ask rc11.cat "$file") $(ask c11_partialSC.cat "$file") $(ask c11_partialSC.cat "$work/$name.litmus")"
	if [ "$found" != 'Never Never Sometimes' ]; then
		printf '%s: RC11, C11, all relaxed: %s; expected: Never Never Sometimes\n' "$name" "$found" >&2
		cat "$work/err" >&2
		failed=yes
	fi
done

# Each pair has its question.
sed -n 's/^| \([A-Z]\{1,3\}[0-9]\{1,2\}\) | .*/\1/p' "$here/../../docs/memory-model.md" >"$work/labels"
while read -r label; do
	[ -f "$here/$label.litmus" ] || { printf '%s: no tests/litmus/%s.litmus\n' "$label" "$label" >&2; failed=yes; }
done <"$work/labels"
[ -z "$failed" ] || exit 1
printf 'litmus: passed\n'
