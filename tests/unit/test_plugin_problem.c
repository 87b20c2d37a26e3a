/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protoc-gen-hermod: what it says of files and parameters from which no header can be made.
 */
#include "test_plugin.h"

TestSuite(plugin_problem);

/* ---- Parameters ------------------------------------------------------------------------------ */

static void
parameter_problem(const char *parameter, const char *expected)
{
	static struct plugin p;

	plugin_start(&p, parameter);
	plugin_message(&p, plugin_file(&p, "a.proto", "shop"), "M");
	plugin_problem(&p, expected);
}

#define FIRST_IS ": the first type id is a number from 256 to 65535"

Test(plugin_problem, parameters__that_cannot_be_read)
{
	parameter_problem("first=255", "first=255" FIRST_IS);
	parameter_problem("first=65536", "first=65536" FIRST_IS);
	parameter_problem("first=18446744073709551616", "first=18446744073709551616" FIRST_IS);
	parameter_problem("first=-300", "first=-300" FIRST_IS);
	parameter_problem("first= 300", "first= 300" FIRST_IS);
	parameter_problem("first=300x", "first=300x" FIRST_IS);
	parameter_problem("first=", "first=" FIRST_IS);
	parameter_problem("first=300,first=400", "first=400: there is a first=300 already");
	parameter_problem("first=300,after=b.proto",
			  "first=300 and after=b.proto say two things; instead: one of them");
	parameter_problem("after=b.proto,after=c.proto", "after=c.proto: there is an after=b.proto already");
	parameter_problem("after=", "after=: needs the name of a .proto file, as protoc knows it");
	parameter_problem("first", "parameter 'first' has no value; instead: KEY=VALUE");
	parameter_problem("First=300",
			  "unknown parameter 'First'; there are first=ID, after=FILE.proto, name.X=NAME, "
			  "skip=X, control=X, no_influence=X and auto_respond.X=FUNCTION");
	parameter_problem("name.=x", "name.=x: what is called so is missing; instead: name.shop.Order=x\n"
				     "name.=x: no package, message, service, rpc or file is called ");
	parameter_problem("name.shop.M=", "name.shop.M=: '' is no identifier of C");
	parameter_problem("name.shop.M=9a", "name.shop.M=9a: '9a' is no identifier of C");
	parameter_problem("name.shop.M=a-b", "name.shop.M=a-b: 'a-b' is no identifier of C");
	parameter_problem("name.shop.M=x,name.shop.M=y", "name.shop.M=y: it has been given a name already");
}

Test(plugin_problem, parameters__about_nothing)
{
	parameter_problem("name.shop.N=x",
			  "name.shop.N=x: no package, message, service, rpc or file is called shop.N");
	parameter_problem("skip=shop.N", "skip=shop.N: no package, message, service or rpc is called shop.N");
	parameter_problem("skip=sho", "skip=sho: no package, message, service or rpc is called sho");
	parameter_problem("skip=", "skip=: no package, message, service or rpc is called ");
	parameter_problem("after=a.proto",
			  "after=a.proto: is itself written in this run, whose files follow each other "
			  "anyway; leave the parameter out, or run protoc for each file");
}

#define NO_MESSAGE(name) ": no message that is written is called " name ", or lies in it"

