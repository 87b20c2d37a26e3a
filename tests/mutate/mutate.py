#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks the library in one small way at a time, and sees whether a test notices.

usage: mutate.py [--seconds S] [--least N] [--floor PERCENT] [--files PATTERN] COUNT SEED

A copy of the sources and a build folder of their own lie in build/mutate. Each mutant is one change of
one line; it is built, and those tests of its module that run through the line, as gcov saw them do without any change,
run until one fails: those first whose name is that of the source, then those that see most of it. What no test
notices is printed: either a test is missing, or the change means nothing. The exit status is
1 when the part that was noticed is below the floor, for which at least 8 mutants must have been judged, or when
fewer were judged than was asked for.
"""
import argparse
import fnmatch
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tests', 'check'))
import sources  # noqa: E402

HOME = os.path.join(TOP, 'build', 'mutate')
COPY = os.path.join(HOME, 'src')
BUILD = os.path.join(HOME, 'out')
COVERAGE = os.path.join(HOME, 'coverage')
APART = os.path.join(TOP, 'tests', 'mutate', 'apart.sh')
JUDGED_MIN = 8
# Programs that are linked, and run, before the next ones are.
PORTION = 8
# What makes it write nothing.
NO_COVERAGE = {'GCOV_PREFIX': '/dev/null', 'GCOV_ERROR_FILE': '/dev/null'}
# Tests in which processes end at once, or are ended by force: they leave nothing for gcov.
KILLED = re.compile(r'\.signal\b|\.exit_code\b|hmt_death\.h|\b_exit\(|\bfork\(')
# A busy machine may take so many times the seconds for the mutants that must be judged.
SLOWER = 5

# The tests that are about a module, by the names of their programs.
TESTS = {
    'mailbox': r'^test_(assert|carrier|depot|inject|lane|mailbox|pid|pool|slab|engine_(memory|misuse|misuse_body|shortage)$)',
    'sched': r'^test_(backtrace|busy|carrier|deadline|idle|offload|quantum|runq|sample|stall|tsc|wake|wheel|worker|engine_(stall|stall_edges|timer|turn)$)',
    'engine': r'^test_(engine|carrier|version)',
    'net': r'^test_net',
}
# Those that are about no module.
OTHERS = r'^test_(bench|kv|plugin)'

RELATIONS = {'<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '=='}
RELATION = re.compile(r'(?<= )(<=|>=|==|!=|<|>)(?= )')
CONDITION = re.compile(r'^(\t+(?:\} else )?(?:if|while) \()(.*)(\)(?: \{)?)$')
STATEMENT = re.compile(r'^(\t+)((?!return\b|break\b|continue\b|goto\b|case\b|default\b|static\b|const\b|struct\b|enum\b|'
                       r'(?:u?int\d+_t|int|bool|char|size_t|double|unsigned|void|long)\b)[\w*(][^;{}]*;)$')
CALL = re.compile(r'^(?:\(void\))?[a-z]\w*\(.*\);$')
NUMBER = re.compile(r'(?<![\w.])(\d+)(u|ul|ull)?\b(?![.\w])')
LOGIC = re.compile(r'(?<= )(&&|\|\|)(?= )')


def line_mutants(line):
    """(operator, changed line) for what can be changed in a line of code, whose strings are blanked."""
    found = []
    match = CONDITION.match(line)
    if match and match.group(2).count('(') == match.group(2).count(')'):
        found.append(('negate', f'{match.group(1)}!({match.group(2)}){match.group(3)}'))
    for match in RELATION.finditer(line):
        if '#' not in line and 'for (' not in line[:match.start()]:
            found.append(('relation', line[:match.start()] + RELATIONS[match.group(1)] + line[match.end():]))
    for match in LOGIC.finditer(line):
        found.append(('logic', line[:match.start()] + {'&&': '||', '||': '&&'}[match.group(1)] + line[match.end():]))
    match = STATEMENT.match(line)
    if match and match.group(2).count('(') == match.group(2).count(')'):
        kind = 'call' if CALL.match(match.group(2)) else 'drop'
        if kind == 'call' or re.search(r'(?<![=!<>])=(?!=)|\+\+|--', match.group(2)):
            found.append((kind, match.group(1) + ';'))
    if line.startswith('\t'):
        for match in NUMBER.finditer(line):
            more = str(int(match.group(1)) + 1) + (match.group(2) or '')
            found.append(('constant', line[:match.start()] + more + line[match.end():]))
    return found


def file_mutants(path, text):
    """(path, line number, operator, line, changed line) for each mutant of a source."""
    code, _ = sources.split_code(text)
    raw = text.split('\n')
    found = []
    for number, (line, whole) in enumerate(zip(code, raw), 1):
        # Lines with a comment or a string are left alone: what is shown here is what is written back.
        if line != whole or 'assert(' in line.lower() or 'HMI_ASSERT' in line or 'fprintf' in line or 'rte_log' in line:
            continue
        previous = code[number - 2].rstrip() if number > 1 else ''
        for operator, changed in line_mutants(line):
            # Not the rest of a statement that began above.
            if operator in ('drop', 'call') and not (previous == '' or previous.endswith((';', '{', '}', ':'))
                                                     or re.match(r'^\t*(if|for|while|else)\b', previous)):
                continue
            found.append((path, number, operator, line, changed))
    return found


def copy_sources():
    """Bring the copy up to date; files that did not change keep their time, so that little is rebuilt."""
    wanted = subprocess.run(['git', '-C', TOP, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                            capture_output=True, check=True).stdout.decode().split('\0')
    for path in filter(None, wanted):
        source, copy = os.path.join(TOP, path), os.path.join(COPY, path)
        if not os.path.isfile(source):
            continue
        try:
            with open(source, 'rb') as a, open(copy, 'rb') as b:
                if a.read() == b.read():
                    continue
        except FileNotFoundError:
            os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)


def run(command, seconds, environment=NO_COVERAGE):
    """Exit status, or None: it ran too long, and was killed with all that it had started."""
    with open(os.path.join(HOME, 'log'), 'wb') as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                                   env=dict(os.environ, **environment))
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None


def log_text():
    with open(os.path.join(HOME, 'log'), encoding='utf-8', errors='replace') as log:
        return log.read()


def configure():
    if not os.path.exists(os.path.join(BUILD, 'build.ninja')):
        shutil.rmtree(BUILD, ignore_errors=True)
        # Without what only a debugger reads, and with the quick linker: a mutant links all its tests anew.
        if shutil.which('ld.gold'):
            os.environ.setdefault('CC_LD', 'gold')
        if run(['meson', 'setup', BUILD, COPY, '--buildtype=debug', '-Ddebug=false', '-Db_lto=false', '-Db_coverage=true',
                '-Dapps=false', '-Dbench=disabled', '-Dtests=enabled'], 600) != 0:
            sys.exit('mutate: cannot configure:\n' + log_text()[-2000:])


def tests_of(module):
    names = subprocess.run(['meson', 'test', '-C', BUILD, '--no-rebuild', '--list', '--suite', 'unit', '--suite',
                            'contract'], capture_output=True, text=True, check=True).stdout
    programs = [line.split(' / ')[-1].strip() for line in names.split('\n') if ' / ' in line]
    nobodys = of_no_module(programs)
    if nobodys:
        sys.exit(f'mutate: tests of no module: {" ".join(nobodys)}; name them in TESTS or OTHERS')
    return [name for name in programs if re.search(TESTS[module], name)]


def of_no_module(programs):
    """Tests that no mutant would be shown to, though nothing says so."""
    return [name for name in programs
            if not re.search(OTHERS, name) and not any(re.search(tests, name) for tests in TESTS.values())]


def likely(path, programs):
    """The tests that bear the name of a source, which notice most of its mutants."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return [name for name in programs if re.search(rf'_{stem}(_|$)', name)]


