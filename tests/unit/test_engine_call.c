/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of external threads that do not wait: an eventfd tells of the answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hm_call.h"
#include "hmt_eal.h"
#include "hmt_slots.h"
#include "hmt_types.pb-c.h"
#include "test_engine_future.h"

TestSuite(engine_call, .init = hmt_eal_start);

#define TIMEOUT_US 1000

/* Files that are open. */
static uint32_t
files_open(void)
{
	uint32_t count = 0;

	for (int fd = 0; fd < 256; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			count++;
	}
	return count;
}

struct scene {
	struct hmt_node node;
	struct hmt_probe answerer;
	struct future_oracle oracle;
	struct hm_call *call;
	uint64_t answer;
	struct hm_reply reply;
	uint32_t live, files;
};

static void
start_with(struct scene *s, const char *options)
{
	memset(s, 0, sizeof(*s));
	s->answerer.on_msg = answer;
	s->answerer.arg = &s->oracle;
	s->reply = (struct hm_reply){ .body = &s->answer, .size = sizeof(s->answer) };
	hmt_node_start_with(&s->node, 2, 0, options);
	hmt_probe_spawn(&s->node, &s->answerer, 1, NULL);
	hmt_turn_until_idle(&s->node);
	s->live = cells_live(&s->node);
	s->files = files_open();
}

static void
start(struct scene *s)
{
	start_with(s, NULL);
}

static int
request(struct scene *s)
{
	uint64_t number = 21;

	return hm_system_request(s->node.sys, s->answerer.pid, HMT_NUMBER, &number, TIMEOUT_US, &s->call);
}

static bool
is_readable(const struct hm_call *call)
{
	struct pollfd file = { .fd = hm_call_fd(call), .events = POLLIN };

	return poll(&file, 1, 0) == 1 && (file.revents & POLLIN) != 0;
}

/* Neither slots nor files are left. */
static void
finish(struct scene *s)
{
	hm_call_free(s->call);
	hmt_turn_until_idle(&s->node);
	cr_assert_eq(cells_live(&s->node), s->live);
	cr_assert_eq(files_open(), s->files);
	hmt_node_end(&s->node);
}

/* ---- How it ends ------------------------------------------------------------------------------ */

Test(engine_call, request__the_file_is_readable_when_the_answer_is_there_and_not_before)
{
	static struct scene s;

	start(&s);
	s.oracle.is_slow = true;
	cr_assert_eq(request(&s), 0);
	hmt_turn_until_idle(&s.node);
	cr_assert_not(is_readable(s.call));
	cr_assert_eq(hm_call_result(s.call, &s.reply), -EAGAIN);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	cr_assert(is_readable(s.call));
	cr_assert_eq(hm_call_result(s.call, &s.reply), 0);
	cr_assert_eq(s.answer, 42);
	cr_assert_eq(s.reply.type, HMT_NUMBER);
	cr_assert_eq(s.reply.length, sizeof(uint64_t));
	/* As often as one likes. */
	s.answer = 0;
	cr_assert_eq(hm_call_result(s.call, &s.reply), 0);
	cr_assert_eq(s.answer, 42);
	cr_assert_eq(hm_call_result(s.call, NULL), 0);
	cr_assert(is_readable(s.call));
	hm_call_cancel(s.call);
	cr_assert_eq(hm_call_result(s.call, NULL), 0, "it has ended before");
	finish(&s);
}

Test(engine_call, request__timeout_and_a_late_answer)
{
	static struct scene s;

	start(&s);
	s.oracle.is_slow = true;
	cr_assert_eq(request(&s), 0);
	hmt_turn_until_idle(&s.node);
	hmt_elapse(&s.node, TIMEOUT_US - 1);
	cr_assert_not(is_readable(s.call));
	hmt_elapse(&s.node, 3);
	cr_assert(is_readable(s.call));
	cr_assert_eq(hm_call_result(s.call, &s.reply), -ETIMEDOUT);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1);
	cr_assert_eq(hm_call_result(s.call, &s.reply), -ETIMEDOUT);
	finish(&s);
}

Test(engine_call, request__a_dead_receiver)
{
	static struct scene s;

	start(&s);
	hmt_stop(&s.node, s.answerer.pid);
	s.live--;
	cr_assert_eq(request(&s), 0);
	hmt_turn_until_idle(&s.node);
	cr_assert(is_readable(s.call));
	cr_assert_eq(hm_call_result(s.call, &s.reply), -ENOENT);
	finish(&s);
}

