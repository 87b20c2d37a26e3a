/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test has a probe do: a message to the probe, and steps until its turn has come.
 */
#include <errno.h>
#include <stdlib.h>

#include "testkit_pvt.h"

/* In real time, for a call to be done, and between two looks at one that takes longer than others wait. */
#define CALL_US   10000000u
#define MOMENT_US 10000u

static struct hmi_probe_call *
call_new(struct hm_probe *probe, hm_probe_do_fn *fn, void *arg)
{
	struct hmi_probe_call *call = calloc(1, sizeof(*call));

	if (call == NULL)
		return NULL;
	call->fn = fn;
	call->arg = arg;
	call->next = probe->calls;
	probe->calls = call;
	return call;
}

/* Free those that are over; those that have not begun may still come to their turn. The lock is held. */
static void
calls_free(struct hm_probe *probe)
{
	struct hmi_probe_call **link = &probe->calls;

	while (*link != NULL) {
		struct hmi_probe_call *call = *link;

		if (call->state >= HMI_PROBE_CALL_LEFT) {
			*link = call->next;
			free(call);
		} else {
			link = &call->next;
		}
	}
}

/* Nobody has to wait for it any more. Of one that was left it is told by what follows: a failure, or the end. The lock is held where lcores are threads. */
static bool
is_over(const struct hm_probe *probe, const struct hmi_probe_call *call)
{
	return call->fn == NULL || call->state == HMI_PROBE_CALL_DONE || probe->has_ended ||
	       probe->kit->has_failed;
}

/* Wait a moment. Returns whether the call still runs. */
static bool
still_runs(struct hm_probe *probe, const struct hmi_probe_call *call)
{
	struct hm_kit *kit = probe->kit;
	bool runs;

	pthread_mutex_lock(&kit->lock);
	runs = call->state == HMI_PROBE_CALL_RUNS;
	if (runs)
		(void)hmi_kit_wait(kit, hmi_kit_until_ns(kit, MOMENT_US));
	pthread_mutex_unlock(&kit->lock);
	return runs && !hmi_kit_is_at_rest(kit, hm_pid_lcore(probe->pid));
}

/*
 * What has begun is waited for, however long it takes. A message behind it shows when its function was left in the middle, and the
 * probe resumed, which nobody is told.
 */
static void
running_await(struct hm_probe *probe, const struct hmi_probe_call *call)
{
	struct hmi_probe_call *nothing = NULL;
	bool is_posted = false;

	while (still_runs(probe, call))
		is_posted = is_posted ||
			    hm_system_send(probe->kit->sys, probe->pid, HMI_KIT_CALL, &nothing) == HM_OK;
}

static void
real_await(struct hm_probe *probe, struct hmi_probe_call *call)
{
	struct hm_kit *kit = probe->kit;
	uint64_t until_ns = hmi_kit_until_ns(kit, CALL_US);

	pthread_mutex_lock(&kit->lock);
	while (!is_over(probe, call) && hmi_kit_wait(kit, until_ns))
		;
	/* If it has not begun, it does not begin any more. */
	call->fn = NULL;
	pthread_mutex_unlock(&kit->lock);
	running_await(probe, call);
}

/* Until it is done; or nothing is left to do, so that it never will be. A failure that is told meanwhile gives it up. */
static void
stepped_await(struct hm_probe *probe, struct hmi_probe_call *call)
{
	uint64_t steps = 0;

	probe->kit->awaited = call;
	while (!is_over(probe, call) && hmi_kit_go_on(probe->kit, 0, &steps))
		;
	probe->kit->awaited = NULL;
}

/* Put it into the probe's mailbox. In steps, when the inject ring is full, one makes room. */
static enum hm_result
call_post(struct hm_probe *probe, struct hmi_probe_call *call)
{
	struct hm_kit *kit = probe->kit;
	enum hm_result result;

	do
		result = hm_system_send_wait(kit->sys, probe->pid, HMI_KIT_CALL, &call,
					     kit->config.real_time ? CALL_US : 0);
	while (result == HM_WOULD_BLOCK && hm_kit_step(kit));
	return result;
}

