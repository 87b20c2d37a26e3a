/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of PIDs, and the children of an actor one after the other.
 */
#include <criterion/criterion.h>

#include "assert_pvt.h"
#include "hm_children.h"
#include "hm_pid_set.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_random.h"
#include "hmt_shortage.h"

TestSuite(engine_pid_set);

static struct hm_pid
pid(uint64_t number)
{
	return (struct hm_pid){ 1 + number % 3, number };
}

/* ---- Sets ---------------------------------------------------------------------------------- */

Test(engine_pid_set, empty__has_nothing)
{
	struct hm_pid_set set = { 0 };

	cr_assert_eq(hm_pid_set_count(&set), 0);
	cr_assert_not(hm_pid_set_contains(&set, pid(1)));
	cr_assert_not(hm_pid_set_remove(&set, pid(1)));
	cr_assert(hm_pid_is_none(hm_pid_set_at(&set, 0)));
	hm_pid_set_clear(&set);
	hm_pid_set_fini(&set);
	hm_pid_set_fini(&set);
}

Test(engine_pid_set, add__refuses_nobody_and_what_is_there)
{
	struct hm_pid_set set = { 0 };

	cr_assert_eq(hm_pid_set_add(NULL, pid(1)), -EINVAL);
	cr_assert_eq(hm_pid_set_reserve(NULL, 1), -EINVAL);
	cr_assert_eq(hm_pid_set_add(&set, hm_pid_none()), -EINVAL);
	cr_assert_eq(hm_pid_set_add(&set, pid(1)), 0);
	cr_assert_eq(hm_pid_set_add(&set, pid(1)), -EEXIST);
	/* Another node, another generation. */
	cr_assert_eq(hm_pid_set_add(&set, (struct hm_pid){ 99, pid(1).local }), 0);
	cr_assert_eq(hm_pid_set_count(&set), 2);
	hm_pid_set_fini(&set);
	cr_assert_eq(hm_pid_set_count(&set), 0);
}

Test(engine_pid_set, order__is_that_of_adding_until_the_last_fills_a_gap)
{
	struct hm_pid_set set = { 0 };

	for (uint64_t i = 0; i < 10; i++)
		cr_assert_eq(hm_pid_set_add(&set, pid(i)), 0);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert(hm_pid_equal(hm_pid_set_at(&set, i), pid(i)));
	cr_assert(hm_pid_set_remove(&set, pid(3)));
	cr_assert(hm_pid_equal(hm_pid_set_at(&set, 3), pid(9)));
	cr_assert(hm_pid_equal(hm_pid_set_at(&set, 8), pid(8)));
	cr_assert(hm_pid_is_none(hm_pid_set_at(&set, 9)));
	/* From the last to the first, each is seen once. */
	for (uint32_t i = hm_pid_set_count(&set); i-- > 0;)
		cr_assert(hm_pid_set_remove(&set, hm_pid_set_at(&set, i)));
	cr_assert_eq(hm_pid_set_count(&set), 0);
	hm_pid_set_fini(&set);
}

/* Against a table of what is in it. */
Test(engine_pid_set, random__adds_and_removes_as_a_model, .timeout = 60)
{
	enum {
		RANGE = 600
	};
	static bool is_in[RANGE];
	struct hm_pid_set set = { 0 };
	uint64_t random = 77;
	uint32_t count = 0;

	for (int i = 0; i < 300000; i++) {
		uint64_t number = hmt_random_below(&random, RANGE);
		uint32_t kind = (uint32_t)hmt_random_below(&random, i / 50000 % 2 == 0 ? 3 : 2);

		if (kind == 0) {
			cr_assert_eq(hm_pid_set_remove(&set, pid(number)), is_in[number]);
			count -= is_in[number];
			is_in[number] = false;
		} else {
			cr_assert_eq(hm_pid_set_add(&set, pid(number)), is_in[number] ? -EEXIST : 0);
			count += !is_in[number];
			is_in[number] = true;
		}
		number = hmt_random_below(&random, RANGE);
		cr_assert_eq(hm_pid_set_contains(&set, pid(number)), is_in[number]);
		cr_assert_eq(hm_pid_set_count(&set), count);
	}
	for (uint32_t i = 0; i < count; i++) {
		cr_assert(is_in[hm_pid_set_at(&set, i).local]);
		is_in[hm_pid_set_at(&set, i).local] = false;
	}
	hm_pid_set_clear(&set);
	for (uint64_t i = 0; i < RANGE; i++)
		cr_assert_not(hm_pid_set_contains(&set, pid(i)));
	cr_assert_eq(hm_pid_set_add(&set, pid(1)), 0);
	hm_pid_set_fini(&set);
}

Test(engine_pid_set, million__takes_constant_time_each, .timeout = 60)
{
	struct hm_pid_set set = { 0 };

	for (uint64_t i = 0; i < 1000000; i++)
		cr_assert_eq(hm_pid_set_add(&set, (struct hm_pid){ 1, i << 32 | 1 }), 0);
	cr_assert_eq(set.capacity, 1u << 20);
	for (uint64_t i = 0; i < 1000000; i++)
		cr_assert(hm_pid_set_remove(&set, (struct hm_pid){ 1, i << 32 | 1 }));
	cr_assert_eq(hm_pid_set_count(&set), 0);
	hm_pid_set_fini(&set);
}

