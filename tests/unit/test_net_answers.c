/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a node answers to the envelopes of a peer, how many answers may wait, and what it learns from ARP.
 */
#include "hmt_log.h"
#include "test_net_lone.h"

#define ANSWERS_MAX 256u

TestSuite(net_answers, .init = pair_eal_start, .timeout = 60);

struct fixture {
	struct lone *lone;
	struct lone_peer peer;
};

static struct fixture *
fixture_create(const char *more)
{
	static struct fixture f;
	char words[200];

	snprintf(words, sizeof(words), "--peer-timeout-ms 3600000 %s", more);
	f.lone = lone_create(words);
	f.peer = lone_open(f.lone, 3);
	return &f;
}

/* An envelope from the peer, alone in its packet. */
static void
envelope_put(struct fixture *f, const struct hmi_envelope *envelope)
{
	uint8_t batch[LONE_BYTES];
	size_t length = hmi_envelope_size(envelope);

	cr_assert_leq(length, sizeof(batch));
	(void)hmi_envelope_write(batch, envelope);
	lone_send(f->lone, &f->peer, HMI_DATA, batch, length);
}

/* Read the first envelope that the node has sent, its bytes being those of the packet. */
static bool
answer_take(struct fixture *f, struct hmi_envelope *answer)
{
	const struct lone_packet *packet = lone_take_kind(f->lone, HMI_DATA);
	struct hmi_reader reader;

	if (packet == NULL)
		return false;
	reader = hmi_batch_reader(packet->payload, packet->header.length);
	return hmi_batch_next(&reader, answer) == 1;
}

static struct hmi_envelope
resolve_request(const char *path)
{
	return (struct hmi_envelope){ .from = 7,
				      .path = (const uint8_t *)path,
				      .path_length = (uint32_t)strlen(path) };
}

/* ---- Resolve requests -------------------------------------------------------------------------- */

Test(net_answers, resolve__of_nobody_is_answered_with_nobody)
{
	struct fixture *f = fixture_create("");
	struct hmi_envelope answer, request = resolve_request("/user/nobody");
	struct hm_pid pid = { 1, 1 };

	envelope_put(f, &request);
	cr_assert(answer_take(f, &answer));
	cr_assert_eq(answer.system, HM_IDENTITY);
	cr_assert_eq(answer.to, 7);
	cr_assert_eq(hmi_wire_pid_read(answer.payload, answer.payload_length, &pid), 0);
	cr_assert(hm_pid_is_none(pid));
	lone_destroy(f->lone);
}

Test(net_answers, resolve__without_a_sender_is_ignored)
{
	struct fixture *f = fixture_create("");
	struct hmi_envelope answer, request = resolve_request("/user");

	request.from = 0;
	envelope_put(f, &request);
	cr_assert_not(answer_take(f, &answer));
	lone_destroy(f->lone);
}

Test(net_answers, resolve__longest_path_and_one_character_more)
{
	struct fixture *f = fixture_create("");
	char path[HM_PATH_MAX + 2];
	struct hmi_envelope answer, request;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[HM_PATH_MAX + 1] = '\0';
	request = resolve_request(path);
	envelope_put(f, &request);
	cr_assert_not(answer_take(f, &answer));
	request.path_length = HM_PATH_MAX;
	envelope_put(f, &request);
	cr_assert(answer_take(f, &answer));
	cr_assert_eq(answer.system, HM_IDENTITY);
	/* An empty path is one that nobody has. */
	request.path_length = 0;
	envelope_put(f, &request);
	cr_assert(answer_take(f, &answer));
	cr_assert_eq(answer.system, HM_IDENTITY);
	lone_destroy(f->lone);
}

Test(net_answers, resolve__path_with_a_zero_in_it_ends_there)
{
	static const char path[] = "/user\0/x";
	struct fixture *f = fixture_create("");
	struct hmi_envelope answer, request = resolve_request(path);
	struct hm_pid pid = { 0, 0 };

	request.path_length = sizeof(path) - 1;
	envelope_put(f, &request);
	cr_assert(answer_take(f, &answer));
	cr_assert_eq(hmi_wire_pid_read(answer.payload, answer.payload_length, &pid), 0);
	cr_assert_eq(pid.node, hm_system_node(f->lone->sys));
	lone_destroy(f->lone);
}

/* ---- Requests that reach nobody ------------------------------------------------------------------ */

Test(net_answers, request__of_the_peers_own_process_is_told)
{
	struct fixture *f = fixture_create("");
	struct hmi_envelope answer, request = { .to = 42, .from = 7, .type = 12345 };

	envelope_put(f, &request);
	cr_assert(answer_take(f, &answer));
	cr_assert_eq(answer.system, HM_SYS_UNDELIVERED);
	cr_assert_eq(answer.to, 7);
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_UNKNOWN_TYPE), 1);
	lone_destroy(f->lone);
}

