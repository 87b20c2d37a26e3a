/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer, and a press that is slower: the producer waits for it. So does a thread that is no lcore, if it wants to. Nobody
 * waits to stop the press.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include <hermod.h>

#define PAGES 300u
#define BATCH 10u
/* Pages that may wait for the press, and down to which the producer waits then. */
#define HIGH 100u
#define LOW  20u
/* What a page takes. */
#define PAGE_NS 500000u

#define MESSAGES(MESSAGE) MESSAGE(page) MESSAGE(more)
HM_MESSAGES(press, HM_TYPE_USER, MESSAGES);

/* Of the program: the press counts, the main thread reads. */
struct counts {
	_Atomic uint32_t printed, most; /* pages; and how many waited at most */
};

/* ---- Press --------------------------------------------------------------------- */

struct press {
	struct counts *counts;
};

static void
on_page(struct hm_ctx *ctx, struct press *press)
{
	struct counts *counts = press->counts;
	uint32_t waiting = hm_mailbox_count(ctx);
	uint64_t until_ns = hm_now_ns(ctx) + PAGE_NS;

	if (waiting > counts->most)
		counts->most = waiting;
	while (hm_now_ns(ctx) < until_ns)
		;
	counts->printed++;
}

HM_RECEIVE(press_receive, struct press, HM_ON_EMPTY(page, on_page));

/* ---- Producer -------------------------------------------------------------------- */

struct producer {
	struct hm_pid press;
	uint32_t sent;
};

/* Some pages, and the next ones by a message to itself: that is where it can be held. */
static void
pages_send(struct hm_ctx *ctx, struct producer *producer)
{
	for (uint32_t n = 0; n < BATCH; n++, producer->sent++)
		(void)page_send(ctx, producer->press);
	if (producer->sent < PAGES)
		(void)more_send(ctx, hm_self(ctx));
}

HM_RECEIVE(producer_receive, struct producer,
	   HM_ON_EMPTY(HM_STARTED, pages_send) HM_ON_EMPTY(more, pages_send));

/* ---- The main thread: no lcore ------------------------------------------------------ */

static void
wait_for(const struct counts *counts, uint32_t pages)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	while (counts->printed < pages)
		nanosleep(&pause, NULL);
}

/* Sends until it would block. */
static void
flood(struct hm_system *sys, struct hm_pid press)
{
	while (page_system_send(sys, press) == HM_OK)
		;
}

static void
external(struct hm_system *sys, struct hm_pid press)
{
	/* While the press drains from HIGH to LOW, which takes longer than a millisecond. */
	do
		flood(sys, press);
	while (page_system_send_wait(sys, press, 1000) == HM_OK);
	printf("the thread: the press is full, and still is after a millisecond: %s\n",
	       hm_result_name(HM_WOULD_BLOCK));
	if (page_system_send_wait(sys, press, 10000000) == HM_OK)
		printf("the thread: waits for the press, and has sent its page\n");
}

static int
pages_print(struct hm_system *sys, struct hm_pid press, const struct counts *counts)
{
	struct hm_stats stats;
	int rc = hm_system_start(sys);

	if (rc != 0)
		return rc;
	wait_for(counts, PAGES);
	hm_system_stats(sys, &stats);
	printf("the producer: %u pages printed, at most %u waited; it was held %" PRIu64 " times\n", PAGES,
	       counts->most, stats.mutes);
	external(sys, press);
	flood(sys, press);
	/* A system message: it waits for no page. */
	while (hm_system_stop_actor(sys, press) != 0)
		;
	hm_system_stop(sys);
	rc = hm_system_join(sys);
	hm_system_stats(sys, &stats);
	printf("the press is stopped: %" PRIu64 " pages that waited are dead letters\n",
	       stats.dead[HM_DEAD_STOPPED]);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct hm_mailbox mailbox = { .capacity = HIGH, .low = LOW };
	static const struct hm_props press_props = { .receive = press_receive,
						     .state_size = sizeof(struct press),
						     .args_size = sizeof(struct press),
						     .mailbox = &mailbox };
	static const struct hm_props producer_props = { .receive = producer_receive,
							.state_size = sizeof(struct producer),
							.args_size = sizeof(struct hm_pid) };
	static const struct hm_config config = { .mode = HM_MODE_BACKGROUND };
	struct counts counts = { 0 };
	struct press args = { &counts };
	struct hm_system *sys;
	struct hm_pid press;
	int rc = hm_system_create(&sys, argc, argv, &config);

	if (rc == 0 && (rc = press_register(sys)) == 0 &&
	    (rc = hm_system_spawn(sys, &press_props, "press", &args, &press)) == 0 &&
	    (rc = hm_system_spawn(sys, &producer_props, "producer", &press, NULL)) == 0)
		rc = pages_print(sys, press, &counts);
	hm_system_destroy(sys);
	return hm_exit_status(rc);
}