#ifndef HMI_ASAN
/* The heap has no block as big as the set would need. */
Test(engine_pid_set, memory__that_runs_out_leaves_the_set)
{
	struct hm_pid_set set = { 0 };
	int rc = 0;

	cr_assert_eq(hm_pid_set_reserve(&set, (1u << 30) + 1), -ENOMEM);
	cr_assert_eq(hm_pid_set_reserve(&set, 1u << 17), 0);
	for (uint64_t i = 0; i < 1u << 17; i++)
		cr_assert_eq(hm_pid_set_add(&set, pid(i)), 0);
	hmt_memory_refuse();
	rc = hm_pid_set_add(&set, pid(1u << 17));
	hmt_memory_allow();
	cr_assert_eq(rc, -ENOMEM);
	cr_assert_eq(hm_pid_set_count(&set), 1u << 17);
	cr_assert(hm_pid_set_contains(&set, pid(4711)));
	cr_assert_not(hm_pid_set_contains(&set, pid(1u << 17)));
	cr_assert_eq(hm_pid_set_add(&set, pid(1u << 17)), 0);
	hm_pid_set_fini(&set);
}
#endif

/* ---- Children -------------------------------------------------------------------------------- */

TestSuite(engine_children, .init = hmt_eal_start);

#define CHILDREN 40u

struct family {
	struct hmt_node node;
	struct hmt_probe parent, children[CHILDREN], late[2];
	struct hm_pid_set seen;
	uint32_t twice;
};

static void
children_spawn(struct hm_ctx *ctx, void *arg)
{
	struct family *f = arg;

	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert_eq(hmt_probe_child(ctx, &f->children[i], i % 3, NULL), 0);
}

static void
family_start(struct family *f)
{
	memset(f, 0, sizeof(*f));
	hmt_node_start(&f->node, 3);
	hmt_probe_spawn(&f->node, &f->parent, 1, NULL);
	hmt_do(&f->node, f->parent.pid, children_spawn, f);
}

static void
family_end(struct family *f)
{
	hm_pid_set_fini(&f->seen);
	hmt_node_end(&f->node);
}

static void
list(struct hm_ctx *ctx, void *arg)
{
	struct hm_child_iter iter = { 0 };
	struct family *f = arg;
	struct hm_pid child;

	hm_pid_set_clear(&f->seen);
	f->twice = 0;
	while (hm_child_next(ctx, &iter, &child))
		f->twice += hm_pid_set_add(&f->seen, child) != 0;
	cr_assert_not(hm_child_next(ctx, &iter, &child), "nor later");
}

Test(engine_children, next__comes_to_each_once_on_all_lcores)
{
	static struct family f;

	family_start(&f);
	hmt_do(&f.node, f.parent.pid, list, &f);
	cr_assert_eq(f.twice, 0);
	cr_assert_eq(hm_pid_set_count(&f.seen), CHILDREN);
	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert(hm_pid_set_contains(&f.seen, f.children[i].pid));
	hmt_do(&f.node, f.children[0].pid, list, &f);
	cr_assert_eq(hm_pid_set_count(&f.seen), 0, "a child without children");
	family_end(&f);
}

Test(engine_children, next__leaves_out_those_that_have_ended)
{
	static struct family f;

	family_start(&f);
	for (uint32_t i = 0; i < CHILDREN; i += 2)
		hmt_stop(&f.node, f.children[i].pid);
	hmt_do(&f.node, f.parent.pid, list, &f);
	cr_assert_eq(f.twice, 0);
	cr_assert_eq(hm_pid_set_count(&f.seen), CHILDREN / 2);
	for (uint32_t i = 0; i < CHILDREN; i++)
		cr_assert_eq(hm_pid_set_contains(&f.seen, f.children[i].pid), i % 2 == 1);
	family_end(&f);
}

/* Whatever an actor may do with its children, and with what else it owns. */
static void
list_and_change(struct hm_ctx *ctx, void *arg)
{
	struct hm_child_iter iter = { 0 };
	struct family *f = arg;
	struct hm_pid child, last = hm_pid_none();
	struct hm_timer timer = { 0 };
	uint64_t number = 1;
	uint32_t count = 0;

	while (hm_child_next(ctx, &iter, &child)) {
		f->twice += hm_pid_set_add(&f->seen, child) != 0;
		hm_stop(ctx, child);
		cr_assert_eq(hm_watch(ctx, child), HM_OK);
		if (!hm_pid_is_none(last))
			hm_unwatch(ctx, last);
		last = child;
		if (count++ % 2 == 0)
			cr_assert_eq(hm_send_after(ctx, child, HMT_NUMBER, &number, 1000, 0, &timer), HM_OK);
		else
			hm_timer_cancel(ctx, timer);
		if (count == 5 || count == 30)
			cr_assert_eq(hmt_probe_child(ctx, &f->late[count / 30], count == 5 ? 1 : 2, NULL), 0);
	}
}

Test(engine_children, next__is_not_disturbed_by_what_is_done_meanwhile)
{
	static struct family f;
	uint32_t late;

	family_start(&f);
	hmt_do(&f.node, f.parent.pid, list_and_change, &f);
	cr_assert_eq(f.twice, 0);
	late = hm_pid_set_contains(&f.seen, f.late[0].pid) + hm_pid_set_contains(&f.seen, f.late[1].pid);
	cr_assert_eq(hm_pid_set_count(&f.seen), CHILDREN + late);
	for (uint32_t i = 0; i < CHILDREN; i++) {
		cr_assert(hm_pid_set_contains(&f.seen, f.children[i].pid));
		cr_assert_eq(hmt_seen_count(&f.children[i], HM_STOPPED), 1);
	}
	cr_assert_eq(hmt_seen_count(&f.parent, HM_TERMINATED), CHILDREN + late);
	family_end(&f);
}
