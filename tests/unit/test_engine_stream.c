/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams from actors to a thread: order, room, types, what is there to wait for, and the end from either side.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>

#include "hm_call.h"
#include "hm_move.h"
#include "hmt_eal.h"
#include "test_engine_stream.h"

TestSuite(engine_stream, .init = hmt_eal_start);

Test(engine_stream, read__order_and_sender)
{
	static struct hmt_probe probes[2];
	struct hmt_node node;
	struct hm_stream *stream;
	struct numbers numbers = { .first = 1, .count = 100 };
	const struct hm_msg *msg;

	hmt_node_start(&node, 2);
	stream = reader_open(&node, 0);
	numbers.to = hm_stream_pid(stream);
	cr_assert_eq(read_one(stream), HM_WOULD_BLOCK);
	for (uint32_t i = 0; i < 2; i++) {
		hmt_probe_spawn(&node, &probes[i], i, NULL);
		hmt_do(&node, probes[i].pid, numbers_send, &numbers);
		cr_assert_eq(hm_stream_count(stream), 100);
		numbers_read(stream, 1, 100);
		cr_assert_eq(read_one(stream), HM_WOULD_BLOCK);
	}
	hmt_number(&node, numbers.to, 7);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_stream_read_wait(stream, &msg, 1000), HM_OK);
	cr_assert(hm_pid_is_none(hm_msg_sender(msg)), "a thread has sent it");
	hmt_books_check(node.sys);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

static void
ask_then_note(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	      void *arg)
{
	uint64_t *note = arg;

	(void)ctx;
	(void)state;
	*note = result == HM_FUTURE_REPLY ? *(const uint64_t *)hm_msg_body(reply) : 1000 + (uint64_t)result;
}

struct question {
	struct hm_pid to;
	uint64_t note;
};

static void
ask(struct hm_ctx *ctx, void *arg)
{
	struct question *question = arg;
	uint64_t number = 20;

	cr_assert_eq(hm_ask(ctx, question->to, HMT_NUMBER, &number, 1000000, ask_then_note, &question->note),
		     HM_OK);
}

Test(engine_stream, read__request_is_answered_by_the_thread)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_stream *stream;
	struct question question = { .note = 0 };
	const struct hm_msg *msg;
	uint64_t answer = 21;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	stream = reader_open(&node, 0);
	question.to = hm_stream_pid(stream);
	hmt_do(&node, probe.pid, ask, &question);
	cr_assert_eq(hm_stream_read(stream, &msg), HM_OK);
	cr_assert_eq(hm_system_send(node.sys, hm_msg_sender(msg), HMT_NUMBER, &answer), HM_OK);
	hmt_turn_until_idle(&node);
	cr_assert_eq(question.note, 21);
	/* One that is never read. */
	hmt_do(&node, probe.pid, ask, &question);
	hm_stream_close(stream);
	hmt_turn_until_idle(&node);
	cr_assert_eq(question.note, 1000 + HM_FUTURE_DEAD_LETTER, "told at once, not at the deadline");
	hmt_node_end(&node);
}

/* ---- Room ------------------------------------------------------------------------------- */

/* The reference's stream holds up the thread that sends to it until somebody reads (6.2). */
Test(engine_stream, full__holds_up_senders_and_nobody_else)
{
	static struct hmt_probe sender, other, late;
	struct hmt_node node;
	struct hm_stream *stream;
	struct numbers numbers = { .first = 0, .count = 40 };
	struct numbers more = { .first = 40, .count = 10 };

	hmt_node_start_with(&node, 1, 0, "--mailbox 8");
	hmt_probe_spawn(&node, &sender, 0, NULL);
	hmt_probe_spawn(&node, &other, 0, NULL);
	hmt_probe_spawn(&node, &late, 0, NULL);
	stream = reader_open(&node, 4);
	numbers.to = more.to = hm_stream_pid(stream);
	hmt_do(&node, sender.pid, numbers_send, &numbers);
	cr_assert_eq(hm_stream_count(stream), 4);
	/* Who has sent too much is muted, and others are not. */
	hmt_do(&node, sender.pid, numbers_send, &more);
	hmt_number(&node, other.pid, 5);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&other, HMT_NUMBER), 1);
	cr_assert_gt(hmt_stats(&node).mutes, 0);
	cr_assert_eq(hm_system_send(node.sys, numbers.to, HMT_NUMBER, &(uint64_t){ 1 }), HM_WOULD_BLOCK,
		     "threads are told");
	for (uint64_t i = 0; i < 50; i++) {
		numbers_read(stream, i, 1);
		hmt_turn_until_idle(&node);
	}
	cr_assert_eq(read_one(stream), HM_WOULD_BLOCK);
	cr_assert_eq(hmt_dead(&node), 0);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

