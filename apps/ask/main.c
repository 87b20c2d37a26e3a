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

enum {
	BEAT = HM_TYPE_USER,
	NUMBER
};

struct asker {
	struct hm_pid squarer;
	uint64_t number; /* asked about last */
};

static void
squarer_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const uint64_t *number = hm_msg_body(msg);

	(void)state;
	/* No answer to 2, so that this request times out. */
	if (hm_msg_type(msg) == NUMBER && *number != 2)
		(void)hm_respond(ctx, NUMBER, &(uint64_t){ *number * *number });
}

static void
answered(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	const struct asker *asker = state;

	(void)arg;
	printf("%" PRIu64 " squared: ", asker->number);
	if (result == HM_FUTURE_REPLY)
		printf("%" PRIu64 "\n", *(const uint64_t *)hm_msg_body(reply));
	else
		printf("%s\n", hm_future_result_name(result));
	if (asker->number < 3)
		(void)hm_send_after(ctx, hm_self(ctx), BEAT, NULL, BEAT_US, 0, NULL);
	else
		hm_system_stop(hm_system(ctx));
}

static void
asker_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct asker *asker = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		(void)hm_watch(ctx, asker->squarer);
		(void)hm_send_after(ctx, hm_self(ctx), BEAT, NULL, BEAT_US, 0, NULL);
		break;
	case BEAT:
		if (++asker->number == 3)
			hm_stop(ctx, asker->squarer);
		(void)hm_ask(ctx, asker->squarer, NUMBER, &asker->number, DEADLINE_US, answered, NULL);
		break;
	case HM_TERMINATED:
		printf("the squarer is gone\n");
		break;
	default:
		break;
	}
}

int
main(int argc, char **argv)
{
	static const struct hm_props squarer_props = { .receive = squarer_receive };
	static const struct hm_props asker_props = { .receive = asker_receive,
						     .state_size = sizeof(struct asker),
						     .args_size = sizeof(struct asker) };
	static const struct hm_type beat = { .id = BEAT, .name = "beat" },
				    number = { .id = NUMBER, .name = "number", .size = sizeof(uint64_t) };
	struct asker asker = { .number = 0 };
	struct hm_system *sys;
	int rc = hm_system_create(&sys, argc, argv, NULL);

	if (rc == 0 && (rc = hm_type_register(sys, &beat)) == 0 &&
	    (rc = hm_type_register(sys, &number)) == 0 &&
	    (rc = hm_system_spawn(sys, &squarer_props, "squarer", NULL, &asker.squarer)) == 0 &&
	    (rc = hm_system_spawn(sys, &asker_props, "asker", &asker, NULL)) == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
