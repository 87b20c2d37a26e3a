# SPDX-License-Identifier: Apache-2.0
"""Packets and frames that are dropped, or not acknowledged, and odd ones that are taken."""

import struct
import time

import frame
import wire
from cases_talk import Sink, client, server
from node import OPEN
from scene import NUMBERS, TIMEOUT_MS, Scene, check, number_of, numbers
from wire import ACK, DATA, Envelope


def case_dropped_packets(programs):
    """Packets of an open session that must not be acknowledged, and odd ones that must."""
    with server(programs, 23) as scene:
        scene.real.wait_for('link is up')
        peer = scene.call()
        sink = scene.resolve(peer, '/user/sink')
        scene.node.rest(0.1)
        batch = Envelope(to=sink, type=NUMBERS, payloads=[numbers(0)]).encode()
        lane = peer.session.lanes[1]

        def data(**more):
            values = {'lane': 1, 'sequence': lane.next_sequence, 'payload': batch, **more}
            return scene.craft(peer, DATA, **values)

        def dropped(text, crafted):
            number, packet = crafted
            scene.node.send_raw(scene.far_address, packet)
            check(not scene.is_named(peer, number), 'acknowledged: ' + text)

        def taken(text, crafted):
            number, packet = crafted
            scene.node.send_raw(scene.far_address, packet)
            check(scene.is_named(peer, number), 'not acknowledged: ' + text)

        def damaged(at, crafted):
            packet = bytearray(crafted[1])
            packet[at] ^= 1
            return crafted[0], bytes(packet)

        def resealed(change, crafted):
            packet = bytearray(crafted[1])
            change(packet)
            packet[36:40] = struct.pack('<I', wire.crc32c(bytes(packet[:36] + packet[40:])))
            return crafted[0], bytes(packet)

        dropped('wrong CRC', damaged(36, data()))
        dropped('wrong payload', damaged(45, data()))
        dropped('wrong header', damaged(24, data()))
        dropped('version 2', resealed(lambda packet: packet.__setitem__(2, 2), data()))
        dropped('kind 7', resealed(lambda packet: packet.__setitem__(3, 7), data()))
        dropped('no magic', resealed(lambda packet: packet.__setitem__(0, 0x49), data()))
        dropped('lane 2', data(lane=2, sequence=1))
        dropped('lane 3', data(lane=3))
        dropped('a longer length', resealed(lambda packet: packet.__setitem__(32, packet[32] + 1), data()))
        dropped('a shorter length', resealed(lambda packet: packet.__setitem__(32, packet[32] - 1), data()))
        dropped('unknown session', data(session=peer.theirs.session ^ 1))
        dropped('ack of an unused number', data(ack=peer.session.greatest + 100000))
        dropped('odd Ranges', scene.craft(peer, ACK, payload=bytes.fromhex('0a0100')))
        dropped('an odd field before another', scene.craft(peer, ACK, payload=bytes.fromhex('0a01000a00')))
        dropped('Ranges below 1', scene.craft(peer, ACK, payload=bytes.fromhex('0a0200ff')))
        dropped('sequence beyond credit', data(sequence=lane.limit))
        dropped('control beyond 16', data(lane=0, sequence=peer.session.lanes[0].next_sequence + 16))
        number, packet = data(ahead=65536 + 100)
        scene.node.send_raw(scene.far_address, packet)
        # What follows must not be too far ahead, too.
        peer.session.next_number = number - 65536 - 100
        check(not scene.is_named(peer, number), 'acknowledged: number far ahead')

        # Nothing of it was delivered: this is still the next piece, and comes with all that is odd but right.
        odd = Envelope(to=sink, type=NUMBERS, payloads=[numbers(0)])
        unknown = wire.put(16, 0, 3) + wire.put(17, 5, 1) + wire.put(18, 1, 1) + wire.put(19, 2, b'x')
        body = wire.put(1, 1, 12) + wire.put(1, 1, sink) + unknown + wire.put(4, 5, NUMBERS) + \
            wire.put(6, 2, numbers(0), 3) + wire.put(4, 5, 99)
        taken('unknown fields', data(payload=unknown + wire.put(1, 2, body, 5) + odd.encode(2)))
        lane.next_sequence += 1
        taken('no bytes', data(payload=b''))
        lane.next_sequence += 1
        taken('ACK of ack 0', scene.craft(peer, ACK, ack=0, run=0))
        taken('unknown field in ACK', scene.craft(peer, ACK, payload=wire.put(2, 0, 1)))
        taken('two fields', scene.craft(peer, ACK, payload=bytes.fromhex('0a0200000a00')))
        again = scene.craft(peer, DATA, lane=1, sequence=lane.next_sequence - 1)
        acks = scene.answers(ACK, again[1], 0.2)
        check(acks, 'no ACK for a piece that was received before')
        taken('a piece again', again)
        far = peer.session.last_ranges[0][1] + 65536 - peer.session.next_number
        taken('the greatest number', scene.craft(peer, ACK, ahead=far))
        answer, payload = scene.ask(peer, Envelope(to=sink, type=NUMBERS, payloads=[numbers(0, 1)]))
        check(answer.type == NUMBERS and number_of(payload) == 0, 'answer %r' % answer)
        check(peer.state == OPEN and not peer.session.is_over, 'the session is over')
        scene.node.bye(peer)
        scene.finish()


