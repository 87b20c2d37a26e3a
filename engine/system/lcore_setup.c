/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lcore's part of the engine: made before the system runs, drained and freed after.
 */
#include "lcore_setup_pvt.h"

#include <errno.h>
#include <sched.h>

#include <stdlib.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "actor_pvt.h"
#include "ask_pvt.h"
#include "balance_pvt.h"
#include "box_pvt.h"
#include "claim_pvt.h"
#include "dead_pvt.h"
#include "deliver_pvt.h"
#include "event_pvt.h"
#include "forward_pvt.h"
#include "external_pvt.h"
#include "granted_pvt.h"
#include "middleware_pvt.h"
#include "move_pvt.h"
#include "placement_pvt.h"
#include "pressure_pvt.h"
#include "provider_pvt.h"
#include "random_pvt.h"
#include "router_pvt.h"
#include "select_pvt.h"
#include "shared_future_pvt.h"
#include "shortage_pvt.h"
#include "shutdown_pvt.h"
#include "slot_grant_pvt.h"
#include "state_pvt.h"
#include "stream_pvt.h"
#include "type_pvt.h"

/* ---- How the parts are joined --------------------------------------------------- */

static void
actor_ended(struct hm_ctx *ctx, struct hm_pid actor)
{
	hmi_event_pid_gone(ctx->sys, actor);
}

static void
root_failed(struct hm_ctx *ctx)
{
	ctx->sys->has_failed = true;
	hm_system_stop(ctx->sys);
}

#define COMMAND(type) [(type)-HMI_COMMAND_SPAWN]

const struct hmi_parts hmi_parts = {
	.actor = &hmi_actor_ops,
	.commands = {
		COMMAND(HMI_COMMAND_SPAWN) = { .run = hmi_spawn_run, .drop = hmi_spawn_drop },
		COMMAND(HMI_COMMAND_NODE_DOWN) = { .run = hmi_node_down_run },
		COMMAND(HMI_COMMAND_NODE_DOWN_ACK) = { .run = hmi_node_down_ack_run },
		COMMAND(HMI_COMMAND_CALL) = { .run = hmi_call_run, .drop = hmi_call_drop },
		COMMAND(HMI_COMMAND_REMOTE_SEND) = { .run = hmi_remote_send_run, .drop = hmi_remote_send_drop },
		COMMAND(HMI_COMMAND_RESOLVE) = { .run = hmi_resolve_run },
		COMMAND(HMI_COMMAND_STOP_SYSTEM) = { .run = hmi_stop_system_run },
		COMMAND(HMI_COMMAND_WORK_DONE) = { .take = hmi_work_done, .drop = hmi_work_lost },
		COMMAND(HMI_COMMAND_MUTE) = { .run = hmi_mute_run },
		COMMAND(HMI_COMMAND_UNMUTE) = { .run = hmi_unmute_run },
		COMMAND(HMI_COMMAND_REPORT) = { .run = hmi_memory_report_lcore },
		COMMAND(HMI_COMMAND_STOP_REPORT) = { .run = hmi_stop_report_run },
		COMMAND(HMI_COMMAND_AWAIT) = { .run = hmi_await_run },
		COMMAND(HMI_COMMAND_UNAWAIT) = { .run = hmi_unawait_run },
		COMMAND(HMI_COMMAND_CALL_CANCEL) = { .run = hmi_request_cancel_run, .drop = hmi_request_cancel_drop },
		COMMAND(HMI_COMMAND_MOVE_RESERVE) = { .run = hmi_move_reserve_run },
		COMMAND(HMI_COMMAND_MOVE_RELEASE) = { .run = hmi_move_release_run },
		COMMAND(HMI_COMMAND_MOVE) = { .run = hmi_move_run, .drop = hmi_move_drop },
		COMMAND(HMI_COMMAND_MOVE_FENCED) = { .run = hmi_move_fenced_run },
		COMMAND(HMI_COMMAND_FENCE) = { .run = hmi_fence_run },
		COMMAND(HMI_COMMAND_FENCE_DONE) = { .run = hmi_fence_done_run },
		COMMAND(HMI_COMMAND_ROUTE_SETTLED) = { .run = hmi_move_settled_run },
		COMMAND(HMI_COMMAND_ROUTE_MOVED) = { .run = hmi_route_moved_run },
		COMMAND(HMI_COMMAND_ROUTE_READY) = { .run = hmi_route_ready_run },
		COMMAND(HMI_COMMAND_ROUTE_END) = { .run = hmi_route_end_run },
		COMMAND(HMI_COMMAND_CLAIM) = { .run = hmi_claim_run },
		COMMAND(HMI_COMMAND_JOIN) = { .run = hmi_balance_join_run },
		COMMAND(HMI_COMMAND_EVENT) = { .run = hmi_event_run, .drop = hmi_event_drop },
	},
	.work_done = hmi_work_arrive,
	.work_lost = hmi_work_lost,
	.waiting = hmi_actor_waiting,
	.route = hmi_router_route,
	.deploy_router = hmi_router_deploy,
	.actor_ended = actor_ended,
	.supervised = hmi_supervision_publish,
	.dead_publish = hmi_events_publish,
	.event_failed = hmi_event_failed,
	.balance_look = hmi_balance_look,
	.balance_join = hmi_balance_join,
	.root_ended = hmi_root_ended,
	.root_failed = root_failed,
};

