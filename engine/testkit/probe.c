/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actor of a probe: it keeps what comes, and does what the test tells it.
 *
 * Users' messages stay in their memory (hm_keep.h), so that headers, buffers and what bodies point to can be read. The engine's
 * own, which nobody can keep, are copied: their bodies point to nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_errno.h>

#include "hm_balance.h"
#include "hm_keep.h"
#include "testkit_pvt.h"

/* ---- Messages ------------------------------------------------------------------------------- */

/* Of a message of the engine's own, or NULL: no memory. */
static struct hmi_probe_msg *
copy_new(const struct hm_msg *msg)
{
	struct hmi_probe_msg *entry = calloc(1, sizeof(*entry) + sizeof(*msg) + msg->length);

	if (entry == NULL)
		return NULL;
	entry->msg = (struct hm_msg *)(entry + 1);
	memcpy(entry->msg, msg, sizeof(*msg) + msg->length);
	entry->msg->sender = hm_msg_sender(msg);
	entry->msg->flags = 0;
	return entry;
}

static struct hmi_probe_msg *
entry_new(struct hm_ctx *ctx, const struct hm_msg *msg, uint16_t type)
{
	struct hmi_probe_msg *entry;

	if (type < HM_TYPE_USER)
		return copy_new(msg);
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL || hm_msg_keep(ctx, &entry->msg) != HM_OK) {
		free(entry);
		return NULL;
	}
	entry->is_kept = true;
	return entry;
}

/* Take all of a list. */
static struct hmi_probe_msg *
list_take(struct hm_probe *probe, struct hmi_probe_msg **list)
{
	struct hmi_probe_msg *first;

	pthread_mutex_lock(&probe->kit->lock);
	first = *list;
	*list = NULL;
	pthread_mutex_unlock(&probe->kit->lock);
	return first;
}

static void
done_free(struct hm_ctx *ctx, struct hm_probe *probe)
{
	struct hmi_probe_msg *entry = list_take(probe, &probe->done);

	while (entry != NULL) {
		struct hmi_probe_msg *next = entry->next;

		if (entry->is_kept)
			hm_msg_free(ctx, entry->msg);
		free(entry);
		entry = next;
	}
}

void
hmi_probe_put_back(struct hm_probe *probe)
{
	struct hmi_probe_msg *current = probe->current;

	if (current == NULL)
		return;
	current->next = probe->done;
	probe->done = current;
	probe->current = NULL;
}

static void
entries_forget(struct hmi_probe_msg *entry)
{
	while (entry != NULL) {
		struct hmi_probe_msg *next = entry->next;

		free(entry);
		entry = next;
	}
}

/* The actor ends, or begins anew: what it keeps becomes dead letters, but for what was handed out. */
static void
all_lost(struct hm_ctx *ctx, struct hm_probe *probe, bool has_ended)
{
	pthread_mutex_lock(&probe->kit->lock);
	hmi_probe_put_back(probe);
	pthread_mutex_unlock(&probe->kit->lock);
	done_free(ctx, probe);
	entries_forget(list_take(probe, &probe->first));
	pthread_mutex_lock(&probe->kit->lock);
	probe->end = &probe->first;
	probe->count = 0;
	probe->has_ended = has_ended;
	pthread_cond_broadcast(&probe->kit->came);
	pthread_mutex_unlock(&probe->kit->lock);
}

static void
entry_push(struct hm_probe *probe, struct hmi_probe_msg *entry)
{
	pthread_mutex_lock(&probe->kit->lock);
	*probe->end = entry;
	probe->end = &entry->next;
	probe->count++;
	pthread_cond_broadcast(&probe->kit->came);
	pthread_mutex_unlock(&probe->kit->lock);
}

static bool
is_ignored(struct hm_probe *probe, uint16_t type)
{
	bool is = false;

	pthread_mutex_lock(&probe->kit->lock);
	for (uint32_t i = 0; i < probe->ignored_count; i++)
		is |= probe->ignored[i] == type;
	pthread_mutex_unlock(&probe->kit->lock);
	return is;
}

