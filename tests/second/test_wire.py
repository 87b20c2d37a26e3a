# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/wire.md, byte for byte."""

import unittest

import wire


class Page(unittest.TestCase):
    def test_crc(self):
        self.assertEqual(wire.crc32c(b'123456789'), 0xe3069283)

    def test_header(self):
        packet = wire.Packet(wire.DATA, 0x12345678, 0x05060708, 0x090a0b0c, 0x15161718, 0x191a, 0x1b1c,
                             0x21222324, 0x25262728, 1, 255, payload=bytes(1500))
        self.assertEqual(packet.encode(False)[:40].hex(' '),
                         '48 4d 03 04 78 56 34 12 08 07 06 05 0c 0b 0a 09 18 17 16 15 1a 19 1c 1b '
                         '24 23 22 21 28 27 26 25 dc 05 01 ff 00 00 00 00')

    def test_header_with_crc(self):
        packet = wire.Packet(wire.ACK, 0x12345678, 0x05060708, 0, 0x15161718, 0x191a, 0x1b1c, 0x21222324,
                             0x25262728, 0, 255, payload=bytes.fromhex('0a0406000009'))
        data = packet.encode(True)
        self.assertEqual(data[32:].hex(' '), '06 00 00 ff b0 b8 b5 f3 0a 04 06 00 00 09')
        self.assertTrue(packet.crc_is_right(data))
        self.assertFalse(packet.crc_is_right(data[:-1] + b'\0'))

    def test_ranges(self):
        received = {*range(1, 11), 12, *range(20, 26)}
        run, payload = wire.encode_ranges(received, 25, 1)
        self.assertEqual((run, payload.hex(' ')), (5, '0a 04 06 00 00 09'))
        self.assertEqual(wire.decode_ranges(25, run, payload, 26), [(20, 25), (12, 12), (1, 10)])

    def test_ranges_invalid(self):
        for ack, run, payload, below in ((25, 0, '', 25), (25, 25, '', 26), (25, 5, '0a0106', 26),
                                         (25, 5, '0a0406000010', 26)):
            with self.assertRaises(wire.Invalid):
                wire.decode_ranges(ack, run, bytes.fromhex(payload), below)

    def test_types(self):
        self.assertEqual(wire.type_hash('hermod.test.Text'), 0x7037577b)
        self.assertEqual(wire.type_hash('hermod.test.Tree'), 0x39d4482c)
        self.assertEqual(wire.types_hash(['hermod.test.Text', 'hermod.test.Tree']), 0x69b908ca34c51188)

    def test_resolve(self):
        request = wire.Envelope(sender=0x0000000300000001, path='/user/sink')
        # The example writes `to` although it is 0.
        self.assertEqual(request.encode().hex(' '),
                         '0a 15 11 01 00 00 00 03 00 00 00 3a 0a 2f 75 73 65 72 2f 73 69 6e 6b')
        example = bytes.fromhex('0a1e 090000000000000000 110100000003000000 3a0a2f757365722f73696e6b')
        self.assertEqual(list(wire.decode_batch(example)), [request])

    def test_near(self):
        self.assertEqual(wire.near(1 << 32, MASK := wire.MASK32), (1 << 32) - 1)
        self.assertEqual(wire.near(MASK, 3), (1 << 32) + 3)
        self.assertLess(wire.near(1, MASK), 0)

    def test_handshake(self):
        said = wire.Handshake(session=7, node=9, name='a', max_payload=1432, wants_crc=1)
        data = wire.handshake_packet(wire.HELLO, 0, said)
        packet = wire.decode_packet(data)
        self.assertTrue(packet.crc_is_right(data))
        self.assertEqual(wire.Handshake.decode(packet.payload), said)


if __name__ == '__main__':
    unittest.main()
