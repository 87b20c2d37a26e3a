#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-format, plus what it cannot say: an attribute keeps the line above a declaration to itself.

usage: format.py [--fix] FILE...
"""
import concurrent.futures
import difflib
import re
import subprocess
import sys

# One version for everybody: each formats otherwise. Debian 12's.
FORMAT = 'clang-format-14'

# clang-format leaves a statement macro alone on its line; see StatementMacros in .clang-format.
HIDE = re.compile(r'^(__attribute__\(\((.*)\)\))$', re.MULTILINE)
SHOW = re.compile(r'^HM_ATTRIBUTE_LINE\((.*)\)$', re.MULTILINE)


def formatted(path, text):
    hidden = HIDE.sub(r'HM_ATTRIBUTE_LINE(\2)', text)
    out = subprocess.run([FORMAT, '--style=file', '--assume-filename=' + path],
                         input=hidden, capture_output=True, text=True, check=True).stdout
    return SHOW.sub(r'__attribute__((\1))', out)


def handle(path, fix):
    with open(path, encoding='utf-8') as file:
        text = file.read()
    want = formatted(path, text)
    if want == text:
        return []
    if fix:
        with open(path, 'w', encoding='utf-8') as file:
            file.write(want)
        return []
    lines = []
    have, need = text.splitlines(), want.splitlines()
    for kind, a, _, c, d in difflib.SequenceMatcher(None, have, need, autojunk=False).get_opcodes():
        if kind != 'equal':
            lines.append(f'{path}:{a + 1}: format; instead: ' + ' / '.join(need[c:d][:3]).strip())
    return lines


def main():
    args = sys.argv[1:]
    fix = '--fix' in args
    paths = [arg for arg in args if not arg.startswith('--')]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = [line for lines in pool.map(lambda path: handle(path, fix), paths) for line in lines]
    for line in found:
        print(line)
    if found:
        print('to mend them all: python3 tests/check/format.py --fix FILE...')
    return 1 if found else 0


sys.exit(main())
