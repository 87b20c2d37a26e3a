# SPDX-License-Identifier: Apache-2.0
"""Bytes of hermod's wire protocol, version 3: docs/wire.md and net/hermod.proto, and nothing else.

Functions here keep no state. `Invalid` has the name of the drop reason that the page gives.
"""

import struct
from dataclasses import dataclass, field

VERSION = 3
PORT = 17355
HELLO, WELCOME, REJECT, DATA, ACK, BYE, FRAGMENT = range(1, 8)
HANDSHAKES = (HELLO, WELCOME, REJECT)
CONTROL, USER, BULK = range(3)
MAX_PAYLOAD = 1500 - 68

IDENTITY, TOUCH, TOUCHED = 6, 11, 12
STOP, POISON, WATCH, UNWATCH, TERMINATED, UNDELIVERED = range(16, 22)
SYSTEM = (IDENTITY, TOUCH, TOUCHED, STOP, POISON, WATCH, UNWATCH, TERMINATED, UNDELIVERED)
# Those that a node puts into lane 0, with resolve requests.
SYSTEM_CONTROL = (IDENTITY, STOP, WATCH, UNWATCH, UNDELIVERED)

PROTOCOL, SAME_NAME, NAME_TAKEN, WRONG_NAME, UNEXPECTED_NAME, SAME_ADDRESS, TOO_MANY_PEERS = range(1, 8)

RANGES_MAX = 32
MASK32 = (1 << 32) - 1
MASK64 = (1 << 64) - 1


class Invalid(Exception):
    """A packet that is dropped; its text is the reason's name."""


# ---- Arithmetic ---------------------------------------------------------------------

def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _crc_table()


def crc32c(data):
    crc = MASK32
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 255]
    return crc ^ MASK32


def near(known, low):
    step = (low - known) & MASK32
    if step >= 1 << 31:
        step -= 1 << 32
    return known + step


def type_hash(name):
    value = 2166136261
    for byte in name.encode():
        value = (value ^ byte) * 16777619 & MASK32
    return value


def types_hash(names):
    total = 0
    for name in names:
        value = type_hash(name)
        value = (value ^ value >> 15) * 0x9e3779b97f4a7c15 & MASK64
        total += value ^ value >> 31
    return total & MASK64


# ---- Protobuf -----------------------------------------------------------------------

def varint(value, width=1):
    """A varint of `width` bytes at least: a length may be longer than it needs to be."""
    out = bytearray()
    while value >= 128 or len(out) + 1 < width:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Invalid('protobuf')
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value & MASK64, at


def fields(data):
    """Yield (number, wire type, value) of each field."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        kind = tag & 7
        if tag >> 3 == 0:
            raise Invalid('protobuf')
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            if at + size > len(data):
                raise Invalid('protobuf')
            value = int.from_bytes(data[at:at + size], 'little')
            at += size
        elif kind == 2:
            size, at = read_varint(data, at)
            if at + size > len(data):
                raise Invalid('protobuf')
            value = bytes(data[at:at + size])
            at += size
        else:
            raise Invalid('protobuf')
        yield tag >> 3, kind, value


def put(number, kind, value, width=1):
    """Encode one field; kind 0, 1, 2 or 5 as in protobuf's tags."""
    tag = varint(number << 3 | kind)
    if kind == 0:
        return tag + varint(value)
    if kind == 2:
        return tag + varint(len(value), width) + value
    return tag + value.to_bytes(8 if kind == 1 else 4, 'little')


# ---- Handshake ----------------------------------------------------------------------

# name: (number, wire type), in the order of net/hermod.proto.
_HANDSHAKE = {
    'session': (1, 5), 'protocol': (2, 0), 'reason': (3, 0), 'node': (4, 1), 'started': (5, 1),
    'name': (6, 2), 'expects': (7, 2), 'attempt': (8, 0), 'types': (9, 1), 'window': (10, 0),
    'max_payload': (11, 0), 'wants_crc': (12, 0),
}


@dataclass
class Handshake:
    session: int = 0
    protocol: int = VERSION
    reason: int = 0
    node: int = 0
    started: int = 0
    name: str = ''
    expects: str = ''
    attempt: int = 0
    types: int = 0
    window: int = 0
    max_payload: int = 0
    wants_crc: int = 0

    def encode(self):
        out = b''
        for name, (number, kind) in _HANDSHAKE.items():
            value = getattr(self, name)
            if isinstance(value, str):
                value = value.encode()
            if value:
                out += put(number, kind, value)
        return out

    @classmethod
    def decode(cls, data):
        self = cls(protocol=0)
        known = {entry: name for name, entry in _HANDSHAKE.items()}
        for number, kind, value in fields(data):
            name = known.get((number, kind))
            if name is not None:
                setattr(self, name, value.decode('utf-8', 'replace') if kind == 2 else value)
        return self

    def is_complete(self):
        return bool(self.session and self.node and self.name and self.max_payload >= 508)


def handshake_packet(kind, session, handshake, version=VERSION):
    head = struct.pack('<2sBBI', b'HM', version, kind, session)
    rest = bytes(12) + handshake.encode()
    return head + struct.pack('<I', crc32c(head + rest)) + rest


# ---- Session header -----------------------------------------------------------------

_HEADER = struct.Struct('<2sBBIIIIHHIIHBBI')


