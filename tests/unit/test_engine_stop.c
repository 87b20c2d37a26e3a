/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Systems that run and do not stop in their time: who is named, and how they end.
 */
#include "hm_shutdown.h"
#include "test_engine_signal.h"

TestSuite(engine_stop, .timeout = 180);

static struct hm_system *running;
static sem_t is_stuck, may_return;

/* In its receive function for ever, or until it may return. */
static void
stay(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	sem_post(&is_stuck);
	while (sem_wait(&may_return) != 0)
		;
}

static const struct hm_props stay_first = { .receive = stay, .lcore = HM_LCORE(0) },
			     stay_second = { .receive = stay, .lcore = HM_LCORE(1) };

static void *
signal_when_stuck(void *arg)
{
	while (sem_wait(&is_stuck) != 0)
		;
	kill(getpid(), SIGTERM);
	return arg;
}

static void
stuck_spawn(struct hm_system *sys, const struct hm_props *props)
{
	uint64_t number = 1;
	struct hm_pid pid;

	sem_init(&is_stuck, 0, 0);
	sem_init(&may_return, 0, 0);
	if (hm_system_spawn(sys, props, "stuck", NULL, &pid) != 0 ||
	    hm_system_send(sys, pid, HMT_NUMBER, &number) != HM_OK)
		_exit(1);
}

/* A program whose actor is stuck, and that gets one signal. */
static void
stuck_run(const struct hm_props *props)
{
	static const char *const options[] = { "--stop-timeout-ms", "600", "--phase-timeout-ms", "200",
					       NULL };
	pthread_t thread;

	running = signal_make(HM_MODE_LCORES, NULL, options, "warning");
	stuck_spawn(running, props);
	if (pthread_create(&thread, NULL, signal_when_stuck, NULL) != 0)
		_exit(1);
	_exit(hm_system_run(running) == 0 ? 2 : 3);
}

static void
stuck_second(void)
{
	stuck_run(&stay_second);
}

static void
stuck_first(void)
{
	stuck_run(&stay_first);
}

/* Lcore 0 names it, then the thread that takes the signals ends the process. */
Test(engine_stop, timeout__ends_a_process_that_is_stuck)
{
	char text[8192];

	cr_assert_eq(child_run(stuck_second, text, sizeof(text)), 128 + SIGTERM, "%s", text);
	cr_assert_not_null(strstr(text, "actors have not stopped in the time of phase actors"), "%s", text);
	cr_assert_not_null(strstr(text, "stop: lcore 1 is stuck in actor"), "%s", text);
	cr_assert_not_null(strstr(text, "/user/stuck, message type number"), "%s", text);
	cr_assert_not_null(strstr(text, "message type number; the process ends"), "%s", text);
}

/* Lcore 0 itself is stuck: that thread does it all. */
Test(engine_stop, timeout__ends_a_process_whose_first_lcore_is_stuck)
{
	char text[8192];

	cr_assert_eq(child_run(stuck_first, text, sizeof(text)), 128 + SIGTERM, "%s", text);
	cr_assert_not_null(strstr(text, "stop: lcore 0 is stuck in actor"), "%s", text);
	cr_assert_not_null(strstr(text, "/user/stuck, message type number"), "%s", text);
	cr_assert_not_null(strstr(text, "message type number; the process ends"), "%s", text);
}

/* ---- Tasks -------------------------------------------------------------------------------------- */

static void
ignore(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	(void)msg;
}

static const struct hm_props for_ever = { .receive = ignore, .lcore = HM_LCORE(1) };

static void
tell_file(struct hm_ctx *ctx, void *arg)
{
	(void)ctx;
	fprintf(stderr, "task %s\n", (const char *)arg);
}