Test(plugin_problem, attributes__that_cannot_be_read)
{
	parameter_problem("control", "parameter 'control' has no value; instead: KEY=VALUE");
	parameter_problem("auto_respond.shop.M",
			  "parameter 'auto_respond.shop.M' has no value; instead: KEY=VALUE");
	parameter_problem(
		"auto_respond=f",
		"unknown parameter 'auto_respond'; there are first=ID, after=FILE.proto, name.X=NAME, "
		"skip=X, control=X, no_influence=X and auto_respond.X=FUNCTION");
	parameter_problem("auto_respond.=f",
			  "auto_respond.=f: the message is missing; instead: auto_respond.shop.Order=f\n"
			  "auto_respond.=f: no message that is written is called ");
	parameter_problem("auto_respond.shop.M=", "auto_respond.shop.M=: '' is no identifier of C");
	parameter_problem("auto_respond.shop.M=f()", "auto_respond.shop.M=f(): 'f()' is no identifier of C");
	parameter_problem("auto_respond.shop.M=int", "auto_respond.shop.M=int: int is a word of C or C++");
	parameter_problem("auto_respond.shop.M=hm_f",
			  "auto_respond.shop.M=hm_f: names that begin with hm_ are hermod's");
	parameter_problem("auto_respond.shop.M=f,auto_respond.shop.M=g",
			  "auto_respond.shop.M=g: it has been given a function already");
}

Test(plugin_problem, attributes__about_nothing)
{
	parameter_problem("control=shop.N", "control=shop.N" NO_MESSAGE("shop.N"));
	parameter_problem("control=", "control=" NO_MESSAGE(""));
	parameter_problem("no_influence=sho", "no_influence=sho" NO_MESSAGE("sho"));
	parameter_problem("no_influence=shop.M.N", "no_influence=shop.M.N" NO_MESSAGE("shop.M.N"));
	parameter_problem("auto_respond.shop=f",
			  "auto_respond.shop=f: no message that is written is called shop");
	/* Nor about what is left out. */
	parameter_problem("skip=shop.M,control=shop.M", "control=shop.M" NO_MESSAGE("shop.M"));
	parameter_problem("skip=shop.M,auto_respond.shop.M=f",
			  "auto_respond.shop.M=f: no message that is written is called shop.M");
}

Test(plugin_problem, attributes__of_a_file_that_is_not_written)
{
	static struct plugin p;

	plugin_start(&p, "control=other");
	plugin_message(&p, plugin_import(&p, "other.proto", "other"), "O");
	plugin_message(&p, plugin_file(&p, "a.proto", "shop"), "M");
	plugin_problem(&p, "control=other" NO_MESSAGE("other"));
}

/* ---- Ids ------------------------------------------------------------------------------------- */

static void
two_files(struct plugin *p, const char *parameter)
{
	Hmp__File *file;

	plugin_start(p, parameter);
	plugin_message(p, plugin_file(p, "a.proto", "x"), "A");
	file = plugin_file(p, "b.proto", "x");
	plugin_message(p, file, "B");
	plugin_nested(p, plugin_message(p, file, "C"), "D");
}

