/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_MADE_H
#define TEST_NET_MADE_H

/**
 * @file
 * Envelopes and batches put together field by field, and read back from memory that ends where they do.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "envelope_pvt.h"
#include "protobuf_pvt.h"

#define ROOM 512

/* The body of an envelope under construction, and later its batch. */
struct made {
	uint8_t bytes[ROOM];
	size_t length;
};

static inline void
byte_add(struct made *made, uint8_t byte)
{
	cr_assert_lt(made->length, ROOM);
	made->bytes[made->length++] = byte;
}

static inline void
fixed64_add(struct made *made, uint8_t tag, uint64_t value)
{
	byte_add(made, tag);
	hmi_fixed64_write(made->bytes + made->length, value);
	made->length += 8;
}

static inline void
fixed32_add(struct made *made, uint8_t tag, uint32_t value)
{
	byte_add(made, tag);
	hmi_fixed32_write(made->bytes + made->length, value);
	made->length += 4;
}

static inline void
varint_add(struct made *made, uint8_t tag, uint64_t value)
{
	byte_add(made, tag);
	made->length = (size_t)(hmi_varint_write(made->bytes + made->length, value) - made->bytes);
}

/* A field of `length` bytes, all of them `fill`. */
static inline void
bytes_add(struct made *made, uint8_t tag, uint8_t fill, size_t length)
{
	varint_add(made, tag, length);
	memset(made->bytes + made->length, fill, length);
	made->length += length;
}

/* Put the body into a batch of its own. */
static inline struct made
batch_of(const struct made *body)
{
	struct made batch = { .length = 0 };

	varint_add(&batch, HMI_TAG_ENVELOPE, body->length);
	memcpy(batch.bytes + batch.length, body->bytes, body->length);
	batch.length += body->length;
	return batch;
}

/* Read the first envelope of bytes that end where they end; the pointers of it are then invalid. */
static inline int
first_read(const uint8_t *bytes, size_t length, struct hmi_envelope *envelope)
{
	uint8_t *copy = malloc(length > 0 ? length : 1);
	struct hmi_reader reader;
	int rc;

	cr_assert_not_null(copy);
	memcpy(copy, bytes, length);
	reader = hmi_batch_reader(copy, length);
	rc = hmi_batch_next(&reader, envelope);
	if (rc == 1) {
		cr_assert_not_null(envelope->payload);
		cr_assert(envelope->payload >= copy &&
			  envelope->payload + envelope->payload_length <= copy + length);
		cr_assert(envelope->path == NULL ||
			  (envelope->path >= copy && envelope->path <= copy + length));
	}
	free(copy);
	return rc;
}

static inline int
body_read(const struct made *body, struct hmi_envelope *envelope)
{
	struct made batch = batch_of(body);

	return first_read(batch.bytes, batch.length, envelope);
}

/* The body is read as these numbers and lengths. */
static inline void
body_is(const struct made *body, const struct hmi_envelope *want)
{
	struct hmi_envelope envelope;

	memset(&envelope, 0xee, sizeof(envelope));
	cr_assert_eq(body_read(body, &envelope), 1);
	cr_assert_eq(envelope.to, want->to);
	cr_assert_eq(envelope.from, want->from);
	cr_assert_eq(envelope.from_node, want->from_node);
	cr_assert_eq(envelope.type, want->type);
	cr_assert_eq(envelope.system, want->system);
	cr_assert_eq(envelope.payload_length, want->payload_length);
	cr_assert_eq(envelope.path_length, want->path_length);
	cr_assert_eq(envelope.path != NULL, want->path_length != 0);
}

#endif /* TEST_NET_MADE_H */
