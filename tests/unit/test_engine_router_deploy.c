/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers by deployment settings, and pools that adjust their size.
 */
#include "hm_deploy.h"
#include "test_engine_router.h"

TestSuite(engine_router_deploy, .init = hmt_eal_start, .timeout = 60);

/* ---- Settings ------------------------------------------------------------------------------ */

static void
settings(const char *const *texts, uint32_t count)
{
	char problem[HM_DEPLOY_PROBLEM_MAX];

	memset(&scene, 0, sizeof(scene));
	hmt_node_start(&scene.node, 2);
	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(hm_deploy_set(scene.node.sys, texts[i], problem, sizeof(problem)), 0, "%s",
			     problem);
	for (uint32_t i = 0; i < 2; i++)
		hmt_probe_spawn(&scene.node, &scene.senders[i], i, NULL);
	hmt_turn_until_idle(&scene.node);
}

#define SETTINGS(...)                                                 \
	do {                                                          \
		static const char *const texts_[] = { __VA_ARGS__ };  \
		settings(texts_, sizeof(texts_) / sizeof(texts_[0])); \
	} while (0)

static void
actor_spawn(const char *name)
{
	cr_assert_eq(hm_system_spawn(scene.node.sys, &same_props, name, NULL, &scene.router), 0);
	hmt_turn_until_idle(&scene.node);
}

Test(engine_router_deploy, actor__becomes_a_pool)
{
	struct hm_pid pid;

	SETTINGS("/user/router:router=round-robin", "/user/router:router-size=6", "/user/router:lcore=any");
	actor_spawn("router");
	cr_assert(hm_pid_is_router(scene.node.sys, scene.router));
	cr_assert_eq(routees()->count, 6);
	numbers_from(1, 0, 12);
	for (uint32_t i = 0; i < 6; i++)
		cr_assert_eq(received(routees()->pids[i]), 2);
	/* Where they live is theirs, not the router's. */
	cr_assert_eq(hm_pid_lcore(scene.router), 0);
	cr_assert_neq(hm_pid_lcore(routees()->pids[0]), hm_pid_lcore(routees()->pids[1]));
	cr_assert_eq(hm_lookup(scene.node.sys, "/user/router/6", &pid), 0);
	actor_spawn("other");
	cr_assert_not(hm_pid_is_router(scene.node.sys, scene.router));
	scene_end();
}

Test(engine_router_deploy, size__usual_of_a_pool_by_settings)
{
	SETTINGS("/user/router:router=broadcast");
	actor_spawn("router");
	cr_assert_eq(routees()->count, HM_ROUTER_SIZE);
	numbers_from(1, 0, 1);
	cr_assert_eq(received_all(), HM_ROUTER_SIZE);
	scene_end();
}

Test(engine_router_deploy, size__alone_makes_no_router)
{
	SETTINGS("/user/router:router-size=6");
	actor_spawn("router");
	cr_assert_not(hm_pid_is_router(scene.node.sys, scene.router));
	scene_end();
}

/* Routees match as well, and are none; but other settings are for them. */
Test(engine_router_deploy, wildcards__make_no_routers_of_routees)
{
	SETTINGS("/user/**:router=random", "/user/router/*:stash=7");
	actor_spawn("router");
	cr_assert_eq(routees()->count, HM_ROUTER_SIZE);
	for (uint32_t i = 0; i < HM_ROUTER_SIZE; i++) {
		struct hm_pid pid = routees()->pids[i];

		cr_assert_not(hm_pid_is_router(scene.node.sys, pid));
		cr_assert_eq(hmi_cells_at(&scene.node.sys->lcores[0]->cells, pid.local)->actor.props->stash,
			     7);
	}
	scene_end();
}

Test(engine_router_deploy, router__of_the_program_is_overridden)
{
	struct hm_router config = { .kind = HM_ROUTER_HASH,
				    .size = 2,
				    .props = &same_props,
				    .key = number_key,
				    .bound = 200,
				    .virtual_nodes = 3 };

	SETTINGS("/user/router:router=broadcast", "/user/router:router-size=5");
	router_make(&config);
	cr_assert_eq(routees()->count, 5);
	numbers_from(1, 0, 1);
	cr_assert_eq(received_all(), 5);
	scene_end();
}

