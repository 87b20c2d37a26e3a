#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the libraries, and builds and runs a program against what was installed: with a prefix and
# with DESTDIR, shared and static, in C and C++, by gcc and by clang; another one of a .proto file, by the plugin.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=

fail() {
	printf 'install: %s\n' "$*" >&2
	failed=yes
}

# use NAME FOLDER...: pkg-config looks for hermod in FOLDER alone, and in what Debian has
use() {
	where=$1
	pc=$(find "$2" -name hermod.pc -printf '%h\n')
	[ -n "$pc" ] || fail "$where: no hermod.pc below $2"
	export PKG_CONFIG_PATH="$pc"
	libdir=${pc%/pkgconfig}
}

# build LANGUAGE COMPILER KIND PACKAGE: the program of $source and $more, and a run of it
build() {
	language=$1 compiler=$2 kind=$3 package=$4
	name="$where, $kind, $language by $compiler, ${source##*/}"
	program=$work/program
	rm -f "$program"
	case $language in
	c) flags='-std=gnu11 -x c' ;;
	*) flags="$cplusplus -x c++" ;;
	esac
	cflags=$(pkg-config --cflags "$package")
	# shellcheck disable=SC2046,SC2086
	"$compiler" $flags -Wall -Wextra -Werror -O2 $cflags "-I$work" "$source" -x none $more \
		-o "$program" $(pkg-config --libs "$package") || { fail "$name: does not build"; return; }
	case $kind in
	static) ! ldd "$program" | grep -q libhermod || fail "$name: needs the shared library" ;;
	shared)
		readelf -d "$program" | grep -q 'NEEDED.*librte' && fail "$name: needs DPDK itself"
		LD_LIBRARY_PATH=$libdir ldd "$program" | grep -q "=> $libdir/libhermod" ||
			fail "$name: does not use the installed library"
		;;
	esac
	said=$(LD_LIBRARY_PATH=$libdir timeout 60 "$program" --no-pci --no-huge -m 64 --no-shconf --no-telemetry \
		2>&1) || fail "$name: ends with exit status $?: $said"
	[ "$said" = "$expected" ] || fail "$name: says '$said' instead of '$expected'"
}

# What the installed plugin makes of a .proto file, found by pkg-config as by a user's build.
generate() {
	plugin=$(pkg-config --variable=protoc_gen_hermod "$1")
	[ -x "$plugin" ] || { fail "$where: no plugin '$plugin'"; return; }
	rm -f "$work"/greeting.*
	protoc "--plugin=protoc-gen-hermod=$plugin" "--proto_path=$top/tests/install" "--c_out=$work" "--hermod_out=$work" \
		greeting.proto || { fail "$where: protoc refuses"; return; }
	cc -c "$work/greeting.pb-c.c" -o "$work/greeting.o" || fail "$where: protobuf-c's code does not compile"
	source=$top/tests/install/greeter.c more=$work/greeting.o expected='reply, letters: 5' cplusplus=-std=gnu++11
}

# The program that needs no plugin.
program() {
	source=$top/tests/install/program.c more='' cplusplus='-std=gnu++20 -Wno-missing-field-initializers'
	expected=$(printf 'hermod %s\nreceived 42' "$version")
}

# What the shared library shows is what the headers declare, and its name is that of its version.
symbols() {
	library=$libdir/libhermod.so
	# A local one is there for a relocation alone: that of a thread's variable, say.
	nm -D --defined-only "$library" | awk '$2 !~ /^[Abdrt]$/ { sub(/@@.*/, "", $3); print $3 }' | sort >"$work/exported"
	cat "$libdir"/../../include/hermod/*.h "$libdir"/../include/hermod/*.h 2>/dev/null |
		grep -oE '\bhm_[a-z0-9_]+( *\(|;)' | grep -oE '\bhm_[a-z0-9_]+' | sort -u >"$work/declared"
	private=$(comm -23 "$work/exported" "$work/declared")
	[ -z "$private" ] || fail "exported, but in no header: $private"
	[ "$(wc -l <"$work/exported")" -ge 40 ] || fail "exports $(wc -l <"$work/exported") symbols"
	readelf -d "$library" | grep -q "SONAME.*libhermod\.so\.$soversion\]" ||
		fail "the soname is not libhermod.so.$soversion"
	readelf -V "$library" | grep -q "HERMOD_$soversion" || fail "no symbol version HERMOD_$soversion"
	# The baseline of DPDK's own package: no instruction that another machine may lack.
	if [ "$(uname -m)" = x86_64 ] && objdump -d "$library" | grep -qE '%[yz]mm|\bmulx\b'; then
		fail "holds instructions of this machine alone"
	fi
}

version=$(sed -n "s/^	version: '\(.*\)',/\1/p" "$top/meson.build")
soversion=${version%.*}

"$top/dev" install --prefix "$work/prefix" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
use prefix "$work/prefix"
symbols
for page in man3/hermod.3 man1/protoc-gen-hermod.1; do
	[ -f "$work/prefix/share/man/$page" ] || fail "no page $page"
done
program
for kind in shared static; do
	package=hermod
	[ "$kind" = shared ] || package=hermod-static
	for compiler in gcc clang; do
		build c "$compiler" "$kind" "$package"
	done
	for compiler in g++ clang++; do
		build c++ "$compiler" "$kind" "$package"
	done
done

generate hermod
build c gcc shared hermod
build c++ g++ shared hermod
build c clang static hermod-static
build c++ clang++ static hermod-static

# Staged as a packager does it; the files are moved afterwards, and pkg-config follows them.
DESTDIR=$work/stage "$top/dev" install --prefix /usr >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
mv "$work/stage" "$work/moved"
[ -d "$work/moved/usr/include/hermod" ] || fail "DESTDIR: nothing below /usr"
use DESTDIR "$work/moved"
program
build c gcc shared hermod
build c gcc static hermod-static
generate hermod-static
build c gcc static hermod-static

[ -z "$failed" ] || exit 1
printf 'install: passed\n'