Test(engine_call, request__an_answer_without_room_can_be_had_with_more)
{
	static struct scene s;

	start(&s);
	cr_assert_eq(request(&s), 0);
	hmt_turn_until_idle(&s.node);
	s.reply.size = 4;
	cr_assert_eq(hm_call_result(s.call, &s.reply), -EMSGSIZE);
	cr_assert_eq(s.reply.length, sizeof(uint64_t));
	s.reply.size = sizeof(uint64_t);
	cr_assert_eq(hm_call_result(s.call, &s.reply), 0);
	cr_assert_eq(s.answer, 42);
	finish(&s);
}

Test(engine_call, request__touch)
{
	static struct scene s;
	struct hm_touched touched;
	struct hm_reply reply = { .body = &touched, .size = sizeof(touched) };

	start(&s);
	cr_assert_eq(hm_system_request(s.node.sys, s.answerer.pid, HM_TOUCH, NULL, TIMEOUT_US, &s.call), 0);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hm_call_result(s.call, &reply), 0);
	cr_assert_eq(reply.type, HM_TOUCHED);
	cr_assert(hm_pid_equal(touched.who, s.answerer.pid));
	finish(&s);
}

Test(engine_call, request__wrong_ones_are_refused)
{
	static struct scene s;
	uint64_t number = 1;

	start(&s);
	cr_assert_eq(hm_system_request(NULL, s.answerer.pid, HMT_NUMBER, &number, 1, &s.call), -EINVAL);
	cr_assert_eq(hm_system_request(s.node.sys, hm_pid_none(), HMT_NUMBER, &number, 1, &s.call), -EINVAL);
	cr_assert_eq(hm_system_request(s.node.sys, s.answerer.pid, HMT_TYPE_NEXT, &number, 1, &s.call),
		     -EINVAL);
	cr_assert_eq(hm_system_request(s.node.sys, s.answerer.pid, HMT_NUMBER, &number, 0, &s.call), -EINVAL);
	cr_assert_eq(hm_system_request(s.node.sys, s.answerer.pid, HMT_NUMBER, &number, 1, NULL), -EINVAL);
	cr_assert_null(s.call);
	cr_assert_eq(files_open(), s.files);
	finish(&s);
}

/* ---- Given up ------------------------------------------------------------------------------------ */

Test(engine_call, cancel__ends_it_at_once_and_frees_the_slot)
{
	static struct scene s;

	start(&s);
	s.oracle.is_slow = true;
	cr_assert_eq(request(&s), 0);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(cells_live(&s.node), s.live + 1);
	hm_call_cancel(s.call);
	cr_assert(is_readable(s.call));
	cr_assert_eq(hm_call_result(s.call, &s.reply), -ECANCELED);
	hm_call_cancel(s.call);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(cells_live(&s.node), s.live);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1);
	cr_assert_eq(hm_call_result(s.call, &s.reply), -ECANCELED);
	finish(&s);
}

Test(engine_call, free__of_one_that_has_not_ended)
{
	static struct scene s;

	start(&s);
	s.oracle.is_slow = true;
	cr_assert_eq(request(&s), 0);
	hm_call_free(s.call);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(cells_live(&s.node), s.live);
	cr_assert_eq(files_open(), s.files);
	hmt_do(&s.node, s.answerer.pid, answer_now, &s.oracle);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1);
	hm_call_free(NULL);
	s.call = NULL;
	finish(&s);
}

/* The answer was delivered to the future's lcore, whose turn is still to come. */
Test(engine_call, cancel__against_an_answer_that_is_under_way)
{
	static struct scene s;

	start(&s);
	s.oracle.is_slow = true;
	cr_assert_eq(request(&s), 0);
	hmt_turn_until_idle(&s.node);
	hmt_number(&s.node, s.oracle.asker, 7);
	hm_call_cancel(s.call);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(hm_call_result(s.call, NULL), -ECANCELED);
	cr_assert_eq(hmt_stats(&s.node).dead[HM_DEAD_LATE_REPLY], 1);
	finish(&s);
}

/* ---- Without files, slots and messages ---------------------------------------------------------------- */

Test(engine_call, request__without_a_file)
{
	static struct scene s;
	struct rlimit limit, none;

	start(&s);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	cr_assert_eq(request(&s), -EMFILE);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_null(s.call);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(s.answerer.count, 1, "nothing was sent");
	finish(&s);
}

Test(engine_call, request__without_a_slot)
{
	static struct scene s;
	struct hmt_slots slots;
	struct hm_ctx *ctx;

	start(&s);
	ctx = s.node.sys->lcores[0];
	slots = hmt_slots_use_all(&ctx->cells);
	cr_assert_eq(request(&s), 0);
	hmt_slots_give_back(&ctx->cells, &slots);
	cr_assert(is_readable(s.call));
	cr_assert_eq(hm_call_result(s.call, &s.reply), -ENOMEM);
	finish(&s);
}

