/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes of the test kit: what they do, and what is expected of them.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hm_header.h"
#include "hm_messages.h"
#include "hm_supervisor.h"
#include "hm_testkit.h"
#include "hmt_bank.pb-c.h"
#include "hmt_eal.h"

TestSuite(engine_probe, .init = hmt_eal_start);

struct number {
	uint64_t value;
};

#define PROBE(MESSAGE)                       \
	MESSAGE(probe_number, struct number) \
	MESSAGE(probe_other)                 \
	MESSAGE(probe_fail)                  \
	MESSAGE(probe_quit)

HM_MESSAGES(probe, HM_TYPE_USER, PROBE);

static struct hm_kit *kit;
static struct hm_probe *probe;
static struct hm_pid echo;

static char told[4096];
static uint32_t tellings;

static void
tell(void *arg, const char *text)
{
	(void)arg;
	snprintf(told, sizeof(told), "%s", text);
	tellings++;
}

static void
told_check(const char *part)
{
	cr_assert_eq(tellings, 1, "%u: %s", tellings, told);
	cr_assert_not_null(strstr(told, part), "%s", told);
	tellings = 0;
}

/* ---- Actors --------------------------------------------------------------------------------- */

static void
on_number(struct hm_ctx *ctx, void *state, const struct number *number)
{
	(void)state;
	if (number->value != 0)
		(void)probe_number_respond(ctx, number);
}

static void
on_fail(struct hm_ctx *ctx, void *state)
{
	(void)state;
	hm_fail(ctx, "on purpose");
}

