/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics by type of actor.
 */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <criterion/criterion.h>

#include "hm_metrics.h"
#include "hm_supervisor.h"
#include "hmt_actor.h"
#include "hmt_eal.h"

TestSuite(engine_metrics, .init = hmt_eal_start);

static struct hm_metrics_type shops = { .name = "shop" }, tills = { .name = "till" },
			      others = { .name = "other" };
static const struct hm_metrics_type *const types[] = { &shops, &tills, NULL };

static const struct hm_middleware of_shops = { .receive = hm_metrics_receive, .arg = &shops },
				  of_tills = { .receive = hm_metrics_receive, .arg = &tills },
				  of_others = { .receive = hm_metrics_receive, .arg = &others },
				  of_none = { .receive = hm_metrics_receive };

static const struct hm_middleware *const shop_stages[] = { &of_shops, NULL },
					 *const till_stages[] = { &of_tills, NULL },
					 *const both_stages[] = { &of_shops, &of_tills, NULL },
					 *const foreign_stages[] = { &of_others, &of_none, NULL };

static struct hmt_node node;
static struct hmt_probe shop, till;
static struct hm_props props;

static void
spawn_with(struct hmt_probe *probe, uint32_t lcore, const struct hm_middleware *const *stages)
{
	static struct hm_props all[8];
	static uint32_t used;
	struct hm_props *own = &all[used++ % RTE_DIM(all)];

	*probe = (struct hmt_probe){ 0 };
	*own = *hmt_probe_props(lcore);
	own->middleware = stages;
	cr_assert_eq(hm_system_spawn(node.sys, own, NULL, &probe, &probe->pid), 0);
	hmt_turn_until_idle(&node);
}

static void
start(void)
{
	hmt_node_start(&node, 2);
	cr_assert_eq(hm_metrics_start(node.sys, types), 0);
}

static struct hm_metrics
metrics_of(const struct hm_metrics_type *type)
{
	struct hm_metrics metrics;

	cr_assert_eq(hm_metrics_read(node.sys, type, &metrics), 0);
	return metrics;
}

static void
numbers_receive(struct hm_pid to, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		hmt_number(&node, to, i);
	hmt_turn_until_idle(&node);
}

/* ---- What is counted ----------------------------------------------------------------------- */

Test(engine_metrics, messages__of_all_lcores_are_added_up_by_type)
{
	start();
	spawn_with(&shop, 0, shop_stages);
	spawn_with(&till, 1, shop_stages);
	numbers_receive(shop.pid, 3);
	numbers_receive(till.pid, 4);
	cr_assert_eq(metrics_of(&shops).messages, 2 + 7);
	cr_assert_eq(metrics_of(&shops).started, 2);
	cr_assert_eq(metrics_of(&tills).messages, 0);
	hmt_stop(&node, shop.pid);
	cr_assert_eq(metrics_of(&shops).stopped, 1);
	hmt_node_end(&node);
}

static uint64_t takes_ns;

static void
take_time(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		node.now_ns += takes_ns;
}

Test(engine_metrics, times__are_counted_by_what_they_took)
{
	static const struct {
		uint64_t ns;
		uint32_t bucket;
	} times[] = {
		{ 255, 0 },
		{ 256, 1 },
		{ 511, 1 },
		{ 512, 2 },
		{ 1000000, 12 },
		{ UINT64_C(256) << 23, 24 },
		{ UINT64_C(256) << 30, 24 },
	};
	uint64_t sum = 0;

	start();
	spawn_with(&shop, 0, shop_stages);
	shop.on_msg = take_time;
	for (size_t i = 0; i < RTE_DIM(times); i++) {
		uint64_t before = metrics_of(&shops).times[times[i].bucket];

		takes_ns = times[i].ns;
		sum += takes_ns;
		numbers_receive(shop.pid, 1);
		cr_assert_eq(metrics_of(&shops).times[times[i].bucket], before + 1, "%zu", i);
		cr_assert_eq(metrics_of(&shops).time_ns, sum);
	}
	hmt_node_end(&node);
}

