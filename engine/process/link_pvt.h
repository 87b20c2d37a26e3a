/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LINK_PVT_H
#define LINK_PVT_H

/*
 * Links: what an actor of this lcore has to do with other processes: its children on other lcores,
 * whom it watches, who watches it, its timers, its calls by the offload pool; and who waits for a future.
 *
 *     actor ─▶ owned ─▶ owned ─▶ ...      all that one actor owns, links among it
 *     hash(actor, kind, pid) ─▶ link      one link, in constant time
 *
 * Owned by one lcore.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_pid.h"
#include "process_pvt.h"
#include "slab_pvt.h"

enum hmi_link_kind {
	HMI_LINK_CHILD,     /* a child of the owner, on another lcore */
	HMI_LINK_WATCHING,  /* whom the owner watches */
	HMI_LINK_WATCHER,   /* who watches the owner */
	HMI_LINK_TIMER,     /* a timer of the owner; embedded in struct hmi_send_timer */
	HMI_LINK_SELECTION, /* what it sends by a pattern, or lists; embedded in struct selection */
	HMI_LINK_EXTENSION, /* a value of an extension; embedded in struct extension */
	HMI_LINK_WORK,      /* a call by the offload pool; embedded in struct hm_work */
	HMI_LINK_MARK,      /* a walk over what the owner has goes on behind it */
	HMI_LINK_MUTED,     /* whom the owner has muted */
	HMI_LINK_MUTER,     /* who has muted the owner */
	HMI_LINK_BACKLOG,   /* the lcore whose lane has muted the owner; in the list of its lcore */
	HMI_LINK_RECORD,    /* what the owner knows of failures of its child */
	HMI_LINK_CLAIM,     /* a future that the owner has left behind; embedded in struct hmi_claim */
	/* Of a future with a handle, which is the owner; in its own list: */
	HMI_LINK_WAITER, /* who waits for it, by hm_reenter_after */
	HMI_LINK_PIPE,   /* whom it is piped to */
	HMI_LINK_END,    /* whose end it waits for */
};

struct hmi_cell;

struct hmi_link {
	struct hmi_owned owned; /* first */
	struct hmi_link *hash_next;
	struct hm_pid pid; /* the other one; for a timer its serial number */
	uint32_t owner;    /* slot */
	uint16_t
		node; /* index of the other one's node; 0: it is of this one, unknown, or has been notified of */
	uint8_t kind; /* enum hmi_link_kind */
};

struct hmi_links {
	struct hmi_slab slab;
	struct hmi_link **buckets;
	uint32_t mask, count;
};

/* Returns 0 or -ENOMEM. */
int hmi_links_create(struct hmi_links *links);

void hmi_links_destroy(struct hmi_links *links);

/* A link for hmi_link_add, with pid and kind set; NULL: no memory. */
struct hmi_link *hmi_link_new(struct hmi_links *links, enum hmi_link_kind kind, struct hm_pid pid);

/* Add a link to what an actor owns, whose slot is given. There is none of that kind and PID yet. */
void hmi_link_add(struct hmi_links *links, struct hmi_cell *owner, uint32_t slot, struct hmi_link *link,
		  const struct hmi_owned_ops *ops);

/* As hmi_link_add, to a list of its own. */
void hmi_link_add_to(struct hmi_links *links, struct hmi_owned **list, uint32_t slot, struct hmi_link *link,
		     const struct hmi_owned_ops *ops);

/* Add a link to the hash alone: the list in which its owner finds it is the caller's affair. */
void hmi_link_hash(struct hmi_links *links, uint32_t slot, struct hmi_link *link);

/* The link of an owner, by its slot, kind and PID; NULL: none. */
struct hmi_link *hmi_link_find(const struct hmi_links *links, uint32_t owner, enum hmi_link_kind kind,
			       struct hm_pid pid);

/* A link will be looked for, added or removed soon: fetch its place in the hash; and its neighbours in the owner's list. */
void hmi_link_prefetch(const struct hmi_links *links, uint32_t owner, enum hmi_link_kind kind,
		       struct hm_pid pid);
void hmi_link_neighbours_prefetch(const struct hmi_link *link);

/* Take a link out of the owner's list and the hash; the caller frees it. */
void hmi_link_remove(struct hmi_links *links, struct hmi_link *link);

/* Take a link out of the hash alone: its owner is dropping it. */
void hmi_link_unhash(struct hmi_links *links, struct hmi_link *link);

/* Of hmi_owned_ops, for links that need no more than to be found: their owner may always move, it leaves, or has come. */
bool hmi_link_may_move(const struct hmi_owned *owned);
void hmi_link_leave(struct hm_ctx *ctx, struct hmi_owned *owned);
void hmi_link_arrive(struct hm_ctx *ctx, struct hmi_cell *owner, struct hmi_owned *owned);

/* Free a link that hmi_link_new made and that is in no list. */
void hmi_link_free(struct hmi_links *links, struct hmi_link *link);

/* Remove and free the link of that kind and PID. Returns whether there was one. */
bool hmi_link_drop(struct hmi_links *links, uint32_t owner, enum hmi_link_kind kind, struct hm_pid pid);

#endif /* LINK_PVT_H */