static void
deliver(struct hmi_worker *worker, struct hm_msg **msgs, uint32_t count)
{
	hmi_deliver_burst(hmi_ctx_of(worker), msgs, count);
}

/* hm_system_stop asks lcore 0, and threads that have streams ask theirs. */
static void
asked(struct hmi_worker *worker)
{
	struct hm_ctx *ctx = hmi_ctx_of(worker);

	if (ctx == ctx->sys->lcores[0] && atomic_load_explicit(&ctx->sys->stop_asked, memory_order_relaxed))
		hmi_shutdown_ask(ctx);
	hmi_streams_look(ctx);
}

static const struct hmi_worker_ops worker_ops = {
	.deliver = deliver,
	.run_stage = hmi_actors_run,
	.failed = hmi_actors_failed,
	.recovery = &hmi_failure_ops,
	.asked = asked,
	.backlog = hmi_backlog_look,
};

/* The same, with all messages recorded. */
static const struct hmi_worker_ops recording_worker_ops = {
	.deliver = deliver,
	.run_stage = hmi_actors_run_recorded,
	.failed = hmi_actors_failed,
	.recovery = &hmi_failure_ops,
	.asked = asked,
	.backlog = hmi_backlog_look,
};

/* Of an lcore with a balancer, messages recorded or not. */
static const struct hmi_worker_ops measured_worker_ops = {
	.deliver = deliver,
	.run_stage = hmi_actors_run_measured,
	.failed = hmi_actors_failed,
	.recovery = &hmi_failure_ops,
	.asked = asked,
	.backlog = hmi_backlog_look,
};

/* ---- Set-up ---------------------------------------------------------------------- */

/* Whether there are more lcores than cores. Not by the caller's affinity, which EAL has set to one core. */
static bool
crowded(const struct hm_system *sys)
{
	cpu_set_t cores;
	unsigned int lcore;

	CPU_ZERO(&cores);
	RTE_LCORE_FOREACH(lcore) {
		rte_cpuset_t own = rte_lcore_cpuset(lcore);

		CPU_OR(&cores, &cores, &own);
	}
	return sys->lcores_count > (uint32_t)CPU_COUNT(&cores);
}

static int
worker_create(struct hm_ctx *ctx, uint32_t index, int socket)
{
	const struct hm_system *sys = ctx->sys;
	struct hmi_worker_config config = {
		.index = index,
		.lcores_count = sys->lcores_count,
		.lane_size = (uint32_t)sys->options.lane,
		.inject_size = (uint32_t)sys->options.inject,
		.quantum = (uint32_t)sys->options.quantum,
		.quantum_us = (uint32_t)sys->options.quantum_us,
		.idle = sys->options.idle,
		.crowded = crowded(sys),
		.socket = socket,
		.clock = &sys->clock,
	};

	return hmi_worker_create(&ctx->worker, &config,
				 sys->options.record_all ? &recording_worker_ops : &worker_ops);
}

