/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spawning: on the same lcore, on others, and what is refused.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "assert_pvt.h"
#include "test_engine_spawn.h"

TestSuite(engine_spawn, .init = hmt_eal_start);

Test(engine_spawn, spawn__started_is_first_on_every_lcore)
{
	static struct hmt_probe probes[3];
	struct hmt_node node;

	hmt_node_start(&node, 3);
	for (uint32_t i = 0; i < 3; i++) {
		hmt_number(&node, hmt_probe_spawn(&node, &probes[i], i, NULL), i);
		cr_assert_eq(hm_pid_lcore(probes[i].pid), i);
	}
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(probes[i].count, 2);
		cr_assert_eq(probes[i].seen[0].type, HM_STARTED);
		cr_assert_eq(probes[i].seen[1].number, i);
	}
	hmt_node_end(&node);
}

static void
spawn_and_greet(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *children = arg;
	uint64_t number = 11;

	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(hmt_probe_child(ctx, &children[i], i, NULL), 0);
		cr_assert_eq(hm_send(ctx, children[i].pid, HMT_NUMBER, &number), HM_OK);
	}
	cr_assert_eq(hm_children_count(ctx), 3);
}

Test(engine_spawn, spawn__child_can_be_sent_to_at_once)
{
	static struct hmt_probe parent, children[3];
	struct hmt_node node;

	hmt_node_start(&node, 3);
	hmt_do(&node, hmt_probe_spawn(&node, &parent, 1, NULL), spawn_and_greet, children);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(children[i].seen[0].type, HM_STARTED);
		cr_assert_eq(hmt_seen_last(&children[i], HMT_NUMBER)->number, 11);
	}
	hmt_node_end(&node);
	cr_assert_eq(hmt_seen_count(&parent, HM_TERMINATED), 3);
}

/* ---- State ------------------------------------------------------------------------- */

struct big_args {
	uint64_t *sum;
	uint64_t head[3];
};

static void
big_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct big_args *args = state;
	const struct hm_props *props = ctx->cell->actor.props;
	unsigned char *bytes = state;

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	*args->sum += args->head[0] + args->head[1] + args->head[2];
	cr_assert_eq((uintptr_t)state % 8, 0);
	for (uint32_t i = sizeof(*args); i < props->state_size; i++)
		cr_assert_eq(bytes[i], 0);
	/* For whoever has this memory next. */
	memset(bytes + sizeof(*args), 0xee, props->state_size - sizeof(*args));
}

Test(engine_spawn, spawn__state_of_any_size_is_zeroed_behind_its_args)
{
	static const uint32_t sizes[] = { 32, 33, 64, 65, 500, 8192, 8193, 100000 };
	static struct hm_props props[RTE_DIM(sizes)];
	struct hmt_node node;
	uint64_t sum = 0;
	struct big_args args = { &sum, { 1, 10, 100 } };

	hmt_node_start(&node, 2);
	/* Twice, so that the second ones have the memory of the first. */
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < RTE_DIM(sizes); i++) {
			struct hm_pid pid;

			props[i] = (struct hm_props){ .receive = big_receive,
						      .state_size = sizes[i],
						      .args_size = sizeof(args),
						      .lcore = HM_LCORE(i % 2) };
			cr_assert_eq(hm_system_spawn(node.sys, &props[i], NULL, &args, &pid), 0);
			hmt_turn_until_idle(&node);
			hmt_stop(&node, pid);
		}
	}
	cr_assert_eq(sum, 2 * RTE_DIM(sizes) * 111);
	hmt_node_end(&node);
}

Test(engine_spawn, drop__states_of_living_actors_are_freed)
{
	static const struct hm_props props = { .receive = big_receive,
					       .state_size = 100000,
					       .args_size = sizeof(struct big_args),
					       .lcore = HM_LCORE(1) };
	struct hmt_node node;
	uint64_t sum = 0;
	struct big_args args = { &sum, { 0 } };

	hmt_node_start(&node, 2);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, &args, NULL), 0);
	hmt_turn_until_idle(&node);
	hmt_node_drop(&node);
}

/* ---- Arguments -------------------------------------------------------------------------- */

#define ARGS_MAX 65432u

static void
args_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const unsigned char *args = state;

	(void)ctx;
	if (hm_msg_type(msg) != HM_STARTED)
		return;
	for (uint32_t i = 0; i < ARGS_MAX; i++)
		cr_assert_eq(args[i], (unsigned char)(i % 251), "byte %u", i);
}

