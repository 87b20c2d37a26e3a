#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of tidy.py: what of clang-tidy's output is a finding."""
import os
import unittest

import tidy

HERE = os.path.join(os.getcwd(), 'net', 'wire', 'frame.c')


class Findings(unittest.TestCase):
    def test_finding_in_the_tree(self):
        self.assertEqual(tidy.findings(f'{HERE}:7:2: error: bad [bugprone-x,-warnings-as-errors]\n'),
                         'net/wire/frame.c:7: bad [bugprone-x,-warnings-as-errors]\n')

    def test_path_to_a_finding(self):
        self.assertEqual(tidy.findings(f'{HERE}:7:2: note: taken\n   code\n'), '')

    def test_finding_in_a_system_header(self):
        self.assertEqual(tidy.findings('/usr/include/x.h:7:2: error: bad [bugprone-x,-warnings-as-errors]\n'), '')

    def test_system_header_that_cannot_be_parsed(self):
        for line in ("/usr/include/x.h:7:2: error: 'y.h' file not found [clang-diagnostic-error]",
                     '/usr/include/x.h:7:2: fatal error: too many errors [clang-diagnostic-error]',
                     "error: unknown argument: '-x' [clang-diagnostic-error]"):
            self.assertIn('[clang-diagnostic-error]', tidy.findings(line + '\n'), line)


if __name__ == '__main__':
    unittest.main()
