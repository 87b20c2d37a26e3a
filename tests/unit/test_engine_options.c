/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: what is taken, and what is said about what is not.
 */
#include <stdlib.h>

#include "hmt_eal.h"
#include "options_pvt.h"
#include "system_pvt.h"
#include "test_engine_options.h"

TestSuite(engine_options);

Test(engine_options, parse__mistakes_are_named)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "app -- --nope", "unknown option '--nope'; did you mean --node? `-- --help` lists them" },
		{ "app -- --zzz", "unknown option '--zzz'; `-- --help` lists them" },
		{ "app -- --nope=3", "unknown option '--nope'" },
		{ "app -- --work", "unknown option '--work'; did you mean --workers?" },
		{ "app -- --workersx 1", "unknown option '--workersx'" },
		{ "app -- workers", "unexpected argument 'workers'" },
		{ "app -- -workers", "unexpected argument '-workers'" },
		{ "app -- --", "unexpected argument '--'" },
		{ "app -- --workers 1 2", "unexpected argument '2'" },
		{ "app -- --node --idle spin", "--node needs a value" },
		{ "app -- --workers", "--workers needs a value" },
		{ "app -- --node", "--node needs a value" },
		{ "app -- --workers 0", "give a whole number from 1 to 255" },
		{ "app -- --workers 256", "give a whole number from 1 to 255" },
		{ "app -- --workers -1", "--workers \'-1\': give a whole number" },
		{ "app -- --workers 1x", "--workers \'1x\': give a whole number" },
		{ "app -- --workers=", "--workers '': give a whole number" },
		{ "app -- --workers 99999999999999999999", "give a whole number" },
		{ "app -- --workers 2.5", "--workers \'2.5\': give a whole number from 1 to 255" },
		{ "app -- --balance 60001", "--balance '60001': give a whole number from 0 to 60000" },
		{ "app -- --balance 10ms", "--balance '10ms': give a whole number from 0 to 60000" },
		{ "app -- --balanc 10", "did you mean --balance?" },
		{ "app -- --quantum 1e3", "--quantum '1e3': give a whole number from 1 to 64" },
		{ "app -- --memory 1", "give a size from 256K to 256G" },
		{ "app -- --quantum 0", "give a whole number from 1" },
		{ "app -- --quantum-us 0", "--quantum-us '0': give a whole number from 1 to 40" },
		{ "app -- --quantum-us 41", "--quantum-us '41': give a whole number from 1 to 40" },
		{ "app -- --reserve 1", "hermod: --reserve 1: give less than the number of lcores, 1" },
		{ "app -- --reserve 3 --workers 3",
		  "hermod: --reserve 3: give less than the number of lcores, 3" },
		{ "app -- --workers 3 --reserve 256", "--reserve '256': give a whole number from 0 to 255" },
		{ "app -- --lane 17", "hermod: --lane '17': give a power of two from 16 to 1048576" },
		{ "app -- --inject 4095", "hermod: --inject '4095': give a power of two from 16 to 1048576" },
		{ "app -- --memory 262143", "--memory '262143'" },
		{ "app -- --memory 257G", "give a size from 256K to 256G" },
		{ "app -- --memory 262145K1", "--memory '262145K1'" },
		{ "app -- --memory 1KB", "--memory '1KB'" },
		{ "app -- --memory M", "--memory 'M'" },
		{ "app -- --memory=-1M", "--memory '-1M'" },
		{ "app -- --memory 18014398509481985K", "give a size from 256K to 256G" },
		{ "app -- --memory=", "--memory ''" },
		{ "app -- --message-max 65535",
		  "--message-max '65535': give a size from 64K to 1G, as in 16M" },
		{ "app -- --message-max 1048577K", "--message-max '1048577K': give a size from 64K to 1G" },
		{ "app -- --message-max 8MB", "--message-max '8MB'" },
		{ "app -- --message-max 0", "--message-max '0'" },
		{ "app -- --message-max", "--message-max needs a value" },
		{ "app -- --lane 8", "give a whole number from 16" },
		{ "app -- --stall 3600001", "--stall '3600001': give a whole number from 0 to 3600000" },
		{ "app -- --stall 1s", "--stall '1s': give a whole number from 0 to 3600000" },
		{ "app -- --stall -1", "--stall '-1': give a whole number from 0 to 3600000" },
		{ "app -- --set", "--set needs a value: one such setting" },
		{ "app -- --set /user/a:lcor=1",
		  "--set '/user/a:lcor=1': 'lcor': unknown key; did you mean 'lcore'?" },
		{ "app -- --deploy", "--deploy needs a value: file of settings" },
		{ "app -- --deploy /", "hermod: /: no regular file" },
		{ "app -- --stall", "--stall needs a value: milliseconds after which" },
		{ "app -- --record some", "--record 'some': choose life or all" },
		{ "app -- --record", "--record needs a value" },
		{ "app -- --record=", "--record '': choose life or all" },
		{ "app -- --idle lazy", "--idle 'lazy': choose adaptive, spin, pause or yield" },
		{ "app -- --node a/b", "--node 'a/b'" },
		{ "app -- --node=", "--node ''" },
		{ "app -- --node a$b", "--node 'a$b'" },
		{ "app -- --node 12345678901234567890123456789012345678901234567890123456789012345",
		  "give up to 64 letters" },
	};
	struct attempt a = { .config = { .mode = HM_MODE_STEPPED } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_refused(&a, cases[i].line, cases[i].text);
}