/* ---- Receive -------------------------------------------------------------------------------- */

/* The call that the probe does is over. */
static void
call_over(struct hm_probe *probe, enum hmi_probe_call_state state)
{
	pthread_mutex_lock(&probe->kit->lock);
	probe->running->state = state;
	probe->running = NULL;
	pthread_cond_broadcast(&probe->kit->came);
	pthread_mutex_unlock(&probe->kit->lock);
}

/* Returns the function of a call, which begins; NULL: nobody waits for it. */
static hm_probe_do_fn *
call_begin(struct hm_probe *probe, struct hmi_probe_call *call)
{
	hm_probe_do_fn *fn;

	pthread_mutex_lock(&probe->kit->lock);
	fn = call->fn;
	if (fn != NULL) {
		call->state = HMI_PROBE_CALL_RUNS;
		probe->running = call;
	}
	pthread_mutex_unlock(&probe->kit->lock);
	return fn;
}

static void
call_run(struct hm_ctx *ctx, struct hm_probe *probe, const struct hm_msg *msg)
{
	struct hmi_probe_call *call = *(struct hmi_probe_call *const *)hm_msg_body(msg);
	hm_probe_do_fn *fn = call != NULL ? call_begin(probe, call) : NULL;

	if (fn == NULL)
		return;
	fn(ctx, call->arg);
	call_over(probe, HMI_PROBE_CALL_DONE);
}

static void
message_keep(struct hm_ctx *ctx, struct hm_probe *probe, const struct hm_msg *msg)
{
	uint16_t type = hm_msg_type(msg);
	struct hmi_probe_msg *entry;

	if (is_ignored(probe, type) ||
	    (probe->autopilot != NULL && !probe->autopilot(ctx, msg, probe->autopilot_arg)))
		return;
	/* The autopilot may have handed it on. */
	entry = entry_new(ctx, msg, type);
	if (entry != NULL)
		entry_push(probe, entry);
	else
		hm_kit_fail(probe->kit, "probe %s: no memory to keep a message, or it was handed on",
			    probe->name);
}

static void
receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_probe *probe = *(struct hm_probe **)state;

	/* A function that fails is left in the middle; the probe goes on with what comes next. */
	if (probe->running != NULL)
		call_over(probe, HMI_PROBE_CALL_LEFT);
	done_free(ctx, probe);
	switch (hm_msg_type(msg)) {
	case HM_STARTED:
	case HM_STOPPING:
	case HM_MOVED:
		break;
	case HM_STOPPED:
		all_lost(ctx, probe, true);
		break;
	case HM_RESTARTING:
		all_lost(ctx, probe, false);
		hm_kit_fail(probe->kit, "probe %s has failed: what it kept is lost", probe->name);
		break;
	case HMI_KIT_CALL:
		call_run(ctx, probe, msg);
		break;
	default:
		message_keep(ctx, probe, msg);
	}
}

/* ---- From nothing to ready, and back -------------------------------------------------------- */

static struct hm_probe *
probe_new(struct hm_kit *kit, const char *name)
{
	struct hm_probe *probe = calloc(1, sizeof(*probe));

	if (probe == NULL)
		return NULL;
	probe->kit = kit;
	probe->end = &probe->first;
	snprintf(probe->name, sizeof(probe->name), "%s", name != NULL ? name : "without a name");
	pthread_mutex_lock(&kit->lock);
	probe->next = kit->probes;
	kit->probes = probe;
	pthread_mutex_unlock(&kit->lock);
	return probe;
}

void
hmi_probe_free(struct hm_probe *probe)
{
	while (probe->calls != NULL) {
		struct hmi_probe_call *call = probe->calls;

		probe->calls = call->next;
		free(call);
	}
	entries_forget(probe->first);
	entries_forget(probe->current);
	entries_forget(probe->done);
	free(probe);
}