static void
tasks_run(void)
{
	struct hm_shutdown_task first = { .phase = HM_SHUTDOWN_BEFORE,
					  .name = "first",
					  .run = tell_file,
					  .arg = (void *)(uintptr_t) "first" };
	struct hm_shutdown_task stays = { .phase = HM_SHUTDOWN_DRAIN, .name = "stays", .spawn = &for_ever };
	struct hm_shutdown_task last = { .phase = HM_SHUTDOWN_SYSTEM,
					 .name = "last",
					 .run = tell_file,
					 .arg = (void *)(uintptr_t) "last" };
	static const char *const options[] = { "--phase-timeout-ms", "200", NULL };
	int rc;

	running = signal_make(HM_MODE_LCORES, NULL, options, "warning");
	if (hm_shutdown_add(running, &last, NULL) != 0 || hm_shutdown_add(running, &stays, NULL) != 0 ||
	    hm_shutdown_add(running, &first, NULL) != 0)
		_exit(1);
	kill(getpid(), SIGTERM);
	rc = hm_system_run(running);
	hm_system_destroy(running);
	_exit(rc == 0 ? 0 : 3);
}

/* A signal runs the tasks; one that does not end delays the stop by the phase's time. */
Test(engine_stop, signal__runs_the_phases)
{
	char text[8192], *first, *named, *last;

	cr_assert_eq(child_run(tasks_run, text, sizeof(text)), 0, "%s", text);
	first = strstr(text, "task first");
	named = strstr(text, "task stays of phase drain has not ended in its time");
	last = strstr(text, "task last");
	cr_assert(first != NULL && named != NULL && last != NULL, "%s", text);
	cr_assert(first < named && named < last, "%s", text);
	cr_assert_not_null(strstr(text, "/system/stays has not stopped"), "%s", text);
}

static void
forced_run(void)
{
	struct hm_shutdown_task stays = { .phase = HM_SHUTDOWN_DRAIN, .name = "stays", .spawn = &for_ever };
	static const char *const options[] = { "--stop-timeout-ms", "300", NULL };
	int rc;

	running = signal_make(HM_MODE_LCORES, NULL, options, "warning");
	if (hm_shutdown_add(running, &stays, NULL) != 0)
		_exit(1);
	kill(getpid(), SIGTERM);
	rc = hm_system_run(running);
	hm_system_destroy(running);
	_exit(rc == -EINTR ? 77 : 3);
}

/* Nothing is stuck: the program goes on. */
Test(engine_stop, timeout__forces_a_system_whose_lcores_turn)
{
	char text[8192];

	cr_assert_eq(child_run(forced_run, text, sizeof(text)), 77, "%s", text);
	cr_assert_not_null(strstr(text, "not within 300 ms"), "%s", text);
	cr_assert_not_null(strstr(text, "/system/stays has not stopped"), "%s", text);
	cr_assert_null(strstr(text, "the process ends"), "%s", text);
}

/* ---- In the background --------------------------------------------------------------------------- */

static void *
release_later(void *arg)
{
	while (!atomic_load(&running->forced))
		usleep(1000);
	sem_post(&may_return);
	return arg;
}

/* The thread that joins looks after the stop. */
static void
background_run(const struct hm_props *props)
{
	static const char *const options[] = { "--stop-timeout-ms", "300", "--phase-timeout-ms", "200",
					       NULL };
	pthread_t thread;
	int rc;

	running = signal_make(HM_MODE_BACKGROUND, NULL, options, "warning");
	stuck_spawn(running, props);
	if (hm_system_start(running) != 0)
		_exit(1);
	while (sem_wait(&is_stuck) != 0)
		;
	hm_system_stop(running);
	if (pthread_create(&thread, NULL, release_later, NULL) != 0)
		_exit(1);
	rc = hm_system_join(running);
	hm_system_destroy(running);
	_exit(rc == -EINTR ? 77 : 3);
}

static void
background_first(void)
{
	background_run(&stay_first);
}

static void
background_second(void)
{
	background_run(&stay_second);
}

Test(engine_stop, join__names_a_stuck_lcore_and_waits_for_it)
{
	char text[8192];

	cr_assert_eq(child_run(background_first, text, sizeof(text)), 77, "%s", text);
	cr_assert_not_null(strstr(text, "stop: lcore 0 is stuck in actor"), "%s", text);
	cr_assert_not_null(strstr(text, "/user/stuck, message type number"), "%s", text);
	cr_assert_eq(child_run(background_second, text, sizeof(text)), 77, "%s", text);
	cr_assert_not_null(strstr(text, "stop: lcore 1 is stuck in actor"), "%s", text);
	cr_assert_not_null(strstr(text, "not within 300 ms"), "%s", text);
}