/* The system's own options that take a number: its limits, what it is without the option, and where it goes. */
#define AT(member) offsetof(struct hmi_options, member)

static const struct limit {
	const char *name;
	uint64_t least, greatest, usual;
	size_t offset;
} limits[] = {
	{ "balance", 0, 60000, 0, AT(balance_ms) },
	{ "mailbox", 1, UINT32_MAX - 1, 0, AT(mailbox) },
	{ "quantum", 1, 64, 64, AT(quantum) },
	{ "quantum-us", 1, 40, 4, AT(quantum_us) },
	{ "lane", 16, 1u << 20, 4096, AT(lane) },
	{ "inject", 16, 1u << 20, 4096, AT(inject) },
	{ "offload-threads", 1, 64, 4, AT(offload_threads) },
	{ "offload-queue", 16, 1u << 20, 1024, AT(offload_queue) },
	{ "stall", 0, 3600000, 1000, AT(stall) },
	{ "phase-timeout-ms", 1, 86400000, 5000, AT(phase_timeout_ms) },
	{ "stop-timeout-ms", 0, 86400000, 0, AT(stop_timeout_ms) },
	{ "seed", 0, UINT64_MAX, 0, AT(seed) },
};

static void
limit_taken(struct attempt *a, const struct limit *limit, const char *value)
{
	uint64_t wanted = value != NULL ? strtoull(value, NULL, 10) : limit->usual, is;
	char line[128];

	snprintf(line, sizeof(line), value != NULL ? "app -- --%s %s" : "app", limit->name, value);
	try(a, line);
	cr_assert_eq(a->rc, 0, "%s: %s", line, a->err);
	memcpy(&is, (const uint8_t *)&a->sys->options + limit->offset, sizeof(is));
	cr_assert_eq(is, wanted, "--%s, %s: %lu", limit->name, line, (unsigned long)is);
	hm_system_destroy(a->sys);
}

static void
limit_refused(struct attempt *a, const struct limit *limit, uint64_t value)
{
	char line[128], text[128];

	snprintf(line, sizeof(line), "app -- --%s %lu", limit->name, (unsigned long)value);
	snprintf(text, sizeof(text), "--%s '%lu': give a whole number from %lu to %lu (", limit->name,
		 (unsigned long)value, (unsigned long)limit->least, (unsigned long)limit->greatest);
	cr_expect_refused(a, line, text);
}

Test(engine_options, numbers__least_greatest_and_one_beyond)
{
	struct attempt a = { .config = { .mode = HM_MODE_STEPPED } };
	char value[24];

	hmt_eal_start();
	for (size_t i = 0; i < RTE_DIM(limits); i++) {
		snprintf(value, sizeof(value), "%lu", (unsigned long)limits[i].least);
		limit_taken(&a, &limits[i], value);
		snprintf(value, sizeof(value), "%lu", (unsigned long)limits[i].greatest);
		limit_taken(&a, &limits[i], value);
		limit_taken(&a, &limits[i], NULL);
		if (limits[i].least > 0)
			limit_refused(&a, &limits[i], limits[i].least - 1);
		if (limits[i].greatest < UINT64_MAX)
			limit_refused(&a, &limits[i], limits[i].greatest + 1);
	}
}

