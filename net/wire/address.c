/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * IPv4 addresses: parsed, formatted, and checked.
 */
#include <stdio.h>
#include <string.h>

#include "address_pvt.h"

char *
hmi_ip_format(rte_be32_t ip, char *text)
{
	const uint8_t *part = (const uint8_t *)&ip;

	snprintf(text, HMI_IP_TEXT, "%u.%u.%u.%u", part[0], part[1], part[2], part[3]);
	return text;
}

const char *
hmi_number_read(const char *at, uint32_t max, uint32_t *number)
{
	uint32_t value = 0;
	const char *start = at;

	for (; *at >= '0' && *at <= '9' && at - start < 6; at++)
		value = 10 * value + (uint32_t)(*at - '0');
	*number = value;
	return at > start && value <= max ? at : NULL;
}

const char *
hmi_ip_read(const char *at, rte_be32_t *ip)
{
	uint8_t part[4];
	uint32_t number;

	for (int i = 0; i < 4; i++) {
		if (i > 0 && *at++ != '.')
			return NULL;
		at = hmi_number_read(at, 255, &number);
		if (at == NULL)
			return NULL;
		part[i] = (uint8_t)number;
	}
	memcpy(ip, part, sizeof(*ip));
	return at;
}

bool
hmi_ip_is_network_or_broadcast(rte_be32_t ip, uint32_t mask)
{
	uint32_t host = rte_be_to_cpu_32(ip) & ~mask;

	return ~mask > 1 && (host == 0 || host == ~mask);
}
