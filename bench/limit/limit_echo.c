/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>

#include "limit_frame.h"
#include "limit_port.h"

/* ticks until the frame is back; 0: lost, or no free buffer */
static inline uint64_t
echo_round(struct limit_port *port)
{
	struct rte_mbuf *frame = limit_frame_new(port, LIMIT_FRAME_BYTES);
	uint64_t start = bench_clock_ticks();
	uint64_t took;
	bool ours;

	if (frame == NULL)
		return 0;
	limit_frames_send(port, &frame, 1);
	do {
		while (rte_eth_rx_burst(port->id, 0, &frame, 1) == 0) {
			if (bench_clock_ticks() - start > port->lost_ticks)
				return 0;
		}
		took = bench_clock_ticks() - start;
		ours = frame->pkt_len == LIMIT_FRAME_BYTES;
		rte_pktmbuf_free(frame);
	} while (!ours);
	return took;
}

double
limit_echo_drive(struct limit_port *port, double duration_s, struct bench_histogram *ticks)
{
	uint64_t rounds = 0, sum = 0;
	double end;

	if (!limit_control_exchange(port, LIMIT_CONTROL_START))
		return NAN;
	end = bench_clock_seconds() + duration_s;
	while (bench_clock_seconds() < end) {
		uint64_t took = echo_round(port);

		if (took == 0) {
			/* it may be late, and must not be taken for the answer to the next frame */
			if (!limit_control_exchange(port, LIMIT_CONTROL_START))
				return NAN;
			continue;
		}
		sum += took;
		rounds++;
		if (ticks != NULL)
			bench_histogram_record(ticks, took);
	}
	if (!limit_control_exchange(port, LIMIT_CONTROL_END) || rounds == 0)
		return NAN;
	return (double)sum / (double)rounds * bench_clock_tick_ns();
}

/* @return whether the slice ends with this burst */
static inline bool
burst_echo(struct limit_port *port, struct rte_mbuf **burst, uint16_t n)
{
	bool ends = false;

	for (uint16_t i = 0; i < n; i++) {
		if (__builtin_expect(burst[i]->pkt_len == LIMIT_CONTROL_BYTES, 0))
			ends |= limit_control_answer(port, burst[i]);
		else
			limit_frames_send(port, &burst[i], 1);
	}
	return ends;
}

int
limit_echo_serve(struct limit_port *port, uint32_t timeout_ms)
{
	uint64_t timeout_ticks = rte_get_tsc_hz() / 1000 * timeout_ms;
	uint64_t last = bench_clock_ticks();
	struct rte_mbuf *burst[LIMIT_BURST];

	for (;;) {
		uint16_t n = rte_eth_rx_burst(port->id, 0, burst, LIMIT_BURST);

		if (n == 0) {
			if (bench_clock_ticks() - last > timeout_ticks)
				return -ETIMEDOUT;
			continue;
		}
		if (burst_echo(port, burst, n))
			return 0;
		last = bench_clock_ticks();
	}
}
