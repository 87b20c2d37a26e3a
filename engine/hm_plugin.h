/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_PLUGIN_H
#define HM_PLUGIN_H

/**
 * @file
 * Plugins: what is mixed into an actor, with a part of its state that the plugin fills in.
 *
 *     HM_STARTED  ─▶ plugin's on_start   ─▶ the actor's receive function
 *     any other   ─▶ plugin's on_message ─▶ the actor's receive function
 *
 * A plugin is a stage of middleware (hm_middleware.h) which always goes on. Its part of the state, the mixin, is a member of the
 * actor's state, that both know by type: so the actor reads what the plugin has written, and nothing is looked up.
 *
 *     struct named { char name[HM_PID_TEXT_SIZE]; };                  the mixin
 *     static void name_set(struct hm_ctx *ctx, void *mixin, void *arg)
 *     {
 *             (void)hm_pid_format(hm_self(ctx), ((struct named *)mixin)->name);
 *     }
 *
 *     struct greeter { uint32_t greeted; struct named named; };       an actor's state
 *     static const struct hm_plugin naming = { .on_start = name_set, HM_MIXIN(struct greeter, named) };
 *     static const struct hm_middleware stage = { HM_PLUGIN(&naming) };
 *     static const struct hm_middleware *const stages[] = { &stage, NULL };
 *
 * A fresh life of the actor, behind a restart, has a fresh mixin, and on_start is called again. What is to outlive that, or belongs to
 * descendants of whose states nobody knows, is in extensions (hm_extension.h).
 */

#include <stddef.h>

#include "hm_middleware.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A plugin; constant, and outlives the actors that have it. Functions that it has not are NULL. */
struct hm_plugin {
	const char *name; /**< for people; may be NULL */
	/**
	 * The actor begins, or begins anew: called before it gets HM_STARTED, in its turn. @p mixin is NULL without one; else zeros,
	 * but for what the arguments of hm_spawn have filled.
	 */
	void (*on_start)(struct hm_ctx *ctx, void *mixin, void *arg);
	/** Before the actor gets any other message, of the engine, too; in its turn. The message is read only. */
	void (*on_message)(struct hm_ctx *ctx, void *mixin, const struct hm_msg *msg, void *arg);
	void *arg;           /**< of the functions; shared by all actors with this plugin, on all lcores */
	uint32_t mixin_at;   /**< bytes from the state's start: see HM_MIXIN */
	uint32_t mixin_size; /**< bytes; 0: it has none */
};

/** Members of a struct hm_plugin: its mixin is a member of the state. */
#define HM_MIXIN(state, member) \
	.mixin_at = (uint32_t)offsetof(state, member), .mixin_size = (uint32_t)sizeof(((state *)0)->member)

/** Members of a struct hm_middleware: the stage of a plugin. One with a mixin is not .inherited. */
#define HM_PLUGIN(plugin) .receive = hm_plugin_receive, .arg = (void *)(uintptr_t)(plugin)

/**
 * The stage of a plugin: as hm_middleware.receive.
 *
 * The actor fails if its state has no room for the mixin, so that a plugin writes to no memory that is not the state's.
 *
 * Context: turn, called by the engine. Ownership: nothing passes.
 *
 * @param arg  a struct hm_plugin; must not be NULL
 */
void hm_plugin_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		       const struct hm_receive_next *next, void *arg);

#ifdef __cplusplus
}
#endif

#endif /* HM_PLUGIN_H */
