/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PRESSURE_PVT_H
#define PRESSURE_PVT_H

/*
 * Back pressure: senders to an actor with too many messages are muted until it has drained.
 *
 *     receiver's lcore                                   sender's lcore
 *     count >= high: overloaded
 *       a message of a sender ── HMI_COMMAND_MUTE ─────▶ HMI_PENDING_MUTED: handles no user messages
 *     count <= low: drained   ── HMI_COMMAND_UNMUTE ───▶ goes on
 *
 * No lcore reads another's memory. A plain send carries its sender's cell in hm_msg.sender, as { 0, address }: it names the
 * lcore, and is looked into on that lcore alone. Both sides keep links: the receiver whom it has muted, the sender who
 * has muted it; so each is told once, and who ends releases the others.
 *
 *     a sender that was muted has ended, or is gone when it is to be muted ── HMI_SYS_UNMUTED ──▶ the link goes
 *     whoever has the cell by now ◀── HMI_COMMAND_UNMUTE ── and is muted again if it sends
 *
 * Without that, the next actor in the cell could send without end: its receiver would think that it was muted. Commands of
 * an lcore arrive in order, so that where there is no link nobody is muted.
 *
 *     a sender that was muted as a future, which may end sooner ── HMI_SYS_MUTED_AS ──▶ the link has its actor's PID
 *
 * An order can be lost all the same: for want of memory, with an actor that has moved, or by another order that overtakes
 * it since it goes by another name of the same actor. So where a mailbox has twice as many messages as it may hold, some of
 * those who send still are told again, muted or not; that is harmless to who waits, and its end comes behind it, as always.
 *
 * Circles: an overloaded actor that is muted cannot drain. It asks those that have muted it, they ask on if they are muted
 * themselves (Chandy, Misra and Haas: Distributed Deadlock Detection, ACM TOCS 1983). If the question comes back, it is
 * released.
 */

#include "lcore_pvt.h"

struct hmi_pressure;

/* ---- pressure_record.c ---- */

/* The memory of what lcores know of it. */
void hmi_pressure_init(struct hm_ctx *ctx);
void hmi_pressure_destroy(struct hm_ctx *ctx);

/* ---- pressure.c: the receiver ---- */

/* Messages and bytes from which on mailboxes without marks of their own are overloaded. */
void hmi_pressure_marks(struct hm_system *sys);

/* Whether so many messages, of which one is given, are too many for a mailbox without marks of its own. */
bool hmi_pressure_is_much(const struct hm_system *sys, const struct hm_msg *msg, uint32_t count);

/* The same for a mailbox. */
bool hmi_pressure_is_over(const struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hm_msg *msg,
			  uint32_t count);

/* The lcore of a sender; UINT32_MAX: it has none. */
uint32_t hmi_pressure_lcore(const struct hm_system *sys, struct hm_pid sender);

/* A message was put into a mailbox with `count` messages, which is to be looked at. */
void hmi_pressure_look(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg, uint32_t count);

/* The turn of an actor that is overloaded ends. Returns whether it has to come back for more senders to be released. */
bool hmi_pressure_relieve(struct hm_ctx *ctx, struct hmi_cell *cell, uint32_t count);

/* Who was muted, or was to be, has ended. */
void hmi_pressure_forget(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg);

/* HMI_SYS_MUTED_AS: who was muted by the name of what it has asked has another one. */
void hmi_pressure_muted_as(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg);

/* The same has found nobody, who can release it no more. */
void hmi_pressure_muted_as_lost(struct hm_ctx *ctx, const struct hm_msg *msg);

/* ---- pressure_sender.c ---- */

/* The actor of this lcore that has sent, or asked; NULL: it is gone. */
struct hmi_cell *hmi_pressure_actor(struct hm_ctx *ctx, struct hm_pid sender);

/* An actor has to wait for another one, or for a lane to an lcore. Returns false if it did already, or without memory. */
bool hmi_pressure_mute(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid muter);

/* Not any more. */
void hmi_pressure_unmute(struct hm_ctx *ctx, struct hmi_cell *cell, struct hm_pid muter);

/* HMI_SYS_MUTE or HMI_SYS_UNMUTE, to a sender that has moved. */
void hmi_pressure_receive(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg);

/* Commands, on the sender's lcore. */
void hmi_mute_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_unmute_run(struct hm_ctx *ctx, const struct hm_msg *msg);

/* ---- pressure_probe.c ---- */

/* A question comes by. */
void hmi_pressure_probe(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg);

/* ---- backlog.c ---- */

/* Messages wait for room in the lane to an lcore, or did. */
void hmi_backlog_look(struct hmi_worker *worker, uint32_t lcore);

/* An actor is not muted by a lane to an lcore any more, if it was. */
void hmi_backlog_forget(struct hm_ctx *ctx, const struct hmi_cell *cell, struct hm_pid to);

#endif /* PRESSURE_PVT_H */
