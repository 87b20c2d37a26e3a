/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test has a probe do: a message to the probe, and steps until its turn has come.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "testkit_pvt.h"

/* In real time, for a call to be done. */
#define CALL_US 10000000u

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

/* Free those that are done; those that are not may still come to their turn. */
static void
calls_free(struct hm_probe *probe)
{
	struct hmi_probe_call **link = &probe->calls;

	while (*link != NULL) {
		struct hmi_probe_call *call = *link;

		if (call->is_done) {
			*link = call->next;
			free(call);
		} else {
			link = &call->next;
		}
	}
}

/* The lock is held. */
static bool
is_over(const struct hm_probe *probe, const struct hmi_probe_call *call)
{
	return call->is_done || probe->has_ended || probe->kit->has_failed;
}

static void
real_await(struct hm_probe *probe, const struct hmi_probe_call *call)
{
	struct hm_kit *kit = probe->kit;
	uint64_t until_ns = hmi_kit_until_ns(kit, CALL_US);
	struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000u),
				  .tv_nsec = (long)(until_ns % 1000000000u) };
	int rc = 0;

	pthread_mutex_lock(&kit->lock);
	while (rc == 0 && !is_over(probe, call))
		rc = pthread_cond_timedwait(&kit->came, &kit->lock, &until);
	pthread_mutex_unlock(&kit->lock);
}

/* Until it is done; or nothing is left to do, so that it never will be. */
static void
stepped_await(struct hm_probe *probe, const struct hmi_probe_call *call)
{
	uint64_t steps = 0;

	while (!is_over(probe, call) && hmi_kit_go_on(probe->kit, 0, &steps))
		;
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

bool
hm_probe_do(struct hm_probe *probe, hm_probe_do_fn *fn, void *arg)
{
	struct hmi_probe_call *call;
	enum hm_result result;
	struct hm_kit *kit;
	uint64_t failures;
	bool is_done;

	hmi_kit_check_pointer(probe, "hm_probe_do");
	hmi_kit_check_pointer((const void *)(uintptr_t)fn, "hm_probe_do");
	kit = probe->kit;
	failures = kit->failures;
	if (!hmi_kit_start(kit))
		return false;
	call = call_new(probe, fn, arg);
	result = call != NULL ? call_post(probe, call) : HM_NO_MEMORY;
	if (result == HM_OK && kit->config.real_time)
		real_await(probe, call);
	else if (result == HM_OK)
		stepped_await(probe, call);
	pthread_mutex_lock(&kit->lock);
	is_done = call != NULL && call->is_done;
	if (call != NULL)
		call->fn = NULL;
	calls_free(probe);
	pthread_mutex_unlock(&kit->lock);
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
