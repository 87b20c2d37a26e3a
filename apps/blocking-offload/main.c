/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An actor has calls that block made by threads of the offload pool, and goes on: its heart beats meanwhile.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include <hermod.h>

#define BEAT_US 10000
#define CALLS   3

enum {
	BEAT = HM_TYPE_USER,
	SLEPT
};

struct slept {
	uint64_t ms;
};

struct sleeper {
	uint64_t beats;
	uint32_t slept;
	struct hm_offload longest;
};

/* What an actor must not do: it would hold up all others of its lcore. */
static void
sleep_ms(const struct hm_work *work, void *args, void *result)
{
	uint64_t ms = *(const uint64_t *)args;
	struct timespec piece = { .tv_nsec = 10 * 1000000 };

	for (uint64_t left = ms; left > 0 && !hm_work_is_cancelled(work); left -= 10)
		nanosleep(&piece, NULL);
	((struct slept *)result)->ms = ms;
}

static void
calls_make(struct hm_ctx *ctx, struct sleeper *s)
{
	static const uint64_t ms[CALLS] = { 60000, 300, 100 };

	for (int i = CALLS; i-- > 0;) {
		if (hm_offload(ctx, sleep_ms, &ms[i], sizeof(ms[i]), SLEPT, &s->longest) != HM_OK)
			hm_system_stop(hm_system(ctx));
	}
	printf("%d calls are under way\n", CALLS);
}

static void
result_take(struct hm_ctx *ctx, struct sleeper *s, const struct slept *slept)
{
	printf("slept %" PRIu64 " ms, and the heart %s\n", slept->ms, s->beats > 0 ? "beat" : "stood still");
	s->beats = 0;
	if (++s->slept < CALLS - 1)
		return;
	printf("nobody waits a minute: cancelled\n");
	hm_offload_cancel(ctx, s->longest);
	hm_system_stop(hm_system(ctx));
}

static void
receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct sleeper *s = state;

	switch (hm_msg_type(msg)) {
	case HM_STARTED:
		(void)hm_send_after(ctx, hm_self(ctx), BEAT, NULL, BEAT_US, BEAT_US, NULL);
		calls_make(ctx, s);
		break;
	case BEAT:
		s->beats++;
		break;
	case SLEPT:
		result_take(ctx, s, hm_msg_body(msg));
		break;
	default:
		break;
	}
}

int
main(int argc, char **argv)
{
	static const struct hm_props props = { .receive = receive, .state_size = sizeof(struct sleeper) };
	static const struct hm_type beat = { .id = BEAT, .name = "beat" },
				    slept = { .id = SLEPT, .name = "slept", .size = sizeof(struct slept) };
	struct hm_system *sys;
	int rc = hm_system_create(&sys, argc, argv, NULL);

	if (rc == 0 && (rc = hm_type_register(sys, &beat)) == 0 &&
	    (rc = hm_type_register(sys, &slept)) == 0 &&
	    (rc = hm_system_spawn(sys, &props, "sleeper", NULL, NULL)) == 0)
		rc = hm_system_run(sys);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
