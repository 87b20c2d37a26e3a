/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protoc-gen-hermod: the header that it writes of a file, and what is called how in it.
 */
#include "test_plugin.h"

#include "names_pvt.h"

TestSuite(plugin);

/* ---- A whole header ------------------------------------------------------------------------ */

static const char whole[] =
	"/* Made of shop/orders.proto by protoc-gen-hermod. Changes belong there. */\n"
	"#ifndef shop_orders_HM_H\n"
	"#define shop_orders_HM_H\n"
	"\n"
	"#include <assert.h>\n"
	"\n"
	"#include <hm_messages.h>\n"
	"#include <hm_service.h>\n"
	"\n"
	"#include \"shop/orders.pb-c.h\"\n"
	"#include \"parts.hm.h\"\n"
	"\n"
	"/* Ids, shop_orders_register, and typed functions: hm_messages.h. */\n"
	"#define shop_orders_MESSAGES(HM_MESSAGE) \\\n"
	"\tHM_MESSAGE(shop_Order, Shop__Order, shop__order__descriptor) \\\n"
	"\tHM_MESSAGE(shop_Order_BookLine, Shop__Order__BookLine, shop__order__book_line__descriptor) \\\n"
	"\tHM_MESSAGE(shop_OrderRequest, Shop__OrderRequest, shop__order_request__descriptor)\n"
	"\n"
	"HM_MESSAGES(shop_orders, HM_TYPE_USER, shop_orders_MESSAGES);\n"
	"\n"
	"static_assert((int)shop_orders_before_ + 1 >= HM_TYPE_USER && (int)shop_orders_end <= 65536,\n"
	"\t      \"type ids of shop/orders.proto: from HM_TYPE_USER to 65535; the plugin's first= or after= says where\");\n"
	"static_assert((int)shop_orders_end <= (int)parts_before_ + 1 || (int)parts_end <= (int)shop_orders_before_ + 1,\n"
	"\t      \"type ids of shop/orders.proto and of parts.proto are the same; the plugin's after=parts.proto gives others\");\n"
	"\n"
	"/* Service shop.Clerk: hm_service.h. */\n"
	"#define shop_Clerk_RPCS(HM_RPC) \\\n"
	"\tHM_RPC(shop_Clerk_Buy, Buy, shop_OrderRequest, shop_Order) \\\n"
	"\tHM_RPC(shop_Clerk_delete, delete, shop_Order, parts_Part)\n"
	"\n"
	"HM_SERVICE(shop_Clerk, shop_Clerk_RPCS);\n"
	"\n"
	"/* In HM_RECEIVE: a handler(ctx, state, body) of each rpc. */\n"
	"#define shop_Clerk_ON(handler_Buy, handler_delete) \\\n"
	"\tHM_ON(shop_OrderRequest, handler_Buy) \\\n"
	"\tHM_ON(shop_Order, handler_delete)\n"
	"\n"
	"#endif /* shop_orders_HM_H */\n";

static void
orders(struct plugin *p, const char *parameter)
{
	Hmp__File *file;
	Hmp__Message *order, *entry;
	Hmp__Service *clerk;

	plugin_start(p, parameter);
	plugin_message(p, plugin_import(p, "parts.proto", NULL), "Part");
	file = plugin_file(p, "shop/orders.proto", "shop");
	order = plugin_message(p, file, "Order");
	plugin_nested(p, order, "BookLine");
	entry = plugin_nested(p, order, "NamesEntry");
	entry->options = plugin_keep(p, sizeof(*entry->options));
	hmp__message_options__init(entry->options);
	entry->options->has_map_entry = entry->options->map_entry = true;
	plugin_message(p, file, "OrderRequest");
	clerk = plugin_service(p, file, "Clerk");
	plugin_rpc(p, clerk, "Buy", ".shop.OrderRequest", ".shop.Order");
	plugin_rpc(p, clerk, "delete", ".shop.Order", ".Part");
}

Test(plugin, header__has_messages_and_services)
{
	static struct plugin p;

	orders(&p, NULL);
	cr_assert_str_eq(plugin_header(&p, 0), whole);
	cr_assert_eq(p.answer->n_file, 1, "none of what is imported");
	cr_assert_str_eq(p.answer->file[0]->name, "shop/orders.hm.h");
	cr_assert_eq(p.answer->supported_features, 1, "optional fields of proto3");
	plugin_end(&p);
}

