# SPDX-License-Identifier: Apache-2.0
"""An open session: numbers, lanes, acknowledgements and loss recovery. It knows neither sockets nor messages.

    send() ──▶ lane.waiting ──▶ lane.pieces ──emit──▶ packets
    receive() ──▶ lane.early ──▶ deliver()
"""

from collections import deque

import wire
from wire import ACK, BYE, CONTROL, DATA, Invalid

MS = 1_000_000
CONTROL_PIECES = 16
NUMBERS = 1024
AHEAD = 65536


class Piece:
    def __init__(self, lane, sequence, payload, now):
        self.lane, self.sequence, self.payload = lane, sequence, payload
        self.first_sent = self.sent = now
        self.number = 0
        self.is_lost = self.is_acknowledged = False


class Lane:
    def __init__(self, index, limit):
        self.index = index
        self.waiting = deque()
        self.pieces = {}
        self.next_sequence = 1
        self.limit = limit
        self.deliver_next = 1
        self.early = {}

    def may_send(self):
        if self.index == CONTROL:
            return self.next_sequence < min(self.pieces, default=self.next_sequence) + CONTROL_PIECES
        return self.next_sequence < self.limit


class Session:
    """`emit(kind, fields)` sends a packet; `deliver(payload)` takes a piece in order."""

    def __init__(self, own, peer, emit, deliver, now, timeout):
        self.emit, self.deliver = emit, deliver
        self.timeout = timeout
        self.own_window = own.window
        self.credit = min(4 * own.window, 1024)
        self.window = max(8, min(255, peer.window))
        self.max_payload = min(own.max_payload, peer.max_payload)
        self.lanes = [Lane(0, 0), Lane(1, peer.window + 1), Lane(2, peer.window + 1)]
        self.own_limit = own.window + 1
        self.next_number = 1
        self.transmissions = {}
        self.greatest_acknowledged = 0
        self.rtt = None
        self.newest_rtt = 0
        self.reorder_steps, self.reorder_seen = 1, False
        self.probes = 0
        self.progress_at = now
        self.received, self.greatest, self.greatest_at = set(), 0, now
        self.last_ranges = []
        # Number, ack and limits of the packet with the greatest number that has come.
        self.newest = 0, 0, 0, 0
        self.unacknowledged, self.ack_now = 0, False
        self.heard_at = self.sent_at = now
        self.is_over = False
        self.counts = dict.fromkeys(('data', 'again', 'probes', 'spurious', 'duplicate', 'window', 'early',
                                     'held'), 0)
        # What the other side has done against the page.
        self.faults = []

    # ---- Sending ----

    def send(self, lane, payload):
        self.lanes[lane].waiting.append(payload)

    def in_flight(self):
        return [piece for lane in self.lanes for piece in lane.pieces.values() if not piece.is_lost]

    def is_idle(self):
        return not any(lane.waiting or lane.pieces for lane in self.lanes)

    def limit_user(self):
        # A limit never goes back, that of the handshake included.
        self.own_limit = max(self.own_limit, self.lanes[1].deliver_next + self.credit)
        return self.own_limit

    def packet(self, kind, now, payload=b'', **more):
        oldest = max(1, self.greatest - NUMBERS + 1)
        run, ranges = wire.encode_ranges(self.received, self.greatest, oldest)
        held = min((now - self.greatest_at) // 256, 65535) if self.greatest else 0
        if kind == ACK:
            payload = ranges
        # DATA names one range only; what else is new still needs an ACK.
        if kind == ACK or not ranges:
            self.unacknowledged, self.ack_now = 0, False
        number, self.next_number = self.next_number, self.next_number + 1
        self.sent_at = now
        self.emit(kind, payload=payload, number=number, ack=self.greatest, run=run, held=held,
                  limit_user=self.limit_user(), limit_bulk=self.credit + 1, window=self.own_window, **more)
        return number

    def transmit(self, piece, now):
        piece.sent, piece.is_lost = now, False
        self.counts['data'] += 1
        piece.number = self.packet(DATA, now, piece.payload, lane=piece.lane.index, sequence=piece.sequence)
        self.transmissions[piece.number] = (piece, now)

    def new_piece(self, lane, now):
        piece = Piece(lane, lane.next_sequence, lane.waiting.popleft(), now)
        lane.pieces[piece.sequence] = piece
        lane.next_sequence += 1
        return piece

    def again(self, piece, now):
        self.counts['again'] += 1
        self.transmit(piece, now)

    def pump(self, now):
        """Send what may be sent now."""
        for lane in self.lanes[:2]:
            for piece in [piece for piece in lane.pieces.values() if piece.is_lost]:
                if lane.index == CONTROL or self.room():
                    self.again(piece, now)
            while lane.waiting and lane.may_send() and (lane.index == CONTROL or self.room()):
                self.transmit(self.new_piece(lane, now), now)
        if self.unacknowledged or self.ack_now:
            self.packet(ACK, now)

    def room(self):
        return sum(piece.lane.index != CONTROL for piece in self.in_flight()) < self.window

    def probe_after(self):
        if self.rtt is None:
            base = 2_020_000
        else:
            base = self.rtt[0] + max(4 * self.rtt[1], 10_000) + 20_000
        return min(base << self.probes, self.timeout // 8)

    def tick(self, now):
        """What time brings: loss, probes, heartbeat and the end."""
        self.find_lost(now)
        self.pump(now)
        flying = self.in_flight()
        if flying:
            since = max(self.progress_at, max(piece.sent for piece in flying))
            if now - since >= self.probe_after():
                self.probes += 1
                self.counts['probes'] += 1
                self.progress_at = now
                new = next((lane for lane in self.lanes[:2] if lane.waiting and lane.may_send()), None)
                if new is not None:
                    self.transmit(self.new_piece(new, now), now)
                else:
                    self.again(min(flying, key=lambda piece: piece.first_sent), now)
        if now - self.sent_at >= self.timeout // 8:
            self.packet(ACK, now)
        oldest = min((piece.first_sent for lane in self.lanes for piece in lane.pieces.values()), default=now)
        if now - self.heard_at > self.timeout or now - oldest > self.timeout:
            self.is_over = True

    def bye(self, now):
        self.packet(BYE, now)
        self.packet(BYE, now)
        self.is_over = True

    # ---- Acknowledgements ----

    def on_acknowledged(self, ranges, held, now):
        fresh = [number for low, high in ranges for number in range(max(low, 1), high + 1)
                 if number in self.transmissions]
        if not fresh:
            return
        newest = max(fresh)
        piece, sent = self.transmissions[newest]
        if held < 65535 and held * 256 > now - sent:
            # A node that does not get its core may say more than the whole round trip.
            self.counts['held'] += 1
        self.sample(now - sent, held * 256)
        for number in fresh:
            piece, _ = self.transmissions.pop(number)
            if piece.is_acknowledged:
                continue
            if number == piece.number and number < self.greatest_acknowledged:
                self.reorder_seen = True
            if piece.is_lost or number != piece.number:
                self.counts['spurious'] += 1
                self.reorder_steps += 1
            piece.is_acknowledged = True
            del piece.lane.pieces[piece.sequence]
        self.greatest_acknowledged = max(self.greatest_acknowledged, newest)
        self.probes, self.progress_at = 0, now
        self.find_lost(now)

    def sample(self, passed, held):
        self.newest_rtt = passed
        least = self.rtt[2] if self.rtt else passed
        if passed - held >= least or self.rtt is None:
            passed -= held
        passed = max(passed, 1)
        if self.rtt is None:
            self.rtt = [passed, passed // 2, passed]
            return
        smooth, vary, least = self.rtt
        vary += (abs(smooth - passed) - vary) // 4
        self.rtt = [smooth + (passed - smooth) // 8, vary, min(least, passed)]

    def find_lost(self, now):
        if self.rtt is None:
            return
        reorder = min(self.rtt[2] // 4 * self.reorder_steps, self.rtt[0])
        for piece in self.in_flight():
            behind = self.greatest_acknowledged - piece.number
            if behind > 0 and (now - piece.sent >= self.newest_rtt + reorder
                               or behind >= 3 and not self.reorder_seen):
                piece.is_lost = True

    # ---- Receiving ----

    def receive(self, packet, now):
        """Process a packet whose CRC, session and source are right; Invalid if it is dropped."""
        number = wire.near(self.greatest + 1, packet.number)
        if number < 1:
            raise Invalid('duplicate')
        ack = wire.near(self.next_number, packet.ack)
        payload = packet.payload if packet.kind == ACK else b''
        self.check(packet, number, ack)
        ranges = wire.decode_ranges(ack, packet.run, payload, self.next_number)
        self.heard_at, self.last_ranges = now, ranges
        self.on_acknowledged(ranges, packet.held, now)
        self.window = max(8, packet.window)
        for lane, low in ((self.lanes[1], packet.limit_user), (self.lanes[2], packet.limit_bulk)):
            lane.limit = max(lane.limit, wire.near(lane.next_sequence, low))
        if packet.kind == BYE:
            self.is_over = True
            return
        if number in self.received:
            self.counts['duplicate'] += 1
            raise Invalid('duplicate')
        if number <= self.greatest - NUMBERS or number > self.greatest + AHEAD:
            raise Invalid('window' if packet.kind == DATA else 'duplicate')
        in_order = number == self.greatest + 1
        if packet.kind == DATA:
            self.receive_piece(packet, in_order)
        self.received.add(number)
        if number > self.greatest:
            self.greatest, self.greatest_at = number, now
            self.received = {known for known in self.received if known > number - NUMBERS} \
                if len(self.received) > 2 * NUMBERS else self.received

    def receive_piece(self, packet, in_order):
        lane = self.lanes[packet.lane]
        sequence = wire.near(lane.deliver_next, packet.sequence)
        limit = lane.deliver_next + CONTROL_PIECES if packet.lane == CONTROL else self.limit_user()
        if sequence >= limit:
            self.counts['window'] += 1
            if packet.lane != CONTROL:
                self.faults.append('lane %d: sequence %d, limit %d' % (packet.lane, sequence, limit))
            raise Invalid('window')
        self.unacknowledged += 1
        if not in_order or self.unacknowledged >= 16:
            self.ack_now = True
        if sequence < lane.deliver_next or sequence in lane.early:
            self.counts['duplicate'] += 1
            self.ack_now = True
            return
        lane.early[sequence] = packet.payload
        self.counts['early'] += sequence != lane.deliver_next
        while lane.deliver_next in lane.early:
            payload = lane.early.pop(lane.deliver_next)
            lane.deliver_next += 1
            self.deliver(packet.lane, payload)

    def check(self, packet, number, ack):
        """What the page says of a sender, and a receiver need not look at."""
        wrong = []
        if packet.kind != DATA and (packet.sequence or packet.lane):
            wrong.append('sequence or lane outside of DATA')
        if packet.ack == 0 and packet.held:
            wrong.append('held without ack')
        if number > self.newest[0]:
            values = number, ack, packet.limit_user, packet.limit_bulk
            if any(value < former for value, former in zip(values, self.newest)):
                wrong.append('ack or a limit has gone back')
            self.newest = values
        if ack > 0 and packet.run >= ack:
            wrong.append('run %d' % packet.run)
        if len(packet.payload) > self.max_payload:
            wrong.append('payload of %d bytes' % len(packet.payload))
        if packet.window < 8:
            wrong.append('window %d' % packet.window)
        self.faults += ['number %d, kind %d, ack %d: %s' % (number, packet.kind, ack, text) for text in wrong]