def case_frames(programs):
    """Frames: padding, options, no checksum, wrong ones, fragments, echo."""
    with server(programs, 24) as scene:
        node = scene.node
        scene.real.wait_for('link is up')
        peer = scene.call()
        mac, far = node.neighbours[scene.far_address[0]], scene.far_address[0]

        def send(change):
            number, packet = scene.craft(peer, ACK)
            datagram = frame.udp(node.ip, wire.PORT, far, wire.PORT, packet)
            node.link.send(change(datagram))
            return scene.is_named(peer, number)

        def plain(datagram):
            return frame.ip(node.link.mac, node.ip, mac, far, frame.UDP, datagram)

        def edited(data, at, value, is_sealed=True):
            data = data[:at] + value + data[at + len(value):]
            if is_sealed:
                head = data[14:24] + b'\0\0' + data[26:34]
                data = data[:24] + struct.pack('!H', frame.checksum(head)) + data[26:]
            return data

        def with_options(datagram):
            data = plain(datagram)
            head = b'\x46\0' + struct.pack('!H', 24 + len(datagram)) + data[18:24] + b'\0\0' + data[26:34]
            head += b'\1' * 4
            return data[:14] + head[:10] + struct.pack('!H', frame.checksum(head)) + head[12:] + datagram
        check(send(plain), 'plain')
        check(send(lambda datagram: plain(datagram) + b'pad' * 7), 'padding')
        check(send(with_options), 'IP options')
        check(send(lambda datagram: plain(datagram[:6] + b'\0\0' + datagram[8:])), 'no UDP checksum')
        check(not send(lambda datagram: plain(datagram[:6] + b'\x12\x34' + datagram[8:])), 'UDP checksum')
        check(not send(lambda datagram: edited(plain(datagram), 24, b'\x12\x34', False)), 'IPv4 checksum')
        check(not send(lambda datagram: edited(plain(datagram), 20, b'\x20\0')), 'fragment')
        check(not send(lambda datagram: edited(plain(datagram), 6, b'\x03')), 'martian Ethernet')

        def with_ports(source, to):
            return lambda datagram: plain(frame.udp(node.ip, source, far, to, datagram[8:]))
        check(send(with_ports(wire.PORT, wire.PORT)), 'the ports')
        check(not send(with_ports(wire.PORT, 9)), 'another port')
        check(not send(with_ports(4000, wire.PORT)), 'source')

        echoes = []
        node.on_icmp = lambda _, source, payload: echoes.append(payload)
        node.send_ip(mac, far, frame.ICMP, b'\x08\0' + node.with_checksum(b'\x08\0', b'\0\1\0\2' + b'hello'))
        check(node.run(lambda: echoes, 2), 'no echo')
        check(echoes[0][:2] == b'\0\0' and echoes[0][4:] == b'\0\1\0\2hello', 'echo')
        scene.node.bye(peer)
        scene.finish()


def case_unknown_session(programs):
    """After BYE nothing is answered under the session's ids, and a new session is another one."""
    with server(programs, 25) as scene:
        scene.real.wait_for('link is up')
        peer = scene.call()
        scene.node.bye(peer)
        scene.says('disconnected')
        _, packet = scene.craft(peer, DATA, lane=1, sequence=1, payload=b'')
        check(not scene.answers(ACK, packet), 'ACK for a session that is over')
        again = scene.call()
        check(again.theirs.session != peer.theirs.session and again.own.attempt == 2, 'ids')
        check(scene.resolve(again, '/user/sink'), 'no answer in the second session')
        scene.node.bye(again)
        scene.finish()


def case_unacknowledged(programs):
    """What is never acknowledged comes again, with numbers of its own, and ends the session."""
    with client(programs, 29) as scene:
        Sink(scene.node)
        got = []
        former = scene.node.on_packet

        def look(address, data):
            if data[3] != DATA:
                former(address, data)
                return
            packet = wire.decode_packet(data)
            peer = scene.node.peers[packet.session]
            if peer.theirs.attempt > 1:
                return
            if not got:
                scene.node.open(peer)
            got.append(packet)
            # Heard, but not received: heartbeats go on.
            peer.session.heard_at = time.monotonic_ns()
        scene.node.on_packet = look
        scene.until(lambda: len(got) > 5, 'probes')
        check(len({packet.number for packet in got}) == len(got), 'a number twice')
        check(len({(packet.lane, packet.sequence, packet.payload) for packet in got}) == 1, 'pieces')
        scene.until(lambda: scene.real.has('lost'), 'end without progress', TIMEOUT_MS / 1000 + 3)
        scene.finish()
        check(got[-1].ack > 3, 'it has not received the heartbeats')
        return '%d packets of one piece' % len(got)


