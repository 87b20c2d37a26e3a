# SPDX-License-Identifier: Apache-2.0
"""What must be refused, dropped or ignored, on both sides."""

import struct
import time

import frame
import wire
from cases_talk import Sink, client, server
from node import OPEN
from scene import NUMBERS, TIMEOUT_MS, Scene, check, number_of, numbers
from wire import ACK, DATA, HELLO, REJECT, WELCOME, Envelope, Handshake


def hello(second, **more):
    said = second.say(session=second.new_id(), attempt=1)
    for name, value in more.items():
        setattr(said, name, value)
    return said


def case_refused_handshakes(programs):
    """HELLOs that the node must refuse, drop or ignore."""
    with server(programs, 20) as scene:
        node = scene.node
        scene.real.wait_for('link is up')
        check(node.find(scene.far_ip), 'no answer to ARP')

        def rejected(packet, session, reason):
            got = scene.answers(REJECT, packet)
            check(len(got) == 1, '%d REJECTs for %d' % (len(got), reason))
            answer = wire.decode_packet(got[0])
            said = Handshake.decode(answer.payload)
            check(answer.version == 3 and answer.crc_is_right(got[0]), 'REJECT: version or CRC')
            check((answer.session, said.session, said.reason, said.protocol, said.name) ==
                  (session, session, reason, 3, 'server') and said.node, 'REJECT: %r' % said)

        # Another version: whatever follows fields 1 to 3, and whatever the CRC.
        other = hello(node, protocol=4)
        for version in (1, 2, 4, 255):
            rejected(wire.handshake_packet(HELLO, 0, other, version), other.session, wire.PROTOCOL)
        strange = Handshake(session=77, protocol=9).encode() + wire.put(4, 2, b'not a number') + wire.put(12, 5, 1)
        rejected(struct.pack('<2sBBI', b'HM', 9, HELLO, 0) + b'\xff' * 16 + strange, 77, wire.PROTOCOL)

        wrong = hello(node, expects='nobody')
        rejected(wire.handshake_packet(HELLO, 0, wrong), wrong.session, wire.WRONG_NAME)
        same = hello(node, name='server')
        rejected(wire.handshake_packet(HELLO, 0, same), same.session, wire.SAME_NAME)

        for text, said in (('name', hello(node, name='')), ('session', hello(node, session=0)),
                           ('node', hello(node, node=0)), ('max_payload', hello(node, max_payload=507))):
            packet = wire.handshake_packet(HELLO, 0, said)
            check(not scene.answers(WELCOME, packet, 0.2) + scene.answers(REJECT, packet, 0.2), 'HELLO: ' + text)
        packet = bytearray(wire.handshake_packet(HELLO, 0, hello(node)))
        packet[8] ^= 1
        check(not scene.answers(WELCOME, bytes(packet)), 'WELCOME for a wrong CRC')

        # The least payload, bytes that are ignored, unknown fields; and the same again is the same answer.
        said = hello(node, max_payload=508)
        head = struct.pack('<2sBBI', b'HM', 3, HELLO, 0)
        rest = b'\xee' * 12 + said.encode() + wire.put(99, 2, b'new') + wire.put(98, 0, 5)
        packet = head + struct.pack('<I', wire.crc32c(head + rest)) + rest
        first, second = scene.answers(WELCOME, packet), scene.answers(WELCOME, packet)
        check(first and first == second, 'WELCOMEs: %r' % (first + second))
        welcome = Handshake.decode(wire.decode_packet(first[0]).payload)
        check(wire.decode_packet(first[0]).session == said.session and welcome.attempt == 0, 'WELCOME %r' % welcome)
        # A later attempt replaces it; an earlier one is late.
        later = hello(node, attempt=3)
        packet = wire.handshake_packet(HELLO, 0, later)
        node.run(lambda: scene.answers(WELCOME, packet, 0.1), 3)
        late = wire.handshake_packet(HELLO, 0, hello(node, attempt=2))
        check(not scene.answers(WELCOME, late), 'WELCOME for a late HELLO')
        check(scene.answers(WELCOME, packet), 'no WELCOME for the latest')
        scene.finish()


