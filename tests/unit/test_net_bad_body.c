/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * An actor sends to another node what is no memory: the packet that is being filled stays whole.
 */
#include <sys/mman.h>

#include "remote_pvt.h"
#include "test_net_both.h"

TestSuite(net_bad_body, .init = pair_eal_start, .timeout = 60);

static const struct hmi_peer *
peer_of(struct hm_system *sys)
{
	return ((const struct hmi_remote *)hm_module_self(sys, &hm_net_module))->net.peers[0];
}

/* One message, without a turn of the other node. */
static void
send_one(struct fixture *f, enum command command)
{
	uint64_t poke = 0;

	f->driver.command = command;
	f->driver.count = f->driver.done + 1;
	cr_assert_eq(hm_system_send(f->nodes[0], f->driver_pid, PAIR_LOCAL, &poke), HM_OK);
	hm_system_turn(f->nodes[0]);
	hm_system_turn(f->nodes[0]);
}

/* Send until a batch stays open at the end of a turn: the other node has acknowledged nothing. */
static void
batch_keep_open(struct fixture *f)
{
	f->driver.done = 0;
	for (int i = 0; i < 100000 && peer_of(f->nodes[0])->batch == NULL; i++)
		send_one(f, SEND);
	cr_assert_not_null(peer_of(f->nodes[0])->batch);
	cr_assert_null(peer_of(f->nodes[0])->backlog.fifo.head);
}

static void
bad_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_pid to = *(struct hm_pid *)state;
	Hermod__Test__Text text;

	if (hm_msg_type(msg) != PAIR_LOCAL)
		return;
	hermod__test__text__init(&text);
	text.text = (char *)(uintptr_t) "hello";
	text.data.data = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	text.data.len = (size_t) * (const uint64_t *)hm_msg_body(msg);
	text.number = (uint32_t)text.data.len;
	(void)hm_send(ctx, to, PAIR_TEXT, &text);
}

/* A short one, and one whose length is measured first. */
Test(net_bad_body, send__that_faults_leaves_the_packet_whole)
{
	static const struct hm_props props = { .receive = bad_receive,
					       .state_size = sizeof(struct hm_pid),
					       .args_size = sizeof(struct hm_pid) };
	static const uint64_t lengths[] = { 20, 400, 20 };
	struct fixture *f = fixture_resolved("");
	struct hm_stats stats;
	struct hm_pid bad;

	cr_assert_eq(hm_system_spawn(f->nodes[0], &props, NULL, &f->driver.target, &bad), 0);
	hm_system_turn(f->nodes[0]);
	batch_keep_open(f);
	for (size_t i = 0; i < RTE_DIM(lengths); i++) {
		cr_assert_eq(hm_system_send(f->nodes[0], bad, PAIR_LOCAL, &lengths[i]), HM_OK);
		hm_system_turn(f->nodes[0]);
		cr_assert_not_null(peer_of(f->nodes[0])->batch);
		send_one(f, SEND_TEXT);
		send_one(f, SEND_TEXT);
	}
	pair_until(f->nodes, f->sink_seen.texts == 2 * RTE_DIM(lengths));
	cr_assert_eq(f->sink_seen.out_of_order, 0);
	hm_system_stats(f->nodes[0], &stats);
	cr_assert_eq(stats.failed, RTE_DIM(lengths));
	fixture_destroy(f);
}