/* Have the probe do it. Returns whether it was done; *result: whether it was told. */
static bool
call_do(struct hm_probe *probe, struct hmi_probe_call *call, enum hm_result *result)
{
	struct hm_kit *kit = probe->kit;
	bool is_done;

	*result = call_post(probe, call);
	if (*result == HM_OK && kit->config.real_time)
		real_await(probe, call);
	else if (*result == HM_OK)
		stepped_await(probe, call);
	pthread_mutex_lock(&kit->lock);
	is_done = call->state == HMI_PROBE_CALL_DONE;
	call->fn = NULL;
	calls_free(probe);
	pthread_mutex_unlock(&kit->lock);
	return is_done;
}

bool
hm_probe_do(struct hm_probe *probe, hm_probe_do_fn *fn, void *arg)
{
	enum hm_result result = HM_NO_MEMORY;
	struct hmi_probe_call *call;
	bool is_done = false;
	struct hm_kit *kit;
	uint64_t failures;

	hmi_kit_check_pointer(probe, "hm_probe_do");
	hmi_kit_check_pointer((const void *)(uintptr_t)fn, "hm_probe_do");
	kit = probe->kit;
	failures = kit->failures;
	if (!hmi_kit_may(kit, "hm_probe_do and its like") || !hmi_kit_start(kit))
		return false;
	call = call_new(probe, fn, arg);
	if (call != NULL)
		is_done = call_do(probe, call, &result);
	(void)hmi_kit_tell(kit);
	if (is_done || kit->failures != failures)
		return is_done;
	if (result == HM_OK)
		hm_kit_fail(kit, "probe %s does not do what it is told: it has ended, or is muted",
			    probe->name);
	else
		hm_kit_fail(kit, "probe %s cannot be told what to do: %s", probe->name,
			    hm_result_name(result));
	return is_done;
}

/* ---- Sending -------------------------------------------------------------------------------- */

struct sending {
	struct hm_pid to;
	uint16_t type;
	const void *body;
	enum hm_result result;
};

static void
send(struct hm_ctx *ctx, void *arg)
{
	struct sending *sending = arg;

	sending->result = hm_send(ctx, sending->to, sending->type, sending->body);
}

static void
request(struct hm_ctx *ctx, void *arg)
{
	struct sending *sending = arg;

	sending->result = hm_request(ctx, sending->to, sending->type, sending->body);
}

static void
watch(struct hm_ctx *ctx, void *arg)
{
	struct sending *sending = arg;

	sending->result = hm_watch(ctx, sending->to);
}

enum hm_result
hm_probe_send(struct hm_probe *probe, struct hm_pid to, uint16_t type, const void *body)
{
	struct sending sending = { to, type, body, HM_INVALID };

	return hm_probe_do(probe, send, &sending) ? sending.result : HM_INVALID;
}

enum hm_result
hm_probe_request(struct hm_probe *probe, struct hm_pid to, uint16_t type, const void *body)
{
	struct sending sending = { to, type, body, HM_INVALID };

	return hm_probe_do(probe, request, &sending) ? sending.result : HM_INVALID;
}

enum hm_result
hm_probe_reply(struct hm_probe *probe, uint16_t type, const void *body)
{
	if (hm_pid_is_none(hm_probe_sender(probe)))
		return HM_NO_SENDER;
	return hm_probe_request(probe, hm_probe_sender(probe), type, body);
}

enum hm_result
hm_probe_watch(struct hm_probe *probe, struct hm_pid who)
{
	struct sending sending = { .to = who, .result = HM_INVALID };

	return hm_probe_do(probe, watch, &sending) ? sending.result : HM_INVALID;
}

/* ---- Spawning ------------------------------------------------------------------------------- */

struct birth {
	const struct hm_props *props;
	const char *name;
	const void *args;
	struct hm_pid *pid;
	int rc;
};

static void
spawn(struct hm_ctx *ctx, void *arg)
{
	struct birth *birth = arg;

	birth->rc = hm_spawn(ctx, birth->props, birth->name, birth->args, birth->pid);
}

int
hm_probe_spawn(struct hm_probe *probe, const struct hm_props *props, const char *name, const void *args,
	       struct hm_pid *pid)
{
	struct birth birth = { props, name, args, pid, -ECANCELED };

	return hm_probe_do(probe, spawn, &birth) ? birth.rc : -ECANCELED;
}
