#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy, two files at a time, on the sources named on standard input.

usage: tidy.py BUILD_DIR < LIST

A file that was clean is looked at again only after it, a header or the rules have changed.
"""
import concurrent.futures
import glob
import hashlib
import json
import os
import re
import subprocess
import sys

# One version for everybody: each finds other things. Debian 12's.
TIDY = 'clang-tidy-14'

# The analyzer follows calls in what users run. In tests it looks at one function at a time, which takes a quarter
# of the time: they are run under sanitizers.
SHALLOW = ['-Xclang', '-analyzer-config', '-Xclang', 'mode=shallow']


def digest(paths):
    total = hashlib.sha256()
    for path in sorted(paths):
        with open(path, 'rb') as file:
            total.update(path.encode() + b'\0' + file.read())
    return total.hexdigest()


def findings(output):
    """One line each, without the analyzer's path to it; those inside system headers are not ours, unless they keep
    the file from being parsed: then nothing in it was looked at."""
    found = []
    for line in output.split('\n'):
        match = re.match(r'^(?:(/[^:]*)(:\d+):\d+: )?(?:fatal error|error|warning): (.*)$', line)
        if not match:
            continue
        path, number, text = match.groups()
        if path and not os.path.relpath(path).startswith('..'):
            found.append(f'{os.path.relpath(path)}{number}: {text}\n')
        elif text.endswith('[clang-diagnostic-error]'):
            found.append(f'{path or "clang-tidy"}{number or ""}: {text}\n')
    return ''.join(sorted(set(found)))


def main():
    build = sys.argv[1]
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        known = {os.path.relpath(os.path.join(entry['directory'], entry['file']))
                 for entry in json.load(file)}
    paths = [path for path in sys.stdin.read().split() if path in known]
    headers = [path for path in glob.glob('*/**/*.h', recursive=True) if not path.startswith('build/')]
    common = digest(headers + ['.clang-tidy'])

    cache = os.path.join(build, 'clean-tidy.json')
    try:
        with open(cache, encoding='utf-8') as file:
            clean = json.load(file)
    except (OSError, ValueError):
        clean = {}

    def look(path):
        key = common + digest([path])
        if clean.get(path) == key:
            return path, key, ''
        flags = ['-Wno-unknown-warning-option'] + (SHALLOW if path.startswith('tests/') else [])
        done = subprocess.run([TIDY, '-quiet', '-p', build] + [f'--extra-arg={flag}' for flag in flags] + [path],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0 and not done.stdout:
            return path, key, done.stderr
        return path, key, findings(done.stdout)

    failed = False
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, key, output in pool.map(look, paths):
            if output.strip():
                failed = True
                print(output, end='')
                clean.pop(path, None)
            else:
                clean[path] = key
    with open(cache, 'w', encoding='utf-8') as file:
        json.dump(clean, file)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
