/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that are not the caller's: debug builds end the process and name call, type and deed, release builds
 * leave them alone.
 */
#include <criterion/criterion.h>

#include "assert_pvt.h"
#include "hm_buffer.h"
#include "hm_header.h"
#include "hm_keep.h"
#include "hmt_actor.h"
#include "hmt_death.h"
#include "hmt_eal.h"
#include "hmt_log.h"

TestSuite(engine_misuse, .init = hmt_eal_start);

struct misdeed {
	void (*fn)(struct hm_ctx *ctx, void *arg);                   /* done by an actor; NULL: nothing */
	void (*on_number)(struct hm_ctx *ctx, struct misdeed *deed); /* what it does with a number */
	struct hm_pid to;
	struct hm_msg *kept;
	enum hm_result result, wanted; /* of the misuse, in release builds */
};

static void
on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct misdeed *deed = probe->arg;

	if (hm_msg_type(msg) != HMT_NUMBER || deed->on_number == NULL)
		return;
	deed->kept = (struct hm_msg *)(uintptr_t)msg;
	deed->on_number(ctx, deed);
}

static void
nothing(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
}

/* An actor gets a number, does something, and gets another number; its node goes on. */
static void
scene(void *arg)
{
	static struct hmt_probe probe, other;
	struct misdeed *deed = arg;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	probe = (struct hmt_probe){ .on_msg = on_number, .arg = deed };
	deed->to = hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_number(&node, hmt_probe_spawn(&node, &probe, 0, NULL), 7);
	hmt_do(&node, probe.pid, deed->fn != NULL ? deed->fn : nothing, deed);
	hmt_number(&node, probe.pid, 7);
	hmt_turn_until_idle(&node);
	cr_assert_leq(other.count, 2, "one message, and HM_STARTED");
	hmt_node_end(&node);
}

#if HMI_DEBUG
/* The process ends with these words. */
static void
misuse(struct misdeed *deed, const char *words)
{
	char text[8192];
	int status = hmt_death(scene, deed, text, sizeof(text));

	cr_assert(hmt_aborted(status), "status 0x%x: %s", (unsigned int)status, text);
	cr_assert_not_null(strstr(text, words), "%s", text);
}
#else
static void
misuse(struct misdeed *deed, const char *words)
{
	(void)words;
	scene(deed);
	cr_assert_eq(deed->result, deed->wanted);
}
#endif

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
keep(struct hm_ctx *ctx, struct misdeed *deed)
{
	(void)ctx;
	(void)deed;
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

/* ---- A type that nobody has registered --------------------------------------------------- */

#define UNREGISTERED 4711u

static void
send_unregistered(struct hm_ctx *ctx, void *arg)
{
	struct misdeed *deed = arg;

	deed->result = hm_send(ctx, hm_self(ctx), UNREGISTERED, NULL);
	cr_assert_null(hm_msg_new(ctx, UNREGISTERED, 0));
}

Test(engine_misuse, send__a_type_that_is_not_registered_is_logged)
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
Test(engine_misuse, receive__body_is_a_pattern_afterwards)
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

Test(engine_misuse, body__after_the_message_was_freed)
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

Test(engine_misuse, body__after_the_receive_function_has_returned)
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

Test(engine_misuse, body__after_the_message_was_sent)
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

Test(engine_misuse, body__after_the_message_was_forwarded)
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

Test(engine_misuse, header__after_the_message_was_sent_or_freed)
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

Test(engine_misuse, body__is_the_receivers_in_its_turn)
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

Test(engine_misuse, send__a_body_that_is_too_short)
{
	struct misdeed deed = { .fn = send_short };

	misuse(&deed, "hm_send: a number has 8 bytes, the body that was given has less");
}
#endif
