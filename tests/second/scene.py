# SPDX-License-Identifier: Apache-2.0
"""A veth pair, the second node at one end, a real one at the other, and what tests do with them."""

import os

import frame
import real
import wire
from node import OPEN, Node

NUMBERS = wire.type_hash('hermod.test.Numbers')
BALL = wire.type_hash('pingpong.Ball')
TIMEOUT_MS = 3000


def numbers(a, d=0):
    return (wire.put(1, 1, a) if a else b'') + (wire.put(4, 1, d) if d else b'')


def number_of(payload, field=1):
    return {number: value for number, _, value in wire.fields(payload)}.get(field, 0)


def check(is_right, text):
    if not is_right:
        raise AssertionError(text)


class Scene:
    """`role`: what the real node is: server or client of tests/net/net_veth, or a pingpong."""

    def __init__(self, programs, role, options=(), name='second', share=0.0, seed=1):
        self.programs, self.role, self.options = programs, role, list(options)
        self.ip, self.far_ip = '10.79.0.1', '10.79.0.2'
        self.far_address = (frame.ip_bytes(self.far_ip), wire.PORT)
        self.far_end = real.ENDS[role != 'server']
        self.near_end = real.ENDS[role == 'server']
        # Other runs: SECOND_SEED is added to the seed of each case.
        self.name, self.share, self.seed = name, share, seed + int(os.environ.get('SECOND_SEED', 0))
        self.real = self.link = None

    def __enter__(self):
        real.pair_make(self.near_end)
        try:
            self.link = frame.Link(self.near_end)
            if os.environ.get('SECOND_TRACE'):
                self.link.trace = open(os.environ['SECOND_TRACE'], 'a', encoding='ascii')
            for number, faults in enumerate((self.link.sending, self.link.receiving)):
                faults.random.seed(self.seed * 2 + number)
                faults.share = self.share
            self.node = Node(self.link, self.ip, self.name, self.seed, TIMEOUT_MS * 1_000_000,
                             ['hermod.test.Numbers'], max_payload=508 if self.share else wire.MAX_PAYLOAD)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.real is not None:
            self.real.close()
        if self.link is not None:
            if self.link.trace is not None:
                self.link.trace.close()
            self.link.close()
        real.pair_remove(self.near_end)

    def start(self):
        program = self.programs['pingpong' if self.role == 'pingpong' else 'net_veth']
        options = ['--ip', self.far_ip + '/24', '--peer-timeout-ms', str(TIMEOUT_MS)] + self.options
        words = [self.role] * (1 if self.role == 'pingpong' else 2)
        self.real = real.Real(program, words, self.far_end, options, self.role != 'pingpong')

    # ---- What tests wait for ----

    def until(self, condition, what, seconds=20):
        check(self.node.run(condition, seconds), 'no %s; the node said %r' % (what, self.real.lines[-8:]))

    def says(self, text, seconds=20):
        self.until(lambda: self.real.has(text), repr(text), seconds)

    def open_peer(self):
        return next((peer for peer in self.node.peers.values() if peer.state == OPEN), None)

    def is_called(self):
        self.until(lambda: self.open_peer() is not None, 'session')
        return self.open_peer()

    def call(self, **more):
        check(self.node.find(self.far_ip), 'no answer to ARP')
        peer = self.node.call(self.far_ip, **more)
        self.until(lambda: peer.state == OPEN, 'WELCOME')
        return peer

    def ask(self, peer, envelope, seconds=10):
        """The first message that comes to a process which is only for this: (envelope, payload)."""
        got = []
        process = self.node.spawn(lambda _, answer, payload: got.append((answer, payload)))
        envelope.sender = process.local
        self.node.send(peer, envelope)
        self.until(lambda: got, 'answer to %r' % envelope, seconds)
        return got[0]

    def resolve(self, peer, path):
        answer, payload = self.ask(peer, wire.Envelope(path=path))
        check(answer.system == wire.IDENTITY, 'not an identity: %r' % answer)
        node, local = wire.decode_pid(payload)
        check(node in (0, peer.theirs.node), 'a PID of another node')
        return local if node else 0

    def stop_real(self):
        """It stops by itself, and says BYE."""
        byes = self.node.seen[wire.BYE]
        self.real.terminate()
        self.until(self.real.is_over, 'end of the node')
        self.node.rest(0.05)
        check(self.real.process.returncode == 0, 'exit status %d' % self.real.process.returncode)
        return self.node.seen[wire.BYE] - byes

    def finish(self):
        """Whether the node has kept to the page."""
        faults = self.node.faults + [fault for peer in self.node.peers.values() if peer.session
                                     for fault in peer.session.faults]
        check(not faults, 'against the page: %r' % faults[:5])
        # Other stations' frames, and what came behind an end.
        drops = set(self.node.drops) - {'foreign', 'session'}
        check(self.share or not drops, 'dropped: %r' % self.node.drops)

    # ---- Packets by hand ----

    def craft(self, peer, kind, ahead=0, **more):
        """(number, bytes) of the next packet, with some fields as a test wants them."""
        session = peer.session
        number = session.next_number + ahead
        session.next_number = number + 1
        values = {'session': peer.theirs.session, 'number': number, 'ack': session.greatest,
                  'limit_user': session.limit_user(), 'limit_bulk': session.credit + 1,
                  'window': session.own_window}
        values.update(more)
        packet = wire.Packet(kind, **values)
        return number, packet.encode(True)

    def is_named(self, peer, number):
        """Whether the newest range of what comes back to a request, which is sent behind it, has a number."""
        self.resolve(peer, '/user/nobody')
        return any(low <= number <= high for low, high in peer.session.last_ranges)

    def answers(self, kind, data, seconds=0.4, address=None):
        """Packets of a kind that come after a datagram has been sent."""
        got = []
        former = self.node.on_packet

        def look(source, packet):
            if packet[3] == kind:
                got.append(packet)
            former(source, packet)
        self.node.on_packet = look
        try:
            self.node.send_raw(address or self.far_address, data)
            self.node.run(lambda: got, seconds)
        finally:
            del self.node.on_packet
        return got
