/* SPDX-License-Identifier: Apache-2.0 */
#include "remote_veth.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS 2

/* run `ip` with up to eight words */
static int
ip(const char *const *words)
{
	char *argv[10] = { (char *)(uintptr_t) "ip" };
	int status, count = 1;
	pid_t pid;

	for (; *words != NULL && count < 9; words++)
		argv[count++] = (char *)(uintptr_t)*words;
	status = posix_spawnp(&pid, "ip", NULL, NULL, argv, environ);
	if (status != 0) {
		fprintf(stderr,
			"cannot run ip, which makes the veth pairs: %s; it is in the package iproute2\n",
			strerror(status));
		return -1;
	}
	waitpid(pid, &status, 0);
	return status == 0 ? 0 : -1;
}

/* keeps the kernel from sending router solicitations on the benchmark's links */
static void
ipv6_disable(void)
{
	static const char *const paths[] = {
		"/proc/sys/net/ipv6/conf/all/disable_ipv6",
		"/proc/sys/net/ipv6/conf/default/disable_ipv6",
	};

	for (int i = 0; i < 2; i++) {
		int fd = open(paths[i], O_WRONLY);

		if (fd < 0)
			continue;
		/* without IPv6 in the kernel these files do not exist */
		if (write(fd, "1", 1) != 1)
			fprintf(stderr, "cannot write %s\n", paths[i]);
		close(fd);
	}
}

static int
namespace_enter(void)
{
	if (unshare(CLONE_NEWNET) != 0) {
		fprintf(stderr, "cannot make a network namespace: %s; root may\n", strerror(errno));
		return -1;
	}
	ipv6_disable();
	return 0;
}

static int
link_up(const char *prefix, int number)
{
	char name[16];

	snprintf(name, sizeof(name), "%s%d", prefix, number);
	return ip((const char *const[]){ "link", "set", name, "up", NULL });
}

int
remote_veth_make(void)
{
	if (namespace_enter() != 0)
		return -1;
	for (int i = 0; i < PAIRS; i++) {
		char near[16], far[16];

		snprintf(near, sizeof(near), "%s%d", REMOTE_VETH_DRIVER, i);
		snprintf(far, sizeof(far), "%s%d", REMOTE_VETH_ECHO, i);
		if (ip((const char *const[]){ "link", "add", near, "type", "veth", "peer", far, NULL }) != 0)
			return -1;
	}
	return 0;
}

int
remote_veth_pipes_open(struct remote_veth_pipes *pipes)
{
	if (pipe2(pipes->entered, O_CLOEXEC) == 0 && pipe2(pipes->moved, O_CLOEXEC) == 0)
		return 0;
	fprintf(stderr, "cannot make a pipe: %s\n", strerror(errno));
	return -1;
}

int
remote_veth_enter(const struct remote_veth_pipes *pipes)
{
	char word;

	if (namespace_enter() != 0 || write(pipes->entered[1], "h", 1) != 1 ||
	    read(pipes->moved[0], &word, 1) != 1)
		return -1;
	for (int i = 0; i < PAIRS; i++) {
		if (link_up(REMOTE_VETH_ECHO, i) != 0)
			return -1;
	}
	return 0;
}

static int
ends_move(pid_t child)
{
	char to[16];

	snprintf(to, sizeof(to), "%d", (int)child);
	for (int i = 0; i < PAIRS; i++) {
		char far[16];

		snprintf(far, sizeof(far), "%s%d", REMOTE_VETH_ECHO, i);
		if (ip((const char *const[]){ "link", "set", far, "netns", to, NULL }) != 0 ||
		    link_up(REMOTE_VETH_DRIVER, i) != 0)
			return -1;
	}
	return 0;
}

int
remote_veth_hand_over(const struct remote_veth_pipes *pipes, pid_t child)
{
	int status = -1;
	char word;

	/* closed here, so that the read below fails if the child ends early */
	close(pipes->entered[1]);
	if (read(pipes->entered[0], &word, 1) == 1 && ends_move(child) == 0 &&
	    write(pipes->moved[1], "g", 1) == 1)
		status = 0;
	close(pipes->entered[0]);
	close(pipes->moved[0]);
	close(pipes->moved[1]);
	return status;
}
