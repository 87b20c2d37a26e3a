/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_PASSIVATION_H
#define HM_PASSIVATION_H

/**
 * @file
 * Passivation: an actor to which no message has come for a time stops, as by hm_stop; or as by hm_poison, which is the same, since
 * its mailbox is empty.
 *
 *     last message ──── the time, without any ────▶ is it passive? ─┬─ yes: HM_STOPPING, HM_STOPPED, in the same turn
 *                                                                   └─ no:  the time begins anew
 *
 * It is passive if also no message waits in its mailbox, it has stashed and kept none (hm_behaviour.h, hm_keep.h), it has no
 * children, and nothing is under way for it: no answer that it has asked for, no future of its own that has not ended (one that was
 * pending when the actor moved counts until it is released), no call of hm_offload, no selection. Children
 * that are to be passive have a time of their own; their end is a message to their parent, whose time begins anew by it. An actor
 * with more than 1,024 timers, watches and the like is not passive.
 *
 * Routees of a pool, workers and stages of pipelines (hm_router.h, hm_workers.h, hm_pipeline.h) are kept by their parents, to which
 * the end of one is a loss. They are passive only if they want it themselves, by hm_passivation_set or a plugin in their own
 * props: what was handed down to them they hand down to their own children, but it does not stop them. Of those that do stop, a router
 * and a pool of workers spawn others in their place, and a pipeline fails.
 *
 * What counts as a message: as in hm_receive_timeout_set, so types with hm_type.no_influence do not, nor does
 * HM_RECEIVE_TIMEOUT. Messages of its own timers do; its other timers end with it.
 *
 * Nothing is lost: it is decided in the actor's turn, behind all that actors of its lcore have sent to it by then, and what has
 * come is handled instead. What comes after the end finds no receiver: it is a dead letter, which is counted, and who
 * has asked is told. Only an actor that asks somebody in HM_STOPPING, or is waited for, ends later: what comes meanwhile is a
 * dead letter, HM_DEAD_STOPPED. Who wants such an actor back spawns it again, on HM_TERMINATED or when it is asked for.
 *
 * Cost: a message costs nothing more but for one in each eighth of the time; without passivation nothing. An idle actor has
 * one timer.
 */

#include "hm_actor.h"
#include "hm_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Have the running actor stop when no message has come for a time. A restart cancels it: set it in HM_STARTED, or by
 * HM_PASSIVATION.
 *
 * It stops after the time and up to an eighth of it later, from a second on a 64th of it later still.
 *
 * Context: turn; may take memory. Ownership: nothing passes.
 *
 * @param idle_us  microseconds from now; 0 cancels
 * @return HM_OK; HM_NO_MEMORY: all is as before
 */
enum hm_result hm_passivation_set(struct hm_ctx *ctx, uint64_t idle_us);

/**
 * What is set.
 *
 * Context: turn.
 *
 * @return microseconds; 0: the actor stays
 */
uint64_t hm_passivation(const struct hm_ctx *ctx);

/**
 * Members of a struct hm_plugin: actors with it are passive after the microseconds that a `const uint64_t` says, to which @p us
 * points. Its stage may be inherited; see above for whom its parent keeps.
 *
 *     static const uint64_t minute_us = 60000000;
 *     static const struct hm_plugin passivation = { HM_PASSIVATION(&minute_us) };
 *     static const struct hm_middleware stage = { HM_PLUGIN(&passivation), .inherited = true };
 */
#define HM_PASSIVATION(us) .on_start = hm_passivation_start, .arg = (void *)(uintptr_t)(us)

/**
 * hm_plugin.on_start of HM_PASSIVATION. Without memory the actor stays, which is logged.
 *
 * Context: turn, called by the engine. Ownership: nothing passes.
 *
 * @param arg  a `const uint64_t`, microseconds; must not be NULL
 */
void hm_passivation_start(struct hm_ctx *ctx, void *mixin, void *arg);

#ifdef __cplusplus
}
#endif

#endif /* HM_PASSIVATION_H */
