/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * IPv4 addresses as text, and which of them are a station's.
 */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_common.h>
#include <rte_ip.h>

#include "address_pvt.h"

static bool
is_station(uint32_t ip)
{
	return hmi_ip_is_station(rte_cpu_to_be_32(ip));
}

/* ---- Text ------------------------------------------------------------------------------- */

Test(address, number_read__greatest_and_one_more)
{
	uint32_t number;
	const char *text = "65535";

	cr_assert_eq(hmi_number_read(text, 65535, &number), text + 5);
	cr_assert_eq(number, 65535);
	cr_assert_null(hmi_number_read(text, 65534, &number));
	cr_assert_null(hmi_number_read("65536", 65535, &number));
	text = "0";
	cr_assert_eq(hmi_number_read(text, 0, &number), text + 1);
	cr_assert_eq(number, 0);
}

Test(address, number_read__stops_at_the_first_other_character)
{
	const char *text = "12x";
	uint32_t number;

	cr_assert_eq(hmi_number_read(text, 255, &number), text + 2);
	cr_assert_eq(number, 12);
	cr_assert_null(hmi_number_read("", 255, &number));
	cr_assert_null(hmi_number_read("x", 255, &number));
	cr_assert_null(hmi_number_read("-1", 255, &number));
	cr_assert_null(hmi_number_read("+1", 255, &number));
	cr_assert_null(hmi_number_read(" 1", 255, &number));
	cr_assert_null(hmi_number_read("/", 255, &number));
	cr_assert_null(hmi_number_read(":", 255, &number));
}

Test(address, number_read__does_not_wrap_around)
{
	uint32_t number;
	const char *text = "4294967297";

	/* 2^32 + 1: if it wrapped, it would be 1. Six digits are read, and they are too much already. */
	cr_assert_null(hmi_number_read(text, 255, &number));
	cr_assert_null(hmi_number_read("99999999999999999999", UINT16_MAX, &number));
	text = "0000001";
	/* A seventh digit is not read, so that the caller finds no end where one has to be. */
	cr_assert_eq(hmi_number_read(text, 255, &number), text + 6);
	cr_assert_eq(number, 0);
}

Test(address, ip_read__there_and_back)
{
	static const char *const texts[] = { "0.0.0.0", "1.2.3.4", "10.0.0.255", "255.255.255.255" };
	char text[HMI_IP_TEXT];
	rte_be32_t ip;

	for (size_t i = 0; i < RTE_DIM(texts); i++) {
		cr_assert_eq(hmi_ip_read(texts[i], &ip), texts[i] + strlen(texts[i]));
		cr_assert_str_eq(hmi_ip_format(ip, text), texts[i]);
	}
	(void)hmi_ip_read("1.2.3.4", &ip);
	cr_assert_eq(ip, RTE_BE32(0x01020304));
}

Test(address, ip_read__what_is_none)
{
	static const char *const texts[] = {
		"",         "1",         "1.2",       "1.2.3",         "1.2.3.",    "1..2.3",
		".1.2.3.4", "256.0.0.1", "1.256.0.1", "1.2.256.4",     "1.2.3.256", "1.2.3.-4",
		"1 .2.3.4", "a.b.c.d",   "1,2,3,4",   "1.2.3.1000000",
	};
	rte_be32_t ip = 4711;

	for (size_t i = 0; i < RTE_DIM(texts); i++) {
		cr_assert_null(hmi_ip_read(texts[i], &ip), "\"%s\"", texts[i]);
		cr_assert_eq(ip, 4711);
	}
}

Test(address, ip_read__ends_where_the_address_ends)
{
	const char *text = "10.0.0.1/24";
	rte_be32_t ip;

	cr_assert_eq(hmi_ip_read(text, &ip), text + 8);
	text = "10.0.0.1.5";
	cr_assert_eq(hmi_ip_read(text, &ip), text + 8);
}

Test(address, ip_format__longest_fits)
{
	char text[HMI_IP_TEXT + 1];

	memset(text, 'x', sizeof(text));
	cr_assert_eq(hmi_ip_format(UINT32_MAX, text), text);
	cr_assert_eq(strlen(text), HMI_IP_TEXT - 1);
	cr_assert_eq(text[HMI_IP_TEXT], 'x');
}

/* ---- Stations --------------------------------------------------------------------------- */

Test(address, is_station__at_the_borders_of_each_range)
{
	cr_assert_not(is_station(0));
	cr_assert_not(is_station(RTE_IPV4(0, 255, 255, 255)));
	cr_assert(is_station(RTE_IPV4(1, 0, 0, 0)));
	cr_assert(is_station(RTE_IPV4(126, 255, 255, 255)));
	cr_assert_not(is_station(RTE_IPV4(127, 0, 0, 0)));
	cr_assert_not(is_station(RTE_IPV4(127, 255, 255, 255)));
	cr_assert(is_station(RTE_IPV4(128u, 0, 0, 0)));
	cr_assert(is_station(RTE_IPV4(223u, 255, 255, 255)));
	cr_assert_not(is_station(RTE_IPV4(224u, 0, 0, 0)));
	cr_assert_not(is_station(UINT32_MAX));
}

Test(address, network_or_broadcast__first_and_last_of_each_length)
{
	for (uint32_t bits = 1; bits <= 32; bits++) {
		uint32_t mask = UINT32_MAX << (32 - bits), first = RTE_IPV4(10, 1, 2, 3) & mask,
			 last = first | ~mask;
		/* A /31 has two stations and a /32 one, and no other addresses (RFC 3021). */
		bool reserved = bits < 31;

		cr_assert_eq(hmi_ip_is_network_or_broadcast(rte_cpu_to_be_32(first), mask), reserved, "/%u",
			     bits);
		cr_assert_eq(hmi_ip_is_network_or_broadcast(rte_cpu_to_be_32(last), mask), reserved, "/%u",
			     bits);
		if (!reserved)
			continue;
		cr_assert_not(hmi_ip_is_network_or_broadcast(rte_cpu_to_be_32(first + 1), mask), "/%u", bits);
		cr_assert_not(hmi_ip_is_network_or_broadcast(rte_cpu_to_be_32(last - 1), mask), "/%u", bits);
	}
}

Test(address, is_source__network_of_no_known_mask)
{
	struct hmi_address own = { .ip = RTE_BE32(0x0a000001) };

	cr_assert(hmi_ip_is_source(RTE_BE32(0x0a0000ff), &own));
	cr_assert_not(hmi_ip_is_source(RTE_BE32(0xe0000001), &own));
	own.mask = 0xffffff00;
	cr_assert_not(hmi_ip_is_source(RTE_BE32(0x0a0000ff), &own));
	cr_assert(hmi_ip_is_source(RTE_BE32(0x0a0001fe), &own));
}

Test(address, mac_is_station__unicast_alone)
{
	struct rte_ether_addr mac = { { 0 } };

	cr_assert_not(hmi_mac_is_station(&mac));
	for (unsigned int first = 0; first < 256; first++) {
		mac = (struct rte_ether_addr){ { (uint8_t)first, 0, 0, 0, 0, 1 } };
		cr_assert_eq(hmi_mac_is_station(&mac), (first & 1) == 0, "first byte %x", first);
	}
	memset(&mac, 0xff, sizeof(mac));
	cr_assert_not(hmi_mac_is_station(&mac));
}
