/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Encodes messages into the batch of a peer.
 */
#include <assert.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "batch_pvt.h"
#include "encode_pvt.h"
#include "envelope_pvt.h"
#include "hm_actor.h"
#include "protobuf_pvt.h"
#include "system_body_pvt.h"

static_assert(HMI_MTU_MAX <= HMI_ENVELOPE_MAX, "an envelope may fill a packet");

enum encoded {
	ENCODED,
	ENCODED_NO_ROOM,
	ENCODED_TOO_BIG
};

bool
hmi_is_resolve_request(const struct hm_msg *msg)
{
	return msg->type == HM_IDENTITY && msg->to == 0;
}

/* Put an envelope into the batch. */
static enum encoded
envelope_put(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope)
{
	size_t size = hmi_envelope_size(envelope);

	if (size > peer->payload_max)
		return ENCODED_TOO_BIG;
	if (!hmi_batch_reserve(net, peer, size))
		return ENCODED_NO_ROOM;
	peer->batch_at = hmi_envelope_write(peer->batch_at, envelope);
	peer->open.plan = NULL;
	return ENCODED;
}

static void
envelope_address(const struct hmi_net *net, const struct hm_outgoing *out, struct hmi_envelope *envelope)
{
	memset(envelope, 0, sizeof(*envelope));
	envelope->to = out->to;
	if (!hm_pid_is_none(out->sender)) {
		envelope->from = out->sender.local;
		envelope->from_node = out->sender.node != net->node ? out->sender.node : 0;
	}
}

void
hmi_encode_system(const struct hmi_net *net, const struct hm_msg *msg, struct hmi_envelope *envelope,
		  uint8_t *payload)
{
	struct hm_outgoing out = { .to = msg->to, .sender = msg->sender };

	envelope_address(net, &out, envelope);
	if (hmi_is_resolve_request(msg)) {
		envelope->path = hm_msg_body(msg);
		envelope->path_length = (uint32_t)hm_msg_length(msg);
		return;
	}
	envelope->system = msg->type;
	if (msg->type == HM_SYS_TERMINATED) {
		envelope->payload = payload;
		envelope->payload_length =
			(uint32_t)(hmi_wire_terminated_write(payload, hm_msg_body(msg)) - payload);
	} else if (msg->type == HM_IDENTITY || msg->type == HM_TOUCHED) {
		struct hm_pid pid;

		memcpy(&pid, hm_msg_body(msg), sizeof(pid));
		envelope->payload = payload;
		envelope->payload_length = (uint32_t)(hmi_wire_pid_write(payload, pid) - payload);
	}
}

/* A message of the engine that stays behind users'. */
static enum encoded
system_put(struct hmi_net *net, struct hmi_peer *peer, const struct hm_msg *msg)
{
	uint8_t payload[HMI_TERMINATED_BYTES];
	struct hmi_envelope envelope;

	hmi_encode_system(net, msg, &envelope, payload);
	return envelope_put(net, peer, &envelope);
}

/* A message of a registered type, from a process of a third node. */
static __attribute__((noinline)) enum encoded
forwarded_put(struct hmi_net *net, struct hmi_peer *peer, const struct hm_outgoing *out,
	      const struct hmi_plan *plan)
{
	size_t packed = hmi_plan_packed_size(plan, out->body);
	struct hmi_envelope envelope;
	uint8_t *at;
	size_t size;

	if (packed > peer->payload_max)
		return ENCODED_TOO_BIG;
	/* The head of the envelope is written first, then the payload behind it. */
	envelope_address(net, out, &envelope);
	envelope.type = plan->hash;
	size = hmi_envelope_head_size(&envelope, packed) + packed;
	if (size > peer->payload_max)
		return ENCODED_TOO_BIG;
	if (!hmi_batch_reserve(net, peer, size))
		return ENCODED_NO_ROOM;
	at = hmi_envelope_head_write(peer->batch_at, &envelope, packed);
	peer->batch_at = hmi_plan_pack(plan, out->body, at);
	peer->open.plan = NULL;
	return ENCODED;
}

/* Local part of a sender of this node; 0: there is none. */
static inline uint64_t
sender_local(const struct hm_outgoing *out)
{
	return out->sender.node != 0 ? out->sender.local : 0;
}

/*
 * Begin an envelope with room for `bytes` behind its head. Returns where they go; NULL: there is no room. Nothing is
 * added to it before its first payload is whole: reading that may fault, and an actor that faults is contained.
 */
static __attribute__((noinline)) uint8_t *
envelope_begin(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_open_envelope *address,
	       size_t bytes)
{
	if (!hmi_batch_reserve(net, peer, hmi_envelope_begin_size(address->from) + bytes))
		return NULL;
	peer->open = (struct hmi_open_envelope){ .start = peer->batch_at,
						 .to = address->to,
						 .from = address->from };
	return hmi_envelope_begin(peer->batch_at, address->to, address->from, address->plan->hash);
}

/*
 * Reserve room for a payload of `bytes`, its tag and length included: in the last envelope, if that has the same
 * receiver, sender and type, or in a new one. Returns where it goes; NULL: there is no room.
 */