@dataclass
class Packet:
    kind: int
    session: int
    number: int = 0
    sequence: int = 0
    ack: int = 0
    run: int = 0
    held: int = 0
    limit_user: int = 0
    limit_bulk: int = 0
    lane: int = 0
    window: int = 0
    crc: int = 0
    payload: bytes = b''
    version: int = VERSION
    length: int = 0
    handshake: Handshake = field(default=None)

    def encode(self, with_crc):
        head = _HEADER.pack(b'HM', self.version, self.kind, self.session, self.number & MASK32,
                            self.sequence & MASK32, self.ack & MASK32, self.run, self.held,
                            self.limit_user & MASK32, self.limit_bulk & MASK32, len(self.payload), self.lane,
                            self.window, 0)[:36]
        crc = crc32c(head + self.payload) if with_crc else 0
        return head + struct.pack('<I', crc) + self.payload

    def crc_is_right(self, data):
        """Whether `data`, the UDP payload of this packet, has the CRC that it should."""
        at = 8 if self.kind in HANDSHAKES else 36
        return crc32c(data[:at] + data[at + 4:]) == struct.unpack_from('<I', data, at)[0]


def decode_packet(data):
    """Look at a UDP payload in the order of the page's checks, up to "version"; the CRC is the caller's."""
    if len(data) < 8 or data[:2] != b'HM':
        raise Invalid('garbage')
    version, kind, session = struct.unpack_from('<BBI', data, 2)
    if not HELLO <= kind <= BYE:
        raise Invalid('garbage')
    packet = Packet(kind, session, version=version)
    if kind in HANDSHAKES:
        if len(data) < 24:
            raise Invalid('garbage')
        packet.crc = struct.unpack_from('<I', data, 8)[0]
        packet.payload = data[24:]
        return packet
    if len(data) < 40:
        raise Invalid('garbage')
    if version == VERSION:
        (_, _, _, _, packet.number, packet.sequence, packet.ack, packet.run, packet.held, packet.limit_user,
         packet.limit_bulk, packet.length, packet.lane, packet.window, packet.crc) = _HEADER.unpack_from(data)
        packet.payload = data[40:]
        if kind == DATA and packet.lane > USER:
            raise Invalid('garbage')
    return packet


# ---- Ranges -------------------------------------------------------------------------

def encode_ranges(received, ack, oldest):
    """(run, payload) for a set of numbers, none of them above `ack` or below `oldest`."""
    ranges, number = [], ack
    while number >= oldest and len(ranges) <= RANGES_MAX:
        if number not in received:
            number -= 1
            continue
        last = number
        while number - 1 >= oldest and number - 1 in received:
            number -= 1
        ranges.append((number, last))
        number -= 1
    if not ranges:
        return 0, b''
    first = ranges[0][0]
    packed = b''
    for low, high in ranges[1:]:
        packed += varint(first - high - 2) + varint(high - low)
        first = low
    return min(ack - ranges[0][0], 65535), put(1, 2, packed) if packed else b''


def decode_ranges(ack, run, payload, used_below):
    """Lists (low, high) that a packet acknowledges, the newest first; `used_below`: the next number."""
    if ack == 0:
        # A node's first packets have a run of 1,023 here.
        return []
    if ack < 0 or ack >= used_below or ack - run < 1:
        raise Invalid('ack')
    packed, ranges = b'', [(ack - run, ack)]
    for number, kind, value in fields(payload):
        if (number, kind) == (1, 2):
            packed = value
    lengths, at = [], 0
    while at < len(packed):
        value, at = read_varint(packed, at)
        lengths.append(value)
    if len(lengths) % 2:
        raise Invalid('ack')
    low = ack - run
    for missing, received in list(zip(lengths[::2], lengths[1::2]))[:RANGES_MAX]:
        high = low - missing - 2
        low = high - received
        if low < 1:
            raise Invalid('ack')
        ranges.append((low, high))
    return ranges


# ---- Batch --------------------------------------------------------------------------

@dataclass
class Envelope:
    to: int = 0
    sender: int = 0
    sender_node: int = 0
    type: int = 0
    system: int = 0
    path: str = ''
    payloads: list = field(default_factory=list)

    def lane(self):
        return CONTROL if self.system in SYSTEM_CONTROL or self.path else USER

    def encode(self, width=1, with_to=False):
        out = put(1, 1, 0) if with_to and not self.to else b''
        for number, kind, value in ((1, 1, self.to), (2, 1, self.sender), (3, 1, self.sender_node),
                                    (4, 5, self.type), (5, 0, self.system), (7, 2, self.path.encode())):
            if value:
                out += put(number, kind, value)
        for payload in self.payloads:
            out += put(6, 2, payload)
        return put(1, 2, out, width)


_ENVELOPE = {(1, 1): 'to', (2, 1): 'sender', (3, 1): 'sender_node', (4, 5): 'type', (5, 0): 'system'}


def decode_envelope(data):
    envelope = Envelope()
    for number, kind, value in fields(data):
        if (number, kind) == (6, 2):
            envelope.payloads.append(value)
        elif envelope.payloads:
            # Behind the first payload all else is skipped.
            continue
        elif (number, kind) == (7, 2):
            envelope.path = value.decode('utf-8', 'replace')
        elif (number, kind) in _ENVELOPE:
            setattr(envelope, _ENVELOPE[number, kind], value)
    return envelope


def decode_batch(data):
    """Yield its envelopes; Invalid comes behind those that precede the error."""
    for number, kind, value in fields(data):
        if (number, kind) == (1, 2):
            yield decode_envelope(value)


def encode_pid(node, local):
    return (put(1, 1, node) if node else b'') + (put(2, 1, local) if local else b'')


def decode_pid(data):
    found = {number: value for number, kind, value in fields(data) if kind == 1}
    return found.get(1, 0), found.get(2, 0)


def encode_terminated(node, local, reason):
    return put(1, 2, encode_pid(node, local)) + (put(2, 0, reason) if reason else b'')


def decode_terminated(data):
    who, reason = (0, 0), 0
    for number, kind, value in fields(data):
        if (number, kind) == (1, 2):
            who = decode_pid(value)
        elif (number, kind) == (2, 0):
            reason = value
    return who, reason