static void
ask_and_fail(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	     void *arg)
{
	(void)state;
	(void)result;
	(void)reply;
	(void)arg;
	hm_fail(ctx, "in a reply function");
}

static void
ask_till(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	cr_assert_eq(hm_ask(ctx, till.pid, HMT_NUMBER, &(uint64_t){ 1 }, 1000, ask_and_fail, NULL), HM_OK);
}

Test(engine_metrics, failures__are_counted_wherever_the_actor_fails)
{
	start();
	spawn_with(&till, 0, NULL);
	spawn_with(&shop, 0, shop_stages);
	hmt_do(&node, shop.pid, hmt_fail, NULL);
	cr_assert_eq(metrics_of(&shops).failures, 1);
	cr_assert_eq(metrics_of(&shops).restarts, 1);
	cr_assert_eq(metrics_of(&shops).started, 2);
	hmt_do(&node, shop.pid, ask_till, NULL);
	hmt_elapse(&node, 2000);
	cr_assert_eq(metrics_of(&shops).failures, 2);
	/* Those of others are not. */
	hmt_do(&node, till.pid, hmt_fail, NULL);
	cr_assert_eq(metrics_of(&shops).failures, 2);
	cr_assert_eq(metrics_of(&tills).failures, 0);
	hmt_node_end(&node);
}

Test(engine_metrics, failures__a_message_that_failed_is_counted_and_has_no_time)
{
	uint64_t times = 0;
	struct hm_metrics metrics;

	start();
	spawn_with(&shop, 0, shop_stages);
	hmt_do(&node, shop.pid, hmt_fail, NULL);
	metrics = metrics_of(&shops);
	for (uint32_t i = 0; i < HM_METRICS_TIMES; i++)
		times += metrics.times[i];
	cr_assert_eq(times, metrics.messages - 1);
	hmt_node_end(&node);
}

Test(engine_metrics, lengths__are_looked_at_once_in_many_messages)
{
	struct hm_metrics metrics;
	uint64_t looks = 0;

	start();
	/* HM_STARTED is the first, with nothing behind it. */
	spawn_with(&shop, 0, shop_stages);
	cr_assert_eq(metrics_of(&shops).lengths[0], 1);
	/* The 17th of all: the 16th of these, with 8 behind it. */
	numbers_receive(shop.pid, 24);
	metrics = metrics_of(&shops);
	cr_assert_eq(metrics.lengths[4], 1);
	cr_assert_eq(metrics.lengths_sum, 8);
	numbers_receive(shop.pid, 16 * 10);
	metrics = metrics_of(&shops);
	for (uint32_t i = 0; i < HM_METRICS_LENGTHS; i++)
		looks += metrics.lengths[i];
	cr_assert_eq(looks, (metrics.messages + HM_METRICS_LENGTH_EVERY - 1) / HM_METRICS_LENGTH_EVERY);
	hmt_node_end(&node);
}

Test(engine_metrics, types__an_actor_with_two_counts_for_both)
{
	start();
	spawn_with(&shop, 0, both_stages);
	numbers_receive(shop.pid, 1);
	cr_assert_eq(metrics_of(&shops).messages, 2);
	cr_assert_eq(metrics_of(&tills).messages, 2);
	hmt_do(&node, shop.pid, hmt_fail, NULL);
	cr_assert_eq(metrics_of(&shops).failures, 1);
	cr_assert_eq(metrics_of(&tills).failures, 1);
	hmt_node_end(&node);
}

static struct hmt_probe heir;

static void
heir_spawn(struct hm_ctx *ctx, void *arg)
{
	struct hmt_probe *probe = &heir;

	heir = (struct hmt_probe){ 0 };
	props = *hmt_probe_props(HMT_LCORE_SAME);
	props.middleware = arg;
	cr_assert_eq(hm_spawn(ctx, &props, NULL, &probe, &heir.pid), 0);
}

