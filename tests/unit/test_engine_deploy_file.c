/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deployment settings: what is said of those that are wrong, and where.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings_pvt.h"
#include "hmt_actor.h"
#include "hmt_eal.h"
#include "nearest_pvt.h"

#define FILE_SIZE 65536

static char folder[] = "/tmp/hermod-deploy-XXXXXX", file[64];

static void
folder_make(void)
{
	cr_assert_not_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/f", folder);
}

static void
folder_remove(void)
{
	(void)unlink(file);
	(void)rmdir(folder);
}

TestSuite(engine_deploy_file, .init = folder_make, .fini = folder_remove);

static void
file_write(const char *bytes, size_t length)
{
	FILE *out = fopen(file, "we");

	cr_assert_not_null(out);
	cr_assert_eq(fwrite(bytes, 1, length, out), length);
	fclose(out);
}

/* What is said of a file, behind its name; "": nothing. */
static const char *
told_of(const char *bytes, size_t length, int expected)
{
	static struct hmi_batch batch;
	int rc;

	file_write(bytes, length);
	hmi_batch_init(&batch, file, NULL);
	rc = hmi_batch_file(&batch, file);
	hmi_batch_fini(&batch);
	cr_assert_eq(rc, expected, "%s: %d", batch.problem, rc);
	cr_assert(rc == 0 || strncmp(batch.problem, file, strlen(file)) == 0, "%s", batch.problem);
	return rc == 0 ? "" : batch.problem + strlen(file);
}

static void
cr_expect_told(const char *text, const char *expected)
{
	const char *told = told_of(text, strlen(text), expected[0] != '\0' ? -EINVAL : 0);

	cr_expect_str_eq(told, expected, "%s", text);
}

Test(engine_deploy_file, lines__that_are_right)
{
	static const char *const files[] = {
		"[/user/a]\nlcore=0\n",
		"[/user/a]\nlcore=0",
		"[/user/a]\r\nlcore = 0\r\n",
		"\n # a comment with = and [ and \\#\n[/user/a] # another\n\tlcore\t=\tany # a third\n\n",
		"  [ /user/a ]  \n  lcore  =  same  \n",
		"[/user/empty]\n[/user/a]\nlcore=0\n",
		"[/user/**]\nstash=1\n[/user/*/w?]\nstash=4294967295\n[/*/x]\nstash=2\n[/temp/$0.7.1/n]\nstash=2\n",
		"[/user]\nsupervisor=stop\nbackoff-min=none\n",
		"[/user/a]\nmailbox-capacity=5\nmailbox-low=4\n",
	};

	for (size_t i = 0; i < RTE_DIM(files); i++)
		cr_expect_told(files[i], "");
}

