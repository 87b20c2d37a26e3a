/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Packets that were sent: numbers, acknowledgement, loss.
 */
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "net_flight_pvt.h"
#include "assert_pvt.h"
#include "counter_pvt.h"

/* So many that were sent later make a packet lost, until reordering is seen. */
#define OVERTAKEN 3u
/* Of the reordering window, in quarters of the least round-trip time. */
#define STEP_FIRST 1u
#define STEP_MAX   64u

static inline bool
bit_is_set(const uint64_t *bits, uint64_t number)
{
	uint64_t i = number % HMI_NET_FLIGHT;

	return (bits[i / 64] >> i % 64 & 1) != 0;
}

static inline void
bit_set(uint64_t *bits, uint64_t number)
{
	uint64_t i = number % HMI_NET_FLIGHT;

	bits[i / 64] |= UINT64_C(1) << i % 64;
}

static inline void
bit_clear(uint64_t *bits, uint64_t number)
{
	uint64_t i = number % HMI_NET_FLIGHT;

	bits[i / 64] &= ~(UINT64_C(1) << i % 64);
}

/* The least number from `n` to `end`, which is excluded, whose bit is set in either; `end`: there is none. */
static uint64_t
find_up(const uint64_t *a, const uint64_t *b, uint64_t n, uint64_t end)
{
	while (n < end) {
		uint64_t i = n % HMI_NET_FLIGHT, word = (a[i / 64] | b[i / 64]) >> i % 64;

		if (word != 0)
			return RTE_MIN(n + (uint64_t)__builtin_ctzll(word), end);
		n += 64 - i % 64;
	}
	return end;
}

void
hmi_net_flight_begin(struct hmi_net_flight *flight)
{
	memset(flight, 0, sizeof(*flight));
	flight->next = flight->oldest = 1;
	flight->reorder_step = STEP_FIRST;
	hmi_rtt_begin(&flight->rtt);
}

void
hmi_net_flight_ring(struct hmi_net_flight *flight, struct hmi_departed *sent)
{
	HMI_ASSERT(flight->count == 0);
	memset(flight->lost, 0, sizeof(flight->lost));
	flight->sent = sent;
}

uint64_t
hmi_net_flight_skip(struct hmi_net_flight *flight)
{
	uint64_t number = flight->next++;

	HMI_ASSERT(number - flight->oldest < HMI_NET_FLIGHT);
	bit_clear(flight->in_flight, number);
	bit_clear(flight->lost, number);
	if (flight->count == 0)
		flight->oldest = flight->next;
	return number;
}

uint64_t
hmi_net_flight_add(struct hmi_net_flight *flight, const struct hmi_departed *sent)
{
	uint64_t number = flight->next++;

	HMI_ASSERT(number - flight->oldest < HMI_NET_FLIGHT);
	flight->sent[number % HMI_NET_FLIGHT] = *sent;
	bit_set(flight->in_flight, number);
	bit_clear(flight->lost, number);
	hmi_count_word(&flight->count, 1);
	flight->bytes += sent->bytes;
	return number;
}

/* A packet is not in flight any more. */
static void
land(struct hmi_net_flight *flight, uint64_t number)
{
	bit_clear(flight->in_flight, number);
	hmi_count_word(&flight->count, UINT32_MAX);
	flight->bytes -= hmi_net_flight_sent(flight, number)->bytes;
	if (flight->count == 0)
		flight->oldest = flight->next;
	else if (number == flight->oldest)
		flight->oldest = find_up(flight->in_flight, flight->in_flight, number + 1, flight->next);
}

/* ---- Acknowledgements --------------------------------------------------------- */

uint64_t
hmi_net_flight_acknowledge(struct hmi_net_flight *flight, const struct hmi_range *range, uint64_t *at,
			   bool *was_lost)
{
	/* What is further back has left the ring. */
	uint64_t low = flight->next > HMI_NET_FLIGHT ? flight->next - HMI_NET_FLIGHT : 1;
	uint64_t end = RTE_MIN(range->to + 1, flight->next);
	uint64_t number = find_up(flight->in_flight, flight->lost, RTE_MAX(*at, low), end);

	*at = number + 1;
	if (number >= end)
		return 0;
	*was_lost = bit_is_set(flight->lost, number);
	if (unlikely(*was_lost)) {
		bit_clear(flight->lost, number);
		flight->spurious++;
		flight->reordered = true;
		flight->reorder_step = RTE_MIN(flight->reorder_step + 1, STEP_MAX);
	} else {
		land(flight, number);
	}
	/* One that was sent before another one that was acknowledged before it. */
	if (unlikely(number < flight->newest))
		flight->reordered = true;
	return number;
}

void
hmi_net_flight_sample(struct hmi_net_flight *flight, uint64_t number, uint64_t held, uint64_t now)
{
	hmi_rtt_sample(&flight->rtt, now - hmi_net_flight_sent(flight, number)->sent_ns, held, now);
}

void
hmi_net_flight_newest(struct hmi_net_flight *flight, uint64_t number, uint64_t now)
{
	const struct hmi_departed *sent = hmi_net_flight_sent(flight, number);

	if (number < flight->newest)
		return;
	flight->newest = number;
	flight->newest_ns = sent->sent_ns;
	flight->newest_rtt_ns = now - sent->sent_ns;
}

/* ---- Loss --------------------------------------------------------------------- */

/* How much later than by a round-trip time a packet may come. */
static uint64_t
reorder_window(const struct hmi_net_flight *flight)
{
	uint64_t window = flight->rtt.least_ns / 4 * flight->reorder_step;

	return RTE_MIN(window, hmi_rtt_smoothed(&flight->rtt));
}

uint64_t
hmi_net_flight_lose(struct hmi_net_flight *flight, uint64_t *at, uint64_t now)
{
	uint64_t patience = flight->newest_rtt_ns + reorder_window(flight);

	if (*at == flight->oldest)
		flight->loss_ns = 0;
	for (;;) {
		uint64_t number = find_up(flight->in_flight, flight->in_flight, *at, flight->newest);
		uint64_t due;

		if (number >= flight->newest)
			return 0;
		*at = number + 1;
		due = hmi_net_flight_sent(flight, number)->sent_ns + patience;
		if (now >= due || (!flight->reordered && number + OVERTAKEN <= flight->newest)) {
			land(flight, number);
			bit_set(flight->lost, number);
			return number;
		}
		if (flight->loss_ns == 0 || due < flight->loss_ns)
			flight->loss_ns = due;
	}
}

uint64_t
hmi_net_flight_lose_oldest(struct hmi_net_flight *flight)
{
	uint64_t number = flight->oldest;

	land(flight, number);
	bit_set(flight->lost, number);
	return number;
}
