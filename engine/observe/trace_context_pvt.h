/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRACE_CONTEXT_PVT_H
#define TRACE_CONTEXT_PVT_H

/*
 * W3C Trace Context, level 1, as texts.
 *
 *     traceparent   00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01      version, trace, span, flags
 *     tracestate    vendor=value,other@vendor=value                              handed on as it is
 *
 * Pure functions. Whoever reads a context is strict: what is malformed is none.
 */

#include <stdbool.h>

#include "observer_pvt.h"

/* Characters of a tracestate that is handed on. */
#define HMI_TRACESTATE_MAX         512u
#define HMI_TRACESTATE_MEMBERS_MAX 32u

/* Returns false: it is none, and *trace stays as it was. */
bool hmi_traceparent_parse(const char *text, struct hmi_trace *trace);

/* `text`: HM_TRACEPARENT_SIZE characters. Without a call of printf: it is done for each message that is sent. */
void hmi_traceparent_format(const struct hmi_trace *trace, char *text);

/* Whether it can be handed on: a list of members whose keys differ. */
bool hmi_tracestate_is_valid(const char *text);

#endif /* TRACE_CONTEXT_PVT_H */
