/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kit from nothing to ready, and back.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include <rte_errno.h>

#include "deadline_pvt.h"
#include "run_stage_pvt.h"
#include "testkit_pvt.h"
#include "type_pvt.h"

#define CLOCK_START_NS (10ull * 365 * 86400 * 1000000000)

/* ---- Clock ---------------------------------------------------------------------------------- */

/*
 * Of a kit that goes by messages the stage that runs actors is over whenever it looks at the clock, which it does behind each
 * message: its time is up.
 */
static uint64_t
clock_read(void *arg)
{
	struct hm_kit *kit = arg;

	if (kit->by_message && kit->turning != NULL && kit->turning->worker.deadline.limit_us == HMI_RUN_US)
		kit->turning->worker.deadline.at_ticks = 1;
	return kit->now_ns;
}

static void
looks_set(struct hm_kit *kit)
{
	for (uint32_t i = 0; i < kit->sys->lcores_count; i++)
		hmi_deadline_init(&kit->sys->lcores[i]->worker.deadline, 1);
}

/* ---- Seed ----------------------------------------------------------------------------------- */

static int
seed_of_environment(uint64_t *seed)
{
	const char *text = getenv("HM_SEED");

	if (text == NULL)
		return 0;
	errno = 0;
	/* Digits alone: the function would take blanks and a sign, too. */
	if (text[strspn(text, "0123456789")] == '\0')
		*seed = strtoull(text, NULL, 10);
	if (*seed != 0 && errno == 0)
		return 0;
	fprintf(stderr,
		"hermod: HM_SEED is '%s': it has to be a number from 1 to %" PRIu64
		", as a failure has named it, or unset\n",
		text, UINT64_MAX);
	return -EINVAL;
}

static int
seed_choose(struct hm_kit *kit)
{
	int rc = seed_of_environment(&kit->seed);

	if (rc != 0 || kit->seed != 0)
		return rc;
	kit->seed = kit->config.seed;
	if (kit->seed != 0)
		return 0;
	if (kit->config.order != HM_KIT_SEEDED || kit->explorer != NULL ||
	    getrandom(&kit->seed, sizeof(kit->seed), 0) != sizeof(kit->seed)) {
		kit->seed = 1;
		return 0;
	}
	/* Short, to be typed. */
	kit->seed = kit->seed % 1000000000u + 1;
	return 0;
}

/* ---- From nothing to ready ------------------------------------------------------------------ */

static void
lock_init(struct hm_kit *kit)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&kit->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&kit->came, &attributes);
	pthread_condattr_destroy(&attributes);
}

static int
type_add(struct hm_kit *kit)
{
	static const struct hm_type call = { .id = HMI_KIT_CALL,
					     .name = "probe's call",
					     .size = sizeof(struct hmi_probe_call *) };

	return hmi_type_add_own(kit->sys->types, &call);
}

static int
system_create(struct hm_kit *kit)
{
	struct hm_config config = kit->config.system;
	int rc;

	if (kit->config.real_time) {
		config.mode = HM_MODE_BACKGROUND;
	} else {
		config.mode = HM_MODE_STEPPED;
		config.seed = kit->seed;
		config.clock = (struct hm_clock){ clock_read, kit };
	}
	rc = hm_system_create(&kit->sys, kit->config.argc, kit->config.argv, &config);
	if (rc == 0)
		rc = type_add(kit);
	return rc;
}

int
hmi_kit_create(struct hm_kit **out, const struct hm_kit_config *config, struct hmi_explorer *explorer)
{
	struct hm_kit *kit = calloc(1, sizeof(*kit));
	int rc;

	*out = NULL;
	if (kit == NULL)
		return -ENOMEM;
	lock_init(kit);
	if (config != NULL)
		kit->config = *config;
	kit->explorer = explorer;
	kit->thread = pthread_self();
	kit->now_ns = CLOCK_START_NS;
	rc = (unsigned int)kit->config.order > HM_KIT_SEEDED ? -EINVAL : seed_choose(kit);
	if (rc == 0)
		rc = system_create(kit);
	if (rc != 0) {
		hmi_kit_drop(kit);
		return rc;
	}
	kit->random = kit->seed;
	kit->by_message =
		!kit->config.real_time &&
		(kit->config.by_message || (kit->config.order == HM_KIT_SEEDED && explorer == NULL));
	if (kit->by_message)
		looks_set(kit);
	hmi_kit_baseline(kit);
	*out = kit;
	return 0;
}

int
hm_kit_create(struct hm_kit **kit, const struct hm_kit_config *config)
{
	return kit != NULL ? hmi_kit_create(kit, config, NULL) : -EINVAL;
}

