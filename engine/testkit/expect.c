/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is expected of probes.
 */
#include <inttypes.h>
#include <stdio.h>

#include "hm_type.h"
#include "testkit_pvt.h"

/* The functions themselves. */
#undef hm_probe_expect
#undef hm_probe_expect_terminated
#undef hm_probe_expect_none
#undef hm_probe_fish

/* Types of waiting messages that a failure names, at most. */
#define NAMED_MAX 8

/* ---- Taking --------------------------------------------------------------------------------- */

static bool
is_empty(struct hm_probe *probe)
{
	return hm_probe_count(probe) == 0;
}

/* Until a message comes, or the time is over, or there is a failure. */
static void
real_await(struct hm_probe *probe, uint64_t until_ns)
{
	struct hm_kit *kit = probe->kit;

	pthread_mutex_lock(&kit->lock);
	while (probe->count == 0 && !kit->has_failed && hmi_kit_wait(kit, until_ns))
		;
	pthread_mutex_unlock(&kit->lock);
}

/* Returns whether there is a message; false also after a failure. */
static bool
await(struct hm_probe *probe, uint64_t until_ns)
{
	struct hm_kit *kit = probe->kit;
	uint64_t steps = 0;

	if (!hmi_kit_may(kit, "hm_probe_next and its like") || !hmi_kit_start(kit))
		return false;
	if (kit->config.real_time) {
		real_await(probe, until_ns);
	} else {
		while (is_empty(probe) && hmi_kit_go_on(kit, until_ns, &steps))
			;
	}
	return !hmi_kit_tell(kit) && !is_empty(probe);
}

/* Hand the first message out; NULL: there is none. */
static const struct hm_msg *
hand_out(struct hm_probe *probe)
{
	struct hmi_probe_msg *entry;

	pthread_mutex_lock(&probe->kit->lock);
	hmi_probe_put_back(probe);
	entry = probe->first;
	if (entry != NULL) {
		probe->first = entry->next;
		if (probe->first == NULL)
			probe->end = &probe->first;
		probe->count--;
		probe->sender = hm_msg_sender(entry->msg);
		probe->current = entry;
	}
	pthread_mutex_unlock(&probe->kit->lock);
	return entry != NULL ? entry->msg : NULL;
}

static const struct hm_msg *
next_until(struct hm_probe *probe, uint64_t until_ns)
{
	return await(probe, until_ns) ? hand_out(probe) : NULL;
}

const struct hm_msg *
hm_probe_next(struct hm_probe *probe, uint64_t within_us)
{
	hmi_kit_check_pointer(probe, "hm_probe_next");
	return next_until(probe, hmi_kit_until_ns(probe->kit, within_us));
}

/* ---- Failures ------------------------------------------------------------------------------- */

/* "; behind it wait: ..." or nothing. */
static void
waiting_describe(struct hm_probe *probe, const struct hm_msg *but, char *text, size_t size)
{
	const struct hmi_probe_msg *entry;
	size_t used = 0;
	int named = 0;

	text[0] = '\0';
	pthread_mutex_lock(&probe->kit->lock);
	entry = probe->first;
	if (entry != NULL && entry->msg == but)
		entry = entry->next;
	for (; entry != NULL && named < NAMED_MAX && used < size; entry = entry->next, named++)
		used += (size_t)snprintf(text + used, size - used, "%s%s",
					 named == 0 ? "; behind it wait: " : ", ",
					 hm_type_name(probe->kit->sys, hm_msg_type(entry->msg)));
	if (entry != NULL && used < size)
		snprintf(text + used, size - used, ", ...");
	pthread_mutex_unlock(&probe->kit->lock);
}

static void
fail_with(struct hm_probe *probe, const struct hm_msg *msg, const char *why)
{
	char behind[512], pid[HM_PID_TEXT_SIZE];
	struct hm_pid sender = hm_msg_sender(msg);

	waiting_describe(probe, msg, behind, sizeof(behind));
	hm_kit_fail(probe->kit, "probe %s: got %s (%u) from %s, %s%s", probe->name,
		    hm_type_name(probe->kit->sys, hm_msg_type(msg)), hm_msg_type(msg),
		    hm_pid_is_none(sender) ? "nobody" : hm_pid_format(sender, pid), why, behind);
}

/* Unless one was told while it was waited for, since `failures`. */
static void
fail_without(struct hm_probe *probe, const char *what, uint64_t within_us, uint64_t failures)
{
	if (probe->kit->failures != failures)
		return;
	hm_kit_fail(probe->kit, "probe %s: no %s within %" PRIu64 " us of %s time%s", probe->name, what,
		    within_us, probe->kit->config.real_time ? "real" : "virtual",
		    probe->has_ended ? "; it has ended" : "");
}

