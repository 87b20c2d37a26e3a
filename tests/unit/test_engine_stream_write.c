/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams from a thread to an actor: order, room, back pressure from end to end, and the end from either side.
 */
#include <errno.h>

#include "hmt_eal.h"
#include "test_engine_stream.h"

TestSuite(engine_stream_write, .init = hmt_eal_start);

static enum hm_result
write_one(struct hm_stream *stream, uint64_t number)
{
	return hm_stream_write(stream, HMT_NUMBER, &number);
}

Test(engine_stream_write, write__arrives_in_order)
{
	static struct hmt_probe probes[2];
	struct hmt_node node;

	hmt_node_start(&node, 2);
	for (uint32_t i = 0; i < 2; i++) {
		struct hm_pid to = hmt_probe_spawn(&node, &probes[i], i, NULL);
		struct hm_stream *stream = writer_open(&node, 0, to);

		for (uint64_t n = 0; n < 150; n++)
			cr_assert_eq(write_one(stream, n), HM_OK);
		hmt_turn_until_idle(&node);
		cr_assert_eq(hmt_seen_count(&probes[i], HMT_NUMBER), 150);
		for (uint32_t n = 0; n < 150; n++) {
			/* Behind HM_STARTED. */
			cr_assert_eq(probes[i].seen[n + 1].number, n);
			cr_assert(hm_pid_equal(probes[i].seen[n + 1].sender, hm_stream_pid(stream)));
		}
		hm_stream_close(stream);
	}
	hmt_turn_until_idle(&node);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

/* What the process sends in a turn: there is nothing more, but it does not wait yet. */
Test(engine_stream_write, write__behind_what_fills_a_turn_arrives)
{
	static const uint32_t counts[] = { 31, 32, 33, 63, 64, 65, 96, 128 };
	static struct hmt_probe probe;
	struct hmt_node node;
	uint32_t all = 0;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	for (uint32_t i = 0; i < RTE_DIM(counts); i++) {
		struct hm_stream *stream = writer_open(&node, 128, probe.pid);

		hmt_turn_until_idle(&node);
		probe.count = all = 0;
		for (uint32_t round = 0; round < 2; round++) {
			for (uint32_t n = 0; n < counts[i]; n++)
				cr_assert_eq(write_one(stream, n), HM_OK);
			all += counts[i];
			hmt_turn_until_idle(&node);
			cr_assert_eq(probe.count, all, "%u of %u", probe.count, all);
		}
		hm_stream_close(stream);
		hmt_turn_until_idle(&node);
	}
	hmt_node_end(&node);
}

Test(engine_stream_write, full__would_block_at_its_size)
{
	static const uint32_t sizes[] = { 1, 2, 3, 32, 100, 128 };
	static struct hmt_probe probe;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	for (uint32_t i = 0; i < RTE_DIM(sizes); i++) {
		struct hm_stream *stream = writer_open(&node, sizes[i], probe.pid);

		hmt_turn_until_idle(&node);
		for (uint32_t round = 0; round < 3; round++) {
			cr_assert(is_ready(stream));
			for (uint32_t n = 0; n < sizes[i]; n++)
				cr_assert_eq(write_one(stream, n), HM_OK);
			cr_assert(is_ready(stream), "nothing was refused yet");
			cr_assert_eq(write_one(stream, 0), HM_WOULD_BLOCK);
			cr_assert_eq(hm_stream_write_wait(stream, HMT_EMPTY, NULL, 0), HM_WOULD_BLOCK);
			cr_assert_eq(hm_stream_write_wait(stream, HMT_EMPTY, NULL, 2000), HM_WOULD_BLOCK);
			cr_assert_not(is_ready(stream));
			hmt_turn_until_idle(&node);
		}
		hm_stream_close(stream);
		hmt_turn_until_idle(&node);
	}
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

/* ---- Back pressure from end to end ---------------------------------------------------------- */

static void
pass_on(struct hm_ctx *ctx, struct hmt_probe *probe, const struct hm_msg *msg)
{
	if (hm_msg_type(msg) == HMT_NUMBER)
		cr_assert_eq(hm_send(ctx, *(struct hm_pid *)probe->arg, HMT_NUMBER, hm_msg_body(msg)), HM_OK);
}

Test(engine_stream_write, full__of_a_stream_that_nobody_reads)
{
	static struct hmt_probe middle = { .on_msg = pass_on };
	struct hmt_node node;
	struct hm_stream *in, *out;
	struct hm_pid to;
	uint64_t written = 0, read = 0;
	const struct hm_msg *msg;

	hmt_node_start_with(&node, 2, 0, "--mailbox 16");
	out = reader_open(&node, 8);
	to = hm_stream_pid(out);
	middle.arg = &to;
	hmt_probe_spawn(&node, &middle, 1, NULL);
	in = writer_open(&node, 8, middle.pid);
	/* Ring, process, actor, process, ring: all of them fill, and then the thread is told. */
	for (uint32_t refused = 0; refused < 100;) {
		if (write_one(in, written) == HM_OK) {
			written++;
			refused = 0;
		} else {
			refused++;
		}
		hmt_turn_until_idle(&node);
		cr_assert_lt(written, 1000, "nothing holds it up");
	}
	cr_assert_geq(written, 16);
	for (; hm_stream_read(out, &msg) == HM_OK; read++) {
		cr_assert_eq(*(const uint64_t *)hm_msg_body(msg), read);
		hmt_turn_until_idle(&node);
	}
	cr_assert_eq(read, written);
	cr_assert(is_ready(in));
	cr_assert_eq(hmt_dead(&node), 0);
	hm_stream_close(in);
	hm_stream_close(out);
	hmt_node_end(&node);
}

/* ---- The end ------------------------------------------------------------------------------- */

Test(engine_stream_write, close__sends_what_is_left)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_stream *stream;
	struct hm_pid pid;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	stream = writer_open(&node, 200, probe.pid);
	pid = hm_stream_pid(stream);
	hmt_do(&node, probe.pid, hmt_watch, &pid);
	for (uint64_t n = 0; n < 200; n++)
		cr_assert_eq(write_one(stream, n), HM_OK);
	hm_stream_close(stream);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER), 200);
	cr_assert_eq(hmt_seen_count(&probe, HM_TERMINATED), 1);
	cr_assert_eq(probe.seen[(probe.count - 1) % HMT_SEEN_MAX].type, HM_TERMINATED, "behind them");
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_stream_write, receiver_ends__the_thread_learns_of_it)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_stream *stream;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	stream = writer_open(&node, 8, probe.pid);
	for (uint64_t n = 0; n < 8; n++)
		cr_assert_eq(write_one(stream, n), HM_OK);
	cr_assert_eq(write_one(stream, 8), HM_WOULD_BLOCK);
	cr_assert_not(is_ready(stream));
	hmt_stop(&node, probe.pid);
	hmt_turn_until_idle(&node);
	cr_assert(is_ready(stream));
	cr_assert_eq(write_one(stream, 9), HM_CLOSED);
	cr_assert_eq(hm_stream_write_wait(stream, HMT_EMPTY, NULL, UINT64_MAX), HM_CLOSED);
	hmt_books_check(node.sys);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

