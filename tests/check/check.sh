#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All checks that need no run of the program. Called by ./dev check, after build/debug is up to date.
# Every check runs, whatever the others found; the exit status is 1 if any of them failed.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here/../.." || exit 1
build=build/debug
failed=

# check NAME COMMAND...
check() {
	name=$1
	shift
	printf '==> %s\n' "$name"
	"$@" || failed="$failed $name,"
}

files() {
	python3 "$here/sources.py" --list "$@"
}

check_format() {
	files '*.c' '*.h' | xargs python3 "$here/format.py"
}

check_spelling() {
	files '*.c' '*.h' '*.md' '*.proto' '*.sh' '*.py' '*.awk' '*.build' '*.html' '*.[1-9]' dev '.ci/run' |
		xargs codespell --ignore-words "$here/words.txt"
}

check_shell() {
	files '*.sh' dev '.ci/run' | xargs shellcheck
}

# compile_mistakes SOURCE LAST COMPILER...: SOURCE compiles without a mistake, and with none of those from 1 to LAST.
compile_mistakes() {
	source=$1 last=$2
	shift 2
	wrong=0
	while [ "$wrong" -le "$last" ]; do
		if "$@" -fsyntax-only -Wall -Wextra -Werror "-DWRONG=$wrong" "$source" 2>"$build/typed.log"; then
			compiles=yes
		else
			compiles=no
		fi
		if [ "$wrong" -eq 0 ] && [ "$compiles" = no ]; then
			cat "$build/typed.log"
			status=1
		elif [ "$wrong" -gt 0 ] && [ "$compiles" = yes ]; then
			printf '%s:1: mistake %d compiles with %s\n' "$source" "$wrong" "$1"
			status=1
		fi
		wrong=$((wrong + 1))
	done
}

# Mistakes that typed messages, and what protoc-gen-hermod writes, turn into errors of the compiler, in C (where a warning is
# one here) and C++.
check_typed() {
	cflags=$(pkg-config --cflags libdpdk libprotobuf-c | sed 's/-I/-isystem /g')
	includes="-I$build -I$build/tests"
	for module in mailbox sched engine net; do
		includes="$includes -I$module"
	done
	status=0
	for compiler in "gcc -std=gnu11" "g++ -std=c++11" "clang -std=c11"; do
		# shellcheck disable=SC2086
		compile_mistakes "$here/typed.c" 22 $compiler -x "$(language "$compiler")" $cflags $includes
		# shellcheck disable=SC2086
		compile_mistakes "$here/generated.c" 6 $compiler -x "$(language "$compiler")" $cflags $includes
	done
	check_overlap gcc -std=gnu11 -x c
	check_overlap g++ -std=c++11 -x c++
	return "$status"
}

# Two files whose ids are the same do not compile together if one uses the other's messages.
# check_overlap COMPILER...
check_overlap() {
	folder=$build/overlap
	mkdir -p "$folder"
	for file in hmt_money hmt_bank; do
		protoc "--plugin=$build/tools/protoc-gen-hermod/protoc-gen-hermod" --proto_path=tests/support \
			"--hermod_out=$folder" $file.proto || status=1
	done
	# shellcheck disable=SC2086
	if printf '#include "hmt_bank.hm.h"\n' |
		"$@" -fsyntax-only "-I$folder" $cflags $includes - 2>"$folder/log" ||
		! grep -q 'type ids of hmt_bank.proto and of hmt_money.proto are the same' "$folder/log"; then
		printf 'tests/check/check.sh:1: two files with the same ids compile with %s\n' "$1"
		status=1
	fi
}

# Each public header alone, in both languages, as a user's compiler sees it.
check_headers() {
	cflags=$(pkg-config --cflags libdpdk liburcu-qsbr liburcu-cds libprotobuf-c | sed 's/-I/-isystem /g')
	includes=
	for module in mailbox sched engine net; do
		for folder in "$module" "$module"/*/; do
			[ ! -d "$folder" ] || includes="$includes -I$folder"
		done
	done
	status=0
	for header in $(files 'hm_*.h' 'hermod.h'); do
		for compiler in "gcc -std=gnu11 -Wstrict-prototypes" "g++ -std=c++17"; do
			# shellcheck disable=SC2086
			printf '#include "%s"\n#include "%s"\n' "${header##*/}" "${header##*/}" |
				$compiler -x "$(language "$compiler")" -fsyntax-only -Wall -Wextra -Werror \
					$cflags $includes "-I$build" - ||
				{ printf '%s:1: does not compile alone with %s\n' "$header" "${compiler%% *}"; status=1; }
		done
	done
	# shellcheck disable=SC2086
	g++ -std=c++20 -fsyntax-only -Wall -Wextra -Wno-missing-field-initializers -Werror $cflags $includes "-I$build" "$here/props.cpp" || status=1
	return "$status"
}

language() {
	case $1 in
	g++*) echo c++ ;;
	*) echo c ;;
	esac
}

# What a guide calls a whole program is one: those blocks of C that begin with an #include of <>. So is the example of hermod(3).
check_guides() {
	includes="-I$build"
	for module in mailbox sched engine net; do
		includes="$includes -I$module"
	done
	cflags=$(pkg-config --cflags libdpdk libprotobuf-c | sed 's/-I/-isystem /g')
	status=0
	for guide in $(files 'docs/guide/*.md'); do
		rm -f "$build"/guide-*.c
		awk -v out="$build/guide-" '/^```c$/ { block = 1; first = 1; next } /^```$/ { block = 0; whole = 0 }
			block { if (first) { whole = /^#include </; if (whole) n++ } first = 0; if (whole) print >(out n ".c") }' "$guide"
		for program in "$build"/guide-*.c; do
			[ -s "$program" ] || continue
			# shellcheck disable=SC2086
			gcc -std=gnu11 -fsyntax-only -Wall -Wextra -Werror $cflags $includes "$program" ||
				{ printf '%s:1: program %s does not compile\n' "$guide" "${program##*/guide-}"; status=1; }
		done
	done
	awk '/^\.Bd/ { block = 1; next } /^\.Ed/ { block = 0 } block { gsub(/\\e/, "\\"); print }' docs/man/hermod.3 >"$build/guide.c"
	# shellcheck disable=SC2086
	gcc -std=gnu11 -fsyntax-only -Wall -Wextra -Werror $cflags $includes "$build/guide.c" ||
		{ printf 'docs/man/hermod.3:1: its program does not compile\n'; status=1; }
	return "$status"
}

check_lint() {
	log=$(mktemp)
	files '*.c' | python3 "$here/tidy.py" "$build" >"$log" 2>&1
	status=$?
	[ "$status" -eq 0 ] || cat "$log"
	rm -f "$log"
	return "$status"
}

# The checks themselves: each is shown what it has to find.
check_rules() {
	python3 "$here/test_sources.py" -q && python3 "$here/test_tidy.py" -q && python3 "$here/../mutate/test_mutate.py" -q &&
		python3 "$here/../stress/test_long.py" -q
}

check format check_format
check spelling check_spelling
check shell check_shell
check headers check_headers
check typed check_typed
check guides check_guides
check sources python3 "$here/sources.py"
check rules check_rules
check docs sh "$here/docs.sh" "$build/reference"
check symbols python3 "$here/symbols.py" "$build/libhermod.a"
check lint check_lint

if [ -n "$failed" ]; then
	printf 'check failed:%s\n' "${failed%,}"
	exit 1
fi
printf 'check passed\n'
