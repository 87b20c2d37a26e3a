/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The CRC of packets: against published values, and against each way of changing a few bits.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "frame_pvt.h"
#include "hmt_random.h"
#include "seal_pvt.h"

#define PACKET 60u /* bytes */

/* What RFC 3720, B.4, and others publish, of 32 bytes that are not the CRC's own. */
static void
published_check(enum hmi_kind kind, uint32_t offset, const uint8_t *bytes, uint32_t expected)
{
	uint8_t packet[36] = { 0 };
	uint32_t crc;

	memcpy(packet, bytes, offset);
	memcpy(packet + offset + 4, bytes + offset, 32 - offset);
	(void)hmi_seal(packet, kind, sizeof(packet));
	memcpy(&crc, packet + offset, sizeof(crc));
	cr_assert_eq(rte_le_to_cpu_32(crc), expected, "%x", crc);
	cr_assert(hmi_seal_holds(packet, kind, sizeof(packet)));
}

Test(net_seal, seal__published_values)
{
	uint8_t bytes[32];

	memset(bytes, 0, sizeof(bytes));
	published_check(HMI_HELLO, 8, bytes, 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	published_check(HMI_WELCOME, 8, bytes, 0x62a8ab43);
	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	published_check(HMI_REJECT, 8, bytes, 0x46dd794e);
}

/* A packet with a seal. */
static void
packet_make(uint8_t *packet, enum hmi_kind kind, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		packet[i] = (uint8_t)(i * 37 + 11);
	(void)hmi_seal(packet, kind, bytes);
}

static void
flip(uint8_t *packet, uint32_t bit)
{
	packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

Test(net_seal, holds__no_one_or_two_bits_wrong)
{
	static const enum hmi_kind kinds[] = { HMI_HELLO, HMI_DATA };
	uint8_t packet[PACKET];

	for (unsigned int k = 0; k < 2; k++) {
		packet_make(packet, kinds[k], PACKET);
		cr_assert(hmi_seal_holds(packet, kinds[k], PACKET));
		for (uint32_t i = 0; i < PACKET * 8; i++) {
			flip(packet, i);
			cr_assert_not(hmi_seal_holds(packet, kinds[k], PACKET), "bit %u", i);
			for (uint32_t j = i + 1; j < PACKET * 8; j++) {
				flip(packet, j);
				cr_assert_not(hmi_seal_holds(packet, kinds[k], PACKET), "bits %u and %u", i,
					      j);
				flip(packet, j);
			}
			flip(packet, i);
		}
	}
}

Test(net_seal, holds__no_three_bits_wrong_in_a_full_packet)
{
	uint8_t packet[1472];
	uint64_t random = 5;

	packet_make(packet, HMI_DATA, sizeof(packet));
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t bits[3];

		for (unsigned int n = 0; n < 3; n++) {
			bits[n] = (uint32_t)(hmt_random(&random) % (sizeof(packet) * 8));
			flip(packet, bits[n]);
		}
		cr_assert_not(hmi_seal_holds(packet, HMI_DATA, sizeof(packet)), "%u %u %u", bits[0], bits[1],
			      bits[2]);
		for (unsigned int n = 0; n < 3; n++)
			flip(packet, bits[n]);
	}
}

Test(net_seal, seal__adds_to_the_sum_of_the_packet)
{
	for (uint32_t bytes = HMI_HEADER_BYTES; bytes < HMI_HEADER_BYTES + 40; bytes++) {
		uint8_t packet[HMI_HEADER_BYTES + 40] = { 0 };
		struct hmi_header header = { .version = HMI_WIRE_VERSION,
					     .kind = HMI_DATA,
					     .number = bytes * 0x1234567,
					     .length = (uint16_t)(bytes - HMI_HEADER_BYTES) };
		uint64_t sum = hmi_header_write(packet, &header);

		memset(packet + HMI_HEADER_BYTES, 0xa5, header.length);
		sum += hmi_seal(packet, HMI_DATA, bytes) + hmi_sum(packet + HMI_HEADER_BYTES, header.length);
		cr_assert_eq(hmi_sum_fold(sum), hmi_sum_fold(hmi_sum(packet, bytes)), "%u bytes", bytes);
	}
}

Test(net_seal, holds__a_header_alone)
{
	uint8_t packet[HMI_HEADER_BYTES];

	packet_make(packet, HMI_ACK, HMI_HEADER_BYTES);
	cr_assert(hmi_seal_holds(packet, HMI_ACK, HMI_HEADER_BYTES));
	packet_make(packet, HMI_HELLO, HMI_HANDSHAKE_HEADER);
	cr_assert(hmi_seal_holds(packet, HMI_HELLO, HMI_HANDSHAKE_HEADER));
	flip(packet, 8 * HMI_HANDSHAKE_HEADER - 1);
	cr_assert_not(hmi_seal_holds(packet, HMI_HELLO, HMI_HANDSHAKE_HEADER));
}
