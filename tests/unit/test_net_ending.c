/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A session ends that leaves thousands of messages: in portions, each message once, and nothing out of order.
 */
#include "test_net_lone.h"

#include "rcu_pvt.h"

TestSuite(net_ending, .init = pair_eal_start, .timeout = 60);

#define HOST    3
#define THERE   42 /* local part of a process of the peer */
#define PACKETS 20u

/* An actor that the peer sends numbers to, and that watches a process of the peer. */
struct seen {
	uint64_t numbers, terminated;
	uint64_t numbers_then; /* when HM_TERMINATED came */
	uint64_t dead_letters_then;
	struct hm_system *sys;
};

static struct seen seen;

static uint64_t
dead_letters(const struct hm_system *sys)
{
	return pair_dead(sys, HM_DEAD_NODE_LOST) + pair_dead(sys, HM_DEAD_NO_NODE);
}

static void
watcher_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct hm_pid there = { lone_says(HOST).node, THERE };

	(void)state;
	switch (hm_msg_type(msg)) {
	case PAIR_LOCAL:
		cr_assert_eq(hm_watch(ctx, there), HM_OK);
		break;
	case PAIR_NUMBERS:
		seen.numbers++;
		break;
	case HM_TERMINATED:
		seen.terminated++;
		seen.numbers_then = seen.numbers;
		seen.dead_letters_then = dead_letters(seen.sys);
		cr_assert_eq(((const struct hm_terminated *)hm_msg_body(msg))->reason,
			     HM_TERMINATED_NODE_LOST);
		break;
	default:
		break;
	}
}

static const struct hm_props watcher_props = { .receive = watcher_receive };

struct fixture {
	struct lone *lone;
	struct lone_peer peer;
	struct hm_pid watcher, there;
};

static void
watch(struct fixture *f)
{
	uint64_t none = 0;

	cr_assert_eq(hm_system_send(f->lone->sys, f->watcher, PAIR_LOCAL, &none), HM_OK);
}

static struct fixture *
fixture_create(const char *more)
{
	static struct fixture f;
	char words[200];

	snprintf(words, sizeof(words), "--memory 64M --peer-queue 1000000 %s", more);
	f.lone = lone_create(words);
	seen.sys = f.lone->sys;
	cr_assert_eq(hm_system_spawn(f.lone->sys, &watcher_props, "watcher", NULL, &f.watcher), 0);
	f.peer = lone_open(f.lone, HOST);
	f.there = (struct hm_pid){ lone_says(HOST).node, THERE };
	watch(&f);
	lone_turn(f.lone);
	return &f;
}

/* Data `sequence` arrives, as full of numbers as it can be. Returns how many. */
static uint64_t
full_put(struct fixture *f, uint32_t sequence)
{
	uint64_t count = (LONE_BYTES - hmi_envelope_begin_size(0)) / 2;
	uint8_t batch[LONE_BYTES];
	uint8_t *end = hmi_envelope_begin(batch, f->watcher.local, 0, hm_type_hash("hermod.test.Numbers"));
	struct hmi_header header;

	f->peer.sequence = sequence;
	header = lone_header(&f->peer, HMI_DATA);
	for (uint64_t i = 0; i < count; i++) {
		*end++ = HMI_TAG_PAYLOAD;
		*end++ = 0;
	}
	hmi_envelope_end(batch, end);
	header.length = (uint16_t)(end - batch);
	lone_put(f->lone, HOST, header, batch);
	return count;
}

/* Packets from `first` on wait behind one that has not come; then it comes. Returns how many messages they hold. */
static uint64_t
packets_wait_from(struct fixture *f, uint32_t first)
{
	uint64_t each = 0, before = seen.numbers;

	for (uint32_t sequence = first + 1; sequence < first + PACKETS; sequence++)
		each = full_put(f, sequence);
	lone_turn(f->lone);
	cr_assert_eq(seen.numbers, before);
	(void)full_put(f, first);
	return PACKETS * each;
}

