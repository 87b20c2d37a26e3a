/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_COPY_PVT_H
#define PROTO_COPY_PVT_H

/*
 * Copying protobuf messages, with all that they point to, into one piece of memory: first
 * measured, then copied, by the same walk over the type's descriptor.
 */

#include <stdbool.h>
#include <stddef.h>

struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;

/* Whether a message of this type never points to anything. */
bool hmi_proto_flat(const struct ProtobufCMessageDescriptor *descriptor);

/* Bytes that a message's C struct and all that it points to take in one piece. */
size_t hmi_proto_bytes(const struct ProtobufCMessage *message);

/* Copy a message into one piece of memory of that many bytes, aligned to 8. */
void hmi_proto_copy(void *to, const struct ProtobufCMessage *message);

#endif /* PROTO_COPY_PVT_H */
