/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: the options that are EAL's, and systems that cannot be created.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <rte_version.h>

#include "assert_pvt.h"
#include "hmt_eal.h"
#include "hmt_shortage.h"
#include "options_pvt.h"
#include "system_pvt.h"
#include "test_engine_options.h"

TestSuite(engine_options_eal);

#define ZEROS_83  "00000000000000000000000000000000000000000000000000000000000000000000000000000000000"
#define ZEROS_249 ZEROS_83 ZEROS_83 ZEROS_83
#define EAL_QUIET "--no-huge --no-pci --no-shconf --no-telemetry -m 64 --file-prefix hermod-test "

/*
 * A process each: EAL keeps what it was given last, and loses what it was given before. What later
 * ones end the process for is in tests/apps/refused.sh.
 */
static const struct {
	const char *line, *text;
} eal_mistakes[] = {
	{ "app " EAL_QUIET "-l 1000", "-l '1000': there is no core 1000; this process may use" },
	{ "app -l 0,1000 " EAL_QUIET, "-l '0,1000': there is no core 1000" },
	{ "app " EAL_QUIET "-l1000", "-l '1000': there is no core 1000" },
	{ "app " EAL_QUIET "-l 0-x", "-l '0-x': no list of cores" },
	{ "app " EAL_QUIET "-l \t0 --main-lcore 4000", "EAL does not start: Invalid argument" },
	{ "app " EAL_QUIET "--lcores nonsense", "--lcores 'nonsense': no map of lcores to cores" },
	{ "app " EAL_QUIET "--lcores=(0-1)@1000", "--lcores '(0-1)@1000': there is no core 1000" },
	{ "app " EAL_QUIET "--lcores 0@0,1@(0,1000)", "there is no core 1000" },
	{ "app " EAL_QUIET "--lcores 0,1000", "there is no core 1000" },
	{ "app " EAL_QUIET "-c xyz", "-c 'xyz': no hexadecimal mask of cores" },
	/* Core 0, and one that there is not. */
	{ "app " EAL_QUIET "-c 0x1" ZEROS_249 "1", "there is no core 1000" },
	{ "app " EAL_QUIET "-c 8" ZEROS_249 "1", "there is no core 1003" },
	{ "app " EAL_QUIET "--main-lcore 4000", "EAL does not start: Invalid argument" },
#if RTE_VERSION >= RTE_VERSION_NUM(25, 7, 0, 0)
	{ "app " EAL_QUIET "-l 0@0,1@1000", "-l '0@0,1@1000': there is no core 1000" },
#else
	{ "app " EAL_QUIET "-l 1-0", "-l '1-0': no list of cores" },
	{ "app " EAL_QUIET "--numa-mem=64", "EAL has no option '--numa-mem=64'" },
	{ "app " EAL_QUIET "-R", "EAL has no option '-R'" },
	{ "app " EAL_QUIET "-A", "EAL has no option '-A'" },
#endif
};

ParameterizedTestParameters(engine_options_eal, eal__mistake_is_named_last)
{
	static size_t places[sizeof(eal_mistakes) / sizeof(eal_mistakes[0])];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		places[i] = i;
	return cr_make_param_array(size_t, places, sizeof(places) / sizeof(places[0]));
}

/* What EAL says comes before, and its usage not at all. */
ParameterizedTest(size_t *place, engine_options_eal, eal__mistake_is_named_last)
{
	const char *line = eal_mistakes[*place].line, *text = eal_mistakes[*place].text, *last;
	struct attempt a = { .config = { .mode = HM_MODE_LCORES } };

	try(&a, line);
	cr_assert_eq(a.rc, -EINVAL, "%s: %d", line, a.rc);
	last = strstr(a.err, "hermod: ");
	cr_assert_not_null(last, "%s", a.err);
	cr_assert_not_null(strstr(last, text), "%s: %s", line, last);
	cr_assert_eq(strchr(last, '\n'), last + strlen(last) - 1, "not the last line: %s", a.err);
	cr_assert_str_eq(a.out, "", "%s", line);
}

/* Later EALs end the process when an option stands twice: the program need not give it twice for that. */
Test(engine_options_eal, eal__two_options_that_mean_one)
{
	struct attempt a = { .config = { .mode = HM_MODE_STEPPED } };

	try(&a, "app " EAL_QUIET "--in-memory");
	cr_assert_eq(a.rc, 0, "%s", a.err);
	hm_system_destroy(a.sys);
}