static uint64_t
packets_wait(struct fixture *f)
{
	return packets_wait_from(f, 1);
}

static void
bye_put(struct fixture *f)
{
	lone_put(f->lone, HOST, lone_header(&f->peer, HMI_BYE), NULL);
}

/* A packet holds some forty of them. */
static void
number_send(struct fixture *f, struct hm_pid to)
{
	Hermod__Test__Numbers numbers;

	hermod__test__numbers__init(&numbers);
	numbers.a = numbers.b = UINT64_MAX;
	cr_assert_eq(hm_system_send(f->lone->sys, to, PAIR_NUMBERS, &numbers), HM_OK);
}

static void
numbers_send(struct fixture *f, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		number_send(f, f->there);
		if (i % 64 == 63)
			lone_turn(f->lone);
	}
	lone_turn(f->lone);
}

/* Numbers that the peer does not acknowledge, in packets and in the backlog. */
static void
numbers_leave(struct fixture *f, uint64_t packed, uint64_t queued)
{
	numbers_send(f, packed);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_backlogged, 0);
	/* No more packets. */
	lone_lane(f->lone, 0)->tx_limit = f->peer.limit = (uint32_t)lone_lane(f->lone, 0)->sent;
	lone_net(f->lone)->frames_kept += HMI_FRAMES_KEPT;
	numbers_send(f, queued);
	lone_net(f->lone)->frames_kept -= HMI_FRAMES_KEPT;
	if (queued > 0)
		cr_assert_gt(lone_stats(f->lone, "s3").messages_backlogged, queued / 2);
}

static bool
is_ending(const struct fixture *f)
{
	const struct hmi_net *net = lone_net(f->lone);
	bool ending = false;

	for (uint32_t i = 0; i < net->peers_count; i++)
		ending |= net->peers[i]->ending;
	return ending;
}

/* One turn, which may not do more than there is time for. */
static void
turn(struct fixture *f)
{
	uint64_t before = lone_work(f->lone);

	hm_system_turn(f->lone->sys);
	cr_assert_leq(lone_work(f->lone) - before, LONE_POLL, "%lu", lone_work(f->lone) - before);
}

/* Turn until the session is ending, or until it has ended. Returns how many turns it took. */
static uint32_t
ending_begin(struct fixture *f)
{
	uint32_t turns = 0;

	lone_work_begin(f->lone);
	for (; !is_ending(f) && turns < 1000; turns++)
		turn(f);
	cr_assert(is_ending(f));
	return turns;
}

static uint32_t
ending_turn(struct fixture *f)
{
	uint32_t turns = is_ending(f) ? 0 : ending_begin(f);

	for (; is_ending(f) && turns < 1000; turns++)
		turn(f);
	cr_assert_not(is_ending(f));
	f->lone->work_ns = 0;
	lone_turn(f->lone);
	return turns;
}

Test(net_ending, bye__packets_that_wait_are_delivered_in_portions)
{
	struct fixture *f = fixture_create("");
	uint64_t count = packets_wait(f);

	bye_put(f);
	cr_assert_gt(ending_turn(f), 20);
	cr_assert_eq(seen.numbers, count);
	cr_assert_eq(seen.terminated, 1);
	cr_assert_eq(seen.numbers_then, count);
	cr_assert_eq(dead_letters(f->lone->sys), 0);
	lone_destroy(f->lone);
}

Test(net_ending, bye__what_was_not_acknowledged_is_reported_in_portions)
{
	struct fixture *f = fixture_create("");

	numbers_leave(f, 5000, 0);
	bye_put(f);
	cr_assert_gt(ending_turn(f), 10);
	cr_assert_eq(dead_letters(f->lone->sys), 5000);
	cr_assert_eq(seen.terminated, 1);
	cr_assert_eq(seen.dead_letters_then, 5000);
	cr_assert_eq(lone_net(f->lone)->frames_kept, 0);
	lone_destroy(f->lone);
}

