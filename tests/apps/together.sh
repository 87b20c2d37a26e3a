#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two programs on one host, and the folder in which EAL keeps its files.
#
#   together.sh HELLO PINGPONG beside|full
set -eu

hello=$1
pingpong=$2
part=$3
work=$(mktemp -d)
other=
mounted=

clean() {
	[ -z "$other" ] || kill "$other" 2>/dev/null || true
	wait
	[ -z "$mounted" ] || umount "$mounted"
	rm -rf "$work"
}
trap clean EXIT

fail() {
	printf '%s\n' "$*" >&2
	cat "$work"/*.out "$work"/*.err >&2 || true
	exit 1
}

# A program that runs until it is killed, since the node that it waits for does not come.
other_start() {
	# Before the program writes there: what the last one said is no sign of this one.
	: >"$work/other.err"
	RUNTIME_DIRECTORY=$work "$pingpong" --no-pci --no-huge -m 64 --no-telemetry --vdev=net_ring0 "$@" \
		-- --ip 10.9.0.2/24 --to pong >"$work/other.out" 2>"$work/other.err" &
	other=$!
	for _ in $(seq 100); do
		! grep -q 'link is up' "$work/other.err" || return 0
		kill -0 "$other" 2>/dev/null || break
		sleep 0.1
	done
	fail "the first program does not start"
}

other_stop() {
	kill "$other"
	wait "$other" || true
	other=
}

# hello RUNTIME_DIRECTORY EAL...: its exit status
hello_run() {
	folder=$1
	shift
	status=0
	RUNTIME_DIRECTORY=$folder timeout 30 "$hello" --no-pci --no-huge -m 64 "$@" \
		>"$work/hello.out" 2>"$work/hello.err" || status=$?
}

greets() {
	[ "$status" -eq 0 ] || fail "$1"
	grep -qx 'hello, world' "$work/hello.out" || fail "$1"
}

refuses() {
	case $status in
	[1-9] | [1-9][0-9]) ;;
	*) fail "exit status $status: $1" ;;
	esac
	for word in hermod: "$@"; do
		tail -n 1 "$work/hello.err" | grep -qe "$word" || fail "the last line does not say '$word'"
	done
}

# Exit status 77 for what a user who may mount nothing cannot see.
folder_full() {
	mkdir "$work/small"
	if ! mount -t tmpfs -o size=64k none "$work/small"; then
		echo "skipped: a folder that is full, or read-only, has to be mounted"
		exit 77
	fi
	mounted=$work/small
	hello_run "$work/small" --file-prefix=mine
	refuses "no room" --in-memory
	hello_run "$work/small" -l 0
	greets "needs room, though it keeps no files"
	mount -o remount,ro "$work/small"
	hello_run "$work/small" --file-prefix=yours
	refuses "Read-only file system" --in-memory
	hello_run "$work/small"
	greets "needs a folder that can be written, though it keeps no files"
}

if [ "$part" = full ]; then
	folder_full
	exit 0
fi

# EAL options, but none about files: both run.
other_start
hello_run "$work" -l 0
greets "a second program does not start beside the first"
other_stop

# The same prefix, asked for.
other_start --file-prefix=both
hello_run "$work" --file-prefix=both
refuses "'both'" "process $other " --file-prefix= --in-memory
hello_run "$work" --file-prefix=mine
greets "another prefix does not help"
hello_run "$work" --in-memory
greets "no files do not help"
other_stop

# A folder that cannot be written: no file can be made below this one.
hello_run /proc/self
greets "needs a folder, though it keeps no files"
hello_run /proc/self --file-prefix=mine
refuses /proc/self/dpdk RUNTIME_DIRECTORY= --in-memory
