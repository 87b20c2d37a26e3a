#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that can be read off the source text.

usage: sources.py                  all rules; exit status 1 if one is broken
       sources.py --list GLOB...   the files that the rules are about, one a line
       sources.py --headers        what public headers do not say yet, one function a line

Rules: forbidden tokens (tokens.txt), direction of includes, what programs may include, labels of
release and acquire, order of folders inside a module by includes and by calls, file length, sources and
headers named in meson.build, programs in the README, leftovers, what public headers say of each function.
"""
import fnmatch
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ['mailbox', 'sched', 'engine', 'net']
# Folders inside a module: each uses only those before it. Public headers lie above all of them.
ORDER = {
    'engine': ['process', 'message', 'route', 'deploy', 'actor', 'balance', 'cron', 'ask', 'select', 'router', 'event', 'provider', 'stream', 'pattern', 'system', 'observe', 'testkit'],
    'net': ['wire', 'session', 'neighbour', 'port', 'peer', 'provider'],
}
LINES_WARN, LINES_FAIL = 600, 1000
ALLOWED = re.compile(r'allowed: \S.{7,}')
ORDERED = re.compile(r'\b(memory_order_(acquire|release|acq_rel|seq_cst)|'
                     r'__ATOMIC_(ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)|\w*atomic_thread_fence|cmm_smp_\w*mb)\b')
LABEL = re.compile(r'\b[A-Z]{1,3}[0-9]{1,2}\b')
TEXT = ('.c', '.h', '.py', '.sh', '.awk', '.md', '.proto', '.build', '.txt', '.html', '.css', '.js')
# A function's declaration in a public header, with what stands directly above it.
DECLARATION = re.compile(r'(?P<doc>/\*\*(?:(?!\*/).)*?\*/\n)?'
                         r'(?P<attributes>(?:__attribute__\(\([^\n]*\)\)\n)*)'
                         r'(?P<type>^(?!typedef\b|#|return\b)[a-z]\w*(?:[ \n*]+\w+)*?[ \n*]+)'
                         r'(?P<name>hm_\w+)\((?P<arguments>[^;{}]*?)\)\s*[;{]', re.DOTALL | re.MULTILINE)
# The definition of a function that other files can name: its name stands at the start of a line.
DEFINITION = re.compile(r'^(hmi?_\w+)\([^;{}]*?\)\n\{|^#\s*define\s+(hmi?_\w+)\(', re.MULTILINE)
# Within a function, or a macro; a structure may have the name of a function.
USE = re.compile(r'(?<!struct )(?<!enum )(?<![\w.>])(hmi?_\w+)\b')
PARAMETERS_MAX = 6
# Public calls that may have more, each parameter of which every caller gives; docs/style.md names them.
PARAMETERS_MORE = {'hm_ask': 7, 'hm_select_ask': 7, 'hm_send_after': 7, 'hm_retry_ask': 7}
LEFTOVER = ('.orig', '.rej', '.bak', '.swp', '.o', '.a', '.so', '.gch', '.pyc', '~')

problems = []
warnings = []


def problem(path, line, what, instead):
    problems.append(f'{path}:{line}: {what}; instead: {instead}')


def all_files():
    found = []
    for folder, folders, names in os.walk('.'):
        folders[:] = sorted(f for f in folders if f not in ('build', '.git', '.cache', '__pycache__'))
        found += [os.path.relpath(os.path.join(folder, name), '.') for name in sorted(names)]
    return [path for path in found if not os.path.islink(path)]


def matches(path, globs):
    return any(fnmatch.fnmatch(path, glob) or ('/' not in glob and fnmatch.fnmatch(os.path.basename(path), glob))
               for glob in globs)


def read(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read()


def split_code(text):
    """The text twice, line for line: code without comments and strings' insides; comments alone."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(part):
        return re.sub(r'[^\n]', ' ', part)

    def code(match):
        part = match.group(0)
        if part.startswith('/*'):
            return blank(part)
        return '//' if part.startswith('//') else part[0] + blank(part[1:-1]) + part[-1]

    comments, last = [], 0
    for match in pattern.finditer(text):
        comments.append(blank(text[last:match.start()]))
        part = match.group(0)
        comments.append(part if part.startswith('/') else blank(part))
        last = match.end()
    comments.append(blank(text[last:]))
    return pattern.sub(code, text).split('\n'), ''.join(comments).split('\n')


