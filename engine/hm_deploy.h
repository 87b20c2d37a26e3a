/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_DEPLOY_H
#define HM_DEPLOY_H

/**
 * @file
 * Deployment settings: who runs a program decides where its actors live and how they are supervised, by their paths,
 * without building it again.
 *
 *     --deploy FILE              [/user/orders]                    hm_spawn(ctx, &props, "orders", ...)
 *     --set 'PATH:key=value'     lcore = 2            ──props──▶   of the actor /user/orders
 *     hm_deploy_set              supervisor = stop
 *
 * A path may have the wildcards of hm_select.h. Of several that match, the most specific one counts, for each key by
 * itself: segments are compared from the left, and the first difference decides. A segment without wildcards is more specific
 * than one with; of two with wildcards the one with more other characters; "**" is less specific than all. Of paths that are
 * equally specific the later one counts: options in their order, a file where its option stands, then calls.
 *
 * Settings are for actors with a name, when they are spawned; actors without one are not looked at, and cost nothing. What no
 * setting says is as in the props. docs/guide/deployment.md has all keys and their values.
 *
 * Whatever is wrong is told at once, with its place, and none of its file is taken. Only what depends on an actor's props
 * shows when that is spawned: hm_spawn returns -EINVAL, and the log names path and setting.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hm_system;

/** Bytes of a text that says what is wrong, with the end of the text. */
#define HM_DEPLOY_PROBLEM_MAX 768u

/** A setting, as hm_deploy_each shows it. */
struct hm_deploy_setting {
	const char *path;   /**< as it is matched: absolute, maybe with wildcards */
	const char *key;    /**< such as "lcore" */
	const char *value;  /**< as it was written */
	const char *source; /**< the file's name, "--set" or "hm_deploy_set" */
	uint32_t line;      /**< in that file; 0: it was in none */
	uint32_t reserved;  /**< 0 */
	/** Actors whose path matched, those among them for which a more specific path has the same key. */
	uint64_t actors;
};

/**
 * Told of a setting.
 *
 * @param arg      as given to hm_deploy_each
 * @param setting  valid until the function returns
 */
typedef void hm_deploy_fn(void *arg, const struct hm_deploy_setting *setting);

/* ---- Set-up: before the system runs ------------------------------------------ */

/**
 * Add a setting, as --set does.
 *
 * Context: the thread that created the system, before that runs; allocates. Ownership: the texts stay the caller's.
 *
 * @param setting       "PATH:key=value"; not NULL
 * @param[out] problem  what is wrong, if anything is; else untouched; NULL: not wanted
 * @param size          bytes at @p problem; HM_DEPLOY_PROBLEM_MAX are enough
 * @return 0; -EINVAL: it is wrong, or an argument is NULL; -EBUSY: the system runs, or has run; -ENOMEM
 */
__attribute__((warn_unused_result))
int hm_deploy_set(struct hm_system *sys, const char *setting, char *problem, size_t size);

/**
 * Add the settings of a file, as --deploy does. All of them, or on error none.
 *
 * Context: the thread that created the system, before that runs; reads a file; allocates. Ownership: the texts stay the
 * caller's.
 *
 * @param file          name of a regular file; not NULL
 * @param[out] problem  as of hm_deploy_set
 * @param size          as of hm_deploy_set
 * @return as hm_deploy_set; another negative errno: the file cannot be read
 */
__attribute__((warn_unused_result))
int hm_deploy_load(struct hm_system *sys, const char *file, char *problem, size_t size);

/* ---- Inspect ------------------------------------------------------------------- */

/**
 * Call a function for each setting, the least specific path first. Those whose count of actors is 0 at the end were for nobody:
 * the end of the system logs them, too, at the level info.
 *
 * Context: any thread, as long as the system exists and no settings are added. Ownership: @p arg is handed through.
 *
 * @param sys  must not be NULL
 * @param fn   must not be NULL
 */
void hm_deploy_each(const struct hm_system *sys, hm_deploy_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif /* HM_DEPLOY_H */