Test(engine_deploy_file, lines__that_are_wrong_are_named)
{
	static const struct {
		const char *text, *told;
	} cases[] = {
		{ "", ": it has no settings" },
		{ "# nothing\n\n", ": it has no settings" },
		{ "[/user/a]\n", ": it has no settings" },
		{ "[/user/a]\nlcore\n",
		  ":2: 'lcore' is neither [PATH] nor key = value; comments begin with '#'" },
		{ "; old\n[/user/a]\nlcore=0\n",
		  ":1: '; old' is neither [PATH] nor key = value; comments begin with '#'" },
		{ "lcore = 1\n[/user/a]\n", ":1: lcore stands before the first [PATH]" },
		{ "\n\n[/user/a\nlcore=1\n", ":3: '[/user/a': no ']' ends the path" },
		{ "[/user/a] lcore=1\n", ":1: ' lcore=1': nothing may stand behind ']'" },
		{ "[]\nlcore=1\n", ":1: []: give a path, as in [/user/orders]" },
		{ "[/user/a]\nlcore=\n", ":2: lcore stands without a value" },
		{ "[/user/a]\nlcore= # 1\n", ":2: lcore stands without a value" },
		{ "[/user/a]\n=1\n", ":2: a value stands without a key" },
		{ "[/user/a]\nlcore=1 \\# 2\n", ":2: 'lcore=1 \\': nothing here has a '\\'" },
		{ "[/user/a]\nlcor=1\n", ":2: 'lcor': unknown key; did you mean 'lcore'?" },
		{ "[/user/a]\nmailbox_low=1\n",
		  ":2: 'mailbox_low': unknown key; did you mean 'mailbox-low'?" },
		{ "[/user/a]\nsupervisor-restart=1\n",
		  ":2: 'supervisor-restart': unknown key; did you mean 'supervisor-restarts'?" },
		{ "[/user/a]\nback=1\n", ":2: 'back': unknown key; did you mean 'backoff-min'?" },
		{ "[/user/a]\nzzzzzz=1\n",
		  ":2: 'zzzzzz': unknown key; keys are lcore, priority, quantum, quantum-time, faults, balance, stash, router, router-size, mailbox-order, mailbox-overflow, "
		  "mailbox-capacity, mailbox-low, supervisor, supervisor-scope, supervisor-restarts, "
		  "supervisor-window, backoff-min, backoff-max, backoff-jitter, backoff-reset" },
		{ "[/user/a]\nrouter=hash\n",
		  ":2: router = hash: give round-robin, random, broadcast, smallest, balancing, first or "
		  "tail-chopping: hash needs a function, which a program has to name" },
		{ "[/user/a]\nrouter-size=1025\n",
		  ":2: router-size = 1025: give a number of routees from 1 to 1024" },
		{ "[/user/a]\nlcore=one\n",
		  ":2: lcore = one: give same, any, least, key, own, or the number of an lcore, 0 to 254" },
		{ "[/user/a]\nlcore=1=2\n",
		  ":2: lcore = 1=2: give same, any, least, key, own, or the number of an lcore, 0 to 254" },
		{ "[/user/a]\nlcore=0\nstash=1\nlcore=1\n", ":4: lcore stands in line 2 already" },
		{ "[/user/a]\nlcore=0\n[/user/b]\n[/user/./a]\n", ":4: '/user/a' stands in line 1 already" },
		{ "[orders]\nlcore=0\n", ":1: 'orders' is no absolute path, as /user/orders is" },
		{ "[/usr/a]\nlcore=0\n", ":1: '/usr/a': no actor is there; did you mean '/user'?" },
		{ "[/orders]\nlcore=0\n", ":1: '/orders': no actor is there; their paths begin with /user/" },
		{ "[/system]\nlcore=0\n",
		  ":1: '/system': of what is above all actors, only /user has settings" },
		{ "[/**]\nlcore=0\n", ":1: '/**': of what is above all actors, only /user has settings" },
		{ "[/]\nlcore=0\n", ":1: '/': no actor is there; their paths begin with /user/" },
		{ "[/user]\nlcore=0\n", ":2: lcore: /user has none but supervisor and backoff keys" },
		{ "[/user/a b]\nlcore=0\n", ":1: '/user/a b': no path has the character ' '" },
		{ "[/user/**/b]\nlcore=0\n", ":1: '/user/**/b' is no path" },
		{ "[/user//b]\nlcore=0\n", ":1: '/user//b' is no path" },
		{ "[/user/../..]\nlcore=0\n", ":1: '/user/../..' is no path" },
		{ "[/user/a]\nmailbox-low=4\nmailbox-capacity=4\n",
		  ":2: mailbox-low = 4: give less than mailbox-capacity, 4" },
		{ "[/user/a]\nmailbox-overflow=reject\nmailbox-low=4\n",
		  ":3: mailbox-low: only mailbox-overflow = mute has it" },
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++)
		cr_expect_told(cases[i].text, cases[i].told);
}

/* ---- Values ------------------------------------------------------------------------------------ */