Test(plugin_problem, ids__end_at_65535)
{
	static struct plugin p;

	plugin_start(&p, "first=65535");
	plugin_message(&p, plugin_file(&p, "a.proto", "x"), "A");
	cr_assert_not_null(plugin_header(&p, 0));
	plugin_end(&p);

	two_files(&p, "first=65532");
	cr_assert_not_null(plugin_header(&p, 1));
	plugin_end(&p);
	two_files(&p, "first=65533");
	plugin_problem(&p,
		       "b.proto: its 3 messages have ids from 65534 to 65536, but 65535 is the last; a lower "
		       "first=ID, or skip=X for what is not sent by itself");
	two_files(&p, "first=65533,skip=x.C.D");
	cr_assert_not_null(plugin_header(&p, 1));
	plugin_end(&p);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void
name_problem(const char *parameter, const char *message, const char *expected)
{
	static struct plugin p;
	Hmp__File *file;

	plugin_start(&p, parameter);
	file = plugin_file(&p, "a.proto", "shop");
	plugin_message(&p, file, "Order");
	plugin_message(&p, file, message);
	plugin_rpc(&p, plugin_service(&p, file, "Bank"), "Go", ".shop.Order", ".shop.Order");
	plugin_problem(&p, expected);
}

#define GIVES_ANOTHER "; the parameter name."

Test(plugin_problem, names__that_two_things_have)
{
	name_problem(
		NULL, "Order_send",
		"a.proto: message shop.Order and message shop.Order_send are both shop_Order_send in C" GIVES_ANOTHER
		"shop.Order_send=NAME gives another");
	name_problem(
		"name.shop.Sell=shop_Order", "Sell",
		"a.proto: message shop.Order and message shop.Sell are both shop_Order in C" GIVES_ANOTHER
		"shop.Sell=NAME gives another");
	name_problem(
		NULL, "Bank_dispatch",
		"a.proto: message shop.Bank_dispatch and service shop.Bank are both shop_Bank_dispatch in "
		"C" GIVES_ANOTHER "shop.Bank=NAME gives another");
	name_problem(
		NULL, "Bank_Go",
		"a.proto: message shop.Bank_Go and rpc shop.Bank.Go are both shop_Bank_Go_ask in C" GIVES_ANOTHER
		"shop.Bank.Go=NAME gives another");
	name_problem(NULL, "Order_system_send_wait",
		     "a.proto: message shop.Order and message shop.Order_system_send_wait are both "
		     "shop_Order_system_send_wait in C" GIVES_ANOTHER
		     "shop.Order_system_send_wait=NAME gives another");
	name_problem(
		"auto_respond.shop.M=shop_Order_ask", "M",
		"a.proto: message shop.Order and the function of auto_respond shop.M are both shop_Order_ask in "
		"C" GIVES_ANOTHER "shop.Order=NAME gives another");
	name_problem("name.shop.M=a_end", "M",
		     "a.proto: the table of a.proto and message shop.M are both a_end in C" GIVES_ANOTHER
		     "shop.M=NAME gives another");
	name_problem(
		"name.shop.M=Shop__Order", "M",
		"a.proto: protobuf-c's code of shop.Order and message shop.M are both Shop__Order in C" GIVES_ANOTHER
		"shop.M=NAME gives another");
	name_problem(
		"name.shop.M=shop__order__init", "M",
		"a.proto: protobuf-c's code of shop.Order and message shop.M are both shop__order__init in "
		"C" GIVES_ANOTHER "shop.M=NAME gives another");
}

/* The headers of both are included together. */
Test(plugin_problem, names__that_two_files_of_a_run_have)
{
	static struct plugin p;

	plugin_start(&p, NULL);
	plugin_message(&p, plugin_file(&p, "a/b.proto", "shop"), "Order");
	plugin_message(&p, plugin_file(&p, "a_b.proto", "shop"), "Order_ask");
	plugin_problem(
		&p,
		"a_b.proto: the table of a/b.proto and the table of a_b.proto are both a_b_HM_H in C" GIVES_ANOTHER
		"a_b.proto=NAME gives another\n"
		"a_b.proto: message shop.Order and message shop.Order_ask are both shop_Order_ask in "
		"C" GIVES_ANOTHER "shop.Order_ask=NAME gives another");
}

Test(plugin_problem, names__that_a_file_has_whose_messages_are_used)
{
	static struct plugin p;
	Hmp__Service *service;
	Hmp__File *file;

	for (int is_used = 0; is_used < 2; is_used++) {
		plugin_start(&p, is_used ? NULL : "skip=s.Sell.Go");
		plugin_message(&p, plugin_import(&p, "a.proto", "s"), "Order");
		file = plugin_file(&p, "b.proto", "s");
		plugin_message(&p, file, "Order_ask");
		service = plugin_service(&p, file, "Sell");
		plugin_rpc(&p, service, "Go", ".s.Order", ".s.Order_ask");
		if (is_used) {
			plugin_problem(
				&p,
				"b.proto: message s.Order and message s.Order_ask are both s_Order_ask in "
				"C" GIVES_ANOTHER "s.Order_ask=NAME gives another");
			continue;
		}
		cr_assert_not_null(plugin_header(&p, 0));
		plugin_end(&p);
	}
}

Test(plugin_problem, names__that_none_may_have)
{
	name_problem("name.shop.M=int", "M",
		     "a.proto: shop.M is int in C, which is a word of C or C++" GIVES_ANOTHER
		     "shop.M=NAME gives another");
	name_problem("name.shop=xor,name.shop.Order=o", "eq",
		     "a.proto: shop.eq is xor_eq in C, which is a word of C or C++" GIVES_ANOTHER
		     "shop.eq=NAME gives another");
	name_problem(
		"name.shop.M=hm_send", "M",
		"a.proto: shop.M is hm_send in C, where names that begin with hm_ are hermod's" GIVES_ANOTHER
		"shop.M=NAME gives another");
	name_problem("name.a.proto=hm", "M",
		     "a.proto: a.proto is hm in C, where names that begin with hm_ are hermod's" GIVES_ANOTHER
		     "a.proto=NAME gives another");
	name_problem(
		"name.shop.Bank=HM_B", "M",
		"a.proto: shop.Bank is HM_B in C, where names that begin with hm_ are hermod's" GIVES_ANOTHER
		"shop.Bank=NAME gives another\n"
		"a.proto: shop.Bank.Go is HM_B_Go in C, where names that begin with hm_ are hermod's" GIVES_ANOTHER
		"shop.Bank.Go=NAME gives another");
	name_problem(
		"name.shop.Bank.Go=hmi_go", "M",
		"a.proto: shop.Bank.Go is hmi_go in C, where names that begin with hm_ are hermod's" GIVES_ANOTHER
		"shop.Bank.Go=NAME gives another");
}

Test(plugin_problem, names__that_protobuf_c_cannot_write)
{
	static struct plugin p;
	Hmp__File *file;

	plugin_start(&p, NULL);
	file = plugin_file(&p, "a.proto", NULL);
	plugin_message(&p, file, "_9a");
	plugin_message(&p, file, "_");
	plugin_problem(
		&p,
		"a.proto: message _9a is '9a' in protobuf-c, which is no identifier; rename it, or give the "
		"file a package\n"
		"a.proto: message _ is '' in protobuf-c, which is no identifier; rename it, or give the file a "
		"package");
}

Test(plugin_problem, paths__that_no_include_can_have)
{
	static const char *const paths[] = { "a\"b.proto",  "a\\b.proto", "a*/b.proto",
					     "what?.proto", "a\nb.proto", "a\177.proto" };
	static struct plugin p;
	char expected[256];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		plugin_start(&p, NULL);
		plugin_message(&p, plugin_file(&p, paths[i], "shop"), "M");
		snprintf(
			expected, sizeof(expected),
			"'%s' cannot stand in an #include: it has a quote, a backslash, '*', '?' or a character that is "
			"not printed; rename the file",
			paths[i]);
		plugin_problem(&p, expected);
	}
}