Test(engine_router_deploy, router__of_the_program_keeps_what_is_not_set)
{
	SETTINGS("/user/router:lcore=1");
	pool_make(HM_ROUTER_HASH, 3);
	cr_assert_eq(routees()->count, 3);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hm_pid_lcore(routees()->pids[i]), 1);
	numbers_from(1, 0, 30);
	cr_assert_eq(received_all(), 30);
	scene_end();
}

Test(engine_router_deploy, group__has_its_kind_overridden)
{
	struct hm_pid pids[2];

	SETTINGS("/user/router:router=broadcast", "/user/router:router-size=9", "/user/router:lcore=1");
	for (uint32_t i = 0; i < 2; i++)
		cr_assert_eq(hm_system_spawn(scene.node.sys, &any_props, NULL, NULL, &pids[i]), 0);
	router_make(&(struct hm_router){ .size = 2, .routees = pids });
	cr_assert_eq(routees()->count, 2);
	numbers_from(0, 0, 1);
	cr_assert_eq(received_all(), 2);
	scene_end();
}

/* The strategy at the router's path is the router's. */
Test(engine_router_deploy, supervisor__is_the_routers)
{
	SETTINGS("/user/router:router=round-robin", "/user/router:supervisor=stop");
	actor_spawn("router");
	numbers_from(0, FAILS, 1);
	hmt_elapse(&scene.node, 2000);
	cr_assert_eq(hmt_stats(&scene.node).restarted, 0);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 1);
	cr_assert_eq(routees()->count, HM_ROUTER_SIZE);
	hmt_stop(&scene.node, scene.router);
	actor_spawn("router");
	hmt_node_drop(&scene.node);
}

Test(engine_router_deploy, refused__takes_nothing)
{
	struct hm_pid pid;

	SETTINGS("/user/router:router=random", "/user/router:mailbox-overflow=reject");
	cr_assert_eq(hm_system_spawn(scene.node.sys, &same_props, "router", NULL, &pid), -EINVAL);
	cr_assert_eq(hm_system_router_spawn(scene.node.sys,
					    &(struct hm_router){ .size = 1, .props = &same_props }, "router",
					    &pid),
		     -EINVAL);
	scene_end();
}

/* ---- Resizer ----------------------------------------------------------------------------------- */

static const struct hm_resizer usual = { .min = 2, .max = 10 };

static void
resized_make(const struct hm_resizer *resizer, uint32_t size)
{
	scene_start(2);
	router_make(&(struct hm_router){ .size = size, .props = &any_props, .resizer = resizer });
}

/* As if so many messages waited for each of the first routees. */
static void
busy_set(uint32_t routees_count, uint32_t messages)
{
	const struct asking *all = routees();

	for (uint32_t i = 0; i < routees_count; i++) {
		struct hmi_cells *cells = &scene.node.sys->lcores[hm_pid_lcore(all->pids[i])]->cells;

		hmi_cells_at(cells, all->pids[i].local)->box.count = messages;
	}
}

static void
look(void)
{
	hmt_elapse(&scene.node, 100100);
}

Test(engine_router_deploy, resizer__grows_while_all_are_busy)
{
	static const uint32_t sizes[] = { 6, 8, 10, 10 };

	resized_make(&usual, 5);
	for (uint32_t i = 0; i < RTE_DIM(sizes); i++) {
		uint32_t count = routees()->count;

		busy_set(count, 1);
		look();
		cr_assert_eq(routees()->count, sizes[i], "%u", routees()->count);
		busy_set(count, 0);
	}
	numbers_from(0, 0, 10);
	cr_assert_eq(received_all(), 10);
	scene_end();
}