Test(engine_deploy_file, values__of_every_key)
{
	static const struct {
		enum hmi_key key;
		const char *text;
		uint64_t value;
	} right[] = {
		{ HMI_KEY_LCORE, "same", HM_LCORE_SAME },
		{ HMI_KEY_LCORE, "any", HM_LCORE_ANY },
		{ HMI_KEY_LCORE, "254", HM_LCORE(254) },
		{ HMI_KEY_FAULTS, "contain", HM_FAULTS_CONTAIN },
		{ HMI_KEY_MAILBOX_ORDER, "fifo", HM_MAILBOX_FIFO },
		{ HMI_KEY_MAILBOX_ORDER, "control", HM_MAILBOX_CONTROL },
		{ HMI_KEY_MAILBOX_OVERFLOW, "drop-oldest", HM_OVERFLOW_DROP_OLDEST },
		{ HMI_KEY_MAILBOX_OVERFLOW, "mute", HM_OVERFLOW_MUTE },
		{ HMI_KEY_MAILBOX_CAPACITY, "unlimited", HM_MAILBOX_UNLIMITED },
		{ HMI_KEY_MAILBOX_CAPACITY, "4294967294", 4294967294 },
		{ HMI_KEY_MAILBOX_LOW, "1", 1 },
		{ HMI_KEY_SUPERVISOR, "restart", HM_DIRECTIVE_RESTART },
		{ HMI_KEY_SUPERVISOR, "resume", HM_DIRECTIVE_RESUME },
		{ HMI_KEY_SUPERVISOR, "escalate", HM_DIRECTIVE_ESCALATE },
		{ HMI_KEY_SUPERVISOR_SCOPE, "one-for-one", HM_ONE_FOR_ONE },
		{ HMI_KEY_SUPERVISOR_SCOPE, "all-for-one", HM_ALL_FOR_ONE },
		{ HMI_KEY_SUPERVISOR_RESTARTS, "0", 0 },
		{ HMI_KEY_SUPERVISOR_RESTARTS, "1000", 1000 },
		{ HMI_KEY_SUPERVISOR_WINDOW, "forever", 0 },
		{ HMI_KEY_SUPERVISOR_WINDOW, "1us", 1 },
		{ HMI_KEY_SUPERVISOR_WINDOW, "8784h", 31622400000000 },
		{ HMI_KEY_BACKOFF_MAX, "3s", 3000000 },
		{ HMI_KEY_BACKOFF_JITTER, "0", 0 },
	};
	static const struct {
		enum hmi_key key;
		const char *text;
	} wrong[] = {
		{ HMI_KEY_LCORE, "255" },
		{ HMI_KEY_LCORE, "-1" },
		{ HMI_KEY_LCORE, "Same" },
		{ HMI_KEY_LCORE, "18446744073709551616" },
		{ HMI_KEY_FAULTS, "1" },
		{ HMI_KEY_STASH, "0" },
		{ HMI_KEY_STASH, "4294967296" },
		{ HMI_KEY_MAILBOX_ORDER, "priority" },
		{ HMI_KEY_MAILBOX_CAPACITY, "0" },
		{ HMI_KEY_MAILBOX_CAPACITY, "4294967295" },
		{ HMI_KEY_MAILBOX_LOW, "0" },
		{ HMI_KEY_MAILBOX_LOW, "unlimited" },
		{ HMI_KEY_SUPERVISOR, "retry" },
		{ HMI_KEY_SUPERVISOR_RESTARTS, "1001" },
		{ HMI_KEY_SUPERVISOR_WINDOW, "10" },
		{ HMI_KEY_SUPERVISOR_WINDOW, "0s" },
		{ HMI_KEY_SUPERVISOR_WINDOW, "10 s" },
		{ HMI_KEY_SUPERVISOR_WINDOW, "8785h" },
		{ HMI_KEY_SUPERVISOR_WINDOW, "5124095577h" },
		{ HMI_KEY_BACKOFF_MAX, "none" },
		{ HMI_KEY_BACKOFF_JITTER, "101" },
		{ HMI_KEY_BACKOFF_JITTER, "10%" },
		{ HMI_KEY_BACKOFF_RESET, "" },
	};
	const char *form;
	uint64_t value;

	for (size_t i = 0; i < RTE_DIM(right); i++) {
		cr_assert(hmi_key_read(right[i].key, right[i].text, &value, &form), "%s", right[i].text);
		cr_assert_eq(value, right[i].value, "%s", right[i].text);
	}
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		cr_assert_not(hmi_key_read(wrong[i].key, wrong[i].text, &value, &form), "%s", wrong[i].text);
		cr_assert_not_null(form);
	}
}

/* ---- What rte_cfgfile would cut, or pass over ------------------------------------------------------ */

/* Without the end of the text. */
static void
text_put(char *to, const char *text)
{
	while (*text != '\0')
		*to++ = *text++;
}