Test(net_ending, bye__backlog_is_reported_in_portions)
{
	struct fixture *f = fixture_create("");

	numbers_leave(f, 100, 5000);
	bye_put(f);
	cr_assert_gt(ending_turn(f), 10);
	cr_assert_eq(dead_letters(f->lone->sys), 5100);
	cr_assert_eq(seen.terminated, 1);
	cr_assert_eq(seen.dead_letters_then, 5100);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_backlogged, 0);
	lone_destroy(f->lone);
}

/* In between, what is sent is a dead letter, and a watch ends behind what was received. */
Test(net_ending, meanwhile__messages_are_lost_and_watches_end_last)
{
	struct fixture *f = fixture_create("");
	uint64_t count;

	numbers_leave(f, 1000, 1000);
	count = packets_wait(f);
	bye_put(f);
	(void)ending_begin(f);
	cr_assert_eq(lone_stats(f->lone, "s3").state, HM_NET_PEER_IDLE);
	cr_assert_eq(lone_stats(f->lone, "s3").lost, 1);
	for (int i = 0; i < 7; i++) {
		number_send(f, f->there);
		turn(f);
	}
	cr_assert(is_ending(f));
	cr_assert_eq(dead_letters(f->lone->sys), 7);
	cr_assert_eq(seen.terminated, 0);
	(void)ending_turn(f);
	cr_assert_eq(seen.numbers, count);
	cr_assert_eq(seen.terminated, 1);
	cr_assert_eq(seen.numbers_then, count);
	cr_assert_eq(dead_letters(f->lone->sys), 2007);
	lone_destroy(f->lone);
}

Test(net_ending, meanwhile__new_watch_ends_behind_what_was_received)
{
	struct fixture *f = fixture_create("");
	uint64_t count = packets_wait(f), none = 0;
	struct hm_pid late;

	bye_put(f);
	(void)ending_begin(f);
	/* A second watcher, which counts into the same place. */
	cr_assert_eq(hm_system_spawn(f->lone->sys, &watcher_props, "late", NULL, &late), 0);
	cr_assert_eq(hm_system_send(f->lone->sys, late, PAIR_LOCAL, &none), HM_OK);
	for (int i = 0; i < 5; i++)
		turn(f);
	cr_assert(is_ending(f));
	cr_assert_eq(seen.terminated, 0);
	(void)ending_turn(f);
	cr_assert_eq(seen.terminated, 2);
	cr_assert_eq(seen.numbers_then, count);
	lone_destroy(f->lone);
}

Test(net_ending, hello__is_answered_when_the_old_session_has_ended)
{
	struct fixture *f = fixture_create("");
	struct hmi_handshake again = lone_says(HOST), elsewhere = lone_says(HOST);
	uint64_t count = packets_wait(f);

	again.attempt++;
	again.session++;
	snprintf(elsewhere.name, sizeof(elsewhere.name), "moved");
	lone_forget(f->lone);
	lone_work_begin(f->lone);
	/* It replaces the session; then the same node calls from another address. */
	lone_shake(f->lone, HOST, HMI_HELLO, 0, &again);
	(void)ending_begin(f);
	lone_shake(f->lone, HOST + 1, HMI_HELLO, 0, &elsewhere);
	lone_shake(f->lone, HOST, HMI_HELLO, 0, &again);
	cr_assert(is_ending(f));
	cr_assert_null(lone_take_kind(f->lone, HMI_WELCOME));
	cr_assert_lt(seen.numbers, count);
	(void)ending_turn(f);
	cr_assert_eq(seen.numbers, count);
	cr_assert_eq(seen.terminated, 1);
	lone_forget(f->lone);
	lone_shake(f->lone, HOST, HMI_HELLO, 0, &again);
	f->peer = lone_peer_of(f->lone, HOST, lone_take_kind(f->lone, HMI_WELCOME)->handshake.session);
	count += full_put(f, 1);
	lone_turn(f->lone);
	cr_assert_eq(seen.numbers, count);
	cr_assert_eq(lone_stats(f->lone, "s3").sessions, 2);
	/* The new session's node is known, and watched once more. */
	watch(f);
	lone_turn(f->lone);
	cr_assert_eq(seen.terminated, 1);
	lone_destroy(f->lone);
}

