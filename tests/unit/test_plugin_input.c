/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protoc-gen-hermod: requests that are none, or for which there is no memory.
 */
#include "test_plugin.h"

#include <sys/resource.h>

#include "arena_pvt.h"
#include "assert_pvt.h"
#include "hmt_death.h"

TestSuite(plugin_input);

static struct plugin services;

/* ---- Requests that are none -------------------------------------------------------------------- */

static void
refused(struct plugin *p, const char *expected)
{
	plugin_run(p);
	cr_assert_not_null(p->wrong);
	cr_assert_str_eq(p->wrong, expected);
	plugin_end(p);
}

Test(plugin_input, request__with_names_that_are_none)
{
	static const char *const names[] = { "", "9", "a b", "a.b", "*/ int x; /*", "\303\244" };
	static struct plugin p;
	Hmp__File *file;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		plugin_start(&p, NULL);
		plugin_nested(&p, plugin_message(&p, plugin_file(&p, "a.proto", "x"), "M"), names[i]);
		refused(&p, "a name that is none");
		plugin_start(&p, NULL);
		plugin_service(&p, plugin_file(&p, "a.proto", "x"), names[i]);
		refused(&p, "a name that is none");
		plugin_start(&p, NULL);
		plugin_rpc(&p, plugin_service(&p, plugin_file(&p, "a.proto", "x"), "S"), names[i], ".x.M",
			   ".x.M");
		refused(&p, "a name that is none");
	}
	plugin_start(&p, NULL);
	plugin_message(&p, plugin_file(&p, "a.proto", "x"), "M")->name = NULL;
	refused(&p, "a name that is none");
	plugin_start(&p, NULL);
	file = plugin_file(&p, "a.proto", "x..y");
	plugin_message(&p, file, "M");
	refused(&p, "a package that is no name");
}

Test(plugin_input, request__that_protoc_would_not_make)
{
	static struct plugin p;

	plugin_start(&p, NULL);
	plugin_file(&p, "a.proto", "x")->name = NULL;
	refused(&p, "a file without a name");
	plugin_start(&p, NULL);
	plugin_import(&p, "", "x");
	refused(&p, "a file without a name");
	plugin_start(&p, NULL);
	plugin_push(&p, &p.request.file_to_generate, &p.request.n_file_to_generate,
		    plugin_text(&p, "b.proto"));
	plugin_import(&p, "a.proto", "x");
	refused(&p, "a file to generate that is not among its files");
	plugin_rpc(&services, plugin_bank(&services, NULL), "Go", "shop.A", ".shop.B");
	refused(&services, "an rpc of a type that is no name");
	plugin_rpc(&services, plugin_bank(&services, NULL), "Go", ".shop.A", ".")->input_type = NULL;
	refused(&services, "an rpc of a type that is no name");
}

Test(plugin_input, request__that_ends_too_soon)
{
	static struct plugin p;
	Hmp__Service *service = plugin_bank(&services, NULL);
	size_t length, refusals = 0;
	uint8_t *bytes;

	plugin_rpc(&services, service, "Go", ".shop.A", ".shop.B");
	length = plugin_pack(&services, &bytes);
	for (size_t i = 0; i < length; i++) {
		plugin_start(&p, NULL);
		plugin_bytes_run(&p, bytes, i);
		refusals += p.wrong != NULL;
		plugin_end(&p);
	}
	cr_assert_geq(refusals, length * 9 / 10, "%zu of %zu", refusals, length);
	plugin_end(&services);
}

Test(plugin_input, request__of_any_other_bytes)
{
	static const struct {
		const char *bytes;
		size_t length;
	} inputs[] = {
		{ "\n", 1 },                       /* a tag alone */
		{ "\x0b", 1 },                     /* a group */
		{ "\x0a\xff\xff\xff\xff\x7f", 6 }, /* longer than there is */
		{ "\x80\x80\x80\x80\x80\x80", 6 }, /* a tag without an end */
		{ "\x0f", 1 },                     /* a wire type that is none */
		{ "\x79\0\0\0", 4 },               /* half of a number */
		{ "\x7a\x02\x1a\x7f", 4 },         /* a file that is not whole */
	};
	static struct plugin p;

	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		plugin_start(&p, NULL);
		plugin_bytes_run(&p, (const uint8_t *)inputs[i].bytes, inputs[i].length);
		cr_assert_not_null(p.wrong, "input %zu", i);
		plugin_end(&p);
	}
}

