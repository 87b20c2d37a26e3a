/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUTBOX_PVT_H
#define OUTBOX_PVT_H

/*
 * The outbox of an lcore: messages on their way to processes of that same lcore, oldest first.
 *
 *     send ─▶ [ ... | on their way into the cache | just sent ] ─▶ a few at a time ─▶ mailboxes
 *
 * A message is delivered right before its receiver runs, and what both touch is known long
 * before: so each cache line is fetched once, and nobody waits for it. With many actors that is
 * the difference between one access to memory at a time and many (docs/decisions/0001).
 *
 * Owned by one lcore. The ring grows with what is sent before anything is delivered; only if there
 * is no memory for a longer one are messages delivered early. No actor runs while more wait than may: then they are
 * delivered into mailboxes, whose marks hold back who sends too much.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_msg.h"
#include "msg_guard_pvt.h"

/* Messages delivered in one go: few, so that fetching is spread over running. */
#define HMI_OUTBOX_BATCH 4u
/* Messages that may wait while actors run: enough for programs that have a message under way for each of many actors ... */
#define HMI_OUTBOX_HIGH 131072u
/* ... and from here on no more than they may be in one mailbox by their bytes. */
#define HMI_OUTBOX_LOOK 4096u
/* Messages ahead of the oldest whose memory, and whose receiver's, is fetched. */
#define HMI_OUTBOX_AHEAD 24u

struct hmi_cell;

struct hmi_sent {
	struct hm_msg *msg;
	struct hmi_cell *cell; /* the receiver's, if its generation fits */
};

struct hmi_outbox {
	struct hmi_sent *ring;
	uint32_t mask;
	uint32_t head, tail; /* free-running */
	uint32_t fetched;    /* up to here memory is on its way into the cache */
};

static inline uint32_t
hmi_outbox_count(const struct hmi_outbox *outbox)
{
	return outbox->tail - outbox->head;
}

/* The message that was sent last. The outbox must not be empty. */
static inline const struct hm_msg *
hmi_outbox_newest(const struct hmi_outbox *outbox)
{
	return outbox->ring[(outbox->tail - 1) & outbox->mask].msg;
}

/* Returns 0 or -ENOMEM. */
int hmi_outbox_create(struct hmi_outbox *outbox);

/* Double the ring. Returns whether there was memory for it. */
bool hmi_outbox_grow(struct hmi_outbox *outbox);

void hmi_outbox_destroy(struct hmi_outbox *outbox);

/* The outbox must not be full. */
static inline void
hmi_outbox_push(struct hmi_outbox *outbox, struct hm_msg *msg, struct hmi_cell *cell)
{
	hmi_guard_listed(msg, __func__);
	outbox->ring[outbox->tail++ & outbox->mask] = (struct hmi_sent){ msg, cell };
}

/* The outbox must not be empty. */
static inline struct hmi_sent
hmi_outbox_pop(struct hmi_outbox *outbox)
{
	struct hmi_sent sent = outbox->ring[outbox->head++ & outbox->mask];

	hmi_guard_unlisted(sent.msg);
	return sent;
}

#endif /* OUTBOX_PVT_H */
