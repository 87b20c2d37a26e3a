/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Options of the network at their least and greatest, and what each refusal says.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "test_net_pair.h"

#include <rte_common.h>

#include "frame_pvt.h"
#include "header_pvt.h"
#include "options_pvt.h"
#include "remote_pvt.h"

#define WORDS_MAX 80

/* A system that is only a name and the module's state: enough for its options. */
struct fixture {
	struct hm_system *sys;
	struct hmi_remote *remote;
	struct hmi_address own;
};

static struct fixture
fixture_create(void)
{
	struct fixture f = { .sys = calloc(1, sizeof(*f.sys)) };
	void *self = NULL;

	cr_assert_not_null(f.sys);
	hmi_options_default(&f.sys->options, NULL);
	cr_assert_eq(hm_net_module.create(f.sys, &self), 0);
	f.sys->modules[0].module = &hm_net_module;
	f.sys->modules[0].self = self;
	f.sys->modules_count = 1;
	f.remote = self;
	return f;
}

static void
fixture_destroy(struct fixture *f)
{
	hm_net_module.destroy(f->remote);
	free(f->sys);
}

/* Read options, and check them. Returns the first status that is not 0. */
static int
words_read(struct fixture *f, const char *words)
{
	static char texts[8][4096];
	static unsigned int used;
	char *argv[WORDS_MAX], *text = texts[used++ % 8], *rest = NULL;
	int argc = 0, rc;

	snprintf(text, sizeof(texts[0]), "%s", words);
	for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		cr_assert_lt(argc, WORDS_MAX - 1);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	rc = hmi_options_parse(f->sys, argc, argv);
	return rc != 0 ? rc : hmi_net_options_check(f->remote, &f->own);
}

/* As words_read, with what was printed in `said`. */
static int
words_read_loud(struct fixture *f, const char *words, char *said, size_t size)
{
	int before = dup(STDERR_FILENO), rc;
	FILE *file = tmpfile();
	size_t length;

	cr_assert_not_null(file);
	fflush(stderr);
	cr_assert_geq(dup2(fileno(file), STDERR_FILENO), 0);
	rc = words_read(f, words);
	fflush(stderr);
	cr_assert_geq(dup2(before, STDERR_FILENO), 0);
	close(before);
	rewind(file);
	length = fread(said, 1, size - 1, file);
	said[length] = '\0';
	fclose(file);
	return rc;
}

/* ---- Numbers ------------------------------------------------------------------------------------ */

/* An option that takes a number, its limits, and where it goes. */
struct limit {
	const char *name;
	uint64_t least, greatest, usual;
	size_t offset;
};

#define AT(member) offsetof(struct hmi_net_options, member)

static const struct limit limits[] = {
	{ "udp-port", 1, 65535, 17355, AT(udp_port) },
	{ "net-lcore", 0, HM_LCORES_MAX - 1, 0, AT(net_lcore) },
	{ "mtu", 576, 9600, 0, AT(mtu) },
	{ "rx-desc", 64, 16384, 1024, AT(rx_desc) },
	{ "tx-desc", 64, 16384, 1024, AT(tx_desc) },
	{ "peer-timeout-ms", 10, 3600000, 1000, AT(peer_timeout_ms) },
	{ "peer-queue", 0, 16777216, 8192, AT(peer_queue) },
	{ "fault-drop", 0, 10000, 0, AT(faults.drop) },
	{ "fault-duplicate", 0, 10000, 0, AT(faults.duplicate) },
	{ "fault-reorder", 0, 10000, 0, AT(faults.reorder) },
	{ "fault-corrupt", 0, 10000, 0, AT(faults.corrupt) },
	{ "fault-corrupt-bits", 1, 64, 1, AT(faults.corrupt_bits) },
	{ "fault-delay-us", 0, 1000000, 0, AT(fault_delay_us) },
	{ "fault-seed", 0, UINT64_MAX, 1, AT(faults.seed) },
};

static uint64_t
value_of(const struct fixture *f, const struct limit *limit)
{
	uint64_t value;

	memcpy(&value, (const uint8_t *)&f->remote->options + limit->offset, sizeof(value));
	return value;
}

/* Give an option a value. Returns the status. */
static int
number_read(struct fixture *f, const struct limit *limit, uint64_t value, char *said, size_t size)
{
	char words[128];

	snprintf(words, sizeof(words), "--ip 10.0.0.1/24 --%s %lu", limit->name, value);
	return words_read_loud(f, words, said, size);
}

