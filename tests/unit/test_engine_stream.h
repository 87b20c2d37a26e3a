/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ENGINE_STREAM_H
#define TEST_ENGINE_STREAM_H

/*
 * What the tests of streams share.
 */

#include <criterion/criterion.h>

#include <poll.h>

#include "hm_stream.h"
#include "hmt_actor.h"

/* Numbers that an actor sends, from `first` on. */
struct numbers {
	struct hm_pid to;
	uint64_t first, count;
};

static inline void
numbers_send(struct hm_ctx *ctx, void *arg)
{
	const struct numbers *numbers = arg;

	for (uint64_t i = 0; i < numbers->count; i++) {
		uint64_t number = numbers->first + i;

		cr_assert_eq(hm_send(ctx, numbers->to, HMT_NUMBER, &number), HM_OK);
	}
}

/* Whether poll finds the stream readable. */
static inline bool
is_ready(const struct hm_stream *stream)
{
	struct pollfd poll_fd = { .fd = hm_stream_fd(stream), .events = POLLIN };
	int n = poll(&poll_fd, 1, 0);

	cr_assert_geq(n, 0);
	return n == 1;
}

/* Read what must be the next numbers. */
static inline void
numbers_read(struct hm_stream *stream, uint64_t first, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		const struct hm_msg *msg;

		cr_assert_eq(hm_stream_read(stream, &msg), HM_OK, "number %lu", first + i);
		cr_assert_eq(hm_msg_type(msg), HMT_NUMBER);
		cr_assert_eq(*(const uint64_t *)hm_msg_body(msg), first + i);
	}
}

static inline enum hm_result
read_one(struct hm_stream *stream)
{
	const struct hm_msg *msg;

	return hm_stream_read(stream, &msg);
}

static inline struct hm_stream *
reader_open(struct hmt_node *node, uint32_t size)
{
	struct hm_stream_config config = { .size = size };
	struct hm_stream *stream;

	cr_assert_eq(hm_stream_open_reader(node->sys, &config, &stream), 0);
	return stream;
}

static inline struct hm_stream *
writer_open(struct hmt_node *node, uint32_t size, struct hm_pid to)
{
	struct hm_stream_config config = { .size = size };
	struct hm_stream *stream;

	cr_assert_eq(hm_stream_open_writer(node->sys, &config, to, &stream), 0);
	return stream;
}

#endif /* TEST_ENGINE_STREAM_H */
