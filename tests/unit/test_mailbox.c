/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "hmt_death.h"
#include "hmt_msg.h"
#include "hmt_random.h"
#include "lane_pvt.h"
#include "mailbox_pvt.h"
#include "outbox_pvt.h"

#define MESSAGES 16u
#define STEPS    200000u

static struct hm_msg *messages[MESSAGES];

static void
mailbox_start(void)
{
	hmt_msgs_make(messages, MESSAGES);
}

TestSuite(mailbox, .init = mailbox_start);
TestSuite(system_lane, .init = mailbox_start);

Test(mailbox, pop__empty_has_none)
{
	struct hmi_fifo box = { 0 };
	struct hmi_system_lane lane = { 0 };

	cr_assert_null(hmi_fifo_pop(&box));
	cr_assert_null(hmi_system_lane_pop(&lane));
	cr_assert_eq(box.count, 0);
}

Test(mailbox, push__oldest_comes_first)
{
	struct hmi_fifo box = { 0 };

	for (uint32_t i = 0; i < 3; i++)
		hmi_fifo_push(&box, messages[i]);
	cr_assert_eq(box.count, 3);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hmi_fifo_pop(&box), messages[i]);
	cr_assert_eq(box.count, 0);
	cr_assert_null(hmi_fifo_pop(&box));
}

Test(mailbox, push_burst__of_each_size_alone_and_behind_others)
{
	for (uint32_t before = 0; before < 3; before++) {
		for (uint32_t count = 1; count <= 3; count++) {
			struct hmi_fifo box = { 0 };

			for (uint32_t i = 0; i < before; i++)
				hmi_fifo_push(&box, messages[i]);
			for (uint32_t i = before; i < before + count; i++)
				messages[i]->next = messages[0]; /* of another queue */
			hmi_fifo_push_burst(&box, &messages[before], count);
			cr_assert_eq(box.count, before + count);
			hmi_fifo_push(&box, messages[before + count]);
			for (uint32_t i = 0; i <= before + count; i++)
				cr_assert_eq(hmi_fifo_pop(&box), messages[i]);
			cr_assert_null(hmi_fifo_pop(&box));
		}
	}
}

/* What the newest one's link was in another queue is not looked at. */
Test(mailbox, after__of_each_up_to_the_newest)
{
	struct hmi_fifo box = { 0 };

	messages[2]->next = messages[9];
	for (uint32_t i = 0; i < 3; i++)
		hmi_fifo_push(&box, messages[i]);
	cr_assert_eq(hmi_fifo_after(&box, messages[0]), messages[1]);
	cr_assert_eq(hmi_fifo_after(&box, messages[1]), messages[2]);
	cr_assert_null(hmi_fifo_after(&box, messages[2]));
}

/* The tail still points to what was popped last. */
Test(mailbox, push__after_the_last_was_popped)
{
	struct hmi_fifo box = { 0 };

	hmi_fifo_push(&box, messages[0]);
	cr_assert_eq(hmi_fifo_pop(&box), messages[0]);
	hmi_fifo_push(&box, messages[1]);
	cr_assert_eq(hmi_fifo_pop(&box), messages[1]);
	cr_assert_null(hmi_fifo_pop(&box));
}

Test(mailbox, push__a_link_from_another_queue_is_forgotten)
{
	struct hmi_fifo box = { 0 };

	messages[0]->next = messages[9];
	hmi_fifo_push(&box, messages[0]);
	cr_assert_eq(hmi_fifo_pop(&box), messages[0]);
	cr_assert_null(hmi_fifo_pop(&box));
}

Test(system_lane, push__oldest_comes_first)
{
	struct hmi_system_lane lane = { 0 };

	for (uint32_t i = 0; i < 3; i++) {
		hmi_system_lane_push(&lane, messages[i]);
		cr_assert_not_null(lane.tail);
	}
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hmi_system_lane_pop(&lane), messages[i]);
	cr_assert_null(lane.tail);
	cr_assert_null(hmi_system_lane_pop(&lane));
}

Test(system_lane, push__after_the_last_was_popped)
{
	struct hmi_system_lane lane = { 0 };

	hmi_system_lane_push(&lane, messages[0]);
	cr_assert_eq(hmi_system_lane_pop(&lane), messages[0]);
	hmi_system_lane_push(&lane, messages[1]);
	hmi_system_lane_push(&lane, messages[2]);
	cr_assert_eq(hmi_system_lane_pop(&lane), messages[1]);
	cr_assert_eq(hmi_system_lane_pop(&lane), messages[2]);
	cr_assert_null(hmi_system_lane_pop(&lane));
}

/* What a mailbox must do, as two arrays that are shifted. */
struct model {
	struct hm_msg *lanes[2][MESSAGES];
	uint32_t counts[2];
};

static void
model_push(struct model *model, unsigned int lane, struct hm_msg *msg)
{
	model->lanes[lane][model->counts[lane]++] = msg;
}

static struct hm_msg *
model_pop(struct model *model, unsigned int lane)
{
	struct hm_msg *first = model->lanes[lane][0];

	if (model->counts[lane] == 0)
		return NULL;
	model->counts[lane]--;
	for (uint32_t i = 0; i < model->counts[lane]; i++)
		model->lanes[lane][i] = model->lanes[lane][i + 1];
	return first;
}

