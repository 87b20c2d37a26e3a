/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What actors write to the log.
 */
#include "hm_log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_log.h>

#include "check_pvt.h"
#include "lcore_pvt.h"
#include "mark_pvt.h"

static_assert((int)HM_LOG_ERROR == RTE_LOG_ERR && (int)HM_LOG_DEBUG == RTE_LOG_DEBUG,
	      "levels are those of EAL");

/* The text, which is the actor's affair: an argument may be no text at all. */
static __attribute__((format(printf, 2, 0))) void
text_format(char *text, const char *format, va_list args)
{
	if (vsnprintf(text, HM_LOG_MAX, format, args) >= HM_LOG_MAX)
		memcpy(text + HM_LOG_MAX - sizeof("..."), "...", sizeof("..."));
}

static void
line_write(struct hm_ctx *ctx, uint32_t level, const char *text)
{
	const struct hmi_path *path = hmi_cell_path(ctx->cell);
	char pid[HM_PID_TEXT_SIZE];
	HMI_MARKED(ctx);

	rte_log(level, (uint32_t)ctx->sys->actors_logtype, "hermod: lcore %u: %s: %s\n", hmi_index(ctx),
		path != NULL ? path->path : hm_pid_format(hmi_pid_of(ctx, ctx->cell), pid), text);
}

void
hm_log(struct hm_ctx *ctx, enum hm_log_level level, const char *format, ...)
{
	uint32_t shown = RTE_MIN(RTE_MAX((uint32_t)level, (uint32_t)HM_LOG_ERROR), (uint32_t)HM_LOG_DEBUG);
	char text[HM_LOG_MAX];
	va_list args;

	hmi_check_ctx(ctx, "hm_log");
	if (!rte_log_can_log((uint32_t)ctx->sys->actors_logtype, shown))
		return;
	va_start(args, format);
	text_format(text, format, args);
	va_end(args);
	line_write(ctx, shown, text);
}
