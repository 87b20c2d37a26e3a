/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deduplication as a stage. What an actor remembers is an extension of it: a list, since several stages may be around one.
 */
#include "hm_dedup_stage.h"

#include <errno.h>
#include <stdlib.h>

#include "check_pvt.h"
#include "hm_extension.h"
#include "lcore_pvt.h"
#include "mark_pvt.h"
#include "middleware_pvt.h"
#include "receive_pvt.h"

struct memory {
	const struct hm_dedup_stage *stage;
	struct hm_dedup *dedup;
	struct memory *next;
};

static void
memories_free(void *value)
{
	for (struct memory *memory = value, *next; memory != NULL; memory = next) {
		next = memory->next;
		hm_dedup_destroy(memory->dedup);
		free(memory);
	}
}

static const struct hm_extension memories = { .name = "deduplication", .destroy = memories_free };

/* Behind the first one, whose address the extension has. */
static int
memory_own(struct hm_ctx *ctx, struct memory *memory)
{
	struct memory *first = hm_actor_extension(ctx, &memories);

	if (first == NULL)
		return hm_actor_extension_set(ctx, &memories, memory);
	memory->next = first->next;
	first->next = memory;
	return 0;
}

static struct memory *
memory_make(struct hm_ctx *ctx, const struct hm_dedup_stage *stage)
{
	struct memory *memory = calloc(1, sizeof(*memory));
	int rc = -ENOMEM;

	if (memory == NULL)
		return NULL;
	memory->stage = stage;
	rc = hm_dedup_create(stage->keys, stage->memory_us, &memory->dedup);
	if (rc == 0)
		rc = memory_own(ctx, memory);
	if (rc == 0)
		return memory;
	memories_free(memory);
	return NULL;
}

/* What the running actor remembers for a stage. */
static struct hm_dedup *
memory_of(struct hm_ctx *ctx, const struct hm_dedup_stage *stage)
{
	struct memory *memory = hm_actor_extension(ctx, &memories);

	while (memory != NULL && memory->stage != stage)
		memory = memory->next;
	if (memory == NULL)
		memory = memory_make(ctx, stage);
	if (memory == NULL)
		hm_fail(ctx, "no memory of keys for deduplication, or its numbers are out of range");
	return memory->dedup;
}

/* What another stage has made, or has had handled already, is that one's. */
static void
refuse(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	HMI_MARKED(ctx);

	if (ctx->msg == msg)
		hmi_received_refuse(ctx, HM_DEAD_REPEATED);
}

/* How often the running actor has stashed a message. */
static uint32_t
stashed(const struct hm_ctx *ctx)
{
	return ctx->cell->actor.extra->stashed;
}

void
hm_dedup_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		 const struct hm_receive_next *next, void *arg)
{
	const struct hm_dedup_stage *stage = arg;
	struct hm_dedup *dedup;
	bool has_arrived;
	uint32_t before;
	uint64_t key;

	hmi_check_ctx(ctx, "hm_dedup_receive");
	if (hm_msg_type(msg) < HM_TYPE_USER || !stage->key(msg, &key, stage->arg)) {
		hm_receive_next(ctx, state, msg, next);
		return;
	}
	dedup = memory_of(ctx, stage);
	if (hm_dedup_knows(dedup, key, hm_now_ns(ctx))) {
		if (stage->on_repeat != NULL)
			stage->on_repeat(ctx, state, msg, stage->arg);
		else
			refuse(ctx, msg);
		return;
	}
	before = stashed(ctx);
	has_arrived = hmi_receive_next_noted(ctx, state, msg, next);
	/* Behind it: a function that fails does not come to here. */
	if (has_arrived && stashed(ctx) == before && (ctx->in_user & HMI_USER_REFUSED) == 0)
		(void)hm_dedup_seen(dedup, key, hm_now_ns(ctx));
}