/* EAL may know more options than we do, and some of them want a value. */
Test(engine_options_eal, eal__what_may_be_a_value_is_left_to_it)
{
	const char *argv[] = {
		"app", "-l", "0", "--vdev", "net_ring0", "--new", "more", "-vl", "0", "-a", "-"
	};

	cr_assert_null(hmi_eal_stray(sizeof(argv) / sizeof(argv[0]), (char **)(uintptr_t)argv));
}

Test(engine_options_eal, eal__options_stand_before_the_dashes_and_ours_behind)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "app --idle=spin",
		  "hermod: --idle=spin is no EAL option: it belongs after `--`, as in `app --" },
		{ "app -l 0 --workers 3 -- --node n", "--workers is no EAL option: it belongs after `--`" },
		{ "app --mine", "--mine is no EAL option: it belongs after `--`" },
		{ "app -- --no-pci", "--no-pci is an EAL option: it belongs before `--`" },
		{ "app -- --node n --vdev=net_ring0", "--vdev is an EAL option: it belongs before `--`" },
		{ "app -- --mine -l 0-1", "-l is an EAL option: it belongs before `--`" },
		{ "app -- -m64", "-m is an EAL option: it belongs before `--`" },
		{ "app more",
		  "unexpected argument 'more': it belongs to no option; `app --help` lists them" },
		{ "app - -- --node n", "unexpected argument '-'" },
		{ "app -l 0 more -- --node n", "unexpected argument 'more'" },
		{ "app -l0 more", "unexpected argument 'more'" },
		{ "app --no-pci more", "unexpected argument 'more'" },
		{ "app --file-prefix=hermod more", "unexpected argument 'more'" },
	};
	static bool mine;
	static const struct hm_option options[] = {
		{ .name = "mine", .help = "my own", .kind = HM_OPTION_FLAG, .value = &mine },
		{ .name = NULL },
	};
	struct attempt a = { .config = { .mode = HM_MODE_STEPPED, .options = options } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_refused(&a, cases[i].line, cases[i].text);
}

Test(engine_options_eal, eal__is_started_once_and_outlives_its_first_system)
{
	struct attempt first = { .config = { .mode = HM_MODE_STEPPED } }, second = first;

	try(&first, "app " EAL_QUIET);
	cr_assert_eq(first.rc, 0, "%s", first.err);
	try(&second, "app " EAL_QUIET);
	cr_assert_eq(second.rc, 0, "%s", second.err);
	cr_assert_str_eq(second.err, "", "EAL is not asked twice");
	hm_system_destroy(first.sys);
	hm_system_turn(second.sys);
	try(&first, "app");
	cr_assert_eq(first.rc, 0);
	hm_system_turn(first.sys);
	hm_system_turn(second.sys);
	hm_system_destroy(second.sys);
	hm_system_destroy(first.sys);
}

/* ---- What cannot be created ----------------------------------------------------------- */

Test(engine_options_eal, create__out_of_memory_is_named)
{
	struct attempt a = { .config = { .mode = HM_MODE_STEPPED } };

	hmt_eal_start();
	try(&a, "app -- --workers 100 --lane 1048576");
	cr_assert_eq(a.rc, -ENOMEM);
	cr_assert_not_null(strstr(a.err, "hermod: no memory for 100 lcores"), "%s", a.err);
	cr_assert_not_null(strstr(a.err, "smaller --lane"), "%s", a.err);
}

static int
plain_create(struct hm_system *sys, void **self)
{
	*self = sys;
	return 0;
}

Test(engine_options_eal, create__with_too_many_modules_says_what_to_do)
{
	static const struct hm_module plain = { .name = "plain", .create = plain_create };
	const struct hm_module *modules[HMI_MODULES_MAX + 2] = { NULL };
	struct attempt a = { .config = { .modules = modules } };

	for (uint32_t i = 0; i <= HMI_MODULES_MAX; i++)
		modules[i] = &plain;
	cr_expect_refused(&a, "app", "more than 8 modules; leave some out");
}

/* The sanitizer ends the process when it has no memory. */
#ifndef HMI_ASAN
Test(engine_options_eal, create__without_memory_of_the_heap_says_so)
{
	struct hm_system *sys;
	char text[TEXT_SIZE];
	int saved, rc;
	FILE *err = capture(stderr, &saved);

	hmt_memory_refuse();
	rc = hm_system_create(&sys, 0, NULL, NULL);
	hmt_memory_allow();
	release(stderr, saved, err, text);
	cr_assert_eq(rc, -ENOMEM);
	cr_assert_null(sys);
	cr_assert_str_eq(
		text, "hermod: no memory for a system; end other programs, or raise the limit (ulimit -v)\n");
}
#endif
