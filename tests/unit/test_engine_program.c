/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole program in one call: how it begins, and each way in which it ends.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hm_move.h"
#include "hm_program.h"
#include "hm_select.h"
#include "hm_supervisor.h"
#include "hmt_death.h"
#include "hmt_eal.h"
#include "system_pvt.h"

TestSuite(engine_program, .init = hmt_eal_start, .timeout = 60);

enum deed {
	STOP_ITSELF,
	STOP_SYSTEM,
	FAIL_FOR_EVER,
	WAIT_FOR_SIGNAL,
};

static struct scene {
	enum deed deed;
	struct hm_system *sys; /* NULL: the prepare function did not run */
	char path[HM_PATH_MAX];
	uint32_t starts, at, from; /* lcores: where it has done its deed, and has moved from */
	bool stopped;
} scene;

static void
deed_do(struct hm_ctx *ctx, enum deed deed)
{
	scene.starts++;
	scene.at = hm_lcore(ctx);
	snprintf(scene.path, sizeof(scene.path), "%s", hm_path(ctx));
	switch (deed) {
	case STOP_ITSELF:
		hm_stop(ctx, hm_self(ctx));
		break;
	case STOP_SYSTEM:
		hm_system_stop(hm_system(ctx));
		break;
	case FAIL_FOR_EVER:
		hm_fail(ctx, "on purpose");
		break;
	case WAIT_FOR_SIGNAL:
		cr_assert_eq(kill(getpid(), SIGTERM), 0);
		break;
	}
}

static void
first_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HM_STOPPED)
		scene.stopped = true;
	if (hm_msg_type(msg) == HM_STARTED)
		deed_do(ctx, *(const enum deed *)state);
}

static int
prepare(struct hm_system *sys)
{
	scene.sys = sys;
	return 0;
}

static int
prepare_fails(struct hm_system *sys)
{
	scene.sys = sys;
	return -E2BIG;
}

static int
prepare_cancels(struct hm_system *sys)
{
	(void)sys;
	return -ECANCELED;
}

static int
prepare_finds_wrong(struct hm_system *sys)
{
	(void)sys;
	return -EINVAL;
}

static const struct hm_props first_props = {
	.receive = first_receive,
	.state_size = sizeof(enum deed),
	.args_size = sizeof(enum deed),
};

/* Its exit status. */
static int
run(enum deed deed)
{
	static const struct hm_config config = { .lcores = 1 };
	const struct hm_program program = {
		.config = &config, .prepare = prepare, .props = &first_props, .args = &deed
	};

	scene = (struct scene){ .deed = deed };
	return hm_program_run(&program, 0, NULL);
}

Test(engine_program, run__ends_with_its_first_actor)
{
	cr_assert_eq(run(STOP_ITSELF), 0);
	cr_assert_not_null(scene.sys);
	cr_assert_str_eq(scene.path, "/user/main");
	cr_assert(scene.stopped);
}

Test(engine_program, run__ends_by_a_stop_of_the_system)
{
	cr_assert_eq(run(STOP_SYSTEM), 0);
	cr_assert_eq(scene.starts, 1);
	cr_assert(scene.stopped);
}

static void
run_until_signal(void *arg)
{
	(void)arg;
	_exit(run(WAIT_FOR_SIGNAL) == 0 && scene.stopped ? 0 : HMT_SURVIVED);
}

/* In a child, which has none of the threads that EAL has begun before the system blocks signals. */
Test(engine_program, run__ends_by_a_signal)
{
	char text[4096];
	int status = hmt_death(run_until_signal, NULL, text, sizeof(text));

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x: %s", (unsigned int)status,
		  text);
}

static void
idle_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)ctx;
	(void)state;
	(void)msg;
}

/* It was restarted as often as its supervisor, that of /user, lets it. */
Test(engine_program, run__of_a_first_actor_that_fails_for_good)
{
	cr_assert_eq(run(FAIL_FOR_EVER), 1);
	cr_assert_gt(scene.starts, 1);
}

static int
prepare_failing(struct hm_system *sys)
{
	static const enum deed deed = FAIL_FOR_EVER;

	return hm_system_spawn(sys, &first_props, "other", &deed, NULL);
}

/* That of the first actor, or of another one, while that waits. */
Test(engine_program, run__with_a_failure_that_goes_beyond_user)
{
	static const struct hm_supervisor escalates = { .directive = HM_DIRECTIVE_ESCALATE };
	static const struct hm_config config = { .lcores = 1, .supervisor = &escalates };
	static const struct hm_props props = { .receive = idle_receive };
	static const enum deed deed = FAIL_FOR_EVER;
	const struct hm_program first = { .config = &config, .props = &first_props, .args = &deed },
				other = { .config = &config, .prepare = prepare_failing, .props = &props };

	scene = (struct scene){ 0 };
	cr_assert_eq(hm_program_run(&first, 0, NULL), 1);
	cr_assert_eq(scene.starts, 1);
	cr_assert_eq(hm_program_run(&other, 0, NULL), 1);
	cr_assert_eq(scene.starts, 2);
}

/* ---- On other lcores ------------------------------------------------------------------------- */

