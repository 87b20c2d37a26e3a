/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NAMES_PVT_H
#define NAMES_PVT_H

/*
 * Names: what may be one, and what protobuf-c makes of those of a .proto file.
 *
 *     shop.OrderBook.Line     type Shop__OrderBook__Line, functions and descriptor shop__order_book__line__...
 */

#include <stdbool.h>
#include <stddef.h>

#include "arena_pvt.h"

/* Letters, digits and underscores, no digit first. */
bool hmp_is_identifier(const char *name, size_t length);

/* Identifiers with dots between them; not empty. */
bool hmp_is_full_name(const char *name);

/* A word of C or C++ that cannot be a name. */
bool hmp_is_keyword(const char *name);

/* What hermod's own names begin with. */
bool hmp_is_reserved(const char *name);

/* Whether a path can stand in an #include and in a comment. */
bool hmp_is_path(const char *path);

/* The path without .proto, or .protodevel. */
const char *hmp_path_stem(struct hmp_memory *memory, const char *path);

/* The path without .proto as an identifier: what else it has is an underscore. */
const char *hmp_path_identifier(struct hmp_memory *memory, const char *path);

/* protobuf-c's type, and what its functions and its descriptor begin with, of a full name. */
const char *hmp_protobuf_c_type(struct hmp_memory *memory, const char *full);
const char *hmp_protobuf_c_lower(struct hmp_memory *memory, const char *full);

#endif /* NAMES_PVT_H */
