/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depth first through the orders of lcores: each run repeats the choices of the one before up to the last that has another way, and
 * takes that one.
 *
 * A choice is among the lcores that have work. Which have is known for certain only by their turns, of which one without work
 * changes nothing: so the first choice of a step passes over them. Another way is one that seemed ready then; where it had no
 * work after all the run is given up, and is none.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "hm_explore.h"
#include "testkit_pvt.h"

/* How a run was left. */
enum leaving {
	LEFT_NOT = 0,
	LEFT_FAILED,
	LEFT_EMPTY, /* the order is none */
};

struct choice {
	uint64_t ready; /* bits of lcores that seemed to have work */
	uint8_t taken;  /* the lcore that had the step */
};

struct hmi_explorer {
	struct hm_explored found;
	uint32_t depth;   /* choices that are varied */
	uint32_t planned; /* the first choices, whose `taken` are given */
	uint32_t step;    /* choices of this run so far */
	uint32_t looked;  /* lcores that the step has turned without work */
	bool is_replay;
	struct choice choices[HM_EXPLORE_DEPTH_MAX];
	jmp_buf out; /* of the scenario */
};

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

_Static_assert(sizeof(digits) - 1 == HM_EXPLORE_LCORES_MAX, "a digit for each lcore");

/* ---- Choices -------------------------------------------------------------------------------- */

void
hmi_explorer_failed(struct hmi_explorer *ex, const char *text)
{
	snprintf(ex->found.text, sizeof(ex->found.text), "%s", text);
	longjmp(ex->out, LEFT_FAILED);
}

static void
step_begin(struct hmi_explorer *ex, const struct hm_kit *kit)
{
	struct choice *choice = &ex->choices[ex->step];

	if (ex->step < ex->planned)
		return;
	choice->ready = 0;
	for (uint32_t i = 0; i < kit->sys->lcores_count; i++)
		choice->ready |= (uint64_t)hmi_kit_is_ready(kit, i) << i;
}

/* The planned lcore has no work, but another one has. As the last of the plan it only seemed to have some. */
__attribute__((noreturn)) static void
plan_fails(struct hmi_explorer *ex)
{
	char text[128];

	if (ex->step + 1 == ex->planned && !ex->is_replay)
		longjmp(ex->out, LEFT_EMPTY);
	snprintf(text, sizeof(text),
		 "step %u: lcore %u has no work: the scenario does not do the same in each run", ex->step,
		 ex->choices[ex->step].taken);
	hmi_explorer_failed(ex, text);
}

static uint32_t
planned(struct hmi_explorer *ex, uint32_t count)
{
	uint32_t lcore = ex->choices[ex->step].taken;

	if (lcore >= count)
		plan_fails(ex);
	return lcore;
}

/* Whether there is a choice. */
static bool
others_seem_ready(const struct hm_kit *kit)
{
	uint32_t ready = 0;

	for (uint32_t i = 0; i < kit->sys->lcores_count; i++)
		ready += hmi_kit_is_ready(kit, i);
	return ready > 1;
}

uint32_t
hmi_explorer_pick(struct hmi_explorer *ex, struct hm_kit *kit)
{
	uint32_t count = kit->sys->lcores_count, looked = ex->looked, lcore;

	if (ex->step >= ex->depth) {
		ex->found.cut_by_depth |= others_seem_ready(kit);
		return hmi_kit_unquiet(kit, kit->next);
	}
	if (looked == 0)
		step_begin(ex, kit);
	ex->looked++;
	/* By plan, or each once from the first on; then those that are not known to be quiet. */
	if (ex->step < ex->planned)
		lcore = looked == 0 ? planned(ex, count) : hmi_kit_unquiet(kit, kit->next);
	else
		lcore = looked < count ? looked : hmi_kit_unquiet(kit, kit->next);
	if (lcore == UINT32_MAX)
		ex->looked = 0;
	return lcore;
}

void
hmi_explorer_took(struct hmi_explorer *ex, uint32_t lcore)
{
	ex->looked = 0;
	if (ex->step >= ex->depth)
		return;
	if (ex->step < ex->planned && ex->choices[ex->step].taken != lcore)
		plan_fails(ex);
	ex->choices[ex->step].taken = (uint8_t)lcore;
	ex->step++;
}

/* Plan the next order. Returns false: there is none. */
static bool
backtrack(struct hmi_explorer *ex)
{
	for (uint32_t i = ex->step; i-- > 0;) {
		struct choice *choice = &ex->choices[i];
		uint64_t others = choice->ready & ~((UINT64_C(2) << choice->taken) - 1);

		if (others != 0) {
			choice->taken = (uint8_t)__builtin_ctzll(others);
			ex->planned = i + 1;
			return true;
		}
	}
	return false;
}

/* ---- Runs ----------------------------------------------------------------------------------- */

