/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_ROUTER_H
#define TEST_ENGINE_ROUTER_H

/*
 * A router, an actor on each lcore that sends, and routees, which write down in one list what they receive.
 */

#include <criterion/criterion.h>

#include "hm_children.h"
#include "hm_router.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "router_pvt.h"

#define LOG_MAX 8192u

/* Numbers that a routee does something about. */
#define FAILS (UINT64_C(1) << 40)
#define ENDS  (UINT64_C(1) << 41)

/* A routee has received a number; or, number UINT64_MAX, has started; or, UINT64_MAX - 1, stopped. */
struct receipt {
	struct hm_pid who, sender;
	uint32_t lcore;
	uint64_t number;
};

#define STARTS UINT64_MAX
#define STOPS  (UINT64_MAX - 1)

struct scene {
	struct hmt_node node;
	struct hmt_probe senders[2];
	struct hm_pid router;
	struct receipt log[LOG_MAX];
	uint32_t count;
	bool is_silent; /* routees answer nothing */
};

static struct scene scene;

static inline void
note(struct hm_ctx *ctx, uint64_t number)
{
	struct receipt *receipt = &scene.log[scene.count++];

	cr_assert_leq(scene.count, LOG_MAX);
	receipt->who = hm_self(ctx);
	receipt->sender = hm_sender(ctx);
	receipt->lcore = hm_lcore(ctx);
	receipt->number = number;
}

static inline void
routee_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	uint64_t number, answer;

	(void)state;
	if (hm_msg_type(msg) == HM_STARTED)
		note(ctx, STARTS);
	if (hm_msg_type(msg) == HM_STOPPED)
		note(ctx, STOPS);
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	number = *(const uint64_t *)hm_msg_body(msg);
	note(ctx, number);
	if (number == FAILS)
		hm_fail(ctx, "on purpose");
	if (number == ENDS)
		hm_stop(ctx, hm_self(ctx));
	answer = number + 1000;
	if (!scene.is_silent && !hm_pid_is_none(hm_sender(ctx)))
		cr_assert_eq(hm_respond(ctx, HMT_NUMBER, &answer), HM_OK);
}

static const struct hm_props any_props = { .receive = routee_receive, .lcore = HM_LCORE_ANY };
static const struct hm_props same_props = { .receive = routee_receive };

static inline uint64_t
number_key(const struct hm_msg *msg, void *arg)
{
	(void)arg;
	return *(const uint64_t *)hm_msg_body(msg);
}

static inline void
scene_start_with(uint32_t lcores, uint64_t memory, const char *options)
{
	memset(&scene, 0, sizeof(scene));
	hmt_node_start_with(&scene.node, lcores, memory, options);
	for (uint32_t i = 0; i < lcores && i < 2; i++)
		hmt_probe_spawn(&scene.node, &scene.senders[i], i, NULL);
	hmt_turn_until_idle(&scene.node);
}

static inline void
scene_start(uint32_t lcores)
{
	scene_start_with(lcores, 0, "");
}

/* A router under /user, and all is at rest. */
static inline void
router_make(const struct hm_router *config)
{
	cr_assert_eq(hm_system_router_spawn(scene.node.sys, config, "router", &scene.router), 0);
	hmt_turn_until_idle(&scene.node);
}

static inline void
pool_make(uint32_t kind, uint32_t size)
{
	router_make(&(struct hm_router){ .kind = kind,
					 .size = size,
					 .props = &any_props,
					 .key = kind == HM_ROUTER_HASH ? number_key : NULL });
}

static inline void
scene_end(void)
{
	hmt_node_end(&scene.node);
}

/* ---- What actors do ------------------------------------------------------------------ */

/* Numbers from `first` on, to the router. */
struct numbers {
	uint64_t first, count;
	bool with_sender;
};

static inline void
numbers_send(struct hm_ctx *ctx, void *arg)
{
	const struct numbers *numbers = arg;

	for (uint64_t i = numbers->first; i < numbers->first + numbers->count; i++) {
		if (numbers->with_sender)
			cr_assert_eq(hm_request(ctx, scene.router, HMT_NUMBER, &i), HM_OK);
		else
			cr_assert_eq(hm_send(ctx, scene.router, HMT_NUMBER, &i), HM_OK);
	}
}

/* The sender of an lcore sends some, which all arrive. */
static inline void
numbers_from(uint32_t lcore, uint64_t first, uint64_t count)
{
	struct numbers numbers = { first, count, false };

	hmt_do(&scene.node, scene.senders[lcore].pid, numbers_send, &numbers);
}