Test(engine_stream, full__rings_of_all_sizes_lose_nothing)
{
	static const uint32_t sizes[] = { 1, 2, 3, 31, 32, 33, 64, 1000 };
	static struct hmt_probe sender;
	struct hmt_node node;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &sender, 0, NULL);
	for (uint32_t i = 0; i < RTE_DIM(sizes); i++) {
		struct hm_stream *stream = reader_open(&node, sizes[i]);
		struct numbers numbers = { hm_stream_pid(stream), 0, 3 * sizes[i] + 7 };
		uint64_t read = 0;

		hmt_do(&node, sender.pid, numbers_send, &numbers);
		cr_assert_eq(hm_stream_count(stream), sizes[i], "the ring of %u takes %u", sizes[i],
			     hm_stream_count(stream));
		for (; read < numbers.count; read++) {
			numbers_read(stream, read, 1);
			hmt_turn_until_idle(&node);
		}
		cr_assert_eq(read_one(stream), HM_WOULD_BLOCK);
		hm_stream_close(stream);
	}
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_node_end(&node);
}

Test(engine_stream, open__size_at_its_limits)
{
	struct hmt_node node;
	struct hm_stream_config config = { .size = HM_STREAM_SIZE_MAX + 1 };
	struct hm_stream *stream = NULL;

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_stream_open_reader(node.sys, &config, &stream), -EINVAL);
	cr_assert_null(stream);
	config.size = HM_STREAM_SIZE_MAX;
	cr_assert_eq(hm_stream_open_reader(node.sys, &config, &stream), 0);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

/* ---- What there is to wait for ------------------------------------------------------------ */

Test(engine_stream, fd__readable_as_long_as_a_read_may_succeed)
{
	struct hmt_node node;
	struct hm_stream *stream;

	hmt_node_start(&node, 1);
	stream = reader_open(&node, 0);
	cr_assert_not(is_ready(stream));
	for (uint64_t round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 40; i++)
			hmt_number(&node, hm_stream_pid(stream), i);
		hmt_turn_until_idle(&node);
		for (uint64_t i = 0; i < 40; i++) {
			cr_assert(is_ready(stream), "before number %lu", i);
			numbers_read(stream, i, 1);
		}
		cr_assert_eq(read_one(stream), HM_WOULD_BLOCK);
		cr_assert_not(is_ready(stream));
		cr_assert_eq(read_one(stream), HM_WOULD_BLOCK);
	}
	hmt_stop(&node, hm_stream_pid(stream));
	cr_assert(is_ready(stream), "the end is news");
	cr_assert_eq(read_one(stream), HM_CLOSED);
	cr_assert_eq(read_one(stream), HM_CLOSED);
	cr_assert(is_ready(stream));
	hm_stream_close(stream);
	hmt_node_end(&node);
}

