/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What actors write to the log.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "hm_log.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "hmt_log.h"

TestSuite(engine_log, .init = hmt_eal_start);

struct line {
	enum hm_log_level level;
	const char *text;
};

static void
log_line(struct hm_ctx *ctx, void *arg)
{
	const struct line *line = arg;

	hm_log(ctx, line->level, "%s, %d", line->text, 17);
}

static void
log_by(const char *name, const struct line *line, struct hmt_log *log)
{
	static struct hmt_probe probe;
	struct hmt_node node;

	probe = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 2);
	hmt_log_start(log);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 1, name), log_line, (void *)(uintptr_t)line);
	fflush(log->stream);
	hmt_node_end(&node);
}

Test(engine_log, log__says_lcore_and_path)
{
	const struct line line = { HM_LOG_WARNING, "late" };
	struct hmt_log log;

	log_by("shop", &line, &log);
	cr_assert(hmt_log_has(&log, "hermod: lcore 1: /user/shop: late, 17\n"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
}

Test(engine_log, log__of_an_actor_without_a_name_says_its_pid)
{
	const struct line line = { HM_LOG_INFO, "late" };
	struct hmt_log log;

	log_by(NULL, &line, &log);
	cr_assert(hmt_log_has(&log, ":1."), "%s", hmt_log_text(&log));
	cr_assert(hmt_log_has(&log, ": late, 17\n"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
}

Test(engine_log, log__of_a_level_that_is_not_shown_is_not_written)
{
	const struct line debug = { HM_LOG_DEBUG, "late" }, beyond = { 99, "later" };
	struct hmt_log log;

	log_by("shop", &debug, &log);
	cr_assert_not(hmt_log_has(&log, "late"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
	log_by("shop", &beyond, &log);
	cr_assert_not(hmt_log_has(&log, "later"), "%s", hmt_log_text(&log));
	hmt_log_end(&log);
}

Test(engine_log, log__of_a_level_below_all_is_an_error)
{
	const struct line line = { 0, "late" };
	struct hmt_log log;

	log_by("shop", &line, &log);
	cr_assert(hmt_log_has(&log, "/user/shop: late"));
	hmt_log_end(&log);
}

Test(engine_log, log__of_more_than_a_line_is_cut_and_says_so)
{
	static char text[HM_LOG_MAX + 1];
	struct line line = { HM_LOG_INFO, text };
	struct hmt_log log;

	/* With ", 17" and the end of the text it just fits. */
	memset(text, 'x', HM_LOG_MAX - 5);
	log_by("shop", &line, &log);
	cr_assert(hmt_log_has(&log, "xx, 17\n"));
	hmt_log_end(&log);
	memset(text, 'x', HM_LOG_MAX - 4);
	log_by("shop", &line, &log);
	cr_assert_not(hmt_log_has(&log, "17\n"));
	cr_assert(hmt_log_has(&log, "xx...\n"));
	hmt_log_end(&log);
}

static void
log_no_text(struct hm_ctx *ctx, void *arg)
{
	(void)arg;
	/* allowed: what an actor passes by mistake */
	hm_log(ctx, HM_LOG_INFO, "%s", (const char *)(uintptr_t)16);
}

Test(engine_log, log__of_what_is_no_text_fails_the_actor)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hmt_log log;

	probe = (struct hmt_probe){ 0 };
	hmt_node_start(&node, 1);
	hmt_log_start(&log);
	hmt_do(&node, hmt_probe_spawn(&node, &probe, 0, "shop"), log_no_text, NULL);
	cr_assert_eq(hmt_stats(&node).failed, 1);
	hmt_node_end(&node);
	hmt_log_end(&log);
}
