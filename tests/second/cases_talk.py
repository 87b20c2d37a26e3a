# SPDX-License-Identifier: Apache-2.0
"""Sessions as they should be: called, calling, both; messages, watches, faults, the end."""

import time

import wire
from node import OPEN
from scene import BALL, NUMBERS, TIMEOUT_MS, Scene, check, number_of, numbers
from wire import Envelope

FAULTS = 0.05


class Sink:
    """The server of tests/net/net_node.h: counts, and answers what asks for it."""

    def __init__(self, node, path='/user/sink'):
        self.node, self.got, self.last, self.wrong = node, 0, 0, []
        self.process = node.spawn(self.receive, path)

    def receive(self, process, envelope, payload):
        a = number_of(payload)
        if envelope.type != NUMBERS:
            return
        if a and self.last and a != self.last + 1:
            self.wrong.append((self.last, a))
        self.last = a
        self.got += 1
        if number_of(payload, 4):
            for peer in self.node.peers.values():
                if peer.theirs and peer.theirs.node == envelope.sender_node:
                    self.node.send(peer, Envelope(to=envelope.sender, sender=process.local, type=NUMBERS,
                                                  payloads=[numbers(a)]))


def client(programs, seed, share=0.0):
    """The real node calls this one, which has the name server."""
    options = ['--node', 'client', '--peer', 'server@10.79.0.1']
    return Scene(programs, 'client', options, name='server', share=share, seed=seed)


def server(programs, seed, share=0.0):
    """The real node is called."""
    return Scene(programs, 'server', ['--node', 'server'], share=share, seed=seed)


def counts(peer, link=None):
    said = dict(peer.session.counts)
    if link is not None:
        said['lost'] = link.sending.counts['lost'], link.receiving.counts['lost']
    return ' '.join('%s %s' % pair for pair in said.items() if pair[1])


def called(programs, share, seed, amount):
    with client(programs, seed, share) as scene:
        sink = Sink(scene.node)
        peer = scene.is_called()
        check(scene.node.seen['arp probe'] >= 3 or share, 'no probes of its address')
        check(peer.theirs.attempt == 1 and peer.theirs.expects == 'server', 'HELLO: %r' % peer.theirs)
        scene.says('answered')
        scene.says('flowing')
        scene.until(lambda: sink.got >= amount, '%d messages' % amount, 60)
        check(not sink.wrong, 'order: %r' % sink.wrong)
        check(len(sink.process.watchers) == 1, 'no watch')
        # It is stopped, and its watcher is told; another one is found under the path.
        scene.node.end(sink.process)
        sink = Sink(scene.node)
        scene.says('terminated 0')
        scene.says('answered')
        check(scene.node.bye(peer), 'not all was acknowledged')
        scene.says('terminated 3')
        scene.until(lambda: scene.open_peer() is not None, 'second session')
        again = scene.open_peer()
        check(again.theirs.attempt == 2, 'attempt %d' % again.theirs.attempt)
        # Both BYEs may be lost.
        byes = scene.stop_real()
        check(byes == 2 or share, '%d BYEs' % byes)
        scene.finish()
        return counts(peer, scene.link)


def case_called(programs):
    return called(programs, 0, 1, 20000)


def case_called_faults(programs):
    return called(programs, FAULTS, 2, 30000)


