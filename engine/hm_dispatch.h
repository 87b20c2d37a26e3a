/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_DISPATCH_H
#define HM_DISPATCH_H

/**
 * @file
 * Dispatch: on which lcore an actor comes to live; and when it runs there.
 *
 *     hm_props.lcore       the new actor's lcore
 *     HM_LCORE_SAME        the spawning actor's; of an external thread, the first one
 *     HM_LCORE_ANY         round robin: each spawning lcore deals to all in turn, itself first
 *     HM_LCORE_LEAST       the one with the least load, by what each lcore publishes
 *     HM_LCORE(index)      that one
 *     HM_LCORE_KEY         the one of a key: the same key, the same lcore
 *     HM_LCORE_OWN         a reserved one that no other such actor has, as long as this one lives
 *
 * Keys are numbers; hm_key makes one of any bytes. hm_spawn takes the actor's name as its key, hm_spawn_key one of the
 * caller's: so all that belongs to one customer can live on one lcore, and send there without crossing to another.
 *
 * The load of an lcore is the number of its actors, and 16 for each that waits for its turn. Lcores publish both
 * once in a turn of their loops, so a spawn asks nobody, and sends nothing. What an lcore has spawned by HM_LCORE_LEAST itself
 * since another one has published is added; what others have, is not.
 *
 * On its lcore hm_props.priority says whether it has its turn before others, and hm_props.quantum and
 * hm_props.quantum_us how long that is. Nothing is interrupted, and the clock is not read for each message: how many
 * messages fill the time is learnt from what they have taken. So an actor whose messages have been fast, and
 * turn slow, has one turn that is longer, by as many of them as filled half of its time before.
 *
 * The last lcores may be reserved (--reserve, hm_config.reserve): round robin, load and keys leave them out.
 *
 * Limits: an lcore is where an actor begins; hm_move.h moves it later. A key's lcore depends on the number
 * of lcores that are not reserved. Children of an actor with an lcore of its own share it, if their props say
 * HM_LCORE_SAME.
 */

#include <stddef.h>
#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_system;

/** What an lcore has to do, as it was when a turn of its loop last changed it. */
struct hm_load {
	uint32_t actors; /**< that live there, but for the guardians `/`, `/user` and `/system` */
	/** Of them, those that had messages and waited for their turn when a turn of the lcore's loop ended: look more than once. */
	uint32_t waiting;
	/**
	 * Nanoseconds since start-up in which it had something to do: turns with work, and the time between them. Of two looks,
	 * the difference over the time between them is the share that it was busy. Up to the moment of the look, also of an lcore
	 * that hangs in a turn. In HM_MODE_STEPPED the time within turns that did anything.
	 */
	uint64_t busy_ns;
};

/* ---- Keys ---------------------------------------------------------------- */

/**
 * A key of any bytes, such as a customer's name. The same in all processes and on all machines.
 *
 * Context: any thread; neither blocks nor allocates. Ownership: the bytes stay the caller's.
 *
 * @param data    may be NULL if @p length is 0
 * @param length  in bytes
 * @return the key; any number
 */
uint64_t hm_key(const void *data, size_t length);

/**
 * The lcore of a key, for HM_LCORE_KEY.
 *
 * Context: any thread; neither blocks nor allocates.
 *
 * @param sys  must not be NULL
 * @return its index, below hm_system_lcores_shared
 */
uint32_t hm_system_lcore_of_key(const struct hm_system *sys, uint64_t key);

/* ---- Set-up: may allocate ------------------------------------------------ */

/**
 * As hm_spawn, on the lcore of a key.
 *
 * Context: turn; does not block; may take memory for the child's state. Ownership: name and args are copied;
 * props are kept.
 *
 * @param props  their lcore is HM_LCORE_KEY
 * @param name   NULL: the child has no path
 * @param args   props->args_size bytes; NULL if that is 0
 * @param[out] pid  the child; may be NULL; untouched on error
 * @return as hm_spawn; -EINVAL also: props->lcore is another one, so the key would mean nothing
 */
__attribute__((warn_unused_result))
int hm_spawn_key(struct hm_ctx *ctx, const struct hm_props *props, const char *name, const void *args,
		 uint64_t key, struct hm_pid *pid);

/**
 * As hm_system_spawn, on the lcore of a key.
 *
 * Context: an external thread; blocks until lcore 0 has turned, in HM_MODE_STEPPED until nobody turns. Ownership: as
 * of hm_spawn.
 *
 * @param props  their lcore is HM_LCORE_KEY
 * @param name   as in hm_spawn; its path is "/user/name"
 * @param args   as in hm_spawn
 * @param[out] pid  the actor; may be NULL; untouched on error
 * @return as hm_system_spawn; -EINVAL also: props->lcore is another one
 */
__attribute__((warn_unused_result))
int hm_system_spawn_key(struct hm_system *sys, const struct hm_props *props, const char *name,
			const void *args, uint64_t key, struct hm_pid *pid);

/* ---- Inspect -------------------------------------------------------------- */

/**
 * Lcores that are not reserved: those of the indexes below this.
 *
 * Context: any thread; neither blocks nor allocates.
 *
 * @param sys  must not be NULL
 * @return how many; at least 1
 */
uint32_t hm_system_lcores_shared(const struct hm_system *sys);

/**
 * What an lcore has published of its load: for placement by the program's own rules, with HM_LCORE(index), and for moving
 * (hm_move.h). It does not tell which of its actors is busy; apps/skewed has actors that do, and hm_balance.h finds out.
 *
 * Context: any thread; neither blocks nor allocates. Each number is right for some moment of the lcore's last turns.
 *
 * @param lcore      an index below hm_system_lcores
 * @param[out] load  untouched on error
 * @return 0; -EINVAL: no such lcore, or an argument is NULL
 */
__attribute__((warn_unused_result))
int hm_system_load(const struct hm_system *sys, uint32_t lcore, struct hm_load *load);

#ifdef __cplusplus
}
#endif

#endif /* HM_DISPATCH_H */
