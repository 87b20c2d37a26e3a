#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the stress programs for long, one at a time, under several seeds and in several builds.

usage: long.py [--minutes M] [--seeds A,B,C] [--builds release,asan,tsan] [--programs REGEX] [--limit S]

The time is divided evenly among all programs, builds and seeds. A program has as many rounds as fit into its part, one
at least; each is a process of its own, whose chances begin with the seed plus the number of the round (HMT_SEED), and which
takes some seconds (HMT_SECONDS). One that does not end by its limit is killed, after gdb, where it is, has written down what
all its threads do. Whatever fails, the others still run. In the end each program's rounds, seconds, seed and result are
printed, and how to repeat what failed; what it printed is kept in build/long. The exit status is 0 if all that ran passed.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOGS = os.path.join(TOP, 'build', 'long')
BUILDS = ('release', 'asan', 'tsan')
SEEDS = 3
# Of a round: short enough that systems start and stop often, long enough that they get busy.
ROUND_SECONDS = 5.0
# What is left of a part, and too little for another round.
LEFT_SECONDS = 1.0
SKIPPED = 77
TAIL = 40
GDB_SECONDS = 120


class Cell:
    """A program of a build under a seed, and what came of it."""

    def __init__(self, program, build, seed):
        self.program, self.build, self.seed = program, build, seed
        self.rounds, self.seconds, self.result, self.replay = 0, 0.0, 'did not run', None

    def __str__(self):
        return (f'{self.program:<22} {self.build:<8} seed {self.seed:<10} {self.rounds:4} rounds {self.seconds:6.1f} s  '
                f'{self.result}')


def stress_programs(pattern):
    names = [name[:-2] for name in os.listdir(os.path.join(TOP, 'tests', 'stress')) if re.fullmatch(r'stress_\w+\.c', name)]
    return sorted(name for name in names if re.search(pattern, name))


def plan(programs, builds, seeds):
    """In an order in which a run that is broken off has seen all programs in all builds under some seeds."""
    return [Cell(program, build, seed) for seed in seeds for build in builds for program in programs]


def stacks(pid):
    """What all threads of a process do, as gdb sees it."""
    if not shutil.which('gdb'):
        return 'no gdb here, which would say what its threads do\n'
    try:
        done = subprocess.run(['gdb', '-p', str(pid), '-batch', '-nx', '-ex', 'set pagination off', '-ex',
                               'thread apply all backtrace'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=GDB_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f'gdb did not end in {GDB_SECONDS} s\n'
    return done.stdout.decode(errors='replace')


def run_once(command, seed, seconds, limit, log):
    """What came of one round: 'passed', 'skipped', or what went wrong. The log holds what it printed."""
    environment = dict(os.environ, HMT_SEED=str(seed), HMT_SECONDS=f'{seconds:g}')
    with open(log, 'wb') as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment,
                                   start_new_session=True)
        try:
            status = process.wait(seconds + limit)
        except subprocess.TimeoutExpired:
            what = stacks(process.pid)
            out.write(f'\n==== it did not end in {seconds + limit:g} s; its threads:\n{what}'.encode())
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f'did not end in {seconds + limit:g} s'
    if status < 0:
        return f'killed by {signal.Signals(-status).name}'
    return {0: 'passed', SKIPPED: 'skipped'}.get(status, f'exit status {status}')


def replay_of(command, seed, seconds):
    options = [f"{name}='{os.environ[name]}'" for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'HMT_EAL')
               if name in os.environ]
    return ' '.join([f'HMT_SEED={seed}', f'HMT_SECONDS={seconds:g}'] + options + command)


