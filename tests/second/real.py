# SPDX-License-Identifier: Apache-2.0
"""A real hermod node in a process of its own, at the other end of a veth pair."""

import ctypes
import os
import select
import signal
import subprocess
import tempfile
import time

# The programs of tests/net wait for these: a server for the first, a client for the second.
ENDS = ('hermod-a', 'hermod-b')
PR_SET_PDEATHSIG = 1


def shell(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


def pair_make(near):
    shell('ip', 'link', 'add', ENDS[0], 'type', 'veth', 'peer', 'name', ENDS[1])
    shell('ip', 'link', 'set', near, 'up')


def pair_remove(near):
    subprocess.run(['ip', 'link', 'del', near], stderr=subprocess.DEVNULL, check=False)


class Real:
    """`own_namespace`: programs of tests/net go into one of their own, and wait there for their end."""

    def __init__(self, program, words, end, options, own_namespace):
        libc = ctypes.CDLL(None, use_errno=True)
        self.folder = tempfile.TemporaryDirectory(prefix='hermod-second-')
        eal = ['--lcores', '0@(0-%d)' % (os.cpu_count() - 1), '--no-huge', '-m', '192', '--no-pci',
               '--no-shconf', '--no-telemetry', '--file-prefix', 'hermod-second-%d' % os.getpid(),
               '--log-level=*:error', '--log-level=hermod:info', '--log-level=hermod.net:info',
               '--vdev=net_af_packet0,iface=' + end]
        self.lines, self.rest, self.looked = [], b'', 0
        if not own_namespace:
            shell('ip', 'link', 'set', end, 'up')
        self.process = subprocess.Popen(
            words + eal + ['--'] + options, executable=program, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=dict(os.environ, RUNTIME_DIRECTORY=self.folder.name),
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        if own_namespace:
            self.wait_for('in namespace')
            shell('ip', 'link', 'set', end, 'netns', str(self.process.pid))

    def read(self, seconds=0):
        """Take what it has printed; False when it has ended."""
        out = self.process.stdout
        if not select.select([out], [], [], seconds)[0]:
            return True
        data = os.read(out.fileno(), 65536)
        *lines, self.rest = (self.rest + data).split(b'\n')
        self.lines += [line.decode(errors='replace') for line in lines]
        return bool(data)

    def has(self, text):
        """Whether it has said `text` since what was found last; looks only at what is there."""
        self.read()
        for at in range(self.looked, len(self.lines)):
            if text in self.lines[at]:
                self.looked = at + 1
                return True
        return False

    def wait_for(self, text, seconds=30):
        end = time.monotonic() + seconds
        while not self.has(text):
            if not self.read(0.1) or time.monotonic() > end:
                raise AssertionError('the node does not say %r: %r' % (text, self.lines[-20:]))

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def is_over(self):
        self.read()
        return self.process.poll() is not None

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        while self.read():
            pass
        self.process.stdout.close()
        self.folder.cleanup()
