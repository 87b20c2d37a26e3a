#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds a DPDK source tree privately, then builds and tests hermod against it, with warnings as errors.
#
#   dpdk.sh TREE [FOLDER]      called by ./dev check dpdk
#
# Everything lies in FOLDER/dpdk-VERSION/: DPDK's build folder, its installation, hermod's build folder.
# FOLDER is build/ unless given. From 24.11 on EAL takes no drivers from below a folder that all may
# write to, such as /tmp.
# Only the drivers and libraries that hermod or its tests use are built.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
tree=$(CDPATH='' cd -- "$1" && pwd)
version=$(cat "$tree/VERSION")
home=${2:-$top/build}/dpdk-$version

drivers=net/af_packet,net/af_xdp,net/memif,net/null,net/pcap,net/ring,net/tap,mempool/ring,bus/pci,bus/vdev
# What ethdev and these drivers need; the option exists since 23.07.
libraries=kvargs,telemetry,log,argparse,cfgfile,ring,rcu,mempool,mbuf,net,meter,ethdev,pci,hash,gso,bpf,timer,cmdline

run() {
	log=$home/$1.log
	shift
	"$@" >"$log" 2>&1 || {
		tail -n 25 "$log" >&2
		printf 'dpdk.sh: failed: %s (all of it: %s)\n' "$*" "$log" >&2
		exit 1
	}
}

mkdir -p "$home"
home=$(CDPATH='' cd -- "$home" && pwd)
prefix=$home/install
folder=$home
while [ "$folder" != / ]; do
	folder=$(dirname "$folder")
	case $(stat -c %A "$folder") in
	????????w?)
		printf 'dpdk.sh: EAL takes no drivers from below %s, which all may write to; give another folder\n' "$folder" >&2
		exit 1
		;;
	esac
done
if [ ! -f "$home/installed" ]; then
	printf '==> building DPDK %s in %s\n' "$version" "$home"
	rm -rf "$home/build" "$prefix"
	set -- -Dplatform=generic -Dtests=false -Dmax_ethports=32 "-Denable_drivers=$drivers" "-Ddisable_apps=*"
	if grep -q "'enable_libs'" "$tree/meson_options.txt"; then
		set -- "$@" "-Denable_libs=$libraries"
	fi
	# Debian's Python, whatever else the path holds, has the elftools that DPDK asks for.
	PATH=/usr/bin:$PATH run dpdk-setup meson setup "$home/build" "$tree" --prefix="$prefix" --libdir=lib --buildtype=release \
		-Ddefault_library=shared "$@"
	run dpdk-build ninja -C "$home/build" install
	touch "$home/installed"
fi

printf '==> building hermod against DPDK %s\n' "$version"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
if [ ! -f "$home/hermod/build.ninja" ]; then
	rm -rf "$home/hermod"
	run hermod-setup meson setup "$home/hermod" "$top" --werror --buildtype=debugoptimized -Db_lto=false -Db_pch=false \
		-Db_ndebug=false -Dtests=enabled -Dbench=enabled
fi
run hermod-build ninja -k 0 -C "$home/hermod"

printf '==> testing hermod against DPDK %s\n' "$version"
# The path in the programs does not hold for the libraries that DPDK's own need.
export LD_LIBRARY_PATH="$prefix/lib"
ldd "$home/hermod/apps/hello/hello" | grep -q "$prefix/lib/librte_eal" || {
	printf 'dpdk.sh: hello does not use the DPDK in %s\n' "$prefix" >&2
	exit 1
}
rm -f "$home/hermod/meson-logs/testlog.json"
run hermod-test meson test -C "$home/hermod" --no-rebuild --print-errorlogs --timeout-multiplier 2 \
	--suite unit --suite contract --suite fuzz --suite apps
awk -f "$top/tests/support/count.awk" "$home/hermod/meson-logs/testlog.json"
