/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Two nodes in two network namespaces, over a veth pair and net_af_packet: the kernel's network
 * between them, which loses frames when it is busy.
 */
#include "net_child.h"
#include "net_node.h"

#include <net/if.h>

/* In the namespace of its own, wait for the veth's end that the test moves there. */
static void
link_wait(const char *name)
{
	double end = child_now() + CHILD_SECONDS;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("in namespace\n");
	while (if_nametoindex(name) == 0) {
		if (child_now() > end)
			child_fail("%s does not come", name);
		usleep(10000);
	}
	if (!shell("ip link set %s up", name))
		child_fail("%s does not come up", name);
}

static void
node_start(struct child *node, const char *role, const char *end, const char *rest)
{
	char words[1024], eal[640], vdev[128], line[256];

	snprintf(vdev, sizeof(vdev), "net_af_packet0,iface=%s", end);
	child_eal(eal, sizeof(eal), vdev);
	snprintf(words, sizeof(words), "%s %s -- --node %s --peer-timeout-ms 5000 %s", role, eal, role, rest);
	child_start(node, role, words);
	child_expect(node, "in namespace", line, sizeof(line));
	if (!shell("ip link set %s netns %d", end, node->pid))
		child_fail("%s into the namespace of %s", end, role);
	child_expect(node, "ready", line, sizeof(line));
}

int
main(int argc, char **argv)
{
	struct child server, client;
	char line[256];

	if (strcmp(argv[0], "server") == 0 || strcmp(argv[0], "client") == 0) {
		namespace_enter();
		link_wait(strcmp(argv[0], "server") == 0 ? "hermod-a" : "hermod-b");
		return node_main(argv[1], argc - 1, argv + 1);
	}
	namespace_enter();
	if (!shell("ip link add hermod-a type veth peer name hermod-b 2>/dev/null")) {
		fprintf(stderr, "skipped: no veth pair here, or no ip command\n");
		return HMT_SKIPPED;
	}
	node_start(&server, "server", "hermod-a", "--ip 10.79.0.1/24");
	node_start(&client, "client", "hermod-b", "--ip 10.79.0.2/24 --peer server@10.79.0.1");
	child_expect(&client, "answered", line, sizeof(line));
	child_expect(&client, "flowing", line, sizeof(line));
	child_expect(&server, "got", line, sizeof(line));
	child_kill(&server);
	child_expect(&client, "terminated 3", line, sizeof(line));
	if (child_stop(&client) != 0)
		child_fail("the client's exit status");
	fprintf(stderr, "passed\n");
	return 0;
}
