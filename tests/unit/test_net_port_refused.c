/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A driver refuses: what is said of it names the port, the reason, and what helps.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "test_net_port.h"

TestSuite(net_port_refused, .init = port_eal_start, .timeout = 60);

/*
 * The program's own functions stand before those of DPDK's libraries, and refuse what the test says.
 */
static enum {
	NOTHING,
	INFORMATION,
	CONFIGURE,
	DESCRIPTORS,
	RX_QUEUE,
	TX_QUEUE,
	ADDRESS,
	START
} refused;

static uint16_t mtu_max;

/* DPDK's own function of a name. */
#define REAL(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

int
rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info)
{
	int rc = refused == INFORMATION ? -ENODEV : REAL(rte_eth_dev_info_get)(port, info);

	if (rc == 0 && mtu_max != 0)
		info->max_mtu = mtu_max;
	return rc;
}

int
rte_eth_dev_configure(uint16_t port, uint16_t rx_queues, uint16_t tx_queues, const struct rte_eth_conf *conf)
{
	return refused == CONFIGURE ? -EBUSY : REAL(rte_eth_dev_configure)(port, rx_queues, tx_queues, conf);
}

int
rte_eth_dev_adjust_nb_rx_tx_desc(uint16_t port, uint16_t *rx, uint16_t *tx)
{
	return refused == DESCRIPTORS ? -ENOTSUP : REAL(rte_eth_dev_adjust_nb_rx_tx_desc)(port, rx, tx);
}

int
rte_eth_rx_queue_setup(uint16_t port, uint16_t queue, uint16_t desc, unsigned int socket,
		       const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	return refused == RX_QUEUE ? -EINVAL
				   : REAL(rte_eth_rx_queue_setup)(port, queue, desc, socket, conf, pool);
}

int
rte_eth_tx_queue_setup(uint16_t port, uint16_t queue, uint16_t desc, unsigned int socket,
		       const struct rte_eth_txconf *conf)
{
	return refused == TX_QUEUE ? -ENOMEM : REAL(rte_eth_tx_queue_setup)(port, queue, desc, socket, conf);
}

int
rte_eth_macaddr_get(uint16_t port, struct rte_ether_addr *address)
{
	return refused == ADDRESS ? -ENODEV : REAL(rte_eth_macaddr_get)(port, address);
}

int
rte_eth_dev_start(uint16_t port)
{
	return refused == START ? -EBUSY : REAL(rte_eth_dev_start)(port);
}

/* Open the port of a wire whose driver refuses; *said: what was printed. */
static int
open_loud(const struct hmi_port_config *config, char *said, size_t size)
{
	int before = dup(STDERR_FILENO), rc;
	struct hmi_port *port = calloc(1, sizeof(*port));
	FILE *file = tmpfile();

	cr_assert(file != NULL && port != NULL);
	fflush(stderr);
	cr_assert_geq(dup2(fileno(file), STDERR_FILENO), 0);
	rc = hmi_port_open(port, config);
	fflush(stderr);
	cr_assert_geq(dup2(before, STDERR_FILENO), 0);
	close(before);
	rewind(file);
	said[fread(said, 1, size - 1, file)] = '\0';
	fclose(file);
	hmi_port_close(port);
	free(port);
	return rc;
}

static void
wire_create(void)
{
	struct rte_ring *ring = rte_ring_create("port_out", RING, SOCKET_ID_ANY, 0);

	cr_assert_not_null(ring);
	cr_assert_geq(rte_eth_from_rings("p", &ring, 1, &ring, 1, 0), 0);
}

#define OTHER "; choose another one by --port, or give its driver other arguments (EAL's --vdev or -a)\n"

Test(net_port_refused, open__what_the_driver_refuses_and_what_helps)
{
	static const struct {
		int refused, rc;
		const char *said;
	} cases[] = {
		{ INFORMATION, -EIO, "its driver does not tell what it can do: No such device" OTHER },
		{ CONFIGURE, -EIO, "its driver refuses one queue each way: Device or resource busy" OTHER },
		{ DESCRIPTORS, -EIO,
		  "its driver refuses the numbers of descriptors: Operation not supported; give others by "
		  "--rx-desc and --tx-desc, or another --port\n" },
		{ RX_QUEUE, -EIO,
		  "its driver refuses a queue of 64 descriptors: Invalid argument; give another number by "
		  "--rx-desc, or another --port\n" },
		{ TX_QUEUE, -ENOMEM,
		  "its driver refuses a queue of 128 descriptors: Cannot allocate memory; give another number by "
		  "--tx-desc, or another --port\n" },
		{ ADDRESS, -EIO, "its driver does not tell its Ethernet address: No such device" OTHER },
		{ START, -EIO,
		  "its driver does not start it: Device or resource busy; end what else uses the device, or "
		  "choose another one by --port\n" },
	};
	struct hmi_port_config config = config_plain();
	char said[1024];

	config.tx_desc = 128;
	wire_create();
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		refused = cases[i].refused;
		cr_assert_eq(open_loud(&config, said, sizeof(said)), cases[i].rc, "%s", cases[i].said);
		cr_assert_eq(strncmp(said, "hermod: port net_ring_p: ", 25), 0, "%s", said);
		cr_assert_str_eq(said + 25, cases[i].said);
	}
	refused = NOTHING;
	cr_assert_eq(open_loud(&config, said, sizeof(said)), 0);
	cr_assert_str_empty(said);
}

Test(net_port_refused, open__mtu)
{
	struct hmi_port_config config = config_plain();
	char said[1024];

	wire_create();
	mtu_max = 500;
	cr_assert_eq(open_loud(&config, said, sizeof(said)), -EIO);
	cr_assert_str_eq(
		said,
		"hermod: port net_ring_p: its MTU is 500, less than the 576 that the network needs; raise it "
		"(ip link set DEVICE mtu 1500), or choose another one by --port\n");
	mtu_max = 0;
	refused = CONFIGURE;
	config.mtu = 9000;
	cr_assert_eq(open_loud(&config, said, sizeof(said)), -EINVAL);
	cr_assert_str_eq(
		said, "hermod: --mtu 9000: port net_ring_p: Device or resource busy; give a smaller one, or "
		      "leave it out\n");
}

Test(net_port_refused, open__name_of_no_port)
{
	struct hmi_port_config config = config_plain();
	char said[1024];

	config.name = "eth7";
	cr_assert_eq(open_loud(&config, said, sizeof(said)), -ENODEV);
	cr_assert_str_eq(said, "hermod: --port eth7: no such port; there is none; make one by EAL's "
			       "--vdev or -a\n");
	wire_create();
	cr_assert_eq(open_loud(&config, said, sizeof(said)), -ENODEV);
	cr_assert_str_eq(said, "hermod: --port eth7: no such port; choose from net_ring_p\n");
}