/* Does its deed where it has moved to; each of its lives moves first. */
static void
mover_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HM_STARTED) {
		scene.from = hm_lcore(ctx);
		cr_assert_eq(hm_move(ctx, hm_self(ctx), 1 - hm_lcore(ctx)), HM_OK);
	} else if (hm_msg_type(msg) == HM_MOVED) {
		cr_assert_eq(hm_lcore(ctx), 1 - scene.from);
		deed_do(ctx, *(const enum deed *)state);
	} else if (hm_msg_type(msg) == HM_STOPPED) {
		scene.stopped = true;
	}
}

static const struct hm_props placed_props = {
	.receive = first_receive,
	.state_size = sizeof(enum deed),
	.args_size = sizeof(enum deed),
	.lcore = HM_LCORE(1),
};

static const struct hm_props mover_props = {
	.receive = mover_receive,
	.state_size = sizeof(enum deed),
	.args_size = sizeof(enum deed),
};

static const struct hm_props placed_mover_props = {
	.receive = mover_receive,
	.state_size = sizeof(enum deed),
	.args_size = sizeof(enum deed),
	.lcore = HM_LCORE(1),
};

/* On two lcores. @return its exit status */
static int
run_as(const struct hm_props *props, enum deed deed)
{
	static const struct hm_config config = { .lcores = 2 };
	const struct hm_program program = {
		.config = &config, .prepare = prepare, .props = props, .args = &deed, .lcores_min = 2
	};

	scene = (struct scene){ .deed = deed };
	return hm_program_run(&program, 0, NULL);
}

Test(engine_program, run__of_a_first_actor_on_another_lcore)
{
	cr_assert_eq(run_as(&placed_props, STOP_ITSELF), 0);
	cr_assert_eq(scene.at, 1);
	cr_assert(scene.stopped);
	cr_assert_eq(run_as(&placed_props, STOP_SYSTEM), 0);
	cr_assert(scene.stopped);
	cr_assert_eq(run_as(&placed_props, FAIL_FOR_EVER), 1);
	cr_assert_gt(scene.starts, 1);
}

Test(engine_program, run__of_a_first_actor_that_moves)
{
	static const struct hm_props *const props[] = { &mover_props, &placed_mover_props };

	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(run_as(props[i], STOP_ITSELF), 0);
		cr_assert_eq(scene.starts, 1);
		cr_assert(scene.stopped);
		cr_assert_eq(run_as(props[i], STOP_SYSTEM), 0);
		cr_assert(scene.stopped);
		cr_assert_eq(run_as(props[i], FAIL_FOR_EVER), 1);
		cr_assert_gt(scene.starts, 1);
	}
}

/* ---- Signals ----------------------------------------------------------------------------------- */

/* In its end it is told to end. The system is forced once the second signal has been taken. */
static void
never_end(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HM_STARTED)
		kill(getpid(), SIGTERM);
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	for (int i = 0; i < 2000 && !atomic_load(&hm_system(ctx)->forced); i++) {
		kill(getpid(), SIGINT);
		usleep(5000);
	}
}

static void
run_until_forced(void *arg)
{
	static const struct hm_props props = { .receive = never_end };
	static const struct hm_config config = { .lcores = 1 };
	const struct hm_program program = { .config = &config, .props = &props };

	(void)arg;
	_exit(hm_program_run(&program, 0, NULL) + 10);
}

Test(engine_program, run__is_forced_by_a_second_signal)
{
	char text[4096];
	int status = hmt_death(run_until_forced, NULL, text, sizeof(text));

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 11, "status 0x%x: %s", (unsigned int)status,
		  text);
	cr_assert_null(strstr(text, "does not run"), "it did: %s", text);
}

/* Has the last signal taken before it ends. */
static void
signal_in_the_end(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	sigset_t pending;

	(void)ctx;
	(void)state;
	if (hm_msg_type(msg) != HM_STOPPING)
		return;
	kill(getpid(), SIGTERM);
	do {
		usleep(1000);
		sigpending(&pending);
	} while (sigismember(&pending, SIGTERM));
	usleep(20000);
}

static int
prepare_signaller(struct hm_system *sys)
{
	static const struct hm_props props = { .receive = signal_in_the_end };

	return hm_system_spawn(sys, &props, NULL, NULL, NULL);
}

static void
run_until_signalled(void *arg)
{
	static const enum deed deed = STOP_ITSELF;
	static const struct hm_config config = { .lcores = 1 };
	const struct hm_program program = {
		.config = &config, .prepare = prepare_signaller, .props = &first_props, .args = &deed
	};

	(void)arg;
	_exit(hm_program_run(&program, 0, NULL) + 10);
}

/* Others stop since the first actor has ended; a first signal does not force them. */
Test(engine_program, run__is_not_forced_by_a_signal_in_its_end)
{
	char text[4096];
	int status = hmt_death(run_until_signalled, NULL, text, sizeof(text));

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 10, "status 0x%x: %s", (unsigned int)status,
		  text);
}

/* ---- Again --------------------------------------------------------------------------------------- */

