/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PRESSURE_RECORD_PVT_H
#define PRESSURE_RECORD_PVT_H

/*
 * What an actor knows of back pressure, as a receiver and as a sender: for pressure.c, pressure_sender.c and
 * pressure_probe.c.
 */

#include "pressure_pvt.h"

#include "extra_pvt.h"

/* Questions that an actor knows. */
#define HMI_PROBE_WAVES 8u

struct hmi_pressure {
	struct hmi_owned owned;       /* of the actor */
	struct hmi_owned *muted;      /* links: whom it has muted, the oldest first */
	struct hmi_owned **muted_end; /* where the next one goes */
	struct hmi_owned *muters;     /* links: who has muted it */
	struct hm_pid last;           /* whom it has muted last */
	uint32_t low;                 /* messages, while it is overloaded */
	uint32_t again;               /* from so many on senders are told again */
	uint32_t beyond;              /* messages that have come when there were so many */
	uint32_t waves_next;
	uint64_t waves[HMI_PROBE_WAVES]; /* questions that it has passed on */
};

/* Body of HMI_COMMAND_MUTE, HMI_COMMAND_UNMUTE and HMI_SYS_UNMUTED. */
struct hmi_mute {
	struct hm_pid sender; /* { 0, address of its cell }, or a PID */
	struct hm_pid receiver;
};

/* Body of HMI_SYS_MUTED_AS. */
struct hmi_muted_as {
	struct hmi_mute mute;
	struct hm_pid actor;
};

static inline bool
hmi_is_overloaded(const struct hmi_cell *cell)
{
	return (cell->scheduled & HMI_SCHEDULED_OVERLOADED) != 0;
}

/* NULL: it has muted nobody, and nobody has muted it, ever. */
static inline struct hmi_pressure *
hmi_pressure_of(const struct hmi_cell *cell)
{
	return cell->actor.extra != NULL ? cell->actor.extra->pressure : NULL;
}

/* Whom the actor has muted, or who has muted it, is no such one any more. */
static inline void
hmi_pressure_link_release(struct hm_ctx *ctx, struct hmi_link *link)
{
	hmi_link_remove(&ctx->links, link);
	hmi_link_free(&ctx->links, link);
}

/* ---- pressure_record.c ---- */

/* As hmi_pressure_of, made if it is not there. NULL: no memory. */
struct hmi_pressure *hmi_pressure_get(struct hm_ctx *ctx, struct hmi_cell *cell);

/* Note whom an actor has muted, or who has muted it. Returns whether that is new. */
bool hmi_pressure_link(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_owned **list,
		       enum hmi_link_kind kind, struct hm_pid pid);

/* ---- pressure.c ---- */

/* Release some of those that the actor has muted, the oldest first. Returns whether any are left. */
bool hmi_muted_release(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_pressure *pressure,
		       uint32_t portion);

/* ---- pressure_sender.c ---- */

/* Tell those that have muted the actor that it is not any more: it ends. */
void hmi_muters_tell(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hmi_pressure *pressure);

/* Nobody has muted the actor any more. */
void hmi_muters_release(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hmi_pressure *pressure);

/* It goes on. */
void hmi_sender_unmute(struct hm_ctx *ctx, struct hmi_cell *cell);

/* ---- pressure_probe.c ---- */

/* The actor is overloaded, and cannot drain. */
void hmi_probe_start(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hmi_pressure *pressure);

#endif /* PRESSURE_RECORD_PVT_H */
