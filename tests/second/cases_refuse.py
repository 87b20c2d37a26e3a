# SPDX-License-Identifier: Apache-2.0
"""Handshakes that are refused, dropped or ignored, on both sides."""

import struct
import time

import frame
import wire
from cases_talk import Sink, client, server
from scene import check
from wire import ACK, DATA, HELLO, REJECT, WELCOME, Handshake


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
        strange = Handshake(session=77, protocol=9).encode() + wire.put(4, 2, b'none') + wire.put(12, 5, 1)
        rejected(struct.pack('<2sBBI', b'HM', 9, HELLO, 0) + b'\xff' * 16 + strange, 77, wire.PROTOCOL)

        wrong = hello(node, expects='nobody')
        rejected(wire.handshake_packet(HELLO, 0, wrong), wrong.session, wire.WRONG_NAME)
        same = hello(node, name='server')
        rejected(wire.handshake_packet(HELLO, 0, same), same.session, wire.SAME_NAME)

        for text, said in (('name', hello(node, name='')), ('session', hello(node, session=0)),
                           ('node', hello(node, node=0)), ('max_payload', hello(node, max_payload=507))):
            packet = wire.handshake_packet(HELLO, 0, said)
            got = scene.answers(WELCOME, packet, 0.2) + scene.answers(REJECT, packet, 0.2)
            check(not got, 'HELLO: ' + text)
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
        check(wire.decode_packet(first[0]).session == said.session, 'id in the header of WELCOME')
        check(welcome.attempt == 0, 'WELCOME %r' % welcome)
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
        far = scene.far_address[0]
        node.send_ip(node.neighbours[far], far, frame.UDP, frame.udp(node.ip, 4000, far, wire.PORT, packet))
        check(node.run(lambda: got, 3) and got[0][3] == WELCOME, 'no WELCOME at port 4000')


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
                said = Handshake(session=seen[-1], protocol=4, reason=wire.PROTOCOL, node=node.id,
                                 name='server')
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
        check(answer('10.79.0.2', node=6, name='other') == [(REJECT, wire.SAME_ADDRESS)], 'its address')
        same = answer('10.79.0.5', node=peer.theirs.node, name='other')
        check(same == [(REJECT, wire.SAME_NAME)], 'its id')
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


def case_configured_peer(programs):
    """A node that has a --peer takes neither its name from elsewhere nor another name from there."""
    with client(programs, 34) as scene:
        node = scene.node
        Sink(node)
        node.on_hello = lambda address, packet: None
        check(node.find(scene.far_ip), 'no answer to ARP')
        scene.until(lambda: node.seen[HELLO], 'HELLO')
        for ip, name, reason in (('10.79.0.1', 'other', wire.UNEXPECTED_NAME),
                                 ('10.79.0.3', 'server', wire.NAME_TAKEN)):
            node.ip = frame.ip_bytes(ip)
            got = scene.answers(REJECT, wire.handshake_packet(HELLO, 0, hello(node, name=name)))
            check(got, 'no REJECT for %s at %s' % (name, ip))
            said = Handshake.decode(wire.decode_packet(got[0]).payload)
            check(said.reason == reason, 'REJECT %r for %s at %s' % (said, name, ip))
        node.ip = frame.ip_bytes('10.79.0.1')
        del node.on_hello
        scene.is_called()
        scene.node.bye(scene.open_peer())
        scene.finish()
