#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# EAL options for which some EALs refuse to start, and later ones end the process: in either case the last line
# is hermod's and says what is wrong, the exit status is 2, and EAL's usage is not printed.
#
#   refused.sh HELLO
set -eu

hello=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# refused TEXT EAL...
refused() {
	text=$1
	shift
	status=0
	timeout 30 "$hello" --no-pci --no-huge -m 64 --no-shconf --no-telemetry "$@" \
		>"$work/out" 2>"$work/err" || status=$?
	case $status,$(tail -n 1 "$work/err") in
	2,"hermod: "*"$text"*) [ -s "$work/out" ] || return 0 ;;
	esac
	printf '%s: exit status %d; expected: 2, and as the last line: hermod: ...%s\n' "$*" "$status" "$text" >&2
	cat "$work/err" "$work/out" >&2
	exit 1
}

refused "EAL has no option '--nope'" --nope
refused "EAL has no option '--nope=1'" --nope=1
refused "EAL has no option '-Q'" -Q
refused "EAL has no option '--nope'" --nope -- --node n
refused "-l '': no list of cores" -l
refused "--lcores '': no map of lcores to cores" --lcores
refused 'EAL does not start: Invalid argument' --no-huge=1
