/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that find no receiver, as many and as fast as an actor can send them. The log says so a few times a second; a subscriber
 * that is too slow gets what it has room for; and every single one is counted.
 *
 *     flooder ──▶ an actor that is gone ──────┐               ┌──▶ counters, by reason
 *             ──▶ a desk that takes four ─────┼─ dead letter ─┼──▶ log, three lines a second
 *             ──▶ /deadLetters ───────────────┘               ├──▶ function: all of them
 *                                                             └──▶ clerk, an actor: so many in flight
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include <hermod.h>

#define WAVE       100u /* messages to each of the three in one call */
#define DESK_ROOM  4u
#define CLERK_ROOM 50u
#define LOOK_US    1000u
#define LOOKS_MAX  20000u

#define MESSAGES(MESSAGE) MESSAGE(flood_drop) MESSAGE(flood_next) MESSAGE(flood_look)
HM_MESSAGES(flood, HM_TYPE_USER, MESSAGES);

/* To each of the three; by the option, and read only then. */
static uint64_t messages = 100000;

struct flooder {
	struct hm_pid gone, desk;
	struct hm_subscription clerk; /* its subscription */
	uint64_t sent;                /* to each */
	uint32_t looks;
};

/* ---- Who is told --------------------------------------------------------------------------------- */

/* Of the program, since all lcores add to them: what the desk has handled, and what the two subscribers were told of. */
static struct {
	_Atomic uint64_t handled, called, clerk;
} seen;

static void
on_drop(struct hm_ctx *ctx, void *state)
{
	(void)ctx;
	(void)state;
	seen.handled++;
}

HM_RECEIVE(desk_receive, void, HM_ON_EMPTY(flood_drop, on_drop));

/* Called on the lcore of the dead letter, at once: it misses none. */
static void
on_event(void *arg, const struct hm_msg *event)
{
	(void)arg;
	(void)event;
	seen.called++;
}

static void
on_dead_letter(struct hm_ctx *ctx, void *state, const struct hm_dead_letter *letter)
{
	(void)ctx;
	(void)state;
	(void)letter;
	seen.clerk++;
}

HM_RECEIVE(clerk_receive, void, HM_ON(HM_DEAD_LETTER, on_dead_letter));

/* ---- The flood ------------------------------------------------------------------------------------- */

static void
clerk_start(struct hm_ctx *ctx, struct flooder *flooder)
{
	static const struct hm_props props = { .receive = clerk_receive };
	struct hm_event_subscriber function = { .first = HM_DEAD_LETTER, .callback = on_event };
	struct hm_event_subscriber clerk = { .first = HM_DEAD_LETTER, .limit = CLERK_ROOM };

	if (hm_spawn(ctx, &props, "clerk", NULL, &clerk.pid) != 0 ||
	    hm_event_subscribe(hm_system(ctx), &clerk, &flooder->clerk) != 0 ||
	    hm_event_subscribe(hm_system(ctx), &function, NULL) != 0)
		hm_fail(ctx, "no subscribers");
}

static void
on_started(struct hm_ctx *ctx, struct flooder *flooder)
{
	static const struct hm_mailbox mailbox = { .capacity = DESK_ROOM, .overflow = HM_OVERFLOW_REJECT };
	static const struct hm_props desk = { .receive = desk_receive, .mailbox = &mailbox };
	static const struct hm_props gone = { .receive = desk_receive };

	if (hm_spawn(ctx, &desk, "desk", NULL, &flooder->desk) != 0 ||
	    hm_spawn(ctx, &gone, "gone", NULL, &flooder->gone) != 0)
		hm_fail(ctx, "no actors");
	clerk_start(ctx, flooder);
	hm_stop(ctx, flooder->gone);
}

/* It is gone, and not before: so its dead letters have one reason. */
static void
on_terminated(struct hm_ctx *ctx, struct flooder *flooder, const struct hm_terminated *terminated)
{
	(void)flooder;
	(void)terminated;
	(void)flood_next_send(ctx, hm_self(ctx));
}