/* A line of so many characters: a comment behind a setting. */
static void
long_line(char *text, size_t length)
{
	int n = snprintf(text, 16, "[/user/a]\n");

	memset(text + n, '#', length);
	text_put(text + n, "lcore=0 ");
	memcpy(text + n + length, "\n", 2);
}

Test(engine_deploy_file, limits__of_lines_paths_and_values)
{
	char text[1024], path[128];

	long_line(text, 320);
	cr_expect_told(text, "");
	long_line(text, 321);
	cr_expect_told(text, ":2: longer than 320 characters");
	/* Names of 27 and 28 characters: paths of 63 and 64. */
	snprintf(path, sizeof(path), "/user/%028d/%028d", 0, 0);
	snprintf(text, sizeof(text), "[%s]\nlcore=0\n", path);
	cr_assert_eq(strlen(path), 63);
	cr_expect_told(text, "");
	snprintf(text, sizeof(text), "[%s1]\nlcore=0\n", path);
	cr_assert_not_null(strstr(told_of(text, strlen(text), -EINVAL),
				  "1]: longer than 63 characters; give it by --set"));
	snprintf(text, sizeof(text), "[/user/a]\n%063d=1\n", 0);
	cr_assert_not_null(strstr(told_of(text, strlen(text), -EINVAL), "unknown key"));
	snprintf(text, sizeof(text), "[/user/a]\n%064d=1\n", 0);
	cr_expect_told(text, ":2: no key has 64 characters, and no value 256");
	snprintf(text, sizeof(text), "[/user/a]\nlcore=%0255d\n", 1);
	cr_expect_told(text, "");
	snprintf(text, sizeof(text), "[/user/a]\nlcore=%0256d\n", 1);
	cr_expect_told(text, ":2: no key has 64 characters, and no value 256");
}

Test(engine_deploy_file, limits__zero_bytes)
{
	static const char text[] = "[/user/a]\nlcore=0\0 and more\n";

	cr_assert_str_eq(told_of(text, sizeof(text) - 1, -EINVAL),
			 ":2: a byte of the value 0: this is no text");
}

/* rte_cfgfile takes memory for a few at a time. */
Test(engine_deploy_file, limits__many_sections_and_all_keys)
{
	static char text[FILE_SIZE];
	struct hmi_batch batch;
	size_t length = 0;
	uint32_t count = 0;

	for (int i = 0; i < 300; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "[/user/a%d]\nlcore=0\nfaults=abort\nstash=1\nmailbox-order=fifo\n"
					   "mailbox-overflow=mute\nmailbox-capacity=2\nmailbox-low=1\n",
					   i);
	file_write(text, length);
	hmi_batch_init(&batch, file, NULL);
	cr_assert_eq(hmi_batch_file(&batch, file), 0, "%s", batch.problem);
	cr_assert_eq(batch.count, 2100);
	for (const struct hmi_section *s = batch.first; s != NULL; s = s->next, count++) {
		cr_assert_eq(s->line, 8 * count + 1);
		cr_assert_eq(s->settings[HMI_KEY_MAILBOX_LOW].line, 8 * count + 8);
	}
	cr_assert_eq(count, 300);
	hmi_batch_fini(&batch);
}

Test(engine_deploy_file, path__of_any_length_by_an_option)
{
	char text[HM_PATH_MAX + 64];
	struct hmi_batch batch;

	for (size_t length = HM_PATH_MAX - 1; length <= HM_PATH_MAX; length++) {
		memset(text, 'a', length);
		for (size_t i = 6; i < length; i += 64)
			text[i] = '/';
		text_put(text, "/user/");
		text[6] = 'a';
		memcpy(text + length, ":lcore=0", 9);
		hmi_batch_init(&batch, "--set", text);
		cr_assert_eq(hmi_batch_text(&batch, text), length < HM_PATH_MAX ? 0 : -EINVAL, "%s",
			     batch.problem);
		hmi_batch_fini(&batch);
	}
	cr_assert_not_null(strstr(batch.problem, "...': the path is longer than 511 characters"));
}

Test(engine_deploy_file, path__names_that_are_too_long)
{
	char text[128];

	for (int length = 64; length <= 65; length++) {
		struct hmi_batch batch;

		snprintf(text, sizeof(text), "/user/%0*d:lcore=0", length, 0);
		hmi_batch_init(&batch, "--set", text);
		cr_assert_eq(hmi_batch_text(&batch, text), length == 64 ? 0 : -EINVAL);
		hmi_batch_fini(&batch);
	}
}