/* A run is over. It has to have made all choices of its plan. Returns 0 or -EPROTO. */
static int
plan_check(struct hmi_explorer *ex)
{
	if (ex->step >= ex->planned)
		return 0;
	snprintf(ex->found.text, sizeof(ex->found.text),
		 "the run ends after %u of %u steps: the scenario does not do the same in each run", ex->step,
		 ex->planned);
	return -EPROTO;
}

/* Returns 0, -EAGAIN: it was given up; -EPROTO; or as hmi_kit_create. */
static int
run(struct hmi_explorer *ex, const struct hm_explore_config *config)
{
	struct hm_kit *kit;
	int rc = hmi_kit_create(&kit, &config->kit, ex);

	if (rc != 0)
		return rc;
	if (kit->sys->lcores_count > HM_EXPLORE_LCORES_MAX) {
		hmi_kit_drop(kit);
		return -EINVAL;
	}
	ex->step = ex->looked = 0;
	switch (setjmp(ex->out)) {
	case LEFT_NOT:
		config->scenario(kit, config->arg);
		(void)hm_kit_end(kit);
		return plan_check(ex);
	case LEFT_FAILED:
		rc = -EPROTO;
		break;
	default:
		/* The choice itself was made. */
		ex->step++;
		rc = -EAGAIN;
	}
	hmi_kit_drop(kit);
	return rc;
}

static void
order_note(struct hmi_explorer *ex)
{
	for (uint32_t i = 0; i < ex->step; i++)
		ex->found.order[i] = digits[ex->choices[i].taken];
	ex->found.order[ex->step] = '\0';
}

static int
search(struct hmi_explorer *ex, const struct hm_explore_config *config)
{
	uint32_t runs_max = config->runs != 0 ? config->runs : HM_EXPLORE_RUNS_DEFAULT;

	while (ex->found.runs < runs_max) {
		int rc = run(ex, config);

		if (rc != -EAGAIN)
			ex->found.runs++;
		if (rc != 0 && rc != -EAGAIN)
			return rc;
		if (ex->is_replay) {
			ex->found.cut_by_depth = false;
			return 0;
		}
		if (!backtrack(ex)) {
			ex->found.is_complete = !ex->found.cut_by_depth;
			return 0;
		}
	}
	ex->found.cut_by_runs = true;
	return 0;
}

/* To who has not asked for what was found, so that an order that was not tried is not taken for one that is well. */
static void
cut_print(const struct hm_explored *found)
{
	if (found->cut_by_runs)
		fprintf(stderr,
			"hermod: hm_explore: %u orders ran, and there are more: hm_explore_config.runs has cut the "
			"search\n",
			found->runs);
	else if (found->cut_by_depth)
		fprintf(stderr,
			"hermod: hm_explore: %u orders ran, which are all up to hm_explore_config.depth; behind it "
			"lcores went in turn\n",
			found->runs);
}

/* What HM_ORDER may be. Returns -EINVAL. */
static int
order_refuse(const char *order)
{
	fprintf(stderr,
		"hermod: HM_ORDER is '%.80s': it has to be at most %u of the characters 0 to 9 and a to z, each the number of an "
		"lcore, as a failure has named it, or unset\n",
		order, HM_EXPLORE_DEPTH_MAX);
	return -EINVAL;
}

/* The order of HM_ORDER becomes the plan. */
static int
replay_plan(struct hmi_explorer *ex)
{
	const char *order = getenv("HM_ORDER");
	size_t length;

	if (order == NULL)
		return 0;
	length = strlen(order);
	if (length > HM_EXPLORE_DEPTH_MAX || strspn(order, digits) != length)
		return order_refuse(order);
	ex->planned = (uint32_t)length;
	for (uint32_t i = 0; i < ex->planned; i++)
		ex->choices[i].taken = (uint8_t)(strchr(digits, order[i]) - digits);
	ex->is_replay = true;
	ex->depth = ex->planned;
	return 0;
}

static void
failure_tell(const struct hm_explored *found, const struct hm_kit_config *config)
{
	char text[HM_EXPLORE_TEXT_MAX + HM_EXPLORE_DEPTH_MAX + 64];

	snprintf(text, sizeof(text), "%s\nHM_ORDER=%s repeats this run, number %u", found->text, found->order,
		 found->runs);
	hmi_kit_tell_text(config, text);
}

int
hm_explore(const struct hm_explore_config *config, struct hm_explored *explored)
{
	struct hmi_explorer ex = { 0 };
	int rc;

	if (config == NULL || config->scenario == NULL || config->kit.real_time ||
	    config->depth > HM_EXPLORE_DEPTH_MAX)
		return -EINVAL;
	ex.depth = config->depth != 0 ? config->depth : HM_EXPLORE_DEPTH_DEFAULT;
	rc = replay_plan(&ex);
	if (rc == 0)
		rc = search(&ex, config);
	if (rc == -EPROTO)
		order_note(&ex);
	if (explored != NULL)
		*explored = ex.found;
	else if (rc == 0)
		cut_print(&ex.found);
	if (rc == -EPROTO)
		failure_tell(&ex.found, &config->kit);
	return rc;
}
