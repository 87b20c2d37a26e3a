/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_MOVE_H
#define HM_MOVE_H

/**
 * @file
 * Actors that move to another lcore.
 *
 * An actor keeps its PID, its state, its place in every name and list, what waits in its mailbox, its children, watchers,
 * timers and receive timeout, and all that it has asked. Messages reach it in the order in which each sender has sent them,
 * before, while and after it moves. hm_pid_lcore tells where it was born; hm_lcore, in its turn, where it lives. Nobody else is told: who has to know
 * has it send a message when it receives HM_MOVED.
 *
 * It moves between two turns, and only while it has nothing that belongs to its lcore: a stop or a restart that lasts, senders
 * that wait for it or receivers that it waits for, a child whose restart is delayed, a failure on which its supervisor has not
 * decided yet. As long as it has, or there is no memory for it, its lcore looks again each millisecond: one that fails whenever
 * it runs stays, until it fails no more. When it has moved it receives HM_MOVED, before anything else.
 *
 * Answers that it waits for: functions of hm_ask, hm_ask_batch, hm_resolve, hm_reenter_after and selections are called where
 * it lives then, once, and never after it has restarted or ended; results of hm_offload come there. Deadlines go on. The
 * future itself stays on the lcore where it was made: its slot, its PID, whoever waits for it, and the result that it keeps.
 * So hm_future_cancel and hm_future_release are sent there, and an answer may come first. Beside that slot the actor keeps
 * some 80 bytes for each. Deadlines of requests that wait in its mailbox or its stash go on as well; in a queue of the user's own
 * (HM_MAILBOX_CUSTOM), which nobody can look into, the time of one that was asked on the lcore that it leaves began when it was
 * asked, not at the end of that turn: what expires so is a dead letter, and its asker is told at the deadline. An answer takes the way by that lcore, where messages of the same sender to the actor may take
 * another one: their order is kept only if both go by its birthplace. Send what has to come in order as messages.
 *
 * Pointers into a state of at most 24 bytes, which is kept beside the mailbox, are not valid afterwards; a bigger one stays
 * where it is in memory.
 *
 * A message from the lcore where it lives is delivered there, one from its birthplace takes one lane, one from another lcore
 * takes the lane to the birthplace, too. The birthplace and the lcore where it lives keep some 100 bytes and a slot of 128
 * bytes each, until the actor ends; another lcore that it has left keeps its futures alone, once the birthplace knows of it.
 */

#include <stdint.h>

#include "hm_actor.h"
#include "hm_result.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hm_system;

/**
 * Have an actor move to an lcore, as soon as it may. The last call counts; the lcore where it lives undoes an earlier one.
 * One that lives there already stays, and receives no HM_MOVED. One that stops does not move any more;
 * guardians, and processes that are no actors, never do. The balancer (hm_balance.h) leaves it alone from then on.
 *
 * Context: turn; may be the running actor itself. Ordering: as a stop, past the messages of the actor's mailbox.
 *
 * @param actor  of this node
 * @param lcore  index, below hm_system_lcores
 * @return HM_OK: asked; HM_NO_RECEIVER: @p actor is no PID; HM_INVALID: it is of another node, or there is no such lcore
 */
__attribute__((warn_unused_result))
enum hm_result hm_move(struct hm_ctx *ctx, struct hm_pid actor, uint32_t lcore);

/**
 * The same from a thread that is no lcore.
 *
 * Context: an external thread; does not block.
 *
 * @return 0, also when the system has stopped; -EAGAIN: overloaded, try again; -EINVAL: @p sys is NULL, @p actor is of
 *         another node or no PID, or there is no such lcore
 */
__attribute__((warn_unused_result))
int hm_system_move(struct hm_system *sys, struct hm_pid actor, uint32_t lcore);

#ifdef __cplusplus
}
#endif

#endif /* HM_MOVE_H */