def build(programs):
    return run(['ninja', '-C', BUILD] + [f'tests/{name}' for name in programs], 900)


def lines_of(report, path):
    """The lines of a source that were run, those that could have been, and the functions, from what gcov says of an object."""
    run_lines, all_lines, functions = set(), set(), []
    for file in report.get('files', []):
        if not file['file'].endswith(path):
            continue
        functions += [(function['start_line'], function['end_line']) for function in file['functions']]
        for line in file['lines']:
            all_lines.add(line['line_number'])
            if line['count'] > 0:
                run_lines.add(line['line_number'])
    return run_lines, all_lines, functions


def coverage_of(path, programs):
    """(lines that each program runs, all lines, functions) of a source that has not been changed yet; None: gcov fails."""
    if not shutil.which('gcov'):
        return None
    module = path.split('/', 1)[0]
    stem = os.path.join(f'libhm_{module}.a.p', path.replace('/', '_'))
    notes = os.path.join(BUILD, stem + '.gcno')
    covered, all_lines, functions = {}, set(), []
    for name in programs:
        found = glob.glob(os.path.join(COVERAGE, name, '**', stem + '.gcda'), recursive=True)
        covered[name] = set()
        if not found:
            continue
        shutil.copyfile(notes, found[0][:-len('.gcda')] + '.gcno')
        done = subprocess.run(['gcov', '--json-format', '--stdout', found[0]], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None
        for report in filter(None, done.stdout.split('\n')):
            covered[name], lines, functions = lines_of(json.loads(report), path)
            all_lines |= lines
    return covered, all_lines, functions


def lines_around(number, all_lines, functions):
    """The lines that run when a line does: itself, or, if gcov does not count it, its neighbours in the function; outside of
    functions all lines."""
    around = [(first, last) for first, last in functions if first <= number <= last]
    if not around:
        return all_lines
    if number in all_lines:
        return {number}
    first, last = max(around)
    before = [line for line in all_lines if first <= line < number]
    behind = [line for line in all_lines if number < line <= last]
    return set(([max(before)] if before else []) + ([min(behind)] if behind else []))


def witnesses(path, number, programs, coverage, killed):
    """The programs that run through a line, those first that see most of its source. Of those in which processes are killed
    nobody knows; and of none without gcov."""
    if coverage is None:
        return programs
    covered, all_lines, functions = coverage
    wanted = lines_around(number, all_lines, functions)
    seeing = [name for name in programs if name in killed or covered[name] & wanted]
    return sorted(seeing, key=lambda name: (name not in likely(path, programs), -len(covered[name]), name))


def portions(path, programs):
    """The tests in the order in which a mutant of a source is shown to them. Each has to be linked before it runs, which
    is most of the work, and most mutants are noticed early."""
    first = likely(path, programs)
    rest = [name for name in programs if name not in first]
    return [first] * bool(first) + [rest[i:i + PORTION] for i in range(0, len(rest), PORTION)]


def run_tests(programs, seconds, *options, environment=NO_COVERAGE):
    """(test, what became of it) for each that did not pass; [('time', ...)] when they took too long."""
    done = run(['meson', 'test', '-C', BUILD, '--no-rebuild', *options] + programs, seconds, environment)
    if done is None:
        return [('time', 'TIMEOUT')]
    return failures(log_text()) or ([] if done == 0 else [('a test', 'ERROR')])


def failures(log):
    """Each test is told once, and again in the summary."""
    return list(dict.fromkeys(re.findall(r'/ (\S+)\s+(FAIL|ERROR|TIMEOUT)', log)))


def what_failed():
    """The cases that failed when the tests were last run, each with what it said."""
    logs = glob.glob(os.path.join(BUILD, 'meson-logs', 'testlog*.json'))
    count = os.path.join(TOP, 'tests', 'support', 'count.awk')
    newest = max(logs, key=os.path.getmtime, default=None)
    said = newest and subprocess.run(['awk', '-f', count, newest], capture_output=True, text=True, check=False).stdout
    return said or log_text()[-2000:]


def judge(programs, seconds):
    """The test that noticed, 'time' when one did not end, or None."""
    failed = run_tests(programs, seconds, '--maxfail', '1', '-t', '0.25')
    return failed[0][0] if failed else None


def try_mutant(mutant, baseline):
    """What came of it: 'invalid', 'survived', or who noticed."""
    path, number, _, _, changed = mutant
    copy = os.path.join(COPY, path)
    if path not in baseline['coverage']:
        baseline['coverage'][path] = coverage_of(path, baseline['programs'])
    seeing = witnesses(path, number, baseline['programs'], baseline['coverage'][path], baseline['killed'])
    with open(copy, encoding='utf-8') as file:
        text = file.read()
    lines = text.split('\n')
    lines[number - 1] = changed
    with open(copy, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines))
    try:
        # Even what no test runs through may be no change that compiles.
        if not seeing and build(baseline['programs'][:1]) != 0:
            return 'invalid'
        for programs in portions(path, seeing):
            if build(programs) != 0:
                return 'invalid'
            noticed = judge(programs, 30 + 2 * baseline['seconds'])
            if noticed:
                return noticed
        return 'survived'
    finally:
        with open(copy, 'w', encoding='utf-8') as file:
            file.write(text)