Test(engine_stream, read_wait__times_out)
{
	struct hmt_node node;
	struct hm_stream *stream;
	const struct hm_msg *msg = NULL;
	struct timespec begin, end;

	hmt_node_start(&node, 1);
	stream = reader_open(&node, 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	cr_assert_eq(hm_stream_read_wait(stream, &msg, 0), HM_WOULD_BLOCK);
	cr_assert_eq(hm_stream_read_wait(stream, &msg, 20000), HM_WOULD_BLOCK);
	clock_gettime(CLOCK_MONOTONIC, &end);
	cr_assert_null(msg);
	cr_assert_geq((end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000, 19999);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

/* ---- Types -------------------------------------------------------------------------------- */

Test(engine_stream, type__another_one_is_a_dead_letter)
{
	struct hmt_node node;
	struct hm_stream_config config = { .name = "numbers", .type = HMT_NUMBER };
	struct hm_stream *stream;
	struct hm_pid found;

	hmt_node_start(&node, 1);
	cr_assert_eq(hm_stream_open_reader(node.sys, &config, &stream), 0);
	cr_assert_eq(hm_lookup(node.sys, "/system/numbers", &found), 0);
	cr_assert(hm_pid_equal(found, hm_stream_pid(stream)));
	hmt_number(&node, found, 1);
	cr_assert_eq(hm_system_send(node.sys, found, HMT_EMPTY, NULL), HM_OK);
	hmt_number(&node, found, 2);
	cr_assert_eq(hm_system_send(node.sys, found, HMT_EMPTY, NULL), HM_OK);
	hmt_turn_until_idle(&node);
	numbers_read(stream, 1, 2);
	cr_assert_eq(read_one(stream), HM_WOULD_BLOCK);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_UNEXPECTED], 2);
	hmt_books_check(node.sys);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

Test(engine_stream, read__dead_letters_of_a_subscription)
{
	struct hmt_node node;
	struct hm_stream *stream;
	const struct hm_msg *msg;

	hmt_node_start(&node, 1);
	stream = reader_open(&node, 0);
	cr_assert_eq(hm_dead_letters_subscribe(node.sys, hm_stream_pid(stream)), 0);
	hmt_number(&node, hm_system_dead_letters(node.sys), 3);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hm_stream_read(stream, &msg), HM_OK);
	cr_assert_eq(hm_msg_type(msg), HM_DEAD_LETTER);
	cr_assert_eq(((const struct hm_dead_letter *)hm_msg_body(msg))->reason, HM_DEAD_SENT_THERE);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

Test(engine_stream, read__big_bodies)
{
	static uint8_t bytes[HMT_BIG_BYTES];
	struct hmt_node node;
	struct hm_stream *stream;
	const struct hm_msg *msg;

	memset(bytes, 0x5a, sizeof(bytes));
	hmt_node_start(&node, 1);
	stream = reader_open(&node, 0);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(hm_system_send(node.sys, hm_stream_pid(stream), HMT_BIG, bytes), HM_OK);
	hmt_turn_until_idle(&node);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(hm_stream_read(stream, &msg), HM_OK);
		cr_assert_eq(hm_msg_length(msg), HMT_BIG_BYTES);
		cr_assert_eq(memcmp(hm_msg_body(msg), bytes, sizeof(bytes)), 0);
	}
	hm_stream_close(stream);
	hmt_node_end(&node);
}

/* ---- The end ------------------------------------------------------------------------------ */

/* In the reference a message that arrives after the close fails the stream's actor (6.2). */
Test(engine_stream, close__by_the_thread)
{
	static struct hmt_probe watcher;
	struct hmt_node node;
	struct hm_stream *stream;
	struct hm_pid pid;

	hmt_node_start_with(&node, 1, 0, NULL);
	hmt_probe_spawn(&node, &watcher, 0, NULL);
	stream = reader_open(&node, 8);
	pid = hm_stream_pid(stream);
	hmt_do(&node, watcher.pid, hmt_watch, &pid);
	/* In the thread's hands, in its burst, in the ring, and in the mailbox of a process that is muted. */
	for (uint64_t i = 0; i < 8; i++)
		hmt_number(&node, pid, i);
	hmt_turn_until_idle(&node);
	numbers_read(stream, 0, 1);
	for (uint64_t i = 8; i < 30; i++)
		hmt_number(&node, pid, i);
	hmt_turn_until_idle(&node);
	hm_stream_close(stream);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_seen_count(&watcher, HM_TERMINATED), 1);
	cr_assert_eq(hmt_seen_last(&watcher, HM_TERMINATED)->terminated.reason, HM_TERMINATED_STOPPED);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 29);
	hmt_number(&node, pid, 30);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_NO_PROCESS], 1);
	cr_assert_eq(hmt_stats(&node).failed, 0);
	hmt_books_check(node.sys);
	hmt_node_end(&node);
}