def run_cell(cell, command, share, limit):
    """Rounds until its part of the time is over, or one fails."""
    began = time.monotonic()
    while True:
        left = share - (time.monotonic() - began)
        if cell.rounds > 0 and left < LEFT_SECONDS:
            break
        seed, seconds = cell.seed + cell.rounds, round(max(min(ROUND_SECONDS, left), LEFT_SECONDS), 1)
        log = os.path.join(LOGS, f'{cell.program}-{cell.build}-{seed}.log')
        cell.result = run_once(command, seed, seconds, limit, log)
        cell.rounds += 1
        cell.seconds = time.monotonic() - began
        if cell.result in ('passed', 'skipped'):
            os.remove(log)
        if cell.result != 'passed':
            cell.replay = (replay_of(command, seed, seconds), log)
            break


def tell_failure(cell):
    replay, log = cell.replay
    with open(log, encoding='utf-8', errors='replace') as file:
        lines = file.read().split('\n')
    print('\n'.join('    ' + line for line in lines[-TAIL:]))
    print(f'    all of it: {log}\n    again: {replay}', flush=True)


def conclude(cells, seconds):
    """The table, and the exit status."""
    print(f'\n==== {len(cells)} parts, {seconds:.0f} s')
    for cell in cells:
        print(cell)
    failed = [cell for cell in cells if cell.result not in ('passed', 'skipped')]
    for cell in failed:
        print(f'failed: {cell.program} ({cell.build}, seed {cell.seed}): {cell.result}\n  again: {cell.replay[0]}')
    if all(cell.result == 'skipped' for cell in cells):
        print('no program could run here')
        return 1
    passed = sum(cell.result == 'passed' for cell in cells)
    rounds = sum(cell.rounds for cell in cells)
    print(f'{passed} parts passed, {len(failed)} failed, {len(cells) - passed - len(failed)} skipped; {rounds} rounds')
    return 1 if failed else 0


def numbers(text):
    try:
        return [int(word, 0) for word in text.split(',')]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of numbers") from error


def kinds(text):
    wrong = [word for word in text.split(',') if word not in BUILDS]
    if wrong:
        raise argparse.ArgumentTypeError(f"no such build: {' '.join(wrong)}; there are {' '.join(BUILDS)}")
    return text.split(',')


def positive(text):
    try:
        number = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no number") from error
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"'{text}' is too small or too large")
    return number


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=positive, default=30.0, help='of all programs, builds and seeds (30)')
    parser.add_argument('--seeds', type=numbers, help='separated by commas (three by chance)')
    parser.add_argument('--builds', type=kinds, default=list(BUILDS), help='separated by commas (release,asan,tsan)')
    parser.add_argument('--programs', default='', help='those whose name matches (all)')
    parser.add_argument('--limit', type=positive, default=200.0, help='seconds that a round may take beyond its own (200)')
    parser.add_argument('--list-builds', action='store_true', help='print what has to be built, and end')
    args = parser.parse_args(arguments)
    try:
        args.names = stress_programs(args.programs)
    except re.error:
        parser.error(f"'{args.programs}' is no regular expression")
    if not args.names:
        parser.error(f"no stress program matches '{args.programs}'")
    if args.seeds is None:
        args.seeds = [int.from_bytes(os.urandom(4), 'little') for _ in range(SEEDS)]
    return args


def main(arguments):
    args = parse(arguments)
    if args.list_builds:
        print(' '.join(args.builds))
        return 0
    os.makedirs(LOGS, exist_ok=True)
    cells = plan(args.names, args.builds, args.seeds)
    share = args.minutes * 60 / len(cells)
    print(f"seeds {' '.join(map(str, args.seeds))} (again: --seeds {','.join(map(str, args.seeds))}); {len(args.names)} programs, "
          f"{' '.join(args.builds)}, {args.minutes:g} minutes: {share:.1f} s each", flush=True)
    began = time.monotonic()
    for cell in cells:
        run_cell(cell, [os.path.join('build', cell.build, 'tests', cell.program)], share, args.limit)
        print(cell, flush=True)
        if cell.replay and cell.result != 'skipped':
            tell_failure(cell)
    return conclude(cells, time.monotonic() - began)


if __name__ == '__main__':
    os.chdir(TOP)
    sys.exit(main(sys.argv[1:]))
