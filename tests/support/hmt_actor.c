/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "hmt_actor.h"
#include "assert_pvt.h"
#include "hmt_check.h"

#include "lcore_setup_pvt.h"
#include "rcu_pvt.h"
#include "testkit_pvt.h"

/* Criterion ends a case's process without the leak sanitizer's own check at its end. */
#ifdef HMI_ASAN
int __lsan_do_recoverable_leak_check(void);
#define LEAKS_CHECK() HMT_CHECK(__lsan_do_recoverable_leak_check() == 0, "memory of the heap is lost")
#else
#define LEAKS_CHECK() ((void)0)
#endif

/* Nodes that live; of their memory, EAL's and the names' table are no heap to the leak sanitizer. */
static int nodes_count;
/* Nodes of the process so far: each has other random numbers, and so another id. */
static uint64_t started;

/* ---- Systems ----------------------------------------------------------------- */

static uint64_t
clock_read(void *node)
{
	return ((const struct hmt_node *)node)->now_ns;
}

static void
types_register(struct hm_system *sys)
{
	static const struct hm_type types[] = {
		{ .id = HMT_DO, .name = "do", .size = sizeof(struct hmt_deed) },
		{ .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) },
		{ .id = HMT_EMPTY, .name = "empty", .size = 0 },
		{ .id = HMT_BIG, .name = "big", .size = HMT_BIG_BYTES },
	};

	for (size_t i = 0; i < RTE_DIM(types); i++) {
		int rc = hm_type_register(sys, &types[i]);

		HMT_CHECK(rc == 0, "type %s: %d", types[i].name, rc);
	}
}

void
hmt_node_start_with(struct hmt_node *node, uint32_t lcores, uint64_t memory, const char *options)
{
	/* EAL runs, so nobody keeps these. */
	char words[256], *argv[16] = { (char *)(uintptr_t) "hmt", (char *)(uintptr_t) "--" }, *rest = NULL;
	struct hm_kit_config config = {
		.system = { .lcores = lcores, .memory = memory }, .argc = 2, .argv = argv, .seed = ++started
	};
	int rc;

	snprintf(words, sizeof(words), "%s", options != NULL ? options : "");
	for (char *word = strtok_r(words, " ", &rest); word != NULL && config.argc < 15;
	     word = strtok_r(NULL, " ", &rest))
		argv[config.argc++] = word;
	rc = hm_kit_create(&node->kit, &config);
	HMT_CHECK(rc == 0, "hm_kit_create: %d", rc);
	node->sys = hm_kit_system(node->kit);
	node->now_ns = hm_kit_now_ns(node->kit);
	node->sys->clock.read = clock_read;
	node->sys->clock.arg = node;
	nodes_count++;
	types_register(node->sys);
}

void
hmt_node_start(struct hmt_node *node, uint32_t lcores)
{
	hmt_node_start_with(node, lcores, 0, NULL);
}

void
hmt_turn_until_idle(struct hmt_node *node)
{
	(void)hm_kit_settle(node->kit);
}

void
hmt_elapse(struct hmt_node *node, uint64_t us)
{
	node->now_ns += us * 1000;
	hmt_turn_until_idle(node);
}

struct hm_stats
hmt_stats(const struct hmt_node *node)
{
	struct hm_stats stats;

	hm_system_stats(node->sys, &stats);
	return stats;
}

uint64_t
hmt_lcores_sum(const struct hmt_node *node, uint64_t (*of)(const struct hm_ctx *ctx))
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < node->sys->lcores_count; i++)
		sum += of(node->sys->lcores[i]);
	return sum;
}

uint64_t
hmt_slots_live(const struct hm_ctx *ctx)
{
	return ctx->cells.live;
}

uint64_t
hmt_dead(const struct hmt_node *node)
{
	struct hm_stats stats = hmt_stats(node);

	return hmi_kit_dead(&stats);
}

void
hmt_books_check(const struct hm_system *sys)
{
	struct hm_stats stats;

	hm_system_stats(sys, &stats);
	HMT_CHECK(stats.sent == stats.received + hmi_kit_dead(&stats),
		  "%" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " dead letters", stats.sent,
		  stats.received, hmi_kit_dead(&stats));
}

void
hmt_system_drain(struct hm_system *sys)
{
	hmi_rcu_enter();
	hmi_system_drain(sys);
	hmi_rcu_leave();
}

static void
messages_check(struct hm_system *sys)
{
	uint64_t in_use = hmi_kit_messages(sys);

	HMT_CHECK(in_use == 0, "%" PRIu64 " messages are lost", in_use);
}

static void
leaks_check(void)
{
	if (nodes_count == 0)
		LEAKS_CHECK();
}

void
hmt_system_free(struct hm_system *sys)
{
	messages_check(sys);
	hm_system_destroy(sys);
	leaks_check();
}

void
hmt_node_end(struct hmt_node *node)
{
	hm_system_stop(node->sys);
	hmt_turn_until_idle(node);
	HMT_CHECK(atomic_load(&node->sys->actors_gone), "the system does not stop");
	HMT_CHECK(hm_kit_end(node->kit), "the kit does not end");
	node->sys = NULL;
	nodes_count--;
	leaks_check();
}

void
hmt_ignore_reply(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
		 void *arg)
{
	(void)ctx;
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
}

void
hmt_node_drop(struct hmt_node *node)
{
	messages_check(node->sys);
	hmi_kit_drop(node->kit);
	node->sys = NULL;
	nodes_count--;
	leaks_check();
}

/* ---- Probes ------------------------------------------------------------------- */