/* One after the other, in one process. */
Test(engine_program, run__again)
{
	cr_assert_eq(run(FAIL_FOR_EVER), 1);
	cr_assert_eq(run(STOP_ITSELF), 0);
}

static void
child_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	(void)state;
	if (hm_msg_type(msg) == HM_STARTED)
		hm_stop(ctx, hm_self(ctx));
}

static void
parent_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	static const struct hm_props child = { .receive = child_receive };

	(void)state;
	if (hm_msg_type(msg) == HM_STARTED)
		cr_assert_eq(hm_spawn(ctx, &child, "other", NULL, NULL), 0);
	if (hm_msg_type(msg) == HM_TERMINATED) {
		scene.starts++;
		hm_stop(ctx, hm_self(ctx));
	}
}

static int
prepare_another(struct hm_system *sys)
{
	static const struct hm_props other = { .receive = child_receive };

	return hm_system_spawn(sys, &other, "another", NULL, NULL);
}

Test(engine_program, run__goes_on_when_others_end)
{
	static const struct hm_props props = { .receive = parent_receive };
	static const struct hm_program program = { .prepare = prepare_another, .props = &props, .name = "p" };

	scene = (struct scene){ 0 };
	cr_assert_eq(hm_program_run(&program, 0, NULL), 0);
	cr_assert_eq(scene.starts, 1);
}

/* ---- What does not begin --------------------------------------------------------------------- */

struct refusal {
	const struct hm_program *program;
	int argc;
	char **argv;
};

static void
run_and_exit(void *arg)
{
	const struct refusal *refusal = arg;
	FILE *nowhere = freopen("/dev/null", "w", stdout); /* --help would be taken for results */
	int status = nowhere == NULL ? HMT_SURVIVED
				     : hm_program_run(refusal->program, refusal->argc, refusal->argv);

	_exit(scene.starts == 0 ? status : HMT_SURVIVED);
}

/* With these words, and no actor has run. */
static void
refused(const struct hm_program *program, int argc, char **argv, int status, const char *words)
{
	struct refusal refusal = { program, argc, argv };
	char text[4096];
	int got = hmt_death(run_and_exit, &refusal, text, sizeof(text));

	cr_expect(WIFEXITED(got) && WEXITSTATUS(got) == status, "%s: status 0x%x: %s", words,
		  (unsigned int)got, text);
	cr_expect_not_null(strstr(text, words), "%s: %s", words, text);
}

Test(engine_program, run__of_what_is_no_program)
{
	static const struct hm_config stepped = { .mode = HM_MODE_STEPPED };
	static const struct hm_props nothing = { .receive = NULL };

	scene = (struct scene){ 0 };
	refused(NULL, 0, NULL, 2, "there is no program: NULL");
	refused(&(struct hm_program){ 0 }, 0, NULL, 2, "props is NULL");
	refused(&(struct hm_program){ .config = &stepped, .props = &first_props }, 0, NULL, 2,
		"HM_MODE_LCORES");
	refused(&(struct hm_program){ .props = &first_props, .lcores_min = 3, .lcores_max = 2 }, 0, NULL, 2,
		"lcores_max is below lcores_min");
	refused(&(struct hm_program){ .props = &nothing }, 0, NULL, 2, "first actor cannot be spawned");
	refused(&(struct hm_program){ .props = &first_props, .name = "a/b" }, 0, NULL, 2,
		"first actor cannot be spawned");
	refused(&(struct hm_program){ .props = &first_props, .prepare = prepare_fails }, 0, NULL, 1,
		"prepare function fails: Argument list too long");
	refused(&(struct hm_program){ .props = &first_props, .prepare = prepare_cancels }, 0, NULL, 1,
		"prepare function fails: Operation canceled");
	refused(&(struct hm_program){ .props = &first_props, .prepare = prepare_finds_wrong }, 0, NULL, 2,
		"prepare function fails: Invalid argument");
}

/* At the limits it runs. */
Test(engine_program, run__on_lcores_that_are_too_few_or_too_many)
{
	static const enum deed deed = STOP_ITSELF;
	struct hm_config config = { .lcores = 1 };
	struct hm_program program = {
		.config = &config, .props = &first_props, .args = &deed, .lcores_min = 2
	};

	scene = (struct scene){ 0 };
	refused(&program, 0, NULL, 2, "lcores: 1, of which the program needs at least 2; -l names more");
	program.lcores_min = 0;
	program.lcores_max = 1;
	config.lcores = 2;
	refused(&program, 0, NULL, 2, "lcores: 2, of which the program uses at most 1; -l names less");
	program.lcores_min = 1;
	config.lcores = 1;
	cr_assert_eq(hm_program_run(&program, 0, NULL), 0);
	cr_assert_eq(scene.starts, 1);
}

Test(engine_program, run__with_options)
{
	static char name[] = "program", help_option[] = "--help", end[] = "--", unknown[] = "--no-such";
	char *help[] = { name, help_option, NULL }, *wrong[] = { name, end, unknown, NULL };
	const struct hm_program program = { .props = &first_props, .prepare = prepare_fails };

	scene = (struct scene){ 0 };
	refused(&program, 2, help, 0, "");
	refused(&program, 3, wrong, 2, "--no-such");
}