Test(net_options, numbers__least_greatest_and_one_beyond)
{
	char said[512];

	for (size_t i = 0; i < RTE_DIM(limits); i++) {
		const struct limit *limit = &limits[i];
		struct fixture f = fixture_create();

		cr_assert_eq(value_of(&f, limit), limit->usual, "--%s", limit->name);
		cr_assert_eq(number_read(&f, limit, limit->least, said, sizeof(said)), 0, "%s", said);
		cr_assert_eq(value_of(&f, limit), limit->least, "--%s", limit->name);
		cr_assert_eq(number_read(&f, limit, limit->greatest, said, sizeof(said)), 0, "%s", said);
		cr_assert_eq(value_of(&f, limit), limit->greatest, "--%s", limit->name);
		if (limit->least > 0) {
			cr_assert_eq(number_read(&f, limit, limit->least - 1, said, sizeof(said)), -EINVAL);
			cr_assert_not_null(strstr(said, limit->name), "%s", said);
		}
		if (limit->greatest < UINT64_MAX) {
			cr_assert_eq(number_read(&f, limit, limit->greatest + 1, said, sizeof(said)),
				     -EINVAL);
			cr_assert_not_null(strstr(said, limit->name), "%s", said);
		}
		cr_assert_eq(value_of(&f, limit), limit->greatest, "--%s: refused, but taken", limit->name);
		fixture_destroy(&f);
	}
}

Test(net_options, numbers__every_option_of_the_module_is_checked_here)
{
	struct fixture f = fixture_create();
	const struct hm_option *option = hm_net_module.options(f.remote);
	size_t numbers = 0;

	for (; option->name != NULL; option++) {
		cr_assert_not_null(option->help, "--%s", option->name);
		numbers += option->kind == HM_OPTION_NUMBER;
	}
	cr_assert_eq(numbers, RTE_DIM(limits));
	fixture_destroy(&f);
}

/* ---- --ip ----------------------------------------------------------------------------------------- */

Test(net_options, ip__lengths_of_a_network)
{
	char words[64];

	for (uint32_t bits = 1; bits <= 32; bits++) {
		struct fixture f = fixture_create();

		snprintf(words, sizeof(words), "--ip 10.85.85.85/%u", bits);
		cr_assert_eq(words_read(&f, words), 0, "%s", words);
		cr_assert_eq(f.own.ip, RTE_BE32(0x0a555555));
		cr_assert_eq(f.own.mask, UINT32_MAX << (32 - bits));
		cr_assert_eq(f.own.udp_port, rte_cpu_to_be_16(HMI_UDP_PORT));
		fixture_destroy(&f);
	}
}

/* What is refused, and what is said of it. */
struct wrong {
	const char *words, *said;
};

static void
wrongs_check(const struct wrong *wrongs, size_t count)
{
	char said[1024];

	for (size_t i = 0; i < count; i++) {
		struct fixture f = fixture_create();

		f.sys->options.node = "a";
		cr_assert_eq(words_read_loud(&f, wrongs[i].words, said, sizeof(said)), -EINVAL, "%s",
			     wrongs[i].words);
		cr_assert_str_eq(said, wrongs[i].said, "%s: %s", wrongs[i].words, said);
		fixture_destroy(&f);
	}
}

Test(net_options, ip__what_is_refused_and_how)
{
	static const struct wrong wrongs[] = {
		{ "", "hermod: --ip A.B.C.D/LEN is missing: give this node an address on its port\n" },
		{ "--ip 10.0.0.1",
		  "hermod: --ip 10.0.0.1: not of the form A.B.C.D/LEN, with LEN from 1 to 32\n" },
		{ "--ip 10.0.0.1/",
		  "hermod: --ip 10.0.0.1/: not of the form A.B.C.D/LEN, with LEN from 1 to 32\n" },
		{ "--ip 10.0.0.1/33",
		  "hermod: --ip 10.0.0.1/33: not of the form A.B.C.D/LEN, with LEN from 1 to 32\n" },
		{ "--ip 10.0.0.1/-1",
		  "hermod: --ip 10.0.0.1/-1: not of the form A.B.C.D/LEN, with LEN from 1 to 32\n" },
		{ "--ip 10.0.0.1.2/24",
		  "hermod: --ip 10.0.0.1.2/24: not of the form A.B.C.D/LEN, with LEN from 1 to 32\n" },
		{ "--ip 0.0.0.1/24",
		  "hermod: --ip 0.0.0.1/24: no node's address; give one from 1.0.0.0 to 223.255.255.255, but for 127\n" },
		{ "--ip 127.0.0.1/24",
		  "hermod: --ip 127.0.0.1/24: no node's address; give one from 1.0.0.0 to 223.255.255.255, but for 127\n" },
		{ "--ip 255.255.255.255/24",
		  "hermod: --ip 255.255.255.255/24: no node's address; give one from 1.0.0.0 to 223.255.255.255, but for 127\n" },
		{ "--ip 10.0.0.0/30",
		  "hermod: --ip 10.0.0.0/30: the first and the last address of a network are no node's; give one between them\n" },
		{ "--ip 10.0.0.3/30",
		  "hermod: --ip 10.0.0.3/30: the first and the last address of a network are no node's; give one between them\n" },
	};

	wrongs_check(wrongs, RTE_DIM(wrongs));
}

