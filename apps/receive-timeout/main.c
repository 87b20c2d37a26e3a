/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest is watched by a waiter, who asks whenever the guest has been silent for 400 ms. Words keep the waiter away; the
 * ticks of the clock do not, since their type has no influence. After three questions in a row the waiter gives up.
 */
#include <stdio.h>

#include <hermod.h>

#define SILENCE_US 400000
#define TICK_US    100000
#define WORDS_US   40000
#define WORDS      4

#define MESSAGES(MESSAGE) MESSAGE(word) MESSAGE(tick, (HM_NO_INFLUENCE))
HM_MESSAGES(waiter, HM_TYPE_USER, MESSAGES);

struct waiter {
	struct hm_timer clock, guest;
	unsigned int words, ticks, questions;
};

static void
begin(struct hm_ctx *ctx, struct waiter *waiter)
{
	struct hm_pid self = hm_self(ctx);

	if (hm_receive_timeout_set(ctx, SILENCE_US) != HM_OK ||
	    tick_send_after(ctx, self, TICK_US, TICK_US, &waiter->clock) != HM_OK ||
	    word_send_after(ctx, self, WORDS_US, WORDS_US, &waiter->guest) != HM_OK)
		hm_fail(ctx, "no memory to wait");
	printf("waiter: asks after %llu ms of silence\n", (unsigned long long)hm_receive_timeout(ctx) / 1000);
}

static void
on_word(struct hm_ctx *ctx, struct waiter *waiter)
{
	waiter->words++;
	printf("guest: word %u, %s\n", waiter->words,
	       waiter->questions == 0 ? "and nobody has asked" : "too late");
	if (waiter->words == WORDS)
		hm_timer_cancel(ctx, waiter->guest);
}

static void
silence(struct hm_ctx *ctx, struct waiter *waiter)
{
	printf("waiter: anything else? (%u)\n", ++waiter->questions);
	if (waiter->questions < 3)
		return;
	hm_receive_timeout_cancel(ctx);
	printf("waiter: gives up, though the clock has %s\n",
	       waiter->ticks > WORDS ? "ticked on" : "stood still");
	hm_stop(ctx, hm_self(ctx));
}

static void
on_tick(struct hm_ctx *ctx, struct waiter *waiter)
{
	(void)ctx;
	waiter->ticks++;
}

HM_RECEIVE(waiter_receive, struct waiter,
	   HM_ON_EMPTY(HM_STARTED, begin) HM_ON_EMPTY(word, on_word) HM_ON_EMPTY(tick, on_tick)
		   HM_ON_EMPTY(HM_RECEIVE_TIMEOUT, silence));

int
main(int argc, char **argv)
{
	static const struct hm_props waiter = { .receive = waiter_receive,
						.state_size = sizeof(struct waiter) };
	static const struct hm_program program = { .prepare = waiter_register,
						   .props = &waiter,
						   .name = "waiter" };

	return hm_program_run(&program, argc, argv);
}