Test(engine_options, reserve__all_but_one_and_what_the_program_says)
{
	struct attempt a = { .config = { .mode = HM_MODE_STEPPED, .lcores = 5, .reserve = 2 } };

	try(&a, "app");
	cr_assert_eq(a.rc, 0, "%s", a.err);
	cr_assert_eq(hm_system_lcores_shared(a.sys), 3);
	hm_system_destroy(a.sys);
	try(&a, "app -- --reserve 4");
	cr_assert_eq(a.rc, 0, "%s", a.err);
	cr_assert_eq(hm_system_lcores_shared(a.sys), 1);
	hm_system_destroy(a.sys);
	try(&a, "app -- --workers 2");
	cr_assert_eq(a.rc, -EINVAL);
	cr_assert_not_null(strstr(a.err, "--reserve 2: give less than the number of lcores, 2"), "%s", a.err);
}

Test(engine_options, parse__every_kind_is_taken)
{
	static const char *text = "before";
	static uint64_t number = 1;
	static bool flag;
	static const struct hm_option options[] = {
		{ .name = "text", .help = "a text", .kind = HM_OPTION_TEXT, .value = &text },
		{ .name = "number",
		  .help = "a number",
		  .kind = HM_OPTION_NUMBER,
		  .value = &number,
		  .min = 5 },
		{ .name = "flag", .help = "a flag", .kind = HM_OPTION_FLAG, .value = &flag },
		{ .name = NULL },
	};
	struct attempt a = { .config = { .mode = HM_MODE_STEPPED, .options = options } };

	cr_expect_refused(&a, "app -- --flag=yes", "--flag=yes: --flag takes no value");
	cr_expect_refused(&a, "app -- --flag yes", "unexpected argument 'yes': --flag takes no value");
	cr_expect_refused(&a, "app -- --number 4", "--number '4': give a whole number from 5 up (a number)");
	hmt_eal_start();
	try(&a, "app -- --text=a=b --number 18446744073709551615 --flag --workers=3 --node n.1 --idle yield");
	cr_assert_eq(a.rc, 0, "%s", a.err);
	cr_assert_str_eq(text, "a=b");
	cr_assert_eq(number, UINT64_MAX);
	cr_assert(flag);
	cr_assert_eq(hm_system_lcores(a.sys), 3);
	cr_assert_str_eq(hm_system_name(a.sys), "n.1");
	hm_system_destroy(a.sys);
}

static int
module_create(struct hm_system *sys, void **self)
{
	(void)sys;
	*self = NULL;
	return 0;
}

static const struct hm_option *
module_options(void *self)
{
	static uint64_t value;
	static const struct hm_option options[] = {
		{ .name = "of-module", .help = "x", .kind = HM_OPTION_NUMBER, .value = &value },
		{ .name = NULL },
	};

	(void)self;
	return options;
}