def case_protocol_field(programs):
    """A header of version 3 whose `protocol` is another: what the node says is shown."""
    with server(programs, 21) as scene:
        scene.real.wait_for('link is up')
        check(scene.node.find(scene.far_ip), 'no answer to ARP')
        packet = wire.handshake_packet(HELLO, 0, hello(scene.node, protocol=4))
        got = scene.answers(REJECT, packet, 0.3)
        check(not scene.answers(WELCOME, packet, 0.3), 'WELCOME')
        return 'REJECT %d' % Handshake.decode(wire.decode_packet(got[0]).payload).reason if got else 'dropped'


def case_other_port(programs):
    """WELCOME goes to the port that HELLO came from, and the session is of this port."""
    with server(programs, 22) as scene:
        node = scene.node
        scene.real.wait_for('link is up')
        check(node.find(scene.far_ip), 'no answer to ARP')
        got = []

        def look(data):
            if data[12:14] == b'\x08\0':
                protocol, source, to, payload = frame.parse_ip(data)
                if protocol == frame.UDP and frame.parse_udp(source, to, payload)[1] == 4000:
                    got.append(frame.parse_udp(source, to, payload)[2])
        node.on_frame = look
        packet = wire.handshake_packet(HELLO, 0, hello(node))
        node.send_ip(node.neighbours[node.find(scene.far_ip) and scene.far_address[0]], scene.far_address[0], frame.UDP,
                     frame.udp(node.ip, 4000, scene.far_address[0], wire.PORT, packet))
        check(node.run(lambda: got, 3) and got[0][3] == WELCOME, 'no WELCOME at port 4000')


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
            return scene.craft(peer, DATA, **{'lane': 1, 'sequence': lane.next_sequence, 'payload': batch, **more})

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
            head = b'\x46\0' + struct.pack('!H', 24 + len(datagram)) + data[18:24] + b'\0\0' + data[26:34] + b'\1' * 4
            return data[:14] + head[:10] + struct.pack('!H', frame.checksum(head)) + head[12:] + datagram
        check(send(plain), 'plain')
        check(send(lambda datagram: plain(datagram) + b'pad' * 7), 'padding')
        check(send(with_options), 'IP options')
        check(send(lambda datagram: plain(datagram[:6] + b'\0\0' + datagram[8:])), 'no UDP checksum')
        check(not send(lambda datagram: plain(datagram[:6] + b'\x12\x34' + datagram[8:])), 'UDP checksum')
        check(not send(lambda datagram: edited(plain(datagram), 24, b'\x12\x34', False)), 'IPv4 checksum')
        check(not send(lambda datagram: edited(plain(datagram), 20, b'\x20\0')), 'fragment')
        check(not send(lambda datagram: edited(plain(datagram), 6, b'\x03')), 'martian Ethernet')
        check(not send(lambda datagram: plain(datagram[:2] + b'\0\x09' + datagram[4:6] + b'\0\0' + datagram[8:])),
              'another port')
        check(not send(lambda datagram: plain(frame.udp(node.ip, 4000, far, wire.PORT, datagram[8:]))), 'source')

        echoes = []
        node.on_icmp = lambda _, source, payload: echoes.append(payload)
        node.send_ip(mac, far, frame.ICMP, b'\x08\0' + node.with_checksum(b'\x08\0', b'\0\1\0\2' + b'hello'))
        check(node.run(lambda: echoes, 2) and echoes[0][:2] == b'\0\0' and echoes[0][4:] == b'\0\1\0\2hello', 'echo')
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


def case_refuses(programs):
    """This node refuses the real one, which asks again until it does not."""
    with client(programs, 26) as scene:
        Sink(scene.node)
        hellos = []

        def refuse(said):
            hellos.append(said)
            return wire.NAME_TAKEN if len(hellos) <= 4 else 0
        scene.node.refuse = refuse
        scene.until(lambda: scene.open_peer() is not None, 'WELCOME after REJECT', 10)
        check(all(each == hellos[0] for each in hellos), 'HELLOs differ: %r' % hellos)
        scene.says('answered')
        scene.node.bye(scene.open_peer())
        scene.finish()
        return 'after %d HELLOs' % len(hellos)


