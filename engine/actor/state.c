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

/* Of the arguments' copy, behind a state that lies apart. */
static size_t
args_offset(const struct hm_props *props)
{
	return ((size_t)props->state_size + 7) & ~(size_t)7;
}

static bool
is_small(const struct hm_props *props)
{
	return props->state_size <= HMI_STATE_INLINE && (props->state_align <= 8 || is_word_pair(props));
}

/* Bytes of a state that lies apart, with what a restart needs behind it. */
static size_t
apart_bytes(const struct hm_props *props)
{
	return args_offset(props) + props->args_size;
}

/* Whether all of it is an object of the first slab, as of most states that lie apart. */
static inline bool
is_first_class(const struct hm_props *props)
{
	return apart_bytes(props) <= STATE_FIRST && props->state_align <= SLAB_ALIGN;
}

static bool
is_from_slab(const struct hm_props *props)
{
	return state_class(apart_bytes(props)) < HMI_STATE_CLASSES && state_align(props) <= SLAB_ALIGN;
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
		return hmi_slab_get(&ctx->states[state_class(apart_bytes(props))]);
	return aligned_alloc(align, (apart_bytes(props) + align - 1) & ~(align - 1));
}

/* The arguments can be read: hm_spawn has made sure, or they are in a message. */
static void
state_fill(void *state, const struct hm_props *props, const void *args)
{
	if (props->args_size > 0)
		memcpy(state, args, props->args_size);
	memset((char *)state + props->args_size, 0, props->state_size - props->args_size);
}

/* Of a known size, and so without a call. */
static int
first_class_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args)
{
	size_t args_bytes = props->args_size, copy = args_offset(props);
	char *state = hmi_slab_get(&ctx->states[0]);

	if (unlikely(state == NULL))
		return -ENOMEM;
	memset(state, 0, STATE_FIRST);
	if (likely(args_bytes <= HMI_SMALL_BODY)) {
		hmi_small_copy((uint64_t *)(void *)state, args, args_bytes);
		hmi_small_copy((uint64_t *)(void *)(state + copy), args, args_bytes);
	} else {
		memcpy(state, args, args_bytes);
		memcpy(state + copy, args, args_bytes);
	}
	cell->actor.state = state;
	cell->state_at = HMI_STATE_APART;
	return 0;
}

static int
apart_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args)
{
	void *state = state_alloc(ctx, props);

	if (state == NULL)
		return -ENOMEM;
	state_fill(state, props, args);
	if (props->args_size > 0)
		memcpy((char *)state + args_offset(props), args, props->args_size);
	cell->actor.state = state;
	cell->state_at = HMI_STATE_APART;
	return 0;
}

/* ---- In the cell ------------------------------------------------------------------- */

/* Where the arguments' copy of a small state is: in the word of the cell, or where that points to. */
static void *
small_args(struct hmi_cell *cell, const struct hm_props *props)
{
	return props->args_size <= sizeof(cell->actor.state) ? (void *)&cell->actor.state : cell->actor.state;
}

static int
small_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args)
{
	/* A cell that was just taken is zeroed; no call for so few bytes. */
	HMI_DEBUG_ASSERT((cell->actor.small[0] | cell->actor.small[1] | cell->actor.small[2]) == 0);
	if (props->args_size > sizeof(cell->actor.state)) {
		cell->actor.state = hmi_slab_get(&ctx->states[0]);
		if (cell->actor.state == NULL)
			return -ENOMEM;
	}
	cell->state_at = small_offset(props);
	if (props->args_size > 0) {
		hmi_small_copy((uint64_t *)(void *)((char *)cell + cell->state_at), args, props->args_size);
		hmi_small_copy(small_args(cell, props), args, props->args_size);
	}
	return 0;
}

/* ---- Make, reset, free --------------------------------------------------------------- */

int
hmi_state_make(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_props *props, const void *args)
{
	if (is_small(props))
		return small_make(ctx, cell, props, args);
	return likely(is_first_class(props)) ? first_class_make(ctx, cell, props, args)
					     : apart_make(ctx, cell, props, args);
}

void
hmi_state_reset(struct hmi_cell *cell)
{
	const struct hm_props *props = cell->actor.props;

	if (cell->state_at == HMI_STATE_APART)
		state_fill(cell->actor.state, props, (char *)cell->actor.state + args_offset(props));
	else
		state_fill(hmi_cell_state(cell), props, small_args(cell, props));
}

void
hmi_state_free(struct hm_ctx *ctx, struct hmi_cell *cell)
{
	const struct hm_props *props = cell->actor.props;

	if (cell->state_at != HMI_STATE_APART) {
		if (props->args_size > sizeof(cell->actor.state))
			hmi_slab_put(&ctx->states[0], cell->actor.state);
	} else if (likely(is_first_class(props))) {
		hmi_slab_put(&ctx->states[0], cell->actor.state);
	} else if (is_from_slab(props)) {
		hmi_slab_put(&ctx->states[state_class(apart_bytes(props))], cell->actor.state);
	} else {
		free(cell->actor.state);
	}
}
