/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * In: decodes batches into messages for actors, or reports them as dead letters.
 */
#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "backlog_pvt.h"
#include "decode_pvt.h"
#include "envelope_pvt.h"
#include "hm_actor.h"
#include "system_body_pvt.h"

/* A message that has waited so long for message memory becomes a dead letter. */
#define STALL_MAX_NS 1000000000ull

/* Control messages in a peer's backlog beyond which no answer is added. */
#define ANSWERS_MAX 256u

/* Messages of an envelope that are handed over together. */
#define GROUP_MAX 16u

enum outcome {
	DONE,
	NO_MEMORY
};

/* The envelope that is being decoded, and those of its messages that are not handed over yet. */
struct group {
	const uint8_t *envelope_end; /* in the batch; names the envelope; NULL: none yet */
	const struct hmi_plan *plan; /* of its type; NULL: unknown */
	struct hm_address address;
	bool forwarded; /* its sender is of a third node */
	uint32_t count;
	struct hm_msg *msgs[GROUP_MAX];
};

/* Sender of an envelope's message. */
static struct hm_pid
sender_of(const struct hmi_peer *peer, const struct hmi_envelope *envelope)
{
	struct hm_pid sender = { peer->session.peer_node, envelope->from };

	if (envelope->from == 0)
		return hm_pid_none();
	if (envelope->from_node != 0)
		sender.node = envelope->from_node;
	return sender;
}

/* Whether the sender of an envelope is a process of the peer itself: only that one is answered. */
static bool
is_of_peer(const struct hmi_peer *peer, const struct hmi_envelope *envelope)
{
	return envelope->from != 0 &&
	       (envelope->from_node == 0 || envelope->from_node == peer->session.peer_node);
}

/* Whether it is a process of a third node, whose message the peer forwards. */
static bool
is_of_third(const struct hmi_peer *peer, const struct hmi_envelope *envelope)
{
	return envelope->from != 0 && !is_of_peer(peer, envelope);
}

/*
 * Send a control message to the sender of an envelope. Without room it waits in the backlog. Answers in
 * the backlog are limited: a peer that grants no credit must not fill this node's memory by its requests.
 */
static void
answer(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope, struct hm_msg *msg)
{
	if (peer->session.state != HMI_SESSION_OPEN || peer->backlog.system_count >= ANSWERS_MAX) {
		hm_msg_free(net->ctx, msg);
		return;
	}
	msg->to = envelope->from;
	msg->to_node = peer->node_index;
	hmi_backlog_send(net, peer, msg);
}

/* An envelope that cannot be delivered. Its sender is told, so that a future ends before its deadline. */
static __attribute__((noinline)) void
dead(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope,
     enum hm_dead_reason reason)
{
	const struct hmi_plan *plan = hmi_codec_by_hash(&net->codec, envelope->type);
	struct hm_dead_letter letter = {
		.to = { net->node, envelope->to },
		.sender = sender_of(peer, envelope),
		.type = plan != NULL ? plan->id : HM_TYPE_NONE,
		.length = (uint16_t)envelope->payload_length,
		.reason = reason,
	};

	hm_dead_letter_report(net->ctx, &letter);
	if (is_of_peer(peer, envelope))
		answer(net, peer, envelope, hm_msg_alloc_control(net->ctx, HM_SYS_UNDELIVERED, 0));
}

static void
deliver(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope, struct hm_msg *msg)
{
	msg->to = envelope->to;
	msg->sender = sender_of(peer, envelope);
	msg->to_node = 0;
	peer->stalled_ns = 0;
	hmi_count(&peer->messages_received, 1);
	if (is_of_third(peer, envelope))
		hm_provider_receive_forwarded(net->ctx, msg);
	else
		hm_provider_receive(net->ctx, msg);
}

/* ---- Messages of registered types ------------------------------------------------ */

/* There is no message memory: wait, unless it has lasted too long or the session ends. */
static __attribute__((noinline)) enum outcome
no_memory(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope,
	  const struct group *group)
{
	/* There was some for the messages of the group. */
	if (peer->stalled_ns == 0 || group->count > 0)
		peer->stalled_ns = net->now;
	if (!peer->ending && net->now - peer->stalled_ns < STALL_MAX_NS)
		return NO_MEMORY;
	dead(net, peer, envelope, HM_DEAD_NO_MEMORY);
	return DONE;
}

/* A message that may need more than the common room: find out its size, then decode it into one that fits. */
static __attribute__((noinline)) enum outcome
big_decode(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope,
	   struct group *group)
{
	const struct hmi_plan *plan = group->plan;
	struct hm_msg *msg;
	size_t used;
	int rc = hmi_plan_unpack(plan, envelope->payload, envelope->payload_length, net->unpack_arena,
				 HM_MSG_BODY_MAX, &used);