Test(engine_stream_write, receiver_is_gone__closed_at_once)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_stream *stream;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	hmt_stop(&node, probe.pid);
	stream = writer_open(&node, 8, probe.pid);
	cr_assert_eq(write_one(stream, 1), HM_OK, "nobody has looked yet");
	hmt_turn_until_idle(&node);
	cr_assert_eq(write_one(stream, 2), HM_CLOSED);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PROCESS] + hmt_stats(&node).dead[HM_DEAD_STOPPED], 1);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

Test(engine_stream_write, stop__what_is_left_are_dead_letters)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_stream *stream;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	stream = writer_open(&node, 100, probe.pid);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_system_stop_actor(node.sys, hm_stream_pid(stream)), 0);
	for (uint64_t n = 0; n < 100; n++)
		cr_assert_eq(write_one(stream, n), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HMT_NUMBER) + hmt_stats(&node).dead[HM_DEAD_STOPPED], 100);
	cr_assert_eq(write_one(stream, 0), HM_CLOSED);
	hmt_books_check(node.sys);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

Test(engine_stream_write, stop__of_the_system)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_stream *stream, *never_ran;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	stream = writer_open(&node, 4, probe.pid);
	hmt_turn_until_idle(&node);
	hm_system_stop(node.sys);
	hmt_turn_until_idle(&node);
	cr_assert_eq(write_one(stream, 1), HM_CLOSED);
	cr_assert_eq(hm_stream_open_writer(node.sys, NULL, probe.pid, &never_ran), -ESHUTDOWN);
	hm_stream_close(stream);
	hmt_node_drop(&node);
}

Test(engine_stream_write, destroy__before_the_close)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_stream *stream;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	stream = writer_open(&node, 4, probe.pid);
	cr_assert_eq(write_one(stream, 1), HM_OK);
	hm_system_destroy(node.sys);
	cr_assert_eq(write_one(stream, 1), HM_CLOSED);
	hm_stream_close(stream);
}

/* ---- Types, memory, misuse -------------------------------------------------------------------- */

Test(engine_stream_write, wrong_arguments)
{
	static struct hmt_probe probe;
	struct hm_stream_config config = { .type = HMT_NUMBER };
	struct hmt_node node;
	struct hm_stream *stream, *any;
	const struct hm_msg *msg;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	cr_assert_eq(hm_stream_open_writer(node.sys, &config, probe.pid, &stream), 0);
	any = writer_open(&node, 0, probe.pid);
	cr_assert_eq(hm_stream_write(stream, HMT_EMPTY, NULL), HM_INVALID);
	cr_assert_eq(hm_stream_write(any, HMT_TYPE_NEXT, NULL), HM_UNKNOWN_TYPE);
	cr_assert_eq(hm_stream_read(any, &msg), HM_INVALID);
	cr_assert_eq(hm_stream_write(any, HMT_EMPTY, NULL), HM_OK);
	cr_assert_eq(hm_stream_write(stream, HMT_NUMBER, NULL), HM_OK, "zeros");
	/* It takes no messages itself. */
	hmt_number(&node, hm_stream_pid(stream), 1);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_UNEXPECTED], 1);
	cr_assert_eq(hmt_seen_count(&probe, HMT_EMPTY), 1);
	cr_assert_eq(hmt_seen_last(&probe, HMT_NUMBER)->number, 0);
	hmt_books_check(node.sys);
	hm_stream_close(stream);
	hm_stream_close(any);
	hmt_node_end(&node);
}

Test(engine_stream_write, no_memory__is_told_and_passes)
{
	static uint8_t bytes[HMT_BIG_BYTES];
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_stream *stream;
	enum hm_result result;
	uint32_t written = 0;

	hmt_node_start_with(&node, 1, 256 << 10, NULL);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	stream = writer_open(&node, 1024, probe.pid);
	while ((result = hm_stream_write(stream, HMT_BIG, bytes)) == HM_OK)
		written++;
	cr_assert_eq(result, HM_NO_MEMORY);
	cr_assert_gt(written, 50);
	cr_assert_eq(hm_stream_write_wait(stream, HMT_BIG, bytes, 3000), HM_NO_MEMORY);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_stream_write(stream, HMT_BIG, bytes), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&probe, HMT_BIG), written + 1);
	hm_stream_close(stream);
	hmt_node_end(&node);
}