static int
parts_create(struct hm_ctx *ctx)
{
	int rc = hmi_cells_create(&ctx->cells);

	if (rc == 0)
		rc = hmi_links_create(&ctx->links);
	hmi_msg_cache_init(&ctx->cache, &ctx->sys->pool, false);
	for (unsigned int c = 0; c < HMI_STATE_CLASSES; c++)
		hmi_slab_init(&ctx->states[c], (size_t)64 << c);
	hmi_slab_init(&ctx->extras, sizeof(struct hmi_extra));
	hmi_gathers_init(ctx);
	hmi_behaviours_init(ctx);
	hmi_receive_timeouts_init(ctx);
	hmi_pressure_init(ctx);
	hmi_records_init(ctx);
	hmi_slab_init(&ctx->failures, HM_FAILURE_REASON_MAX);
	hmi_timers_init(ctx);
	hmi_moves_init(ctx);
	hmi_claims_init(ctx);
	if (rc == 0)
		rc = hmi_routes_create(ctx);
	ctx->lifecycle = calloc(1, sizeof(*ctx->lifecycle));
	if (ctx->lifecycle == NULL)
		return -ENOMEM;
	if (rc == 0)
		rc = hmi_grants_create(ctx);
	if (rc == 0)
		rc = hmi_balance_create(ctx);
	if (ctx->balance != NULL)
		ctx->worker.ops = &measured_worker_ops;
	return rc == 0 ? hmi_outbox_create(&ctx->outbox) : rc;
}

/* The NUMA node of an EAL lcore, counted without the main one; SOCKET_ID_ANY: there are fewer. */
static int
worker_socket(uint32_t index, bool with_busy)
{
	unsigned int lcore;

	RTE_LCORE_FOREACH_WORKER(lcore) {
		if ((with_busy || rte_eal_get_lcore_state(lcore) == WAIT) && index-- == 0)
			return (int)rte_lcore_to_socket_id(lcore);
	}
	return SOCKET_ID_ANY;
}

/*
 * EAL's lcores in order, the main one first or not at all; without those on which another system runs if there
 * are enough. Which it is becomes known only when the system starts; a wrong guess costs time alone.
 */
int
hmi_lcore_socket(const struct hm_system *sys, uint32_t index)
{
	uint32_t main_count = sys->mode == HM_MODE_LCORES;
	bool enough;

	if (sys->mode == HM_MODE_STEPPED)
		return SOCKET_ID_ANY;
	if (index < main_count)
		return (int)rte_lcore_to_socket_id(rte_get_main_lcore());
	enough = worker_socket(sys->lcores_count - main_count - 1, false) != SOCKET_ID_ANY;
	return worker_socket(index - main_count, !enough);
}

int
hmi_ctx_create(struct hm_ctx **out, struct hm_system *sys, uint32_t index)
{
	int socket = hmi_lcore_socket(sys, index), rc;
	struct hm_ctx *ctx = hmi_zalloc_near(sizeof(*ctx), socket);

	if (ctx == NULL)
		return -ENOMEM;
	ctx->sys = sys;
	ctx->node = sys->node;
	ctx->small_types = sys->types->small;
	ctx->random = hmi_random(&sys->random);
	ctx->kept.bytes_max = sys->options.memory / 16 / sys->lcores_count;
	ctx->special = HMI_MSG_SPECIAL;
	rc = worker_create(ctx, index, socket);
	if (rc != 0) {
		rte_free(ctx);
		return rc;
	}
	rc = hmi_placement_create(ctx);
	if (rc == 0)
		rc = parts_create(ctx);
	if (rc != 0) {
		hmi_ctx_destroy(ctx);
		return rc;
	}
	*out = ctx;
	return 0;
}

/* ---- Tear-down -------------------------------------------------------------------- */

/* Returns whether anything was given up. */
static bool
processes_shut_down(struct hm_ctx *ctx)
{
	bool any = false;

	for (uint32_t slot = 0; (slot = hmi_cells_next(&ctx->cells, slot)) < hmi_cells_end(&ctx->cells);
	     slot++) {
		struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, slot);

		if (!hmi_cell_is_free(cell) && hmi_ops_of(ctx, cell)->shut_down != NULL)
			any |= hmi_ops_of(ctx, cell)->shut_down(ctx, cell);
	}
	return any;
}