	if (rc != 0) {
		dead(net, peer, envelope, rc == -ENOSPC ? HM_DEAD_TOO_BIG : HM_DEAD_MALFORMED);
		return DONE;
	}
	msg = hm_msg_alloc(net->ctx, plan->id, used);
	if (msg == NULL)
		return no_memory(net, peer, envelope, group);
	rc = hmi_plan_unpack(plan, envelope->payload, envelope->payload_length, msg->body,
			     hm_msg_capacity(msg), &used);
	if (rc != 0) {
		hm_msg_free(net->ctx, msg);
		dead(net, peer, envelope, HM_DEAD_MALFORMED);
		return DONE;
	}
	msg->length = (uint16_t)used;
	group->msgs[group->count++] = msg;
	return DONE;
}

/* Decode a message of a registered type into the group, which has room for it. */
static inline enum outcome
typed_decode(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope,
	     struct group *group)
{
	const struct hmi_plan *plan = group->plan;
	struct hm_msg *msg;
	size_t room, used;
	int rc;

	if (unlikely(plan == NULL)) {
		dead(net, peer, envelope, HM_DEAD_UNKNOWN_TYPE);
		return DONE;
	}
	room = hmi_plan_room(plan, envelope->payload_length);
	if (unlikely(room > HM_MSG_BODY_MAX))
		return big_decode(net, peer, envelope, group);
	msg = hm_msg_alloc(net->ctx, plan->id, room);
	if (unlikely(msg == NULL))
		return no_memory(net, peer, envelope, group);
	rc = hmi_plan_unpack(plan, envelope->payload, envelope->payload_length, msg->body, room, &used);
	if (unlikely(rc != 0)) {
		hm_msg_free(net->ctx, msg);
		if (rc == -ENOSPC)
			return big_decode(net, peer, envelope, group);
		dead(net, peer, envelope, HM_DEAD_MALFORMED);
		return DONE;
	}
	msg->length = (uint16_t)used;
	group->msgs[group->count++] = msg;
	return DONE;
}

static void
group_begin(struct hmi_net *net, const struct hmi_peer *peer, const struct hmi_envelope *envelope,
	    const uint8_t *envelope_end, struct group *group)
{
	group->envelope_end = envelope_end;
	group->plan = hmi_codec_by_hash(&net->codec, envelope->type);
	group->address = (struct hm_address){ .to = envelope->to, .sender = sender_of(peer, envelope) };
	group->forwarded = is_of_third(peer, envelope);
	group->count = 0;
}

/* Hand messages of a sender of a third node over. */
static __attribute__((noinline)) void
forwarded_deliver(struct hmi_net *net, struct group *group)
{
	for (uint32_t i = 0; i < group->count; i++) {
		struct hm_msg *msg = group->msgs[i];

		msg->to = group->address.to;
		msg->sender = group->address.sender;
		msg->to_node = 0;
		hm_provider_receive_forwarded(net->ctx, msg);
	}
}

/* Hand the messages of a group over. */
static void
group_deliver(struct hmi_net *net, struct hmi_peer *peer, struct group *group)
{
	if (group->count == 0)
		return;
	peer->stalled_ns = 0;
	hmi_count(&peer->messages_received, group->count);
	if (unlikely(group->forwarded))
		forwarded_deliver(net, group);
	else
		hm_provider_receive_burst(net->ctx, &group->address, group->msgs, group->count);
}

/* ---- Messages of the engine -------------------------------------------------------- */

/* Whether the body of a message of the engine is a PID. */
static bool
is_pid(uint32_t system)
{
	return system == HM_IDENTITY || system == HM_TOUCHED;
}

static void
system_deliver(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope)
{
	struct hm_terminated terminated = { 0 };
	struct hm_pid pid = { 0 };
	int body = hmi_wire_system_bytes(envelope->system), rc = 0;
	struct hm_msg *msg;

	if (envelope->system == HM_SYS_TERMINATED)
		rc = hmi_wire_terminated_read(envelope->payload, envelope->payload_length, &terminated);
	else if (is_pid(envelope->system))
		rc = hmi_wire_pid_read(envelope->payload, envelope->payload_length, &pid);
	/* A node may report only its own processes. */
	if ((envelope->system == HM_SYS_TERMINATED && terminated.who.node != peer->session.peer_node) ||
	    (pid.node != 0 && pid.node != peer->session.peer_node))
		rc = -EBADMSG;
	if (body < 0 || rc != 0) {
		dead(net, peer, envelope, HM_DEAD_MALFORMED);
		return;
	}
	msg = hm_msg_alloc_control(net->ctx, (uint16_t)envelope->system, (size_t)body);
	if (envelope->system == HM_SYS_TERMINATED)
		memcpy(msg->body, &terminated, sizeof(terminated));
	else if (is_pid(envelope->system))
		memcpy(msg->body, &pid, sizeof(pid));
	deliver(net, peer, envelope, msg);
}