Test(engine_deploy_file, file__that_cannot_be_read)
{
	char name[400];
	struct hmi_batch batch;

	hmi_batch_init(&batch, file, NULL);
	cr_assert_eq(hmi_batch_file(&batch, file), -ENOENT);
	cr_assert_not_null(strstr(batch.problem,
				  "/f: the deployment settings cannot be read: No such file or directory"));
	cr_assert_eq(hmi_batch_file(&batch, folder), -EINVAL);
	cr_assert_not_null(strstr(batch.problem, "no regular file"));
	/* Nobody waits for somebody to write to it. */
	cr_assert_eq(mkfifo(file, 0600), 0);
	cr_assert_eq(hmi_batch_file(&batch, file), -EINVAL);
	cr_assert_not_null(strstr(batch.problem, "no regular file"));
	/* Of a long name the end is shown. */
	memset(name, 'x', sizeof(name));
	memcpy(name, "/tmp/", 5);
	name[sizeof(name) - 1] = '\0';
	hmi_batch_init(&batch, name, NULL);
	cr_assert_eq(hmi_batch_file(&batch, name), -ENAMETOOLONG);
	cr_assert_eq(strncmp(batch.problem, "...xxx", 6), 0);
	cr_assert_not_null(
		strstr(batch.problem, "xxx: the deployment settings cannot be read: File name too long"));
}

/* ---- One setting --------------------------------------------------------------------------------- */

Test(engine_deploy_file, text__that_is_wrong)
{
	static const struct {
		const char *text, *told;
	} cases[] = {
		{ "", "--set '': give PATH:key=value, as in /user/orders:lcore=1" },
		{ "/user/a", "--set '/user/a': give PATH:key=value, as in /user/orders:lcore=1" },
		{ "/user/a:lcore", "--set '/user/a:lcore': give PATH:key=value, as in /user/orders:lcore=1" },
		{ "/user/a=1:lcore",
		  "--set '/user/a=1:lcore': give PATH:key=value, as in /user/orders:lcore=1" },
		{ "/user/a:=1", "--set '/user/a:=1': give PATH:key=value, as in /user/orders:lcore=1" },
		{ "/user/a:lcore=",
		  "--set '/user/a:lcore=': give PATH:key=value, as in /user/orders:lcore=1" },
		{ ":lcore=1", "--set ':lcore=1': '' is no absolute path, as /user/orders is" },
		{ "/user/a:lcoer=1", "--set '/user/a:lcoer=1': 'lcoer': unknown key; did you mean 'lcore'?" },
		{ "/user/a:router=1",
		  "--set '/user/a:router=1': router = 1: give round-robin, random, broadcast, smallest, "
		  "balancing, first or tail-chopping: hash needs a function, which a program has to name" },
		{ "/user/a:router-size=0",
		  "--set '/user/a:router-size=0': router-size = 0: give a number of routees from 1 to 1024" },
		{ "/user/a:balance=no", "--set '/user/a:balance=no': balance = no: give move or stay" },
		{ "/user/a:faults=x", "--set '/user/a:faults=x': faults = x: give contain or abort" },
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct hmi_batch batch;

		hmi_batch_init(&batch, "--set", cases[i].text);
		cr_assert_eq(hmi_batch_text(&batch, cases[i].text), -EINVAL);
		hmi_batch_fini(&batch);
		cr_assert_str_eq(batch.problem, cases[i].told);
	}
}

/* ---- Names that are near ---------------------------------------------------------------------------- */

