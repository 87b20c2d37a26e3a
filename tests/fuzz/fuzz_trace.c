/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fuzz target: headers with a trace context. The first line is taken for a traceparent, all of it for a tracestate.
 */
#include <stdlib.h>
#include <string.h>

#include "hm_tracing.h"
#include "trace_context_pvt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is written, and read again, as the same; but for the version, and what later ones say behind it. */
static void
parent_check(const char *text)
{
	struct hmi_trace trace, again;
	char written[HM_TRACEPARENT_SIZE];

	if (!hmi_traceparent_parse(text, &trace))
		return;
	hmi_traceparent_format(&trace, written);
	if (hmi_trace_is_none(&trace) || trace.span == 0 || strlen(written) != sizeof(written) - 1 ||
	    !hmi_traceparent_parse(written, &again) || strncmp(written + 2, text + 2, 51) != 0)
		abort();
	if (again.trace[0] != trace.trace[0] || again.trace[1] != trace.trace[1] ||
	    again.span != trace.span || again.is_sampled != trace.is_sampled)
		abort();
}

/* One that can be handed on is within its bounds, and has no control characters but tabs. */
static void
state_check(const char *text)
{
	if (!hmi_tracestate_is_valid(text))
		return;
	if (strlen(text) > HMI_TRACESTATE_MAX)
		abort();
	for (; *text != '\0'; text++) {
		if ((*text < ' ' && *text != '\t') || *text > '~')
			abort();
	}
}

/* In a block of its own size, so that what is read behind it is noticed. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	state_check(text);
	line = strndup(text, strcspn(text, "\n"));
	if (line != NULL)
		parent_check(line);
	free(line);
	free(text);
	return 0;
}