Test(plugin, header__of_a_file_without_messages_has_an_empty_table)
{
	static struct plugin p;
	const char *text;

	plugin_start(&p, "skip=shop.Idle"); /* which counts as there */
	plugin_service(&p, plugin_file(&p, "empty", "shop"), "Idle");
	text = plugin_header(&p, 0);
	cr_assert_str_eq(p.answer->file[0]->name, "empty.hm.h");
	cr_assert_not_null(strstr(text, "#define empty_MESSAGES(HM_MESSAGE)\n\nHM_MESSAGES(empty, "), "%s",
			   text);
	plugin_end(&p);
	plugin_start(&p, "");
	plugin_service(&p, plugin_file(&p, "empty", "shop"), "Idle");
	cr_assert_null(strstr(plugin_header(&p, 0), "HM_SERVICE("), "a service without rpcs");
	plugin_end(&p);
}

Test(plugin, request__of_no_file_is_answered)
{
	static struct plugin p;

	plugin_start(&p, NULL);
	plugin_run(&p);
	cr_assert_null(p.wrong);
	cr_assert_null(p.answer->error);
	cr_assert_eq(p.answer->n_file, 0);
	plugin_end(&p);
}

Test(plugin, header__includes_each_file_that_is_used_once)
{
	static struct plugin p;
	Hmp__Service *service;
	Hmp__File *file;
	const char *text;

	plugin_start(&p, NULL);
	file = plugin_import(&p, "a.proto", NULL);
	plugin_message(&p, file, "A");
	plugin_message(&p, file, "B");
	file = plugin_import(&p, "c.proto", NULL);
	plugin_message(&p, file, "C");
	plugin_message(&p, file, "D");
	plugin_message(&p, plugin_import(&p, "e.proto", NULL), "E");
	service = plugin_service(&p, plugin_file(&p, "s.proto", "s"), "S");
	plugin_rpc(&p, service, "One", ".A", ".C");
	plugin_rpc(&p, service, "Two", ".B", ".D");
	text = plugin_header(&p, 0);
	cr_assert_not_null(strstr(text,
				  "#include \"s.pb-c.h\"\n#include \"a.hm.h\"\n#include \"c.hm.h\"\n\n"),
			   "%s", text);
	cr_assert_not_null(strstr(text, "of s.proto and of a.proto are the same"));
	cr_assert_not_null(strstr(text, "of s.proto and of c.proto are the same"));
	plugin_end(&p);
}

/* ---- Ids ------------------------------------------------------------------------------------- */

static const char *
table_of(struct plugin *p, size_t n)
{
	static char line[256];
	const char *found = strstr(plugin_header(p, n), "\nHM_MESSAGES(");

	cr_assert_not_null(found);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(found + 1, "\n"), found + 1);
	return line;
}

Test(plugin, ids__begin_where_parameters_say)
{
	static struct plugin p;

	orders(&p, "first=1000");
	cr_assert_str_eq(table_of(&p, 0), "HM_MESSAGES(shop_orders, 1000, shop_orders_MESSAGES);");
	plugin_end(&p);
	orders(&p, ",first=0x1ff,");
	cr_assert_str_eq(table_of(&p, 0), "HM_MESSAGES(shop_orders, 0x1ff, shop_orders_MESSAGES);");
	plugin_end(&p);
	orders(&p, "after=other/some-file.proto");
	cr_assert_str_eq(table_of(&p, 0),
			 "HM_MESSAGES(shop_orders, other_some_file_end, shop_orders_MESSAGES);");
	cr_assert_not_null(
		strstr(plugin_header(&p, 0), "#include \"other/some-file.hm.h\"\n#include \"parts.hm.h\"\n"));
	plugin_end(&p);
}

Test(plugin, ids__behind_a_file_that_is_used_need_no_look_at_it)
{
	static struct plugin p;
	const char *text;

	orders(&p, "after=parts.proto");
	text = plugin_header(&p, 0);
	cr_assert_null(strstr(text, "are the same"));
	cr_assert_null(strstr(strstr(text, "parts.hm.h") + 1, "parts.hm.h"), "included twice");
	plugin_end(&p);
}

Test(plugin, ids__of_files_of_one_run_follow_each_other)
{
	static struct plugin p;
	Hmp__File *b;
	Hmp__Service *service;

	plugin_start(&p, "first=300");
	plugin_message(&p, plugin_file(&p, "a.proto", NULL), "A");
	b = plugin_file(&p, "b.proto", NULL);
	plugin_message(&p, b, "B");
	service = plugin_service(&p, b, "S");
	plugin_rpc(&p, service, "Do", ".A", ".B");
	plugin_message(&p, plugin_file(&p, "c.proto", NULL), "C");
	cr_assert_str_eq(table_of(&p, 0), "HM_MESSAGES(a, 300, a_MESSAGES);");
	cr_assert_str_eq(table_of(&p, 1), "HM_MESSAGES(b, a_end, b_MESSAGES);");
	cr_assert_str_eq(table_of(&p, 2), "HM_MESSAGES(c, b_end, c_MESSAGES);");
	cr_assert_not_null(strstr(plugin_header(&p, 1), "#include \"a.hm.h\""));
	cr_assert_null(strstr(plugin_header(&p, 1), "are the same"));
	cr_assert_not_null(strstr(plugin_header(&p, 2), "#include \"b.hm.h\""));
	plugin_end(&p);
}

