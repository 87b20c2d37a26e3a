/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What typed messages must not let through, one mistake for each number WRONG; 0: none. C and C++.
 */
#include "hermod.h"

struct add {
	int64_t amount;
};

#define COUNTER(MESSAGE)                 \
	MESSAGE(counter_add, struct add) \
	MESSAGE(counter_print)

HM_MESSAGES(counter, HM_TYPE_USER, COUNTER);

struct total {
	int64_t total;
};

#if WRONG == 16 /* another function */
static void answer(struct hm_ctx *ctx, int64_t *state, const struct hm_msg *msg);
#else
static hm_auto_respond_fn answer;
#endif

#if WRONG == 17 /* an attribute that there is not */
#define ATTRIBUTES (HM_CONTROLS)
#elif WRONG == 18 /* no parentheses */
#define ATTRIBUTES HM_CONTROL
#elif WRONG == 19 /* two functions */
#define ATTRIBUTES (HM_AUTO_RESPOND(answer) HM_CONTROL HM_AUTO_RESPOND(answer))
#else
#define ATTRIBUTES (HM_CONTROL HM_NO_INFLUENCE HM_AUTO_RESPOND(answer))
#endif
#if WRONG == 20 /* attributes that are not the last */
#define TICK(MESSAGE) MESSAGE(teller_tick, (HM_CONTROL), struct total)
#else
#define TICK(MESSAGE) MESSAGE(teller_tick, (HM_CONTROL))
#endif

#define TELLER(MESSAGE)                                 \
	MESSAGE(teller_total, struct total, ATTRIBUTES) \
	TICK(MESSAGE)                                   \
	MESSAGE(teller_twice, struct total)

HM_MESSAGES(teller, counter_end, TELLER);

#if WRONG == 10 /* two calls by messages of one type */
#define CALLS(RPC)                                      \
	RPC(teller_add, add, counter_add, teller_total) \
	RPC(teller_sum, sum, counter_add, teller_total)
#elif WRONG == 11 /* a call by a message without body */
#define CALLS(RPC)                                      \
	RPC(teller_add, add, counter_add, teller_total) \
	RPC(teller_sum, sum, counter_print, teller_total)
#else
#define CALLS(RPC)                                      \
	RPC(teller_add, add, counter_add, teller_total) \
	RPC(teller_sum, sum, teller_twice, teller_total)
#endif

HM_SERVICE(teller, CALLS);

static void
#if WRONG == 16
answer(struct hm_ctx *ctx, int64_t *state, const struct hm_msg *msg)
#else
answer(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
#endif
{
	(void)state;
	(void)teller_twice_respond(ctx, teller_total_body(msg));
}

#if WRONG == 1 /* a handler of another body */
static void
on_add(struct hm_ctx *ctx, int64_t *total, const uint8_t *add)
#else
static void
on_add(struct hm_ctx *ctx, int64_t *total, const struct add *add)
#endif
{
	(void)ctx;
	*total += *(const uint8_t *)add;
}

#if WRONG == 2 /* a handler of another state */
static void
on_print(struct hm_ctx *ctx, char *total)
#else
static void
on_print(struct hm_ctx *ctx, int64_t *total)
#endif
{
	uint8_t byte = 1;
	struct add add = { *total };

	(void)byte;
#if WRONG == 3 /* another body */
	(void)counter_add_send(ctx, hm_self(ctx), &byte);
#elif WRONG == 4  /* no body */
	(void)counter_add_send(ctx, hm_self(ctx));
#elif WRONG == 5  /* a body too many */
	(void)counter_print_send(ctx, hm_self(ctx), &add);
#elif WRONG == 6  /* another body of an answer */
	(void)counter_add_respond(ctx, &byte);
#elif WRONG == 7  /* there is no body */
	(void)counter_print_body(NULL);
#elif WRONG == 21 /* another body of an event */
	(void)counter_add_publish(ctx, &byte);
#elif WRONG == 22 /* a body too many of an event */
	(void)counter_print_publish(ctx, &add);
#else
	(void)counter_add_send(ctx, hm_self(ctx), &add);
	(void)counter_add_publish(ctx, &add);
	(void)!counter_print_subscribe(hm_system(ctx), hm_self(ctx), NULL);
#endif
}

#if WRONG == 8 /* one handler too many */
HM_RECEIVE(receive, int64_t,
	   HM_ON(counter_add, on_add) HM_ON(counter_add, on_add) HM_ON_EMPTY(counter_print, on_print));
#elif WRONG == 9 /* a handler without body of a message with one */
HM_RECEIVE(receive, int64_t, HM_ON_EMPTY(counter_add, on_add) HM_ON_EMPTY(counter_print, on_print));
#else
HM_RECEIVE(receive, int64_t, HM_ON(counter_add, on_add) HM_ON_EMPTY(counter_print, on_print));
#endif

#if WRONG == 12 /* a handler of another body */
static void
on_call(struct hm_ctx *ctx, void *state, const struct total *add)
#else
static void
on_call(struct hm_ctx *ctx, void *state, const struct add *add)
#endif
{
	struct total total = { *(const int64_t *)state + *(const int64_t *)add };
#if WRONG == 13 /* another body of an answer */
	const struct add *answer = (const struct add *)add;
#else
	const struct total *answer = &total;
#endif
#if WRONG == 14 /* another body of a call */
	const struct total *call = &total;
#else
	const struct add *call = (const struct add *)add;
#endif

	(void)teller_add_request(ctx, hm_self(ctx), call);
	(void)teller_add_respond(ctx, answer);
}

bool teller_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg);

bool
teller_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct teller_handlers handlers = { on_call, NULL };
#if WRONG == 15 /* an answer taken for another */
	const struct add *answer = teller_add_reply(msg);
#else
	const struct total *answer = teller_add_reply(msg);
#endif

	return answer != NULL || teller_dispatch(&handlers, ctx, state, msg);
}

hm_receive_fn *counter_receive(void);

hm_receive_fn *
counter_receive(void)
{
	return receive;
}
