#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that can be read off the compiled library: no mutable globals, and the prefixes of names.

usage: symbols.py LIBRARY
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WRITABLE = re.compile(r'^(\*COM\*|\.(data|bss|tdata|tbss)(?!\.rel\.ro))')
GENERATED = re.compile(r'^hermod__')


def main():
    allowed = {}
    with open(os.path.join(HERE, 'globals.txt'), encoding='utf-8') as file:
        for line in file:
            if line.strip() and not line.startswith('#'):
                name, _, reason = line.strip().partition(' ')
                allowed[name] = reason.strip()

    out = subprocess.run(['nm', '--format=sysv', sys.argv[1]], capture_output=True, text=True, check=True)
    problems = []
    member = '?'
    for line in out.stdout.split('\n'):
        start = re.match(r'^Symbols from \S*\[(.*)\]:', line)
        if start:
            member = re.sub(r'\.c\.o$', '.c', start.group(1)).replace('_', '/', 1)
            continue
        fields = [field.strip() for field in line.split('|')]
        if len(fields) != 7:
            continue
        name, kind, section = fields[0], fields[2], fields[6]
        bare = re.sub(r'\.\d+$', '', name)
        if WRITABLE.match(section) and not bare.startswith('__') and bare not in allowed:
            problems.append(f'{member}: mutable variable {bare}: several systems may live in one process; '
                            'instead: a member of struct hm_system or of the lcore')
        if kind in 'TDBRCW' and kind.isupper() and section != '*UND*' and 'UND' not in section:
            if not re.match(r'^(hm_|hmi_|hermod__)', name) and not name.startswith('__'):
                problems.append(f'{member}: {name} is linked between files without a prefix; '
                                'instead: static, or hmi_ (private) or hm_ (public)')
    for line in sorted(set(problems)):
        print(line)
    return 1 if problems else 0


sys.exit(main())
