/* SPDX-License-Identifier: Apache-2.0 */
/*
 * W3C trace context: what is a traceparent or a tracestate, and what is none.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "hm_tracing.h"
#include "trace_context_pvt.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"

Test(engine_trace_context, traceparent__is_read)
{
	struct hmi_trace trace = { { 0, 0 }, 0, false };

	cr_assert(hmi_traceparent_parse("00-" TRACE "-" SPAN "-01", &trace));
	cr_assert_eq(trace.trace[0], 0x0af7651916cd43dd);
	cr_assert_eq(trace.trace[1], 0x8448eb211c80319c);
	cr_assert_eq(trace.span, 0xb7ad6b7169203331);
	cr_assert(trace.is_sampled);
}

Test(engine_trace_context, traceparent__flags_that_are_not_known_mean_nothing)
{
	struct hmi_trace trace;

	cr_assert(hmi_traceparent_parse("00-" TRACE "-" SPAN "-fe", &trace));
	cr_assert_not(trace.is_sampled);
	cr_assert(hmi_traceparent_parse("00-" TRACE "-" SPAN "-ff", &trace));
	cr_assert(trace.is_sampled);
}

Test(engine_trace_context, traceparent__of_a_later_version_may_say_more)
{
	struct hmi_trace trace;

	cr_assert(hmi_traceparent_parse("cc-" TRACE "-" SPAN "-01", &trace));
	cr_assert(hmi_traceparent_parse("01-" TRACE "-" SPAN "-01-what.the.future.brings", &trace));
	cr_assert_not(hmi_traceparent_parse("01-" TRACE "-" SPAN "-01.what", &trace));
}

Test(engine_trace_context, traceparent__that_is_malformed_is_none)
{
	static const char *const texts[] = {
		"",
		"0",
		"00",
		"00-",
		"00-" TRACE,
		"00-" TRACE "-",
		"00-" TRACE "-" SPAN,
		"00-" TRACE "-" SPAN "-",
		"00-" TRACE "-" SPAN "-0",
		"00-" TRACE "-" SPAN "-011",
		"00-" TRACE "-" SPAN "-01-",
		"00-" TRACE "-" SPAN "-01-more",
		" 00-" TRACE "-" SPAN "-01",
		"00-" TRACE "-" SPAN "-01 ",
		"ff-" TRACE "-" SPAN "-01",
		"0-" TRACE "-" SPAN "-01",
		"000" TRACE "-" SPAN "-01",
		"00_" TRACE "-" SPAN "-01",
		"0x-" TRACE "-" SPAN "-01",
		"00-" TRACE "_" SPAN "-01",
		"00-" TRACE "-" SPAN "_01",
		"00-" TRACE "-" SPAN "-0g",
		"00-" TRACE "-" SPAN "-0A",
		"00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
		"00-" TRACE "-B7AD6B7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319-" SPAN "-01",
		"00-0af7651916cd43dd8448eb211c80319c0-" SPAN "-01",
		"00-0af7651916cd43dd 448eb211c80319c-" SPAN "-01",
		"00-" TRACE "-b7ad6b716920333-01",
		"00-" TRACE "-0000000000000000-01",
		"00-00000000000000000000000000000000-" SPAN "-01",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct hmi_trace trace = { { 1, 2 }, 3, true };

		cr_assert_not(hmi_traceparent_parse(texts[i], &trace), "%s", texts[i]);
		cr_assert(trace.trace[0] == 1 && trace.trace[1] == 2 && trace.span == 3 && trace.is_sampled);
	}
}

/* A half of the trace's id may be zeros. */
Test(engine_trace_context, traceparent__of_a_short_id_is_read)
{
	struct hmi_trace trace;

	cr_assert(hmi_traceparent_parse("00-0000000000000000000000000000000f-" SPAN "-01", &trace));
	cr_assert(hmi_traceparent_parse("00-f0000000000000000000000000000000-" SPAN "-01", &trace));
}

Test(engine_trace_context, traceparent__is_written_as_it_is_read)
{
	static const char *const texts[] = { "00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-00" };

	for (size_t i = 0; i < 2; i++) {
		char text[HM_TRACEPARENT_SIZE];
		struct hmi_trace trace;

		cr_assert(hmi_traceparent_parse(texts[i], &trace));
		hmi_traceparent_format(&trace, text);
		cr_assert_str_eq(text, texts[i]);
	}
}

Test(engine_trace_context, tracestate__of_members_is_handed_on)
{
	static const char *const texts[] = {
		"",
		"a=1",
		"a=1,b=2",
		" a=1 ,\tb=2\t",
		"a=1,,b=2",
		",",
		"a=1,",
		"rojo=00f067aa0ba902b7,congo=t61",
		"fw529a3039@dt=FfD2",
		"0a@b=x",
		"a_-*/9=~ !",
		"a=  x",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert(hmi_tracestate_is_valid(texts[i]), "%s", texts[i]);
}

Test(engine_trace_context, tracestate__that_is_malformed_is_none)
{
	static const char *const texts[] = {
		"a",
		"a=",
		"=1",
		"a=1;b=2",
		"A=1",
		"0=1",
		"a b=1",
		"a=1=2",
		"a=\x7f",
		"a=\xc3\xa4",
		"a=1,a=2",
		"a=1,b",
		"@b=1",
		"a@=1",
		"a@b@c=1",
		"a@0=1",
		"a.b=1",
		"a=b\nc",
		"a@abcdefghijklmno=1",
		"a =1",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_not(hmi_tracestate_is_valid(texts[i]), "%s", texts[i]);
}

/* Two texts, and so many letters between them. */
static const char *
long_text(const char *before, size_t letters, const char *behind)
{
	static char text[1024];
	char middle[512];

	memset(middle, 'x', letters);
	middle[letters] = '\0';
	snprintf(text, sizeof(text), "%s%s%s", before, middle, behind);
	return text;
}

Test(engine_trace_context, tracestate__keys_and_values_have_a_limit)
{
	cr_assert(hmi_tracestate_is_valid(long_text("", 256, "=1")));
	cr_assert_not(hmi_tracestate_is_valid(long_text("", 257, "=1")));
	cr_assert(hmi_tracestate_is_valid(long_text("", 241, "@abcdefghijklmn=1")));
	cr_assert_not(hmi_tracestate_is_valid(long_text("", 242, "@abcdefghijklmn=1")));
	cr_assert(hmi_tracestate_is_valid(long_text("a=", 256, "")));
	cr_assert_not(hmi_tracestate_is_valid(long_text("a=", 257, "")));
}

Test(engine_trace_context, tracestate__has_a_limit_of_members)
{
	char text[512] = "";

	for (int i = 0; i < 33; i++) {
		size_t length = strlen(text);

		cr_assert(hmi_tracestate_is_valid(text), "%d members", i);
		snprintf(text + length, sizeof(text) - length, "k%d=1,", i);
	}
	cr_assert_not(hmi_tracestate_is_valid(text));
}

Test(engine_trace_context, tracestate__has_a_limit_of_characters)
{
	char text[HMI_TRACESTATE_MAX + 2] = "";

	memset(text, ',', HMI_TRACESTATE_MAX);
	cr_assert(hmi_tracestate_is_valid(text));
	text[HMI_TRACESTATE_MAX] = ',';
	cr_assert_not(hmi_tracestate_is_valid(text));
}
