/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libraries keep for actors and systems.
 */
#include <criterion/criterion.h>

#include "hm_extension.h"
#include "hm_provider.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_extension, .init = hmt_eal_start);

/* Values are counters of how often they were destroyed. */
static void
count_up(void *value)
{
	(*(uint32_t *)value)++;
}

static const struct hm_extension counted = { .name = "counted", .destroy = count_up },
				 other = { .name = "other", .destroy = count_up },
				 plain = { .name = "plain" };

struct values {
	struct hmt_probe probe, second;
	uint32_t a, b, c;
	struct hmt_probe *stopped; /* it looks at its value when it stops */
	bool had_value;
};

/* ---- Of actors --------------------------------------------------------------------------------- */

static void
set_and_get(struct hm_ctx *ctx, void *arg)
{
	struct values *v = arg;

	cr_assert_null(hm_actor_extension(ctx, &counted));
	cr_assert_eq(hm_actor_extension_set(ctx, &counted, &v->a), 0);
	cr_assert_eq(hm_actor_extension_set(ctx, &other, &v->c), 0);
	cr_assert_eq(hm_actor_extension_set(ctx, &plain, v), 0);
	cr_assert_eq(hm_actor_extension(ctx, &counted), &v->a);
	cr_assert_eq(hm_actor_extension(ctx, &other), &v->c);
	cr_assert_eq(hm_actor_extension(ctx, &plain), v);
	/* The same once more changes nothing, another one ends it. */
	cr_assert_eq(hm_actor_extension_set(ctx, &counted, &v->a), 0);
	cr_assert_eq(v->a, 0);
	cr_assert_eq(hm_actor_extension_set(ctx, &counted, &v->b), 0);
	cr_assert_eq(v->a, 1);
	cr_assert_eq(hm_actor_extension(ctx, &counted), &v->b);
	cr_assert_eq(hm_actor_extension_set(ctx, &other, NULL), 0);
	cr_assert_eq(v->c, 1);
	cr_assert_null(hm_actor_extension(ctx, &other));
	cr_assert_eq(hm_actor_extension_set(ctx, &other, NULL), 0);
	cr_assert_eq(hm_actor_extension_set(ctx, NULL, v), -EINVAL);
	cr_assert_eq(hm_actor_extension_set(NULL, &other, v), -EINVAL);
	cr_assert_null(hm_actor_extension(ctx, NULL));
}

static void
none_get(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_null(hm_actor_extension(ctx, &counted));
}

static void
look_when_stopped(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct values *v = probe->arg;

	if (hm_msg_type(msg) == HM_STOPPED)
		v->had_value = hm_actor_extension(ctx, &counted) == &v->b && v->b == 0;
}

Test(engine_extension, actor__has_values_of_its_own_until_it_ends)
{
	static struct values v;
	struct hmt_node node;

	v.probe = (struct hmt_probe){ .on_msg = look_when_stopped, .arg = &v };
	hmt_node_start(&node, 2);
	hmt_probe_spawn(&node, &v.probe, 1, NULL);
	hmt_probe_spawn(&node, &v.second, 1, NULL);
	hmt_do(&node, v.probe.pid, set_and_get, &v);
	hmt_do(&node, v.second.pid, none_get, NULL);
	hmt_stop(&node, v.probe.pid);
	cr_assert(v.had_value, "behind HM_STOPPED");
	cr_assert_eq(v.a, 1);
	cr_assert_eq(v.b, 1);
	cr_assert_eq(v.c, 1);
	/* The next actor in its slot has none. */
	hmt_do(&node, hmt_probe_spawn(&node, &v.probe, 1, NULL), none_get, NULL);
	hmt_node_end(&node);
}

Test(engine_extension, actor__that_is_left_behind_loses_its_values)
{
	static struct values v;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_do(&node, hmt_probe_spawn(&node, &v.probe, 0, NULL), set_and_get, &v);
	hmt_node_drop(&node);
	cr_assert_eq(v.b, 1);
}

/* ---- Of systems --------------------------------------------------------------------------------- */

static void
system_get(struct hm_ctx *ctx, void *arg)
{
	cr_assert_eq(hm_system_extension(hm_system(ctx), &counted), arg);
	cr_assert_null(hm_system_extension(hm_system(ctx), &other));
}

Test(engine_extension, system__has_values_until_it_is_destroyed)
{
	static struct hmt_probe probe;
	uint32_t a = 0, b = 0;
	struct hmt_node node;

	hmt_node_start(&node, 2);
	cr_assert_null(hm_system_extension(node.sys, &counted));
	cr_assert_eq(hm_system_extension_set(node.sys, &counted, &a), 0);
	cr_assert_eq(hm_system_extension_set(node.sys, &counted, &b), -EEXIST);
	cr_assert_eq(hm_system_extension_set(node.sys, &plain, &b), 0);
	cr_assert_eq(hm_system_extension_set(NULL, &other, &b), -EINVAL);
	cr_assert_eq(hm_system_extension_set(node.sys, NULL, &b), -EINVAL);
	cr_assert_eq(hm_system_extension_set(node.sys, &other, NULL), -EINVAL);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 1, NULL), system_get, &a);
	cr_assert_eq(hm_system_extension_set(node.sys, &other, &b), -EBUSY);
	cr_assert_eq(a, 0);
	hmt_node_end(&node);
	cr_assert_eq(a, 1);
	cr_assert_eq(b, 0);
}

/* What belongs to actors may use what belongs to the system, and that what belongs to modules. */
static struct order {
	uint32_t next, actor, first, second, module;
} order;

static void
actor_note(void *value)
{
	*(uint32_t *)value = ++order.next;
}

static const struct hm_extension first = { .name = "first", .destroy = actor_note },
				 second = { .name = "second", .destroy = actor_note },
				 of_actor = { .name = "of actor", .destroy = actor_note };

static int
module_create(struct hm_system *sys, void **self)
{
	(void)sys;
	*self = &order.module;
	return 0;
}

static int
module_start(void *self, struct hm_system *sys)
{
	(void)self;
	return hm_system_extension_set(sys, &first, &order.first) != 0 ||
			       hm_system_extension_set(sys, &second, &order.second) != 0
		       ? -EINVAL
		       : 0;
}

static void
actor_set(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HM_STARTED)
		cr_assert_eq(hm_actor_extension_set(ctx, &of_actor, &order.actor), 0);
}

Test(engine_extension, destroy__actors_first_and_modules_last)
{
	static const struct hm_module module = {
		.name = "extender", .create = module_create, .start = module_start, .destroy = actor_note
	};
	static const struct hm_module *const modules[] = { &module, NULL };
	struct hm_config config = { .mode = HM_MODE_STEPPED, .modules = modules };
	static struct hmt_probe probe = { .on_msg = actor_set };
	struct hmt_probe *args = &probe;
	struct hm_system *sys;

	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), 0);
	cr_assert_eq(hm_system_spawn(sys, hmt_probe_props(HMT_LCORE_SAME), NULL, &args, NULL), 0);
	(void)hm_system_turn(sys);
	hm_system_destroy(sys);
	cr_assert_eq(order.actor, 1);
	cr_assert_eq(order.second, 2, "the newest first");
	cr_assert_eq(order.first, 3);
	cr_assert_eq(order.module, 4);
}
