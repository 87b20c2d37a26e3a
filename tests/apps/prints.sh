#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a program prints is what stands in a file, line for line; there * is anything.
#
#   prints.sh FILE SECONDS PROGRAM [EAL OPTION...] -- [OPTION...]
#
# First comes standard output, then what the program says under its own name on standard error, then
# an exit status that is not 0. A program that does not end is told to after so many seconds.
set -eu

expected=$1
seconds=$2
program=$3
shift 3

fail() {
	printf '%s: %s\n' "$program" "$*" >&2
	exit 1
}

said=$(mktemp)
err=$(mktemp)
trap 'rm -f "$said" "$err"' EXIT
status=0
timeout --preserve-status "$seconds" "$program" --no-pci --no-huge -m 256 --no-shconf --no-telemetry \
	--file-prefix=hermod-test "$@" >"$said" 2>"$err" || status=$?
cat "$err" >&2
grep "^${program##*/}: " "$err" >>"$said" || true
[ "$status" -eq 0 ] || echo "exit status $status" >>"$said"

exec 3<"$said"
while IFS= read -r pattern; do
	IFS= read -r line <&3 || fail "prints nothing more, where '$pattern' is expected"
	# shellcheck disable=SC2254
	case $line in
	$pattern) ;;
	*) fail "prints '$line', where '$pattern' is expected" ;;
	esac
done <"$expected"
! IFS= read -r line <&3 || fail "prints '$line', where nothing more is expected"