Test(engine_router_deploy, resizer__shrinks_while_few_are_busy)
{
	resized_make(&usual, 10);
	/* 3 of 10 are not fewer than 30 percent. */
	busy_set(3, 1);
	look();
	cr_assert_eq(routees()->count, 10);
	busy_set(3, 0);
	busy_set(2, 1);
	look();
	cr_assert_eq(routees()->count, 9);
	busy_set(2, 0);
	for (uint32_t i = 0; i < 20; i++)
		look();
	cr_assert_eq(routees()->count, 2);
	cr_assert_eq(hmt_stats(&scene.node).stopped, 8);
	cr_assert_eq(hmt_dead(&scene.node), 0);
	scene_end();
}

Test(engine_router_deploy, resizer__has_numbers_of_the_programs)
{
	static const struct hm_resizer own = { .min = 1,
					       .max = 1000,
					       .pressure = 50,
					       .grow = 300,
					       .idle = 99,
					       .shrink = 100,
					       .interval_us = 5000 };

	resized_make(&own, 2);
	busy_set(2, 50);
	hmt_elapse(&scene.node, 5100);
	cr_assert_eq(routees()->count, 8);
	busy_set(2, 49);
	hmt_elapse(&scene.node, 5100);
	cr_assert_eq(routees()->count, 1);
	busy_set(1, 0);
	scene_end();
}

Test(engine_router_deploy, resizer__of_a_balancing_router_looks_at_its_queue)
{
	struct numbers numbers = { 0, 400, false };
	struct hmt_deed deed = { numbers_send, &numbers };
	static const struct hm_resizer often = { .min = 1, .max = 10, .interval_us = 1 };

	scene_start(1);
	router_make(&(struct hm_router){
		.kind = HM_ROUTER_BALANCING, .size = 2, .props = &same_props, .resizer = &often });
	cr_assert_eq(hm_system_send(scene.node.sys, scene.senders[0].pid, HMT_DO, &deed), HM_OK);
	hmt_turn_until_idle(&scene.node);
	hmt_elapse(&scene.node, 100);
	cr_assert_eq(received_all(), 400);
	cr_assert_leq(routees()->count, 2);
	scene_end();
}

Test(engine_router_deploy, resizer__values_at_their_limits)
{
	static const struct {
		struct hm_resizer resizer;
		uint32_t size;
		int rc;
	} cases[] = {
		{ { .min = 1, .max = HM_ROUTEES_MAX, .grow = 1000, .idle = 99, .shrink = 100 }, 1, 0 },
		{ { .min = 1, .max = HM_ROUTEES_MAX + 1 }, 1, -EINVAL },
		{ { .min = 0, .max = 4 }, 1, -EINVAL },
		{ { .min = 2, .max = 4 }, 1, -EINVAL },
		{ { .min = 2, .max = 4 }, 5, -EINVAL },
		{ { .min = 2, .max = 4 }, 2, 0 },
		{ { .min = 2, .max = 4 }, 4, 0 },
		{ { .min = 2, .max = 4, .grow = 1001 }, 4, -EINVAL },
		{ { .min = 2, .max = 4, .idle = 100 }, 4, -EINVAL },
		{ { .min = 2, .max = 4, .shrink = 101 }, 4, -EINVAL },
	};
	struct hm_pid pid;

	scene_start(1);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct hm_router config = { .size = cases[i].size,
					    .props = &same_props,
					    .resizer = &cases[i].resizer };

		cr_assert_eq(hm_system_router_spawn(scene.node.sys, &config, NULL, &pid), cases[i].rc,
			     "case %zu", i);
	}
	cr_assert_eq(hm_system_router_spawn(scene.node.sys,
					    &(struct hm_router){ .resizer = &cases[0].resizer }, NULL, &pid),
		     -EINVAL);
	scene_end();
}

/* An order changes the size within and beyond the bounds; the next look brings it back. */
Test(engine_router_deploy, resizer__and_orders)
{
	resized_make(&usual, 10);
	cr_assert_eq(pool_adjust(5).error, 0);
	cr_assert_eq(routees()->count, 15);
	look();
	cr_assert_leq(routees()->count, 10);
	hmt_stop(&scene.node, scene.router);
	look();
	scene_end();
}