/* ---- Names ----------------------------------------------------------------------------------- */

Test(plugin, names__are_given_from_the_nearest_part_on)
{
	static struct plugin p;
	const char *text;

	orders(&p,
	       "name.shop=s,name.shop.Order=ord,name.shop.Clerk.delete=gone,name.shop/orders.proto=tab,name.Part=bit");
	text = plugin_header(&p, 0);
	cr_assert_not_null(strstr(text, "HM_MESSAGE(ord, Shop__Order, "), "%s", text);
	cr_assert_not_null(strstr(text, "HM_MESSAGE(ord_BookLine, Shop__Order__BookLine, "), "%s", text);
	cr_assert_not_null(strstr(text, "HM_MESSAGE(s_OrderRequest, "), "%s", text);
	cr_assert_not_null(strstr(text, "HM_RPC(s_Clerk_Buy, Buy, s_OrderRequest, ord)"), "%s", text);
	cr_assert_not_null(strstr(text, "HM_RPC(gone, delete, ord, bit)"), "%s", text);
	cr_assert_not_null(strstr(text, "HM_MESSAGES(tab, "), "%s", text);
	plugin_end(&p);
}

Test(plugin, names__of_a_package_within_another)
{
	static struct plugin p;

	plugin_start(&p, "name.a=x,name.a.b.c=y");
	plugin_message(&p, plugin_file(&p, "1.proto", "a.b"), "M");
	plugin_message(&p, plugin_file(&p, "2.proto", "a.b.c"), "M");
	plugin_message(&p, plugin_file(&p, "3.proto", "a.b.cd"), "M");
	cr_assert_not_null(strstr(plugin_header(&p, 0), "HM_MESSAGE(x_b_M, A__B__M, a__b__m__descriptor)"));
	cr_assert_not_null(strstr(plugin_header(&p, 1), "HM_MESSAGE(y_M, A__B__C__M, "));
	cr_assert_not_null(strstr(plugin_header(&p, 2), "HM_MESSAGE(x_b_cd_M, A__B__Cd__M, "));
	cr_assert_not_null(strstr(plugin_header(&p, 0), "HM_MESSAGES(_1, "));
	plugin_end(&p);
}

/* tests/check/generated.c compiles those of tests/support/hmt_odd.proto, and so compares with protobuf-c itself. */
Test(plugin, names__are_those_of_protobuf_c)
{
	static const char *const names[][3] = {
		{ "shop.v1_x.OrderBook.Line_item", "Shop__V1X__OrderBook__LineItem",
		  "shop__v1_x__order_book__line_item" },
		{ "HTTPServer", "HTTPServer", "httpserver" },
		{ "a.lower_case", "A__LowerCase", "a__lower_case" },
		{ "Foo_Bar", "FooBar", "foo__bar" },
		{ "p._9a", "P__9a", "p___9a" },
		{ "p.A__b_", "P__AB", "p__a__b_" },
		{ "x.aB1C", "X__AB1C", "x__a_b1_c" },
	};
	struct hmp_memory memory = { .blocks = NULL };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_assert_str_eq(hmp_protobuf_c_type(&memory, names[i][0]), names[i][1]);
		cr_assert_str_eq(hmp_protobuf_c_lower(&memory, names[i][0]), names[i][2]);
	}
	hmp_memory_free(&memory);
}

Test(plugin, names__of_files_are_identifiers)
{
	static const char *const paths[][2] = { { "shop/v1/orders.proto", "shop_v1_orders" },
						{ "-a.b proto.proto", "_a_b_proto" },
						{ "2nd.proto", "_2nd" },
						{ ".proto", "_proto" },
						{ "a.protodevel", "a" },
						{ "\303\244.proto", "__" } };
	struct hmp_memory memory = { .blocks = NULL };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		cr_assert_str_eq(hmp_path_identifier(&memory, paths[i][0]), paths[i][1]);
	hmp_memory_free(&memory);
}

Test(plugin, names__follow_the_package_that_protobuf_c_is_given)
{
	static struct plugin p;
	Hmp__File *file;

	plugin_start(&p, NULL);
	file = plugin_file(&p, "a.proto", "long.one");
	plugin_message(&p, file, "M");
	plugin_c_package(&p, file, "sh.my_t");
	file = plugin_file(&p, "b.proto", NULL);
	plugin_message(&p, file, "M");
	plugin_c_package(&p, file, "own");
	cr_assert_not_null(
		strstr(plugin_header(&p, 0), "HM_MESSAGE(long_one_M, Sh__MyT__M, sh__my_t__m__descriptor)"));
	cr_assert_not_null(strstr(plugin_header(&p, 1), "HM_MESSAGE(b_M, Own__M, own__m__descriptor)"));
	plugin_end(&p);
}

