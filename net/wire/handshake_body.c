/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The body of a handshake packet, encoded and decoded.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <rte_common.h>
#include <rte_string_fns.h>

#include "assert_pvt.h"
#include "handshake_body_pvt.h"
#include "hermod.pb-c.h"
#include "protobuf_pvt.h"

/* Memory for protobuf-c's decoder. A handshake that needs more is invalid. */
#define ARENA_BYTES 2048u

static_assert((int)HERMOD__WIRE__HANDSHAKE__REASON__TOO_MANY_PEERS == (int)HMI_REFUSAL_TOO_MANY_PEERS,
	      "refusals are those of hermod.proto");

size_t
hmi_handshake_write(const struct hmi_handshake *handshake, uint8_t *at)
{
	Hermod__Wire__Handshake m;

	hermod__wire__handshake__init(&m);
	m.session = handshake->session;
	m.protocol = handshake->protocol;
	m.reason = (Hermod__Wire__Handshake__Reason)handshake->reason;
	m.node = handshake->node;
	m.started = handshake->started;
	m.name = (char *)(uintptr_t)handshake->name;
	m.expects = (char *)(uintptr_t)handshake->expects;
	m.attempt = handshake->attempt;
	m.types = handshake->types;
	m.window = handshake->window;
	m.max_payload = handshake->max_payload;
	m.wants_crc = handshake->wants_crc;
	HMI_DEBUG_ASSERT(hermod__wire__handshake__get_packed_size(&m) <= HMI_HANDSHAKE_BYTES);
	return hermod__wire__handshake__pack(&m, at);
}

/* Memory of a decoder: on the caller's stack; single allocations are not freed. */
struct arena {
	size_t used;
	uint64_t bytes[ARENA_BYTES / sizeof(uint64_t)];
};

static void *
arena_alloc(void *arg, size_t size)
{
	struct arena *arena = arg;
	void *memory = (uint8_t *)arena->bytes + arena->used;

	if (size > sizeof(arena->bytes) - arena->used)
		return NULL;
	arena->used = RTE_ALIGN_CEIL(arena->used + size, sizeof(uint64_t));
	return memory;
}

static void
arena_free(void *arg, void *memory)
{
	RTE_SET_USED(arg);
	RTE_SET_USED(memory);
}

int
hmi_node_name_take(char *to, const char *from)
{
	for (const char *c = from; *c != 0; c++) {
		bool fits = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			    (*c >= '0' && *c <= '9') || strchr("-_.~+@", *c) != NULL;

		if (!fits)
			return -EBADMSG;
	}
	return rte_strscpy(to, from, HMI_NODE_NAME_MAX + 1) >= 0 ? 0 : -EBADMSG;
}

int
hmi_handshake_read(struct hmi_handshake *handshake, const uint8_t *at, size_t length)
{
	struct arena arena = { .used = 0 };
	ProtobufCAllocator allocator = { arena_alloc, arena_free, &arena };
	Hermod__Wire__Handshake *m = hermod__wire__handshake__unpack(&allocator, length, at);

	if (m == NULL || hmi_node_name_take(handshake->name, m->name) != 0 ||
	    hmi_node_name_take(handshake->expects, m->expects) != 0)
		return -EBADMSG;
	handshake->session = m->session;
	handshake->protocol = m->protocol;
	handshake->reason = (uint32_t)m->reason;
	handshake->node = m->node;
	handshake->started = m->started;
	handshake->attempt = m->attempt;
	handshake->types = m->types;
	handshake->window = m->window;
	handshake->max_payload = m->max_payload;
	handshake->wants_crc = m->wants_crc;
	return 0;
}

#define TAG_SESSION  0x0d
#define TAG_PROTOCOL 0x10
#define TAG_REASON   0x18

int
hmi_handshake_read_basics(struct hmi_handshake *handshake, const uint8_t *at, size_t length)
{
	const uint8_t *end = at + length;
	uint64_t tag, value;

	memset(handshake, 0, sizeof(*handshake));
	while (at < end) {
		at = hmi_varint_read(at, end, &tag);
		if (at == NULL)
			return -EBADMSG;
		if (tag == TAG_SESSION && end - at >= 4)
			handshake->session = hmi_fixed32_read(at);
		else if (tag == TAG_PROTOCOL && hmi_varint_read(at, end, &value) != NULL)
			handshake->protocol = (uint32_t)value;
		else if (tag == TAG_REASON && hmi_varint_read(at, end, &value) != NULL)
			handshake->reason = (uint32_t)value;
		at = hmi_field_skip(at, end, tag);
		if (at == NULL)
			return -EBADMSG;
	}
	return 0;
}

const char *
hmi_refusal_text(uint32_t refusal)
{
	static const char *const texts[] = {
		[HMI_REFUSAL_NONE] = "no reason given",
		[HMI_REFUSAL_PROTOCOL] = "the nodes speak different protocol versions",
		[HMI_REFUSAL_SAME_NAME] = "both nodes have the same name; give one another --node",
		[HMI_REFUSAL_NAME_TAKEN] = "it knows another node of the same name or id",
		[HMI_REFUSAL_WRONG_NAME] = "the node called has another name than --peer says",
		[HMI_REFUSAL_UNEXPECTED_NAME] = "its --peer has another name for the calling address",
		[HMI_REFUSAL_SAME_ADDRESS] = "both nodes have the same address; give one another --ip",
		[HMI_REFUSAL_TOO_MANY_PEERS] = "it has as many peers as it can have",
	};

	return refusal < RTE_DIM(texts) ? texts[refusal] : "unknown reason";
}
