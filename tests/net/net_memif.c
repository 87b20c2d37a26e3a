/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Two nodes over memif: messages flow; one is killed in mid-flow, is mourned, and comes back; then
 * it stops in order.
 */
#include "net_child.h"
#include "net_node.h"

static void
server_start(struct child *server, const char *directory)
{
	char words[1024], eal[640], vdev[128], line[256];

	snprintf(vdev, sizeof(vdev), "net_memif0,role=server,socket=%s/memif", directory);
	child_eal(eal, sizeof(eal), vdev);
	snprintf(words, sizeof(words), "server %s -- --node server --ip 10.77.0.1/24 --peer-timeout-ms 2000",
		 eal);
	child_start(server, "server", words);
	child_expect(server, "ready", line, sizeof(line));
}

static void
client_start(struct child *client, const char *directory)
{
	char words[1024], eal[640], vdev[128], line[256];

	snprintf(vdev, sizeof(vdev), "net_memif0,role=client,socket=%s/memif", directory);
	child_eal(eal, sizeof(eal), vdev);
	snprintf(
		words, sizeof(words),
		"client %s -- --node client --ip 10.77.0.2/24 --peer server@10.77.0.1 --peer-timeout-ms 2000",
		eal);
	child_start(client, "client", words);
	child_expect(client, "ready", line, sizeof(line));
}

static void
flow_expect(struct child *client, struct child *server)
{
	char line[256];

	child_expect(client, "answered", line, sizeof(line));
	child_expect(client, "flowing", line, sizeof(line));
	child_expect(server, "got", line, sizeof(line));
}

/* "terminated REASON dead N" */
static unsigned long
terminated_expect(struct child *client, unsigned long reason)
{
	char line[256], *end;

	child_expect(client, "terminated", line, sizeof(line));
	if (strtoul(line + strlen("terminated "), &end, 10) != reason)
		child_fail("another reason than %lu: %s", reason, line);
	return strtoul(end + strlen(" dead "), NULL, 10);
}

int
main(int argc, char **argv)
{
	const char *directory;
	char line[256];
	struct child server, client;
	unsigned long dead;

	if (strcmp(argv[0], "server") == 0 || strcmp(argv[0], "client") == 0)
		return node_main(argv[1], argc - 1, argv + 1);

	directory = child_directory();
	server_start(&server, directory);
	client_start(&client, directory);
	flow_expect(&client, &server);

	/* Killed in mid-flow: what was on its way is accounted for. */
	child_kill(&server);
	dead = terminated_expect(&client, HM_TERMINATED_NODE_LOST);
	if (dead == 0)
		child_fail("no dead letters for what was not delivered");

	/* The next incarnation of the node. */
	server_start(&server, directory);
	flow_expect(&client, &server);

	/* In order: its sink stops, and says so, before the node goes. */
	if (child_stop(&server) != 0)
		child_fail("the server's exit status");
	terminated_expect(&client, HM_TERMINATED_STOPPED);

	/* And again, the client being the one that goes and comes. */
	server_start(&server, directory);
	flow_expect(&client, &server);
	child_kill(&client);
	client_start(&client, directory);
	child_expect(&client, "answered", line, sizeof(line));
	if (child_stop(&client) != 0 || child_stop(&server) != 0)
		child_fail("the exit status of a node that was asked to stop");
	fprintf(stderr, "passed\n");
	return 0;
}
