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

struct slept {
	uint64_t ms;
};

#define MESSAGES(MESSAGE) MESSAGE(sleeper_beat) MESSAGE(sleeper_slept, struct slept)
HM_MESSAGES(sleeper, HM_TYPE_USER, MESSAGES);

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
		if (hm_offload(ctx, sleep_ms, &ms[i], sizeof(ms[i]), sleeper_slept, &s->longest) != HM_OK)
			hm_fail(ctx, "no room for a call");
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
	hm_stop(ctx, hm_self(ctx));
}

static void
begin(struct hm_ctx *ctx, struct sleeper *s)
{
	(void)sleeper_beat_send_after(ctx, hm_self(ctx), BEAT_US, BEAT_US, NULL);
	calls_make(ctx, s);
}

static void
beat(struct hm_ctx *ctx, struct sleeper *s)
{
	(void)ctx;
	s->beats++;
}

HM_RECEIVE(receive, struct sleeper,
	   HM_ON_EMPTY(HM_STARTED, begin) HM_ON_EMPTY(sleeper_beat, beat) HM_ON(sleeper_slept, result_take));

int
main(int argc, char **argv)
{
	static const struct hm_props props = { .receive = receive, .state_size = sizeof(struct sleeper) };
	static const struct hm_program program = { .prepare = sleeper_register,
						   .props = &props,
						   .name = "sleeper" };

	return hm_program_run(&program, argc, argv);
}
