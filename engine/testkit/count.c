/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left on each lcore. Where lcores are threads each counts for itself, in its turn:
 *
 *     test: a call to the lcore ─▶ lcore: look_run ─▶ the look, under the kit's lock ─▶ test: wakes up
 *
 * Looks are the kit's, which outlives its lcores: one that is answered late harms nobody.
 */
#include <stdio.h>

#include <rte_launch.h>

#include "external_pvt.h"
#include "forward_pvt.h"
#include "granted_pvt.h"
#include "lcore_setup_pvt.h"
#include "testkit_pvt.h"

/* Actors that are named, at most. */
#define NAMED_MAX 5u
/* For an lcore to answer, in all and between two looks at whether it runs. */
#define ANSWER_US   10000000u
#define PATIENCE_US 10000u

/* ---- One lcore, on which nothing else runs -------------------------------------------------- */

/* What waits: neither actors, nor what stands for slots of others and for actors that have moved. */
uint32_t
hmi_kit_processes(const struct hm_ctx *ctx)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; (slot = hmi_cells_next(&ctx->cells, slot)) < hmi_cells_end(&ctx->cells);
	     slot++) {
		const struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, slot);

		count += !hmi_cell_is_free(cell) && !hmi_cell_is_actor(cell) &&
			 cell->ops != &hmi_granted_ops && cell->ops != &hmi_forward_ops;
	}
	return count;
}

void
hmi_kit_baseline(struct hm_kit *kit)
{
	for (uint32_t i = 0; i < kit->sys->lcores_count; i++)
		kit->fixed[i] = hmi_kit_processes(kit->sys->lcores[i]);
}

static bool
is_probe(const struct hm_kit *kit, struct hm_pid pid)
{
	for (const struct hm_probe *probe = kit->probes; probe != NULL; probe = probe->next) {
		if (hm_pid_equal(probe->pid, pid))
			return true;
	}
	return false;
}

static void
actor_name(struct hm_kit *kit, const struct hmi_cell *cell, struct hm_pid pid)
{
	const struct hmi_path *path = hmi_cell_path(cell);
	size_t used = strlen(kit->names);
	char pid_text[HM_PID_TEXT_SIZE];

	if (kit->named++ < NAMED_MAX)
		snprintf(kit->names + used, sizeof(kit->names) - used, "%s%s", kit->named == 1 ? ": " : ", ",
			 path != NULL ? path->path : hm_pid_format(pid, pid_text));
}

/* Count guardians, and name what is neither of them nor a probe. */
static void
actors_look(struct hm_kit *kit, const struct hm_ctx *ctx, struct hmi_kit_look *look)
{
	for (uint32_t slot = 0; (slot = hmi_cells_next(&ctx->cells, slot)) < hmi_cells_end(&ctx->cells);
	     slot++) {
		const struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, slot);
		struct hm_pid pid;

		if (hmi_cell_is_free(cell) || !hmi_cell_is_actor(cell))
			continue;
		pid = hmi_pid_of(ctx, cell);
		if (hmi_is_guardian(kit->sys, pid.local))
			look->guardians++;
		else if (!is_probe(kit, pid))
			actor_name(kit, cell, pid);
	}
}

static void
look_at(struct hm_kit *kit, const struct hm_ctx *ctx)
{
	struct hmi_kit_look *look = &kit->looks[hmi_index(ctx)];

	pthread_mutex_lock(&kit->lock);
	look->timers = ctx->worker.wheel.count;
	look->processes = hmi_kit_processes(ctx) - kit->fixed[hmi_index(ctx)];
	look->guardians = 0;
	actors_look(kit, ctx, look);
	pthread_mutex_unlock(&kit->lock);
}

/* ---- Lcores that are threads ---------------------------------------------------------------- */

static enum hmi_reply_taken
look_finish(struct hmi_call *call, int rc, struct hm_msg *reply)
{
	struct hmi_kit_look *look = (struct hmi_kit_look *)call;

	(void)rc;
	(void)reply;
	pthread_mutex_lock(&look->kit->lock);
	look->is_asked = false;
	pthread_cond_broadcast(&look->kit->came);
	pthread_mutex_unlock(&look->kit->lock);
	return HMI_REPLY_REFUSED;
}

static void
look_run(struct hm_ctx *ctx, struct hmi_call *call)
{
	look_at(((struct hmi_kit_look *)call)->kit, ctx);
	(void)hmi_call_finish(call, 0, NULL);
}

bool
hmi_kit_is_at_rest(const struct hm_kit *kit, uint32_t lcore)
{
	const struct hm_system *sys = kit->sys;

	if (!kit->has_started)
		return true;
	return rte_eal_get_lcore_state(sys->eal_lcores[lcore]) != RUNNING &&
	       !atomic_load_explicit(&sys->lcores[lcore]->has_thread, memory_order_acquire); /* S3 */
}

static bool
asked_set(struct hm_kit *kit, struct hmi_kit_look *look, bool is_asked)
{
	bool was_asked;

	pthread_mutex_lock(&kit->lock);
	was_asked = look->is_asked;
	look->is_asked = is_asked;
	pthread_mutex_unlock(&kit->lock);
	return was_asked;
}

/* Returns false: its inject ring is full, or it has just ended. */
static bool
look_ask(struct hm_kit *kit, uint32_t lcore)
{
	struct hmi_kit_look *look = &kit->looks[lcore];

	/* An earlier one may still be unanswered. */
	if (asked_set(kit, look, true))
		return true;
	look->kit = kit;
	look->call = (struct hmi_call){ .run = look_run, .finish = look_finish, .sys = kit->sys };
	if (hmi_command_push(kit->sys, lcore, HMI_COMMAND_CALL, &look->call) == 0)
		return true;
	(void)asked_set(kit, look, false);
	return false;
}

/* Returns whether it is answered soon. */
static bool
look_await(struct hm_kit *kit, const struct hmi_kit_look *look)
{
	uint64_t until_ns = hmi_kit_until_ns(kit, PATIENCE_US);
	bool is_answered;

	pthread_mutex_lock(&kit->lock);
	while (look->is_asked && hmi_kit_wait(kit, until_ns))
		;
	is_answered = !look->is_asked;
	pthread_mutex_unlock(&kit->lock);
	return is_answered;
}

bool
hmi_kit_look(struct hm_kit *kit, uint32_t lcore)
{
	uint64_t until_ns = hmi_kit_until_ns(kit, ANSWER_US);

	do {
		if (hmi_kit_is_at_rest(kit, lcore)) {
			look_at(kit, kit->sys->lcores[lcore]);
			return true;
		}
		if (!look_ask(kit, lcore))
			hmi_kit_sleep(PATIENCE_US / 10);
		else if (look_await(kit, &kit->looks[lcore]))
			return true;
	} while (hm_kit_now_ns(kit) < until_ns);
	return false;
}
