/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals end a system. It starts EAL itself here, so that none of EAL's threads takes them away.
 */
#include <urcu-qsbr.h>

#include "hm_offload.h"
#include "hmt_random.h"
#include "test_engine_signal.h"

TestSuite(engine_signal);

static struct hm_system *
make_with(const struct hm_module *const *modules)
{
	return signal_make(HM_MODE_LCORES, modules, NULL, "error");
}

static struct hm_system *
make_alone(void)
{
	return make_with(NULL);
}

static struct hm_pid
probe_spawn(struct hm_system *sys, struct hmt_probe *probe)
{
	return hmt_probe_spawn(&(struct hmt_node){ .sys = sys }, probe, HMT_LCORE_ANY, NULL);
}

static void
signal_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	if (hm_msg_type(msg) == HMT_NUMBER)
		kill(getpid(), *(int *)probe->arg);
}

/* EAL gives the thread one core, before liburcu's threads are first needed. */
Test(engine_signal, create__threads_of_rcu_may_run_on_all_cores)
{
	struct hm_system *sys;
	cpu_set_t before, rcu;

	cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	sys = make_alone();
	cr_assert_eq(pthread_getaffinity_np(get_call_rcu_thread(get_default_call_rcu_data()), sizeof(rcu),
					    &rcu),
		     0);
	cr_assert(CPU_EQUAL(&before, &rcu));
	hm_system_destroy(sys);
}

Test(engine_signal, signal__stops_it_in_order)
{
	static const int signals[] = { SIGTERM, SIGINT };

	for (int i = 0; i < 2; i++) {
		static struct hmt_probe probe;
		struct hm_system *sys = make_alone();
		uint64_t number = 1;
		int sig = signals[i];

		probe = (struct hmt_probe){ .on_msg = signal_on_number, .arg = &sig };
		probe_spawn(sys, &probe);
		cr_assert_eq(hm_system_send(sys, probe.pid, HMT_NUMBER, &number), HM_OK);
		cr_assert_eq(hm_system_run(sys), 0);
		cr_assert_eq(hmt_seen_count(&probe, HM_STOPPED), 1);
		hmt_books_check(sys);
		hmt_system_free(sys);
	}
}

/* Both signals, at once: each waits for the thread that takes them. */
static void
both_signals_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)ctx;
	(void)probe;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	kill(getpid(), SIGINT);
	kill(getpid(), SIGTERM);
}

/* Is still stopping when the second signal has been taken. */
static void
stop_slowly(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	sigset_t pending;

	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	do {
		usleep(1000);
		sigpending(&pending);
	} while (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM));
	usleep(20000);
}

Test(engine_signal, signal__two_at_once_are_one)
{
	static const struct hm_props props = { .receive = stop_slowly, .lcore = HM_LCORE(1) };
	static struct hmt_probe probe;
	struct hm_system *sys = make_alone();
	uint64_t number = 1;

	probe = (struct hmt_probe){ .on_msg = both_signals_on_number };
	probe_spawn(sys, &probe);
	cr_assert_eq(hm_system_spawn(sys, &props, NULL, NULL, NULL), 0);
	cr_assert_eq(hm_system_send(sys, probe.pid, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_system_run(sys), 0);
	hmt_books_check(sys);
	hmt_system_free(sys);
}

static void
stop_on_number(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	(void)probe;
	if (hm_msg_type(msg) == HMT_NUMBER)
		hm_system_stop(hm_system(ctx));
}

/* Is told to stop by a signal as well, while it stops since the program has asked for that. */
static void
signal_in_stopping(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HM_STOPPING)
		kill(getpid(), SIGTERM);
	stop_slowly(ctx, state, msg);
}