Test(engine_call, request__without_a_free_message)
{
	static struct hmt_probe probe;
	struct hm_msg *msgs[5000];
	struct hmt_node node;
	struct hm_call *call = NULL;
	uint64_t number = 1;
	uint32_t count = 0;

	probe = (struct hmt_probe){ 0 };
	hmt_node_start_with(&node, 1, 256 << 10, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	while ((msgs[count] = hm_msg_new(node.sys->lcores[0], HMT_NUMBER, 0)) != NULL)
		count++;
	cr_assert_eq(hm_system_request(node.sys, probe.pid, HMT_NUMBER, &number, 1, &call), -EAGAIN);
	cr_assert_null(call);
	while (count > 0)
		hm_msg_free(node.sys->lcores[0], msgs[--count]);
	hmt_node_end(&node);
}

/* ---- The system's end ----------------------------------------------------------------------------------- */

Test(engine_call, request__of_a_system_that_has_stopped)
{
	static struct scene s;

	start(&s);
	hm_system_stop(s.node.sys);
	hmt_turn_until_idle(&s.node);
	cr_assert_eq(request(&s), -ESHUTDOWN);
	cr_assert_eq(files_open(), s.files);
	hmt_node_drop(&s.node);
}

/* Ended by the drain, which comes before the system is destroyed, as it does where lcores are threads. */
Test(engine_call, stop__of_the_system_ends_what_waits)
{
	static struct scene s;

	start(&s);
	s.oracle.is_slow = true;
	cr_assert_eq(request(&s), 0);
	hmt_turn_until_idle(&s.node);
	hm_system_stop(s.node.sys);
	hmt_turn_until_idle(&s.node);
	hmt_system_drain(s.node.sys);
	cr_assert(is_readable(s.call));
	cr_assert_eq(hm_call_result(s.call, &s.reply), -ESHUTDOWN);
	hm_call_free(s.call);
	hmt_node_drop(&s.node);
}

/* ---- Beside lcores that run ---------------------------------------------------------------------------------- */

enum {
	PROTO = HMT_TYPE_NEXT,
};

struct background {
	struct hm_system *sys;
	struct hmt_probe answerer;
	struct future_oracle oracle;
};

static void
proto_answer(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == PROTO)
		cr_assert_eq(hm_respond(ctx, PROTO, hm_msg_body(msg)), HM_OK);
	else
		answer(ctx, probe, msg);
}

static void
background_start(struct background *b, const char *option)
{
	static const struct hm_type number = { .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) },
				    proto = { .id = PROTO, .descriptor = &hmt__leaf__descriptor };
	struct hm_config config = { .mode = HM_MODE_BACKGROUND };
	struct hmt_probe *probe = &b->answerer;
	char words[3][16] = { "test", "--" }, *argv[4] = { words[0], words[1], words[2] };
	int argc = 0;

	if (option != NULL) {
		snprintf(words[2], sizeof(words[2]), "%s", option);
		argc = 3;
	}
	*b = (struct background){ .answerer = { .on_msg = proto_answer, .arg = &b->oracle } };
	cr_assert_eq(hm_system_create(&b->sys, argc, argv, &config), 0);
	cr_assert_eq(hm_type_register(b->sys, &number), 0);
	cr_assert_eq(hm_type_register(b->sys, &proto), 0);
	cr_assert_eq(hm_system_spawn(b->sys, hmt_probe_props(0), "answerer", &probe, &probe->pid), 0);
	cr_assert_eq(hm_system_start(b->sys), 0);
}

static void
background_end(struct background *b)
{
	hm_system_stop(b->sys);
	cr_assert_eq(hm_system_join(b->sys), 0);
	cr_assert_eq(hmi_pool_in_use(&b->sys->pool), hmi_msg_cache_count(&b->sys->lcores[0]->cache),
		     "the rest is in magazines");
	hm_system_destroy(b->sys);
}

static int
call_wait(const struct hm_call *call)
{
	struct pollfd file = { .fd = hm_call_fd(call), .events = POLLIN };

	while (poll(&file, 1, -1) != 1)
		;
	return hm_call_result(call, NULL);
}