bool
hmi_kit_start(struct hm_kit *kit)
{
	int rc;

	if (!kit->config.real_time || kit->has_started)
		return true;
	rc = hm_system_start(kit->sys);
	if (rc != 0) {
		hm_kit_fail(kit, "hm_system_start: %s", rte_strerror(-rc));
		return false;
	}
	kit->has_started = true;
	return true;
}

/* ---- What it is ----------------------------------------------------------------------------- */

struct hm_system *
hm_kit_system(const struct hm_kit *kit)
{
	hmi_kit_check_pointer(kit, "hm_kit_system");
	return kit->sys;
}

uint64_t
hm_kit_seed(const struct hm_kit *kit)
{
	hmi_kit_check_pointer(kit, "hm_kit_seed");
	return kit->seed;
}

struct hm_pid
hm_kit_spawn(struct hm_kit *kit, const struct hm_props *props, const char *name, const void *args)
{
	struct hm_pid pid = hm_pid_none();
	int rc;

	hmi_kit_check_pointer(kit, "hm_kit_spawn");
	if (!hmi_kit_may(kit, "hm_kit_spawn"))
		return pid;
	rc = hm_system_spawn(kit->sys, props, name, args, &pid);
	if (rc != 0)
		hm_kit_fail(kit, "hm_kit_spawn of %s: %s", name != NULL ? name : "an actor",
			    rte_strerror(-rc));
	return pid;
}

/* ---- The end -------------------------------------------------------------------------------- */

void
hmi_kit_drop(struct hm_kit *kit)
{
	if (kit->has_started) {
		hm_system_stop(kit->sys);
		if (hm_system_join(kit->sys) != 0)
			fprintf(stderr, "hermod: test kit: the stop was forced\n");
	}
	hm_system_destroy(kit->sys);
	while (kit->probes != NULL) {
		struct hm_probe *probe = kit->probes;

		kit->probes = probe->next;
		hmi_probe_free(probe);
	}
	pthread_cond_destroy(&kit->came);
	pthread_mutex_destroy(&kit->lock);
	free(kit);
}

static void
probes_give_back(struct hm_kit *kit)
{
	pthread_mutex_lock(&kit->lock);
	for (struct hm_probe *probe = kit->probes; probe != NULL; probe = probe->next)
		hmi_probe_put_back(probe);
	pthread_mutex_unlock(&kit->lock);
}

/* A stop has phases, which wait for time: tasks of the program's own, at the most. */
static bool
stepped_stop(struct hm_kit *kit)
{
	uint64_t until_ns = hmi_kit_until_ns(kit, 3600 * UINT64_C(1000000)), steps = 0;

	while (!atomic_load_explicit(&kit->sys->actors_gone, memory_order_relaxed)) {
		if (!hmi_kit_go_on(kit, until_ns, &steps)) {
			hm_kit_fail(kit, "the system does not stop: an actor waits for something");
			return false;
		}
	}
	(void)hm_kit_settle(kit);
	return true;
}

static bool
threads_stop(struct hm_kit *kit)
{
	int rc = hm_system_join(kit->sys);

	kit->has_started = false;
	if (rc != 0)
		hm_kit_fail(kit, "the stop was forced: %s", rte_strerror(-rc));
	return rc == 0;
}

/* Stop all actors, and look at the accounts. The first failure is noted. */
static void
wind_up(struct hm_kit *kit)
{
	bool is_well = hmi_kit_start(kit);

	probes_give_back(kit);
	hm_system_stop(kit->sys);
	if (is_well)
		is_well = kit->config.real_time ? threads_stop(kit) : stepped_stop(kit);
	if (is_well && !hmi_kit_tell(kit))
		(void)hmi_kit_accounts(kit);
}

bool
hm_kit_end(struct hm_kit *kit)
{
	char text[HMI_KIT_TOLD];
	struct hm_kit_config config;
	bool has_failed;

	if (kit == NULL)
		return true;
	if (!hmi_kit_may(kit, "hm_kit_end"))
		return false;
	kit->is_ending = true;
	wind_up(kit);
	has_failed = hmi_kit_failure_take(kit, text, sizeof(text));
	/* Of an exploration, which is left here, the kit is freed there. */
	if (has_failed && kit->explorer != NULL)
		hmi_explorer_failed(kit->explorer, text);
	/* Who is told may not return. */
	config = kit->config;
	hmi_kit_drop(kit);
	if (has_failed)
		hmi_kit_tell_text(&config, text);
	return !has_failed;
}
