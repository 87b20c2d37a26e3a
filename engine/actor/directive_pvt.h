/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIRECTIVE_PVT_H
#define DIRECTIVE_PVT_H

/*
 * What supervisors have decided is carried out: directive.c.
 */

#include "actor_pvt.h"

struct hmi_record;

enum hmi_spread_kind {
	HMI_SPREAD_STOP,
	HMI_SPREAD_RESTART,
	HMI_SPREAD_RESUME, /* to those whose failures were escalated */
};

/* A directive on its way to many children. */
struct hmi_spread {
	enum hmi_spread_kind kind;
	enum hm_supervisor_scope scope;
	uint16_t type;        /* what siblings are sent */
	bool is_under_way;    /* else only what has waited for its end is left */
	bool owned_done;      /* what the actor owns was looked at */
	bool resumes;         /* those whose failures were escalated are next */
	uint64_t serial;      /* of the one that has failed */
	struct hm_pid failed; /* who gets another message than its siblings */
	struct hmi_children_walk ring;
	struct hmi_fifo reports; /* that have come meanwhile */
};

/* A child that has failed is stopped, and others by the scope. */
void hmi_directive_stop(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hmi_record *failed);

/* It begins anew, and others by the scope. */
void hmi_directive_restart(struct hm_ctx *ctx, struct hmi_cell *cell, struct hmi_record *failed);

/* Those go on whose failures were escalated. The actor has an hmi_extra. */
void hmi_directive_resume(struct hm_ctx *ctx, struct hmi_cell *cell);

/* A report waits for the end of a spread. Returns false: there is none. */
bool hmi_directive_defer(struct hmi_cell *cell, struct hm_msg *report);

/* Another portion, or what has waited for the last one. */
void hmi_directive_advance(struct hm_ctx *ctx, struct hmi_cell *cell);

/* A spread that is under way is given up, and so is what waits for it. */
void hmi_directive_end(struct hm_ctx *ctx, struct hmi_cell *cell);

#endif /* DIRECTIVE_PVT_H */
