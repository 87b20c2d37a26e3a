/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * System headers of the unit tests, precompiled: reading them takes longer than compiling a test. Each file
 * includes what it uses all the same; builds with -Db_pch=false, of which CI has two, find what is missing.
 */
#ifndef HMT_PCH_H
#define HMT_PCH_H

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_udp.h>
#include <urcu-qsbr.h>

#endif /* HMT_PCH_H */