Test(net_options, ip__both_addresses_of_a_31_are_stations)
{
	struct fixture f = fixture_create();

	cr_assert_eq(words_read(&f, "--ip 10.0.0.0/31 --peer b@10.0.0.1"), 0);
	fixture_destroy(&f);
	f = fixture_create();
	cr_assert_eq(words_read(&f, "--ip 10.0.0.1/31 --peer b@10.0.0.0"), 0);
	fixture_destroy(&f);
}

/* ---- --packet-crc ---------------------------------------------------------------------------------- */

Test(net_options, packet_crc__each_word_and_no_other)
{
	static const struct wrong wrongs[] = {
		{ "--ip 10.0.0.1/24 --packet-crc yes",
		  "hermod: --packet-crc yes: neither on, off nor auto; give one of these\n" },
		{ "--ip 10.0.0.1/24 --packet-crc ON",
		  "hermod: --packet-crc ON: neither on, off nor auto; give one of these\n" },
		{ "--ip 10.0.0.1/24 --packet-crc=",
		  "hermod: --packet-crc : neither on, off nor auto; give one of these\n" },
	};
	static const char *const words[] = { "auto", "on", "off" };
	char line[64];

	for (unsigned int i = 0; i < RTE_DIM(words); i++) {
		struct fixture f = fixture_create();

		snprintf(line, sizeof(line), "--ip 10.0.0.1/24 --packet-crc %s", words[i]);
		cr_assert_eq(words_read(&f, line), 0);
		cr_assert_eq((unsigned int)f.remote->options.crc, i);
		fixture_destroy(&f);
	}
	wrongs_check(wrongs, RTE_DIM(wrongs));
}

/* ---- --peer --------------------------------------------------------------------------------------- */

Test(net_options, peer__what_is_refused_and_how)
{
	static const struct wrong wrongs[] = {
		{ "--peer b",
		  "hermod: --peer b: not of the form NAME@A.B.C.D[:UDPPORT], with UDPPORT from 1 to 65535\n" },
		{ "--peer @10.0.0.2",
		  "hermod: --peer @10.0.0.2: not of the form NAME@A.B.C.D[:UDPPORT], with UDPPORT from 1 to 65535\n" },
		{ "--peer b@",
		  "hermod: --peer b@: not of the form NAME@A.B.C.D[:UDPPORT], with UDPPORT from 1 to 65535\n" },
		{ "--peer b@10.0.0.2:",
		  "hermod: --peer b@10.0.0.2:: not of the form NAME@A.B.C.D[:UDPPORT], with UDPPORT from 1 to 65535\n" },
		{ "--peer b@10.0.0.2:0",
		  "hermod: --peer b@10.0.0.2:0: not of the form NAME@A.B.C.D[:UDPPORT], with UDPPORT from 1 to 65535\n" },
		{ "--peer b@10.0.0.2:1x",
		  "hermod: --peer b@10.0.0.2:1x: not of the form NAME@A.B.C.D[:UDPPORT], with UDPPORT from 1 to 65535\n" },
		{ "--peer b@10.0.0.2/24",
		  "hermod: --peer b@10.0.0.2/24: not of the form NAME@A.B.C.D[:UDPPORT], with UDPPORT from 1 to 65535\n" },
		{ "--peer b@127.0.0.1",
		  "hermod: --peer b@127.0.0.1: no node's address; give one from 1.0.0.0 to 223.255.255.255, but for 127\n" },
		{ "--peer b@224.0.0.1",
		  "hermod: --peer b@224.0.0.1: no node's address; give one from 1.0.0.0 to 223.255.255.255, but for 127\n" },
		{ "--peer b!@10.0.0.2",
		  "hermod: --peer b!@10.0.0.2: no node's name; give what its --node says: up to 64 letters, digits, or -_.~+@\n" },
		{ "--peer b@10.0.0.2 --peer b@10.0.0.3",
		  "hermod: --peer b@10.0.0.3: a peer of that name or address was given before; give each once\n" },
		{ "--peer b@10.0.0.2:5 --peer c@10.0.0.2:5",
		  "hermod: --peer c@10.0.0.2:5: a peer of that name or address was given before; give each once\n" },
		{ "--ip 10.0.0.1/24 --peer a@10.0.0.2",
		  "hermod: --peer a: this node's own name; give it another by --node\n" },
		{ "--ip 10.0.0.1/24 --peer b@10.0.0.1:5",
		  "hermod: --peer b: this node's own address; give the peer's, or another --ip\n" },
		{ "--ip 10.0.0.1/24 --peer b@10.0.1.2",
		  "hermod: --peer b: not in the network of --ip 10.0.0.1/24; give addresses of one network, or a shorter LEN\n" },
		{ "--ip 10.0.0.1/24 --peer b@10.0.0.255",
		  "hermod: --peer b: the first and the last address of a network are no node's; give one between them\n" },
		{ "--ip 10.0.0.1/24 --peer c@10.0.0.3 --peer b@10.0.0.0",
		  "hermod: --peer b: the first and the last address of a network are no node's; give one between them\n" },
	};

	wrongs_check(wrongs, RTE_DIM(wrongs));
}

