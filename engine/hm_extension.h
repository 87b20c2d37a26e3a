/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_EXTENSION_H
#define HM_EXTENSION_H

/**
 * @file
 * Extensions: what a library keeps for each actor, or for each system, beside what the program knows of.
 *
 *     static const struct hm_extension tracing = { .name = "tracing", .destroy = span_end };
 *
 *     hm_system_extension_set(sys, &tracing, collector);         before it runs
 *     hm_actor_extension_set(ctx, &tracing, span);               for the running actor
 *     span = hm_actor_extension(ctx, &tracing);
 *
 * An extension is known by its address, so that libraries need not agree on numbers; there may be any number. A
 * library's functions find their data by ctx alone, whatever the actor's own state is.
 *
 * Ownership: a value that was set is the engine's, which calls the extension's destroy function: when
 * another one is set in its place; for an actor's when it has ended, behind HM_STOPPED; for a system's in
 * hm_system_destroy, behind all that belong to actors.
 */

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An extension; constant, and outlives every system that it is used in. */
struct hm_extension {
	const char *name; /**< for people */
	/**
	 * Free a value, which is not NULL. Called on the actor's lcore, where it must not block; or by the
	 * thread that destroys the system. NULL: there is nothing to free.
	 */
	void (*destroy)(void *value);
};

/* ---- Of the running actor ---------------------------------------------------- */

/**
 * Set the running actor's value. It is kept when the actor restarts, as its PID and its watchers are.
 *
 * Context: turn; does not block; allocates. Ownership: the value becomes the engine's, but not on error;
 * the extension is kept.
 *
 * @param value  NULL: none any more
 * @return 0; -EINVAL: @p ctx or @p extension is NULL; -ENOMEM: the value is as before
 */
__attribute__((warn_unused_result))
int hm_actor_extension_set(struct hm_ctx *ctx, const struct hm_extension *extension, void *value);

/**
 * The running actor's value.
 *
 * Context: turn; neither blocks nor allocates. Ownership: the engine's, until another one is set or the
 * actor ends.
 *
 * @return the value; NULL: none was set
 */
void *hm_actor_extension(const struct hm_ctx *ctx, const struct hm_extension *extension);

/* ---- Of a system --------------------------------------------------------------- */

/**
 * Set a system's value: before it runs, in a module's start function for instance.
 *
 * Context: the thread that created the system; allocates. Ownership: the value becomes the system's, but
 * not on error; the extension is kept.
 *
 * @param value  must not be NULL
 * @return 0; -EINVAL: an argument is NULL; -EEXIST: there is one; -EBUSY: the system runs, or has run; -ENOMEM
 */
__attribute__((warn_unused_result))
int hm_system_extension_set(struct hm_system *sys, const struct hm_extension *extension, void *value);

/**
 * A system's value.
 *
 * Context: any thread, actors included; neither blocks nor allocates. Takes time in proportion to how many
 * extensions the system has. Ownership: the system's, until its destruction.
 *
 * @return the value; NULL: none was set
 */
void *hm_system_extension(const struct hm_system *sys, const struct hm_extension *extension);

#ifdef __cplusplus
}
#endif

#endif /* HM_EXTENSION_H */
