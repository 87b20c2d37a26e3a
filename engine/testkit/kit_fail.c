/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures of tests. They are told on the test's thread and outside of turns, so that whoever is told may leave the test.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "assert_pvt.h"
#include "testkit_pvt.h"

void
hmi_kit_check_pointer(const void *pointer, const char *function)
{
	if (pointer == NULL)
		hmi_misuse(function, "an argument is NULL that must not be");
}

/* End the process, also where the engine would contain it. */
static void
print_and_abort(const char *text)
{
	struct sigaction usual = { .sa_handler = SIG_DFL };

	fprintf(stderr, "%s\n", text);
	(void)sigaction(SIGABRT, &usual, NULL);
	abort();
}

/* Line of the call, text, and how to repeat it. */
static void
compose(const struct hm_kit *kit, char *all, size_t size)
{
	char where[256] = "", seed[64] = "";

	if (kit->file != NULL)
		snprintf(where, sizeof(where), "%s:%d: ", kit->file, kit->line);
	if (kit->config.order == HM_KIT_SEEDED && kit->explorer == NULL)
		snprintf(seed, sizeof(seed), "\nHM_SEED=%" PRIu64 " repeats this run", kit->seed);
	snprintf(all, size, "%s%s%s", where, kit->text, seed);
}

void
hmi_kit_tell_text(const struct hm_kit_config *config, const char *text)
{
	if (config->fail != NULL)
		config->fail(config->fail_arg, text);
	else
		print_and_abort(text);
}

bool
hmi_kit_failure_take(struct hm_kit *kit, char *text, size_t size)
{
	bool has_failed;

	pthread_mutex_lock(&kit->lock);
	has_failed = kit->has_failed;
	kit->has_failed = false;
	if (has_failed) {
		compose(kit, text, size);
		kit->file = NULL;
	}
	pthread_mutex_unlock(&kit->lock);
	return has_failed;
}

bool
hmi_kit_has_failed(struct hm_kit *kit)
{
	bool has_failed;

	pthread_mutex_lock(&kit->lock);
	has_failed = kit->has_failed;
	pthread_mutex_unlock(&kit->lock);
	return has_failed;
}

bool
hmi_kit_tell(struct hm_kit *kit)
{
	char text[HMI_KIT_TOLD];

	/* hm_kit_end tells when all is free. */
	if (kit->is_ending)
		return hmi_kit_has_failed(kit);
	if (!hmi_kit_failure_take(kit, text, sizeof(text)))
		return false;
	/* Who is told may not return: what the call's argument points to is gone then. */
	if (kit->awaited != NULL)
		kit->awaited->fn = NULL;
	kit->awaited = NULL;
	kit->failures++;
	if (kit->explorer != NULL)
		hmi_explorer_failed(kit->explorer, text);
	hmi_kit_tell_text(&kit->config, text);
	return true;
}

/* Whether this is the test's own thread, and no turn of the kit lasts. */
static bool
is_of_test(const struct hm_kit *kit)
{
	return pthread_equal(kit->thread, pthread_self()) && kit->turning == NULL;
}

bool
hmi_kit_may(struct hm_kit *kit, const char *function)
{
	if (is_of_test(kit))
		return true;
	hm_kit_fail(
		kit,
		"%s: called within a turn, or on another thread than the test's: call it from the test, when the "
		"turn is over",
		function);
	return false;
}

/* The first one is told; those that follow, before it is, are its consequence. */
__attribute__((format(printf, 2, 0))) static void
failure_note(struct hm_kit *kit, const char *format, va_list args)
{
	pthread_mutex_lock(&kit->lock);
	if (!kit->has_failed)
		vsnprintf(kit->text, sizeof(kit->text), format, args);
	kit->has_failed = true;
	pthread_cond_broadcast(&kit->came);
	pthread_mutex_unlock(&kit->lock);
}

void
hm_kit_fail(struct hm_kit *kit, const char *format, ...)
{
	va_list args;

	hmi_kit_check_pointer(kit, "hm_kit_fail");
	hmi_kit_check_pointer(format, "hm_kit_fail");
	va_start(args, format);
	failure_note(kit, format, args);
	va_end(args);
	if (is_of_test(kit))
		(void)hmi_kit_tell(kit);
}

bool
hm_kit_check_at(struct hm_kit *kit, bool holds, const char *what, const char *file, int line)
{
	hmi_kit_check_pointer(kit, "hm_kit_check");
	if (!holds)
		hm_kit_fail(kit, "%s:%d: does not hold: %s", file != NULL ? file : "?", line, what);
	return holds;
}
