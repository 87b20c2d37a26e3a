/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHECK_PVT_H
#define CHECK_PVT_H

/*
 * What debug and sanitizer builds check of the arguments of a call. Nothing in release builds.
 *
 *     ctx     of the calling thread's own lcore: else the process ends, since the two threads race
 *     body    AddressSanitizer: all bytes that the type has belong to the caller; the process ends
 *     type    registered: else a line in the log, and the call returns what it documents
 */

#include "assert_pvt.h"
#include "lcore_pvt.h"

#if HMI_DEBUG

void hmi_check_ctx(const struct hm_ctx *ctx, const char *function);

void hmi_check_body(const struct hm_system *sys, uint16_t type, const void *body, const char *function);

#else

static inline void
hmi_check_ctx(const struct hm_ctx *ctx, const char *function)
{
	(void)ctx;
	(void)function;
}

static inline void
hmi_check_body(const struct hm_system *sys, uint16_t type, const void *body, const char *function)
{
	(void)sys;
	(void)type;
	(void)body;
	(void)function;
}

#endif

/* Both. */
static inline void
hmi_check_send(const struct hm_ctx *ctx, uint16_t type, const void *body, const char *function)
{
	hmi_check_ctx(ctx, function);
	hmi_check_body(ctx->sys, type, body, function);
}

#endif /* CHECK_PVT_H */
