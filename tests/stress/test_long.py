#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of long.py, with programs that pass, fail, hang, or cannot run here."""
import contextlib
import io
import os
import tempfile
import unittest

import long


def quietly(function, *arguments):
    """What it returns, and what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        result = function(*arguments)
    return result, out.getvalue()


class Tests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.logs, long.LOGS = long.LOGS, self.folder.name

    def tearDown(self):
        long.LOGS = self.logs
        self.folder.cleanup()

    def cell_of(self, script, share=1.5, limit=20.0):
        cell = long.Cell('stress_it', 'asan', 7)
        long.run_cell(cell, ['sh', '-c', script], share, limit)
        return cell

    def test_each_program_in_each_build_under_each_seed(self):
        cells = long.plan(['a', 'b'], ['asan', 'tsan'], [1, 2, 3])
        self.assertEqual(len({(cell.program, cell.build, cell.seed) for cell in cells}), 12)
        self.assertEqual({cell.seed for cell in cells[:4]}, {1})

    def test_programs_are_those_of_the_folder(self):
        self.assertIn('stress_lane', long.stress_programs(''))
        self.assertEqual(long.stress_programs('^stress_(move|lane)$'), ['stress_lane', 'stress_move'])
        self.assertEqual(long.stress_programs('nothing'), [])

    def test_each_round_has_a_seed_of_its_own_and_its_seconds(self):
        seen = os.path.join(self.folder.name, 'seen')
        cell = self.cell_of(f'echo $HMT_SEED $HMT_SECONDS >>{seen}; sleep 0.2')
        self.assertEqual(cell.result, 'passed')
        with open(seen, encoding='utf-8') as file:
            lines = file.read().split('\n')[:-1]
        self.assertEqual(len(lines), cell.rounds)
        self.assertGreater(cell.rounds, 1)
        self.assertEqual([line.split()[0] for line in lines], [str(7 + n) for n in range(cell.rounds)])
        self.assertTrue(all(1 <= float(line.split()[1]) <= 1.5 for line in lines))
        self.assertEqual(os.listdir(self.folder.name), ['seen'])

    def test_a_program_longer_than_its_part_has_one_round(self):
        cell = self.cell_of('sleep 0.5', share=0.1)
        self.assertEqual((cell.rounds, cell.result), (1, 'passed'))

    def test_failure_says_how_to_repeat_it(self):
        cell = self.cell_of('[ "$HMT_SEED" != 8 ] || { echo lost; exit 3; }', share=1.2)
        self.assertEqual((cell.rounds, cell.result), (2, 'exit status 3'))
        self.assertIn('HMT_SEED=8 ', cell.replay[0])
        _, text = quietly(long.tell_failure, cell)
        self.assertIn('lost', text)
        status, text = quietly(long.conclude, [cell, self.cell_of('exit 0')], 3)
        self.assertEqual(status, 1)
        self.assertIn('failed: stress_it (asan, seed 7): exit status 3\n  again: HMT_SEED=8 ', text)

    def test_signal(self):
        self.assertEqual(self.cell_of('kill -SEGV $$').result, 'killed by SIGSEGV')

    def test_program_that_hangs_is_killed_with_its_stacks(self):
        cell = self.cell_of('echo begins; exec sleep 60', limit=0.5)
        self.assertRegex(cell.result, r'^did not end in [12]\.?\d* s$')
        with open(cell.replay[1], encoding='utf-8') as file:
            text = file.read()
        self.assertIn('begins', text)
        self.assertRegex(text, r'Thread 1|no gdb|ptrace')

    def test_skipped_is_no_failure_but_not_all_may_be(self):
        skipped, passed = self.cell_of('exit 77'), self.cell_of('exit 0')
        self.assertEqual((skipped.rounds, skipped.result), (1, 'skipped'))
        self.assertEqual(quietly(long.conclude, [skipped, passed], 1)[0], 0)
        self.assertEqual(quietly(long.conclude, [skipped], 1)[0], 1)

    def test_options(self):
        args = long.parse([])
        self.assertEqual((args.minutes, len(set(args.seeds)), args.builds), (30, 3, ['release', 'asan', 'tsan']))
        self.assertEqual(long.parse(['--seeds', '1,0x10']).seeds, [1, 16])
        for wrong in (['--seeds', 'x'], ['--minutes', '0'], ['--minutes', 'nan'], ['--builds', 'fast'], ['--programs', 'nothing'],
                      ['--programs', '('], ['--limit', '-1']):
            with self.assertRaises(SystemExit):
                quietly(long.parse, wrong)


if __name__ == '__main__':
    unittest.main()