/* As many problems as messages. */
static const char *
problems(struct plugin *p, int count)
{
	Hmp__File *file;

	plugin_start(p, NULL);
	file = plugin_file(p, "a.proto", "hm");
	for (int i = 0; i < count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "M%d", i);
		plugin_message(p, file, name);
	}
	plugin_run(p);
	cr_assert_null(p->wrong);
	return p->answer->error;
}

Test(plugin_problem, problems__of_which_there_are_many_are_counted)
{
	static struct plugin p;
	const char *text = problems(&p, 20);

	cr_assert_not_null(strstr(text, "hm.M19=NAME"));
	cr_assert_null(strstr(text, "more"));
	plugin_end(&p);
	text = problems(&p, 23);
	cr_assert_not_null(strstr(text, "hm.M19=NAME gives another\nand 3 more"));
	cr_assert_null(strstr(text, "hm.M20=NAME"));
	plugin_end(&p);
}

Test(plugin_problem, problems__that_are_long_are_cut)
{
	static struct plugin p;
	static char name[2000];
	size_t length;

	memset(name, 'm', sizeof(name) - 1);
	plugin_start(&p, NULL);
	plugin_message(&p, plugin_file(&p, "a.proto", "hm"), name);
	plugin_run(&p);
	length = strlen(p.answer->error);
	cr_assert_eq(length, 1023);
	cr_assert_str_eq(p.answer->error + length - 4, "m...");
	plugin_end(&p);
}