/* Answer a resolve request. A path without a process is answered, too: by no PID. */
static void
path_answer(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope)
{
	struct hm_identity identity;
	char path[HM_PATH_MAX + 1];
	struct hm_msg *msg;

	if (!is_of_peer(peer, envelope) || envelope->path_length > HM_PATH_MAX)
		return;
	memcpy(path, envelope->path, envelope->path_length);
	path[envelope->path_length] = '\0';
	if (hm_lookup(net->sys, path, &identity.pid) != 0)
		identity.pid = hm_pid_none();
	msg = hm_msg_alloc_control(net->ctx, HM_IDENTITY, sizeof(identity));
	memcpy(msg->body, &identity, sizeof(identity));
	answer(net, peer, envelope, msg);
}

/* ---- Batches ----------------------------------------------------------------------- */

static __attribute__((noinline)) void
untyped_deliver(struct hmi_net *net, struct hmi_peer *peer, const struct hmi_envelope *envelope)
{
	if (envelope->system != 0)
		system_deliver(net, peer, envelope);
	else if (envelope->path != NULL)
		path_answer(net, peer, envelope);
	else
		dead(net, peer, envelope, HM_DEAD_UNKNOWN_TYPE);
}

/* A reader at the first message of a batch behind `done` ones. */
static struct hmi_reader
reader_behind(const uint8_t *payload, uint32_t length, uint32_t done, struct hmi_envelope *envelope)
{
	struct hmi_reader reader = hmi_batch_reader(payload, length);

	for (uint32_t i = 0; i < done; i++)
		(void)hmi_batch_next(&reader, envelope);
	return reader;
}

/* Some steps are done. Returns after how many more the clock is to be looked at; 0: there is no more time. */
static __attribute__((noinline)) uint32_t
steps_more(struct hmi_net *net, uint32_t steps)
{
	return hmi_net_expired(net, steps) ? 0 : hm_turn_steps(net->ctx);
}

/* Flat: the calls that a message takes from the packet to its mailbox cost a tenth of this side's time. */
__attribute__((flatten)) enum hmi_decoded
hmi_decode_batch(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		 uint32_t *done)
{
	struct group group;
	struct hmi_envelope envelope;
	struct hmi_reader reader = reader_behind(payload, length, *done, &envelope);
	enum hmi_decoded decoded = HMI_DECODED;
	uint32_t count = 0, looked = 0, look = hm_turn_steps(net->ctx);
	int rc = 0;

	/* Not all of it: that would cost as much as a message. */
	group.envelope_end = NULL;
	group.plan = NULL;
	group.count = 0;
	while (decoded == HMI_DECODED && (rc = hmi_batch_next(&reader, &envelope)) == 1) {
		if (reader.envelope_end != group.envelope_end || group.count == GROUP_MAX) {
			group_deliver(net, peer, &group);
			group_begin(net, peer, &envelope, reader.envelope_end, &group);
		}
		if (unlikely(envelope.type == 0))
			untyped_deliver(net, peer, &envelope);
		else if (unlikely(typed_decode(net, peer, &envelope, &group) == NO_MEMORY))
			decoded = HMI_DECODED_NO_MEMORY;
		count += decoded == HMI_DECODED;
		if (unlikely(count == look)) {
			look += steps_more(net, count - looked);
			looked = count;
			if (look == count)
				decoded = HMI_DECODED_NO_TIME;
		}
	}
	group_deliver(net, peer, &group);
	*done += count;
	(void)hmi_net_expired(net, count - looked);
	if (unlikely(rc < 0))
		hmi_net_drop(net, HM_NET_DROP_BATCH);
	return decoded;
}

/* Report a message that was to be sent to the peer; or, peer->lost_received, that has come from it. */
static void
lost_report(struct hmi_net *net, const struct hmi_peer *peer, const struct hmi_envelope *envelope)
{
	const struct hmi_plan *plan = hmi_codec_by_hash(&net->codec, envelope->type);
	uint64_t to = peer->lost_received ? net->node : peer->session.peer_node;
	uint64_t from = peer->lost_received ? peer->session.peer_node : net->node;
	struct hm_dead_letter letter = {
		.to = { to, envelope->to },
		.sender = { envelope->from_node != 0 ? envelope->from_node : from, envelope->from },
		.length = (uint16_t)envelope->payload_length,
		.reason = peer->end_reason,
	};

	/* Control messages need no report: hm_node_lost notifies watchers and futures. */
	if (envelope->type == 0 || plan == NULL)
		return;
	if (envelope->from == 0)
		letter.sender = hm_pid_none();
	letter.type = plan->id;
	hm_dead_letter_report(net->ctx, &letter);
}

bool
hmi_decode_dead(struct hmi_net *net, struct hmi_peer *peer, const uint8_t *payload, uint32_t length,
		uint32_t *done)
{
	struct hmi_envelope envelope;
	struct hmi_reader reader = reader_behind(payload, length, *done, &envelope);

	while (hmi_batch_next(&reader, &envelope) == 1) {
		lost_report(net, peer, &envelope);
		++*done;
		if (hmi_net_expired(net, 1))
			return false;
	}
	return true;
}