/* By the same stage, and by another one of the same type. */
Test(engine_metrics, types__inherited_and_its_own_count_once)
{
	static const struct hm_middleware down = { .receive = hm_metrics_receive,
						   .arg = &tills,
						   .inherited = true };
	static const struct hm_middleware *const parents[] = { &down, NULL };
	static const struct hm_middleware *const own[] = { &of_shops, &down, &of_tills, NULL };

	start();
	spawn_with(&shop, 0, parents);
	hmt_do(&node, shop.pid, heir_spawn, (void *)(uintptr_t)own);
	cr_assert_eq(metrics_of(&tills).started, 2);
	cr_assert_eq(metrics_of(&shops).started, 1);
	numbers_receive(heir.pid, 3);
	cr_assert_eq(metrics_of(&shops).messages, 4);
	cr_assert_eq(metrics_of(&tills).messages, metrics_of(&shops).messages + 2 /* of the parent */);
	hmt_do(&node, heir.pid, hmt_fail, NULL);
	cr_assert_eq(metrics_of(&tills).failures, 1);
	cr_assert_eq(metrics_of(&shops).failures, 1);
	hmt_node_end(&node);
}

Test(engine_metrics, types__that_the_system_does_not_know_only_go_on)
{
	struct hm_metrics metrics;

	start();
	spawn_with(&shop, 0, foreign_stages);
	numbers_receive(shop.pid, 1);
	hmt_do(&node, shop.pid, hmt_fail, NULL);
	cr_assert_eq(hmt_seen_count(&shop, HMT_NUMBER), 1);
	cr_assert_eq(hm_metrics_read(node.sys, &others, &metrics), -ENOENT);
	hmt_node_end(&node);
}

static void
spawn_many(struct hm_ctx *ctx, void *arg)
{
	static struct hmt_probe probe;

	(void)arg;
	props = *hmt_probe_props(HMT_LCORE_SAME);
	props.middleware = till_stages;
	for (uint32_t i = 0; i < 1000; i++) {
		struct hmt_probe *child = &probe;
		struct hm_pid pid;

		cr_assert_eq(hm_spawn(ctx, &props, NULL, &child, &pid), 0);
		hm_stop(ctx, pid);
	}
}

static char *text;
static size_t bytes;

static const char *
text_write(void)
{
	FILE *out = open_memstream(&text, &bytes);

	cr_assert_eq(hm_metrics_write(node.sys, out), 0);
	fclose(out);
	return text;
}

static uint32_t
lines_count(const char *of)
{
	uint32_t count = 0;

	for (; *of != '\0'; of++)
		count += *of == '\n';
	return count;
}

/* Proto.Actor keeps a callback for each actor that was ever spawned. */
Test(engine_metrics, types__keep_nothing_of_single_actors)
{
	uint32_t lines;

	start();
	spawn_with(&shop, 0, shop_stages);
	lines = lines_count(text_write());
	free(text);
	hmt_do(&node, shop.pid, spawn_many, NULL);
	cr_assert_eq(metrics_of(&tills).started, 1000);
	cr_assert_eq(metrics_of(&tills).stopped, 1000);
	cr_assert_eq(lines_count(text_write()), lines);
	free(text);
	hmt_node_end(&node);
}

/* ---- Text ---------------------------------------------------------------------------------- */

#define HAS(line) cr_assert_not_null(strstr(text, line "\n"), "%s", text)

