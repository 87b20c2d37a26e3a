/* SPDX-License-Identifier: Apache-2.0 */
#include "remote_node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "remote_pair.h"

#define LINK_MS        10000
#define LOOKUP_US      100000
#define LOOKUPS_MAX    100
#define ENTER_DELAY_US 300
#define GO_DELAY_US    1000
#define TIMEOUT_MS     3000

/* ---- driver -------------------------------------------------------------------------- */

static void
on_lookup(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *reply,
	  void *arg)
{
	struct remote *remote = arg;
	const struct hm_identity *identity = result == HM_FUTURE_REPLY ? hm_msg_body(reply) : NULL;

	(void)state;
	if (identity != NULL && !hm_pid_is_none(identity->pid)) {
		remote->echo_pid = identity->pid;
		if (hm_dead_letters_subscribe(hm_system(ctx), hm_self(ctx)) != 0)
			bench_node_fail(&remote->node, ctx, "cannot subscribe to dead letters");
		bench_node_check(&remote->node, ctx, hm_send(ctx, hm_self(ctx), REMOTE_FOUND, NULL));
	} else if (++remote->lookups < LOOKUPS_MAX) {
		remote_find(remote, ctx);
	} else {
		bench_node_fail(&remote->node, ctx, "the echo node cannot be reached");
	}
}

void
remote_find(struct remote *remote, struct hm_ctx *ctx)
{
	if (hm_resolve(ctx, "hermod://echo/user/echo", LOOKUP_US, on_lookup, remote) != 0)
		bench_node_fail(&remote->node, ctx, "cannot look for the echo node");
}

void
remote_driver_receive(struct remote *remote, struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const struct hm_dead_letter *letter = hm_msg_body(msg);

	/* A lost message is never answered, so the driver would wait for ever. Types of the engine are late
	 * answers to look-ups. */
	if (hm_msg_type(msg) != HM_DEAD_LETTER || letter->type < HM_TYPE_USER)
		return;
	bench_node_fail(&remote->node, ctx,
			letter->reason == HM_DEAD_NODE_BUSY
				? "more messages wait for the other process than --peer-queue allows"
				: hm_dead_reason_name((enum hm_dead_reason)letter->reason));
}

void
remote_limit_call(struct remote *remote, struct hm_ctx *ctx, bool stream)
{
	Hermod__Bench__Limit limit = HERMOD__BENCH__LIMIT__INIT;

	limit.stream = stream;
	bench_node_check(&remote->node, ctx, hm_send(ctx, remote->echo_pid, REMOTE_LIMIT, &limit));
	bench_node_check(&remote->node, ctx,
			 hm_send_after(ctx, hm_self(ctx), REMOTE_GO, NULL, GO_DELAY_US, 0, NULL));
}

void
remote_quit(struct remote *remote, struct hm_ctx *ctx)
{
	Hermod__Bench__Quit quit = HERMOD__BENCH__QUIT__INIT;

	hm_dead_letters_unsubscribe(hm_system(ctx), hm_self(ctx));
	bench_node_check(&remote->node, ctx, hm_send(ctx, remote->echo_pid, REMOTE_QUIT, &quit));
	hm_system_stop(hm_system(ctx));
}

/* ---- echo node ------------------------------------------------------------------------- */

static void
raw_loop_enter(struct remote *remote, struct hm_ctx *ctx)
{
	int status = remote->stream ? limit_stream_serve(remote->port, TIMEOUT_MS)
				    : limit_echo_serve(remote->port, TIMEOUT_MS);

	if (status != 0)
		bench_node_fail(&remote->node, ctx, "no raw frames come from the driver");
}

void
remote_echo_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct remote *remote = *(struct remote **)state;

	switch (hm_msg_type(msg)) {
	case REMOTE_LIMIT:
		remote->stream = ((const Hermod__Bench__Limit *)hm_msg_body(msg))->stream;
		bench_node_check(&remote->node, ctx,
				 hm_send_after(ctx, hm_self(ctx), REMOTE_ENTER, NULL, ENTER_DELAY_US, 0,
					       NULL));
		break;
	case REMOTE_ENTER:
		raw_loop_enter(remote, ctx);
		break;
	case REMOTE_QUIT:
		hm_system_stop(hm_system(ctx));
		break;
	default:
		break;
	}
}

