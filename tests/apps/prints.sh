#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a program prints to standard output is what stands in a file, line for line; there * is anything.
#
#   prints.sh FILE PROGRAM [OPTION...]    the options stand behind `--`
set -eu

expected=$1
program=$2
shift 2

fail() {
	printf '%s: %s\n' "$program" "$*" >&2
	exit 1
}

out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$program" --no-pci --no-huge -m 256 --no-shconf --no-telemetry --file-prefix=hermod-test -- "$@" >"$out" ||
	fail "exit status $?"

exec 3<"$out"
while IFS= read -r pattern; do
	IFS= read -r line <&3 || fail "prints nothing more, where '$pattern' is expected"
	# shellcheck disable=SC2254
	case $line in
	$pattern) ;;
	*) fail "prints '$line', where '$pattern' is expected" ;;
	esac
done <"$expected"
! IFS= read -r line <&3 || fail "prints '$line', where nothing more is expected"
