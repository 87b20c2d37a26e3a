/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ICMP_PVT_H
#define ICMP_PVT_H

/*
 * ICMP: answers to ping.
 */

#include <stdint.h>

#include "frame_pvt.h"

/* Kinds of ICMP packets; DPDK renamed its own between 22.11 and 24.11. */
#define HMI_ICMP_ECHO_REPLY   0
#define HMI_ICMP_ECHO_REQUEST 8

/*
 * Write the answer to an ICMP packet whose checksum is correct, into `room` bytes.
 * Returns the length of the frame; 0: not an echo request, or too long.
 */
uint32_t hmi_icmp_answer(const struct hmi_frame *request, const struct hmi_address *own, uint8_t *out,
			 uint32_t room);

#endif /* ICMP_PVT_H */