Test(engine_metrics, write__is_what_prometheus_reads)
{
	start();
	spawn_with(&shop, 0, shop_stages);
	shop.on_msg = take_time;
	takes_ns = 300;
	numbers_receive(shop.pid, 2);
	takes_ns = 1500000000;
	numbers_receive(shop.pid, 1);
	text_write();
	HAS("# HELP hermod_actor_messages_total Messages handed to actors.\n# TYPE hermod_actor_messages_total counter\n"
	    "hermod_actor_messages_total{type=\"shop\"} 4\nhermod_actor_messages_total{type=\"till\"} 0");
	HAS("hermod_actor_started_total{type=\"shop\"} 1");
	HAS("# TYPE hermod_actor_receive_seconds histogram\n"
	    "hermod_actor_receive_seconds_bucket{type=\"shop\",le=\"0.000000256\"} 1\n"
	    "hermod_actor_receive_seconds_bucket{type=\"shop\",le=\"0.000000512\"} 3\n"
	    "hermod_actor_receive_seconds_bucket{type=\"shop\",le=\"0.000001024\"} 3");
	HAS("hermod_actor_receive_seconds_bucket{type=\"shop\",le=\"1.073741824\"} 3\n"
	    "hermod_actor_receive_seconds_bucket{type=\"shop\",le=\"2.147483648\"} 4\n"
	    "hermod_actor_receive_seconds_bucket{type=\"shop\",le=\"+Inf\"} 4\n"
	    "hermod_actor_receive_seconds_sum{type=\"shop\"} 1.5000006\n"
	    "hermod_actor_receive_seconds_count{type=\"shop\"} 4");
	HAS("hermod_actor_mailbox_messages_bucket{type=\"shop\",le=\"0\"} 1\n"
	    "hermod_actor_mailbox_messages_bucket{type=\"shop\",le=\"1\"} 1\n"
	    "hermod_actor_mailbox_messages_bucket{type=\"shop\",le=\"3\"} 1");
	HAS("hermod_actor_mailbox_messages_sum{type=\"shop\"} 0");
	free(text);
	hmt_node_end(&node);
}

#ifdef HMI_ASAN
void __lsan_disable(void);
void __lsan_enable(void);
#else
#define __lsan_disable() ((void)0)
#define __lsan_enable()  ((void)0)
#endif

/* A locale with a decimal comma, made here, since not all machines have one. 0: there is no localedef. */
static locale_t
comma_make(void)
{
	char folder[] = "/tmp/hmt-locale-XXXXXX", command[512];
	locale_t comma;

	cr_assert_not_null(mkdtemp(folder));
	/* It says that all else is missing, with status 1. */
	snprintf(
		command, sizeof(command),
		"cd %s && printf 'LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \"\"\ngrouping -1\n"
		"END LC_NUMERIC\n' >source && localedef -c -i source -f ANSI_X3.4-1968 ./comma >/dev/null 2>&1",
		folder);
	(void)!system(command);
	setenv("LOCPATH", folder, 1);
	/* The C library does not free the path that it has made of LOCPATH. */
	__lsan_disable();
	comma = newlocale(LC_NUMERIC_MASK, "comma", (locale_t)0);
	__lsan_enable();
	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
	return comma;
}

Test(engine_metrics, write__has_the_same_numbers_in_any_locale)
{
	locale_t comma = comma_make(), before;
	char *plain;

	if (comma == (locale_t)0)
		cr_skip_test("no localedef makes a locale with a decimal comma");
	start();
	spawn_with(&shop, 0, shop_stages);
	shop.on_msg = take_time;
	takes_ns = 1500000600;
	numbers_receive(shop.pid, 1);
	text_write();
	HAS("hermod_actor_receive_seconds_sum{type=\"shop\"} 1.5000006");
	plain = text;
	before = uselocale(comma);
	cr_assert_str_eq(localeconv()->decimal_point, ",");
	text_write();
	uselocale(before);
	cr_assert_str_eq(text, plain);
	free(text);
	free(plain);
	freelocale(comma);
	hmt_node_end(&node);
}

/* 2^53 ns are some 104 days: beyond, a double would not tell one from the next. */
Test(engine_metrics, write__seconds_are_exact)
{
	static const struct {
		uint64_t ns;
		const char *sum;
	} sums[] = {
		{ 1, "0.000000001" },
		{ 999999999, "1" },
		{ 10, "1.00000001" },
		{ UINT64_C(9007199254740993) - 1000000010, "9007199.254740993" },
	};

	start();
	spawn_with(&shop, 0, shop_stages);
	shop.on_msg = take_time;
	for (size_t i = 0; i < RTE_DIM(sums); i++) {
		char line[96];

		takes_ns = sums[i].ns;
		numbers_receive(shop.pid, 1);
		snprintf(line, sizeof(line), "_seconds_sum{type=\"shop\"} %s\n", sums[i].sum);
		text_write();
		cr_assert_not_null(strstr(text, line), "%s%s", line, text);
		free(text);
	}
	hmt_node_end(&node);
}

