/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of actors, on all lcores: a pinger has so many balls in flight to its echo, waits until all are back, and sends the
 * next ones, until it has sent its number. Round after round with more of them.
 *
 *     benchmark ──go──▶ pinger ══balls══▶ echo, on the same lcore
 *               ◀─done─        ◀═════════
 */
#include <inttypes.h>
#include <stdio.h>

#include <hermod.h>

static const uint32_t batches[] = { 1, 10, 100, 1000 };

#define BATCHES   (sizeof(batches) / sizeof(batches[0]))
#define PAIRS_MAX 1024u

static uint64_t pairs, messages = 1000000;

struct go {
	uint32_t batch;
	uint64_t messages;
};

#define MESSAGES(MESSAGE)      \
	MESSAGE(ball)          \
	MESSAGE(go, struct go) \
	MESSAGE(done)
HM_MESSAGES(game, HM_TYPE_USER, MESSAGES);

/* ---- Pairs -------------------------------------------------------------------------- */

static void
echo_ball(struct hm_ctx *ctx, void *state)
{
	(void)state;
	(void)ball_respond(ctx);
}

HM_RECEIVE(echo_receive, void, HM_ON_EMPTY(ball, echo_ball));

struct pinger {
	struct hm_pid echo;
	uint64_t left; /* to be sent */
	uint32_t batch, flying;
};

static void
pinger_start(struct hm_ctx *ctx, struct pinger *pinger)
{
	static const struct hm_props echo = { .receive = echo_receive };

	if (hm_spawn(ctx, &echo, NULL, NULL, &pinger->echo) != 0)
		hm_fail(ctx, "no room for an echo");
	(void)done_send(ctx, hm_parent(ctx));
}

static void
batch_send(struct hm_ctx *ctx, struct pinger *pinger)
{
	pinger->flying = pinger->left < pinger->batch ? (uint32_t)pinger->left : pinger->batch;
	pinger->left -= pinger->flying;
	for (uint32_t i = 0; i < pinger->flying; i++)
		if (ball_request(ctx, pinger->echo) != HM_OK)
			hm_fail(ctx, "no memory for a ball");
}

static void
on_go(struct hm_ctx *ctx, struct pinger *pinger, const struct go *order)
{
	pinger->batch = order->batch;
	pinger->left = order->messages;
	batch_send(ctx, pinger);
}

static void
on_ball(struct hm_ctx *ctx, struct pinger *pinger)
{
	if (--pinger->flying > 0)
		return;
	if (pinger->left > 0)
		batch_send(ctx, pinger);
	else
		(void)done_send(ctx, hm_parent(ctx));
}

HM_RECEIVE(pinger_receive, struct pinger,
	   HM_ON_EMPTY(HM_STARTED, pinger_start) HM_ON(go, on_go) HM_ON_EMPTY(ball, on_ball));

/* ---- Rounds ----------------------------------------------------------------------------- */

struct benchmark {
	struct hm_pid pingers[PAIRS_MAX];
	uint64_t waiting; /* for so many pingers */
	uint32_t round;   /* 0: the pairs come up */
	uint64_t begin_ns;
};

static void
benchmark_start(struct hm_ctx *ctx, struct benchmark *benchmark)
{
	static const struct hm_props pinger = { .receive = pinger_receive,
						.state_size = sizeof(struct pinger),
						.lcore = HM_LCORE_ANY };

	if (pairs == 0)
		pairs = 2 * hm_system_lcores_shared(hm_system(ctx));
	if (pairs > PAIRS_MAX)
		pairs = PAIRS_MAX;
	printf("%" PRIu64 " pairs, %" PRIu64 " balls each, there and back\n", pairs, messages);
	benchmark->waiting = pairs;
	for (uint64_t i = 0; i < pairs; i++)
		if (hm_spawn(ctx, &pinger, NULL, NULL, &benchmark->pingers[i]) != 0)
			hm_fail(ctx, "no room for a pinger");
}

static void
round_begin(struct hm_ctx *ctx, struct benchmark *benchmark)
{
	const struct go order = { batches[benchmark->round], messages };

	benchmark->waiting = pairs;
	benchmark->begin_ns = hm_now_ns(ctx);
	for (uint64_t i = 0; i < pairs; i++)
		(void)go_send(ctx, benchmark->pingers[i], &order);
}

static void
round_print(struct hm_ctx *ctx, const struct benchmark *benchmark)
{
	double seconds = (double)(hm_now_ns(ctx) - benchmark->begin_ns) * 1e-9;

	printf("batch %4" PRIu32 ": %.3f s, %.0f msg/s\n", batches[benchmark->round - 1], seconds,
	       2.0 * (double)messages * (double)pairs / seconds);
}

static void
on_done(struct hm_ctx *ctx, struct benchmark *benchmark)
{
	if (--benchmark->waiting > 0)
		return;
	if (benchmark->round > 0)
		round_print(ctx, benchmark);
	if (benchmark->round == BATCHES) {
		hm_stop(ctx, hm_self(ctx));
		return;
	}
	round_begin(ctx, benchmark);
	benchmark->round++;
}

HM_RECEIVE(benchmark_receive, struct benchmark,
	   HM_ON_EMPTY(HM_STARTED, benchmark_start) HM_ON_EMPTY(done, on_done));

int
main(int argc, char **argv)
{
	static const struct hm_option options[] = {
		{ .name = "pairs",
		  .help = "of actors; default: two for each lcore",
		  .kind = HM_OPTION_NUMBER,
		  .value = &pairs,
		  .min = 1,
		  .max = PAIRS_MAX },
		{ .name = "messages",
		  .help = "that a pinger sends in a round; default 1000000",
		  .kind = HM_OPTION_NUMBER,
		  .value = &messages,
		  .min = 1,
		  .max = UINT32_MAX },
		{ .name = NULL },
	};
	/* Who fails is waited for otherwise. */
	static const struct hm_supervisor stop_all = { .directive = HM_DIRECTIVE_ESCALATE };
	static const struct hm_config config = {
		.options = options,
		.summary = "inprocess-benchmark: pairs of actors and their balls.",
		.supervisor = &stop_all
	};
	static const struct hm_props benchmark = { .receive = benchmark_receive,
						   .state_size = sizeof(struct benchmark),
						   .supervisor = &stop_all };
	static const struct hm_program program = {
		.config = &config, .prepare = game_register, .props = &benchmark, .name = "benchmark"
	};

	return hm_program_run(&program, argc, argv);
}
