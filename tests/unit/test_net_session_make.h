/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_SESSION_MAKE_H
#define TEST_NET_SESSION_MAKE_H

/*
 * One session core without a peer: the test plays the other side. Packets are numbers in disguise.
 *
 *     test ── made_append, made_send ──▶ session ──▶ test: which number goes out, which is lost
 *     test ── made_ack, made_receive ──▶ session ──▶ test: which is released, which is delivered
 */

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "session_pvt.h"

#define MADE_START  1000000000ull
#define MADE_SECOND 1000000000ull
#define MADE_MS     1000000ull

/* A session, and what it has given back. */
struct made {
	struct hmi_session s;
	uint64_t now;
	uint64_t appended; /* packets given to it; their pointers are 1, 2, 3 ... */
	uint64_t released; /* packets that it gave back, in order */
};

static inline void
made_release(void *arg, void *packet)
{
	struct made *made = arg;

	cr_assert_eq((uintptr_t)packet, made->released + 1, "packet %lu is released instead of %lu",
		     (uintptr_t)packet, made->released + 1);
	made->released++;
}

/* An open session with `window` packets of credit from the peer, which gives `credit` itself. */
static inline struct made *
made_session(uint32_t window, uint32_t credit)
{
	struct made *made = calloc(1, sizeof(*made));

	cr_assert_not_null(made);
	made->now = MADE_START;
	made->s.release = made_release;
	made->s.release_arg = made;
	made->s.rx_credit = credit;
	made->s.peer_timeout_ns = MADE_SECOND;
	made->s.state = HMI_SESSION_OPEN;
	made->s.remote_id = 77;
	hmi_session_begin(&made->s, window, made->now);
	return made;
}

static inline void
made_append(struct made *made, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		cr_assert(hmi_session_has_room(&made->s));
		hmi_session_append(&made->s, (void *)(uintptr_t)++made->appended);
	}
}

/* Send what may be sent. Returns how many packets that were. */
static inline uint32_t
made_send(struct made *made)
{
	uint32_t count = 0;
	uint64_t number;
	void *packet;

	while ((packet = hmi_session_send(&made->s, made->now, &number)) != NULL) {
		cr_assert_eq((uintptr_t)packet, number);
		count++;
	}
	return count;
}

/* Append and send `count` packets, all of which may be sent. */
static inline void
made_send_all(struct made *made, uint32_t count)
{
	made_append(made, count);
	cr_assert_eq(made_send(made), count);
}

/* Retransmit the next lost packet. Returns its number; 0: none. */
static inline uint64_t
made_retransmit(struct made *made)
{
	uint64_t number = 0;
	void *packet = hmi_session_retransmit(&made->s, made->now, &number);

	if (packet != NULL)
		cr_assert_eq((uintptr_t)packet, number);
	return number;
}

/* An acknowledgement from the peer. Returns whether it makes sense. */
static inline bool
made_ack(struct made *made, uint64_t ack, uint32_t sack, uint16_t credit)
{
	struct hmi_header header = { .kind = HMI_ACK, .ack = (uint32_t)ack, .sack = sack, .credit = credit };

	return hmi_session_acknowledge(&made->s, &header, made->now);
}

/* Packet `number` of the peer arrives. Returns the verdict; a delivered one counts as handed on. */
static inline enum hmi_verdict
made_receive(struct made *made, uint64_t number, enum hm_net_drop *drop)
{
	enum hmi_verdict verdict;

	*drop = HM_NET_DROPS;
	verdict = hmi_session_receive(&made->s, (uint32_t)number, (void *)(uintptr_t)number, made->now, drop);
	if (verdict == HMI_DELIVER)
		hmi_session_done(&made->s);
	return verdict;
}

/* The header of what goes out now. */
static inline struct hmi_header
made_header(struct made *made)
{
	struct hmi_header header;

	memset(&header, 0xee, sizeof(header));
	hmi_session_header(&made->s, &header, HMI_ACK, made->s.tx_sent, made->now);
	return header;
}

/* Let the numbers begin at `next` in both directions, as after that many packets. */
static inline void
made_renumber(struct made *made, uint64_t next)
{
	struct hmi_session *s = &made->s;
	uint64_t credit = s->tx_limit - s->tx_next;

	cr_assert_eq(made->appended, 0);
	s->tx_next = s->tx_sent = s->tx_una = next;
	s->tx_limit = next + credit;
	s->rx_limit = s->rx_limit - s->rx_expected + next;
	s->rx_expected = s->rx_done = next;
	made->appended = made->released = next - 1;
}

static inline void
made_free(struct made *made)
{
	free(made);
}

#endif /* TEST_NET_SESSION_MAKE_H */