def case_stop_unacknowledged(programs):
    """A node that stops waits 100 ms for what is not acknowledged, and then says BYE."""
    with server(programs, 30) as scene:
        scene.real.wait_for('link is up')
        peer = scene.call()
        scene.node.rest(0.1)
        byes = []
        former = scene.node.on_packet

        def look(address, data):
            if data[3] == wire.BYE:
                byes.append(time.monotonic())
            elif data[3] != DATA:
                former(address, data)
        scene.node.on_packet = look
        scene.node.send(peer, Envelope(sender=1 << 32 | 1, path='/user/sink'))
        scene.node.rest(0.1)
        start = time.monotonic()
        scene.real.terminate()
        scene.until(lambda: len(byes) == 2, 'BYE')
        check(byes[0] - start >= 0.1, 'BYE after %f s' % (byes[0] - start))
        return 'BYE after %.0f ms' % ((byes[0] - start) * 1000)


def case_no_crc(programs):
    """Who does not ask for a CRC gets none, and need not have one."""
    with Scene(programs, 'server', ['--node', 'server', '--packet-crc', 'off'], seed=33) as scene:
        node = scene.node
        node.wants_crc = 0
        scene.real.wait_for('link is up')
        fields = set()
        former = node.on_packet

        def look(address, data):
            if data[3] in (DATA, ACK):
                fields.add(data[36:40])
            former(address, data)
        node.on_packet = look
        peer = scene.call()
        check(not peer.theirs.wants_crc, 'it asks for a CRC')
        check(scene.resolve(peer, '/user/sink'), 'no answer')
        number, packet = scene.craft(peer, ACK)
        node.send_raw(scene.far_address, packet[:36] + b'free' + packet[40:])
        check(scene.is_named(peer, number), 'the field was looked at')
        check(fields == {bytes(4)}, repr(fields))
        node.bye(peer)
        scene.finish()


def case_numbers_wrap(programs):
    """Numbers beyond 2^32: those that were taken need not be sent, so that each may be 65,536 further."""
    with Scene(programs, 'server', ['--node', 'server', '--packet-crc', 'off'], seed=35) as scene:
        scene.node.wants_crc = 0
        scene.real.wait_for('link is up')
        peer = scene.call()
        session, sink = peer.session, scene.resolve(peer, '/user/sink')
        while session.next_number + (64 << 16) < 1 << 32:
            for _ in range(64):
                session.next_number += 65535
                session.packet(ACK, time.monotonic_ns())
            # Slower than the node's receive queue overflows.
            check(scene.resolve(peer, '/user/sink') == sink, 'lost at %d' % session.next_number)
        while session.next_number + 65535 < 1 << 32:
            session.next_number += 65535
            session.packet(ACK, time.monotonic_ns())
        # The header has number 0 in DATA, and ack 0 in what comes back.
        session.next_number = 1 << 32
        check(scene.is_named(peer, 1 << 32), 'number 2^32 was not received')
        check(scene.resolve(peer, '/user/sink') == sink, 'no answer at %d' % session.next_number)
        check(session.is_idle(), 'not all was acknowledged')
        check(scene.node.bye(peer), 'not all was acknowledged')
        scene.says('disconnected')
        scene.finish()
        return 'number %d' % session.next_number


def case_gaps(programs):
    """Pieces on both sides of missing numbers, which are answered at once: when is each acknowledged?"""
    with server(programs, 36) as scene:
        node = scene.node
        scene.real.wait_for('link is up')
        peer = scene.call()
        session, sink = peer.session, scene.resolve(peer, '/user/sink')
        node.rest(0.1)
        named, answers = {}, []
        former = node.on_packet

        def look(address, data):
            packet = wire.decode_packet(data)
            if packet.kind in (DATA, ACK):
                payload = packet.payload if packet.kind == ACK else b''
                for low, high in wire.decode_ranges(packet.ack, packet.run, payload, session.next_number):
                    for number in range(low, high + 1):
                        named.setdefault(number, (time.monotonic() - start) * 1000)
            former(address, data)
        process = node.spawn(lambda _, answer, payload: answers.append(number_of(payload)))
        lane, packets = session.lanes[1], []
        for turn in range(3):
            batch = Envelope(to=sink, sender=process.local, type=NUMBERS, payloads=[numbers(0, 1)]).encode()
            packets.append(scene.craft(peer, DATA, ahead=turn > 0, lane=1, sequence=lane.next_sequence,
                                       payload=batch))
            lane.next_sequence += 1
        start, node.on_packet = time.monotonic(), look
        for _, packet in packets:
            node.send_raw(scene.far_address, packet)
        scene.until(lambda: all(number in named for number, _ in packets), 'acknowledgement')
        check(len(answers) == 3, 'answers %r' % answers)
        node.bye(peer)
        scene.finish()
        return 'after ' + ', '.join('%.1f' % named[number] for number, _ in packets) + ' ms'
