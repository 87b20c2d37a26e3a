#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Asks herd7 whether each pair of docs/memory-model.md orders what it is said to order: what must not happen
# never does, neither in C11 nor in RC11, which repairs it. Once any one of the file's orders is relaxed it does
# in C11, so that each of them is needed; RC11 forbids some of these, since it knows no loads that see what is
# stored behind them.
# Called by ./dev check litmus. HERD7 names the program, with options if need be.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
herd=${HERD7:-herd7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=
orders='memory_order_(release|acquire|acq_rel|seq_cst)'

# expect VERDICT MODEL FILE WHAT; a verdict is Never, Sometimes or Always
expect() {
	# shellcheck disable=SC2086
	found=$($herd -model "$2" "$3" 2>"$work/err" | awk '/^Observation/ { print $3 }')
	if [ "$found" != "$1" ]; then
		printf '%s: %s, %s: %s; expected: %s\n' "$(basename "$3")" "$2" "$4" "${found:-no verdict}" "$1" >&2
		cat "$work/err" >&2
		failed=yes
	fi
}

# weaken N FILE: the file with its Nth order relaxed
weaken() {
	awk -v wanted="$1" -v orders="$orders" '{
		line = ""
		while (match($0, orders)) {
			order = ++n == wanted ? "memory_order_relaxed" : substr($0, RSTART, RLENGTH)
			line = line substr($0, 1, RSTART - 1) order
			$0 = substr($0, RSTART + RLENGTH)
		}
		print line $0
	}' "$2"
}

for file in "$here"/*.litmus; do
	expect Never rc11.cat "$file" 'as it is'
	expect Never c11_partialSC.cat "$file" 'as it is'
	count=$(grep -oE "$orders" "$file" | wc -l)
	weak=$work/$(basename "$file")
	for i in $(seq "$count"); do
		weaken "$i" "$file" >"$weak"
		expect Sometimes c11_partialSC.cat "$weak" "order $i relaxed"
	done
	# A file without orders asks nothing.
	[ "$count" -gt 0 ] || { printf '%s: no order\n' "$(basename "$file")" >&2; failed=yes; }
done

# Each pair has its question.
sed -n 's/^| \([A-Z]\{1,3\}[0-9]\{1,2\}\) | .*/\1/p' "$here/../../docs/memory-model.md" >"$work/labels"
while read -r label; do
	[ -f "$here/$label.litmus" ] || { printf '%s: no tests/litmus/%s.litmus\n' "$label" "$label" >&2; failed=yes; }
done <"$work/labels"
[ -z "$failed" ] || exit 1
printf 'litmus: passed\n'