Test(engine_stream, stop__what_is_left_is_read_first)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	struct hm_stream *stream;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	stream = reader_open(&node, 100);
	for (uint64_t i = 0; i < 90; i++)
		hmt_number(&node, hm_stream_pid(stream), i);
	/* Overtakes them, but what has arrived is handed on. */
	cr_assert_eq(hm_system_stop_actor(node.sys, hm_stream_pid(stream)), 0);
	hmt_turn_until_idle(&node);
	numbers_read(stream, 0, 90);
	cr_assert_eq(read_one(stream), HM_CLOSED);
	cr_assert_eq(hmt_dead(&node), 0);
	hmt_books_check(node.sys);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

Test(engine_stream, stop__without_room_the_rest_are_dead_letters)
{
	struct hmt_node node;
	struct hm_stream *stream;

	hmt_node_start(&node, 1);
	stream = reader_open(&node, 10);
	for (uint64_t i = 0; i < 25; i++)
		hmt_number(&node, hm_stream_pid(stream), i);
	hmt_turn_until_idle(&node);
	hmt_stop(&node, hm_stream_pid(stream));
	numbers_read(stream, 0, 10);
	cr_assert_eq(read_one(stream), HM_CLOSED);
	cr_assert_eq(hmt_stats(&node).dead[HM_DEAD_STOPPED], 15);
	hm_stream_close(stream);
	hmt_node_end(&node);
}

Test(engine_stream, stop__of_the_system)
{
	struct hmt_node node;
	struct hm_stream *stream;

	hmt_node_start(&node, 1);
	stream = reader_open(&node, 0);
	hmt_number(&node, hm_stream_pid(stream), 4);
	hm_system_stop(node.sys);
	hmt_turn_until_idle(&node);
	numbers_read(stream, 4, 1);
	cr_assert_eq(read_one(stream), HM_CLOSED);
	hm_stream_close(stream);
	hmt_node_drop(&node);
}

/* Nobody turns any more: what is under way is given up with the system, and the stream stays the thread's. */
Test(engine_stream, destroy__before_the_close)
{
	struct hmt_node node;
	struct hm_stream *streams[3];

	hmt_node_start(&node, 1);
	for (uint32_t i = 0; i < 2; i++) {
		streams[i] = reader_open(&node, 2);
		for (uint64_t n = 0; n < 7; n++)
			hmt_number(&node, hm_stream_pid(streams[i]), n);
	}
	hmt_turn_until_idle(&node);
	numbers_read(streams[1], 0, 1);
	/* One that has never run, and one that is closed, which nobody has noticed. */
	streams[2] = reader_open(&node, 2);
	hm_stream_close(reader_open(&node, 2));
	hm_system_destroy(node.sys);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert(is_ready(streams[i]));
		cr_assert_eq(read_one(streams[i]), HM_CLOSED);
		hm_stream_close(streams[i]);
	}
}

static uint32_t
files_open(void)
{
	DIR *folder = opendir("/proc/self/fd");
	uint32_t n = 0;

	cr_assert_not_null(folder);
	while (readdir(folder) != NULL)
		n++;
	closedir(folder);
	return n;
}