Test(engine_signal, signal__the_first_one_behind_the_programs_own_stop_does_not_force_it)
{
	static const struct hm_props props = { .receive = signal_in_stopping, .lcore = HM_LCORE(1) };
	static struct hmt_probe probe;
	struct hm_system *sys = make_alone();
	uint64_t number = 1;

	probe = (struct hmt_probe){ .on_msg = stop_on_number };
	probe_spawn(sys, &probe);
	cr_assert_eq(hm_system_spawn(sys, &props, NULL, NULL, NULL), 0);
	cr_assert_eq(hm_system_send(sys, probe.pid, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_system_run(sys), 0);
	hmt_books_check(sys);
	hmt_system_free(sys);
}

/* Does not end before the system is forced to. */
static void
never_end(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	/* Stopping takes as long as the receive function does; more signals come meanwhile. */
	for (int i = 0; i < 2000 && !atomic_load(&hm_system(ctx)->forced); i++) {
		kill(getpid(), SIGINT);
		usleep(5000);
	}
}

Test(engine_signal, signal__a_second_one_forces_it)
{
	static const struct hm_props props = { .receive = never_end, .lcore = HM_LCORE(1) };
	static struct hmt_probe probe;
	struct hm_system *sys = make_alone();
	uint64_t number = 1;
	int sig = SIGINT;

	probe = (struct hmt_probe){ .on_msg = signal_on_number, .arg = &sig };
	probe_spawn(sys, &probe);
	cr_assert_eq(hm_system_spawn(sys, &props, NULL, NULL, NULL), 0);
	cr_assert_eq(hm_system_send(sys, probe.pid, HMT_NUMBER, &number), HM_OK);
	cr_assert_eq(hm_system_run(sys), -EINTR);
	cr_assert_eq(hm_exit_status(-EINTR), 1);
	hmt_books_check(sys);
	hmt_system_free(sys);
}

/* Never returns; more signals come meanwhile. */
static void
never_return(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	while (hm_msg_type(msg) == HMT_NUMBER) {
		kill(getpid(), SIGINT);
		usleep(5000);
	}
}

static void
stuck_run(void)
{
	static const struct hm_props props = { .receive = never_return, .lcore = HM_LCORE(1) };
	struct hm_system *sys = make_alone();
	uint64_t number = 1;
	struct hm_pid pid;

	if (hm_system_spawn(sys, &props, "stuck", NULL, &pid) != 0 ||
	    hm_system_send(sys, pid, HMT_NUMBER, &number) != HM_OK)
		_exit(1);
	_exit(hm_system_run(sys) == 0 ? 2 : 3);
}

/* It ends, and says why. */
Test(engine_signal, signal__a_second_one_ends_a_process_that_is_stuck)
{
	char text[4096];

	cr_assert_eq(child_run(stuck_run, text, sizeof(text)), 130);
	cr_assert_not_null(strstr(text, "/user/stuck"), "%s", text);
	cr_assert_not_null(strstr(text, "message type number"), "%s", text);
}

/* ---- Stuck on lcore 0, whose inject ring is full ------------------------------------ */

static struct stuck {
	struct hm_system *sys;
	struct hm_pid pid;
	sem_t is_stuck;
} stuck;

static void
stay(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) != HMT_NUMBER)
		return;
	sem_post(&stuck.is_stuck);
	for (;;)
		pause();
}

static void *
fill_and_signal(void *arg)
{
	uint64_t number = 1;

	sem_wait(&stuck.is_stuck);
	while (hm_system_send(stuck.sys, stuck.pid, HMT_NUMBER, &number) == HM_OK)
		;
	for (;;) {
		kill(getpid(), SIGINT);
		usleep(5000);
	}
	return arg;
}

static void
stuck_on_first_run(void)
{
	static const struct hm_props props = { .receive = stay, .lcore = HM_LCORE(0) };
	uint64_t number = 1;
	pthread_t thread;

	stuck.sys = make_alone();
	sem_init(&stuck.is_stuck, 0, 0);
	if (hm_system_spawn(stuck.sys, &props, "stuck", NULL, &stuck.pid) != 0 ||
	    hm_system_send(stuck.sys, stuck.pid, HMT_NUMBER, &number) != HM_OK ||
	    pthread_create(&thread, NULL, fill_and_signal, NULL) != 0)
		_exit(1);
	_exit(hm_system_run(stuck.sys) == 0 ? 2 : 3);
}

