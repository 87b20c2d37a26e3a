#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a program prints is what stands in a file, line for line; there * is anything.
#
#   prints.sh [--waits] FILE SECONDS PROGRAM [EAL OPTION...] -- [OPTION...]
#
# First comes standard output, then what the program says under its own name on standard error, then
# an exit status that is not 0. A program that does not end is told to after so many seconds; with --waits
# as soon as it has printed as many lines as the file has.
set -eu

waits=
if [ "$1" = --waits ]; then
	waits=yes
	shift
fi
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
timeout=
trap '[ -z "$timeout" ] || kill "$timeout" 2>/dev/null || true; rm -f "$said" "$err"' EXIT
trap 'exit 1' HUP INT TERM
status=0
timeout --preserve-status "$seconds" "$program" --no-pci --no-huge -m 256 --no-shconf --no-telemetry \
	--file-prefix=hermod-test "$@" >"$said" 2>"$err" &
timeout=$!
while [ -n "$waits" ] && kill -0 "$timeout" 2>/dev/null; do
	if [ "$(wc -l <"$said")" -ge "$(wc -l <"$expected")" ]; then
		kill "$timeout"
		break
	fi
	sleep 0.1
done
wait "$timeout" || status=$?
timeout=
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
