/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder_pvt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_log.h>

#include "hm_type.h"

#define TYPE_MASK ((UINT64_C(1) << HMI_RECORD_TYPE_BITS) - 1)
/* The longest name of a type that a line has room for. */
#define NAME_MAX_SHOWN 80u

const char *
hm_event_name(enum hm_event_kind kind)
{
	switch (kind) {
	case HM_EVENT_HANDLES:
		return "handles";
	case HM_EVENT_FAILS:
		return "fails at";
	case HM_EVENT_MUTED:
		return "is muted";
	case HM_EVENT_UNMUTED:
		return "is muted no more";
	case HM_EVENT_OVERLOADED:
		return "is overloaded";
	case HM_EVENT_DRAINED:
		return "has drained";
	case HM_EVENT_DEADLINE:
		return "is not answered in time";
	case HM_EVENT_TIMER:
		return "has a timer fire";
	default:
		return "unknown";
	}
}

/* ---- Reading -------------------------------------------------------------------------------- */

static struct hm_event
event_of(const struct hm_ctx *ctx, const uint64_t words[2])
{
	uint32_t slot = (uint32_t)(words[1] >> 32) & (HM_SLOTS_MAX - 1);

	return (struct hm_event){
		.time_ns = words[0] >> HMI_RECORD_TYPE_BITS << HMI_RECORD_TIME_SHIFT,
		.actor = { ctx->node, hmi_local(hmi_index(ctx), slot, (uint32_t)words[1]) },
		.type = (uint16_t)(words[0] & TYPE_MASK),
		.kind = (enum hm_event_kind)(words[1] >> 56),
	};
}

static struct hm_event
event_at(const struct hm_ctx *ctx, uint64_t at)
{
	const struct hmi_recorded *event = &ctx->recorder.events[at % HMI_RECORDER_RING];
	uint64_t words[2];

	/* FR2, acquire: pairs with the releases in hmi_flight_note. */
	words[0] = atomic_load_explicit(&event->words[0], memory_order_acquire);
	words[1] = atomic_load_explicit(&event->words[1], memory_order_acquire); /* FR2 */
	return event_of(ctx, words);
}

uint32_t
hmi_recorder_copy(const struct hm_ctx *ctx, struct hm_event *events, uint32_t max)
{
	/* FR1, acquire: pairs with the release in hmi_flight_note. */
	uint64_t next = atomic_load_explicit(&ctx->recorder.next, memory_order_acquire), first, now;
	uint32_t count = (uint32_t)RTE_MIN(next, (uint64_t)RTE_MIN(max, HM_RECORDER_EVENTS)), lost = 0;

	first = next - count;
	for (uint32_t i = 0; i < count; i++)
		events[i] = event_at(ctx, first + i);
	/* The lcore may have gone on, and may be in the middle of writing the event `now`. */
	now = atomic_load_explicit(&ctx->recorder.next, memory_order_relaxed);
	if (now + 1 > first + HMI_RECORDER_RING)
		lost = (uint32_t)RTE_MIN(now + 1 - HMI_RECORDER_RING - first, (uint64_t)count);
	memmove(events, events + lost, (count - lost) * sizeof(*events));
	return count - lost;
}

size_t
hm_recorder_read(const struct hm_system *sys, uint32_t lcore, struct hm_event *events, size_t max)
{
	if (sys == NULL || lcore >= sys->lcores_count || events == NULL)
		return 0;
	return hmi_recorder_copy(sys->lcores[lcore], events,
				 (uint32_t)RTE_MIN(max, (size_t)HM_RECORDER_EVENTS));
}

/* ---- Text: what the C library offers for it may not be called in a handler ------------------------ */

struct text {
	char *at, *end;
};

static void
add(struct text *text, const char *more, size_t max)
{
	for (size_t i = 0; i < max && more[i] != '\0' && text->at < text->end; i++)
		*text->at++ = more[i];
}

static void
add_number(struct text *text, uint64_t number, unsigned int base, unsigned int digits_min)
{
	char digits[24];
	unsigned int n = 0;

	for (; number > 0 || n < digits_min; number /= base)
		digits[n++] = "0123456789abcdef"[number % base];
	while (n > 0)
		add(text, &digits[--n], 1);
}

static void
add_pid(struct text *text, struct hm_pid pid)
{
	add_number(text, pid.node, 16, 1);
	add(text, ":", 1);
	add_number(text, hm_pid_lcore(pid), 10, 1);
	add(text, ".", 1);
	add_number(text, hm_pid_slot(pid), 10, 1);
	add(text, ".", 1);
	add_number(text, hm_pid_generation(pid), 10, 1);
}

size_t
hmi_recorder_format(const struct hm_ctx *ctx, const struct hm_event *event, char line[HMI_RECORDER_LINE])
{
	struct text text = { line, line + HMI_RECORDER_LINE - 2 };

	add(&text, "hermod: lcore ", SIZE_MAX);
	add_number(&text, hmi_index(ctx), 10, 1);
	add(&text, ": at ", SIZE_MAX);
	add_number(&text, event->time_ns / 1000000000, 10, 1);
	add(&text, ".", 1);
	add_number(&text, event->time_ns % 1000000000 / 1000, 10, 6);
	add(&text, " s: ", SIZE_MAX);
	add_pid(&text, event->actor);
	add(&text, " ", 1);
	add(&text, hm_event_name(event->kind), SIZE_MAX);
	if (event->type != 0) {
		add(&text, " ", 1);
		add(&text, hm_type_name(ctx->sys, event->type), NAME_MAX_SHOWN);
	}
	*text.at++ = '\n';
	*text.at = '\0';
	return (size_t)(text.at - line);
}

/* ---- Where it goes ----------------------------------------------------------------------------------- */

void
hmi_recorder_write(const struct hm_ctx *ctx, int fd)
{
	struct hm_event events[HMI_RECORDER_WRITTEN];
	uint32_t count = hmi_recorder_copy(ctx, events, HMI_RECORDER_WRITTEN);
	char line[HMI_RECORDER_LINE];

	for (uint32_t i = 0; i < count; i++)
		(void)!write(fd, line, hmi_recorder_format(ctx, &events[i], line));
}

void
hmi_recorder_log(const struct hm_ctx *ctx)
{
	struct hm_event events[HMI_RECORDER_LOGGED];
	uint32_t count = hmi_recorder_copy(ctx, events, HMI_RECORDER_LOGGED);
	char text[HMI_RECORDER_LOGGED * HMI_RECORDER_LINE];
	size_t length = 0;

	for (uint32_t i = 0; i < count; i++)
		length += hmi_recorder_format(ctx, &events[i], text + length);
	if (count > 0)
		rte_log(RTE_LOG_WARNING, (uint32_t)ctx->sys->logtype, "%s", text);
}

int
hm_recorder_dump(const struct hm_system *sys, FILE *out)
{
	if (sys == NULL || out == NULL)
		return -EINVAL;
	for (uint32_t lcore = 0; lcore < sys->lcores_count; lcore++) {
		struct hm_event events[HM_RECORDER_EVENTS];
		uint32_t count = hmi_recorder_copy(sys->lcores[lcore], events, HM_RECORDER_EVENTS);
		char line[HMI_RECORDER_LINE];

		for (uint32_t i = 0; i < count; i++) {
			(void)hmi_recorder_format(sys->lcores[lcore], &events[i], line);
			if (fputs(line, out) == EOF)
				return -EIO;
		}
	}
	return fflush(out) == 0 ? 0 : -EIO;
}