def read_rules():
    lists, rules, rule = {}, [], {}
    for number, line in enumerate(read(os.path.join(HERE, 'tokens.txt')).split('\n') + [''], 1):
        if line.startswith('#'):
            continue
        word, _, rest = line.partition(' ')
        rest = rest.strip()
        if word == 'list':
            name, *globs = rest.split()
            lists[name] = globs
        elif word:
            if word not in ('token', 'in', 'except', 'scope', 'reason', 'instead'):
                sys.exit(f'tests/check/tokens.txt:{number}: unknown word {word}')
            rule[word] = rest
        elif rule:
            rules.append(rule)
            rule = {}
    for glob in lists.get('@hot', []):
        if not os.path.exists(glob):
            problem('tests/check/tokens.txt', 1, f'@hot names {glob}, which does not exist', 'its new name')

    def expand(globs):
        return [glob for name in globs.split() for glob in lists.get(name, [name])]

    for rule in rules:
        rule['in'] = expand(rule['in'])
        rule['except'] = expand(rule.get('except', ''))
        rule['token'] = re.compile(rule['token'])
    return rules


def check_tokens(path, raw, code, comments, rules):
    for rule in rules:
        if not matches(path, rule['in']) or matches(path, rule['except']):
            continue
        lines = raw if rule.get('scope') == 'all' else code
        for number, line in enumerate(lines, 1):
            match = rule['token'].search(line)
            if match is None:
                continue
            near = comments[max(0, number - 2):number]
            if not any(ALLOWED.search(comment) for comment in near):
                problem(path, number, f'{match.group(0).strip()}: {rule["reason"]}', rule['instead'])


def folder_of(path):
    """Module and folder inside it of a path, or None for what lies directly in a module."""
    parts = path.split('/')
    return (parts[0], parts[1]) if len(parts) > 2 and parts[0] in ORDER else None


def check_folders(files):
    """The folders inside a module are those that ORDER lists, and a header's name says which one is meant."""
    seen = {}
    for path in files:
        folder = folder_of(path)
        if folder is not None and folder[1] not in ORDER[folder[0]]:
            problem(path, 1, f'folder {folder[1]} is not in ORDER of tests/check/sources.py', 'name its place there')
        if path.split('/')[0] in MODULES and path.endswith('.h'):
            other = seen.setdefault(os.path.basename(path), path)
            if other != path:
                problem(path, 1, f'has the name of {other}', 'a name of its own: headers are included by name')


def check_order(path, raw, homes):
    """What a folder includes of its own module lies in folders before it, or directly in the module."""
    folder = folder_of(path)
    for number, line in enumerate(raw, 1):
        match = re.match(r'\s*#\s*include\s+["<]([^">]+)[">]', line)
        home = homes.get(os.path.basename(match.group(1))) if match else None
        if folder is None or home is None or home[0] != folder[0]:
            continue
        order = ORDER[folder[0]]
        if folder[1] in order and home[1] in order and order.index(home[1]) > order.index(folder[1]):
            problem(path, number, f'{folder[1]}/ includes {match.group(1)} of {home[1]}/, which comes after it',
                    'a function pointer that the later folder sets, or another place')


def definitions(sources):
    """The file that defines each hm_ and hmi_ function or macro, of (path, code) of the modules."""
    return {match.group(1) or match.group(2): path
            for path, code in sources for match in DEFINITION.finditer('\n'.join(code))}


def level(path):
    """How high a source lies: its module, and its folder inside that; -1 beside the folders."""
    folder = folder_of(path)
    order = ORDER[folder[0]] if folder else []
    return MODULES.index(path.split('/')[0]), order.index(folder[1]) if folder and folder[1] in order else -1


def check_calls(path, code, defined):
    """No function is called, or named, by a folder before its own: so no calls go in a circle. Declarations in
    public headers do not count, nor do definitions: they begin at the start of a line. What public headers do inline
    is done by users' code, which may call all of the module."""
    if path.split('/')[0] not in MODULES:
        return
    is_public = folder_of(path) is None and os.path.basename(path).startswith('hm_')
    for number, line in enumerate(code, 1):
        if not re.match(r'\s|#', line):
            continue
        for name in USE.findall(line):
            home = defined.get(name)
            if home is not None and level(home) > level(path) and not (is_public and level(home)[0] == level(path)[0]):
                problem(path, number, f'{os.path.dirname(path)}/ uses {name} of {home}, which comes after it',
                        'a function pointer that the later folder sets, or another place')