/* Fields that the plugin does not know, of each wire type: a newer protoc has more of them. */
Test(plugin_input, request__with_fields_that_are_not_known)
{
	static const uint8_t fields[] = {
		0xa0, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0x01,                                              /* 100, a number of 64 bits */
		0xa9, 0x06, 1,    2,    3,    4,    5,    6,    7,    8, /* 101, 8 bytes */
		0xb5, 0x06, 1,    2,    3,    4,                         /* 102, 4 bytes */
		0xba, 0x06, 3,    0x7a, 0x7a, 0x7a,                      /* 103, a text */
	};
	static struct plugin p;

	for (size_t i = 1; i < sizeof(fields); i++) {
		plugin_start(&p, NULL);
		plugin_bytes_run(&p, fields, i);
		cr_assert_eq(p.wrong == NULL, i == 12 || i == 22 || i == 28, "%zu bytes", i);
		plugin_end(&p);
	}
	plugin_start(&p, NULL);
	plugin_bytes_run(&p, fields, sizeof(fields));
	cr_assert_null(p.wrong);
	plugin_end(&p);
}

static void
nest(struct plugin *p, uint32_t depth)
{
	Hmp__Message *message;

	plugin_start(p, NULL);
	message = plugin_message(p, plugin_file(p, "a.proto", "x"), "M");
	for (uint32_t i = 1; i < depth; i++)
		message = plugin_nested(p, message, "M");
}

Test(plugin_input, request__nested_to_the_limit_and_beyond)
{
	static struct plugin p;

	nest(&p, HMP_NESTING_MAX);
	cr_assert_not_null(plugin_header(&p, 0));
	plugin_end(&p);
	nest(&p, HMP_NESTING_MAX + 1);
	refused(&p, "bytes that are no CodeGeneratorRequest, or messages that are nested too deep");
}

/* A package of so many parts that a function which calls itself for each would have no stack left. */
Test(plugin_input, request__with_a_package_of_many_parts)
{
	static struct plugin p;
	size_t parts = 200000;
	char *package;

	plugin_start(&p, "name.a.a=b");
	package = plugin_keep(&p, 2 * parts);
	for (size_t i = 0; i < parts; i++) {
		package[2 * i] = 'a';
		package[2 * i + 1] = i + 1 < parts ? '.' : '\0';
	}
	plugin_message(&p, plugin_file(&p, "a.proto", package), "M");
	cr_assert_not_null(strstr(plugin_header(&p, 0), "HM_MESSAGE(b_a_a_a"));
	plugin_end(&p);
}

/* ---- No memory --------------------------------------------------------------------------------- */

#ifndef HMI_ASAN /* which needs memory of its own, and looks for leaks at the end of a process */

static void
too_many(void *arg)
{
	struct hmp_memory memory = { .blocks = NULL };

	(void)arg;
	(void)hmp_alloc(&memory, SIZE_MAX / 2, 4);
}

static void
no_memory_check(void (*fn)(void *arg), void *arg)
{
	static char text[4096];
	int status = hmt_death(fn, arg, text, sizeof(text));

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE, "wait status %d: %s", status,
		  text);
	cr_assert_str_eq(text, "protoc-gen-hermod: no memory\n");
}

Test(plugin_input, memory__that_no_machine_has)
{
	no_memory_check(too_many, NULL);
}

struct packed {
	uint8_t *bytes;
	size_t length;
	rlim_t more; /* memory that there is for it */
};

static void
answer_in_little(void *arg)
{
	const struct packed *packed = arg;
	struct rlimit limit = { packed->more, packed->more };
	uint8_t *answer;
	size_t length;

	if (setrlimit(RLIMIT_DATA, &limit) == 0)
		(void)hmp_plugin_answer(packed->bytes, packed->length, &answer, &length);
}

/* From so little that the request cannot be read to enough, it is always one of two: no memory, or an answer. */
Test(plugin_input, memory__that_is_used_up_at_any_step)
{
	static char text[4096];
	static struct plugin p;
	struct packed packed = { .more = 0 };
	uint32_t died = 0, survived = 0;
	Hmp__File *file;

	plugin_start(&p, NULL);
	file = plugin_file(&p, "a.proto", "x");
	for (int i = 0; i < 500; i++) {
		char name[512];

		snprintf(name, sizeof(name), "M%0400d", i);
		plugin_message(&p, file, name);
	}
	packed.length = plugin_pack(&p, &packed.bytes);
	for (packed.more = 1 << 20; survived == 0 && packed.more < 1 << 30; packed.more += 1 << 20) {
		int status = hmt_death(answer_in_little, &packed, text, sizeof(text));

		cr_assert(WIFEXITED(status), "wait status %d", status);
		if (WEXITSTATUS(status) == HMT_SURVIVED) {
			survived++;
			continue;
		}
		died++;
		cr_assert_eq(WEXITSTATUS(status), EXIT_FAILURE);
		cr_assert_str_eq(text, "protoc-gen-hermod: no memory\n");
	}
	cr_assert_eq(survived, 1);
	cr_assert_geq(died, 3);
	plugin_end(&p);
}

#endif
