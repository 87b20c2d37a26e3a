/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies and headers of messages that are gone, and types and bodies that are not as they should be.
 */
#include "hm_header.h"
#include "hmt_death.h"
#include "hmt_eal.h"
#include "hmt_log.h"
#include "test_engine_misuse.h"

TestSuite(engine_misuse_body, .init = hmt_eal_start);

/* ---- A type that nobody has registered --------------------------------------------------- */

#define UNREGISTERED 4711u

static void
send_unregistered(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;

	deed->result = hm_send(ctx, hm_self(ctx), UNREGISTERED, NULL);
	cr_assert_null(hm_msg_new(ctx, UNREGISTERED, 0));
}

Test(engine_misuse_body, send__a_type_that_is_not_registered_is_logged)
{
	static struct hmt_probe probe;
	struct misdeed deed = { 0 };
	struct hmt_node node;
	struct hmt_log log;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_log_start(&log);
	hmt_do(&node, probe.pid, send_unregistered, &deed);
	cr_assert_eq(deed.result, HM_UNKNOWN_TYPE);
	cr_assert_eq(hmt_log_has(&log, "hm_send: type 4711 is not registered"), HMI_DEBUG, "%s",
		     hmt_log_text(&log));
	cr_assert_eq(hmt_log_has(&log, "hm_msg_new: type 4711 is not registered"), HMI_DEBUG, "%s",
		     hmt_log_text(&log));
	hmt_log_end(&log);
	hmt_node_end(&node);
}

/* ---- A body after its message is gone ------------------------------------------------------ */

#if HMI_DEBUG && !defined(HMI_ASAN)
static void
read_kept(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;

	(void)ctx;
	cr_assert_not_null(deed->kept);
	cr_assert_eq(*(const uint64_t *)hm_msg_body(deed->kept), 0xdbdbdbdbdbdbdbdb);
	deed->result = HM_INVALID;
}

/* ASan ends the process at the access itself. */
Test(engine_misuse_body, receive__body_is_a_pattern_afterwards)
{
	struct misdeed deed = { .on_number = keep, .fn = read_kept };

	scene(&deed);
	cr_assert_eq(deed.result, HM_INVALID, "it was looked at");
}
#endif

#ifdef HMI_ASAN
/* The process ends at an access to a body. */
static void
access_ends(struct misdeed *deed)
{
	char text[16384];
	int status = hmt_death(scene, deed, text, sizeof(text));

	cr_assert(!WIFEXITED(status) || WEXITSTATUS(status) != HMT_SURVIVED, "%s", text);
	cr_assert_not_null(strstr(text, "AddressSanitizer: use-after-poison"), "%s", text);
}

/* allowed: the accesses must happen; no other thread is concerned */
static volatile uint64_t word_read;

static void
body_read(const struct hm_msg *msg)
{
	word_read = *(const uint64_t *)hm_msg_body(msg);
}

static void
body_write(struct hm_msg *msg)
{
	*(uint64_t *)hm_msg_body_mut(msg) = 7;
}

static void
read_freed(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	hm_msg_free(ctx, msg);
	body_read(msg);
}

static void
write_freed(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_BIG, 0);

	(void)arg;
	hm_msg_free(ctx, msg);
	body_write(msg);
}

Test(engine_misuse_body, body__after_the_message_was_freed)
{
	struct misdeed reader = { .fn = read_freed }, writer = { .fn = write_freed };

	access_ends(&reader);
	access_ends(&writer);
}

static void
read_received(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	body_read(((struct misdeed *)arg)->kept);
}

static void
write_received(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	body_write(((struct misdeed *)arg)->kept);
}

Test(engine_misuse_body, body__after_the_receive_function_has_returned)
{
	struct misdeed reader = { .on_number = keep, .fn = read_received };
	struct misdeed writer = { .on_number = keep, .fn = write_received };

	access_ends(&reader);
	access_ends(&writer);
}

static void
write_sent(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)hm_msg_send(ctx, ((struct misdeed *)arg)->to, msg);
	body_write(msg);
}

static void
read_requested(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_BIG, 0);

	(void)hm_msg_request(ctx, ((struct misdeed *)arg)->to, msg);
	body_read(msg);
}

Test(engine_misuse_body, body__after_the_message_was_sent)
{
	struct misdeed writer = { .fn = write_sent }, reader = { .fn = read_requested };

	access_ends(&writer);
	access_ends(&reader);
}

static void
read_forwarded(struct hm_ctx *ctx, struct misdeed *deed)
{
	(void)hm_forward(ctx, deed->to);
	body_read(deed->kept);
}

Test(engine_misuse_body, body__after_the_message_was_forwarded)
{
	struct misdeed deed = { .on_number = read_forwarded };

	access_ends(&deed);
}

static void
headers_of_sent(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", "v"), HM_OK);
	(void)hm_msg_send(ctx, ((struct misdeed *)arg)->to, msg);
	(void)hm_msg_header(msg, "k");
}

static void
header_of_freed(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);
	const char *value;

	(void)arg;
	cr_assert_eq(hm_msg_header_set(ctx, msg, "k", "v"), HM_OK);
	value = hm_msg_header(msg, "k");
	hm_msg_free(ctx, msg);
	word_read = (unsigned char)value[0];
}

Test(engine_misuse_body, header__after_the_message_was_sent_or_freed)
{
	struct misdeed sent = { .fn = headers_of_sent }, freed = { .fn = header_of_freed };

	access_ends(&sent);
	access_ends(&freed);
}

static void
send_whole(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, HMT_NUMBER, 0);

	(void)arg;
	body_write(msg);
	(void)hm_msg_send(ctx, hm_self(ctx), msg);
}

static void
read_whole(struct hm_ctx *ctx, struct misdeed *deed)
{
	(void)ctx;
	cr_assert_eq(*(const uint64_t *)hm_msg_body(deed->kept), 7);
	deed->result = HM_INVALID;
}

Test(engine_misuse_body, body__is_the_receivers_in_its_turn)
{
	struct misdeed deed = { .on_number = read_whole, .fn = send_whole };

	scene(&deed);
	cr_assert_eq(deed.result, HM_INVALID, "it was read");
}
#endif

/* ---- A body that is shorter than its type ------------------------------------------- */

#ifdef HMI_ASAN
static void
send_short(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;
	uint8_t *body = malloc(1);

	*body = 1;
	(void)hm_send(ctx, deed->to, HMT_NUMBER, body);
	free(body);
}

Test(engine_misuse_body, send__a_body_that_is_too_short)
{
	struct misdeed deed = { .fn = send_short };

	misuse(&deed, "hm_send: a number has 8 bytes, the body that was given has less");
}
#endif