/* The node has answered by WELCOME from another address, before its session here ended. */
Test(net_ending, welcome__opens_a_session_when_the_old_one_has_ended)
{
	struct fixture *f = fixture_create("--peer c@10.0.0.4");
	struct hmi_handshake welcome = lone_says(HOST);
	const struct lone_packet *hello;
	uint64_t count = packets_wait(f);

	snprintf(welcome.name, sizeof(welcome.name), "c");
	lone_pass(f->lone, 20 * LONE_MS);
	hello = lone_take_kind(f->lone, HMI_HELLO);
	cr_assert_not_null(hello);
	cr_assert_eq(seen.numbers, count);
	count += packets_wait_from(f, PACKETS + 1);
	bye_put(f);
	(void)ending_begin(f);
	lone_shake(f->lone, 4, HMI_WELCOME, hello->handshake.session, &welcome);
	cr_assert(is_ending(f));
	cr_assert_eq(lone_stats(f->lone, "c").state, HM_NET_PEER_CALLING);
	(void)ending_turn(f);
	cr_assert_eq(seen.numbers, count);
	lone_shake(f->lone, 4, HMI_WELCOME, hello->handshake.session, &welcome);
	cr_assert_eq(lone_stats(f->lone, "c").state, HM_NET_PEER_OPEN);
	cr_assert_neq(lone_net(f->lone)->peers[0]->node_index, 0);
	lone_destroy(f->lone);
}

/* ... or has called from there, and now sends its first packet. */
Test(net_ending, confirmation__opens_a_session_when_the_old_one_has_ended)
{
	struct fixture *f = fixture_create("");
	struct hmi_handshake hello = lone_says(HOST);
	struct lone_peer moved;

	lone_send(f->lone, &f->peer, HMI_BYE, NULL, 0);
	seen.terminated = 0;
	snprintf(hello.name, sizeof(hello.name), "moved");
	lone_forget(f->lone);
	lone_shake(f->lone, HOST + 1, HMI_HELLO, 0, &hello);
	moved = lone_peer_of(f->lone, HOST + 1, lone_take_kind(f->lone, HMI_WELCOME)->handshake.session);
	f->peer = lone_open(f->lone, HOST);
	(void)packets_wait(f);
	bye_put(f);
	(void)ending_begin(f);
	lone_send(f->lone, &moved, HMI_ACK, NULL, 0);
	cr_assert(is_ending(f));
	cr_assert_eq(lone_stats(f->lone, "moved").state, HM_NET_PEER_ANSWERED);
	(void)ending_turn(f);
	lone_send(f->lone, &moved, HMI_ACK, NULL, 0);
	cr_assert_eq(lone_stats(f->lone, "moved").state, HM_NET_PEER_OPEN);
	cr_assert_neq(lone_net(f->lone)->peers[1]->node_index, 0);
	lone_destroy(f->lone);
}

Test(net_ending, configured__is_called_when_the_old_session_has_ended)
{
	struct fixture *f = fixture_create("--peer s3@10.0.0.3");

	numbers_leave(f, 5000, 1000);
	lone_forget(f->lone);
	bye_put(f);
	(void)ending_begin(f);
	for (int i = 0; i < 5; i++) {
		f->lone->now += LONE_MS;
		turn(f);
	}
	lone_drain(f->lone);
	cr_assert(is_ending(f));
	cr_assert_eq(lone_stats(f->lone, "s3").state, HM_NET_PEER_IDLE);
	cr_assert_null(lone_take_kind(f->lone, HMI_HELLO));
	(void)ending_turn(f);
	lone_pass(f->lone, LONE_MS);
	cr_assert_not_null(lone_take_kind(f->lone, HMI_HELLO));
	lone_destroy(f->lone);
}