Test(engine_stream, open__again_and_again_keeps_nothing)
{
	static struct hmt_probe probe;
	struct hmt_node node;
	uint32_t files;

	hmt_node_start(&node, 1);
	hmt_probe_spawn(&node, &probe, 0, NULL);
	files = files_open();
	for (uint32_t i = 0; i < 2000; i++) {
		struct hm_stream *reader = reader_open(&node, 16);
		struct hm_stream *writer = writer_open(&node, 16, probe.pid);

		/* Now and then at once, before the processes have begun. */
		if (i % 2 == 0)
			hmt_turn_until_idle(&node);
		hm_stream_close(reader);
		hm_stream_close(writer);
		if (i % 3 != 0)
			hmt_turn_until_idle(&node);
	}
	hmt_turn_until_idle(&node);
	hm_stream_close(reader_open(&node, 16));
	cr_assert_leq(files_open(), files + 2, "those that are closed are freed");
	hmt_node_end(&node);
}

Test(engine_stream, open__on_another_lcore)
{
	static const struct hm_stream_config far = { .name = "far" }, near = { .name = "near" };
	struct hmt_node node;
	struct hm_stream *reader, *writer;

	hmt_node_start_with(&node, 2, 0, "--set /system/far:lcore=1");
	cr_assert_eq(hm_stream_open_reader(node.sys, &near, &reader), 0);
	cr_assert_eq(hm_stream_open_writer(node.sys, &far, hm_stream_pid(reader), &writer), 0);
	cr_assert_eq(hm_pid_lcore(hm_stream_pid(reader)), 0);
	cr_assert_eq(hm_pid_lcore(hm_stream_pid(writer)), 1);
	for (uint64_t round = 0; round < 3; round++) {
		for (uint64_t n = 0; n < 100; n++)
			cr_assert_eq(hm_stream_write(writer, HMT_NUMBER, &n), HM_OK);
		hmt_turn_until_idle(&node);
		numbers_read(reader, 0, 100);
		cr_assert_eq(read_one(reader), HM_WOULD_BLOCK);
	}
	hm_stream_close(writer);
	hm_stream_close(reader);
	hmt_node_end(&node);
}

/* ---- Misuse -------------------------------------------------------------------------------- */

Test(engine_stream, misuse__is_answered)
{
	static const struct hm_stream_config taken = { .name = "taken" }, bad = { .name = "a/b" };
	struct hmt_node node;
	struct hm_stream *stream, *other = NULL;
	const struct hm_msg *msg;

	hmt_node_start(&node, 2);
	cr_assert_eq(hm_stream_open_reader(NULL, NULL, &stream), -EINVAL);
	cr_assert_eq(hm_stream_open_reader(node.sys, NULL, NULL), -EINVAL);
	cr_assert_eq(hm_stream_open_writer(node.sys, NULL, hm_pid_none(), &stream), -EINVAL);
	cr_assert_eq(hm_stream_open_reader(node.sys, &bad, &stream), -EINVAL);
	cr_assert_eq(hm_stream_open_reader(node.sys, &taken, &stream), 0);
	cr_assert_eq(hm_stream_open_reader(node.sys, &taken, &other), -EEXIST);
	cr_assert_null(other);
	cr_assert_eq(hm_stream_read(NULL, &msg), HM_INVALID);
	cr_assert_eq(hm_stream_read(stream, NULL), HM_INVALID);
	cr_assert_eq(hm_stream_write(stream, HMT_EMPTY, NULL), HM_INVALID);
	cr_assert_eq(hm_stream_write(NULL, HMT_EMPTY, NULL), HM_INVALID);
	hm_stream_close(NULL);
	/* Its lcore's list has it: it stays where it is. */
	cr_assert_eq(hm_system_move(node.sys, hm_stream_pid(stream), 1), 0);
	hmt_turn_until_idle(&node);
	cr_assert_eq(hmt_stats(&node).moved, 0);
	hmt_number(&node, hm_stream_pid(stream), 1);
	hmt_turn_until_idle(&node);
	numbers_read(stream, 1, 1);
	hm_stream_close(stream);
	hmt_node_end(&node);
	cr_assert_str_eq(hm_result_name(HM_CLOSED), "closed");
}
