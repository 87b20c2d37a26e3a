/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_LOG_H
#define HM_LOG_H

/**
 * @file
 * The log of actors: lines with the lcore and the actor's path, into EAL's log.
 *
 *     hm_log(ctx, HM_LOG_WARNING, "order %u is late", number);
 *
 *     hermod: lcore 1: /user/shop: order 17 is late
 *
 * Its log type is hermod.actors, which shows INFO and above; others by EAL's option:
 *
 *     program --log-level=hermod.actors:debug
 */

#ifdef __cplusplus
extern "C" {
#endif

struct hm_ctx;

/** As EAL's levels. */
enum hm_log_level {
	HM_LOG_ERROR = 4,
	HM_LOG_WARNING,
	HM_LOG_NOTICE,
	HM_LOG_INFO,
	HM_LOG_DEBUG,
};

/** Most bytes of a line's text; what is longer is cut, and ends with "...". */
#define HM_LOG_MAX 1024

/**
 * Write a line to the log.
 *
 * Writing is a system call or more, so not for each message; a level that is not shown costs a look at the type's level.
 *
 * Context: turn; writes to EAL's stream, and so may block. Ownership: the format and its arguments stay the caller's.
 *
 * @param level   outside of the enumeration: as HM_LOG_ERROR or HM_LOG_DEBUG, whichever is nearer
 * @param format  as of printf, without a newline at its end; must not be NULL
 */
__attribute__((format(printf, 3, 4)))
void hm_log(struct hm_ctx *ctx, enum hm_log_level level, const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif /* HM_LOG_H */
