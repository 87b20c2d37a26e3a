/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CARRIER_H
#define CARRIER_H

/**
 * @file
 * The contract of everything that carries messages from one end to the other, as cases.
 *
 * Whatever is pushed comes out once, in order, unchanged but for its link; nothing else does. Debug builds mark
 * what is on its way.
 * A file that is about one carrier defines `carrier` and includes this.
 */
#include <stdbool.h>
#include <string.h>

#include <criterion/criterion.h>

#include "hmt_msg.h"
#include "hmt_random.h"
#include "pool_pvt.h"

struct carrier_ops {
	/** Start whatever it needs, and make one. */
	void (*create)(void);
	void (*destroy)(void);
	/** Take a message over, and let the other end see it; false: there is no room. */
	bool (*push)(struct hm_msg *msg);
	/** Take the oldest message out; NULL: there is none. */
	struct hm_msg *(*pop)(void);
	/** Messages that it must take before it may say that there is no room. */
	uint32_t room;
};

static const struct carrier_ops carrier;

#define CARRIER_MESSAGES 1000u
#define CARRIER_STEPS    100000u

static struct hm_msg *carrier_messages[CARRIER_MESSAGES];
static struct hm_msg *carrier_expected;

static void
carrier_start(void)
{
	carrier.create();
	hmt_msgs_make(carrier_messages, CARRIER_MESSAGES);
	hmt_msgs_make(&carrier_expected, 1);
}

static void
carrier_end(void)
{
	carrier.destroy();
}

TestSuite(carrier, .init = carrier_start, .fini = carrier_end);

/* What the n-th message carries. */
static void
carrier_fill(struct hm_msg *msg, uint64_t n)
{
	msg->to = n;
	msg->sender = (struct hm_pid){ n * 3, n * 5 };
	msg->type = (uint16_t)n;
	msg->length = (uint16_t)(n % HMT_MSG_BODY);
	msg->size_class = (uint8_t)(n >> 8) & (uint8_t)~HMI_MSG_LISTED;
	msg->flags = (uint8_t)n;
	msg->to_node = (uint16_t)(n >> 4);
	memset(msg->body, (int)n, HMT_MSG_BODY);
}

/* Whether a message carries what the n-th did; its link is the carrier's. */
static bool
carrier_carries(const struct hm_msg *msg, uint64_t n)
{
	carrier_fill(carrier_expected, n);
	carrier_expected->next = msg->next;
	return memcmp(carrier_expected, msg, sizeof(*msg) + HMT_MSG_BODY) == 0;
}

static bool
carrier_push(uint64_t n)
{
	struct hm_msg *msg = carrier_messages[n % CARRIER_MESSAGES];

	carrier_fill(msg, n);
	return carrier.push(msg);
}

static void
carrier_pop(uint64_t n)
{
	struct hm_msg *msg = carrier.pop();

	if (msg == NULL)
		cr_assert_fail("message %lu is lost", n);
	if (msg != carrier_messages[n % CARRIER_MESSAGES])
		cr_assert_fail("message %lu came instead of %lu", msg->to, n);
	if (!carrier_carries(msg, n))
		cr_assert_fail("message %lu has changed on its way", n);
}

Test(carrier, pop__nothing_was_pushed)
{
	cr_assert_null(carrier.pop());
	cr_assert_null(carrier.pop());
}

Test(carrier, pop__what_was_pushed_once)
{
	cr_assert(carrier_push(7));
	carrier_pop(7);
	cr_assert_null(carrier.pop());
}

Test(carrier, push__as_many_as_it_must_take)
{
	for (uint32_t n = 0; n < carrier.room; n++)
		cr_assert(carrier_push(n), "no room for message %u", n);
	for (uint32_t n = 0; n < carrier.room; n++)
		carrier_pop(n);
	cr_assert_null(carrier.pop());
}

/* A message that finds no room stays its sender's, who tries again; until then no younger one goes. */
Test(carrier, push__no_room_loses_nothing)
{
	uint64_t pushed = 0, popped = 0;

	while (popped < 3 * CARRIER_MESSAGES) {
		while (pushed - popped < CARRIER_MESSAGES && pushed < 3 * CARRIER_MESSAGES &&
		       carrier_push(pushed))
			pushed++;
		for (uint32_t i = 0; i < 10 && popped < pushed; i++)
			carrier_pop(popped++);
	}
	cr_assert_null(carrier.pop());
}

Test(carrier, push__the_same_message_again_and_again)
{
	for (uint32_t round = 0; round < 10000; round++) {
		cr_assert(carrier.push(carrier_messages[0]));
		cr_assert_eq(carrier.pop(), carrier_messages[0]);
	}
	cr_assert_null(carrier.pop());
}

Test(carrier, random__order_and_number)
{
	uint64_t seed = hmt_seed(1), random = seed, pushed = 0, popped = 0;

	for (uint32_t step = 0; step < CARRIER_STEPS; step++) {
		uint64_t n = hmt_random_size(&random, 8);

		if ((hmt_random(&random) & 1) != 0) {
			while (n-- > 0 && pushed - popped < CARRIER_MESSAGES && carrier_push(pushed))
				pushed++;
		} else {
			while (n-- > 0 && popped < pushed)
				carrier_pop(popped++);
			if (popped == pushed)
				cr_assert_null(carrier.pop(), "HMT_SEED=%lu, step %u", seed, step);
		}
	}
	while (popped < pushed)
		carrier_pop(popped++);
	cr_assert_null(carrier.pop());
	cr_assert_gt(popped, CARRIER_STEPS);
}

#endif /* CARRIER_H */
