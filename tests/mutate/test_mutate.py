#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of mutate.py: which tests a mutant is shown to, and what their output says."""
import argparse
import os
import re
import unittest

import mutate


class Tests(unittest.TestCase):
    def test_each_program_belongs_to_a_module(self):
        with open(os.path.join(mutate.TOP, 'tests', 'meson.build'), encoding='utf-8') as file:
            programs = re.findall(r"^\t'(test_\w+)',$", file.read(), re.MULTILINE)
        self.assertGreater(len(programs), 80)
        self.assertEqual(mutate.of_no_module(programs), [])

    def test_program_of_no_module(self):
        self.assertEqual(mutate.of_no_module(['test_tsc', 'test_other']), ['test_other'])

    def test_sources_of_a_module_are_judged_by_their_own_tests(self):
        for path, program in (('sched/tsc.c', 'test_tsc'), ('sched/wake.c', 'test_wake'),
                              ('sched/deadline.c', 'test_deadline'), ('sched/worker.c', 'test_engine_turn'),
                              ('mailbox/lane.c', 'test_lane'), ('engine/system/version.c', 'test_version')):
            self.assertRegex(program, mutate.TESTS[path.split('/')[0]])

    def test_tests_of_the_name_come_first(self):
        programs = ['test_net_frame', 'test_net_frame_edges', 'test_net_framed', 'test_net_wire']
        self.assertEqual(mutate.likely('net/wire/frame.c', programs), ['test_net_frame', 'test_net_frame_edges'])

    def test_each_program_is_shown_once(self):
        programs = ['test_net_wire'] + [f'test_net_{n}' for n in range(20)]
        portions = mutate.portions('net/wire/wire.c', programs)
        self.assertEqual(portions[0], ['test_net_wire'])
        self.assertEqual(sorted(sum(portions, [])), sorted(programs))
        self.assertLessEqual(max(map(len, portions)), mutate.PORTION)
        self.assertEqual(sum(mutate.portions('net/wire/other.c', programs), []), programs)

    def test_lines_that_gcov_saw(self):
        report = {'files': [{'file': '../src/engine/route/dead.c', 'functions': [{'start_line': 5, 'end_line': 9}],
                             'lines': [{'line_number': 6, 'count': 2}, {'line_number': 8, 'count': 0}]},
                            {'file': '../src/engine/route/dead_pvt.h', 'functions': [{'start_line': 1, 'end_line': 2}],
                             'lines': [{'line_number': 1, 'count': 1}]}]}
        self.assertEqual(mutate.lines_of(report, 'engine/route/dead.c'), ({6}, {6, 8}, [(5, 9)]))

    def test_line_that_gcov_does_not_count_runs_with_its_neighbours(self):
        lines, functions = {6, 8, 12}, [(5, 9), (11, 13)]
        for number, around in ((6, {6}), (7, {6, 8}), (9, {8}), (13, {12}), (2, lines)):
            self.assertEqual(mutate.lines_around(number, lines, functions), around, number)

    def test_only_tests_that_run_through_a_line_see_its_mutants(self):
        programs = ['test_engine_dead_letter', 'test_engine_send', 'test_engine_stop', 'test_engine_misuse',
                    'test_engine_dead']
        covered = {'test_engine_dead_letter': {6, 8}, 'test_engine_send': {6}, 'test_engine_stop': {6, 7, 8},
                   'test_engine_misuse': set(), 'test_engine_dead': {6}}
        coverage = (covered, {6, 7, 8}, [(5, 9)])
        seeing = [mutate.witnesses('engine/route/dead.c', number, programs, coverage, ['test_engine_misuse'])
                  for number in (6, 8, 7)]
        self.assertEqual(seeing[0], ['test_engine_dead_letter', 'test_engine_dead', 'test_engine_stop', 'test_engine_send',
                                     'test_engine_misuse'])
        self.assertEqual(seeing[1], ['test_engine_dead_letter', 'test_engine_stop', 'test_engine_misuse'])
        self.assertEqual(seeing[2], ['test_engine_stop', 'test_engine_misuse'])
        self.assertEqual(mutate.witnesses('engine/route/dead.c', 6, programs, None, []), programs)

    def test_tests_that_kill_processes_are_known(self):
        for program, is_killing in (('test_engine_misuse', True), ('test_engine_fault', True), ('test_engine_stop', True),
                                    ('test_engine_send', False), ('test_carrier_lane', False)):
            self.assertEqual(bool(mutate.KILLED.search(mutate.source_of(program))), is_killing, program)

    def test_time_is_longer_until_enough_are_judged(self):
        args = argparse.Namespace(seconds=10, least=8)
        for spent, judged, over in ((10, 20, False), (11, 8, True), (11, 7, False), (50, 7, False), (51, 7, True)):
            self.assertEqual(mutate.out_of_time(args, spent, judged), over, (spent, judged))
        self.assertFalse(mutate.out_of_time(argparse.Namespace(seconds=0, least=8), 1000, 0))

    def test_failures(self):
        log = ('1/3 hermod:unit / test_a   OK   0.1s\n2/3 hermod:unit / test_b   TIMEOUT   60.0s killed\n'
               '3/3 hermod:unit / test_c   FAIL   0.2s exit status 1\n\nSummary of Failures:\n\n'
               '2/3 hermod:unit / test_b   TIMEOUT   60.0s killed\n')
        self.assertEqual(mutate.failures(log), [('test_b', 'TIMEOUT'), ('test_c', 'FAIL')])


if __name__ == '__main__':
    unittest.main()
