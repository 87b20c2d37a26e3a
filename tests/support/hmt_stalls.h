/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_STALLS_H
#define HMT_STALLS_H

/**
 * @file
 * Actors that hang, and what is told of them. They hang until the report that the test waits for has come, and not for a
 * time, so that a busy machine does not matter: on one an lcore may answer late, after the first report.
 *
 *     hmt_stalls_start ──▶ hmt_stalls_await ──▶ hmt_stalls_answered, hmt_stalls_count ──▶ hmt_stalls_end
 */
#include <criterion/criterion.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "hm_stall.h"
#include "hm_system.h"
#include "hmt_actor.h"
#include "hmt_backtrace.h"
#include "hmt_eal.h"
#include "sample_pvt.h"

/** From when on an lcore hangs. */
#define HMT_STALL_MS 20

/** A report as it was, and how many of its kind there were. */
struct hmt_stall_report {
	_Atomic uint32_t count;
	struct hm_stall stall;
	char path[HM_PATH_MAX], type_name[64], backtrace[32 * HMI_BACKTRACE_LINE];
};

/** Reports of the actors of one system; those of its other lcores, which a busy machine may have, do not count. */
struct hmt_stalls {
	struct hm_system *sys;
	struct hm_pid actor;
	struct hmt_stall_report reports[HM_STALL_ENDED + 1];
	_Atomic uint32_t with_backtrace;
	int wakes; /* a pipe; 0: none */
};

static inline void
hmt_stall_keep(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "(none)");
}

/** hm_config.on_stall */
static inline void
hmt_stalls_tell(void *arg, const struct hm_stall *stall)
{
	struct hmt_stalls *told = arg;
	struct hmt_stall_report *report = &told->reports[stall->event];

	if (!hm_pid_is_none(told->actor) && !hm_pid_equal(stall->actor, told->actor))
		return;
	/* The first one is kept, but for one with more to say. */
	if (report->count == 0 || (stall->backtrace != NULL && report->stall.backtrace == NULL)) {
		report->stall = *stall;
		hmt_stall_keep(report->path, sizeof(report->path), stall->path);
		hmt_stall_keep(report->type_name, sizeof(report->type_name), stall->type_name);
		hmt_stall_keep(report->backtrace, sizeof(report->backtrace), stall->backtrace);
	}
	told->with_backtrace += stall->backtrace != NULL;
	report->count++;
	if (told->wakes != 0 && stall->backtrace != NULL)
		cr_assert_eq(write(told->wakes, "x", 1), 1);
}

/** The report to which the lcore has answered. */
static inline const struct hmt_stall_report *
hmt_stalls_answered(const struct hmt_stalls *told)
{
	const struct hmt_stall_report *began = &told->reports[HM_STALL_BEGAN];

	return began->stall.backtrace != NULL ? began : &told->reports[HM_STALL_GOES_ON];
}

/** How often it was told. */
static inline uint32_t
hmt_stalls_count(struct hmt_stalls *told, enum hm_stall_event event)
{
	return told->reports[event].count;
}

/** Wait until it was told so often. */
static inline void
hmt_stalls_await(struct hmt_stalls *told, enum hm_stall_event event, uint32_t count)
{
	while (hmt_stalls_count(told, event) < count)
		sched_yield();
}

/* ---- What hangs ----------------------------------------------------------------------- */

enum {
	HMT_HANG = HMT_TYPE_NEXT,
};

/** How long an actor hangs, and how. */
struct hmt_hang {
	void (*fn)(struct hmt_stalls *told);
	struct hmt_stalls *told;
};

/** Until its lcore has answered. */
static HMT_NAMED void
hmt_spin_until_told(struct hmt_stalls *told)
{
	while (told->with_backtrace == 0)
		;
}

/** Until two reports have said that it lasts. */
static inline void
hmt_spin_on_and_on(struct hmt_stalls *told)
{
	while (hmt_stalls_count(told, HM_STALL_GOES_ON) < 2 || told->with_backtrace == 0)
		;
}

static inline void
hmt_hang_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	const struct hmt_hang *hang = hm_msg_body(msg);

	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) == HMT_HANG)
		hang->fn(hang->told);
}

/** By lcore. */
static const struct hm_props hmt_hang_props[] = { { .receive = hmt_hang_receive, .lcore = HM_LCORE(0) },
						  { .receive = hmt_hang_receive, .lcore = HM_LCORE(1) } };

/** A system that does not run yet. */
static inline void
hmt_stalls_make(struct hmt_stalls *told, uint32_t lcores)
{
	static const struct hm_type types[] = {
		{ .id = HMT_HANG, .name = "hang", .size = sizeof(struct hmt_hang) },
		{ .id = HMT_EMPTY, .name = "empty", .size = 0 },
	};
	struct hm_config config = { .mode = HM_MODE_BACKGROUND,
				    .lcores = lcores,
				    .stall_ms = HMT_STALL_MS,
				    .on_stall = hmt_stalls_tell,
				    .on_stall_arg = told };

	cr_assert_eq(hm_system_create(&told->sys, 0, NULL, &config), 0);
	for (size_t i = 0; i < RTE_DIM(types); i++)
		cr_assert_eq(hm_type_register(told->sys, &types[i]), 0);
}

/** An actor that hangs as soon as the system runs. */
static inline void
hmt_hang_spawn(struct hmt_stalls *told, const struct hm_props *props, const char *name,
	       void (*fn)(struct hmt_stalls *told))
{
	struct hmt_hang hang = { fn, told };

	cr_assert_eq(hm_system_spawn(told->sys, props, name, NULL, &told->actor), 0);
	cr_assert_eq(hm_system_send(told->sys, told->actor, HMT_HANG, &hang), HM_OK);
}

/** A system whose last lcore hangs. */
static inline void
hmt_stalls_start(struct hmt_stalls *told, uint32_t lcores, void (*fn)(struct hmt_stalls *told))
{
	hmt_stalls_make(told, lcores);
	hmt_hang_spawn(told, &hmt_hang_props[lcores - 1], "hanging", fn);
	cr_assert_eq(hm_system_start(told->sys), 0);
}

static inline void
hmt_stalls_end(struct hmt_stalls *told)
{
	hm_system_stop(told->sys);
	cr_assert_eq(hm_system_join(told->sys), 0);
	hmt_books_check(told->sys);
	hmt_system_free(told->sys);
}

#endif /* HMT_STALLS_H */
