/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Systems that run: who turns their lcores, how they end, and several of them in one process.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "hmt_actor.h"
#include "hmt_death.h"
#include "hmt_eal.h"

TestSuite(engine_system);

static struct hm_system *
make(enum hm_mode mode)
{
	static const struct hm_type type = { .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) };
	struct hm_config config = { .mode = mode, .lcores = 1 };
	struct hm_system *sys;

	cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), 0);
	cr_assert_eq(hm_type_register(sys, &type), 0);
	return sys;
}

static struct hm_pid
probe_spawn(struct hm_system *sys, struct hmt_probe *probe)
{
	cr_assert_eq(hm_system_spawn(sys, hmt_probe_props(HMT_LCORE_ANY), NULL, &probe, &probe->pid), 0);
	return probe->pid;
}

static void
stop_system(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_system_stop(hm_system(ctx));
}

Test(engine_system, run__until_an_actor_stops_it, .init = hmt_eal_start)
{
	static struct hmt_probe probes[4];
	struct hm_system *sys = make(HM_MODE_LCORES);
	uint64_t number = 1;

	for (int i = 0; i < 4; i++)
		probe_spawn(sys, &probes[i]);
	probes[3].on_msg = stop_system;
	cr_assert_eq(hm_system_send(sys, probes[3].pid, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_system_run(sys), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(hmt_seen_count(&probes[i], HM_STOPPED), 1);
	hmt_books_check(sys);
	/* It does not run twice, and nobody gets in. */
	cr_assert_eq(hm_system_run(sys), -EINVAL);
	cr_assert_eq(hm_system_spawn(sys, hmt_probe_props(0), NULL, &(struct hmt_probe *){ &probes[0] },
				     NULL),
		     -ESHUTDOWN);
	cr_assert_eq(hm_lookup(sys, "/user", &probes[0].pid), -ENOENT);
	/* More often than a ring has room for: nobody is told to try again for ever. */
	for (int i = 0; i < 5000; i++) {
		cr_assert_eq(hm_system_send(sys, probes[3].pid, HMT_NUMBER, &number), HM_NO_RECEIVER);
		cr_assert_eq(hm_system_stop_actor(sys, probes[3].pid), 0);
	}
	hm_system_stop(sys);
	hmt_system_free(sys);
}

Test(engine_system, run__modes_do_not_mix, .init = hmt_eal_start)
{
	struct hm_system *lcores = make(HM_MODE_LCORES), *background = make(HM_MODE_BACKGROUND),
			 *stepped = make(HM_MODE_STEPPED);

	cr_assert_eq(hm_system_start(lcores), -EINVAL);
	cr_assert_eq(hm_system_join(lcores), -EINVAL);
	cr_assert_eq(hm_system_turn(lcores), 0);
	cr_assert_eq(hm_system_run(background), -EINVAL);
	cr_assert_eq(hm_system_join(background), -EINVAL);
	cr_assert_eq(hm_system_run(stepped), -EINVAL);
	cr_assert_eq(hm_system_start(stepped), -EINVAL);
	hm_system_destroy(lcores);
	hm_system_destroy(background);
	hm_system_destroy(stepped);
	hm_system_destroy(NULL);
}

Test(engine_system, start__on_busy_lcores_is_refused_and_can_be_tried_again, .init = hmt_eal_start)
{
	static struct hmt_probe a, b;
	struct hm_system *first = make(HM_MODE_BACKGROUND), *second = make(HM_MODE_BACKGROUND);

	probe_spawn(first, &a);
	probe_spawn(second, &b);
	cr_assert_eq(hm_system_start(first), 0);
	cr_assert_eq(hm_system_start(first), -EINVAL);
	cr_assert_eq(hm_system_start(second), -EBUSY);
	cr_assert_eq(hm_system_join(second), -EINVAL);
	hm_system_stop(first);
	cr_assert_eq(hm_system_join(first), 0);
	cr_assert_eq(hm_system_join(first), -EINVAL);
	cr_assert_eq(b.count, 0);
	cr_assert_eq(hm_system_start(second), 0);
	hm_system_destroy(first);
	hm_system_stop(second);
	cr_assert_eq(hm_system_join(second), 0);
	cr_assert_eq(hmt_seen_count(&b, HM_STOPPED), 1);
	hmt_books_check(second);
	hmt_system_free(second);
}

static void
three_lcores_start(void)
{
	hmt_eal_start_with(3, 64);
}

/* Two of EAL's lcores beside the main one: each of two systems gets one, a third has to wait. */
Test(engine_system, start__side_by_side_on_free_lcores, .init = three_lcores_start)
{
	static struct hmt_probe probes[3];
	struct hm_system *systems[3];

	for (int i = 0; i < 3; i++) {
		systems[i] = make(HM_MODE_BACKGROUND);
		probe_spawn(systems[i], &probes[i]);
	}
	cr_assert_eq(hm_system_start(systems[0]), 0);
	cr_assert_eq(hm_system_start(systems[1]), 0);
	cr_assert_eq(hm_system_start(systems[2]), -EBUSY);
	hm_system_stop(systems[0]);
	cr_assert_eq(hm_system_join(systems[0]), 0);
	cr_assert_eq(hm_system_start(systems[2]), 0);
	for (int i = 1; i < 3; i++) {
		hm_system_stop(systems[i]);
		cr_assert_eq(hm_system_join(systems[i]), 0);
	}
	for (int i = 0; i < 3; i++)
		cr_assert_eq(hmt_seen_count(&probes[i], HM_STOPPED), 1);
	/* The search for leaks does not see what systems that are still there hold. */
	hm_system_destroy(systems[0]);
	hm_system_destroy(systems[1]);
	hmt_system_free(systems[2]);
}

static uint64_t
own_cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void
stop_later(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	uint64_t number = 1;

	(void)probe;
	if (hm_msg_type(msg) == HM_STARTED)
		cr_assert_eq(hm_send_after(ctx, hm_self(ctx), HMT_NUMBER, &number, 300000, 0, NULL), HM_OK);
	else if (hm_msg_type(msg) == HMT_NUMBER)
		hm_system_stop(hm_system(ctx));
}

/* Whoever joins sleeps: of 300 ms it takes next to nothing. */
Test(engine_system, join__takes_no_core, .init = hmt_eal_start)
{
	static struct hmt_probe probe = { .on_msg = stop_later };
	struct hm_system *sys = make(HM_MODE_BACKGROUND);
	uint64_t before_ns;

	probe_spawn(sys, &probe);
	cr_assert_eq(hm_system_start(sys), 0);
	before_ns = own_cpu_ns();
	cr_assert_eq(hm_system_join(sys), 0);
	cr_assert_lt(own_cpu_ns() - before_ns, 100u * 1000000);
	hmt_system_free(sys);
}

static void *
create_and_destroy(void *ok)
{
	struct hm_system *sys = make(HM_MODE_STEPPED);

	hm_system_destroy(sys);
	*(bool *)ok = true;
	return NULL;
}

/* What is printed to standard error meanwhile, into `text`. */
static void
create_elsewhere(char *text, size_t size)
{
	int kept = dup(STDERR_FILENO), held = memfd_create("stderr", MFD_CLOEXEC);
	bool ok = false;
	pthread_t thread;
	ssize_t length;

	cr_assert_neq(dup2(held, STDERR_FILENO), -1);
	cr_assert_eq(pthread_create(&thread, NULL, create_and_destroy, &ok), 0);
	pthread_join(thread, NULL);
	cr_assert_neq(dup2(kept, STDERR_FILENO), -1);
	length = pread(held, text, size - 1, 0);
	text[length > 0 ? length : 0] = '\0';
	cr_assert(ok);
	close(held);
	close(kept);
}

/* EAL runs, and does not know the thread: it is not asked to start again, which it would print an error for. */
Test(engine_system, create__on_a_thread_that_eal_does_not_know, .init = hmt_eal_start)
{
	char text[4096];

	create_elsewhere(text, sizeof(text));
	cr_assert_str_empty(text);
}

static void
call_from_inside(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_system *sys = hm_system(ctx);
	uint64_t number = 1;
	struct hm_pid pid;

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	/* An lcore that waits for itself would wait for ever. */
	cr_assert_eq(hm_system_spawn(sys, hmt_probe_props(0), NULL, &probe, &pid), -EDEADLK);
	cr_assert_eq(hm_lookup(sys, "/user", &pid), 0);
	cr_assert_eq(hm_system_ask(sys, hm_self(ctx), HMT_NUMBER, &number, 1000, NULL), -EDEADLK);
	hm_system_stop(sys);
}

Test(engine_system, calls__from_an_lcore_of_the_system_are_refused, .init = hmt_eal_start)
{
	static struct hmt_probe probe;
	struct hm_system *sys = make(HM_MODE_BACKGROUND);

	probe.on_msg = call_from_inside;
	probe_spawn(sys, &probe);
	cr_assert_eq(hm_system_start(sys), 0);
	cr_assert_eq(hm_system_join(sys), 0);
	cr_assert_eq(hmt_seen_count(&probe, HM_STOPPED), 1);
	hmt_system_free(sys);
}

Test(engine_system, calls__of_external_threads_reach_a_running_system, .init = hmt_eal_start)
{
	static struct hmt_probe probes[600];
	struct hm_system *sys = make(HM_MODE_BACKGROUND);
	struct hm_pid pid = { 0 };
	struct hmt_probe *last = &probes[599];

	cr_assert_eq(hm_system_start(sys), 0);
	for (int i = 0; i < 599; i++)
		probe_spawn(sys, &probes[i]);
	cr_assert_eq(hm_system_spawn(sys, hmt_probe_props(0), "last", &last, &last->pid), 0);
	cr_assert_eq(hm_system_spawn(sys, hmt_probe_props(0), "last", &last, &pid), -EEXIST);
	cr_assert_eq(hm_lookup(sys, "/user/last", &pid), 0);
	cr_assert(hm_pid_equal(pid, last->pid));
	for (int i = 0; i < 600; i++)
		cr_assert_eq(hm_system_stop_actor(sys, probes[i].pid), 0);
	hm_system_stop(sys);
	cr_assert_eq(hm_system_join(sys), 0);
	for (int i = 0; i < 600; i++)
		cr_assert_eq(hmt_seen_count(&probes[i], HM_STOPPED), 1);
	hmt_system_free(sys);
}

Test(engine_system, stop__before_the_start_ends_it_at_once, .init = hmt_eal_start)
{
	static struct hmt_probe probe;
	struct hm_system *sys = make(HM_MODE_BACKGROUND);

	probe_spawn(sys, &probe);
	hm_system_stop(sys);
	hm_system_stop(sys);
	cr_assert_eq(hm_system_start(sys), 0);
	cr_assert_eq(hm_system_join(sys), 0);
	cr_assert_eq(hmt_seen_count(&probe, HM_STARTED), 1);
	cr_assert_eq(hmt_seen_count(&probe, HM_STOPPED), 1);
	hmt_system_free(sys);
}

static void
destroy_while_it_runs(void *sys)
{
	hm_system_destroy(sys);
}

Test(engine_system, destroy__of_one_that_runs_is_misuse, .init = hmt_eal_start)
{
	struct hm_system *sys = make(HM_MODE_BACKGROUND);
	char text[4096];

	cr_assert_eq(hm_system_start(sys), 0);
	cr_assert(hmt_aborted(hmt_death(destroy_while_it_runs, sys, text, sizeof(text))), "%s", text);
	cr_assert_not_null(strstr(text, "hm_system_destroy: the system runs"), "%s", text);
	hm_system_stop(sys);
	cr_assert_eq(hm_system_join(sys), 0);
	hmt_system_free(sys);
}

Test(engine_system, create__of_no_mode_is_refused, .init = hmt_eal_start)
{
	struct hm_system *sys;

	cr_assert_eq(hm_system_create(&sys, 0, NULL, &(struct hm_config){ .mode = HM_MODE_STEPPED + 1 }),
		     -EINVAL);
	cr_assert_null(sys);
	cr_assert_eq(hm_system_create(&sys, 0, NULL, &(struct hm_config){ .mode = (enum hm_mode) - 1 }),
		     -EINVAL);
}

Test(engine_system, destroy__without_ever_running, .init = hmt_eal_start)
{
	static struct hmt_probe probes[10];
	struct hm_system *sys = make(HM_MODE_BACKGROUND);
	uint64_t number = 1;

	for (int i = 0; i < 10; i++) {
		probe_spawn(sys, &probes[i]);
		cr_assert_eq(hm_system_send(sys, probes[i].pid, HMT_NUMBER, &number), HM_OK);
	}
	hmt_system_free(sys);
	cr_assert_eq(probes[0].count, 0);
}

/* ---- Stepped systems and other threads ------------------------------------------------- */

static void *
control_try(void *sys)
{
	pthread_mutex_t *control = &((struct hm_system *)sys)->control;
	int rc = pthread_mutex_trylock(control);

	if (rc == 0)
		pthread_mutex_unlock(control);
	return (void *)(intptr_t)rc;
}

/* What another thread finds when it wants to do what an lcore would do. */
static void
other_thread_try(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	pthread_t thread;

	(void)msg;
	cr_assert_eq(pthread_create(&thread, NULL, control_try, hm_system(ctx)), 0);
	pthread_join(thread, &probe->arg);
}

Test(engine_system, turn__other_threads_wait_for_its_end, .init = hmt_eal_start)
{
	static struct hmt_probe probe = { .on_msg = other_thread_try };
	struct hm_system *sys = make(HM_MODE_STEPPED);

	probe_spawn(sys, &probe);
	(void)hm_system_turn(sys);
	cr_assert_eq(probe.count, 1);
	cr_assert_eq((intptr_t)probe.arg, EBUSY);
	probe.on_msg = NULL;
	cr_assert_eq((intptr_t)control_try(sys), 0);
	hmt_system_free(sys);
}

static void *
turn_once(void *sys)
{
	(void)hm_system_turn(sys);
	return NULL;
}

/* However fast turns follow each other: the mutex alone would give itself to who has just had it. */
Test(engine_system, turn__lets_calls_in_that_wait, .init = hmt_eal_start)
{
	struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	struct hm_system *sys = make(HM_MODE_STEPPED);
	struct hm_stats stats;
	pthread_t thread;

	atomic_fetch_add(&sys->control_wanted, 1);
	cr_assert_eq(pthread_create(&thread, NULL, turn_once, sys), 0);
	nanosleep(&pause, NULL);
	hm_system_stats(sys, &stats);
	cr_assert_eq(stats.turns, 0);
	atomic_fetch_sub(&sys->control_wanted, 1);
	pthread_join(thread, NULL);
	hm_system_stats(sys, &stats);
	cr_assert_eq(stats.turns, 1);
	hmt_system_free(sys);
}

/* On the thread that turns they do not wait for themselves. */
static void
call_within_turn(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	struct hm_system *sys = hm_system(ctx);

	if (hm_msg_type(msg) != HM_STARTED)
		return;
	probe_spawn(sys, probe->arg);
	hm_system_stop(sys);
}

Test(engine_system, turn__actors_spawn_and_stop_within_it, .init = hmt_eal_start, .timeout = 60)
{
	static struct hmt_probe probe, spawned;
	struct hm_system *sys = make(HM_MODE_STEPPED);

	probe = (struct hmt_probe){ .on_msg = call_within_turn, .arg = &spawned };
	probe_spawn(sys, &probe);
	while (hm_system_turn(sys) > 0)
		;
	cr_assert_eq(hmt_seen_count(&probe, HM_STOPPED), 1);
	cr_assert_eq(hmt_seen_count(&spawned, HM_STOPPED), 1);
	hmt_books_check(sys);
	hmt_system_free(sys);
}

/* ---- Modules -------------------------------------------------------------------------- */

struct module {
	const char *fails; /* in this function */
	char calls[256];
};

static struct module module;

static int
note(const char *what)
{
	snprintf(module.calls + strlen(module.calls), sizeof(module.calls) - strlen(module.calls), "%s ",
		 what);
	return module.fails != NULL && strcmp(module.fails, what) == 0 ? -EIO : 0;
}

static int
module_create(struct hm_system *sys, void **self)
{
	(void)sys;
	*self = &module;
	return note("create");
}

static int
module_start(void *self, struct hm_system *sys)
{
	(void)sys;
	cr_assert_eq(self, &module);
	return note("start");
}

static void
module_stop(void *self)
{
	cr_assert_eq(self, &module);
	note("stop");
}

static void
module_destroy(void *self)
{
	cr_assert_eq(self, &module);
	note("destroy");
}

static const struct hm_module module_one = { .name = "one",
					     .create = module_create,
					     .start = module_start,
					     .stop = module_stop,
					     .destroy = module_destroy };
static const struct hm_module module_bare = { .name = "bare", .create = module_create };

Test(engine_system, modules__come_and_go_in_order, .init = hmt_eal_start)
{
	static const struct hm_module *const modules[] = { &module_one, &module_bare, NULL };
	struct hm_config config = { .mode = HM_MODE_STEPPED, .modules = modules };
	static const char *const fails[] = { NULL, "create", "start" };
	static const char *const calls[] = { "create create start stop destroy ", "create destroy ",
					     "create create start destroy " };
	struct hm_system *sys;

	for (int i = 0; i < 3; i++) {
		module = (struct module){ .fails = fails[i] };
		cr_assert_eq(hm_system_create(&sys, 0, NULL, &config), i == 0 ? 0 : -EIO);
		if (i == 0) {
			cr_assert_eq(hm_module_self(sys, &module_one), &module);
			hm_system_destroy(sys);
		} else {
			cr_assert_null(sys);
		}
		cr_assert_str_eq(module.calls, calls[i]);
	}
}

/* ---- NULL --------------------------------------------------------------------------- */

Test(engine_system, null__is_refused_by_every_control_call, .init = hmt_eal_start)
{
	static const struct hm_type type = { .id = HMT_NUMBER, .name = "number", .size = sizeof(uint64_t) };
	static const struct hm_provider_ops ops;
	struct hm_pid pid = { 1, 1 };
	struct hmt_node node;
	uint64_t number = 1;
	uint16_t index;

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_system_create(NULL, 0, NULL, NULL), -EINVAL);
	cr_assert_eq(hm_type_register(NULL, &type), -EINVAL);
	cr_assert_eq(hm_type_register(node.sys, NULL), -EINVAL);
	cr_assert_eq(hm_system_spawn(NULL, hmt_probe_props(0), NULL, NULL, &pid), -EINVAL);
	cr_assert_eq(hm_system_spawn(node.sys, NULL, NULL, NULL, &pid), -EINVAL);
	cr_assert_eq(hm_spawn(NULL, hmt_probe_props(0), NULL, NULL, &pid), -EINVAL);
	cr_assert_eq(hm_resolve(NULL, "/user/a", 1, hmt_ignore_reply, NULL), -EINVAL);
	cr_assert_eq(hm_system_run(NULL), -EINVAL);
	cr_assert_eq(hm_system_start(NULL), -EINVAL);
	cr_assert_eq(hm_system_join(NULL), -EINVAL);
	cr_assert_eq(hm_system_turn(NULL), 0);
	cr_assert_eq(hm_system_send(NULL, pid, HMT_NUMBER, &number), HM_INVALID);
	cr_assert_eq(hm_system_ask(NULL, pid, HMT_NUMBER, &number, 1000, NULL), -EINVAL);
	cr_assert_eq(hm_system_stop_actor(NULL, pid), -EINVAL);
	cr_assert_eq(hm_lookup(NULL, "/user", &pid), -EINVAL);
	cr_assert_eq(hm_lookup(node.sys, NULL, &pid), -EINVAL);
	cr_assert_eq(hm_lookup(node.sys, "/user", NULL), -EINVAL);
	cr_assert_eq(hm_dead_letters_subscribe(NULL, pid), -EINVAL);
	cr_assert_eq(hm_provider_register(NULL, 0, &ops, NULL), -EINVAL);
	cr_assert_eq(hm_provider_register(node.sys, 0, NULL, NULL), -EINVAL);
	cr_assert_eq(hm_node_learn(NULL, 5, &index), -EINVAL);
	cr_assert_eq(hm_node_learn(node.sys, 5, NULL), -EINVAL);
	hm_dead_letters_unsubscribe(NULL, pid);
	hm_system_stop(NULL);
	hm_system_destroy(NULL);
	hmt_node_end(&node);
}
