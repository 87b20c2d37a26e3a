/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Budgets are goals, and rows say how far from a floor they are; a run fails by its stable rows alone. */
static const struct plan_row rows[] = {
	{ .name = "local.pingpong",
	  .unit = "ns/message",
	  .title = "Two actors of one lcore, one message in flight",
	  .program = "local_pingpong",
	  .cores = 1,
	  .memory_mb = 512,
	  .setup_s = 0.7,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST,
	  .budget_kind = PLAN_BUDGET_RATIO,
	  .budget = 1.9,
	  .floor = 2.5 },
	{ .name = "local.tell",
	  .unit = "ns/message",
	  .title = "Two actors of one lcore, 512 messages in flight",
	  .program = "local_tell",
	  .cores = 1,
	  .memory_mb = 512,
	  .setup_s = 0.7,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_RATE,
	  .budget_kind = PLAN_BUDGET_RATIO,
	  .budget = 1.75,
	  .floor = 2.5 },
	{ .name = "local.random1m",
	  .unit = "ns/message",
	  .title = "A million actors of one lcore, random receivers",
	  .program = "local_random1m",
	  .cores = 1,
	  .memory_mb = 2048,
	  .setup_s = 2.5,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_RATE,
	  .budget_kind = PLAN_BUDGET_RATIO,
	  .budget = 0.5,
	  .floor = 0.6 },
	{ .name = "local.request",
	  .unit = "ns/request",
	  .title = "A request with a future, and its answer, on one lcore",
	  .program = "local_request",
	  .cores = 1,
	  .memory_mb = 512,
	  .setup_s = 0.7,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST,
	  .budget_kind = PLAN_BUDGET_RATIO,
	  .budget = 3.5,
	  .floor = 5.5 },
	{ .name = "cross.tell",
	  .unit = "M msg/s",
	  .title = "Messages of 64 bytes from one lcore to another",
	  .program = "cross_tell",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 0.7,
	  .better = PLAN_HIGHER,
	  .chart = PLAN_CHART_RATE,
	  .budget_kind = PLAN_BUDGET_RATIO,
	  .budget = 0.5,
	  .floor = 0.25 },
	{ .name = "cross.pingpong",
	  .unit = "ns",
	  .title = "Round trip between two lcores, one message in flight",
	  .program = "cross_pingpong",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 0.7,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST,
	  .budget_kind = PLAN_BUDGET_RATIO,
	  .budget = 1.5,
	  .floor = 2 },
	{ .name = "spawn",
	  .unit = "ns",
	  .title = "From spawn to the first message handled, a million actors",
	  .program = "actor_spawn",
	  .cores = 1,
	  .memory_mb = 2048,
	  .setup_s = 1.5,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST,
	  .budget_kind = PLAN_BUDGET_VALUE,
	  .budget = 50,
	  .floor = 150 },
	{ .name = "actor.bytes",
	  .unit = "bytes",
	  .title = "Memory that an idle actor takes, everything included",
	  .program = "actor_bytes",
	  .cores = 1,
	  .memory_mb = 2048,
	  .setup_s = 1.5,
	  .stable = true,
	  .better = PLAN_LOWER,
	  .budget_kind = PLAN_BUDGET_VALUE,
	  .budget = 256,
	  .floor = 320 },
	{ .name = "skynet",
	  .unit = "ms",
	  .title = "A tree of a million actors, spawned and summed up",
	  .program = "actor_skynet",
	  .cores = 1,
	  .memory_mb = 2048,
	  .setup_s = 1.5,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST,
	  .budget_kind = PLAN_BUDGET_VALUE,
	  .budget = 120,
	  .floor = 300 },
	{ .name = "restart",
	  .unit = "ns",
	  .title = "A restart, a thousand of them with one that fails",
	  .program = "actor_failure",
	  .extra = "--kind=restart",
	  .cores = 1,
	  .memory_mb = 512,
	  .setup_s = 0.7,
	  .better = PLAN_LOWER,
	  .budget_kind = PLAN_BUDGET_VALUE,
	  .budget = 2000,
	  .floor = 4000 },
	{ .name = "move",
	  .unit = "ns",
	  .title = "An idle actor moves to another lcore, until it runs there",
	  .program = "actor_move",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 0.7,
	  .better = PLAN_LOWER,
	  .budget_kind = PLAN_BUDGET_VALUE,
	  .budget = 5000,
	  .floor = 20000 },
	{ .name = "fail",
	  .unit = "ns",
	  .title = "From hm_fail until the actor has begun anew",
	  .program = "actor_failure",
	  .extra = "--kind=fail",
	  .cores = 1,
	  .memory_mb = 512,
	  .setup_s = 0.7,
	  .better = PLAN_LOWER },
	{ .name = "fault",
	  .unit = "us",
	  .title = "From a SIGSEGV until the actor has begun anew",
	  .program = "actor_failure",
	  .extra = "--kind=fault",
	  .cores = 1,
	  .memory_mb = 512,
	  .setup_s = 0.7,
	  .better = PLAN_LOWER,
	  .budget_kind = PLAN_BUDGET_VALUE,
	  .budget = 20,
	  .floor = 40 },
	{ .name = "timer.lateness.idle",
	  .unit = "us",
	  .title = "How late timers of 1 ms to 10 s fire on an lcore with nothing else to do, p99.9",
	  .program = "timer_lateness",
	  .cores = 1,
	  .memory_mb = 512,
	  .setup_s = 1,
	  .duration_s = 21,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST },
	{ .name = "timer.lateness.load",
	  .unit = "us",
	  .title = "How late timers fire beside 256 busy actors, handlers of 1 us, p99.9",
	  .program = "timer_lateness",
	  .extra = "--busy=256",
	  .cores = 1,
	  .memory_mb = 512,
	  .setup_s = 1,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST,
	  .budget_kind = PLAN_BUDGET_VALUE,
	  .budget = 100,
	  .floor = 200 },
	{ .name = "idle.wakeup",
	  .unit = "us",
	  .title = "From an external thread to an actor whose lcore sleeps",
	  .program = "idle_wakeup",
	  .extra = "--idle=adaptive",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 1,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST },
	{ .name = "idle.cpu",
	  .unit = "%",
	  .title = "CPU time of an idle system of two lcores, percent of a core",
	  .program = "idle_cpu",
	  .extra = "--idle=adaptive",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 0.8,
	  .stable = true,
	  .better = PLAN_LOWER,
	  .budget_kind = PLAN_BUDGET_VALUE,
	  .budget = 1,
	  .floor = 2 },
	{ .name = "remote.tell",
	  .unit = "M msg/s",
	  .title = "32-byte protobuf payloads between two processes, memif",
	  .program = "remote_tell",
	  .extra = "--transport=memif",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 2,
	  .better = PLAN_HIGHER,
	  .chart = PLAN_CHART_RATE,
	  .budget_kind = PLAN_BUDGET_VALUE,
	  .budget = 24,
	  .floor = 8 },
	{ .name = "remote.pingpong",
	  .unit = "us",
	  .title = "Round trip between two processes, memif",
	  .program = "remote_pingpong",
	  .extra = "--transport=memif",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 2,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST,
	  .budget_kind = PLAN_BUDGET_RATIO,
	  .budget = 1.5,
	  .floor = 2 },
	{ .name = "remote.tell.af_xdp",
	  .unit = "M msg/s",
	  .title = "32-byte protobuf payloads, AF_XDP over a veth pair",
	  .program = "remote_tell",
	  .extra = "--transport=af_xdp",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 3,
	  .needs_root = true,
	  .better = PLAN_HIGHER,
	  .chart = PLAN_CHART_RATE },
	{ .name = "remote.pingpong.af_xdp",
	  .unit = "us",
	  .title = "Round trip, AF_XDP over a veth pair",
	  .program = "remote_pingpong",
	  .extra = "--transport=af_xdp",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 3,
	  .needs_root = true,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST },
	{ .name = "remote.tell.af_packet",
	  .unit = "M msg/s",
	  .title = "32-byte protobuf payloads, AF_PACKET over a veth pair",
	  .program = "remote_tell",
	  .extra = "--transport=af_packet",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 3,
	  .needs_root = true,
	  .better = PLAN_HIGHER,
	  .chart = PLAN_CHART_RATE },
	{ .name = "remote.pingpong.af_packet",
	  .unit = "us",
	  .title = "Round trip, AF_PACKET over a veth pair",
	  .program = "remote_pingpong",
	  .extra = "--transport=af_packet",
	  .cores = 2,
	  .memory_mb = 512,
	  .setup_s = 3,
	  .needs_root = true,
	  .better = PLAN_LOWER,
	  .chart = PLAN_CHART_COST },
	{ .name = NULL },
};