Test(engine_deploy_file, nearest__by_edits)
{
	static const char *const names[] = { "lcore", "lane", "workers", "stash" };
	static const struct {
		const char *wrong, *meant;
	} cases[] = {
		{ "lcore", "lcore" },
		{ "lcor", "lcore" },
		{ "lcoer", "lcore" },
		{ "core", "lcore" },
		{ "lcorex", "lcore" },
		{ "wor", "workers" },
		{ "w", NULL },
		{ "wrokesr", "workers" },
		{ "orkersx", "workers" },
		{ "abcdefg", NULL },
		{ "", NULL },
		{ "line", "lane" },
	};
	char longest[HMI_NEAREST_MAX + 2];

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct hmi_nearest nearest = { NULL, 0 };

		for (size_t n = 0; n < RTE_DIM(names); n++)
			hmi_nearest_try(&nearest, cases[i].wrong, strlen(cases[i].wrong), names[n]);
		cr_assert_eq(nearest.name == NULL, cases[i].meant == NULL, "%s", cases[i].wrong);
		if (nearest.name != NULL)
			cr_assert_str_eq(nearest.name, cases[i].meant);
	}
	memset(longest, 'x', sizeof(longest));
	for (size_t length = HMI_NEAREST_MAX; length <= HMI_NEAREST_MAX + 1; length++) {
		struct hmi_nearest nearest = { NULL, 0 };

		longest[length] = '\0';
		hmi_nearest_try(&nearest, longest, length, longest);
		cr_assert_eq(nearest.name != NULL, length == HMI_NEAREST_MAX);
		longest[length] = 'x';
	}
}

/* ---- At start ------------------------------------------------------------------------------------------ */

static int
started(const char *const *words, int count, struct hm_system **sys)
{
	const struct hm_config config = { .mode = HM_MODE_STEPPED, .lcores = 2 };
	char *argv[16] = { (char *)(uintptr_t) "app", (char *)(uintptr_t) "--" };

	for (int i = 0; i < count; i++)
		argv[2 + i] = (char *)(uintptr_t)words[i];
	return hm_system_create(sys, 2 + count, argv, &config);
}

Test(engine_deploy_file, start__with_what_is_wrong)
{
	const char *const files[] = { "--deploy", file };
	static const char *const twice[] = { "--set", "/user/a:lcore=1", "--set", "/user/a:lcore=1" };
	static const char *const lcore[] = { "--set", "/user/a:lcore=2" };
	static const char *const key[] = { "--set=/user/a:locre=1" };
	struct hm_system *sys;

	hmt_eal_start();
	cr_assert_eq(started(files, 2, &sys), -ENOENT);
	cr_assert_eq(hm_exit_status(-ENOENT), 1);
	file_write("[/user/a]\nlcore=2\n", 18);
	cr_assert_eq(started(files, 2, &sys), -EINVAL);
	cr_assert_eq(started(twice, 4, &sys), -EINVAL);
	cr_assert_eq(started(lcore, 2, &sys), -EINVAL);
	cr_assert_eq(started(key, 1, &sys), -EINVAL);
	file_write("[/user/a]\nlcore=1\n", 18);
	cr_assert_eq(started(files, 2, &sys), 0);
	hm_system_destroy(sys);
}

static void
actors_add(void *arg, const struct hm_deploy_setting *setting)
{
	if (strcmp(setting->source, file) == 0 && setting->line == 2)
		*(uint64_t *)arg += setting->actors;
}

/* All of a file, or nothing of it. */
Test(engine_deploy_file, load__by_a_call)
{
	static struct hmt_probe probe;
	char problem[HM_DEPLOY_PROBLEM_MAX];
	struct hmt_node node;
	uint64_t actors = 0;

	hmt_eal_start();
	hmt_node_start(&node, 2);
	file_write("[/user/a]\nlcore=1\n[/user/b]\nlcore=2\n", 36);
	cr_assert_eq(hm_deploy_load(node.sys, file, problem, sizeof(problem)), -EINVAL);
	cr_assert_str_eq(problem + strlen(file), ":4: /user/b: lcore = 2: the lcores are 0 to 1");
	cr_assert_eq(hm_pid_lcore(hmt_probe_spawn(&node, &probe, 0, "a")), 0);
	hmt_stop(&node, probe.pid);
	hmt_node_end(&node);
	hmt_node_start(&node, 2);
	file_write("[/user/a]\nlcore=1\n", 18);
	cr_assert_eq(hm_deploy_load(node.sys, file, problem, sizeof(problem)), 0);
	cr_assert_eq(hm_pid_lcore(hmt_probe_spawn(&node, &probe, 0, "a")), 1);
	hm_deploy_each(node.sys, actors_add, &actors);
	cr_assert_eq(actors, 1);
	hmt_node_end(&node);
}