/* ---- Expecting ------------------------------------------------------------------------------ */

struct hm_probe *
hm_probe_at(struct hm_probe *probe, const char *file, int line)
{
	hmi_kit_check_pointer(probe, "hm_probe_at");
	probe->kit->file = file;
	probe->kit->line = line;
	return probe;
}

/* The call is over: its line is no other one's. */
static void
leave(struct hm_probe *probe)
{
	probe->kit->file = NULL;
}

static const struct hm_msg *
expect(struct hm_probe *probe, uint16_t type, uint64_t within_us)
{
	uint64_t failures = probe->kit->failures;
	const struct hm_msg *msg = hm_probe_next(probe, within_us);
	char what[128];

	snprintf(what, sizeof(what), "%s (%u)", hm_type_name(probe->kit->sys, type), type);
	if (msg == NULL) {
		fail_without(probe, what, within_us, failures);
	} else if (hm_msg_type(msg) != type) {
		char why[160];

		snprintf(why, sizeof(why), "instead of %s", what);
		fail_with(probe, msg, why);
		msg = NULL;
	}
	return msg;
}

const struct hm_msg *
hm_probe_expect(struct hm_probe *probe, uint16_t type, uint64_t within_us)
{
	const struct hm_msg *msg;

	hmi_kit_check_pointer(probe, "hm_probe_expect");
	msg = expect(probe, type, within_us);
	leave(probe);
	return msg;
}

bool
hm_probe_expect_terminated(struct hm_probe *probe, struct hm_pid who, uint64_t within_us, uint32_t *reason)
{
	const struct hm_msg *msg;
	const struct hm_terminated *body;
	bool is_it = false;

	hmi_kit_check_pointer(probe, "hm_probe_expect_terminated");
	msg = expect(probe, HM_TERMINATED, within_us);
	if (msg != NULL) {
		body = hm_msg_body(msg);
		is_it = hm_pid_equal(body->who, who);
		if (!is_it)
			fail_with(probe, msg, "of another process than the one that is expected to end");
		else if (reason != NULL)
			*reason = body->reason;
	}
	leave(probe);
	return is_it;
}

bool
hm_probe_expect_none(struct hm_probe *probe, uint64_t within_us)
{
	uint64_t failures;
	bool is_none;

	hmi_kit_check_pointer(probe, "hm_probe_expect_none");
	if (!hmi_kit_may(probe->kit, "hm_probe_expect_none"))
		return false;
	failures = probe->kit->failures;
	is_none = !await(probe, hmi_kit_until_ns(probe->kit, within_us));
	if (!is_none)
		fail_with(probe, probe->first->msg, "and is to get nothing");
	leave(probe);
	/* Another failure may have been told meanwhile. */
	return is_none && probe->kit->failures == failures;
}

static const struct hm_msg *
fish(struct hm_probe *probe, hm_probe_fish_fn *fn, void *arg, uint64_t within_us)
{
	uint64_t until_ns = hmi_kit_until_ns(probe->kit, within_us), failures = probe->kit->failures;
	const struct hm_msg *msg;
	enum hm_fish found;

	do {
		msg = next_until(probe, until_ns);
		if (msg == NULL) {
			fail_without(probe, "message that is fished for", within_us, failures);
			return NULL;
		}
		found = fn(msg, arg);
	} while (found == HM_FISH_ON);
	if (found == HM_FISH_TAKE)
		return msg;
	fail_with(probe, msg, "which is not to come");
	return NULL;
}

const struct hm_msg *
hm_probe_fish(struct hm_probe *probe, hm_probe_fish_fn *fn, void *arg, uint64_t within_us)
{
	const struct hm_msg *msg;

	hmi_kit_check_pointer(probe, "hm_probe_fish");
	hmi_kit_check_pointer((const void *)(uintptr_t)fn, "hm_probe_fish");
	msg = fish(probe, fn, arg, within_us);
	leave(probe);
	return msg;
}

/* ---- Inspect -------------------------------------------------------------------------------- */

uint32_t
hm_probe_count(struct hm_probe *probe)
{
	uint32_t count;

	hmi_kit_check_pointer(probe, "hm_probe_count");
	pthread_mutex_lock(&probe->kit->lock);
	count = probe->count;
	pthread_mutex_unlock(&probe->kit->lock);
	return count;
}

struct hm_pid
hm_probe_sender(const struct hm_probe *probe)
{
	hmi_kit_check_pointer(probe, "hm_probe_sender");
	return probe->sender;
}
