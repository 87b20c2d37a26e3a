# SPDX-License-Identifier: Apache-2.0
"""Ethernet, ARP, IPv4, UDP and ICMP echo over a raw socket, and faults by a seed."""

import random
import select
import socket
import struct
import time

from wire import Invalid

BROADCAST = b'\xff' * 6
ETHERNET_IP, ETHERNET_ARP = 0x0800, 0x0806
ICMP, UDP = 1, 17
OUTGOING = 4


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip_bytes(text):
    return socket.inet_aton(text)


def arp(operation, mac, ip, to_mac, to_ip):
    frame = (to_mac if operation == 2 else BROADCAST) + mac + struct.pack('!H', ETHERNET_ARP)
    frame += struct.pack('!HHBBH', 1, ETHERNET_IP, 6, 4, operation) + mac + ip
    return frame + (to_mac if operation == 2 else bytes(6)) + to_ip


def ip(mac, source, to_mac, to, protocol, payload):
    head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0) + source + to
    head = head[:10] + struct.pack('!H', checksum(head)) + head[12:]
    return to_mac + mac + struct.pack('!H', ETHERNET_IP) + head + payload


def udp(source, source_port, to, to_port, data):
    """A datagram with a checksum."""
    pseudo = source + to + struct.pack('!BBH', 0, UDP, 8 + len(data))
    head = struct.pack('!HHH', source_port, to_port, 8 + len(data))
    value = checksum(pseudo + head + b'\0\0' + data) or 0xffff
    return head + struct.pack('!H', value) + data


def parse_ip(frame):
    """(protocol, source, to, payload) of an Ethernet frame with IPv4."""
    packet = frame[14:]
    if len(packet) < 20 or packet[0] >> 4 != 4 or (packet[0] & 15) < 5:
        raise Invalid('header')
    size = (packet[0] & 15) * 4
    total = struct.unpack_from('!H', packet, 2)[0]
    if total < size or total > len(packet):
        raise Invalid('truncated')
    if checksum(packet[:size]):
        raise Invalid('checksum')
    if struct.unpack_from('!H', packet, 6)[0] & 0x3fff:
        raise Invalid('fragment')
    return packet[9], packet[12:16], packet[16:20], packet[size:total]


def parse_udp(source, to, datagram):
    """(source port, destination port, payload)."""
    if len(datagram) < 8:
        raise Invalid('truncated')
    from_port, to_port, length, value = struct.unpack_from('!HHHH', datagram)
    if length < 8 or length > len(datagram):
        raise Invalid('truncated')
    datagram = datagram[:length]
    if value and checksum(source + to + struct.pack('!BBH', 0, UDP, length) + datagram):
        raise Invalid('checksum')
    return from_port, to_port, datagram[8:]


class Faults:
    """Loses, doubles and holds back frames; the same ones for the same seed and order of calls."""

    def __init__(self, seed=0, share=0.0):
        self.random = random.Random(seed)
        self.share = share
        self.late = []
        self.counts = {'lost': 0, 'doubled': 0, 'late': 0}

    def pass_on(self, frame, now):
        """The frames that go on now."""
        out, held = [], []
        for frames_left, until, late in self.late:
            if frames_left <= 1 or now >= until:
                out.append(late)
            else:
                held.append((frames_left - 1, until, late))
        self.late = held
        if frame is None:
            return out
        draw = self.random.random()
        if draw < self.share:
            self.counts['lost'] += 1
        elif draw < 2 * self.share:
            self.counts['doubled'] += 1
            out += [frame, frame]
        elif draw < 3 * self.share:
            self.counts['late'] += 1
            self.late.append((self.random.randint(1, 8), now + 5_000_000, frame))
        else:
            out.append(frame)
        return out


class Link:
    """One end of a veth pair."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((name, 0))
        self.socket.setblocking(False)
        self.mac = self.socket.getsockname()[4]
        self.sending, self.receiving = Faults(), Faults()
        self.trace = None

    def close(self):
        self.socket.close()

    def log(self, mark, frame):
        if self.trace is not None:
            self.trace.write('%.6f %s %s\n' % (time.monotonic(), mark, frame.hex()))

    def send(self, frame):
        for each in self.sending.pass_on(frame, time.monotonic_ns()):
            self.log('>', each)
            try:
                self.socket.send(each)
            except OSError:
                # The other end is not up, or its queue is full: a frame that is lost.
                pass

    def receive(self, seconds):
        """Frames that have come, within `seconds`."""
        select.select([self.socket], [], [], max(0, seconds))
        out = []
        for _ in range(64):
            try:
                frame, address = self.socket.recvfrom(65536)
            except (BlockingIOError, OSError):
                break
            if address[2] == OUTGOING:
                continue
            self.log('<', frame)
            out += self.receiving.pass_on(frame, time.monotonic_ns())
        out += self.receiving.pass_on(None, time.monotonic_ns())
        for each in self.sending.pass_on(None, time.monotonic_ns()):
            self.socket.send(each)
        return out
