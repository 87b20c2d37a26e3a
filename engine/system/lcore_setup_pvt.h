/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LCORE_SETUP_PVT_H
#define LCORE_SETUP_PVT_H

/*
 * Making and taking apart an lcore's structure, and the processes that a system starts with.
 */

#include "actor_pvt.h"
#include "lcore_pvt.h"

/* ---- lcore_setup.c ---- */

/* What the lower folders call in the upper ones. */
extern const struct hmi_parts hmi_parts;

/* The NUMA node of the EAL lcore that will most likely be this one; SOCKET_ID_ANY: none. */
int hmi_lcore_socket(const struct hm_system *sys, uint32_t index);

/* Make an lcore's structures. Returns 0, or a negative errno; then nothing is left behind. */
int hmi_ctx_create(struct hm_ctx **ctx, struct hm_system *sys, uint32_t index);

/* Turn everything that is still under way into dead letters. After all lcores have stopped. */
void hmi_ctx_drain(struct hm_ctx *ctx);

void hmi_ctx_destroy(struct hm_ctx *ctx);

/* Before any lcore is destroyed: free what actors have beside slabs, which may be in other lcores' memory. */
void hmi_ctx_give_up(struct hm_ctx *ctx);

/* ---- lcore_process.c ---- */

extern const struct hmi_process_ops hmi_lcore_process_ops;

/* ---- guardian.c ---- */

/* Make the processes that an lcore starts with. Returns 0 or -ENOMEM. */
int hmi_root_setup(struct hm_ctx *ctx);

/* Spawn a child of a guardian; on lcore 0, or before anything runs. Returns as hm_spawn. */
int hmi_spawn_under(struct hm_ctx *ctx, struct hm_pid guardian, const struct hm_spawning *child,
		    struct hm_pid *pid);

/* Command of another lcore: stop the system. */
void hmi_stop_system_run(struct hm_ctx *ctx, const struct hm_msg *msg);

/* ---- system_extension.c ---- */

/* Destroy the values of a system's extensions, the newest first. */
void hmi_system_extensions_destroy(struct hm_system *sys);

/* ---- external.c ---- */

/* Commands: an external thread's message for another node, sent from the provider's lcore. */
void hmi_remote_send_run(struct hm_ctx *ctx, const struct hm_msg *msg);
void hmi_remote_send_drop(struct hm_ctx *ctx, const struct hm_msg *msg, enum hm_dead_reason reason);

/* ---- signals.c ---- */

/* Keep the stop signals from this thread, and from those it starts; the mask so far goes to *before. */
void hmi_signals_block(sigset_t *before);
int hmi_signals_start(struct hm_system *sys);
void hmi_signals_stop(struct hm_system *sys);

/* ---- stall.c ---- */

/* Make what looks for stalls, unless the options or the mode say that nobody does. Returns 0 or a negative errno, printed. */
int hmi_stalls_create(struct hm_system *sys);
void hmi_stalls_destroy(struct hm_system *sys);

/* From before the first lcore is launched until the last one has ended; the ends of stalls are told by then. */
int hmi_stalls_start(struct hm_system *sys);

void hmi_stalls_stop(struct hm_system *sys);

/* On an lcore, at its start: it can say where it is. */
void hmi_stalls_lcore(const struct hm_system *sys);

/* ---- event_external.c ---- */

/* Publish what the thread that looks for stalls has found. */
void hmi_stall_event(struct hm_system *sys, const struct hm_stall *stall);

/* ---- system.c, system_run.c ---- */

/* Every actor has stopped: so may the lcores. */
void hmi_root_ended(struct hm_ctx *ctx);

/* As hm_system_turn, of one lcore of a stepped system. */
uint32_t hmi_system_turn_lcore(struct hm_system *sys, uint32_t lcore);

/* Turn what is still under way into dead letters; no lcore runs any more. Who waits for an lcore is told. */
void hmi_lcores_drain(struct hm_system *sys);

/* The same, behind the end of calls by the offload pool. */
void hmi_system_drain(struct hm_system *sys);

#endif /* LCORE_SETUP_PVT_H */