def baseline_of(module):
    """The tests have to pass without any change; how long they take says when a mutant hangs."""
    programs = tests_of(module)
    if build(programs) != 0:
        sys.exit('mutate: does not build:\n' + log_text()[-2000:])
    # What earlier builds have left does not fit.
    shutil.rmtree(COVERAGE, ignore_errors=True)
    apart = {'HMT_COVERAGE': COVERAGE}
    began = time.monotonic()
    failed = run_tests(programs, 900, '-t', '0.5', '--wrapper', APART, environment=apart)
    late = [name for name, how in failed if how == 'TIMEOUT' and name in programs]
    # A busy machine: once more, with all the time that there is.
    if late and len(late) == len(failed):
        failed = run_tests(late, 900, '--wrapper', APART, environment=apart)
    if failed:
        sys.exit(f'mutate: {failed[0][0]} fails without any change:\n{what_failed()}')
    return {'programs': programs, 'seconds': time.monotonic() - began, 'coverage': {},
            'killed': [name for name in programs if KILLED.search(source_of(name))]}


def source_of(program):
    for folder in ('unit', 'contract'):
        path = os.path.join(TOP, 'tests', folder, program + '.c')
        if os.path.exists(path):
            return sources.read(path)
    sys.exit(f'mutate: there is no source of {program}')


