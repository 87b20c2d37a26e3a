/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Control messages from the network: none is lost for want of message memory, each is checked, and a
 * peer cannot fill this node's memory by its requests.
 */
#include "test_net_inject.h"

#include "lcore_setup_pvt.h"

#define TAKEN_MAX 16384

TestSuite(net_control, .init = pair_eal_start, .timeout = 120);

/* Take all messages of node b that hold a body of up to 64 bytes. Returns how many. */
static uint32_t
memory_take(struct fixture *f, struct hm_msg **taken)
{
	struct hm_ctx *ctx = f->nodes[1]->lcores[0];
	uint32_t count = 0;

	while ((taken[count] = hm_msg_alloc(ctx, PAIR_NUMBERS, 1)) != NULL)
		cr_assert_lt(++count, TAKEN_MAX);
	return count;
}

static void
memory_give(struct fixture *f, struct hm_msg **taken, uint32_t count)
{
	while (count > 0)
		hm_msg_free(f->nodes[1]->lcores[0], taken[--count]);
}

/* The good frame with one envelope instead of its batch, as the next packet of node a. Returns its bytes. */
static uint32_t
frame_make(struct fixture *f, const struct hmi_envelope *envelope, uint8_t *frame)
{
	struct hmi_header header;
	uint8_t *end;

	memcpy(frame, f->good, BATCH);
	end = hmi_envelope_write(frame + BATCH, envelope);
	cr_assert_eq(hmi_header_read(&header, f->good + PACKET, f->length - PACKET), 0);
	header.length = (uint16_t)(end - frame - BATCH);
	hmi_header_write(frame + PACKET, &header);
	checksums_mend(frame, (uint32_t)(end - frame));
	good_advance(f);
	return (uint32_t)(end - frame);
}

static void
envelope_inject(struct fixture *f, const struct hmi_envelope *envelope)
{
	uint8_t frame[2048];

	inject(f, frame, frame_make(f, envelope, frame));
}

/* Give an envelope to node b, and read the first envelope that it sends back into `*back`, `bytes` behind it. */
static bool
envelope_answered(struct fixture *f, const struct hmi_envelope *envelope, struct hmi_envelope *back,
		  uint8_t *bytes)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(f->pool);
	uint8_t made[2048];
	uint32_t length = frame_make(f, envelope, made);
	bool found = false;

	memcpy(rte_pktmbuf_append(frame, (uint16_t)length), made, length);
	cr_assert_eq(rte_ring_enqueue(f->wire.ab, frame), 0);
	for (int i = 0; i < 10; i++)
		hm_system_turn(f->nodes[1]);
	while (rte_ring_dequeue(f->wire.ba, (void **)&frame) == 0) {
		const uint8_t *data = rte_pktmbuf_mtod(frame, uint8_t *);

		if (!found && data[PACKET + 3] == HMI_DATA) {
			struct hmi_reader reader = hmi_batch_reader(bytes, frame->pkt_len - BATCH);

			memcpy(bytes, data + BATCH, frame->pkt_len - BATCH);
			found = hmi_batch_next(&reader, back) == 1;
		}
		rte_pktmbuf_free(frame);
	}
	return found;
}

static bool
sink_lives(struct fixture *f)
{
	struct hm_pid pid;

	return hm_lookup(f->nodes[1], "/user/sink", &pid) == 0;
}

Test(net_control, stop__arrives_without_message_memory)
{
	static struct hm_msg *taken[TAKEN_MAX];
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hmi_envelope envelope = { .to = f->sink.local, .system = HM_SYS_STOP };
	uint32_t count = memory_take(f, taken);

	envelope_inject(f, &envelope);
	for (int i = 0; i < 10; i++)
		hm_system_turn(f->nodes[1]);
	cr_assert_not(sink_lives(f));
	memory_give(f, taken, count);
	nodes_stop(f);
}

Test(net_control, watch__is_answered_without_message_memory)
{
	static struct hm_msg *taken[TAKEN_MAX];
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hmi_envelope back, envelope = { .to = f->sink.local ^ 1, .from = 7, .system = HM_SYS_WATCH };
	uint32_t count = memory_take(f, taken);
	struct hm_terminated terminated;
	uint8_t bytes[2048];

	cr_assert(envelope_answered(f, &envelope, &back, bytes));
	cr_assert_eq(back.system, HM_SYS_TERMINATED);
	cr_assert_eq(back.to, 7);
	cr_assert_eq(hmi_wire_terminated_read(back.payload, back.payload_length, &terminated), 0);
	cr_assert_eq(terminated.reason, HM_TERMINATED_NOT_FOUND);
	memory_give(f, taken, count);
	nodes_stop(f);
}

Test(net_control, resolve__is_answered_without_message_memory)
{
	static struct hm_msg *taken[TAKEN_MAX];
	static const char path[] = "/user/sink";
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hmi_envelope back, envelope = { .from = 7, .path = (const uint8_t *)path, .path_length = 10 };
	uint32_t count = memory_take(f, taken);
	uint8_t bytes[2048];
	struct hm_pid pid;

	cr_assert(envelope_answered(f, &envelope, &back, bytes));
	cr_assert_eq(back.system, HM_IDENTITY);
	cr_assert_eq(back.to, 7);
	cr_assert_eq(hmi_wire_pid_read(back.payload, back.payload_length, &pid), 0);
	cr_assert(hm_pid_equal(pid, f->sink));
	memory_give(f, taken, count);
	nodes_stop(f);
}

Test(net_control, request__nobody_there_is_answered_at_once)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hmi_envelope back, envelope = { .to = f->sink.local, .from = 7, .type = 12345 };
	uint8_t bytes[2048];

	cr_assert(envelope_answered(f, &envelope, &back, bytes));
	cr_assert_eq(back.system, HM_SYS_UNDELIVERED);
	cr_assert_eq(back.to, 7);
	nodes_stop(f);
}

Test(net_control, identity__of_another_nodes_process_is_malformed)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	uint8_t payload[HMI_PID_BYTES];
	struct hmi_envelope envelope = { .to = UINT64_MAX >> 8,
					 .system = HM_IDENTITY,
					 .payload = payload,
					 .payload_length = HMI_PID_BYTES };
	const uint64_t nodes[] = { 4711, hm_system_node(f->nodes[1]) };

	for (uint64_t i = 0; i < RTE_DIM(nodes); i++) {
		hmi_wire_pid_write(payload, (struct hm_pid){ nodes[i], 7 });
		envelope_inject(f, &envelope);
		cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), i + 1);
	}
	/* Of the peer itself, or of nobody: that is for the engine to judge. */
	hmi_wire_pid_write(payload, (struct hm_pid){ hm_system_node(f->nodes[0]), 7 });
	envelope_inject(f, &envelope);
	hmi_wire_pid_write(payload, hm_pid_none());
	envelope_inject(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), RTE_DIM(nodes));
	nodes_stop(f);
}

Test(net_control, typed__without_payload_is_the_initial_message)
{
	struct fixture *f = fixture_create("--peer-timeout-ms 60000");
	struct hmi_envelope envelope = { .to = f->sink.local, .type = hm_type_hash("hermod.test.Numbers") };

	envelope_inject(f, &envelope);
	hm_system_turn(f->nodes[1]);
	cr_assert_eq(f->numbers, 1);
	envelope.type = 0;
	envelope.system = HM_SYS_TERMINATED;
	envelope_inject(f, &envelope);
	cr_assert_eq(pair_dead(f->nodes[1], HM_DEAD_MALFORMED), 1);
	nodes_stop(f);
}