/* What actors own on the heap that a forced stop has left behind; their states in slabs go with these. */
static void
states_free(struct hm_ctx *ctx)
{
	for (uint32_t slot = 0; ctx->cells.base != NULL &&
				(slot = hmi_cells_next(&ctx->cells, slot)) < hmi_cells_end(&ctx->cells);
	     slot++) {
		struct hmi_cell *cell = hmi_cells_slot(&ctx->cells, slot);

		if (!hmi_cell_is_actor(cell))
			continue;
		hmi_box_free(cell);
		hmi_state_free(ctx, cell);
		hmi_middleware_drop(cell);
		hmi_extra_props_free(cell);
	}
}

/* Publish some events, in no loop: a function of a subscription that fails is left here. Returns false: none are left. */
static bool
events_drain(struct hm_ctx *ctx)
{
	struct hmi_worker *worker = &ctx->worker;
	bool any;

	hmi_recovery_enter(&worker->recovery);
	if (hmi_recovery_point(&worker->recovery) == 0) {
		any = hmi_events_publish(ctx) > 0;
	} else {
		hmi_recovery_done(&worker->recovery);
		worker->ops->failed(worker);
		any = true;
	}
	hmi_recovery_leave(&worker->recovery);
	return any;
}

void
hmi_ctx_drain(struct hm_ctx *ctx)
{
	struct hm_msg *msg;
	bool any;

	/* Publishing dead letters fills mailboxes, outbox and lanes again. */
	do {
		any = processes_shut_down(ctx);
		any |= hmi_selections_shut_down(ctx);
		any |= hmi_routes_shut_down(ctx);
		any |= hmi_streams_shut_down(ctx);
		any |= hmi_routers_shut_down(ctx);
		for (; hmi_outbox_count(&ctx->outbox) > 0; any = true)
			hmi_dead(ctx, hmi_outbox_pop(&ctx->outbox).msg, HM_DEAD_SHUTDOWN);
		for (; (msg = hmi_worker_drain(&ctx->worker)) != NULL; any = true)
			hmi_dead(ctx, msg, HM_DEAD_SHUTDOWN);
		while (events_drain(ctx))
			any = true;
	} while (any);
	hmi_timers_shut_down(ctx);
	hmi_extensions_shut_down(ctx);
	hmi_fences_shut_down(ctx);
	hmi_moves_shut_down(ctx);
}

void
hmi_ctx_give_up(struct hm_ctx *ctx)
{
	if (ctx == NULL)
		return;
	states_free(ctx);
	hmi_records_shut_down(ctx);
}

void
hmi_ctx_destroy(struct hm_ctx *ctx)
{
	if (ctx == NULL)
		return;
	/* Actors of all lcores may be made of what they have. */
	hmi_routers_free(ctx);
	hmi_balance_destroy(ctx);
	hmi_placement_destroy(ctx);
	hmi_grants_destroy(ctx);
	free(ctx->lifecycle);
	for (unsigned int c = 0; c < HMI_STATE_CLASSES; c++)
		hmi_slab_destroy(&ctx->states[c]);
	hmi_slab_destroy(&ctx->behaviours);
	hmi_slab_destroy(&ctx->receive_timeouts);
	hmi_pressure_destroy(ctx);
	hmi_slab_destroy(&ctx->records);
	hmi_slab_destroy(&ctx->moves);
	hmi_slab_destroy(&ctx->claims);
	hmi_routes_destroy(ctx);
	hmi_slab_destroy(&ctx->extras);
	hmi_slab_destroy(&ctx->gathers);
	hmi_slab_destroy(&ctx->failures);
	hmi_timers_destroy(ctx);
	hmi_outbox_destroy(&ctx->outbox);
	if (ctx->links.buckets != NULL)
		hmi_links_destroy(&ctx->links);
	hmi_msg_cache_fini(&ctx->cache);
	hmi_cells_destroy(&ctx->cells);
	hmi_worker_destroy(&ctx->worker);
	rte_free(ctx);
}