def talk(programs, share, seed, amount):
    with server(programs, seed, share) as scene:
        scene.real.wait_for('link is up')
        peer = scene.call(expects='server')
        check(peer.theirs.attempt == 0, 'WELCOME %r' % peer.theirs)
        check(peer.theirs.types == peer.own.types, 'types %x' % peer.theirs.types)
        sink = scene.resolve(peer, '/user/sink')
        check(sink, '/user/sink is not there')
        check(scene.resolve(peer, '/user/nobody') == 0, '/user/nobody is there')

        answer, payload = scene.ask(peer, Envelope(to=sink, system=wire.TOUCH))
        check(answer.system == wire.TOUCHED, 'answer %r' % answer)
        check(wire.decode_pid(payload) == (peer.theirs.node, sink), 'touched')
        answer, payload = scene.ask(peer, Envelope(to=sink, type=NUMBERS, payloads=[numbers(0, 1)]))
        check(answer.type == NUMBERS and number_of(payload) == 0, 'answer %r' % answer)

        # In order, and all of it: the last one is answered, and the node prints what is wrong.
        replies = []
        process = scene.node.spawn(lambda *received: replies.append(number_of(received[2])))
        for a in range(1, amount + 1):
            scene.node.send(peer, Envelope(to=sink, sender=process.local, type=NUMBERS,
                                           payloads=[numbers(a, a % 100 == 0)]))
            if len(peer.waiting[1]) >= 500:
                scene.until(lambda: len(peer.session.lanes[1].waiting) < 20, 'credit', 60)
        scene.until(lambda: len(replies) >= amount // 100, '%d answers' % (amount // 100), 60)
        check(replies == list(range(100, amount + 1, 100)), 'answers %r' % replies[:20])
        watches(scene, peer, sink)
        said = counts(peer, scene.link)
        check(scene.node.bye(peer), 'not all was acknowledged')
        if not share:
            scene.says('disconnected')
        check(not any('wrong' in line for line in scene.real.lines), 'order')
        scene.finish()
        return said


def watches(scene, peer, sink):
    gone = []
    process = scene.node.spawn(lambda _, answer, payload: gone.append((answer.system, payload)))
    other = scene.node.spawn(lambda _, answer, payload: gone.append('unwatched'))

    def send(system, to, sender=process):
        scene.node.send(peer, Envelope(to=to, sender=sender.local, system=system))
    node = peer.theirs.node
    send(wire.WATCH, sink + 1)
    scene.until(lambda: gone, 'Terminated of nobody')
    check(gone[0] == (wire.TERMINATED, wire.encode_terminated(node, sink + 1, 2)), repr(gone))
    gone.clear()
    send(wire.WATCH, sink)
    send(wire.WATCH, sink, other)
    send(wire.UNWATCH, sink, other)
    scene.node.rest(0.05)
    check(not gone, 'gone before it is stopped')
    scene.node.send(peer, Envelope(to=sink, system=wire.STOP))
    scene.until(lambda: gone, 'Terminated')
    check(gone[0][0] == wire.TERMINATED, repr(gone))
    check(wire.decode_terminated(gone[0][1]) == ((node, sink), 0), repr(gone))
    scene.node.rest(0.05)
    check(len(gone) == 1, repr(gone))

    # What is for nobody, or of no type, comes back as 21, and nothing of a third node does.
    third = scene.node.spawn(lambda _, answer, payload: check(False, 'an answer to a third node'))
    scene.node.send(peer, Envelope(to=sink, sender=third.local, sender_node=12345, type=NUMBERS))
    for envelope in (Envelope(to=sink, type=NUMBERS, payloads=[numbers(1)]), Envelope(to=sink, type=12345),
                     Envelope(to=sink, system=wire.TOUCH), Envelope(type=NUMBERS),
                     Envelope(to=sink, system=99)):
        answer, _ = scene.ask(peer, envelope)
        check(answer.system == wire.UNDELIVERED and not answer.sender, 'answer %r to %r' % (answer, envelope))


def case_calls(programs):
    return talk(programs, 0, 3, 20000)


def case_calls_faults(programs):
    return talk(programs, FAULTS, 4, 20000)


def case_calls_faults_again(programs):
    return talk(programs, FAULTS, 5, 5000)


def case_pingpong_waits(programs):
    """The app offers the ball."""
    with Scene(programs, 'pingpong', ['--node', 'pong', '--wait'], seed=6) as scene:
        scene.real.wait_for('link is up')
        peer = scene.call(expects='pong')
        pong = scene.resolve(peer, '/user/pong')
        check(pong, '/user/pong is not there')
        for count in (1, 2, 3, 1 << 40):
            answer, payload = scene.ask(peer, Envelope(to=pong, type=BALL, payloads=[wire.put(1, 1, count)]))
            check(answer.type == BALL, 'answer %r' % answer)
        check(scene.stop_real() == 2, 'BYE')
        scene.finish()
        return 'last ball %x' % number_of(payload)


def case_pingpong_plays(programs):
    """The app plays with this node."""
    options = ['--node', 'ping', '--to', 'pong', '--peer', 'pong@10.79.0.1', '--count', '1000']
    with Scene(programs, 'pingpong', options, name='pong', seed=7) as scene:
        balls = []

        def hit(process, envelope, payload):
            balls.append(number_of(payload))
            scene.node.send(scene.open_peer(), Envelope(to=envelope.sender, sender=process.local, type=BALL,
                                                        payloads=[payload]))
        scene.node.spawn(hit, '/user/pong')
        scene.says('1000 round trips')
        scene.until(scene.real.is_over, 'end')
        check(scene.real.process.returncode == 0, 'exit status')
        scene.finish()
        return '%d balls, %d to %d' % (len(balls), balls[0], balls[-1])


def case_both_call(programs):
    """Both have sent HELLO before either has come: one session."""
    with client(programs, 8) as scene:
        Sink(scene.node)
        check(scene.node.find(scene.far_ip), 'no answer to ARP')
        called_first = scene.node.peers or None
        if called_first is None:
            scene.node.call(scene.far_ip, expects='client')
        scene.says('answered')
        check(len(scene.node.peers) == 1, '%d sessions' % len(scene.node.peers))
        check(sum('connected' in line for line in scene.real.lines) == 1, repr(scene.real.lines))
        peer = scene.open_peer()
        scene.node.bye(peer)
        scene.finish()
        return 'it called first' if called_first else 'both called'


def case_silence(programs):
    """A node that hears nothing ends the session, and calls again."""
    with client(programs, 9) as scene:
        Sink(scene.node)
        peer = scene.is_called()
        scene.says('answered')
        scene.node.is_mute = True
        scene.says('terminated 3', TIMEOUT_MS / 1000 * 3)
        scene.node.rest(0.2)
        scene.node.is_mute = False
        scene.until(lambda: scene.open_peer() not in (None, peer), 'new session')
        check(scene.open_peer().theirs.attempt == 2, 'attempt')
        scene.says('answered')
        scene.node.bye(scene.open_peer())
        scene.finish()


def case_heartbeat(programs):
    """ACK each eighth of the peer timeout, and the session lasts."""
    with server(programs, 10) as scene:
        scene.real.wait_for('link is up')
        peer = scene.call()
        scene.node.rest(0.2)
        before = scene.node.seen[wire.ACK]
        scene.node.rest(TIMEOUT_MS / 1000 * 1.5)
        beats = scene.node.seen[wire.ACK] - before
        check(peer.state == OPEN and not peer.session.is_over, 'the session is over')
        check(10 <= beats <= 14, '%d heartbeats' % beats)
        scene.node.bye(peer)
        scene.finish()
        return '%d heartbeats' % beats


def case_window(programs):
    """With a window of 8 a node has no more in flight; its credit is kept, too."""
    with client(programs, 11) as scene:
        scene.node.window = 8
        sink = Sink(scene.node)
        peer = scene.is_called()
        scene.says('flowing')
        session = peer.session
        session.pump(time.monotonic_ns())
        first, send, session.packet = session.lanes[1].deliver_next, session.packet, lambda *_, **__: 0
        scene.node.rest(0.05)
        session.packet = send
        # New pieces may be probes.
        amount, probes = session.lanes[1].deliver_next - first, 8
        check(1 <= amount <= 8 + probes, '%d pieces without acknowledgement' % amount)
        scene.node.rest(0.3)
        check(not sink.wrong, 'order: %r' % sink.wrong)
        scene.node.bye(peer)
        scene.finish()
        return '%d pieces without acknowledgement' % amount