static int
probe_spawn(struct hm_probe *probe, const char *name, uint32_t lcore)
{
	probe->props = (struct hm_props){ .receive = receive,
					  .state_size = sizeof(struct hm_probe *),
					  .args_size = sizeof(struct hm_probe *),
					  .lcore = HM_LCORE(lcore),
					  .balance = HM_BALANCE_STAY };
	return hm_system_spawn(probe->kit->sys, &probe->props, name, &probe, &probe->pid);
}

struct hm_probe *
hm_kit_probe_on(struct hm_kit *kit, const char *name, uint32_t lcore)
{
	struct hm_probe *probe;
	int rc;

	hmi_kit_check_pointer(kit, "hm_kit_probe_on");
	if (!hmi_kit_may(kit, "hm_kit_probe"))
		return NULL;
	probe = probe_new(kit, name);
	rc = probe == NULL                     ? -ENOMEM
	     : lcore >= kit->sys->lcores_count ? -EINVAL
					       : probe_spawn(probe, name, lcore);
	if (rc == 0)
		return probe;
	if (probe != NULL) {
		pthread_mutex_lock(&kit->lock);
		kit->probes = probe->next;
		pthread_mutex_unlock(&kit->lock);
		hmi_probe_free(probe);
	}
	hm_kit_fail(kit, "hm_kit_probe of %s on lcore %u: %s", name != NULL ? name : "one without a name",
		    lcore, rte_strerror(-rc));
	return NULL;
}

struct hm_probe *
hm_kit_probe(struct hm_kit *kit, const char *name)
{
	return hm_kit_probe_on(kit, name, 0);
}

struct hm_pid
hm_probe_pid(const struct hm_probe *probe)
{
	hmi_kit_check_pointer(probe, "hm_probe_pid");
	return probe->pid;
}

/* ---- What it does by itself ----------------------------------------------------------------- */

void
hm_probe_autopilot(struct hm_probe *probe, hm_probe_autopilot_fn *fn, void *arg)
{
	hmi_kit_check_pointer(probe, "hm_probe_autopilot");
	probe->autopilot_arg = arg;
	probe->autopilot = fn;
}

/* Those of a type go to `done`; the lock is held. */
static void
kept_drop(struct hm_probe *probe, uint16_t type)
{
	struct hmi_probe_msg **link = &probe->first;

	while (*link != NULL) {
		struct hmi_probe_msg *entry = *link;

		if (hm_msg_type(entry->msg) != type) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		entry->next = probe->done;
		probe->done = entry;
		probe->count--;
	}
	probe->end = link;
}

void
hm_probe_ignore(struct hm_probe *probe, uint16_t type)
{
	bool has_room;

	hmi_kit_check_pointer(probe, "hm_probe_ignore");
	/* Once more has no effect. */
	if (is_ignored(probe, type))
		return;
	pthread_mutex_lock(&probe->kit->lock);
	has_room = probe->ignored_count < HM_KIT_IGNORED_MAX;
	if (has_room) {
		probe->ignored[probe->ignored_count++] = type;
		kept_drop(probe, type);
	}
	pthread_mutex_unlock(&probe->kit->lock);
	if (!has_room)
		hm_kit_fail(probe->kit, "probe %s ignores %u types, and can ignore no more", probe->name,
			    HM_KIT_IGNORED_MAX);
}

void
hm_probe_stop(struct hm_probe *probe)
{
	int rc;

	hmi_kit_check_pointer(probe, "hm_probe_stop");
	if (!hmi_kit_may(probe->kit, "hm_probe_stop"))
		return;
	rc = hm_system_stop_actor(probe->kit->sys, probe->pid);
	if (rc != 0)
		hm_kit_fail(probe->kit, "hm_probe_stop of %s: %s", probe->name, rte_strerror(-rc));
}