static void
probe_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hmt_probe *probe = *(struct hmt_probe **)state;
	struct hmt_seen *seen = &probe->seen[probe->count % HMT_SEEN_MAX];
	const struct hmt_deed *deed = hm_msg_body(msg);

	if (hm_msg_type(msg) == HMT_DO) {
		deed->fn(ctx, deed->arg);
		return;
	}
	*seen = (struct hmt_seen){ .type = hm_msg_type(msg),
				   .sender = hm_sender(ctx),
				   .length = hm_msg_length(msg) };
	memcpy(seen->words, hm_msg_body(msg), RTE_MIN(seen->length, sizeof(seen->words)));
	probe->count++;
	if (probe->on_msg != NULL)
		probe->on_msg(ctx, probe, msg);
}

#define PROBE_PROPS(where)                                                          \
	{                                                                           \
		.receive = probe_receive, .state_size = sizeof(struct hmt_probe *), \
		.args_size = sizeof(struct hmt_probe *), .lcore = (where)           \
	}

const struct hm_props *
hmt_probe_props(uint32_t lcore)
{
	static const struct hm_props fixed[] = { PROBE_PROPS(HM_LCORE(0)), PROBE_PROPS(HM_LCORE(1)),
						 PROBE_PROPS(HM_LCORE(2)), PROBE_PROPS(HM_LCORE(3)) };
	static const struct hm_props same = PROBE_PROPS(HM_LCORE_SAME), any = PROBE_PROPS(HM_LCORE_ANY);

	if (lcore == HMT_LCORE_SAME)
		return &same;
	if (lcore == HMT_LCORE_ANY)
		return &any;
	HMT_CHECK(lcore < RTE_DIM(fixed), "no probe props for lcore %u", lcore);
	return &fixed[lcore];
}

struct hm_pid
hmt_probe_spawn(struct hmt_node *node, struct hmt_probe *probe, uint32_t lcore, const char *name)
{
	int rc = hm_system_spawn(node->sys, hmt_probe_props(lcore), name, &probe, &probe->pid);

	HMT_CHECK(rc == 0, "hm_system_spawn: %d", rc);
	return probe->pid;
}

int
hmt_probe_child(struct hm_ctx *ctx, struct hmt_probe *probe, uint32_t lcore, const char *name)
{
	return hm_spawn(ctx, hmt_probe_props(lcore), name, &probe, &probe->pid);
}

uint32_t
hmt_seen_count(const struct hmt_probe *probe, uint16_t type)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < RTE_MIN(probe->count, HMT_SEEN_MAX); i++)
		count += probe->seen[i].type == type;
	return count;
}

const struct hmt_seen *
hmt_seen_last(const struct hmt_probe *probe, uint16_t type)
{
	for (uint32_t i = RTE_MIN(probe->count, HMT_SEEN_MAX); i-- > 0;) {
		if (probe->seen[i].type == type)
			return &probe->seen[i];
	}
	return NULL;
}

void
hmt_sequence_check(const struct hmt_probe *probe, const uint16_t *types, uint32_t count)
{
	for (uint32_t i = 0; i < RTE_MIN(count, probe->count); i++)
		HMT_CHECK(probe->seen[i].type == types[i], "message %u is of type %u instead of %u", i,
			  probe->seen[i].type, types[i]);
	HMT_CHECK(probe->count == count, "%u messages instead of %u", probe->count, count);
}

void
hmt_do(struct hmt_node *node, struct hm_pid probe, void (*fn)(struct hm_ctx *ctx, void *arg), void *arg)
{
	struct hmt_deed deed = { fn, arg };
	enum hm_result result = hm_system_send(node->sys, probe, HMT_DO, &deed);

	HMT_CHECK(result == HM_OK, "hm_system_send: %s", hm_result_name(result));
	hmt_turn_until_idle(node);
}

void
hmt_number(struct hmt_node *node, struct hm_pid to, uint64_t number)
{
	enum hm_result result = hm_system_send(node->sys, to, HMT_NUMBER, &number);

	HMT_CHECK(result == HM_OK, "hm_system_send: %s", hm_result_name(result));
}

void
hmt_stop(struct hmt_node *node, struct hm_pid who)
{
	int rc = hm_system_stop_actor(node->sys, who);

	HMT_CHECK(rc == 0, "hm_system_stop_actor: %d", rc);
	hmt_turn_until_idle(node);
}

/* ---- Deeds ---------------------------------------------------------------------- */

void
hmt_watch(struct hm_ctx *ctx, void *pid)
{
	enum hm_result result = hm_watch(ctx, *(struct hm_pid *)pid);

	HMT_CHECK(result == HM_OK, "hm_watch: %s", hm_result_name(result));
}

void
hmt_unwatch(struct hm_ctx *ctx, void *pid)
{
	hm_unwatch(ctx, *(struct hm_pid *)pid);
}

void
hmt_stop_that(struct hm_ctx *ctx, void *pid)
{
	hm_stop(ctx, *(struct hm_pid *)pid);
}

void
hmt_fail(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	hm_fail(ctx, "on purpose");
}

static void
on_answer(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct hmt_question *question = arg;

	(void)ctx;
	(void)state;
	question->result = 1 + (uint32_t)result;
	if (reply != NULL)
		question->number = *(const uint64_t *)hm_msg_body(reply);
}

void
hmt_ask(struct hm_ctx *ctx, void *arg)
{
	struct hmt_question *question = arg;
	const void *body = question->type == HMT_NUMBER ? &question->number : NULL;
	enum hm_result result = hm_ask(ctx, question->to, question->type, body, 1000000, on_answer, question);

	HMT_CHECK(result == HM_OK, "hm_ask: %s", hm_result_name(result));
}