def check_includes(path, raw, owner):
    top = path.split('/')[0]
    name = os.path.basename(path)
    public = top in MODULES and owner.get(name) == top and not name.endswith('_pvt.h') and name.endswith('.h')
    for number, line in enumerate(raw, 1):
        match = re.match(r'\s*#\s*include\s+["<]([^">]+)[">]', line)
        if match is None:
            continue
        included = os.path.basename(match.group(1))
        home = owner.get(included)
        if top in MODULES and home in MODULES and MODULES.index(home) > MODULES.index(top):
            problem(path, number, f'{top}/ includes {included} of {home}/, which lies above it',
                    'let the upper module register itself through a structure of the lower one')
        if public and included.endswith('_pvt.h'):
            problem(path, number, f'a public header includes {included}, which is not installed',
                    'an opaque struct')
        if top in ('apps', 'bench') and home in MODULES and not re.fullmatch(r'hm_\w+\.h|hermod\.h', included):
            problem(path, number, f'programs do not include {included}', 'hermod.h')
        if top in MODULES and re.match(r'(mailbox|sched|engine|net)/|\.\./', match.group(1)):
            problem(path, number, f'include of {match.group(1)} by its folder', included)


def check_labels(path, code, comments, model):
    for number, line in enumerate(code, 1):
        if not ORDERED.search(line):
            continue
        near = ' '.join(comments[max(0, number - 7):number])
        labels = LABEL.findall(near)
        if ALLOWED.search(' '.join(comments[max(0, number - 2):number])):
            continue
        if not labels:
            problem(path, number, 'memory order without the label of its pair',
                    'a comment such as: L1, release: pairs with the acquire in lane_pop')
        elif model and not any(label in model for label in labels):
            problem(path, number, f'label {labels[-1]} is not in docs/memory-model.md', 'add the pair there')


def check_length(path, lines):
    if lines > LINES_FAIL:
        problem(path, LINES_FAIL, f'{lines} lines', f'files of at most {LINES_WARN} lines, one room each')
    elif lines > LINES_WARN:
        warnings.append(f'{path}:{LINES_WARN}: {lines} lines; is it still one room?')


def parameter_count(arguments):
    """Parameters of a function; those of a function that is itself a parameter do not count."""
    while True:
        flat = re.sub(r'\([^()]*\)', '', arguments)
        if flat == arguments:
            break
        arguments = flat
    return 0 if arguments.strip() in ('', 'void') else arguments.count(',') + 1


def needs_owner(doc, returns, arguments):
    """Whether memory is passed: a pointer is returned or taken, but for what no call can give away: ctx, system, kit, probe,
    functions, a message that is only looked at, and what the call fills in, which is the caller's."""
    if '*' in returns:
        return True
    filled = re.findall(r'@param\[(?:in,)?out\]\s+(\w+)', doc)
    for argument in arguments.split(','):
        match = re.fullmatch(r'\s*(.*?)\s*\*\s*(\w+)(?:\[\w*\])?\s*', argument, re.DOTALL)
        if match and match.group(2) not in filled and not re.search(
                r'struct hm_(ctx|system|kit|probe)$|_fn$|^const struct hm_msg$', match.group(1)):
            return True
    return False


def header_lacks(text):
    """(line, function, what its declaration lacks) for each declaration of a public header."""
    found = []
    for match in DECLARATION.finditer(text):
        doc, name = match.group('doc') or '', match.group('name')
        returns = re.sub(r'\b(static|inline|extern)\b', '', match.group('type')).split()
        lacks = []
        if not doc:
            lacks.append('a comment')
        if returns != ['void'] and '@return' not in doc:
            lacks.append('@return')
        if 'Context:' not in doc:
            lacks.append('Context:')
        if 'Ownership:' not in doc and needs_owner(doc, match.group('type'), match.group('arguments')):
            lacks.append('Ownership:')
        if returns == ['int'] and 'warn_unused_result' not in match.group('attributes'):
            lacks.append('__attribute__((warn_unused_result))')
        count = parameter_count(match.group('arguments'))
        if count > PARAMETERS_MORE.get(name, PARAMETERS_MAX):
            lacks.append(f'a structure for its {count} parameters (at most {PARAMETERS_MAX})')
        if lacks:
            found.append((text.count('\n', 0, match.start('name')) + 1, name, lacks))
    return found