static inline void
requests_from(uint32_t lcore, uint64_t first, uint64_t count)
{
	struct numbers numbers = { first, count, true };

	hmt_do(&scene.node, scene.senders[lcore].pid, numbers_send, &numbers);
}

/* A message for the router itself, asked for; its answer. */
struct asking {
	uint16_t type;
	const void *body;
	uint64_t timeout_us;
	uint32_t ends;
	enum hm_future_result result;
	struct hm_pid from;
	uint16_t reply_type;
	uint64_t number;
	struct hm_router_done done;
	uint32_t count;
	struct hm_pid pids[HM_ROUTEES_MAX];
};

static inline void
asking_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	   void *arg)
{
	struct asking *asking = arg;

	(void)state;
	asking->ends++;
	asking->result = result;
	if (reply == NULL)
		return;
	asking->from = hm_sender(ctx);
	asking->reply_type = hm_msg_type(reply);
	if (asking->reply_type == HM_ROUTER_DONE) {
		asking->done = *(const struct hm_router_done *)hm_msg_body(reply);
	} else if (asking->reply_type == HM_ROUTEES) {
		const struct hm_routees *routees = hm_msg_body(reply);

		asking->count = routees->count;
		memcpy(asking->pids, routees->pids, routees->count * sizeof(struct hm_pid));
	} else if (asking->reply_type == HMT_NUMBER) {
		asking->number = *(const uint64_t *)hm_msg_body(reply);
	}
}

static inline void
ask(struct hm_ctx *ctx, void *arg)
{
	struct asking *asking = arg;

	if (asking->timeout_us == 0)
		asking->timeout_us = 1000000;
	cr_assert_eq(hm_ask(ctx, scene.router, asking->type, asking->body, asking->timeout_us, asking_end,
			    asking),
		     HM_OK);
}

static inline struct hm_router_done
order(uint16_t type, const void *body)
{
	struct asking asking = { .type = type, .body = body };

	hmt_do(&scene.node, scene.senders[0].pid, ask, &asking);
	cr_assert_eq(asking.ends, 1);
	cr_assert_eq(asking.result, HM_FUTURE_REPLY);
	cr_assert_eq(asking.reply_type, HM_ROUTER_DONE);
	cr_assert(hm_pid_equal(asking.from, scene.router));
	return asking.done;
}

static inline struct hm_router_done
routee_add(struct hm_pid pid)
{
	return order(HM_ROUTER_ADD, &(struct hm_routee){ pid });
}

static inline struct hm_router_done
routee_remove(struct hm_pid pid)
{
	return order(HM_ROUTER_REMOVE, &(struct hm_routee){ pid });
}

static inline struct hm_router_done
pool_adjust(int32_t by)
{
	return order(HM_ROUTER_ADJUST, &(struct hm_router_change){ by });
}

/* The routees, by asking; the list is valid until the next one. */
static inline const struct asking *
routees(void)
{
	static struct asking asking;

	asking = (struct asking){ .type = HM_ROUTER_LIST };
	hmt_do(&scene.node, scene.senders[0].pid, ask, &asking);
	cr_assert_eq(asking.result, HM_FUTURE_REPLY);
	cr_assert_eq(asking.reply_type, HM_ROUTEES);
	return &asking;
}

/* A request through the router; how it has ended. */
static inline struct asking
asked(uint32_t lcore, uint64_t number)
{
	struct asking asking = { .type = HMT_NUMBER, .body = &number };

	hmt_do(&scene.node, scene.senders[lcore].pid, ask, &asking);
	cr_assert_eq(asking.ends, 1);
	return asking;
}

/* ---- What has been received ------------------------------------------------------------ */

/* Numbers that were received, by one, or by all: nobody. */
static inline uint32_t
received(struct hm_pid who)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < scene.count; i++)
		count += scene.log[i].number < STOPS &&
			 (hm_pid_is_none(who) || hm_pid_equal(scene.log[i].who, who));
	return count;
}

static inline uint32_t
received_all(void)
{
	return received(hm_pid_none());
}

/* Who has received a number first; nobody: none has. */
static inline struct hm_pid
receiver_of(uint64_t number)
{
	for (uint32_t i = 0; i < scene.count; i++) {
		if (scene.log[i].number == number)
			return scene.log[i].who;
	}
	return hm_pid_none();
}

static inline void
log_clear(void)
{
	scene.count = 0;
}

static inline uint64_t
dead_of(enum hm_dead_reason reason)
{
	return hmt_stats(&scene.node).dead[reason];
}

#endif /* TEST_ENGINE_ROUTER_H */