Test(net_answers, request__of_another_nodes_process_is_not)
{
	struct fixture *f = fixture_create("");
	struct hmi_envelope answer, request = { .to = 42, .from = 7, .from_node = 99, .type = 12345 };

	envelope_put(f, &request);
	cr_assert_not(answer_take(f, &answer));
	request.from = 0;
	request.from_node = 0;
	envelope_put(f, &request);
	cr_assert_not(answer_take(f, &answer));
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_UNKNOWN_TYPE), 2);
	lone_destroy(f->lone);
}

/* The node at the other end may be named, or left out. */
Test(net_answers, request__of_the_peers_own_process_by_its_node)
{
	struct fixture *f = fixture_create("");
	struct hmi_envelope answer, request = { .to = 42, .from = 7, .type = 12345 };

	request.from_node = lone_says(3).node;
	envelope_put(f, &request);
	cr_assert(answer_take(f, &answer));
	cr_assert_eq(answer.system, HM_SYS_UNDELIVERED);
	request = resolve_request("/user");
	request.from_node = lone_says(3).node;
	envelope_put(f, &request);
	cr_assert(answer_take(f, &answer));
	cr_assert_eq(answer.system, HM_IDENTITY);
	lone_destroy(f->lone);
}

/* A third node, though it has a session, too, is not answered for what a peer says in its name. */
Test(net_answers, request__in_the_name_of_a_third_node)
{
	struct fixture *f = fixture_create("");
	struct hmi_envelope answer, request = { .to = 0xffffff00000001u, .from = 7 };

	(void)lone_open(f->lone, 4);
	request.type = hm_type_hash("hermod.test.Numbers");
	envelope_put(f, &request);
	cr_assert(answer_take(f, &answer), "of the peer itself");
	cr_assert_eq(answer.system, HM_SYS_UNDELIVERED);
	request.from_node = lone_says(4).node;
	envelope_put(f, &request);
	cr_assert_not(answer_take(f, &answer));
	cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_NO_PROCESS), 2);
	request = resolve_request("/user");
	request.from_node = lone_says(4).node;
	envelope_put(f, &request);
	cr_assert_not(answer_take(f, &answer));
	lone_destroy(f->lone);
}

Test(net_answers, system__every_number_that_is_none_is_malformed)
{
	static const uint32_t good[] = { HM_IDENTITY,        HM_SYS_STOP,    HM_SYS_POISON,
					 HM_SYS_WATCH,       HM_SYS_UNWATCH, HM_SYS_TERMINATED,
					 HM_SYS_UNDELIVERED, HM_TOUCH,       HM_TOUCHED };
	struct fixture *f = fixture_create("");
	uint64_t malformed = 0;

	for (uint32_t system = 1; system < 300; system++) {
		struct hmi_envelope envelope = { .to = 0xffffffffffffffu, .system = system };
		bool known = false;

		for (size_t i = 0; i < RTE_DIM(good); i++)
			known |= good[i] == system;
		if (known)
			continue;
		envelope_put(f, &envelope);
		malformed++;
		cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_MALFORMED), malformed, "system %u", system);
	}
	/* Its low bits are those of a good one. */
	for (uint32_t system = 65536; system < 65536 + 30; system++) {
		struct hmi_envelope envelope = { .to = 0xffffffffffffffu, .system = system };

		envelope_put(f, &envelope);
		cr_assert_eq(pair_dead(f->lone->sys, HM_DEAD_MALFORMED), ++malformed, "system %u", system);
	}
	lone_destroy(f->lone);
}

/* ---- Answers that wait ---------------------------------------------------------------------------- */

/* As envelope_put; what the node sends is of no interest. */
static void
request_put(struct fixture *f, const struct hmi_envelope *request)
{
	envelope_put(f, request);
	lone_forget(f->lone);
}

Test(net_answers, answers__as_many_as_may_wait_and_no_more)
{
	struct fixture *f = fixture_create("");
	struct hmi_envelope request = resolve_request("/user");
	uint32_t kept;

	/* The peer acknowledges nothing and grants nothing: the session fills, then the backlog. */
	lone_lane(f->lone, 0)->tx_limit = f->peer.limit = 1;
	for (int i = 0; i < 100000 && lone_stats(f->lone, "s3").messages_backlogged < ANSWERS_MAX; i++)
		request_put(f, &request);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_backlogged, ANSWERS_MAX);
	kept = lone_net(f->lone)->frames_kept;
	for (int i = 0; i < 100; i++)
		request_put(f, &request);
	cr_assert_eq(lone_stats(f->lone, "s3").messages_backlogged, ANSWERS_MAX);
	cr_assert_eq(lone_net(f->lone)->frames_kept, kept);
	cr_assert_eq(lone_net(f->lone)->peers[0]->backlog.system_count, ANSWERS_MAX);
	lone_destroy(f->lone);
}

/* ---- The peer's own limits ------------------------------------------------------------------------ */

/* Open a session with a station that takes `bytes`. Returns what the node takes for their limit. */
static uint32_t
payload_of(struct fixture *f, uint8_t host, uint32_t bytes)
{
	struct hmi_handshake hello = lone_says(host);
	struct hmi_net *net = lone_net(f->lone);

	hello.max_payload = bytes;
	lone_shake(f->lone, host, HMI_HELLO, 0, &hello);
	/* In memory there is no path to be congested. */
	cr_assert_eq(net->peers[net->peers_count - 1]->session.congestion.kind, HMI_CONGESTION_NONE);
	/* Nor does congestion control believe more. */
	cr_assert_eq(net->peers[net->peers_count - 1]->session.packet_bytes,
		     net->peers[net->peers_count - 1]->payload_max);
	return net->peers[net->peers_count - 1]->payload_max;
}