static void
on_next(struct hm_ctx *ctx, struct flooder *flooder)
{
	struct hm_pid dead_letters = hm_system_dead_letters(hm_system(ctx));

	for (uint32_t i = 0; i < WAVE && flooder->sent < messages; i++, flooder->sent++) {
		if (flood_drop_send(ctx, flooder->gone) != HM_OK ||
		    flood_drop_send(ctx, flooder->desk) != HM_OK ||
		    flood_drop_send(ctx, dead_letters) != HM_OK)
			hm_fail(ctx, "no memory for the flood");
	}
	if (flooder->sent < messages)
		(void)flood_next_send(ctx, hm_self(ctx));
	else
		(void)flood_look_send_after(ctx, hm_self(ctx), LOOK_US, LOOK_US, NULL);
}

/* ---- The books --------------------------------------------------------------------------------------- */

/* Of the desk and the clerk, which may have something to do still, and of dead letters that are not told yet. */
static bool
is_balanced(const struct hm_stats *stats, uint64_t dropped)
{
	uint64_t dead = stats->dead[HM_DEAD_NO_PROCESS] + stats->dead[HM_DEAD_REJECTED] +
			stats->dead[HM_DEAD_SENT_THERE];

	return dead + seen.handled == 3 * messages && seen.called == dead && seen.clerk + dropped == dead;
}

static void
books_print(const struct hm_stats *stats, uint64_t dropped)
{
	static const struct {
		const char *to;
		enum hm_dead_reason reason;
	} rows[] = { { "an actor that is gone", HM_DEAD_NO_PROCESS },
		     { "a desk that takes four", HM_DEAD_REJECTED },
		     { "/deadLetters", HM_DEAD_SENT_THERE } };

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("%" PRIu64 " to %s: %" PRIu64 " dead letters: %s\n", messages, rows[i].to,
		       stats->dead[rows[i].reason], hm_dead_reason_name(rows[i].reason));
	printf("the desk has handled %" PRIu64 "\n", seen.handled);
	printf("the function was told of %" PRIu64 "\n", seen.called);
	printf("the clerk was told of %" PRIu64 ", and %" PRIu64 " were too many for it at once\n",
	       seen.clerk, dropped);
}

static void
on_look(struct hm_ctx *ctx, struct flooder *flooder)
{
	struct hm_subscription_stats clerk = { 0 };
	struct hm_stats stats;

	hm_system_stats(hm_system(ctx), &stats);
	if (hm_event_subscription_stats(hm_system(ctx), flooder->clerk, &clerk) != 0)
		hm_fail(ctx, "the clerk is no subscriber");
	if (!is_balanced(&stats, clerk.dropped) && ++flooder->looks < LOOKS_MAX)
		return;
	books_print(&stats, clerk.dropped);
	printf("%s\n", is_balanced(&stats, clerk.dropped) ? "none is missing" : "some are missing");
	hm_stop(ctx, hm_self(ctx));
}

/* clang-format off */
HM_RECEIVE(receive, struct flooder,
	HM_ON_EMPTY(HM_STARTED, on_started)
	HM_ON(HM_TERMINATED, on_terminated)
	HM_ON_EMPTY(flood_next, on_next)
	HM_ON_EMPTY(flood_look, on_look));
/* clang-format on */

int
main(int argc, char **argv)
{
	static const struct hm_option options[] = {
		{ .name = "messages",
		  .help = "to each of the three (100,000)",
		  .kind = HM_OPTION_NUMBER,
		  .value = &messages,
		  .min = 1,
		  .max = UINT32_MAX },
		{ .name = NULL },
	};
	static const struct hm_config config = { .options = options,
						 .summary = "sends messages that find no receiver" };
	static const struct hm_props props = { .receive = receive, .state_size = sizeof(struct flooder) };
	static const struct hm_program program = {
		.config = &config, .prepare = flood_register, .props = &props, .name = "flooder"
	};

	return hm_program_run(&program, argc, argv);
}