/* The thread that takes the signals needs no room to ask for the stop, and so takes the second one. */
Test(engine_signal, signal__a_second_one_ends_a_process_whose_first_lcore_is_stuck)
{
	char text[4096];

	cr_assert_eq(child_run(stuck_on_first_run, text, sizeof(text)), 130);
	cr_assert_not_null(strstr(text, "lcore 0 is stuck"), "%s", text);
	cr_assert_not_null(strstr(text, "/user/stuck"), "%s", text);
	cr_assert_not_null(strstr(text, "message type number"), "%s", text);
}

/* ---- A call of the offload pool that never returns ------------------------------------- */

static void
call_for_ever(const struct hm_work *work, void *args, void *result)
{
	(void)work;
	(void)args;
	(void)result;
	for (;;) {
		kill(getpid(), SIGINT);
		usleep(5000);
	}
}

static void
call_by_pool(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HMT_NUMBER)
		(void)hm_offload(ctx, call_for_ever, NULL, 0, HMT_NUMBER, NULL);
}

static void
call_run(void)
{
	static const struct hm_props props = { .receive = call_by_pool };
	struct hm_system *sys = make_alone();
	uint64_t number = 1;
	struct hm_pid pid;

	if (hm_system_spawn(sys, &props, NULL, NULL, &pid) != 0 ||
	    hm_system_send(sys, pid, HMT_NUMBER, &number) != HM_OK)
		_exit(1);
	_exit(hm_system_run(sys) == 0 ? 2 : 3);
}

/* All actors have stopped in order; what is left is told. */
Test(engine_signal, signal__a_second_one_ends_a_process_whose_call_does_not_return)
{
	char text[4096];

	cr_assert_eq(child_run(call_run, text, sizeof(text)), 130);
	cr_assert_not_null(strstr(text, "1 calls of the offload pool have not returned"), "%s", text);
}

/* ---- A signal while the system starts ------------------------------------------------ */

/* Where it comes: each of these, and at some moment before hm_system_run, in it, or while it starts actors. */
enum moment {
	IN_MODULE_START, /* within hm_system_create */
	BEFORE_RUN,
	IN_STARTED,
	AT_SOME_TIME,
};

static enum moment moment;
static uint64_t moment_seed;

static int
starter_create(struct hm_system *sys, void **self)
{
	*self = sys;
	return 0;
}

static int
starter_start(void *self, struct hm_system *sys)
{
	(void)self;
	(void)sys;
	if (moment == IN_MODULE_START)
		kill(getpid(), SIGTERM);
	return 0;
}

static void
signal_on_started(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) == HM_STARTED && moment == IN_STARTED)
		kill(getpid(), SIGTERM);
}

static void *
signal_at_some_time(void *arg)
{
	for (uint64_t n = hmt_random_below(&moment_seed, 200); n > 0; n--)
		sched_yield();
	kill(getpid(), SIGTERM);
	return arg;
}

static void
start_run(void)
{
	static const struct hm_props props = { .receive = signal_on_started };
	static const struct hm_module module = { .name = "starter",
						 .create = starter_create,
						 .start = starter_start };
	static const struct hm_module *const modules[] = { &module, NULL };
	struct hm_system *sys = make_with(modules);
	bool by_thread = moment == AT_SOME_TIME;
	pthread_t thread;
	int rc;

	if (hm_system_spawn(sys, &props, NULL, NULL, NULL) != 0)
		_exit(1);
	if (moment == BEFORE_RUN)
		kill(getpid(), SIGTERM);
	if (by_thread && pthread_create(&thread, NULL, signal_at_some_time, NULL) != 0)
		_exit(1);
	rc = hm_system_run(sys);
	if (by_thread)
		pthread_join(thread, NULL);
	hm_system_destroy(sys);
	_exit(rc == 0 ? 0 : 3);
}

/* From the creation on it is kept for hm_system_run, and stops the system in order. */
Test(engine_signal, signal__at_start_stops_it_in_order)
{
	char text[4096];

	for (moment = IN_MODULE_START; moment < AT_SOME_TIME; moment++)
		cr_assert_eq(child_run(start_run, text, sizeof(text)), 0, "%u: %s", moment, text);
	for (uint32_t i = 0; i < 8; i++) {
		moment_seed = i;
		cr_assert_eq(child_run(start_run, text, sizeof(text)), 0, "seed %u: %s", i, text);
	}
}
