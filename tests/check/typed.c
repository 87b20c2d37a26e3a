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
#elif WRONG == 4 /* no body */
	(void)counter_add_send(ctx, hm_self(ctx));
#elif WRONG == 5 /* a body too many */
	(void)counter_print_send(ctx, hm_self(ctx), &add);
#elif WRONG == 6 /* another body of an answer */
	(void)counter_add_respond(ctx, &byte);
#elif WRONG == 7 /* there is no body */
	(void)counter_print_body(NULL);
#else
	(void)counter_add_send(ctx, hm_self(ctx), &add);
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

hm_receive_fn *counter_receive(void);

hm_receive_fn *
counter_receive(void)
{
	return receive;
}