static void
on_quit(struct hm_ctx *ctx, void *state)
{
	(void)state;
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(echo_receive, void,
	   HM_ON(probe_number, on_number) HM_ON_EMPTY(probe_fail, on_fail) HM_ON_EMPTY(probe_quit, on_quit));

static const struct hm_props echo_props = { .receive = echo_receive };

/* A probe on lcore 1, and an actor on lcore 0 that answers numbers above 0. */
static void
start(struct hm_kit_config config)
{
	tellings = 0;
	told[0] = '\0';
	config.system.lcores = 2;
	config.fail = tell;
	cr_assert_eq(hm_kit_create(&kit, &config), 0);
	cr_assert_eq(probe_register(hm_kit_system(kit)), 0);
	probe = hm_kit_probe_on(kit, "probe", 1);
	echo = hm_kit_spawn(kit, &echo_props, "echo", NULL);
}

static void
end_well(void)
{
	cr_assert(hm_kit_end(kit), "%s", told);
	cr_assert_eq(tellings, 0, "%s", told);
}

static void
number_request(uint64_t value)
{
	cr_assert_eq(hm_probe_request(probe, echo, probe_number, &(struct number){ value }), HM_OK);
}

/* ---- Expecting ------------------------------------------------------------------------------ */

Test(engine_probe, expect__hands_out_in_order)
{
	start((struct hm_kit_config){ 0 });
	cr_assert(hm_pid_is_none(hm_probe_sender(probe)));
	number_request(1);
	number_request(2);
	cr_assert_eq(probe_number_body(hm_probe_expect(probe, probe_number, HM_KIT_WITHIN))->value, 1);
	cr_assert(hm_pid_equal(hm_probe_sender(probe), echo));
	cr_assert_eq(probe_number_body(hm_probe_expect(probe, probe_number, HM_KIT_WITHIN))->value, 2);
	cr_assert(hm_probe_expect_none(probe, 1000));
	end_well();
}

Test(engine_probe, expect__another_type_is_a_failure)
{
	start((struct hm_kit_config){ 0 });
	number_request(1);
	number_request(2);
	hm_kit_settle(kit);
	cr_assert_null(hm_probe_expect(probe, probe_other, 0));
	told_check("probe probe: got probe_number (256) from ");
	cr_assert_not_null(strstr(told, ", instead of probe_other (257); behind it wait: probe_number"), "%s",
			   told);
	cr_assert_not_null(strstr(told, "test_engine_probe.c:"), "%s", told);
	cr_assert_eq(probe_number_body(hm_probe_expect(probe, probe_number, 0))->value, 2);
	end_well();
}

Test(engine_probe, expect__waits_as_long_as_it_says)
{
	uint64_t at_ns;

	start((struct hm_kit_config){ 0 });
	hm_kit_settle(kit);
	at_ns = hm_kit_now_ns(kit);
	cr_assert_null(hm_probe_expect(probe, probe_other, 1500));
	told_check("probe probe: no probe_other (257) within 1500 us of virtual time");
	cr_assert_eq(hm_kit_now_ns(kit) - at_ns, 1500000);
	cr_assert_null(hm_probe_next(probe, 500));
	cr_assert_eq(hm_kit_now_ns(kit) - at_ns, 2000000);
	end_well();
}

Test(engine_probe, expect__many_waiting_are_cut)
{
	start((struct hm_kit_config){ 0 });
	for (int i = 1; i <= 20; i++)
		number_request((uint64_t)i);
	hm_kit_settle(kit);
	cr_assert_null(hm_probe_expect(probe, probe_other, 0));
	told_check(", probe_number, ...");
	cr_assert_eq(hm_probe_count(probe), 19);
	end_well();
}

Test(engine_probe, expect_none__leaves_what_came)
{
	start((struct hm_kit_config){ 0 });
	number_request(7);
	cr_assert_not(hm_probe_expect_none(probe, 1000));
	told_check("and is to get nothing");
	cr_assert_eq(probe_number_body(hm_probe_expect(probe, probe_number, 0))->value, 7);
	end_well();
}

/* ---- Fishing -------------------------------------------------------------------------------- */

static enum hm_fish
above(const struct hm_msg *msg, void *arg)
{
	if (hm_msg_type(msg) != probe_number)
		return HM_FISH_FAIL;
	return probe_number_body(msg)->value > *(uint64_t *)arg ? HM_FISH_TAKE : HM_FISH_ON;
}

Test(engine_probe, fish__drops_until_one_is_taken)
{
	uint64_t limit = 2;

	start((struct hm_kit_config){ 0 });
	for (uint64_t i = 1; i <= 4; i++)
		number_request(i);
	hm_kit_settle(kit);
	cr_assert_eq(probe_number_body(hm_probe_fish(probe, above, &limit, 1000))->value, 3);
	cr_assert_eq(hm_probe_count(probe), 1);
	limit = 100;
	cr_assert_null(hm_probe_fish(probe, above, &limit, 1000));
	told_check("no message that is fished for within 1000 us");
	cr_assert_eq(hm_probe_send(probe, hm_probe_pid(probe), probe_other, NULL), HM_OK);
	cr_assert_null(hm_probe_fish(probe, above, &limit, 1000));
	told_check("got probe_other (257) from nobody, which is not to come");
	end_well();
}

/* ---- Watching ------------------------------------------------------------------------------- */

Test(engine_probe, terminated__of_who_is_watched)
{
	uint32_t reason = 99;

	start((struct hm_kit_config){ 0 });
	cr_assert_eq(hm_probe_watch(probe, echo), HM_OK);
	cr_assert_eq(hm_probe_send(probe, echo, probe_quit, NULL), HM_OK);
	cr_assert(hm_probe_expect_terminated(probe, echo, HM_KIT_WITHIN, &reason));
	cr_assert_eq(reason, HM_TERMINATED_STOPPED);
	cr_assert_eq(hm_probe_watch(probe, echo), HM_OK);
	cr_assert_not(hm_probe_expect_terminated(probe, hm_probe_pid(probe), HM_KIT_WITHIN, NULL));
	told_check("of another process than the one that is expected to end");
	cr_assert_not(hm_probe_expect_terminated(probe, echo, 10, NULL));
	told_check("no terminated (4) within 10 us");
	end_well();
}

Test(engine_probe, spawn__makes_a_child)
{
	struct hm_pid child;
	uint32_t reason;

	start((struct hm_kit_config){ 0 });
	cr_assert_eq(hm_probe_spawn(probe, &echo_props, "child", NULL, &child), 0);
	cr_assert_eq(hm_probe_spawn(probe, &echo_props, "child", NULL, &child), -EEXIST);
	cr_assert_eq(hm_probe_send(probe, child, probe_quit, NULL), HM_OK);
	cr_assert(hm_probe_expect_terminated(probe, child, HM_KIT_WITHIN, &reason));
	end_well();
}

/* ---- Replies -------------------------------------------------------------------------------- */

Test(engine_probe, reply__goes_to_the_last_sender)
{
	struct hm_probe *asker;

	start((struct hm_kit_config){ 0 });
	asker = hm_kit_probe(kit, "asker");
	cr_assert_eq(hm_probe_reply(probe, probe_other, NULL), HM_NO_SENDER);
	cr_assert_eq(hm_probe_request(asker, hm_probe_pid(probe), probe_number, NULL), HM_OK);
	cr_assert_not_null(hm_probe_expect(probe, probe_number, HM_KIT_WITHIN));
	cr_assert_eq(hm_probe_reply(probe, probe_other, NULL), HM_OK);
	cr_assert_not_null(hm_probe_expect(asker, probe_other, HM_KIT_WITHIN));
	cr_assert(hm_pid_equal(hm_probe_sender(asker), hm_probe_pid(probe)));
	cr_assert_eq(hm_probe_send(asker, hm_probe_pid(probe), probe_other, NULL), HM_OK);
	cr_assert_not_null(hm_probe_expect(probe, probe_other, HM_KIT_WITHIN));
	cr_assert_eq(hm_probe_reply(probe, probe_other, NULL), HM_NO_SENDER);
	end_well();
}

Test(engine_probe, send__what_is_refused_is_its_result)
{
	start((struct hm_kit_config){ 0 });
	cr_assert_eq(hm_probe_send(probe, echo, probe_end, NULL), HM_UNKNOWN_TYPE);
	cr_assert_eq(hm_probe_request(probe, hm_pid_none(), probe_other, NULL), HM_NO_RECEIVER);
	cr_assert_eq(hm_probe_watch(probe, hm_pid_none()), HM_NO_RECEIVER);
	end_well();
}

/* ---- By itself ------------------------------------------------------------------------------ */

static bool
answer_odd(struct hm_ctx *ctx, const struct hm_msg *msg, void *arg)
{
	if (hm_msg_type(msg) != probe_number || probe_number_body(msg)->value % 2 == 0)
		return true;
	++*(uint32_t *)arg;
	(void)probe_other_respond(ctx);
	return false;
}

Test(engine_probe, autopilot__answers_and_keeps)
{
	struct hm_probe *asker;
	uint32_t answers = 0;

	start((struct hm_kit_config){ 0 });
	asker = hm_kit_probe(kit, "asker");
	hm_probe_autopilot(probe, answer_odd, &answers);
	for (uint64_t i = 1; i <= 4; i++)
		hm_probe_request(asker, hm_probe_pid(probe), probe_number, &(struct number){ i });
	hm_kit_settle(kit);
	cr_assert_eq(answers, 2);
	cr_assert_eq(hm_probe_count(asker), 2);
	cr_assert_eq(hm_probe_count(probe), 2);
	hm_probe_autopilot(probe, NULL, NULL);
	hm_probe_request(asker, hm_probe_pid(probe), probe_number, &(struct number){ 5 });
	hm_kit_settle(kit);
	cr_assert_eq(hm_probe_count(probe), 3);
	end_well();
}

/* Where messages go on. */
struct probe_way {
	struct hm_pid to;
	bool keeps;
};

static bool
hand_on(struct hm_ctx *ctx, const struct hm_msg *msg, void *arg)
{
	const struct probe_way *way = arg;

	(void)msg;
	cr_assert_eq(hm_forward(ctx, way->to), HM_OK);
	return way->keeps;
}

Test(engine_probe, autopilot__hands_on)
{
	struct probe_way way = { .keeps = false };
	struct hm_probe *asker;

	start((struct hm_kit_config){ 0 });
	asker = hm_kit_probe(kit, "asker");
	way.to = echo;
	hm_probe_autopilot(probe, hand_on, &way);
	hm_probe_request(asker, hm_probe_pid(probe), probe_number, &(struct number){ 5 });
	cr_assert_eq(probe_number_body(hm_probe_expect(asker, probe_number, HM_KIT_WITHIN))->value, 5);
	cr_assert_eq(tellings, 0);
	way.keeps = true;
	hm_probe_request(asker, hm_probe_pid(probe), probe_number, &(struct number){ 6 });
	hm_kit_settle(kit);
	told_check("no memory to keep a message, or it was handed on");
	end_well();
}

Test(engine_probe, ignore__drops_types)
{
	start((struct hm_kit_config){ 0 });
	number_request(1);
	cr_assert_eq(hm_probe_send(probe, hm_probe_pid(probe), probe_other, NULL), HM_OK);
	number_request(2);
	hm_kit_settle(kit);
	cr_assert_eq(hm_probe_count(probe), 3);
	hm_probe_ignore(probe, probe_number);
	cr_assert_eq(hm_probe_count(probe), 1);
	number_request(3);
	cr_assert_not_null(hm_probe_expect(probe, probe_other, HM_KIT_WITHIN));
	cr_assert(hm_probe_expect_none(probe, 1000));
	cr_assert_eq(hm_probe_send(probe, hm_probe_pid(probe), probe_other, NULL), HM_OK);
	cr_assert_not_null(hm_probe_expect(probe, probe_other, HM_KIT_WITHIN));
	/* The same once more, also of what is kept, has no effect. */
	hm_probe_ignore(probe, probe_number);
	hm_probe_ignore(probe, probe_number);
	for (uint32_t i = 1; i < HM_KIT_IGNORED_MAX; i++)
		hm_probe_ignore(probe, (uint16_t)(probe_end + i));
	cr_assert_eq(tellings, 0);
	hm_probe_ignore(probe, probe_other);
	told_check("can ignore no more");
	/* Those that are ignored already need no room. */
	hm_probe_ignore(probe, probe_number);
	cr_assert_eq(tellings, 0);
	end_well();
}

/* ---- The end of a probe --------------------------------------------------------------------- */

static uint64_t
dead_stopped(void)
{
	struct hm_stats stats;

	hm_system_stats(hm_kit_system(kit), &stats);
	return stats.dead[HM_DEAD_STOPPED];
}

Test(engine_probe, stop__loses_what_nobody_asked_for)
{
	start((struct hm_kit_config){ 0 });
	number_request(1);
	number_request(2);
	cr_assert_not_null(hm_probe_expect(probe, probe_number, HM_KIT_WITHIN));
	hm_kit_settle(kit);
	hm_probe_stop(probe);
	hm_kit_settle(kit);
	cr_assert_eq(dead_stopped(), 1);
	cr_assert_eq(hm_probe_count(probe), 0);
	cr_assert_null(hm_probe_expect(probe, probe_number, 10));
	told_check("within 10 us of virtual time; it has ended");
	cr_assert_eq(hm_probe_send(probe, echo, probe_other, NULL), HM_INVALID);
	told_check("probe probe does not do what it is told: it has ended, or is muted");
	end_well();
}

static void
fail(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_fail(ctx, "on purpose");
}

Test(engine_probe, do__that_fails_is_a_failure)
{
	start((struct hm_kit_config){ 0 });
	number_request(1);
	hm_kit_settle(kit);
	cr_assert_not(hm_probe_do(probe, fail, NULL));
	told_check("probe probe has failed: what it kept is lost");
	cr_assert_eq(hm_probe_count(probe), 0);
	number_request(2);
	cr_assert_eq(probe_number_body(hm_probe_expect(probe, probe_number, HM_KIT_WITHIN))->value, 2);
	end_well();
}

Test(engine_probe, end__with_messages_kept)
{
	start((struct hm_kit_config){ .by_message = true });
	for (uint64_t i = 1; i <= 100; i++)
		number_request(i);
	hm_kit_settle(kit);
	for (uint64_t i = 1; i <= 50; i++)
		cr_assert_eq(probe_number_body(hm_probe_next(probe, 0))->value, i);
	end_well();
}

Test(engine_probe, end__in_the_middle)
{
	start((struct hm_kit_config){ .order = HM_KIT_SEEDED, .seed = 3 });
	number_request(1);
	for (int i = 0; i < 100; i++)
		(void)probe_other_system_send(hm_kit_system(kit), hm_probe_pid(probe));
	end_well();
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

static void
send_with_header(struct hm_ctx *ctx, void *arg)
{
	struct hm_msg *msg = hm_msg_new(ctx, probe_other, 0);

	cr_assert_eq(hm_msg_header_set(ctx, msg, "key", "value"), HM_OK);
	cr_assert_eq(hm_msg_send(ctx, *(struct hm_pid *)arg, msg), HM_OK);
}

Test(engine_probe, next__has_headers_and_what_bodies_point_to)
{
	struct hm_type type = { .id = probe_end, .descriptor = &hmt__bank__account__descriptor };
	Hmt__Bank__Account body = HMT__BANK__ACCOUNT__INIT;
	struct hm_kit_config config = { .fail = tell };
	const struct hm_msg *msg;
	char owner[] = "an owner";
	struct hm_pid pid;

	tellings = 0;
	cr_assert_eq(hm_kit_create(&kit, &config), 0);
	cr_assert_eq(probe_register(hm_kit_system(kit)), 0);
	cr_assert_eq(hm_type_register(hm_kit_system(kit), &type), 0);
	probe = hm_kit_probe(kit, NULL);
	pid = hm_probe_pid(probe);
	body.owner = owner;
	cr_assert_eq(hm_probe_send(probe, pid, probe_end, &body), HM_OK);
	owner[0] = 'A';
	msg = hm_probe_expect(probe, probe_end, HM_KIT_WITHIN);
	cr_assert_str_eq(((const Hmt__Bank__Account *)hm_msg_body(msg))->owner, "an owner");
	cr_assert(hm_probe_do(probe, send_with_header, &pid));
	msg = hm_probe_expect(probe, probe_other, HM_KIT_WITHIN);
	cr_assert_str_eq(hm_msg_header(msg, "key"), "value");
	end_well();
}

/* ---- Memory and mailboxes at their ends ------------------------------------------------------ */

Test(engine_probe, do__without_message_memory_is_a_failure)
{
	enum hm_result result = HM_OK;

	start((struct hm_kit_config){ .system = { .memory = 256 << 10 } });
	while (result == HM_OK) {
		result = probe_other_system_send(hm_kit_system(kit), hm_probe_pid(probe));
		if (result == HM_WOULD_BLOCK && hm_kit_step(kit))
			result = HM_OK;
	}
	cr_assert_eq(result, HM_NO_MEMORY);
	cr_assert_not(hm_probe_do(probe, fail, NULL));
	told_check("probe probe cannot be told what to do: out of messages");
	end_well();
}

Test(engine_probe, do__makes_room_in_a_full_inject_ring)
{
	start((struct hm_kit_config){ 0 });
	while (probe_other_system_send(hm_kit_system(kit), hm_probe_pid(probe)) == HM_OK)
		;
	cr_assert_eq(hm_probe_send(probe, echo, probe_other, NULL), HM_OK);
	end_well();
}

/* ---- Real time -------------------------------------------------------------------------------- */

static char real[] = "real";

static void
real_start(void)
{
	start((struct hm_kit_config){ .real_time = true, .argc = 1, .argv = (char *[]){ real, NULL } });
}

/* Two lcores beside the one of the test's own thread. */
static void
three_lcores(void)
{
	hmt_eal_start_with(3, 256);
}

TestSuite(engine_probe_real, .init = three_lcores, .timeout = 60);

Test(engine_probe_real, expect__waits_in_real_time)
{
	uint64_t at_ns;

	real_start();
	number_request(5);
	cr_assert_eq(probe_number_body(hm_probe_expect(probe, probe_number, HM_KIT_WITHIN))->value, 5);
	at_ns = hm_kit_now_ns(kit);
	cr_assert(hm_probe_expect_none(probe, 20000));
	cr_assert_null(hm_probe_expect(probe, probe_number, 20000));
	told_check("within 20000 us of real time");
	hm_kit_advance(kit, 20000);
	cr_assert_geq(hm_kit_now_ns(kit) - at_ns, 60000000);
	cr_assert_not(hm_kit_step(kit));
	cr_assert_eq(hm_kit_settle(kit), 0);
	cr_assert_not(hm_kit_advance_next(kit));
	end_well();
}

Test(engine_probe_real, do__on_the_probes_lcore)
{
	real_start();
	cr_assert_eq(hm_probe_watch(probe, echo), HM_OK);
	cr_assert_eq(hm_probe_send(probe, echo, probe_quit, NULL), HM_OK);
	cr_assert(hm_probe_expect_terminated(probe, echo, HM_KIT_WITHIN, NULL));
	cr_assert_not(hm_probe_do(probe, fail, NULL));
	told_check("probe probe has failed");
	hm_probe_stop(probe);
	cr_assert_eq(hm_probe_send(probe, echo, probe_quit, NULL), HM_INVALID);
	cr_assert_eq(tellings, 1);
	tellings = 0;
	end_well();
}