def case_other_version(programs):
    """This node is of version 4, and says so; the real one does not take its WELCOME."""
    with client(programs, 27) as scene:
        node = scene.node
        node.version = 4
        seen = []

        def answer(address, packet):
            seen.append(packet.handshake.session)
            said = node.say(session=5)
            kind = REJECT if len(seen) == 1 else WELCOME
            if kind == REJECT:
                said = Handshake(session=seen[-1], protocol=4, reason=wire.PROTOCOL, node=node.id, name='server')
            node.send_raw(address, wire.handshake_packet(kind, seen[-1], said, 4))
        node.on_hello = answer
        scene.until(lambda: len(seen) >= 4, 'HELLO after another version', 10)
        check(len(set(seen)) == 1, 'ids')
        check(not node.seen[DATA] + node.seen[ACK], 'it has opened')
        check(not any('connected' in line for line in scene.real.lines), 'connected')


def case_wrong_name(programs):
    """A WELCOME of a node that the caller did not expect."""
    with client(programs, 28) as scene:
        node = scene.node
        seen = []

        def answer(address, packet):
            seen.append(packet.handshake.session)
            said = node.say(session=5)
            said.name = 'another'
            node.send_raw(address, wire.handshake_packet(WELCOME, seen[-1], said))
        node.on_hello = answer
        scene.until(lambda: len(seen) >= 3, 'HELLO after another name', 10)
        check(len(set(seen)) == 1 and not node.seen[DATA] + node.seen[ACK], 'it has opened')


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


def case_replaced(programs):
    """HELLOs beside an open session: of the same node, of others, from elsewhere."""
    with server(programs, 31) as scene:
        node = scene.node
        scene.real.wait_for('link is up')
        peer = scene.call()

        def answer(ip='10.79.0.1', **more):
            former, node.ip = node.ip, frame.ip_bytes(ip)
            packet = wire.handshake_packet(HELLO, 0, hello(node, **more))
            got = []
            for kind in (WELCOME, REJECT, WELCOME):
                got += scene.answers(kind, packet, 0.2)
            node.ip = former
            return [(each[3], Handshake.decode(wire.decode_packet(each).payload).reason) for each in got[:1]]
        taken = [(REJECT, wire.NAME_TAKEN)]
        check(scene.answers(WELCOME, wire.handshake_packet(HELLO, 0, peer.own)), 'the same HELLO')
        check(not answer(attempt=1), 'the same attempt')
        check(answer('10.79.0.3', node=5, started=time.time_ns()) == taken, 'the name from elsewhere')
        check(answer('10.79.0.4', name='other', attempt=2) == taken, 'the id from elsewhere')
        check(answer(node=5, started=node.started - 1) == [], 'an older node')
        check(answer('10.79.0.2', node=6, name='other') == [(REJECT, wire.SAME_ADDRESS)], 'the node\'s own address')
        check(answer('10.79.0.5', node=peer.theirs.node, name='other') == [(REJECT, wire.SAME_NAME)], 'the node\'s id')
        said = Handshake(session=peer.theirs.session, reason=wire.SAME_NAME, node=node.id, name=node.name)
        node.send_raw(scene.far_address, wire.handshake_packet(REJECT, peer.theirs.session, said))
        check(scene.resolve(peer, '/user/sink'), 'the session has not lasted')
        check(not any('lost' in line for line in scene.real.lines), 'the session was lost')
        check(answer(node=5, started=time.time_ns()) == [(WELCOME, 0)], 'a newer node')
        scene.says('lost')
        scene.finish()


def case_repeated_hello(programs):
    """HELLO comes after 20 ms and doubled times, and after a REJECT each 500 ms."""
    with client(programs, 32) as scene:
        times, said = [], []

        def look(address, packet):
            times.append(time.monotonic())
            said.append(packet.payload)
            if len(times) == 3:
                scene.node.reject(address, packet.handshake.session, wire.NAME_TAKEN)
        scene.node.on_hello = look
        scene.until(lambda: len(times) >= 6, 'HELLOs')
        gaps = [round((later - earlier) * 1000) for earlier, later in zip(times, times[1:])]
        check(len(set(said)) == 1, 'HELLOs differ')
        check(all(-2 <= gap - least < 300 for gap, least in zip(gaps, (20, 40, 500, 500, 500))), repr(gaps))
        return ' '.join(map(str, gaps)) + ' ms'


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
