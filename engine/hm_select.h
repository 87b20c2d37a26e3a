/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_SELECT_H
#define HM_SELECT_H

/**
 * @file
 * Selections: messages to whom a path names, to all that a pattern matches, and to whom an address of another
 * node names; and what else is done by path.
 *
 *     "/user/pool/w1"            an absolute path
 *     "w1", "./w1", "../other"   relative to the running actor: its child, its sibling
 *     "/user/pool/w*", "x/??"    wildcards: * any characters, ? any one, within a segment
 *     "/user/pool/" "**"         as the last segment: all below, however deep
 *     "hermod://node/user/a"     on another node; without wildcards
 *
 * A path is looked up each time. Who sends more than a few messages to the same actor resolves it once
 * (hm_lookup, hm_resolve) and sends to the PID, until that one is gone.
 *
 * What matches nothing, or is no path, is a dead letter with the reason HM_DEAD_NO_PATH, whose receiver is
 * /deadLetters, and which has the path as a header, HM_DEAD_LETTER_PATH. Only actors with a name have a path; those without one can neither be selected, nor select
 * relative to their parent.
 *
 * A pattern with wildcards looks at the children of what matches so far, and at no other names: up to a
 * microsecond for each. The first few dozen are looked at in the call, the others in portions in later
 * turns of the actor, so that a million names do not hold the lcore up. Who has a name all that time is
 * found once; who comes or goes meanwhile, once or not at all.
 *
 * Ordering: a message to a path without wildcards on this node is sent in the call, as by hm_send. To a
 * pattern, or to another node, it may be sent in a later turn, and so be overtaken by what is sent after
 * the call.
 *
 * What is sent so has neither headers, but those that stages of middleware give it (hm_middleware.h), nor a buffer. To send those, or to know who is meant, find the PIDs first, by
 * hm_lookup or hm_select_all, and use hm_msg_send and its like.
 *
 * When the running actor ends before all was sent, the rest is not sent; if that is all, it is a dead letter.
 */

#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How long another node is waited for that an address names, in microseconds. */
#define HM_SELECT_TIMEOUT_US UINT64_C(5000000)

/* ---- What actors send ----------------------------------------------------- */

/**
 * Send a message without a sender to all that a path or pattern names.
 *
 * Context: turn; does not block. Allocates for a pattern with wildcards and for another node. Ownership:
 * path and body stay the caller's.
 *
 * @param path  as above; not NULL
 * @return as hm_send; HM_OK also if it names nobody, see above; HM_INVALID: @p path is NULL, or has wildcards
 *         for another node. Out of memory for one of several receivers, its message is a dead letter
 */
enum hm_result hm_select_send(struct hm_ctx *ctx, const char *path, uint16_t type, const void *body);

/**
 * As hm_select_send, with the running actor as sender.
 *
 * Context: as hm_select_send. Ownership: path and body stay the caller's.
 *
 * @return as hm_select_send
 */
enum hm_result hm_select_request(struct hm_ctx *ctx, const char *path, uint16_t type, const void *body);

/**
 * As hm_ask, of all that a path or pattern names: the first answer ends the future, the others are dead
 * letters. If it names nobody the future ends at once, by HM_FUTURE_DEAD_LETTER.
 *
 * Context: as hm_select_send. Ownership: path, body and @p arg stay the caller's.
 *
 * @param timeout_us  microseconds, at least 1; another node is looked for within them, too
 * @param on_reply    must not be NULL
 * @param arg         handed to @p on_reply; may be NULL
 * @return as hm_select_send, and as hm_ask
 */
enum hm_result hm_select_ask(struct hm_ctx *ctx, const char *path, uint16_t type, const void *body,
			     uint64_t timeout_us, hm_reply_fn *on_reply, void *arg);

/**
 * Runs in a turn of the actor that selects: once for each match, and once behind the last one. If it fails it is called no more
 * for this listing.
 *
 * @param path  of the match, valid until the function returns; of another node, the address; NULL: that was all
 * @param pid   of the match; nobody: that was all
 * @param arg   as given to hm_select_all
 */
typedef void hm_select_fn(struct hm_ctx *ctx, void *state, const char *path, struct hm_pid pid, void *arg);

/**
 * List all that a path or pattern names.
 *
 * Context: turn; does not block; allocates. Ownership: the path is copied; @p arg stays the caller's.
 *
 * Ordering: the function is never called before this returns.
 *
 * @param path      as above
 * @param on_found  must not be NULL
 * @param arg       handed to @p on_found; may be NULL
 * @return 0; -EINVAL: no path of these forms, or no @p on_found; -ENOTSUP: wildcards for another node; -ENOMEM;
 *         -ENETUNREACH: another node was named and the system has no network
 */
__attribute__((warn_unused_result))
int hm_select_all(struct hm_ctx *ctx, const char *path, hm_select_fn *on_found, void *arg);

/* ---- Watching by path ------------------------------------------------------ */

/**
 * Watch whom a path names, as hm_watch. If it names nobody the actor receives HM_TERMINATED all the same,
 * with nobody's PID and the reason HM_TERMINATED_NOT_FOUND; if it names another node that does not answer
 * within HM_SELECT_TIMEOUT_US, or that is not known, the reason is HM_TERMINATED_NODE_LOST. An actor that
 * stops meanwhile is not told.
 *
 * Context: turn; does not block; may take memory for the watch. Ownership: the path is copied.
 *
 * @param path      as above, without wildcards
 * @param[out] who  whom it names; nobody: no one, or it is not known yet, on another node; may be NULL
 * @return as hm_watch; HM_INVALID: @p path is NULL or has wildcards
 */
enum hm_result hm_watch_path(struct hm_ctx *ctx, const char *path, struct hm_pid *who);

/* ---- External threads ------------------------------------------------------- */

/**
 * Called for each match.
 *
 * @param path  of the match, valid until the function returns
 * @param pid   of the match
 * @param arg   as given to hm_system_select
 */
typedef void hm_found_fn(const char *path, struct hm_pid pid, void *arg);

/**
 * List all that an absolute path or pattern names on this node.
 *
 * Context: any thread, as long as the system exists; on an lcore a pattern with many matches holds it up.
 * Allocates. Ownership: the path is only read; @p arg stays the caller's.
 *
 * @param path      absolute, or an address of this node
 * @param on_found  called before this returns; must not be NULL
 * @param arg       handed to @p on_found; may be NULL
 * @return how many; -EINVAL: no absolute path, an argument is NULL, or another node is named; -ENOMEM
 */
__attribute__((warn_unused_result))
int64_t hm_system_select(const struct hm_system *sys, const char *path, hm_found_fn *on_found, void *arg);

/**
 * Send a message to all that an absolute path or pattern names on this node.
 *
 * Context: an external thread; does not block; allocates. Ownership: path and body stay the caller's.
 *
 * @param path  absolute, or an address of this node
 * @return as hm_system_send, of the first one that was refused: it was sent to all others; HM_NO_RECEIVER:
 *         nobody is named, and nothing was sent; HM_INVALID: an argument is NULL, or it is no path of this
 *         node; HM_NO_MEMORY: or no memory for the selection
 */
enum hm_result hm_system_select_send(struct hm_system *sys, const char *path, uint16_t type,
				     const void *body);

/* ---- Inspect ---------------------------------------------------------------- */

/**
 * Path of the running actor.
 *
 * Context: turn. Ownership: the text is the engine's, and stays until the actor has stopped.
 *
 * @return the path; NULL: it has none. One without a name gets "/temp/$..." with its first named child
 */
const char *hm_path(const struct hm_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif /* HM_SELECT_H */
