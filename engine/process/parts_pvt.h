/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PARTS_PVT_H
#define PARTS_PVT_H

/*
 * What the lower folders of the engine call in the upper ones: one constant table, which
 * system/lcore_setup.c fills in.
 *
 * Commands are what one lcore, or an external thread, asks of an lcore: system messages to its lcore
 * process, which hands them to the part that defines them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_msg.h"
#include "hm_supervisor.h"
#include "process_pvt.h"

struct hm_spawning;
struct hmi_deployed;

/* Message types of commands; they never leave the node. */
enum hmi_command_type {
	HMI_COMMAND_SPAWN = 32,    /* spawn into a granted slot; body: struct hmi_spawn */
	HMI_COMMAND_NODE_DOWN,     /* body: struct hmi_node_down */
	HMI_COMMAND_NODE_DOWN_ACK, /* to the provider's lcore: the answer; body: struct hmi_node_down */
	HMI_COMMAND_CALL,          /* of an external thread that waits; body: struct hmi_call * */
	HMI_COMMAND_REMOTE_SEND, /* of an external thread, to the provider's lcore; body: struct hmi_remote_send */
	HMI_COMMAND_RESOLVE,     /* to the provider's lcore; body: address without scheme */
	HMI_COMMAND_STOP_SYSTEM, /* stop the system; body: none */
	HMI_COMMAND_WORK_DONE,   /* a call of the offload pool has ended; body: struct hm_work */
	HMI_COMMAND_MUTE,        /* actors have sent to one that has to drain: see actor/pressure_pvt.h */
	HMI_COMMAND_UNMUTE,
	HMI_COMMAND_REPORT, /* log what holds messages on this lcore; body: none */
	HMI_COMMAND_STOP_REPORT, /* log which actors below one have not stopped; body: struct report of stop_report.c */
	HMI_COMMAND_AWAIT,        /* somebody waits for a future of this lcore; body: struct hmi_await */
	HMI_COMMAND_UNAWAIT,      /* not any more; body: struct hmi_await */
	HMI_COMMAND_CALL_CANCEL,  /* the request of an external thread is given up; body: struct hm_call * */
	HMI_COMMAND_MOVE_RESERVE, /* an actor wants to come; body: struct hmi_route_note, of its lcore */
	HMI_COMMAND_MOVE_RELEASE, /* it does not; body: struct hmi_route_note */
	HMI_COMMAND_MOVE,         /* it comes; body: struct hmi_move_pack */
	HMI_COMMAND_MOVE_FENCED,  /* what it has sent before has arrived; body: struct hmi_route_note */
	HMI_COMMAND_FENCE,        /* body, as of the next one: struct fence_note of route/fence.c */
	HMI_COMMAND_FENCE_DONE,
	HMI_COMMAND_ROUTE_MOVED, /* an actor lives elsewhere; body: struct hmi_route_note, as of those that follow */
	HMI_COMMAND_ROUTE_READY,   /* the answer to HMI_SYS_ROUTE_MARK */
	HMI_COMMAND_ROUTE_SETTLED, /* to the actor's lcore: the way has changed */
	HMI_COMMAND_ROUTE_END,     /* it is not needed any more */
	HMI_COMMAND_CLAIM, /* an actor that has moved gives an order to what it has left here; body: see actor/claim.c */
	HMI_COMMAND_JOIN,  /* as HMI_SYS_JOIN, to who has sent without a sender; body: struct hmi_join */
	HMI_COMMAND_EVENT, /* publish what an external thread has made; body: struct hm_msg * */
	HMI_COMMAND_END,
};

#define HMI_COMMANDS (HMI_COMMAND_END - HMI_COMMAND_SPAWN)

struct hmi_command {
	/* Do it. The message stays the caller's, ... */
	void (*run)(struct hm_ctx *ctx, const struct hm_msg *msg);
	/* ... or it is taken over, by this one in its place. */
	void (*take)(struct hm_ctx *ctx, struct hm_msg *msg);
	/* It cannot be done any more: release what the body points to, notify who waits. NULL: nothing to do. */
	void (*drop)(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);
};

struct hmi_parts {
	const struct hmi_process_ops *actor;
	struct hmi_command commands[HMI_COMMANDS]; /* by type - HMI_COMMAND_SPAWN */
	/* HMI_SYS_WORK_DONE has come to its actor; takes the message over. And it has found nobody. */
	void (*work_done)(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_msg *msg);
	void (*work_lost)(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);
	/* Messages that wait for an actor. *first: one of them, as far as it is known; else NULL. */
	uint32_t (*waiting)(const struct hmi_cell *cell, const struct hm_msg **first);
	/*
	 * A message of this lcore, or to it, is for a router, or for the actor behind it. Returns whether it was for the first one,
	 * and is taken over.
	 */
	bool (*route)(struct hm_ctx *ctx, struct hm_msg *msg);
	/*
	 * An actor is to be a router, since settings say so, whose routees are such actors. Returns as hmi_spawn; on success
	 * `deployed` is the router's.
	 */
	int (*deploy_router)(struct hm_ctx *ctx, const struct hm_spawning *child,
			     struct hmi_deployed *deployed, struct hm_pid *pid);
	/* An actor has handled HM_STOPPED, and nobody was notified yet. */
	void (*actor_ended)(struct hm_ctx *ctx, struct hm_pid actor);
	/* A supervisor has decided. */
	void (*supervised)(struct hm_ctx *ctx, const struct hm_supervision *supervision);
	/* A function of a subscription was left. */
	void (*event_failed)(struct hm_ctx *ctx);
	/* Publish some of the dead letters, and other events, that wait. Returns how many. */
	uint32_t (*dead_publish)(struct hm_ctx *ctx);
	/* It is time for the balancer of this lcore to look. */
	void (*balance_look)(struct hm_ctx *ctx);
	/* HMI_SYS_JOIN has come, in the actor's turn. */
	void (*balance_join)(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg);
	/* The actor without a parent has ended, so all have. */
	void (*root_ended)(struct hm_ctx *ctx);
	/* It has failed, and there is nobody to decide. */
	void (*root_failed)(struct hm_ctx *ctx);
};

static inline bool
hmi_is_command(uint16_t type)
{
	return type >= HMI_COMMAND_SPAWN && type < HMI_COMMAND_END;
}

static inline const struct hmi_command *
hmi_command_of(const struct hmi_parts *parts, uint16_t type)
{
	return &parts->commands[type - HMI_COMMAND_SPAWN];
}

#endif /* PARTS_PVT_H */