/* ---- Services -------------------------------------------------------------------------------- */

static struct plugin services;

Test(plugin_problem, rpcs__that_are_streams)
{
	static const char expected[] =
		"a.proto: rpc shop.Bank.Go is a stream, which is not one request and one answer; "
		"leave it out by skip=shop.Bank.Go";
	Hmp__Method *method = plugin_rpc(&services, plugin_bank(&services, NULL), "Go", ".shop.A", ".shop.B");

	method->has_client_streaming = method->client_streaming = true;
	plugin_problem(&services, expected);
	method = plugin_rpc(&services, plugin_bank(&services, NULL), "Go", ".shop.A", ".shop.B");
	method->has_server_streaming = method->server_streaming = true;
	plugin_problem(&services, expected);
	method = plugin_rpc(&services, plugin_bank(&services, "skip=shop.Bank.Go"), "Go", ".shop.A",
			    ".shop.B");
	method->has_server_streaming = method->server_streaming = true;
	cr_assert_not_null(plugin_header(&services, 0));
	plugin_end(&services);
}

Test(plugin_problem, rpcs__with_the_same_request)
{
	Hmp__Service *service = plugin_bank(&services, NULL);

	plugin_rpc(&services, service, "Go", ".shop.A", ".shop.B");
	plugin_rpc(&services, service, "Stay", ".shop.B", ".shop.B");
	plugin_rpc(&services, service, "Come", ".shop.A", ".shop.A");
	plugin_problem(
		&services,
		"a.proto: rpc shop.Bank.Go and rpc shop.Bank.Come both take shop.A, by which they are told "
		"from each other; give one a message of its own, or leave it out by "
		"skip=shop.Bank.Come");
}

Test(plugin_problem, rpcs__of_messages_that_are_not_there)
{
	plugin_rpc(&services, plugin_bank(&services, NULL), "Go", ".shop.None", ".shop.B");
	plugin_problem(&services,
		       "a.proto: rpc shop.Bank.Go uses shop.None, which is no message of the files");
	plugin_rpc(&services, plugin_bank(&services, "skip=shop.B"), "Go", ".shop.A", ".shop.B");
	plugin_problem(
		&services,
		"a.proto: rpc shop.Bank.Go uses shop.B, which is left out; skip=shop.Bank.Go leaves the "
		"rpc out, too");
	plugin_rpc(&services, plugin_bank(&services, NULL), "Go", ".shop.A", ".odd.M");
	plugin_problem(
		&services,
		"a.proto: rpc shop.Bank.Go uses a message of 'odd\".proto', whose name cannot stand in an "
		"#include; rename the file");
}

Test(plugin_problem, rpcs__whose_names_mean_something_in_the_macros)
{
	plugin_rpc(&services, plugin_bank(&services, "name.shop.A=handler_Go"), "Go", ".shop.A", ".shop.B");
	plugin_problem(
		&services,
		"a.proto: message shop.A and the handler of rpc shop.Bank.Go are both handler_Go in C; the "
		"parameter name.shop.A=NAME gives another");
	plugin_rpc(&services, plugin_bank(&services, NULL), "HM_RPC", ".shop.A", ".shop.B");
	plugin_problem(&services, "a.proto: rpc shop.Bank.HM_RPC has a name of hermod's; leave it out by "
				  "skip=shop.Bank.HM_RPC");
}

Test(plugin_problem, option__that_is_no_package)
{
	static struct plugin p;
	Hmp__File *file;

	plugin_start(&p, NULL);
	file = plugin_file(&p, "a.proto", "shop");
	plugin_c_package(&p, file, "a b");
	plugin_problem(&p, "a.proto: its option c_package is no name of a package");
}