Test(engine_metrics, write__names_are_escaped)
{
	static struct hm_metrics_type odd = { .name = "a \"b\" \\ c\nx" };
	static const struct hm_metrics_type *const odd_types[] = { &odd, NULL };

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_metrics_start(node.sys, odd_types), 0);
	text_write();
	HAS("hermod_actor_messages_total{type=\"a \\\"b\\\" \\\\ c\\nx\"} 0");
	free(text);
	hmt_node_end(&node);
}

Test(engine_metrics, write__tells_of_errors)
{
	FILE *full = fopen("/dev/full", "w");

	cr_assert_not_null(full);
	start();
	cr_assert_eq(hm_metrics_write(node.sys, full), -EIO);
	cr_assert_eq(hm_metrics_write(NULL, full), -EINVAL);
	cr_assert_eq(hm_metrics_write(node.sys, NULL), -EINVAL);
	hmt_node_end(&node);
	hmt_node_start(&node, 1);
	cr_assert_eq(hm_metrics_write(node.sys, full), -ENOENT);
	hmt_node_end(&node);
	fclose(full);
}

/* ---- Set-up -------------------------------------------------------------------------------- */

Test(engine_metrics, start__without_it_stages_only_go_on)
{
	struct hm_metrics metrics;

	hmt_node_start(&node, 2);
	spawn_with(&shop, 0, shop_stages);
	numbers_receive(shop.pid, 1);
	cr_assert_eq(hmt_seen_count(&shop, HMT_NUMBER), 1);
	cr_assert_eq(hm_metrics_read(node.sys, &shops, &metrics), -ENOENT);
	cr_assert_eq(hm_metrics_read(NULL, &shops, &metrics), -EINVAL);
	cr_assert_eq(hm_metrics_read(node.sys, NULL, &metrics), -EINVAL);
	cr_assert_eq(hm_metrics_read(node.sys, &shops, NULL), -EINVAL);
	cr_assert_eq(hm_metrics_start(node.sys, types), -EBUSY);
	hmt_node_end(&node);
}

Test(engine_metrics, start__refuses_what_cannot_be_told_apart)
{
	static struct hm_metrics_type nameless, same = { .name = "shop" };
	const struct hm_metrics_type *const unnamed[] = { &nameless, NULL };
	const struct hm_metrics_type *const doubled[] = { &shops, &same, NULL };
	const struct hm_metrics_type *const twice[] = { &shops, &shops, NULL };

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_metrics_start(NULL, types), -EINVAL);
	cr_assert_eq(hm_metrics_start(node.sys, NULL), -EINVAL);
	cr_assert_eq(hm_metrics_start(node.sys, unnamed), -EINVAL);
	cr_assert_eq(hm_metrics_start(node.sys, doubled), -EINVAL);
	cr_assert_eq(hm_metrics_start(node.sys, twice), -EINVAL);
	cr_assert_eq(hm_metrics_start(node.sys, types), 0);
	cr_assert_eq(hm_metrics_start(node.sys, types), -EEXIST);
	hmt_node_end(&node);
}

Test(engine_metrics, start__types_are_bounded_and_each_is_found)
{
	static struct hm_metrics_type many[HM_METRICS_TYPES_MAX + 1];
	static char names[RTE_DIM(many)][8];
	const struct hm_metrics_type *list[RTE_DIM(many) + 1] = { NULL };
	struct hm_metrics metrics;

	for (uint32_t i = 0; i < RTE_DIM(many); i++) {
		snprintf(names[i], sizeof(names[i]), "t%u", i);
		many[i].name = names[i];
		list[i] = &many[i];
	}
	hmt_node_start(&node, 1);
	cr_assert_eq(hm_metrics_start(node.sys, list), -E2BIG);
	list[HM_METRICS_TYPES_MAX] = NULL;
	cr_assert_eq(hm_metrics_start(node.sys, list), 0);
	for (uint32_t i = 0; i < HM_METRICS_TYPES_MAX; i++)
		cr_assert_eq(hm_metrics_read(node.sys, &many[i], &metrics), 0);
	cr_assert_eq(hm_metrics_read(node.sys, &shops, &metrics), -ENOENT);
	hmt_node_end(&node);
}
