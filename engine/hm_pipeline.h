/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_PIPELINE_H
#define HM_PIPELINE_H

/**
 * @file
 * Pipelines: actors that hand on to each other, made, supervised and ended together.
 *
 *     senders ──▶ pipeline ──▶ stage ──▶ stage ──▶ stage ──▶ `to`, if there is one
 *     who has asked ◀────────────── answer ─────────┘
 *
 *     struct parse {
 *             struct hm_pid next;              (first: filled in by the pipeline)
 *             uint32_t lines;
 *     };
 *
 *     case LINE:
 *             make_record(&record, hm_msg_body(msg));
 *             (void)hm_request_from(ctx, parse->next, hm_sender(ctx), RECORD, &record);
 *             break;                           (or hm_forward(ctx, parse->next), of the same message)
 *
 * A stage is an actor whose state begins with the PID of the next one. If each hands on with the sender that it got, the last
 * one answers who has asked by hm_respond. `next` of the last is hm_pipeline.to: another pipeline, a router, any process.
 *
 * Order: messages stay in order as long as each stage hands them on in the turn in which they come, on whatever lcores the stages live.
 *
 * Overload: a stage that is slow mutes the one before, and that the one before that, up to the senders (hm_mailbox.h). What a stage whose
 * mailbox rejects or drops does not take is a dead letter, of which who has asked is told.
 *
 * Failure: a stage that fails is restarted, up to 10 times in 10 s; the message is a dead letter, and those that wait stay. When a
 * stage has ended, for that or any other reason, the pipeline fails: its parent decides. By a restart it has fresh stages. If it is
 * resumed it goes on with those that are left: what comes to the gap is a dead letter, and `end` ends it as ever. Those behind
 * the one that has ended follow it, each when it has handled what it was sent; that is no further failure.
 *
 * End: hm_stop of a pipeline stops all stages at once, and what is under way in it becomes dead letters. A message `end` ends it in order:
 * what has come before passes through all stages, each of which ends when it has handled it; then the pipeline stops. What comes
 * later is a dead letter (stopped). What a stage has put aside, to hand it on later, it has to hand on when it stops: until HM_STOPPED, at the latest there.
 *
 * It takes messages of all registered types. Each costs one hop to the first stage.
 */

#include <stdint.h>

#include "hm_actor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most stages of a pipeline. */
#define HM_STAGES_MAX 64u

/** One stage. */
struct hm_stage {
	/** Of its actor. args_size is at least that of a struct hm_pid, which is the first member of the state. */
	const struct hm_props *props;
	/** props->args_size bytes, of which that member is not read; NULL: zeros. */
	const void *args;
};

/** What a pipeline is made of. */
struct hm_pipeline {
	const struct hm_stage
		*stages; /**< the first one first; they must outlive the pipeline, with what they point to */
	uint32_t count;  /**< of stages: 1 to HM_STAGES_MAX */
	uint16_t end;    /**< registered, without body: the message that ends it in order; 0: none does */
	struct hm_pid
		to; /**< the next one of the last stage; may be nobody. It is neither watched nor stopped. */
};

/**
 * Spawn a pipeline, a child of the running actor on its lcore, whose children are the stages.
 *
 * Context: turn; does not block; may take memory. Ownership: name and @p pipeline are copied, but what it points to.
 *
 * @param pipeline  must not be NULL
 * @param name      as in hm_spawn
 * @param[out] pid  may be NULL; untouched on error
 * @return as hm_spawn; -EINVAL also: NULL, a number out of range, or a stage without props, or without room for the next PID;
 *         -E2BIG also: a stage of which the props have more stages of middleware than HM_MIDDLEWARE_MAX - 1, less those that the
 *         running actor hands down: the pipeline adds one. That stages cannot be spawned makes the pipeline fail.
 */
__attribute__((warn_unused_result))
int hm_pipeline_spawn(struct hm_ctx *ctx, const struct hm_pipeline *pipeline, const char *name,
		      struct hm_pid *pid);

#ifdef __cplusplus
}
#endif

#endif /* HM_PIPELINE_H */