/* ---- program ------------------------------------------------------------------------------ */

static int
types_register(struct remote *remote)
{
	const struct hm_type types[] = {
		{ .id = REMOTE_BALL, .descriptor = &hermod__bench__ball__descriptor },
		{ .id = REMOTE_LIMIT, .descriptor = &hermod__bench__limit__descriptor },
		{ .id = REMOTE_CREDIT, .descriptor = &hermod__bench__credit__descriptor },
		{ .id = REMOTE_QUIT, .descriptor = &hermod__bench__quit__descriptor },
		{ .id = REMOTE_FOUND, .name = "found" },
		{ .id = REMOTE_GO, .name = "go" },
		{ .id = REMOTE_ENTER, .name = "enter" },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		int status = hm_type_register(remote->node.sys, &types[i]);

		if (status != 0) {
			fprintf(stderr, "cannot register message type %u: %s\n", types[i].id,
				strerror(-status));
			return status;
		}
	}
	return 0;
}

/* the launcher starts the driver when both ports of the echo node are open: a memif client that starts
 * before its server never gets a link */
static int
ready_tell(const struct remote *remote)
{
	if (remote->ready_fd == 0)
		return 0;
	return write((int)remote->ready_fd, "r", 1) == 1 ? 0 : -errno;
}

static int
raw_port_open(struct remote *remote)
{
	char name[64];
	uint16_t id;
	int status;

	snprintf(name, sizeof(name), "net_%s1", remote->transport);
	status = rte_eth_dev_get_port_by_name(name, &id);
	if (status == 0)
		status = limit_port_open(&remote->port, id);
	if (status == 0)
		status = ready_tell(remote);
	if (status == 0)
		status = limit_port_wait(remote->port, LINK_MS);
	if (status != 0)
		fprintf(stderr, "cannot open port %s: %s\n", name, strerror(-status));
	return status;
}

static void
ball_init(struct remote *remote)
{
	uint32_t payload = remote->node.options.payload;

	hermod__bench__ball__init(&remote->ball);
	remote->ball.number = 1;
	remote->ball.body.data = remote->body;
	remote->ball.body.len = payload > REMOTE_BALL_OVERHEAD ? payload - REMOTE_BALL_OVERHEAD : 0;
}

static int
measure(struct bench_node *node, struct bench_row *row)
{
	struct remote *remote = (struct remote *)node;
	bool echo = strcmp(remote->role, "echo") == 0;
	int status = types_register(remote);

	ball_init(remote);
	if (remote->prepare != NULL)
		remote->prepare(remote);
	if (status == 0)
		status = raw_port_open(remote);
	if (status == 0)
		status = bench_node_run(node, remote->role, echo ? remote->echo : remote->driver, remote);
	if (status == 0 && !echo) {
		bench_row_init(row, remote->name, remote->unit);
		row->note = remote->note;
		if (remote->row_fill != NULL)
			remote->row_fill(remote, row);
	}
	limit_port_close(remote->port);
	return status;
}

static int
ready_fd_set(void *target, const char *value)
{
	return bench_parse_uint(value, 3, 1024, target);
}

int
remote_main(struct remote *remote, int argc, char **argv)
{
	static const struct hm_module *const modules[] = { &hm_net_module, NULL };
	const struct bench_option extras[] = {
		{ "transport", "NAME", "memif, af_xdp or af_packet (memif); the last two need root",
		  bench_set_text, &remote->transport },
		{ "role", "ROLE", "driver or echo, when started by hand; else both are started",
		  bench_set_text, &remote->role },
		{ "ready-fd", "N", "descriptor to write to when the ports are open, for the launcher",
		  ready_fd_set, &remote->ready_fd },
		{ NULL, NULL, NULL, NULL, NULL },
	};

	if (remote_pair_is_meant(argc, argv))
		return remote_pair_run(argc, argv);
	remote->transport = "memif";
	remote->role = "driver";
	remote->node.modules = modules;
	remote->node.extras = extras;
	return bench_node_main(&remote->node, argc, argv, measure);
}
