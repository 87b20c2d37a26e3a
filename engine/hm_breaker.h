/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_BREAKER_H
#define HM_BREAKER_H

/**
 * @file
 * A circuit breaker: stop asking who does not answer, and try again later.
 *
 *     closed ── so many failures in a row ──▶ open ── after a time ──▶ half open ── so many successes ──▶ closed
 *                                              ▲────────── a failure ─────┘
 *
 *     if (!hm_breaker_allow(&state->breaker, hm_now_ns(ctx), &ticket))
 *             return answer_from_cache(...);
 *     hm_ask(ctx, backend, QUERY, &query, 100000, on_answer, (void *)(uintptr_t)ticket);
 *     ...
 *     on_answer: hm_breaker_report(&state->breaker, (uint32_t)(uintptr_t)arg, result == HM_FUTURE_REPLY, hm_now_ns(ctx));
 *
 * A ticket names the state in which its call began: the result of a call that began before the breaker last opened or closed says
 * nothing about the present, and is ignored.
 *
 * It lies in an actor's state, and is for one thread at a time. All times are nanoseconds of a clock that does not go back.
 */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a breaker behaves. */
struct hm_breaker_config {
	uint32_t failures; /**< in a row, after which it opens; 0: 5 */
	uint32_t probes;   /**< calls while it is half open, all of which must succeed; 0: 1 */
	uint64_t open_us;  /**< microseconds for which it is open; 0: 1,000,000 */
};

/** What a breaker does. */
enum hm_breaker_state {
	HM_BREAKER_CLOSED = 0, /**< calls are made */
	HM_BREAKER_OPEN,       /**< none are */
	HM_BREAKER_HALF_OPEN,  /**< some are, to see */
};

/** A circuit breaker. Its members are the functions' below. */
struct hm_breaker {
	struct hm_breaker_config config; /**< with its defaults filled in */
	uint32_t state;                  /**< enum hm_breaker_state, as of the last call */
	uint32_t ticket;                 /**< of the calls that begin now */
	uint32_t failures;               /**< in a row */
	uint32_t begun;                  /**< probes */
	uint32_t succeeded;              /**< probes */
	uint64_t until_ns;               /**< it is open, or, half open, waits for its probes' results */
};

/**
 * Make a breaker, which is closed.
 *
 * Context: any thread. Ownership: the caller's memory; nothing is to be freed.
 *
 * @param breaker  must not be NULL
 * @param config   copied; NULL: all defaults
 */
void hm_breaker_init(struct hm_breaker *breaker, const struct hm_breaker_config *config);

/**
 * Whether a call may be made. If it is, its result must be reported. A probe whose result has not come for as long as the
 * breaker is open for is given up, and others may begin.
 *
 * Context: the breaker's thread. Ownership: the breaker stays the caller's.
 *
 * @param breaker      must not be NULL
 * @param[out] ticket  for hm_breaker_report; must not be NULL; set if the call may be made
 * @return whether it may
 */
bool hm_breaker_allow(struct hm_breaker *breaker, uint64_t now_ns, uint32_t *ticket);

/**
 * How a call has ended.
 *
 * Context: the breaker's thread. Ownership: the breaker stays the caller's.
 *
 * @param breaker  must not be NULL
 * @param ticket   of hm_breaker_allow
 */
void hm_breaker_report(struct hm_breaker *breaker, uint32_t ticket, bool is_success, uint64_t now_ns);

/**
 * The state at a time.
 *
 * Context: the breaker's thread. Ownership: the breaker stays the caller's.
 *
 * @param breaker  must not be NULL
 * @return half open from when a call would be allowed again
 */
enum hm_breaker_state hm_breaker_state_at(const struct hm_breaker *breaker, uint64_t now_ns);

#ifdef __cplusplus
}
#endif

#endif /* HM_BREAKER_H */