/* Which of two options of one name is meant, nobody could tell. */
Test(engine_options, names__that_are_taken)
{
	static const struct hm_module module = { .name = "some module",
						 .create = module_create,
						 .options = module_options };
	static const struct hm_module *const modules[] = { &module, NULL };
	static const struct {
		const char *name, *text;
	} cases[] = {
		{ "idle", "--idle of this program is an option of every hermod program already" },
		{ "help", "--help of this program is an option of every hermod program already" },
		{ "of-module", "--of-module of this program is an option of some module already" },
		{ "other", "--other of this program is an option of this program already" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool flag = false, other = false;
		const struct hm_option options[] = {
			{ .name = "other", .help = "x", .kind = HM_OPTION_FLAG, .value = &other },
			{ .name = cases[i].name, .help = "x", .kind = HM_OPTION_FLAG, .value = &flag },
			{ .name = NULL },
		};
		struct attempt a = {
			.config = { .mode = HM_MODE_STEPPED, .options = options, .modules = modules }
		};

		cr_expect_refused(&a, "app", cases[i].text);
		cr_expect_refused(&a, "app --help", cases[i].text);
	}
}

static int
refuse(void *arg, const char *value)
{
	cr_assert_str_eq(value, "x");
	return *(int *)arg;
}

Test(engine_options, parse__what_a_programs_function_says_counts)
{
	static int answer = -ENODEV;
	static const struct hm_option options[] = {
		{ .name = "call",
		  .help = "a call",
		  .kind = HM_OPTION_CALL,
		  .value = &answer,
		  .call = refuse },
		{ .name = NULL },
	};
	struct attempt a = { .config = { .mode = HM_MODE_STEPPED, .options = options } };

	try(&a, "app -- --call x");
	cr_assert_eq(a.rc, -ENODEV);
	cr_assert_eq(hm_exit_status(a.rc), 1);
}

Test(engine_options, help__lists_all_options_wherever_it_stands)
{
	static const char *const lines[] = { "app --help", "app -- --help",
					     "app -l 0-99 -- --workers 3 --help" };
	static const char *const names[] = { "what it is for", "--mine N",    "my own",         "--workers N",
					     "--idle VALUE",   "--node TEXT", "--lane N",       "--inject N",
					     "--memory VALUE", "--quantum N", "--quantum-us N", "--seed N",
					     "--help",         "usage: app" };
	static uint64_t number;
	static const struct hm_option options[] = {
		{ .name = "mine", .help = "my own", .kind = HM_OPTION_NUMBER, .value = &number },
		{ .name = NULL },
	};
	struct attempt a = { .config = { .options = options, .summary = "what it is for" } };

	for (size_t l = 0; l < sizeof(lines) / sizeof(lines[0]); l++) {
		try(&a, lines[l]);
		cr_assert_eq(a.rc, -ECANCELED);
		cr_assert_eq(hm_exit_status(a.rc), 0);
		cr_assert_str_eq(a.err, "");
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			cr_assert_not_null(strstr(a.out, names[i]), "no %s in %s", names[i], a.out);
	}
}

Test(engine_options, workers__more_than_eal_has)
{
	struct attempt a = { .config = { .mode = HM_MODE_BACKGROUND } };

	hmt_eal_start();
	try(&a, "app -- --workers 2");
	cr_assert_eq(a.rc, -ENODEV);
	cr_assert_eq(hm_exit_status(a.rc), 1);
	cr_assert_str_eq(a.err, "hermod: --workers 2: EAL has 1 lcores for it; give more, as in -l 0-2\n");
	a.config.mode = HM_MODE_LCORES;
	try(&a, "app -- --workers 3");
	cr_assert_eq(a.rc, -ENODEV);
	cr_assert_str_eq(a.err, "hermod: --workers 3: EAL has 2 lcores for it; give more, as in -l 0-2\n");
}

Test(engine_options, workers__none_is_left_beside_the_main_lcore)
{
	struct attempt a = { .config = { .mode = HM_MODE_BACKGROUND } };

	hmt_eal_start_with(1, 64);
	try(&a, "app");
	cr_assert_eq(a.rc, -ENODEV);
	cr_assert_not_null(strstr(a.err, "no lcore is left to work on"));
}

Test(engine_options, memory__of_the_configuration_is_kept_within_bounds)
{
	struct hmi_options options;

	hmi_options_default(&options, &(struct hm_config){ .memory = 1 });
	cr_assert_eq(options.memory, 256u << 10);
	hmi_options_default(&options, &(struct hm_config){ .memory = (256u << 10) + 1 });
	cr_assert_eq(options.memory, (256u << 10) + 1);
	hmi_options_default(&options, &(struct hm_config){ .memory = 1ull << 38 });
	cr_assert_eq(options.memory, 1ull << 38);
	hmi_options_default(&options, &(struct hm_config){ .memory = (1ull << 38) + 1 });
	cr_assert_eq(options.memory, 1ull << 38);
	hmi_options_default(&options, &(struct hm_config){ .memory = UINT64_MAX });
	cr_assert_eq(options.memory, 1ull << 38);
}

Test(engine_options, memory__default_is_a_quarter_of_the_ram_and_a_gibibyte_at_most)
{
	uint64_t quarter = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4;
	struct hmi_options options;

	hmi_options_default(&options, NULL);
	cr_assert_eq(options.memory, quarter < 1u << 30 ? quarter : 1u << 30);
	hmi_options_default(&options, &(struct hm_config){ .memory = 0 });
	cr_assert_eq(options.memory, quarter < 1u << 30 ? quarter : 1u << 30);
}