def choose(count, seed, glob):
    """Mutants by chance, each as likely as any other."""
    chance = random.Random(seed)
    by_file = {}
    for path in sources.all_files():
        if path.split('/')[0] in TESTS and path.endswith('.c') and fnmatch.fnmatch(path, glob):
            mutants = file_mutants(path, sources.read(path))
            if mutants:
                by_file[path] = mutants
    if not by_file:
        sys.exit(f'mutate: no source matches {glob}')
    chosen = []
    paths = sorted(by_file)
    while len(chosen) < count and any(by_file.values()):
        path = chance.choices(paths, weights=[len(by_file[path]) for path in paths])[0]
        chosen.append(by_file[path].pop(chance.randrange(len(by_file[path]))))
    return chosen


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=int, default=0,
                        help='begin no further mutant after so long, without what building first takes')
    parser.add_argument('--least', type=int, default=0,
                        help='mutants that must be judged, for which it may take five times as long')
    parser.add_argument('--floor', type=int, default=60, help='percent that must be noticed')
    parser.add_argument('--files', default='*', help='sources to change: a pattern, or the start of a path')
    parser.add_argument('count', type=int)
    parser.add_argument('seed', type=int)
    return parser.parse_args()


def out_of_time(args, spent, judged):
    return args.seconds > 0 and spent > args.seconds * (1 if judged >= args.least else SLOWER)


def main():
    args = parse()
    os.chdir(TOP)
    os.makedirs(HOME, exist_ok=True)
    mutants = choose(args.count, args.seed, args.files if '*' in args.files else args.files + '*')
    copy_sources()
    configure()
    spent, noticed, survivors, invalid, baselines = 0, 0, [], 0, {}
    for n, mutant in enumerate(mutants, 1):
        if out_of_time(args, spent, noticed + len(survivors)):
            print(f'out of time after {n - 1} of {len(mutants)}')
            break
        path, number, operator, line, changed = mutant
        module = path.split('/')[0]
        if module not in baselines:
            baselines[module] = baseline_of(module)
            print(f'{module}: {len(baselines[module]["programs"])} programs, {baselines[module]["seconds"]:.0f} s')
        began = time.monotonic()
        result = try_mutant(mutant, baselines[module])
        spent += time.monotonic() - began
        print(f'{n}/{len(mutants)} {path}:{number}: {operator}: {line.strip()} -> {changed.strip()}: {result}', flush=True)
        if result == 'invalid':
            invalid += 1
        elif result == 'survived':
            survivors.append(mutant)
        else:
            noticed += 1
    judged = noticed + len(survivors)
    print('\nsurvivors:' if survivors else '\nno survivors')
    for path, number, operator, line, changed in sorted(survivors):
        print(f'{path}:{number}: {operator}: {line.strip()} -> {changed.strip()}')
    rate = 100 * noticed // judged if judged else 0
    print(f'seed {args.seed}: {judged} mutants judged, {invalid} did not compile; {noticed} noticed: {rate} %')
    if judged < args.least:
        print(f'mutate: fewer than {args.least} were judged')
        return 1
    if judged >= JUDGED_MIN and rate < args.floor:
        print(f'mutate: below the floor of {args.floor} %')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