const struct plan_row *
plan_rows(void)
{
	return rows;
}

const struct plan_row *
plan_find(const char *name)
{
	for (const struct plan_row *row = rows; row->name != NULL; row++) {
		if (strcmp(row->name, name) == 0)
			return row;
	}
	return NULL;
}

/* of the figure that has the budget; NaN: there was one repeat */
static double
spread_of(const struct plan_row *row, const struct plan_figures *figures)
{
	double spread = figures->spread_max - figures->spread_min;

	/* it is that of the ratio, if there is one */
	return row->budget_kind == PLAN_BUDGET_VALUE && !isnan(figures->ratio)
		       ? spread / figures->ratio * figures->value
		       : spread;
}

enum plan_verdict
plan_judge(const struct plan_row *row, const struct plan_figures *figures)
{
	double figure = row->budget_kind == PLAN_BUDGET_RATIO ? figures->ratio : figures->value;
	double sign = row->better == PLAN_LOWER ? 1 : -1;

	if (row->budget_kind == PLAN_BUDGET_NONE || isnan(figure))
		return PLAN_VERDICT_NONE;
	if (spread_of(row, figures) > fabs(figure - row->budget))
		return PLAN_VERDICT_INCONCLUSIVE;
	if (sign * figure <= sign * row->budget)
		return PLAN_VERDICT_MET;
	return sign * figure <= sign * row->floor ? PLAN_VERDICT_FLOOR : PLAN_VERDICT_MISSED;
}

bool
plan_breaks(const struct plan_row *row, const struct plan_figures *figures)
{
	enum plan_verdict verdict = plan_judge(row, figures);

	return row->stable && (verdict == PLAN_VERDICT_FLOOR || verdict == PLAN_VERDICT_MISSED);
}

const char *
plan_verdict_name(enum plan_verdict verdict)
{
	static const char *const names[] = {
		[PLAN_VERDICT_NONE] = "",
		[PLAN_VERDICT_MET] = "met",
		[PLAN_VERDICT_FLOOR] = "near",
		[PLAN_VERDICT_MISSED] = "missed",
		[PLAN_VERDICT_INCONCLUSIVE] = "inconclusive",
	};

	return names[verdict];
}
