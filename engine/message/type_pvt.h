/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TYPE_PVT_H
#define TYPE_PVT_H

/*
 * The type registry: written before the system runs, constant from then on.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_type.h"

#define HMI_TYPES_MAX 65536u

/* hmi_types.info: what a send has to know, in one load. 0: not registered. */
#define HMI_TYPE_KNOWN 0x80000000u
#define HMI_TYPE_DEEP  0x40000000u /* has pointers: copied field by field */
#define HMI_TYPE_PROTO 0x20000000u
/* The engine does something with its messages (touch, auto_respond), which have HMI_MSG_BY_TYPE. */
#define HMI_TYPE_HANDLED      0x10000000u
#define HMI_TYPE_NO_INFLUENCE 0x08000000u /* on receive timeouts */
#define HMI_TYPE_CONTROL      0x04000000u /* overtakes others in mailboxes that look for it */
#define HMI_TYPE_FLAGS_SHIFT  22
#define HMI_TYPE_SIZE         0x0001ffffu

/*
 * The header words of a small message: as in struct hm_msg from `type` on, so that a send writes them
 * at once. type 0: not small, or not known.
 */
struct hmi_small_type {
	uint16_t type, length;
	uint8_t size_class, flags;
	uint16_t to_node;
};

struct hmi_type_entry {
	struct hm_type type;
	uint32_t hash; /* of a protobuf type's full name */
};

struct hmi_types {
	struct hmi_small_type *small;      /* by id */
	struct hmi_small_type *none_small; /* the same, of which none is */
	uint32_t *info;                    /* by id */
	uint16_t *place;                   /* by id: place in entries, counted from 1; 0: none */
	struct hmi_type_entry *entries;    /* in order of registration */
	uint32_t count, capacity;
};

/* HMI_MSG_BY_TYPE or 0: the flags of a message, by its type's info. A handled type is never small. */
static inline uint8_t
hmi_type_flags(uint32_t info)
{
	return (uint8_t)((info & HMI_TYPE_HANDLED) >> HMI_TYPE_FLAGS_SHIFT);
}

int hmi_types_create(struct hmi_types *types);

/* Add a type of the engine's own, from HM_TYPE_RESERVED on, to be sent as programs send theirs. Returns 0 or -ENOMEM. */
int hmi_type_add_own(struct hmi_types *types, const struct hm_type *type);

void hmi_types_destroy(struct hmi_types *types);
const struct hmi_type_entry *hmi_type_entry(const struct hmi_types *types, uint16_t id);

#endif /* TYPE_PVT_H */