Test(net_answers, payload__smaller_of_the_two_sides)
{
	struct fixture *f = fixture_create("");

	cr_assert_eq(payload_of(f, 4, 508), 508);
	cr_assert_eq(payload_of(f, 5, LONE_BYTES - 1), LONE_BYTES - 1);
	cr_assert_eq(payload_of(f, 6, LONE_BYTES), LONE_BYTES);
	cr_assert_eq(payload_of(f, 7, LONE_BYTES + 1), LONE_BYTES);
	cr_assert_eq(payload_of(f, 8, UINT32_MAX), LONE_BYTES);
	lone_destroy(f->lone);
}

/* ---- Neighbours ------------------------------------------------------------------------------------ */

/* An ARP packet of a station about an address. */
static void
arp_put(struct fixture *f, const struct rte_ether_addr *mac, uint8_t about)
{
	struct rte_ether_addr all = { { 255, 255, 255, 255, 255, 255 } };
	struct rte_arp_hdr arp = { .arp_hardware = RTE_BE16(1),
				   .arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
				   .arp_hlen = 6,
				   .arp_plen = 4,
				   .arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST) };
	uint8_t frame[HMI_ARP_FRAME];

	arp.arp_data.arp_sha = *mac;
	arp.arp_data.arp_sip = arp.arp_data.arp_tip = lone_station(about).ip;
	(void)hmi_frame_ether_write(frame, mac, &all, RTE_ETHER_TYPE_ARP);
	memcpy(frame + RTE_ETHER_HDR_LEN, &arp, sizeof(arp));
	lone_frame(f->lone, frame, sizeof(frame));
	lone_pass(f->lone, LONE_MS);
}

Test(net_answers, neighbour__that_moved_is_sent_to_at_its_new_place)
{
	struct fixture *f = fixture_create("");
	struct rte_ether_addr moved = { { 2, 9, 9, 9, 9, 9 } }, before = lone_station(3).mac;
	struct hmi_envelope request = resolve_request("/user");
	const struct lone_packet *packet;

	lone_pass(f->lone, LONE_MS);
	lone_forget(f->lone);
	envelope_put(f, &request);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	cr_assert(rte_is_same_ether_addr(&packet->mac, &before));
	arp_put(f, &moved, 3);
	lone_forget(f->lone);
	envelope_put(f, &request);
	packet = lone_take_kind(f->lone, HMI_DATA);
	cr_assert_not_null(packet);
	cr_assert(rte_is_same_ether_addr(&packet->mac, &moved));
	lone_destroy(f->lone);
}

Test(net_answers, neighbour__with_the_nodes_address_is_told_so_and_counted)
{
	struct fixture *f = fixture_create("");
	struct rte_ether_addr rival = { { 2, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5 } };
	uint64_t arps, replies = pair_net(f->lone->sys).arp_replies;
	struct hmt_log log;

	/* The node has asked for the station's address by then. */
	lone_pass(f->lone, LONE_MS);
	arps = f->lone->arps;
	hmt_log_start(&log);
	arp_put(f, &rival, 1);
	cr_assert(hmt_log_has(&log, "address 10.0.0.1: another station, 02:a1:b2:c3:d4:e5,"), "%s",
		  hmt_log_text(&log));
	hmt_log_end(&log);
	cr_assert_eq(f->lone->arps, arps + 1);
	cr_assert_eq(pair_net(f->lone->sys).arp_replies, replies + 1);
	cr_assert_eq(lone_net(f->lone)->neigh.conflicts, 1);
	cr_assert_not(pair_net(f->lone->sys).address_taken);
	cr_assert_eq(lone_stats(f->lone, "s3").state, HM_NET_PEER_OPEN);
	lone_destroy(f->lone);
}

Test(net_answers, address__taken_by_another_station_until_it_is_free)
{
	struct fixture f = { .lone = lone_create_early("") };
	struct rte_ether_addr rival = { { 2, 9, 9, 9, 9, 9 } };

	lone_pass(f.lone, 30 * LONE_MS);
	arp_put(&f, &rival, 1);
	cr_assert(pair_net(f.lone->sys).address_taken);
	/* It keeps quiet for two seconds at least, and begins anew then. */
	f.lone->arps = 0;
	lone_pass(f.lone, 1990 * LONE_MS);
	cr_assert_eq(f.lone->arps, 0);
	cr_assert(pair_net(f.lone->sys).address_taken);
	lone_pass(f.lone, 1200 * LONE_MS);
	cr_assert_not(pair_net(f.lone->sys).address_taken);
	cr_assert_eq(f.lone->arps, 4);
	cr_assert_eq(lone_net(f.lone)->neigh.state, HMI_NEIGH_READY);
	lone_destroy(f.lone);
}