Test(engine_spawn, spawn__args_as_long_as_may_be_and_one_byte_more)
{
	static unsigned char args[ARGS_MAX + 1];
	struct hm_props props = { .receive = args_receive, .state_size = ARGS_MAX + 1 };
	struct hmt_node node;

	for (uint32_t i = 0; i <= ARGS_MAX; i++)
		args[i] = (unsigned char)(i % 251);
	hmt_node_start(&node, 2);
	for (uint32_t lcore = 0; lcore < 2; lcore++) {
		props.lcore = HM_LCORE(lcore);
		props.args_size = ARGS_MAX + 1;
		cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, args, NULL), -EINVAL);
		props.args_size = ARGS_MAX;
		cr_assert_eq(hm_system_spawn(node.sys, &props, NULL, args, NULL), 0);
		hmt_turn_until_idle(&node);
	}
	cr_assert_eq(hmt_stats(&node).spawned, HMT_GUARDIANS + 2);
	hmt_node_end(&node);
}

/* ---- Refusals ------------------------------------------------------------------------ */

Test(engine_spawn, spawn__bad_props_and_lcores_are_refused)
{
	static const struct hm_props no_receive = { .lcore = HM_LCORE_SAME },
				     no_lcore = { .receive = counted_receive, .lcore = HM_LCORE(3) },
				     big_args = { .receive = counted_receive,
						  .state_size = 1,
						  .args_size = 2,
						  .lcore = HM_LCORE_SAME },
				     too_big = { .receive = counted_receive,
						 .state_size = 70000,
						 .args_size = 70000,
						 .lcore = HM_LCORE(1) };
	uint32_t alive = 0, *args = &alive;
	char *many = calloc(1, 70000);
	struct hmt_node node;
	struct hm_pid pid = { 1, 2 };

	hmt_node_start(&node, 3);
	cr_assert_eq(hm_system_spawn(node.sys, NULL, NULL, NULL, &pid), -EINVAL);
	cr_assert_eq(hm_system_spawn(node.sys, &no_receive, NULL, NULL, &pid), -EINVAL);
	cr_assert_eq(hm_system_spawn(node.sys, &no_lcore, NULL, NULL, &pid), -EINVAL);
	cr_assert_eq(hm_system_spawn(node.sys, &big_args, NULL, &args, &pid), -EINVAL);
	cr_assert_eq(hm_system_spawn(node.sys, &counted_here, NULL, NULL, &pid), -EINVAL);
	cr_assert_eq(hm_system_spawn(node.sys, &too_big, NULL, many, &pid), -EINVAL);
	cr_assert_eq(pid.node, 1, "an error leaves the out-parameter alone");
	cr_assert_eq(hmt_stats(&node).spawned, HMT_GUARDIANS, "the guardians alone");
	hmt_node_end(&node);
	free(many);
}

Test(engine_spawn, spawn__bad_names_are_refused)
{
	static const char *const names[] = { "", "$a", "a/b", "a b", "\xc3\xa4", "a\n" };
	uint32_t alive = 0, *args = &alive;
	char longest[HM_NAME_MAX + 2];
	struct hmt_node node;

	hmt_node_start(&node, 2);
	for (size_t i = 0; i < RTE_DIM(names); i++)
		cr_assert_eq(hm_system_spawn(node.sys, &counted_here, names[i], &args, NULL), -EINVAL, "'%s'",
			     names[i]);
	memset(longest, 'x', sizeof(longest));
	longest[HM_NAME_MAX + 1] = '\0';
	cr_assert_eq(hm_system_spawn(node.sys, &counted_here, longest, &args, NULL), -ENAMETOOLONG);
	cr_assert_eq(hm_system_spawn(node.sys, &counted_there, longest, &args, NULL), -ENAMETOOLONG);
	longest[HM_NAME_MAX] = '\0';
	cr_assert_eq(hm_system_spawn(node.sys, &counted_there, longest, &args, NULL), 0);
	cr_assert_eq(hm_system_spawn(node.sys, &counted_here, "Az09-_.~+@", &args, NULL), 0);
	hmt_node_end(&node);
}

Test(engine_spawn, spawn__taken_name_starts_nothing)
{
	uint32_t alive = 0, *args = &alive;
	struct hmt_node node;
	struct hm_pid first, second = { 3, 4 };
	uint64_t live_before;

	hmt_node_start(&node, 2);
	cr_assert_eq(hm_system_spawn(node.sys, &counted_here, "one", &args, &first), 0);
	hmt_turn_until_idle(&node);
	live_before = node.sys->lcores[0]->cells.live + node.sys->lcores[1]->cells.live;
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(hm_system_spawn(node.sys, &counted_here, "one", &args, &second), -EEXIST);
		cr_assert_eq(hm_system_spawn(node.sys, &counted_there, "one", &args, &second), -EEXIST);
	}
	hmt_turn_until_idle(&node);
	cr_assert_eq(second.node, 3);
	cr_assert_eq(alive, 1);
	cr_assert_eq(node.sys->lcores[0]->cells.live + node.sys->lcores[1]->cells.live, live_before);
	hmt_node_end(&node);
	cr_assert_eq(alive, 0);
}