static inline uint8_t *
payload_reserve(struct hmi_net *net, struct hmi_peer *peer, const struct hm_outgoing *out,
		const struct hmi_plan *plan, size_t bytes)
{
	struct hmi_open_envelope address = { .to = out->to, .from = sender_local(out), .plan = plan };

	if (likely(peer->open.plan == plan && peer->open.to == address.to &&
		   peer->open.from == address.from) &&
	    likely((size_t)(peer->batch_end - peer->batch_at) >= bytes))
		return peer->batch_at;
	return envelope_begin(net, peer, &address, bytes);
}

/* The payload that was reserved ends at `end`. */
static inline void
payload_done(struct hmi_peer *peer, const struct hmi_plan *plan, uint8_t *end)
{
	hmi_envelope_end(peer->open.start, end);
	peer->open.plan = plan;
	peer->batch_at = end;
}

/*
 * A payload of a type with a table, no more than `bound` bytes, which is less than 128: written in one pass, its
 * length last.
 */
static inline enum encoded
short_put(struct hmi_net *net, struct hmi_peer *peer, const struct hm_outgoing *out,
	  const struct hmi_plan *plan, size_t bound)
{
	uint8_t *start = payload_reserve(net, peer, out, plan, 2 + bound), *end;

	if (unlikely(start == NULL))
		return ENCODED_NO_ROOM;
	end = hmi_plan_pack_table(plan, out->body, start + 2);
	start[0] = HMI_TAG_PAYLOAD;
	start[1] = (uint8_t)(end - start - 2);
	payload_done(peer, plan, end);
	return ENCODED;
}

/* A payload of any size. */
static __attribute__((noinline)) enum encoded
long_put(struct hmi_net *net, struct hmi_peer *peer, const struct hm_outgoing *out,
	 const struct hmi_plan *plan)
{
	size_t packed = hmi_plan_packed_size(plan, out->body);
	size_t bytes = 1 + hmi_varint_size(packed) + packed;
	uint8_t *at;

	if (hmi_envelope_begin_size(sender_local(out)) + bytes > peer->payload_max)
		return ENCODED_TOO_BIG;
	at = payload_reserve(net, peer, out, plan, bytes);
	if (at == NULL)
		return ENCODED_NO_ROOM;
	*at = HMI_TAG_PAYLOAD;
	at = hmi_varint_write(at + 1, packed);
	payload_done(peer, plan, hmi_plan_pack(plan, out->body, at));
	return ENCODED;
}

/* A message of a type that has a plan. */
static inline enum encoded
body_put(struct hmi_net *net, struct hmi_peer *peer, const struct hm_outgoing *out,
	 const struct hmi_plan *plan)
{
	if (unlikely(out->sender.node != net->node && out->sender.node != 0))
		return forwarded_put(net, peer, out, plan);
	if (likely(plan->table) && likely(!hmi_body_has_unknown(out->body))) {
		size_t bound = hmi_plan_packed_bound(plan, out->body);

		if (likely(bound < 0x80))
			return short_put(net, peer, out, plan, bound);
	}
	return long_put(net, peer, out, plan);
}

static enum encoded
message_put(struct hmi_net *net, struct hmi_peer *peer, const struct hm_msg *msg)
{
	const struct hmi_plan *plan = hmi_codec_by_id(&net->codec, msg->type);
	struct hm_outgoing out = { .to = msg->to, .sender = msg->sender, .body = msg->body };

	return plan != NULL ? body_put(net, peer, &out, plan) : system_put(net, peer, msg);
}

/* Whether a body is of the plan's type, and not zeros or of another type. */
static bool
is_of(const struct hmi_plan *plan, const void *body)
{
	return ((const ProtobufCMessage *)body)->descriptor == plan->descriptor;
}

/* Flat: a message from an actor's hands to the packet in one function. */
__attribute__((flatten)) bool
hmi_encode_body(struct hmi_net *net, struct hmi_peer *peer, const struct hm_outgoing *out)
{
	const struct hmi_plan *plan = hmi_codec_by_id(&net->codec, out->type);

	/* Messages in the backlog go first. Without room, or if it is too big, it has to be a message. */
	if (unlikely(plan == NULL || peer->backlog.fifo.head != NULL ||
		     peer->session.state != HMI_SESSION_OPEN) ||
	    unlikely(!is_of(plan, out->body)) || unlikely(body_put(net, peer, out, plan) != ENCODED))
		return false;
	hmi_count(&peer->messages_sent, 1);
	return true;
}

bool
hmi_encode_message(struct hmi_net *net, struct hmi_peer *peer, struct hm_msg *msg)
{
	enum encoded result = message_put(net, peer, msg);

	if (unlikely(result == ENCODED_NO_ROOM))
		return false;
	if (unlikely(result == ENCODED_TOO_BIG)) {
		hm_dead_letter_publish(net->ctx, msg, HM_DEAD_TOO_BIG);
		return true;
	}
	hmi_count(&peer->messages_sent, 1);
	hm_msg_free(net->ctx, msg);
	return true;
}