Test(mailbox, both_lanes__do_what_the_model_does)
{
	uint64_t seed = hmt_seed(1), random = seed;
	struct hm_msg *unused[MESSAGES];
	uint32_t unused_count = 0;
	struct hmi_fifo box = { 0 };
	struct hmi_system_lane system_lane = { 0 };
	struct model model = { 0 };

	for (; unused_count < MESSAGES; unused_count++)
		unused[unused_count] = messages[unused_count];
	for (uint32_t step = 0; step < STEPS; step++) {
		unsigned int lane = hmt_random(&random) & 1;
		struct hm_msg *msg, *expected;

		if ((hmt_random(&random) & 1) != 0 && unused_count > 0) {
			msg = unused[--unused_count];
			model_push(&model, lane, msg);
			if (lane == 0)
				hmi_fifo_push(&box, msg);
			else
				hmi_system_lane_push(&system_lane, msg);
		} else {
			expected = model_pop(&model, lane);
			msg = lane == 0 ? hmi_fifo_pop(&box) : hmi_system_lane_pop(&system_lane);
			if (msg != expected)
				cr_assert_fail("seed %lu, step %u: another message in lane %u", seed, step,
					       lane);
			if (msg != NULL)
				unused[unused_count++] = msg;
		}
		if (box.count != model.counts[0] || (system_lane.tail != NULL) != (model.counts[1] > 0))
			cr_assert_fail("seed %lu, step %u: wrong count", seed, step);
	}
}

/* ---- A message is in one list ------------------------------------------------------------- */

#if HMI_DEBUG
/* Ends in a push of a message that is in a list; `words`: who says so. */
static void
dies(void (*fn)(void *arg), const char *words)
{
	char text[4096];
	int status = hmt_death(fn, NULL, text, sizeof(text));

	cr_assert(hmt_aborted(status), "%s: status 0x%x: %s", words, (unsigned int)status, text);
	cr_assert_not_null(strstr(text, words), "%s: %s", words, text);
	cr_assert_not_null(strstr(text, "is in a list already"), "%s", text);
}

static void
two_boxes(void *arg)
{
	struct hmi_fifo box = { 0 }, other = { 0 };

	(void)arg;
	hmi_fifo_push(&box, messages[0]);
	hmi_fifo_push(&other, messages[0]);
}

static void
one_box_twice(void *arg)
{
	struct hmi_fifo box = { 0 };

	(void)arg;
	hmi_fifo_push(&box, messages[0]);
	hmi_fifo_push(&box, messages[1]);
	hmi_fifo_push(&box, messages[0]);
}

static void
burst_twice(void *arg)
{
	struct hmi_fifo box = { 0 };

	(void)arg;
	hmi_fifo_push_burst(&box, messages, 2);
	hmi_fifo_push_burst(&box, &messages[1], 2);
}

static void
unpop_twice(void *arg)
{
	struct hmi_fifo box = { 0 };

	(void)arg;
	hmi_fifo_unpop(&box, messages[0]);
	hmi_fifo_unpop(&box, messages[0]);
}

static void
box_and_system_lane(void *arg)
{
	struct hmi_system_lane lane = { 0 };
	struct hmi_fifo box = { 0 };

	(void)arg;
	hmi_fifo_push(&box, messages[0]);
	hmi_system_lane_push(&lane, messages[0]);
}

static void
system_lane_and_box(void *arg)
{
	struct hmi_system_lane lane = { 0 };
	struct hmi_fifo box = { 0 };

	(void)arg;
	hmi_system_lane_push(&lane, messages[0]);
	hmi_fifo_push(&box, messages[0]);
}

static void
outbox_and_box(void *arg)
{
	struct hmi_outbox outbox;
	struct hmi_fifo box = { 0 };

	(void)arg;
	if (hmi_outbox_create(&outbox) != 0)
		return;
	hmi_outbox_push(&outbox, messages[0], NULL);
	hmi_fifo_push(&box, messages[0]);
}

static void
box_and_outbox(void *arg)
{
	struct hmi_outbox outbox;
	struct hmi_fifo box = { 0 };

	(void)arg;
	if (hmi_outbox_create(&outbox) != 0)
		return;
	hmi_fifo_push(&box, messages[0]);
	hmi_outbox_push(&outbox, messages[0], NULL);
}

static void
lane_twice(void *arg)
{
	static struct hmi_lane lane;

	(void)arg;
	hmi_lane_push(&lane, messages[0]);
	hmi_lane_push(&lane, messages[0]);
}

Test(mailbox, push__of_a_message_that_is_in_a_list)
{
	dies(two_boxes, "hmi_fifo_push:");
	dies(one_box_twice, "hmi_fifo_push:");
	dies(burst_twice, "hmi_fifo_push_burst:");
	dies(unpop_twice, "hmi_fifo_unpop:");
	dies(box_and_system_lane, "hmi_system_lane_push:");
	dies(system_lane_and_box, "hmi_fifo_push:");
	dies(outbox_and_box, "hmi_fifo_push:");
	dies(box_and_outbox, "hmi_outbox_push:");
	dies(lane_twice, "hmi_lane_push:");
}
#endif