Test(engine_call, request__many_at_once_by_one_thread)
{
	enum {
		MANY = 100
	};
	static struct background b;
	struct hm_call *calls[MANY];
	uint64_t numbers[MANY], twice;
	struct hm_reply reply = { .body = &twice, .size = sizeof(twice) };

	background_start(&b, NULL);
	for (uint64_t i = 0; i < MANY; i++) {
		numbers[i] = i;
		cr_assert_eq(hm_system_request(b.sys, b.answerer.pid, HMT_NUMBER, &numbers[i], 60000000,
					       &calls[i]),
			     0);
	}
	for (uint64_t i = 0; i < MANY; i++) {
		cr_assert_eq(call_wait(calls[i]), 0);
		cr_assert_eq(hm_call_result(calls[i], &reply), 0);
		cr_assert_eq(twice, 2 * i);
		hm_call_free(calls[i]);
	}
	background_end(&b);
}

Test(engine_call, request__of_a_protobuf_message)
{
	static struct background b;
	Hmt__Leaf leaf = HMT__LEAF__INIT;
	uint64_t room[64];
	struct hm_reply reply = { .body = room, .size = sizeof(room) };
	char text[] = "carried along";
	struct hm_call *call;

	background_start(&b, NULL);
	leaf.name = text;
	cr_assert_eq(hm_system_request(b.sys, b.answerer.pid, PROTO, &leaf, 60000000, &call), 0);
	cr_assert_eq(call_wait(call), 0);
	cr_assert_eq(hm_call_result(call, &reply), 0);
	hm_call_free(call);
	cr_assert_str_eq(((const Hmt__Leaf *)(const void *)room)->name, "carried along");
	background_end(&b);
}

Test(engine_call, cancel__beside_a_running_lcore)
{
	static struct background b;
	uint64_t number = 1;
	struct hm_call *call;

	background_start(&b, NULL);
	b.oracle.is_slow = true;
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(hm_system_request(b.sys, b.answerer.pid, HMT_NUMBER, &number, UINT64_MAX, &call),
			     0);
		if (i % 2 == 0)
			sched_yield();
		hm_call_cancel(call);
		cr_assert_eq(call_wait(call), -ECANCELED);
		hm_call_free(call);
	}
	background_end(&b);
}

Test(engine_call, stop__of_a_running_system_ends_what_waits)
{
	static struct background b;
	struct hm_call *call, *refused = NULL;
	struct hm_stats stats;
	uint64_t number = 1;

	background_start(&b, NULL);
	b.oracle.is_slow = true;
	cr_assert_eq(hm_system_request(b.sys, b.answerer.pid, HMT_NUMBER, &number, UINT64_MAX, &call), 0);
	do {
		hm_system_stats(b.sys, &stats);
	} while (stats.received < 1);
	hm_system_stop(b.sys);
	cr_assert_eq(hm_system_join(b.sys), 0);
	cr_assert_eq(call_wait(call), -ESHUTDOWN);
	hm_call_free(call);
	cr_assert_eq(hm_system_request(b.sys, b.answerer.pid, HMT_NUMBER, &number, 1, &refused), -ESHUTDOWN);
	cr_assert_null(refused);
	hm_system_destroy(b.sys);
}

static _Atomic bool stuck, freed;

static void
be_stuck(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	stuck = true;
	while (!freed)
		sched_yield();
}

/* A call is given up though its lcore is stuck, and its ring full. */
Test(engine_call, cancel__with_a_full_ring)
{
	static const struct hm_props props = { .receive = be_stuck, .lcore = HM_LCORE(0) };
	static struct background b;
	struct hm_call *calls[2], *refused = NULL;
	uint64_t number = 1;
	struct hm_pid pid;

	stuck = freed = false;
	background_start(&b, "--inject=16");
	cr_assert_eq(hm_system_spawn(b.sys, &props, NULL, NULL, &pid), 0);
	cr_assert_eq(hm_system_send(b.sys, pid, HMT_NUMBER, &number), HM_OK);
	while (!stuck)
		sched_yield();
	for (int i = 0; i < 2; i++)
		cr_assert_eq(hm_system_request(b.sys, b.answerer.pid, HMT_NUMBER, &number, 60000000,
					       &calls[i]),
			     0);
	while (hm_system_send(b.sys, pid, HMT_NUMBER, &number) == HM_OK)
		;
	cr_assert_eq(hm_system_request(b.sys, b.answerer.pid, HMT_NUMBER, &number, 1, &refused), -EAGAIN);
	cr_assert_null(refused);
	hm_call_cancel(calls[0]);
	cr_assert_eq(call_wait(calls[0]), -ECANCELED);
	hm_call_free(calls[0]);
	freed = true;
	cr_assert_eq(call_wait(calls[1]), 0, "the one that is not given up");
	hm_call_free(calls[1]);
	background_end(&b);
}
