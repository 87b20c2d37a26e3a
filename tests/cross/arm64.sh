#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds everything for aarch64, with warnings as errors, and runs the stress programs of what lcores share
# under qemu. Called by ./dev check arm64.
#
# Debian's arm64 packages are unpacked into a folder of their own, build/arm64/sysroot, by an apt with a
# state of its own: neither root nor another architecture of this machine is needed.
#
# qemu shows that the programs are right on another instruction set. It translates weakly ordered loads
# and stores into those of this machine, so of the memory order it shows nothing: see tests/litmus.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
home=$top/build/arm64
sysroot=$home/sysroot
packages="libc6-dev libgcc-12-dev linux-libc-dev libdpdk-dev liburcu-dev libprotobuf-c-dev libjansson-dev"

apt_private() {
	apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$home/apt/state" \
		-o Dir::State::status="$home/apt/status" -o Dir::Cache="$home/apt/cache" -o Debug::NoLocking=true \
		-o Acquire::Languages=none -o APT::Sandbox::User= -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
		-o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

sysroot_make() {
	rm -rf "$sysroot" "$home/apt"
	mkdir -p "$sysroot" "$home/apt/state/lists/partial" "$home/apt/cache/archives/partial"
	: >"$home/apt/status"
	apt_private update
	# shellcheck disable=SC2086
	apt_private install -y --no-install-recommends --download-only $packages
	for package in "$home"/apt/cache/archives/*.deb; do
		dpkg-deb -x "$package" "$sysroot"
	done
	# Folders that a merged system has as links.
	for folder in lib bin sbin; do
		if [ -d "$sysroot/$folder" ] && [ ! -L "$sysroot/$folder" ]; then
			cp -a "$sysroot/$folder/." "$sysroot/usr/$folder/"
			rm -rf "${sysroot:?}/$folder"
		fi
		[ -e "$sysroot/$folder" ] || ln -s "usr/$folder" "$sysroot/$folder"
	done
	rm -rf "$home/apt"
	touch "$home/unpacked"
}

mkdir -p "$home"
if [ ! -f "$home/unpacked" ]; then
	printf '==> unpacking the arm64 packages into build/arm64/sysroot\n'
	sysroot_make >"$home/sysroot.log" 2>&1 || {
		tail -n 20 "$home/sysroot.log" >&2
		exit 1
	}
fi

printf '==> building for arm64\n'
sed "s,@SYSROOT@,$sysroot,g" "$top/tests/cross/arm64.ini" >"$home/arm64.ini"
if [ ! -f "$home/out/build.ninja" ]; then
	rm -rf "$home/out"
	meson setup "$home/out" "$top" --cross-file "$home/arm64.ini" --werror -Db_pch=false --buildtype=debugoptimized \
		-Db_lto=false -Db_ndebug=false -Dbench=disabled -Ddefault_library=both >"$home/setup.log" 2>&1 || {
		tail -n 20 "$home/setup.log" >&2
		exit 1
	}
fi
ninja -C "$home/out" >"$home/build.log" 2>&1 || {
	grep -E -A5 'error|FAILED' "$home/build.log" | head -n 40 >&2
	exit 1
}
file "$home/out/apps/hello/hello" | grep -q 'ARM aarch64' || {
	printf 'arm64.sh: hello is no program for arm64\n' >&2
	exit 1
}

# What DPDK runs on lcores must not wait for a core of its own here.
export HMT_SECONDS="${HMT_SECONDS:-3}"
for program in stress_lane stress_inject stress_pool; do
	printf '==> running %s under qemu\n' "$program"
	timeout 300 qemu-aarch64-static -L "$sysroot" "$home/out/tests/$program" >"$home/$program.log" 2>&1 || {
		printf 'arm64.sh: %s ends with exit status %d\n' "$program" $? >&2
		tail -n 20 "$home/$program.log" >&2
		exit 1
	}
done
printf 'arm64: passed\n'
