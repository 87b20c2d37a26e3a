# SPDX-License-Identifier: Apache-2.0
"""A node: ARP, handshakes, sessions and processes over one link.

Everything happens in run(), in the caller's thread.
"""

import random
import struct
import time
from collections import Counter

import frame
import wire
from session import MS, Session
from wire import ACK, HANDSHAKES, HELLO, REJECT, VERSION, WELCOME, Envelope, Handshake, Invalid, Packet

CALLING, ANSWERED, OPEN = 'calling', 'answered', 'open'


class Peer:
    """A session and what precedes it; `own` and `theirs` are the two sides' handshakes."""

    def __init__(self, address, own):
        self.address = address
        self.own, self.theirs = own, None
        self.state = CALLING
        self.has_called = False
        self.next_hello, self.interval = 0, 20 * MS
        self.answered_at = 0
        self.attempt = 0
        self.session = None
        self.waiting = [[], [], []]
        self.rejected = []


class Process:
    """`receive(process, envelope, payload)` is called for each message; the sender's node is filled in."""

    def __init__(self, local, receive):
        self.local, self.receive = local, receive
        self.watchers = set()


class Node:
    def __init__(self, link, ip, name, seed=1, timeout=3000 * MS, types=(), window=64,
                 max_payload=wire.MAX_PAYLOAD):
        self.link, self.ip, self.name = link, frame.ip_bytes(ip), name
        self.random = random.Random(seed)
        self.id = random.SystemRandom().getrandbits(64) | 1
        self.started = time.time_ns()
        self.timeout, self.window, self.max_payload = timeout, window, max_payload
        self.types = wire.types_hash(types)
        self.neighbours, self.peers, self.over = {}, {}, []
        self.attempts = Counter()
        self.processes, self.paths = {}, {}
        self.next_slot = 1
        self.drops, self.seen = Counter(), Counter()
        self.wants_crc = 1
        # Tests change what is said, and refuse: a function of a HELLO, which gives a reason or 0.
        self.version = VERSION
        self.refuse = lambda hello: 0
        self.is_mute = False
        self.faults = []

    # ---- The loop ----

    def run(self, until, seconds=20):
        """Work until `until()` is true; returns whether it was, in time."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                return False
            for each in self.link.receive(0.002):
                try:
                    self.on_frame(each)
                except Invalid as reason:
                    self.drops[str(reason)] += 1
            self.tick()
        return True

    def rest(self, seconds):
        self.run(lambda: False, seconds)

    def tick(self):
        now = time.monotonic_ns()
        for peer in list(self.peers.values()):
            if peer.state == CALLING and now >= peer.next_hello:
                self.send_handshake(HELLO, peer, 0)
                peer.next_hello, peer.interval = now + peer.interval, min(peer.interval * 2, 500 * MS)
            elif peer.state == ANSWERED and now - peer.answered_at > self.timeout:
                self.forget(peer, 'no answer')
            elif peer.state == OPEN:
                peer.session.tick(now)
                self.flush(peer)
                if peer.session.is_over:
                    self.forget(peer, 'time')

    def forget(self, peer, why):
        if self.peers.get(peer.own.session) is peer:
            del self.peers[peer.own.session]
            if peer.session is not None:
                self.faults += peer.session.faults
            self.over.append((peer, why))

    # ---- Frames ----

    def on_frame(self, data):
        if len(data) < 14 or data[:6] not in (self.link.mac, frame.BROADCAST):
            raise Invalid('foreign')
        kind = struct.unpack_from('!H', data, 12)[0]
        if kind == frame.ETHERNET_ARP:
            self.on_arp(data[14:])
        elif kind == frame.ETHERNET_IP:
            protocol, source, to, payload = frame.parse_ip(data)
            if to != self.ip:
                raise Invalid('foreign')
            if protocol == frame.ICMP:
                self.on_icmp(data[6:12], source, payload)
            elif protocol == frame.UDP:
                from_port, to_port, packet = frame.parse_udp(source, to, payload)
                if to_port != wire.PORT:
                    raise Invalid('foreign')
                self.neighbours.setdefault(source, data[6:12])
                self.on_packet((source, from_port), packet)

    def on_arp(self, data):
        operation = struct.unpack_from('!H', data, 6)[0]
        mac, source, to = data[8:14], data[14:18], data[24:28]
        self.seen['arp %d' % operation] += 1
        if source == bytes(4):
            self.seen['arp probe'] += 1
        if source != bytes(4):
            self.neighbours[source] = mac
        if operation == 1 and to == self.ip:
            self.link.send(frame.arp(2, self.link.mac, self.ip, mac, source))

    def on_icmp(self, mac, source, payload):
        if frame.checksum(payload) or payload[0] != 8:
            raise Invalid('foreign')
        self.send_ip(mac, source, frame.ICMP, b'\0\0' + self.with_checksum(b'\0\0', payload[4:]))

    @staticmethod
    def with_checksum(head, rest):
        return struct.pack('!H', frame.checksum(head + b'\0\0' + rest)) + rest

    def send_ip(self, mac, to, protocol, payload):
        self.link.send(frame.ip(self.link.mac, self.ip, mac, to, protocol, payload))

    def find(self, ip, seconds=10):
        """Ask for a station's Ethernet address until it answers."""
        to, asked = frame.ip_bytes(ip), 0

        def is_known():
            nonlocal asked
            if to not in self.neighbours and time.monotonic() >= asked:
                self.link.send(frame.arp(1, self.link.mac, self.ip, None, to))
                asked = time.monotonic() + 0.1
            return to in self.neighbours
        return self.run(is_known, seconds)

    def send_raw(self, address, data):
        ip, port = address
        if ip in self.neighbours and not self.is_mute:
            self.send_ip(self.neighbours[ip], ip, frame.UDP, frame.udp(self.ip, wire.PORT, ip, port, data))

    # ---- Handshake ----

    def say(self, **more):
        return Handshake(protocol=self.version, node=self.id, started=self.started, name=self.name,
                         types=self.types, window=self.window, max_payload=self.max_payload,
                         wants_crc=self.wants_crc, **more)

    def new_id(self):
        return self.random.getrandbits(31) + 1

    def call(self, ip, expects='', port=wire.PORT):
        address = (frame.ip_bytes(ip), port)
        self.attempts[address] += 1
        peer = Peer(address, self.say(session=self.new_id(), expects=expects, attempt=self.attempts[address]))
        peer.has_called = True
        self.peers[peer.own.session] = peer
        return peer

    def send_handshake(self, kind, peer, session):
        self.send_raw(peer.address, wire.handshake_packet(kind, session, peer.own, self.version))

    def on_packet(self, address, data):
        packet = wire.decode_packet(data)
        self.seen[packet.kind] += 1
        if packet.kind in HANDSHAKES:
            if packet.version == VERSION and not packet.crc_is_right(data):
                raise Invalid('crc')
            packet.handshake = Handshake.decode(packet.payload)
            on = {HELLO: self.on_hello, WELCOME: self.on_welcome, REJECT: self.on_reject}
            on[packet.kind](address, packet)
            return
        peer = self.peers.get(packet.session)
        # Whether a CRC is needed is a matter of the session; so this is looked at before it.
        needs_crc = peer is not None and peer.own.wants_crc and packet.version == VERSION
        if needs_crc and not packet.crc_is_right(data):
            raise Invalid('crc')
        if packet.version != VERSION:
            raise Invalid('version')
        if len(packet.payload) != packet.length:
            raise Invalid('length')
        if peer is None or peer.theirs is None:
            raise Invalid('session')
        if peer.address != address:
            raise Invalid('source')
        if peer.state == ANSWERED:
            self.open(peer)
        peer.session.receive(packet, time.monotonic_ns())
        if peer.session.is_over:
            self.forget(peer, 'bye')

    def on_hello(self, address, packet):
        hello = packet.handshake
        if packet.version != VERSION or hello.protocol != VERSION:
            self.reject(address, hello.session, wire.PROTOCOL)
            raise Invalid('version')
        if not hello.is_complete():
            raise Invalid('handshake')
        self.faults += self.check_hello(packet)
        reason = self.refuse(hello)
        if hello.name == self.name or hello.node == self.id:
            reason = wire.SAME_NAME
        elif hello.expects and hello.expects != self.name:
            reason = wire.WRONG_NAME
        if reason:
            self.reject(address, hello.session, reason)
            return
        for peer in list(self.peers.values()):
            if peer.theirs is None or peer.theirs.name != hello.name:
                continue
            if (peer.theirs.node, peer.theirs.session) == (hello.node, hello.session):
                self.send_handshake(WELCOME, peer, hello.session)
                return
            if peer.theirs.node == hello.node and hello.attempt <= peer.attempt \
                    or peer.theirs.node != hello.node and hello.started < peer.theirs.started:
                raise Invalid('handshake')
            self.forget(peer, 'replaced')
        self.answer(address, hello)

    def answer(self, address, hello):
        """Both call: the answer has the id of the call."""
        peer = next((peer for peer in self.peers.values()
                     if peer.state == CALLING and peer.address == address), None)
        if peer is None:
            peer = Peer(address, self.say(session=self.new_id()))
            self.peers[peer.own.session] = peer
        peer.theirs, peer.attempt = hello, hello.attempt
        peer.state, peer.answered_at = ANSWERED, time.monotonic_ns()
        self.make_session(peer)
        self.send_handshake(WELCOME, peer, hello.session)

    def check_hello(self, packet):
        hello = packet.handshake
        wrong = [] if packet.session == 0 else ['session %d in the header of HELLO' % packet.session]
        if not 1 <= len(hello.name) <= 64:
            wrong.append('name %r' % hello.name)
        if hello.reason:
            wrong.append('HELLO with a reason')
        return wrong

    def on_welcome(self, address, packet):
        if packet.version != VERSION:
            raise Invalid('version')
        peer, welcome = self.peers.get(packet.session), packet.handshake
        if peer is None:
            raise Invalid('session')
        if peer.address != address:
            raise Invalid('source')
        if not welcome.is_complete():
            raise Invalid('handshake')
        if peer.own.expects and welcome.name != peer.own.expects:
            peer.rejected.append(wire.WRONG_NAME)
            return
        if peer.state == CALLING:
            peer.theirs, peer.attempt = welcome, welcome.attempt
            self.make_session(peer)
            self.open(peer)
        elif peer.state == ANSWERED and peer.has_called and welcome.session == peer.theirs.session:
            self.open(peer)

    def on_reject(self, address, packet):
        peer = self.peers.get(packet.session)
        if peer is None or peer.address != address:
            raise Invalid('session')
        if packet.handshake.session != packet.session:
            self.faults.append('REJECT of another session')
        if peer.state == CALLING:
            peer.rejected.append(packet.handshake.reason)
            peer.interval = 500 * MS

    def reject(self, address, session, reason):
        said = Handshake(session=session, protocol=self.version, reason=reason, node=self.id, name=self.name)
        self.send_raw(address, wire.handshake_packet(REJECT, session, said, self.version))

    # ---- Sessions ----

    def make_session(self, peer):
        def emit(kind, **values):
            packet = Packet(kind, peer.theirs.session, **values)
            self.send_raw(peer.address, packet.encode(peer.theirs.wants_crc))

        def deliver(lane, payload):
            self.on_batch(peer, lane, payload)
        peer.session = Session(peer.own, peer.theirs, emit, deliver, time.monotonic_ns(), self.timeout)

    def open(self, peer):
        peer.state = OPEN
        peer.session.packet(ACK, time.monotonic_ns())

    def bye(self, peer, seconds=60):
        """The orderly end: when all is acknowledged, which takes a while beside answers. Returns whether it was."""
        done = self.run(lambda: peer.state == OPEN and not any(peer.waiting) and peer.session.is_idle()
                        or peer.session.is_over, seconds)
        done = done and not peer.session.is_over
        peer.session.bye(time.monotonic_ns())
        self.forget(peer, 'own bye')
        return done

    def send(self, peer, envelope):
        peer.waiting[envelope.lane()].append(envelope)

    def flush(self, peer):
        """Put what is ready into batches."""
        for lane, envelopes in enumerate(peer.waiting):
            batch = b''
            for envelope in self.joined(envelopes, peer.session.max_payload):
                # A receiver takes lengths of one byte and of two.
                data = envelope.encode(self.random.randint(1, 2))
                if len(batch) + len(data) > peer.session.max_payload:
                    peer.session.send(lane, batch)
                    batch = b''
                batch += data
            if batch:
                peer.session.send(lane, batch)
            envelopes.clear()
        peer.session.pump(time.monotonic_ns())

    @staticmethod
    def joined(envelopes, most):
        """What has receiver, sender and type in common is one envelope, as long as it fits."""
        last, size = None, 0
        for envelope in envelopes:
            add = sum(len(payload) + 3 for payload in envelope.payloads)
            if last is not None and last.type and size + add <= most and \
                    (last.to, last.sender, last.sender_node, last.type) == \
                    (envelope.to, envelope.sender, envelope.sender_node, envelope.type):
                last.payloads += envelope.payloads
                size += add
                continue
            if last is not None:
                yield last
            last = Envelope(**{**vars(envelope), 'payloads': list(envelope.payloads)})
            size = 40 + add
        if last is not None:
            yield last

    # ---- Messages ----

    def spawn(self, receive, path=None):
        local = 0 << 56 | self.next_slot << 32 | self.random.getrandbits(16) + 1
        self.next_slot += 1
        process = self.processes[local] = Process(local, receive)
        if path is not None:
            self.paths[path] = process
        return process

    def end(self, process, reason=0):
        """The process is gone; its watchers are told."""
        del self.processes[process.local]
        self.paths = {path: each for path, each in self.paths.items() if each is not process}
        for session, to in process.watchers:
            if session in self.peers:
                self.send(self.peers[session], Envelope(to=to, system=wire.TERMINATED, payloads=[
                    wire.encode_terminated(self.id, process.local, reason)]))

    def on_batch(self, peer, lane, payload):
        try:
            self.check_batch(payload)
            for envelope in wire.decode_batch(payload):
                self.seen['envelope', lane, envelope.system] += 1
                if envelope.lane() != lane:
                    self.faults.append('lane %d: %r' % (lane, envelope))
                self.on_envelope(peer, envelope)
        except Invalid:
            self.faults.append('batch: ' + payload.hex())

    def check_batch(self, payload):
        """A node writes `to` always, and two bytes of length where it may add to an envelope."""
        again = b''
        for envelope in wire.decode_batch(payload):
            width = 2 if envelope.type and not envelope.sender_node else 1
            again += envelope.encode(width, with_to=True)
        if again != payload:
            self.faults.append('batch %s, not %s' % (payload[:80].hex(), again[:80].hex()))

    def on_envelope(self, peer, envelope):
        envelope.sender_node = envelope.sender_node or peer.theirs.node
        process = self.processes.get(envelope.to)
        answer = Envelope(to=envelope.sender, sender=envelope.to)
        if not envelope.type and envelope.path:
            found = self.paths.get(envelope.path)
            answer.sender, answer.system = 0, wire.IDENTITY
            answer.payloads = [wire.encode_pid(self.id, found.local) if found else b'']
            self.send(peer, answer)
        elif process is None:
            self.on_dead(peer, envelope)
        elif not envelope.type and envelope.system == wire.TOUCH:
            answer.system, answer.payloads = wire.TOUCHED, [wire.encode_pid(self.id, envelope.to)]
            self.send(peer, answer)
        elif not envelope.type and envelope.system == wire.WATCH:
            process.watchers.add((peer.own.session, envelope.sender))
        elif not envelope.type and envelope.system == wire.UNWATCH:
            process.watchers.discard((peer.own.session, envelope.sender))
        elif not envelope.type and envelope.system in (wire.STOP, wire.POISON):
            self.end(process)
        else:
            for payload in (envelope.payloads if envelope.type else envelope.payloads[:1]) or [b'']:
                process.receive(process, envelope, payload)

    def on_dead(self, peer, envelope):
        if envelope.system == wire.WATCH and not envelope.type:
            self.send(peer, Envelope(to=envelope.sender, system=wire.TERMINATED, payloads=[
                wire.encode_terminated(self.id, envelope.to, 2)]))
        elif envelope.sender and envelope.sender_node == peer.theirs.node \
                and (envelope.type or envelope.system == wire.TOUCH):
            for _ in envelope.payloads or [b'']:
                self.send(peer, Envelope(to=envelope.sender, system=wire.UNDELIVERED))
