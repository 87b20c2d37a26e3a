/* SPDX-License-Identifier: Apache-2.0 */
#include "state_pvt.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "assert_pvt.h"
#include "msg_pvt.h"

#define STATE_FIRST 64u
/* What objects of a slab, and so their states, are aligned to. */
#define SLAB_ALIGN 64u

static_assert(offsetof(struct hmi_cell, actor.small) % 16 == 8,
	      "a state of 16 bytes is aligned in the second word");

static unsigned int
state_class(size_t bytes)
{
	unsigned int c = 0;

	while (((size_t)STATE_FIRST << c) < bytes)
		c++;
	return c;
}

static size_t
state_align(const struct hm_props *props)
{
	return props->state_align > HM_STATE_ALIGN ? props->state_align : HM_STATE_ALIGN;
}

/* Whatever needs 16 bytes of alignment has a size that is a multiple of 16: in the cell, 16. */
static bool
is_word_pair(const struct hm_props *props)
{
	return props->state_size == 16 && props->state_align <= 16;
}

static bool
is_small(const struct hm_props *props)
{
	return props->state_size <= HMI_STATE_INLINE && (props->state_align <= 8 || is_word_pair(props));
}

static bool
is_from_slab(const struct hm_props *props)
{
	return state_class(props->state_size) < HMI_STATE_CLASSES && state_align(props) <= SLAB_ALIGN;
}

static uint8_t
small_offset(const struct hm_props *props)
{
	size_t offset = offsetof(struct hmi_cell, actor.small);

	return (uint8_t)(is_word_pair(props) ? offset + 8 : offset);
}

static void *
state_alloc(struct hm_ctx *ctx, const struct hm_props *props)
{
	size_t align = state_align(props);

	if (is_from_slab(props))
		return hmi_slab_get(&ctx->states[state_class(props->state_size)]);
	return aligned_alloc(align, (props->state_size + align - 1) & ~(align - 1));
}

/* The arguments can be read: hm_spawn has made sure, or they are in a message. */
static void
state_fill(void *state, const struct hm_props *props, const void *args)
{
	/* Most states: all of the slab's object, of a known size, and so without a call. */
	if (props->state_size <= STATE_FIRST && props->args_size <= HMI_SMALL_BODY && is_from_slab(props)) {
		memset(state, 0, STATE_FIRST);
		hmi_small_copy(state, args, props->args_size);
		return;
	}
	if (props->args_size > 0)
		memcpy(state, args, props->args_size);
	memset((char *)state + props->args_size, 0, props->state_size - props->args_size);
}

int
hmi_state_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args)
{
	void *state;

	if (is_small(props)) {
		/* A cell that was just taken is zeroed; no call for so few bytes. */
		cell->state_at = small_offset(props);
		HMI_DEBUG_ASSERT((cell->actor.small[0] | cell->actor.small[1] | cell->actor.small[2]) == 0);
		if (props->args_size > 0)
			hmi_small_copy((uint64_t *)(void *)((char *)cell + cell->state_at), args,
				       props->args_size);
		return 0;
	}
	state = state_alloc(ctx, props);
	if (state == NULL)
		return -ENOMEM;
	state_fill(state, props, args);
	cell->actor.state = state;
	cell->state_at = HMI_STATE_APART;
	return 0;
}

void
hmi_state_free(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	const struct hm_props *props = cell->actor.props;

	if (cell->state_at != HMI_STATE_APART)
		return;
	if (is_from_slab(props))
		hmi_slab_put(&ctx->states[state_class(props->state_size)], cell->actor.state);
	else
		free(cell->actor.state);
}
