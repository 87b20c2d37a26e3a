# SPDX-License-Identifier: Apache-2.0
"""The second implementation and a real node, over a veth pair in a network namespace.

second_node.py BUILD [CASE...]: BUILD has tests/net_veth and apps/pingpong/pingpong.
"""

import os
import sys
import time
import traceback

import cases_drop
import cases_refuse
import cases_talk


def main():
    build, *wanted = sys.argv[1:]
    programs = {'net_veth': os.path.join(build, 'tests/net_veth'),
                'pingpong': os.path.join(build, 'apps/pingpong/pingpong')}
    cases = {name: case for part in (cases_talk, cases_refuse, cases_drop)
             for name, case in vars(part).items() if name.startswith('case_')}
    failed = 0
    for name, case in cases.items():
        if wanted and name[5:] not in wanted:
            continue
        start = time.monotonic()
        try:
            said = case(programs) or ''
            print('ok      %-28s %4.1f s  %s' % (name[5:], time.monotonic() - start, said), flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
            print('FAILED  %-28s' % name[5:], flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