/* ---- What is left out -------------------------------------------------------------------------- */

Test(plugin, skip__leaves_out_with_what_lies_in_it)
{
	static struct plugin p;
	const char *text;

	orders(&p, "skip=shop.OrderRequest,skip=shop.Clerk.Buy");
	text = plugin_header(&p, 0);
	cr_assert_null(strstr(text, "shop_OrderRequest"), "%s", text);
	cr_assert_not_null(
		strstr(text,
		       "#define shop_Clerk_ON(handler_delete) \\\n\tHM_ON(shop_Order, handler_delete)\n"));
	plugin_end(&p);
	orders(&p, "skip=shop.Order,skip=shop.Clerk");
	text = plugin_header(&p, 0);
	cr_assert_null(strstr(text, "shop_Order_BookLine"), "%s", text);
	cr_assert_not_null(strstr(text, "HM_MESSAGE(shop_OrderRequest, "),
			   "not by the beginning of its name");
	cr_assert_null(strstr(text, "Clerk"), "%s", text);
	cr_assert_null(strstr(text, "parts.hm.h"), "%s", text);
	plugin_end(&p);
}

/* ---- Attributes ------------------------------------------------------------------------------- */

/* What stands in the table of shop/orders.proto behind a message's descriptor. */
static const char *
attributes_of(struct plugin *p, const char *message)
{
	static char attributes[256];
	char row[256];
	const char *found;
	int length = snprintf(row, sizeof(row), "\tHM_MESSAGE(%s, ", message);

	found = strstr(plugin_header(p, 0), row);
	cr_assert_not_null(found, "%s", message);
	found = strstr(found + length, "__descriptor") + strlen("__descriptor");
	snprintf(attributes, sizeof(attributes), "%.*s", (int)strcspn(found, "\n"), found);
	return attributes;
}

Test(plugin, attributes__are_the_last_argument)
{
	static struct plugin p;

	orders(&p, "control=shop.OrderRequest");
	cr_assert_str_eq(attributes_of(&p, "shop_OrderRequest"), ", (HM_CONTROL))");
	cr_assert_str_eq(attributes_of(&p, "shop_Order"), ") \\");
	cr_assert_null(strstr(plugin_header(&p, 0), "hm_auto_respond_fn"));
	plugin_end(&p);
	orders(&p, "no_influence=shop.OrderRequest");
	cr_assert_str_eq(attributes_of(&p, "shop_OrderRequest"), ", (HM_NO_INFLUENCE))");
	plugin_end(&p);
	orders(&p, "auto_respond.shop.OrderRequest=sell");
	cr_assert_str_eq(attributes_of(&p, "shop_OrderRequest"), ", (HM_AUTO_RESPOND(sell)))");
	plugin_end(&p);
	orders(&p,
	       "auto_respond.shop.Order=sell,control=shop.Order,control=shop.Order,no_influence=shop.Order");
	cr_assert_str_eq(attributes_of(&p, "shop_Order"),
			 ", (HM_CONTROL HM_NO_INFLUENCE HM_AUTO_RESPOND(sell))) \\");
	plugin_end(&p);
}

Test(plugin, attributes__are_those_of_what_lies_in_it)
{
	static struct plugin p;

	orders(&p, "control=shop,no_influence=shop.Order,auto_respond.shop.Order=sell");
	cr_assert_str_eq(attributes_of(&p, "shop_Order"),
			 ", (HM_CONTROL HM_NO_INFLUENCE HM_AUTO_RESPOND(sell))) \\");
	cr_assert_str_eq(attributes_of(&p, "shop_Order_BookLine"), ", (HM_CONTROL HM_NO_INFLUENCE)) \\");
	cr_assert_str_eq(attributes_of(&p, "shop_OrderRequest"), ", (HM_CONTROL))",
			 "not by the beginning of its name");
	plugin_end(&p);
}

Test(plugin, attributes__declare_each_function_once)
{
	static const char declared[] = "\n/* The program has them. */\n"
				       "#ifdef __cplusplus\n"
				       "extern \"C\" {\n"
				       "#endif\n"
				       "hm_auto_respond_fn sell;\n"
				       "hm_auto_respond_fn tell;\n"
				       "#ifdef __cplusplus\n"
				       "}\n"
				       "#endif\n"
				       "\n/* Ids, ";
	static struct plugin p;

	orders(&p,
	       "auto_respond.shop.Order=sell,auto_respond.shop.Order.BookLine=tell,auto_respond.shop.OrderRequest=sell");
	cr_assert_not_null(strstr(plugin_header(&p, 0), declared), "%s", plugin_header(&p, 0));
	plugin_end(&p);
}
