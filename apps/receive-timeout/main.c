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

enum {
	WORD = HM_TYPE_USER, /* of the guest */
	TICK                 /* of the clock: no influence */
};

struct waiter {
	struct hm_timer clock, guest;
	unsigned int words, ticks, questions;
};

static void
begin(struct hm_ctx *ctx, struct waiter *waiter)
{
	struct hm_pid self = hm_self(ctx);

	if (hm_receive_timeout_set(ctx, SILENCE_US) != HM_OK ||
	    hm_send_after(ctx, self, TICK, NULL, TICK_US, TICK_US, &waiter->clock) != HM_OK ||
	    hm_send_after(ctx, self, WORD, NULL, WORDS_US, WORDS_US, &waiter->guest) != HM_OK)
		hm_fail(ctx, "no memory to wait");
	printf("waiter: asks after %llu ms of silence\n", (unsigned long long)hm_receive_timeout(ctx) / 1000);
}

static void
word(struct hm_ctx *ctx, struct waiter *waiter)
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
	hm_system_stop(hm_system(ctx));
}

static void
waiter_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct waiter *waiter = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		begin(ctx, waiter);
		break;
	case WORD:
		word(ctx, waiter);
		break;
	case TICK:
		waiter->ticks++;
		break;
	case HM_RECEIVE_TIMEOUT:
		silence(ctx, waiter);
		break;
	default:
		break;
	}
}

int
main(int argc, char **argv)
{
	static const struct hm_props waiter = { .receive = waiter_receive,
						.state_size = sizeof(struct waiter) };
	static const struct hm_type word = { .id = WORD, .name = "word" },
				    tick = { .id = TICK, .name = "tick", .no_influence = true };
	struct hm_system *sys;
	int rc = hm_system_create(&sys, argc, argv, NULL);

	if (rc == 0 && (rc = hm_type_register(sys, &word)) == 0 && (rc = hm_type_register(sys, &tick)) == 0 &&
	    (rc = hm_system_spawn(sys, &waiter, "waiter", NULL, NULL)) == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
