/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PVT_H
#define MODEL_PVT_H

/*
 * The files of a request, with what is called how in C.
 *
 *     package shop;                          orders.proto         table orders
 *     message Order { message Line {} }      shop.Order           shop_Order, protobuf-c: Shop__Order, shop__order
 *                                            shop.Order.Line      shop_Order_Line, ...
 *     service Bank { rpc Close ... }         shop.Bank.Close      shop_Bank_Close
 *
 * Without a package the table's name stands in its place: a name alone could be a word of C, or protobuf-c's own.
 */

#include "params_pvt.h"
#include "plugin.pb-c.h"

struct hmp_file;

struct hmp_message {
	const char *full, *name, *type, *lower;
	const char *auto_respond; /* a function; NULL: none */
	struct hmp_file *file;
	bool is_skipped, is_control, is_without_influence;
};

struct hmp_rpc {
	const char *full, *name, *handler;
	const char *request_name, *response_name;     /* full names */
	const struct hmp_message *request, *response; /* NULL: in no file */
	bool is_stream, is_skipped;
};

struct hmp_service {
	const char *full, *name;
	struct hmp_rpc *rpcs;
	size_t rpc_count;
	bool is_skipped; /* or all that it has is */
};

struct hmp_file {
	const char *path, *package, *table;
	const char *protobuf_c_package; /* what protobuf-c takes for it */
	bool is_written;
	bool is_used; /* by a service of one that is written, whose header includes this one's */
	/* In the order of the file, each behind the one in which it is declared; without those that maps are made of. */
	struct hmp_message *messages;
	size_t message_count;
	struct hmp_service *services;
	size_t service_count;
};

struct hmp_model {
	struct hmp_memory *memory;
	struct hmp_params params;
	struct hmp_problems problems;
	struct hmp_file *files; /* each behind those that it imports */
	size_t file_count;
	struct hmp_message **by_name; /* all messages, by their full names */
	size_t message_count;
};

/*
 * Make the model of a request. What a user can mend is a problem.
 *
 * @param model  zeroed but for its memory; the request must outlive it
 * @return NULL, or what is wrong with the request, which protoc would not have made so
 */
const char *hmp_model_make(struct hmp_model *model, const Hmp__Request *request);

/* Name of a file's table. */
const char *hmp_table_name(const struct hmp_model *model, const char *path);

#endif /* MODEL_PVT_H */
