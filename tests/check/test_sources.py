#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the rules in sources.py: each is shown a text that breaks it, and one that does not."""
import unittest

import sources

COMPLETE = '''
/**
 * Do it.
 *
 * @param a  a number
 * @return 0, or -EINVAL
 *
 * Context: any thread; does not block.
 */
__attribute__((warn_unused_result))
int hm_thing_do(struct hm_ctx *ctx, int a);
'''


class Headers(unittest.TestCase):
    def lacks(self, text):
        return [(name, lacks) for _, name, lacks in sources.header_lacks(text)]

    def test_complete(self):
        self.assertEqual(self.lacks(COMPLETE), [])

    def test_each_part_is_missed(self):
        for part, told in (('@return', '@return'), ('Context:', 'Context:'),
                           ('__attribute__((warn_unused_result))\n', '__attribute__((warn_unused_result))')):
            self.assertEqual(self.lacks(COMPLETE.replace(part, '')), [('hm_thing_do', [told])])

    def test_no_comment(self):
        self.assertEqual(self.lacks('\nvoid hm_thing_do(void);\n'), [('hm_thing_do', ['a comment', 'Context:'])])

    def test_comment_of_another_function(self):
        self.assertEqual(self.lacks(COMPLETE + 'void hm_thing_undo(void);\n'),
                         [('hm_thing_undo', ['a comment', 'Context:'])])

    def test_void_returns_nothing(self):
        self.assertEqual(self.lacks('/** Do. Context: any. */\nvoid hm_thing_do(void);\n'), [])

    def test_pointer_is_no_void(self):
        self.assertEqual(self.lacks('/** Do. Context: any. */\nvoid *hm_thing_do(void);\n'),
                         [('hm_thing_do', ['@return', 'Ownership:'])])

    def test_inline_over_two_lines(self):
        text = '/** Is it. */\nstatic inline bool\nhm_thing_is(struct hm_thing a)\n{\n\treturn true;\n}\n'
        self.assertEqual(self.lacks(text), [('hm_thing_is', ['@return', 'Context:'])])

    def test_line_is_that_of_the_name(self):
        self.assertEqual(sources.header_lacks('\n\nstatic inline bool\nhm_a(void)\n{\n}\n')[0][0], 4)

    def test_types_and_macros_are_no_functions(self):
        self.assertEqual(self.lacks('typedef void (*hm_do_fn)(int a);\n#define hm_x(a) (a)\nstruct hm_y {\n'
                                    '\tint a;\n};\n'), [])

    def test_seven_parameters(self):
        text = COMPLETE.replace('int a', 'int a, int b, int c, int d, int e, void (*f)(int, int)')
        self.assertEqual(self.lacks(text),
                         [('hm_thing_do', ['a structure for its 7 parameters (at most 6)'])])

    def test_six_parameters(self):
        self.assertEqual(self.lacks(COMPLETE.replace('int a', 'int a, int b, int c, int d, int (*f)(int, int)')), [])

    def owned(self, declaration, comment=''):
        text = f'/** Do. @return it {comment} Context: any. */\n{declaration};\n'
        return [lack for _, lacks in self.lacks(text) for lack in lacks] != ['Ownership:']

    def test_memory_that_is_passed(self):
        for declaration in ('const char *hm_thing_name(int a)', 'void hm_thing_add(struct hm_ctx *ctx, const void *body)',
                            'void hm_thing_add(int a, struct hm_msg *msg)', 'void hm_thing_fill(char text[8], int *b)'):
            self.assertFalse(self.owned(declaration), declaration)
            self.assertTrue(self.owned(declaration, 'Ownership: copied.'), declaration)

    def test_memory_that_is_not_passed(self):
        for declaration in ('void hm_thing_do(struct hm_ctx *ctx, int a)', 'void hm_thing_do(const struct hm_system *sys)',
                            'void hm_thing_ask(hm_reply_fn *on_reply)', 'size_t hm_msg_length(const struct hm_msg *msg)'):
            self.assertTrue(self.owned(declaration), declaration)
        self.assertTrue(self.owned('void hm_thing_find(int a, struct hm_pid *pid)', '@param[out] pid  it'))