static void
spawn_when_told_to_stop(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct order *order = probe->arg;

	if (hm_msg_type(msg) == HM_STOPPING || hm_msg_type(msg) == HM_STOPPED) {
		spawn_order(ctx, order);
		cr_assert_eq(order->rc, -ESHUTDOWN);
	}
}

Test(engine_spawn, spawn__a_stopping_actor_has_no_more_children)
{
	static struct hmt_probe parent;
	uint32_t alive = 0, *args = &alive;
	struct order order = { .props = &counted_here, .args = &args, .count = 1 };
	struct hmt_node node;

	parent.on_msg = spawn_when_told_to_stop;
	parent.arg = &order;
	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &parent, 0, NULL);
	hmt_stop(&node, parent.pid);
	cr_assert_eq(hmt_seen_count(&parent, HM_STOPPED), 1);
	cr_assert_eq(order.done, 0);
	hmt_node_end(&node);
}

Test(engine_spawn, system_spawn__after_the_stop_is_refused)
{
	uint32_t alive = 0, *args = &alive;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hm_system_stop(node.sys);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_spawn(node.sys, &counted_here, "late", &args, NULL), -ESHUTDOWN);
	cr_assert_eq(hm_system_spawn(node.sys, &counted_there, NULL, &args, NULL), -ESHUTDOWN);
	hmt_node_end(&node);
}

/* ---- Arguments that are no memory -------------------------------------------------------- */

#ifndef HMI_ASAN
static sigjmp_buf back;

static void
jump_back(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static void
ignore(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	(void)msg;
}

/* What a spawn takes of its lcore. */
struct taken {
	size_t cells, deal, children, states;
};

static struct taken
taken_now(const struct hm_ctx *ctx)
{
	struct taken taken = { .cells = ctx->cells.live,
			       .deal = ctx->deal,
			       .children = ctx->cell->actor.children };

	for (uint32_t c = 0; c < HMI_STATE_CLASSES; c++) {
		taken.states += ctx->states[c].fresh_left / ctx->states[c].object_bytes;
		for (void *const *free = ctx->states[c].free; free != NULL; free = *free)
			taken.states++;
	}
	return taken;
}

/* As a receive function does that is contained when it faults. */
static void
spawn_contained(struct hm_ctx *ctx, const struct hm_props *props, const void *args)
{
	struct taken before = taken_now(ctx), after;

	if (sigsetjmp(back, 1) == 0) {
		(void)!hm_spawn(ctx, props, NULL, args, NULL);
		cr_assert_fail("arguments that are no memory were read");
	}
	after = taken_now(ctx);
	cr_assert_eq(memcmp(&before, &after, sizeof(before)), 0, "%u bytes", props->args_size);
}

/* Three pages, of which the arguments begin, end, or have a hole in one that is no memory. */
static void
spawn_of_no_memory(struct hm_ctx *ctx, void *arg)
{
	static const uint32_t sizes[] = { 8, 200, 4200, 8200 };
	const uint32_t *where = arg;
	struct hm_props props = { .receive = ignore, .lcore = (where)[0] };

	for (uint32_t i = 0; i < RTE_DIM(sizes); i++) {
		for (uint32_t hole = 0; hole < sizes[i]; hole += 4096) {
			char *args = mmap(NULL, 12288, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			cr_assert_eq(mprotect(args + hole, 4096, PROT_NONE), 0);
			props.state_size = props.args_size = sizes[i];
			spawn_contained(ctx, &props, args);
		}
	}
}

/* One of each class of states, so that the slabs have their first region. */
static void
spawn_one_each(struct hm_ctx *ctx, void *arg)
{
	static struct hm_props props[HMI_STATE_CLASSES];

	(void)arg;
	for (uint32_t c = 0; c < HMI_STATE_CLASSES; c++) {
		props[c] = (struct hm_props){ .receive = ignore, .state_size = 64u << c };
		cr_assert_eq(hm_spawn(ctx, &props[c], NULL, NULL, NULL), 0);
	}
}

/* Nothing is taken before the arguments were read; hmt_node_end finds a message that was lost. */
Test(engine_spawn, spawn__of_arguments_that_fault_loses_nothing)
{
	static struct hmt_probe probe;
	struct sigaction act = { .sa_handler = jump_back };
	uint32_t lcores[] = { HM_LCORE_SAME, HM_LCORE(0), HM_LCORE(1), HM_LCORE_ANY };
	struct hmt_node node;

	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_turn_until_idle(&node);
	hmt_do(&node, probe.pid, spawn_one_each, NULL);
	sigaction(SIGSEGV, &act, NULL);
	for (size_t i = 0; i < RTE_DIM(lcores); i++)
		hmt_do(&node, probe.pid, spawn_of_no_memory, &lcores[i]);
	hmt_node_end(&node);
}
#endif
