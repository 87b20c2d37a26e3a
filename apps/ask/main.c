/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor asks another one by a timer: the first request is answered, the second one times out, the third
 * one's receiver has stopped.
 */
#include <inttypes.h>
#include <stdio.h>

#include <hermod.h>

#define BEAT_US     200000
#define DEADLINE_US 100000

#define MESSAGES(MESSAGE) MESSAGE(beat) MESSAGE(number, uint64_t)
HM_MESSAGES(ask, HM_TYPE_USER, MESSAGES);

struct asker {
	struct hm_pid squarer;
	uint64_t number; /* asked about last */
};

/* No answer to 2, so that this request times out. */
static void
on_number(struct hm_ctx *ctx, void *state, const uint64_t *asked)
{
	(void)state;
	if (*asked != 2)
		(void)number_respond(ctx, &(uint64_t){ *asked * *asked });
}

HM_RECEIVE(squarer_receive, void, HM_ON(number, on_number));

static void
answered(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	const struct asker *asker = state;

	(void)arg;
	printf("%" PRIu64 " squared: ", asker->number);
	if (result == HM_FUTURE_REPLY)
		printf("%" PRIu64 "\n", *number_body(reply));
	else
		printf("%s\n", hm_future_result_name(result));
	if (asker->number < 3)
		(void)beat_send_after(ctx, hm_self(ctx), BEAT_US, 0, NULL);
	else
		hm_system_stop(hm_system(ctx));
}

static void
on_started(struct hm_ctx *ctx, struct asker *asker)
{
	static const struct hm_props squarer = { .receive = squarer_receive };

	if (hm_spawn(ctx, &squarer, "squarer", NULL, &asker->squarer) != 0 ||
	    hm_watch(ctx, asker->squarer) != HM_OK)
		hm_fail(ctx, "nobody squares");
	(void)beat_send_after(ctx, hm_self(ctx), BEAT_US, 0, NULL);
}

static void
on_beat(struct hm_ctx *ctx, struct asker *asker)
{
	if (++asker->number == 3)
		hm_stop(ctx, asker->squarer);
	(void)number_ask(ctx, asker->squarer, &asker->number, DEADLINE_US, answered, NULL);
}

static void
on_terminated(struct hm_ctx *ctx, struct asker *asker)
{
	(void)ctx;
	(void)asker;
	printf("the squarer is gone\n");
}

HM_RECEIVE(asker_receive, struct asker,
	   HM_ON_EMPTY(HM_STARTED, on_started) HM_ON_EMPTY(beat, on_beat)
		   HM_ON_EMPTY(HM_TERMINATED, on_terminated));

int
main(int argc, char **argv)
{
	static const struct hm_props asker = { .receive = asker_receive, .state_size = sizeof(struct asker) };
	static const struct hm_program program = { .prepare = ask_register,
						   .props = &asker,
						   .name = "asker" };

	return hm_program_run(&program, argc, argv);
}