def check_headers(files):
    """What is not said yet, one line each."""
    lines = []
    for path in files:
        if path.split('/')[0] in MODULES and re.fullmatch(r'hm_\w+\.h', os.path.basename(path)):
            lines += [f'{path}:{line}: {name} lacks ' + ', '.join(lacks)
                      for line, name, lacks in header_lacks(read(path))]
    return lines


def check_listed(files):
    """Whatever lies in a module is built and installed, or it is a leftover."""
    for path in files:
        top, _, rest = path.partition('/')
        if top not in MODULES or not rest:
            continue
        name = os.path.basename(path)
        public = name == 'hermod.h' or (name.startswith('hm_') and name.endswith('.h') and '_pvt' not in name)
        if (path.endswith(('.c', '.proto')) or public) and f"'{rest}'" not in read(f'{top}/meson.build'):
            problem(path, 1, f'not named in {top}/meson.build', 'name it there, or delete it')
        if name.endswith('.h') and not public and not name.endswith('_pvt.h'):
            problem(path, 1, 'neither public (hm_*.h) nor private (*_pvt.h)', 'one of the two names')
        if name == 'meson.build' and 'install' in read(path):
            problem(path, 1, 'modules do not install', 'set headers; the root meson.build installs them')


def check_text(path, raw):
    if raw and raw[-1] != '':
        problem(path, len(raw), 'no newline at the end', 'end the file with one')
    for number, line in enumerate(raw, 1):
        if line != line.rstrip() and not path.endswith('.md'):
            problem(path, number, 'space at the end of the line', 'none')


def check_readme():
    """A program that the README shows is the one that is built, but for its leading comments."""
    text = read('README.md')
    for match in re.finditer(r'<!-- (\S+) -->\n```c\n(.*?)```', text, re.DOTALL):
        path, shown = match.groups()
        line = text.count('\n', 0, match.start()) + 1
        if re.sub(r'\A(/\*[^\n]*\*/\n)+', '', read(path)) != shown:
            problem('README.md', line, f'shows another {path} than there is', 'the file as it is')


def main():
    files = all_files()
    if len(sys.argv) > 1 and sys.argv[1] == '--list':
        for path in files:
            if matches(path, sys.argv[2:]):
                print(path)
        return 0

    lacking = check_headers(files)
    if sys.argv[1:] == ['--headers']:
        print('\n'.join(lacking) if lacking else 'public headers say all of each function')
        return 1 if lacking else 0
    problems.extend(f'{line}; instead: what docs/style.md asks of a public header' for line in lacking)

    rules = read_rules()
    owner = {os.path.basename(path): path.split('/')[0] for path in files if path.endswith('.h')}
    model = read('docs/memory-model.md') if os.path.exists('docs/memory-model.md') else ''
    homes = {os.path.basename(path): folder_of(path) for path in files if path.endswith('.h')}
    code_of = {path: split_code(read(path)) for path in files if path.endswith(('.c', '.h'))}
    defined = definitions((path, code) for path, (code, _) in code_of.items() if path.split('/')[0] in MODULES)
    check_listed(files)
    check_folders(files)
    check_readme()
    for path in files:
        if path.endswith(LEFTOVER):
            problem(path, 1, 'left over', 'delete it')
        if not path.endswith(TEXT) and os.path.basename(path) not in ('dev', 'run'):
            continue
        text = read(path)
        raw = text.split('\n')
        is_c = path.endswith(('.c', '.h'))
        code, comments = code_of.get(path, (raw, raw))
        check_tokens(path, raw, code, comments, rules)
        check_text(path, raw)
        if is_c:
            check_includes(path, raw, owner)
            check_order(path, raw, homes)
            check_calls(path, code, defined)
            check_length(path, len(raw) - 1)
            if 'SPDX-License-Identifier' not in raw[0]:
                problem(path, 1, 'no licence', '/* SPDX-License-Identifier: Apache-2.0 */ as the first line')
            if path.split('/')[0] in MODULES:
                check_labels(path, code, comments, model)

    for line in warnings:
        print('warning: ' + line)
    for line in problems:
        print(line)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
