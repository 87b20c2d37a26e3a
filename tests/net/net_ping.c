/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The kernel pings a node through net_tap, in a network namespace of its own: ARP and ICMP with a
 * station that is none of ours.
 */
#include "net_child.h"
#include "net_node.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define TAP     "hermod0"
#define HOST    "10.78.0.1"
#define NODE    "10.78.0.2"
#define PINGS   20
#define PAYLOAD 1400

static void
address_set(int fd, unsigned long request, const char *address)
{
	struct ifreq ifr = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&ifr.ifr_addr;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), TAP);
	in->sin_family = AF_INET;
	inet_pton(AF_INET, address, &in->sin_addr);
	if (ioctl(fd, request, &ifr) != 0)
		child_fail("address of " TAP ": %s", strerror(errno));
}

/* Give the kernel's end of the tap an address, and bring it up. */
static void
tap_configure(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };

	address_set(fd, SIOCSIFADDR, HOST);
	address_set(fd, SIOCSIFNETMASK, "255.255.255.0");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), TAP);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) != 0)
		child_fail("bring " TAP " up: %s", strerror(errno));
	close(fd);
}

static uint16_t
checksum(const uint8_t *data, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)data[i] << 8 | (i + 1 < length ? data[i + 1] : 0u);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Send one echo request and wait for its answer. Returns whether that came, and was whole. */
static bool
ping(int fd, uint16_t number, size_t payload)
{
	uint8_t packet[sizeof(struct icmphdr) + PAYLOAD], answer[2048];
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct icmphdr head = { .type = ICMP_ECHO };
	size_t length = sizeof(head) + payload;
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	inet_pton(AF_INET, NODE, &to.sin_addr);
	head.un.echo.id = htons(77);
	head.un.echo.sequence = htons(number);
	memset(packet, number, sizeof(packet));
	memcpy(packet, &head, sizeof(head));
	head.checksum = checksum(packet, length);
	memcpy(packet, &head, sizeof(head));
	if (sendto(fd, packet, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return false;
	while (poll(&ready, 1, 1000) > 0) {
		ssize_t got = recv(fd, answer, sizeof(answer), 0);
		struct iphdr ip;

		if (got < (ssize_t)(sizeof(ip) + length))
			continue;
		memcpy(&ip, answer, sizeof(ip));
		if (memcmp(answer + 4 * ip.ihl + 4, packet + 4, length - 4) == 0 &&
		    answer[4 * ip.ihl] == ICMP_ECHOREPLY)
			return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	char words[1024], eal[640], line[256];
	struct child node;
	int fd, answered = 0;

	if (strcmp(argv[0], "server") == 0)
		return node_main(argv[1], argc - 1, argv + 1);
	namespace_enter();
	if (access("/dev/net/tun", R_OK | W_OK) != 0) {
		fprintf(stderr, "skipped: /dev/net/tun: %s\n", strerror(errno));
		return HMT_SKIPPED;
	}
	child_eal(eal, sizeof(eal), "net_tap0,iface=" TAP);
	snprintf(words, sizeof(words), "server %s -- --node server --ip " NODE "/24", eal);
	child_start(&node, "server", words);
	child_expect(&node, "ready", line, sizeof(line));
	tap_configure();

	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd < 0)
		child_fail("raw socket: %s", strerror(errno));
	/* The node acquires its address first. */
	for (uint16_t tries = 0; tries < CHILD_SECONDS && !ping(fd, 1000, 56); tries++)
		;
	for (uint16_t n = 0; n < PINGS; n++)
		answered += ping(fd, n, n == 0 ? 0 : PAYLOAD / PINGS * n);
	if (answered < PINGS - 1)
		child_fail("%d of %d pings answered", answered, PINGS);
	if (child_stop(&node) != 0)
		child_fail("the node's exit status");
	fprintf(stderr, "passed: %d of %d pings answered\n", answered, PINGS);
	return 0;
}
