#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Boots a small machine with two NUMA nodes, of two CPUs and 1 GB each, and runs numa_memory in it with
# hugepages on both nodes, on one of them, and on none. Called by ./dev check numa.
#
# qemu translates the machine's instructions, so that any amd64 machine will do, virtual ones included: what is
# asked is where memory lies, not how fast it is. Kernel and shell are Debian's packages, unpacked into a folder
# of their own, build/numa: nothing of this machine boots from them.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
home=$top/build/numa
program=$top/build/debug/tests/numa_memory
seconds=600 # at most, for all of it; it takes some 50
root=

die() {
	printf 'numa.sh: %s\n' "$*" >&2
	exit 1
}

# The package of the newest kernel is a dependency of this one.
unpack() {
	rm -rf "$home"
	mkdir -p "$home/unpack" && cd "$home/unpack" || return 1
	image=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
	[ -n "$image" ] || return 1
	apt-get -q -o APT::Sandbox::User=root download "$image" busybox-static || return 1
	for package in *.deb; do
		dpkg-deb -x "$package" . || return 1
	done
	cp boot/vmlinuz-* ../kernel && cp bin/busybox ../busybox && cd "$top" && rm -rf "$home/unpack"
}

# A file at the same place, with the libraries that it needs.
take() {
	for file in "$1" $(ldd "$1" | grep -o '/[^ ]*'); do
		[ -e "$root$file" ] || install -D "$file" "$root$file"
	done
}

# What EAL loads by itself, from the place at which the test's own DPDK looks: rings for memory pools and ports.
take_drivers() {
	libraries=$(pkg-config --variable=libdir libdpdk)
	for driver in "$libraries"/dpdk/pmds-*/librte_mempool_ring.so.*.* "$libraries"/dpdk/pmds-*/librte_net_ring.so.*.*; do
		take "$driver"
	done
}

image_make() {
	root=$(mktemp -d)
	trap 'rm -rf "$root"' EXIT
	mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys"
	install "$home/busybox" "$root/bin/busybox"
	install "$top/tests/numa/init.sh" "$root/init"
	take "$program"
	mv "$root$program" "$root/bin/numa_memory"
	take_drivers
	# Loaded by name when a thread is cancelled, as at EAL's end.
	take "$(realpath "$(gcc -print-file-name=libgcc_s.so.1)")"
	(cd "$root" && find . | "$home/busybox" cpio -o -H newc 2>"$home/cpio.log" | gzip -1) >"$home/image"
}

boot() {
	rm -f "$home/console.log"
	timeout --foreground "$seconds" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-serial "file:$home/console.log" -accel tcg,thread=multi -cpu max -smp 4 -m 2G \
		-object memory-backend-ram,id=first,size=1G -numa node,nodeid=0,cpus=0-1,memdev=first \
		-object memory-backend-ram,id=second,size=1G -numa node,nodeid=1,cpus=2-3,memdev=second \
		-kernel "$home/kernel" -initrd "$home/image" \
		-append 'console=ttyS0 quiet panic=-1 numa_balancing=disable' >"$home/qemu.log" 2>&1
}

if [ ! -f "$home/kernel" ] || [ ! -f "$home/busybox" ]; then
	printf '==> unpacking kernel and shell into build/numa\n'
	(unpack) || die "no linux-image-cloud-amd64 or no busybox-static; apt-get update may help"
fi
image_make
printf '==> running numa_memory on a machine with two NUMA nodes\n'
status=0
boot || status=$?
tr -d '\r' <"$home/console.log" >"$home/tests.log"
if ! grep -q '^numa: end' "$home/tests.log"; then
	tail -n 20 "$home/qemu.log" "$home/tests.log" >&2
	die "the machine has not come to its end (exit status $status of qemu)"
fi

# Each test by name, so that none is left out since its hugepages were not there.
"$program" --list >"$home/names"
bad=0
while read -r name; do
	grep -qx "ok $name" "$home/tests.log" && continue
	printf 'failed: %s\n' "$name" >&2
	bad=$((bad + 1))
done <"$home/names"
if [ "$bad" -gt 0 ]; then
	grep -v '^ok ' "$home/tests.log" >&2
	die "$bad of $(wc -l <"$home/names") tests failed; all of the console is in build/numa/console.log"
fi
printf 'numa: %d tests passed\n' "$(wc -l <"$home/names")"
