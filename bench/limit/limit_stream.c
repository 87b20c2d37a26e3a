/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>

#include "limit_frame.h"
#include "limit_port.h"

#define WINDOW 256

/* one burst of frames, whose content does not matter; false: no free buffers now */
static inline bool
burst_make(struct limit_port *port, struct rte_mbuf **burst, uint32_t frame_bytes)
{
	for (uint16_t i = 0; i < LIMIT_BURST; i++) {
		burst[i] = limit_frame_new(port, frame_bytes);
		if (burst[i] == NULL) {
			rte_pktmbuf_free_bulk(burst, i);
			return false;
		}
	}
	return true;
}

/* number of frames that the other side has acknowledged as freed */
static inline uint64_t
receipts_take(struct limit_port *port)
{
	struct rte_mbuf *burst[LIMIT_BURST];
	uint16_t n = rte_eth_rx_burst(port->id, 0, burst, LIMIT_BURST);
	uint64_t freed = 0;

	for (uint16_t i = 0; i < n; i++)
		freed += burst[i]->pkt_len == LIMIT_FRAME_BYTES ? LIMIT_BURST : 0;
	rte_pktmbuf_free_bulk(burst, n);
	return freed;
}

static uint64_t
stream_run(struct limit_port *port, double end, uint32_t frame_bytes)
{
	uint64_t freed_total = 0, under_way = 0, last = bench_clock_ticks();
	struct rte_mbuf *burst[LIMIT_BURST];

	while (bench_clock_seconds() < end) {
		uint64_t freed;

		if (under_way + LIMIT_BURST <= WINDOW && burst_make(port, burst, frame_bytes)) {
			limit_frames_send(port, burst, LIMIT_BURST);
			under_way += LIMIT_BURST;
		}
		freed = receipts_take(port);
		freed_total += freed;
		under_way -= freed < under_way ? freed : under_way;
		if (freed > 0)
			last = bench_clock_ticks();
		else if (bench_clock_ticks() - last > port->lost_ticks)
			under_way = 0; /* frames or receipts were lost: continue without them */
	}
	return freed_total;
}

double
limit_stream_drive(struct limit_port *port, double duration_s, uint32_t frame_bytes)
{
	uint64_t freed;
	double start, took;

	if (!limit_control_exchange(port, LIMIT_CONTROL_START))
		return NAN;
	start = bench_clock_seconds();
	freed = stream_run(port, start + duration_s, frame_bytes);
	took = bench_clock_seconds() - start;
	if (!limit_control_exchange(port, LIMIT_CONTROL_END) || freed == 0)
		return NAN;
	return took / (double)freed * 1e9;
}

/* frees a burst; control frames are answered. @return whether the slice ends with it */
static inline bool
burst_free(struct limit_port *port, struct rte_mbuf **burst, uint16_t n, uint64_t *count)
{
	bool ends = false;

	for (uint16_t i = 0; i < n; i++) {
		if (__builtin_expect(burst[i]->pkt_len == LIMIT_CONTROL_BYTES, 0)) {
			ends |= limit_control_answer(port, burst[i]);
			continue;
		}
		rte_pktmbuf_free(burst[i]);
		++*count;
	}
	return ends;
}

int
limit_stream_serve(struct limit_port *port, uint32_t timeout_ms)
{
	uint64_t timeout_ticks = rte_get_tsc_hz() / 1000 * timeout_ms;
	uint64_t last = bench_clock_ticks(), count = 0;
	struct rte_mbuf *burst[LIMIT_BURST];

	for (;;) {
		uint16_t n = rte_eth_rx_burst(port->id, 0, burst, LIMIT_BURST);

		if (n == 0) {
			if (bench_clock_ticks() - last > timeout_ticks)
				return -ETIMEDOUT;
			continue;
		}
		if (burst_free(port, burst, n, &count))
			return 0;
		last = bench_clock_ticks();
		for (; count >= LIMIT_BURST; count -= LIMIT_BURST) {
			struct rte_mbuf *receipt = limit_frame_new(port, LIMIT_FRAME_BYTES);

			if (receipt != NULL)
				limit_frames_send(port, &receipt, 1);
		}
	}
}