Test(net_options, peer__as_many_as_there_may_be_and_one_more)
{
	struct fixture f = fixture_create();
	char words[64], said[512];

	for (uint32_t i = 0; i < HM_NET_PEERS_MAX; i++) {
		snprintf(words, sizeof(words), "--ip 10.0.0.1/24 --peer p%u@10.0.0.%u", i, i + 2);
		cr_assert_eq(words_read(&f, words), 0, "%s", words);
	}
	cr_assert_eq(words_read_loud(&f, "--peer more@10.0.0.200", said, sizeof(said)), -EINVAL);
	cr_assert_str_eq(
		said,
		"hermod: --peer more@10.0.0.200: more than 64 peers; leave out those that have this node as --peer\n");
	cr_assert_eq(f.remote->net.peers_count, HM_NET_PEERS_MAX);
	fixture_destroy(&f);
}

Test(net_options, peer__ports_least_greatest_and_the_nodes_own)
{
	struct fixture f = fixture_create();
	struct hmi_peer **peers = f.remote->net.peers;

	cr_assert_eq(words_read(&f,
				"--ip 10.0.0.1/24 --udp-port 99 --peer b@10.0.0.2:1 --peer c@10.0.0.3:65535 "
				"--peer d@10.0.0.4"),
		     0);
	cr_assert_eq(f.own.udp_port, RTE_BE16(99));
	cr_assert_eq(peers[0]->address.udp_port, RTE_BE16(1));
	cr_assert_eq(peers[1]->address.udp_port, RTE_BE16(65535));
	cr_assert_eq(peers[2]->address.udp_port, RTE_BE16(99));
	cr_assert_str_eq(peers[2]->name, "d");
	cr_assert(peers[2]->configured);
	fixture_destroy(&f);
}

Test(net_options, peer__name_that_has_an_at_sign)
{
	struct fixture f = fixture_create();

	/* The last one stands in front of the address. */
	cr_assert_eq(words_read(&f, "--ip 10.0.0.1/24 --peer b@home@10.0.0.2"), 0);
	cr_assert_str_eq(f.remote->net.peers[0]->name, "b@home");
	fixture_destroy(&f);
}

Test(net_options, peer__longest_name_and_one_letter_more)
{
	struct fixture f = fixture_create();
	char words[128], name[HMI_NODE_NAME_MAX + 2], said[512];

	memset(name, 'n', sizeof(name));
	name[HMI_NODE_NAME_MAX + 1] = '\0';
	snprintf(words, sizeof(words), "--ip 10.0.0.1/24 --peer %s@10.0.0.2", name);
	cr_assert_eq(words_read_loud(&f, words, said, sizeof(said)), -EINVAL);
	cr_assert_not_null(strstr(said, "up to 64 letters"), "%s", said);
	name[HMI_NODE_NAME_MAX] = '\0';
	snprintf(words, sizeof(words), "--ip 10.0.0.1/24 --peer %s@10.0.0.2", name);
	cr_assert_eq(words_read(&f, words), 0);
	cr_assert_str_eq(f.remote->net.peers[0]->name, name);
	fixture_destroy(&f);
}

Test(net_options, wanted__by_a_port_an_address_or_a_peer)
{
	static const char *const words[] = { "--port x --ip 10.0.0.1/24", "--ip 10.0.0.1/24",
					     "--ip 10.0.0.1/24 --peer b@10.0.0.2" };
	struct fixture f = fixture_create();

	cr_assert_not(hmi_net_options_wanted(f.remote));
	fixture_destroy(&f);
	for (size_t i = 0; i < RTE_DIM(words); i++) {
		f = fixture_create();
		cr_assert_eq(words_read(&f, words[i]), 0);
		cr_assert(hmi_net_options_wanted(f.remote), "%s", words[i]);
		fixture_destroy(&f);
	}
}
