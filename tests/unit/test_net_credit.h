/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_CREDIT_H
#define TEST_NET_CREDIT_H

/**
 * @file
 * A node whose only peer is the test, which grants credit as it likes; and an actor that does what it is told.
 */
#include "test_net_lone.h"

/* What an actor is asked to do: the message is a pointer to it. */
struct deed {
	void (*fn)(struct hm_ctx *ctx, struct deed *deed);
	struct hm_pid to;
	uint32_t count, done, found, failed;
	const char *address;
};

static inline void
doer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct deed *deed;

	(void)state;
	if (hm_msg_type(msg) != PAIR_LOCAL)
		return;
	memcpy(&deed, hm_msg_body(msg), sizeof(deed));
	deed->fn(ctx, deed);
}

static const struct hm_props doer_props = { .receive = doer_receive };

struct fixture {
	struct lone *lone;
	struct lone_peer peer; /* grants what the test says */
	struct hm_pid there, doer;
	uint64_t sent;
};

/* The station takes so many pieces more than the node has sent, from the next packet on that it sends. */
static inline void
credit_grant(struct fixture *f, uint32_t credit)
{
	f->peer.limit = (uint32_t)lone_lane(f->lone, 0)->sent + credit;
}

/* A node with a session that has `credit`. */
static inline struct fixture *
fixture_create(const char *more, uint32_t credit)
{
	static struct fixture f;
	char words[200];

	snprintf(words, sizeof(words), "--peer-timeout-ms 3600000 --memory 64M %s", more);
	f.lone = lone_create(words);
	cr_assert_eq(hm_system_spawn(f.lone->sys, &doer_props, "doer", NULL, &f.doer), 0);
	f.peer = lone_open(f.lone, 3);
	/* What the HELLO has promised is taken back: only the test may do that. */
	lone_lane(f.lone, 0)->tx_limit = 1u + credit;
	credit_grant(&f, credit);
	f.there = (struct hm_pid){ lone_says(3).node, 42 };
	return &f;
}

static inline void
numbers_send(struct fixture *f, uint64_t count)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	for (uint64_t i = 0; i < count; i++) {
		numbers.a = ++f->sent;
		cr_assert_eq(hm_system_send(f->lone->sys, f->there, PAIR_NUMBERS, &numbers), HM_OK);
		if (i % 64 == 63)
			lone_turn(f->lone);
	}
	lone_turn(f->lone);
}

static inline void
doing(struct fixture *f, struct deed *deed)
{
	cr_assert_eq(hm_system_send(f->lone->sys, f->doer, PAIR_LOCAL, &deed), HM_OK);
	lone_turn(f->lone);
}

static inline void
on_identity(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	    void *arg)
{
	struct deed *deed = arg;

	(void)ctx;
	(void)state;
	(void)reply;
	deed->found += result == HM_FUTURE_REPLY;
	deed->failed += result != HM_FUTURE_REPLY;
}

static inline void
resolve_many(struct hm_ctx *ctx, struct deed *deed)
{
	for (uint32_t i = 0; i < deed->count; i++) {
		cr_assert_eq(hm_resolve(ctx, deed->address, 60000000, on_identity, deed), 0);
		deed->done++;
	}
}

static inline void
watch_many(struct hm_ctx *ctx, struct deed *deed)
{
	for (uint32_t i = 0; i < deed->count; i++) {
		static uint64_t others = 100; /* a process is watched once */
		struct hm_pid who = { deed->to.node, others++ };

		cr_assert_eq(hm_watch(ctx, who), HM_OK);
		deed->done++;
	}
}

/* The node's end of the lane for control. */
static inline const struct hmi_net_lane *
control_lane(const struct fixture *f)
{
	return &lone_net(f->lone)->peers[0]->session.lanes[HMI_LANE_CONTROL];
}

/* Fill the lane for control: what is next has to wait until the station acknowledges. */
static inline void
control_fill(struct fixture *f)
{
	struct deed deed = { .fn = watch_many, .to = f->there, .count = 1 };

	while (control_lane(f)->next - control_lane(f)->una < HMI_CONTROL_RING)
		doing(f, &deed);
}

#endif /* TEST_NET_CREDIT_H */
