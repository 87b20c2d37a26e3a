/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_PID_H
#define HM_PID_H

/**
 * @file
 * Process identifiers.
 *
 *     node                              local
 *     ┌────────────────────────────┐    ┌───────┬──────────────┬─────────────────┐
 *     │ 64 bits, one incarnation   │    │ lcore │     slot     │   generation    │
 *     │ of one node, chosen at     │    │   8   │      24      │       32        │
 *     │ random when it starts      │    └───────┴──────────────┴─────────────────┘
 *     └────────────────────────────┘
 *
 * The local part says where its actor was born, which knows where it lives if
 * it has moved; so routing needs no table on the sender's side. A slot's generation grows each time the slot is given back:
 * a PID names one actor for ever, and a stale one resolves to nothing.
 *
 * All functions are pure; any thread may call them.
 */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Lcores of one system; an lcore's index is below this. */
#define HM_LCORES_MAX 255u
/** Slots of one lcore. */
#define HM_SLOTS_MAX (1u << 24)

/** Who receives a message: an actor, a future, or another process. Passed by value. */
struct hm_pid {
	uint64_t node;  /**< incarnation of a node; 0: no process */
	uint64_t local; /**< lcore, slot and generation within the node */
};

/**
 * The PID of nobody: no sender, no parent.
 *
 * Context: any thread.
 *
 * @return zeros
 */
static inline struct hm_pid
hm_pid_none(void)
{
	struct hm_pid none = { 0, 0 };

	return none;
}

/**
 * Whether @p pid is the PID of nobody.
 *
 * Context: any thread.
 *
 * @return true: no process
 */
static inline bool
hm_pid_is_none(struct hm_pid pid)
{
	return pid.node == 0;
}

/**
 * Whether both name the same process.
 *
 * Context: any thread.
 *
 * @return true: they do
 */
static inline bool
hm_pid_equal(struct hm_pid a, struct hm_pid b)
{
	return a.node == b.node && a.local == b.local;
}

/**
 * The lcore that the process was born on, and lives on unless it has moved since (hm_move.h): hm_lcore tells the
 * actor itself.
 *
 * Context: any thread.
 *
 * @return its index, among those of the process's node
 */
static inline uint32_t
hm_pid_lcore(struct hm_pid pid)
{
	return (uint32_t)(pid.local >> 56);
}

/**
 * Slot of the process on its lcore.
 *
 * Context: any thread.
 *
 * @return a number below HM_SLOTS_MAX
 */
static inline uint32_t
hm_pid_slot(struct hm_pid pid)
{
	return (uint32_t)(pid.local >> 32) & (HM_SLOTS_MAX - 1);
}

/**
 * Which of the slot's successive processes it is.
 *
 * Context: any thread.
 *
 * @return a number; 0 in no PID of a process
 */
static inline uint32_t
hm_pid_generation(struct hm_pid pid)
{
	return (uint32_t)pid.local;
}

/** Characters that hm_pid_format writes at most, the closing zero included. */
#define HM_PID_TEXT_SIZE 48

/**
 * Write a PID as text, "node:lcore.slot.generation" with the node in hexadecimal.
 *
 * Context: any thread. Ownership: @p text is the caller's, and what is returned.
 *
 * @param pid   any PID
 * @param text  at least HM_PID_TEXT_SIZE characters; always zero-terminated
 * @return @p text
 */
char *hm_pid_format(struct hm_pid pid, char *text);

#ifdef __cplusplus
}
#endif

#endif /* HM_PID_H */
