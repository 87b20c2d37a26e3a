/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that are not the caller's: debug builds end the process and name call, type and deed, release builds
 * leave them alone.
 */
#include "hm_buffer.h"
#include "hm_header.h"
#include "hm_keep.h"
#include "hmt_death.h"
#include "hmt_eal.h"
#include "test_engine_misuse.h"

TestSuite(engine_misuse, .init = hmt_eal_start);

/* ---- Messages that are not the caller's ------------------------------------------------- */

static void
send_twice(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)hm_msg_send(ctx, deed->to, msg);
	deed->result = hm_msg_send(ctx, deed->to, msg);
}

Test(engine_misuse, msg_send__twice)
{
	struct misdeed deed = { .fn = send_twice, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_send: a number that was sent before is not the caller's");
}

static void
request_what_was_sent(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)hm_msg_send(ctx, deed->to, msg);
	deed->result = hm_msg_request(ctx, deed->to, msg);
}

Test(engine_misuse, msg_request__after_it_was_sent)
{
	struct misdeed deed = { .fn = request_what_was_sent, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_request: a number that was sent before is not the caller's");
}

static void
free_sent(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)hm_msg_send(ctx, deed->to, msg);
	hm_msg_free(ctx, msg);
}

Test(engine_misuse, msg_free__after_it_was_sent)
{
	struct misdeed deed = { .fn = free_sent };

	misuse(&deed, "hm_msg_free: a number that was sent before is not the caller's");
}

static void
free_twice(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	hm_msg_free(ctx, msg);
	hm_msg_free(ctx, msg);
}

Test(engine_misuse, msg_free__twice)
{
	struct misdeed deed = { .fn = free_twice };

	misuse(&deed, "hm_msg_free: a number that was freed before");
}

static void
send_freed(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_BIG, 0);

	hm_msg_free(ctx, msg);
	deed->result = hm_msg_send(ctx, deed->to, msg);
}

Test(engine_misuse, msg_send__after_it_was_freed)
{
	struct misdeed deed = { .fn = send_freed, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_send: a big that was freed before");
}

static void
free_kept(struct hm_ctx *ctx, struct misdeed *deed)
{
	hm_msg_free(ctx, deed->kept);
}

Test(engine_misuse, msg_free__what_is_being_received)
{
	struct misdeed deed = { .on_number = free_kept };

	misuse(&deed, "hm_msg_free: a number that is being received is not the caller's");
}

static void
send_kept(struct hm_ctx *ctx, struct misdeed *deed)
{
	deed->result = hm_msg_send(ctx, deed->to, deed->kept);
}

Test(engine_misuse, msg_send__what_is_being_received)
{
	struct misdeed deed = { .on_number = send_kept, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_send: a number that is being received is not the caller's");
}

static void
free_received(struct hm_ctx *ctx, void *arg)
{
	hm_msg_free(ctx, ((struct misdeed *)arg)->kept);
}

Test(engine_misuse, msg_free__what_was_received_in_an_earlier_turn)
{
	struct misdeed deed = { .on_number = keep, .fn = free_received };

	misuse(&deed,
	       "hm_msg_free: a number that was freed before, or sent and received, is not the caller's");
}

static void
keep_truly(struct hm_ctx *ctx, struct misdeed *deed)
{
	(void)hm_msg_keep(ctx, &deed->kept);
}

static void
forward_twice(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;

	(void)hm_msg_forward(ctx, deed->to, deed->kept);
	deed->result = hm_msg_forward(ctx, deed->to, deed->kept);
}

Test(engine_misuse, msg_forward__twice)
{
	struct misdeed deed = { .on_number = keep_truly, .fn = forward_twice, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_forward: a number that was sent before is not the caller's");
}

static void
forward_received(struct hm_ctx *ctx, struct misdeed *deed)
{
	deed->result = hm_msg_forward(ctx, deed->to, deed->kept);
}

Test(engine_misuse, msg_forward__what_is_being_received)
{
	struct misdeed deed = { .on_number = forward_received, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_forward: a number that is being received is not the caller's");
}

static void
forward_made(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	deed->result = hm_msg_forward(ctx, deed->to, msg);
	hm_msg_free(ctx, msg);
}

Test(engine_misuse, msg_forward__what_was_made)
{
	struct misdeed deed = { .fn = forward_made, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_forward: a number that was made, and not received; hm_msg_send sends it");
}

static void
set_header_of_sent(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)hm_msg_send(ctx, deed->to, msg);
	deed->result = hm_msg_header_set(ctx, msg, "k", "v");
}

Test(engine_misuse, msg_header_set__after_it_was_sent)
{
	struct misdeed deed = { .fn = set_header_of_sent, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_header_set: a number that was sent before is not the caller's");
}

static void
set_header_of_kept(struct hm_ctx *ctx, struct misdeed *deed)
{
	deed->result = hm_msg_header_set(ctx, deed->kept, "k", "v");
}

Test(engine_misuse, msg_header_set__of_what_is_being_received)
{
	struct misdeed deed = { .on_number = set_header_of_kept, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_header_set: a number that is being received is not the caller's");
}

static void
copy_to_kept(struct hm_ctx *ctx, struct misdeed *deed)
{
	deed->result = hm_msg_headers_copy(ctx, deed->kept);
}

Test(engine_misuse, msg_headers_copy__to_what_is_being_received)
{
	struct misdeed deed = { .on_number = copy_to_kept, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_headers_copy: a number that is being received is not the caller's");
}

static uint64_t word;

static void
set_buffer_of_sent(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);
	struct hm_buffer *buffer;

	cr_assert_eq(hm_buffer_wrap(hm_system(ctx), &word, sizeof(word), NULL, NULL, &buffer), 0);
	(void)hm_msg_send(ctx, deed->to, msg);
	deed->result = hm_msg_buffer_set(ctx, msg, buffer);
}

Test(engine_misuse, msg_buffer_set__after_it_was_sent)
{
	struct misdeed deed = { .fn = set_buffer_of_sent, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_buffer_set: a number that was sent before is not the caller's");
}

static void
respond_twice(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)hm_msg_send(ctx, deed->to, msg);
	deed->result = hm_msg_respond(ctx, msg);
}

Test(engine_misuse, msg_respond__after_it_was_sent)
{
	struct misdeed deed = { .fn = respond_twice, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_respond: a number that was sent before is not the caller's");
}

static void
no_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply, void *arg)
{
	(void)ctx;
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	cr_assert_fail("nothing was asked");
}

static void
ask_twice(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)hm_msg_send(ctx, deed->to, msg);
	deed->result = hm_msg_ask(ctx, deed->to, msg, 1000, no_reply, NULL);
}

Test(engine_misuse, msg_ask__after_it_was_sent)
{
	struct misdeed deed = { .fn = ask_twice, .wanted = HM_INVALID };

	misuse(&deed, "hm_msg_ask: a number that was sent before is not the caller's");
}

static void
send_null(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;

	cr_assert_eq(hm_msg_send(ctx, deed->to, NULL), HM_INVALID);
	deed->result = hm_msg_request(ctx, deed->to, NULL);
	hm_msg_free(ctx, NULL);
}

/* What hm_msg_new answers without memory. */
Test(engine_misuse, msg_send__null_is_refused)
{
	struct misdeed deed = { .fn = send_null };

	scene(&deed);
	cr_assert_eq(deed.result, HM_INVALID);
}