/* Sessions that were lost, of all peers. */
static uint64_t
lost_count(const struct fixture *f)
{
	const struct hmi_net *net = lone_net(f->lone);
	uint64_t count = 0;

	for (uint32_t i = 0; i < net->peers_count; i++)
		count += net->peers[i]->lost;
	return count;
}

/* Peers that are lost in the same tick share the time. */
Test(net_ending, timeout__of_many_peers_at_once)
{
	struct fixture *f = fixture_create("");

	for (uint8_t host = HOST + 1; host < HOST + 20; host++)
		(void)lone_open(f->lone, host);
	for (uint8_t host = HOST; host < HOST + 20; host++) {
		struct hm_pid there = { lone_says(host).node, THERE };

		for (int i = 0; i < 200; i++)
			number_send(f, there);
	}
	/* What external threads send comes in portions, too. */
	lone_pass(f->lone, 10 * LONE_MS);
	cr_assert_eq(lone_stats(f->lone, "s22").messages_sent, 200);
	lone_skip(f->lone, 1500 * LONE_MS);
	lone_turn(f->lone);
	/* The node's own gap in polling was forgiven. */
	cr_assert_eq(lost_count(f), 0);
	for (int i = 0; i < 20; i++)
		lone_net(f->lone)->peers[i]->session.last_rx_ns = LONE_START_NS - LONE_SECOND;
	f->lone->now += LONE_MS;
	lone_work_begin(f->lone);
	for (int i = 0; i < 200; i++) {
		uint64_t lost = lost_count(f);

		turn(f);
		/* What they leave takes all the time. */
		cr_assert_leq(lost_count(f) - lost, 2);
	}
	cr_assert_eq(dead_letters(f->lone->sys), 20 * 200);
	for (uint32_t i = 0; i < 20; i++)
		cr_assert_eq(lone_net(f->lone)->peers[i]->lost, 1);
	cr_assert_eq(seen.terminated, 1);
	f->lone->work_ns = 0;
	lone_destroy(f->lone);
}

Test(net_ending, stop__in_the_middle_of_an_end)
{
	struct fixture *f = fixture_create("");
	struct hm_system *sys = f->lone->sys;
	struct hm_stats stats;

	numbers_leave(f, 5000, 1000);
	bye_put(f);
	(void)ending_begin(f);
	hm_system_stop(sys);
	for (int i = 0; i < 5; i++)
		turn(f);
	cr_assert(is_ending(f));
	hmi_rcu_enter();
	hmi_system_drain(sys);
	hmi_rcu_leave();
	hm_system_stats(sys, &stats);
	cr_assert_eq(stats.dead[HM_DEAD_NODE_LOST], 6000);
	cr_assert_eq(stats.dead[HM_DEAD_SHUTDOWN], 0);
	cr_assert_eq(lone_net(f->lone)->frames_kept, 0);
	hm_system_destroy(sys);
	pair_wire_empty(&f->lone->wire);
	cr_assert_eq(rte_mempool_in_use_count(f->lone->pool), 0);
}

/* ---- What is sent ------------------------------------------------------------------------------- */

Test(net_ending, flush__backlog_leaves_in_portions)
{
	struct fixture *f = fixture_create("");
	uint32_t turns = 0;

	numbers_leave(f, 0, 5000);
	lone_lane(f->lone, 0)->tx_limit += 200;
	lone_work_begin(f->lone);
	while (lone_stats(f->lone, "s3").messages_backlogged > 0 && turns++ < 1000)
		turn(f);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_backlogged, 0);
	cr_assert_gt(turns, 10);
	f->lone->work_ns = 0;
	bye_put(f);
	lone_turn(f->lone);
	cr_assert_eq(dead_letters(f->lone->sys), 5000);
	lone_destroy(f->lone);
}