class Folders(unittest.TestCase):
    def setUp(self):
        sources.problems.clear()

    def problems(self):
        return [line.split(';')[0] for line in sources.problems]

    def order(self, path, included):
        homes = {'cell_pvt.h': ('engine', 'process'), 'actor_pvt.h': ('engine', 'actor'), 'hm_actor.h': None}
        sources.check_order(path, [f'#include "{included}"'], homes)
        return self.problems()

    def test_include_of_a_folder_before(self):
        self.assertEqual(self.order('engine/actor/run.c', 'cell_pvt.h'), [])

    def test_include_of_a_folder_after(self):
        self.assertIn('process/ includes actor_pvt.h', self.order('engine/process/cell.c', 'actor_pvt.h')[0])

    def test_include_of_a_public_header(self):
        self.assertEqual(self.order('engine/process/cell.c', 'hm_actor.h'), [])

    def test_folder_that_has_no_place(self):
        sources.check_folders(['engine/actor/run.c', 'engine/parts/run.c'])
        self.assertEqual(len(sources.problems), 1)
        self.assertIn('folder parts', sources.problems[0])

    def test_two_headers_of_one_name(self):
        sources.check_folders(['engine/actor/run_pvt.h', 'net/peer/run_pvt.h'])
        self.assertEqual(len(sources.problems), 1)

    def calls(self, path, line):
        text = {'engine/process/cell.c': 'int\nhmi_cell_get(int a)\n{\n\treturn a;\n}\n',
                'engine/actor/run.c': 'void\nhmi_run(int a,\n\tint b)\n{\n}\n#define hmi_run_all(x) (x)\n'
                                      'void\nhm_system(void)\n{\n}\n',
                'net/peer/tick.c': 'void\nhmi_tick(void)\n{\n}\n'}
        defined = sources.definitions((name, code.split('\n')) for name, code in text.items())
        self.assertEqual(len(defined), 5)
        sources.check_calls(path, [line], defined)
        return len(sources.problems)

    def test_call_of_a_folder_before(self):
        self.assertEqual(self.calls('engine/actor/run.c', '\thmi_cell_get(hmi_run(1, 2));'), 0)

    def test_call_of_a_folder_after(self):
        self.assertEqual(self.calls('engine/process/cell.c', '\treturn hmi_run(1, 2);'), 1)

    def test_macro_of_a_folder_after(self):
        self.assertEqual(self.calls('engine/process/cell_pvt.h', '#define hmi_x() hmi_run_all(1)'), 1)

    def test_function_of_a_folder_after_without_a_call(self):
        self.assertEqual(self.calls('engine/process/cell.c', '\t.run = hmi_run,'), 1)

    def test_call_of_an_upper_module(self):
        self.assertEqual(self.calls('engine/system/system.c', '\thmi_tick();'), 1)

    def test_no_call(self):
        for line in ('void hmi_run(int a, int b);', '\tstruct hm_system *sys;', '\tops->hmi_run(1, 2);', '\tx.hmi_run = 1;'):
            self.assertEqual(self.calls('engine/process/cell.c', line), 0, line)

    def test_public_headers_call_all_of_their_module(self):
        self.assertEqual(self.calls('engine/hm_thing.h', '\treturn hmi_run(1, 2);'), 0)
        self.assertEqual(self.calls('engine/thing_pvt.h', '\treturn hmi_run(1, 2);'), 1)
        self.assertEqual(self.calls('engine/process/hm_thing.h', '\treturn hmi_run(1, 2);'), 2)
        self.assertEqual(self.calls('engine/hm_thing.h', '\thmi_tick();'), 3)

    def test_call_by_a_program(self):
        self.assertEqual(self.calls('tests/unit/test_x.c', '\thmi_run(1, 2);'), 0)


class Code(unittest.TestCase):
    def setUp(self):
        sources.problems.clear()

    def test_comments_and_strings_are_no_code(self):
        code, comments = sources.split_code('int a; /* malloc(\nfree( */ char *s = "calloc(";')
        self.assertNotIn('alloc', ''.join(code))
        self.assertNotIn('free', ''.join(code))
        self.assertIn('malloc(', comments[0])

    def labels(self, comment, model):
        code, comments = sources.split_code(comment + '\natomic_store_explicit(&a, 1, memory_order_release);\n')
        sources.check_labels('mailbox/x.c', code, comments, model)
        return [line.split(';')[0] for line in sources.problems]

    def test_label(self):
        self.assertEqual(self.labels('/* L1, release: pairs */', 'L1'), [])

    def test_no_label(self):
        self.assertEqual(len(self.labels('', 'L1')), 1)

    def test_label_that_is_not_documented(self):
        self.assertIn('L9', self.labels('/* L9, release: pairs */', 'L1')[0])

    def includes(self, path, line):
        owner = {'hm_msg.h': 'mailbox', 'lane_pvt.h': 'mailbox', 'cell_pvt.h': 'engine'}
        sources.check_includes(path, [line], owner)
        return len(sources.problems)

    def test_include_of_a_lower_module(self):
        self.assertEqual(self.includes('engine/run.c', '#include "lane_pvt.h"'), 0)

    def test_include_of_an_upper_module(self):
        self.assertEqual(self.includes('mailbox/lane.c', '#include "cell_pvt.h"'), 1)

    def test_program_includes_private_header(self):
        self.assertEqual(self.includes('apps/hello/main.c', '#include "lane_pvt.h"'), 1)

    def test_forbidden_word(self):
        rules = [rule for rule in sources.read_rules() if rule['token'].search('strcpy(a, b)')]
        self.assertTrue(rules)
        for text, count in (('strcpy(a, b);', 1), ('/* allowed: shown to a test */ strcpy(a, b);', 0)):
            sources.problems.clear()
            code, comments = sources.split_code(text)
            sources.check_tokens('net/x.c', code, code, comments, rules)
            self.assertEqual(len(sources.problems), count)


if __name__ == '__main__':
    unittest.main()
