/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <string.h>

#include "messages.h"
#include "session.h"
#include "shard.h"

struct service {
	struct service_config config;
	struct hm_pid shards;
	uint32_t sessions;
	bool is_closing; /* it ends with its last session */
};

/* ---- The router ----------------------------------------------------------------------------- */

/* On any lcore, so it reads the message and nothing else. */
static uint64_t
key_of(const struct hm_msg *msg, void *arg)
{
	const char *key = "";

	(void)arg;
	switch (hm_msg_type(msg)) {
	case kv_put:
		key = kv_put_body(msg)->key;
		break;
	case kv_get:
		key = kv_get_body(msg)->key;
		break;
	case kv_delete:
		key = kv_delete_body(msg)->key;
		break;
	case kv_break:
		key = kv_break_body(msg)->key;
		break;
	default:
		break;
	}
	return hm_key(key, strlen(key));
}

static void
on_started(struct hm_ctx *ctx, struct service *service)
{
	struct service_config *config = &service->config;
	struct shard_args args;
	struct hm_router router = {
		.kind = HM_ROUTER_HASH,
		.props = &shard_props,
		.args = &args,
		.supervisor = &shard_supervisor,
		.key = key_of,
	};

	if (config->shards == 0)
		config->shards = hm_system_lcores_shared(hm_system(ctx));
	if (config->shards > KV_SHARDS_MAX)
		config->shards = KV_SHARDS_MAX;
	args.bytes_max = config->bytes_max / config->shards;
	router.size = config->shards;
	if (hm_router_spawn(ctx, &router, "shards", &service->shards) != 0)
		hm_fail(ctx, "no shards");
}

/* ---- Sessions --------------------------------------------------------------------------------- */

static void
on_connect(struct hm_ctx *ctx, struct service *service, const struct kv_connecting *connecting)
{
	struct session_args args = { .answers = connecting->answers,
				     .shards = service->shards,
				     .timeout_us = service->config.timeout_us };
	struct kv_connection connection = { .session = hm_pid_none() };

	if (!service->is_closing && service->sessions < service->config.sessions_max &&
	    hm_spawn(ctx, &session_props, NULL, &args, &connection.session) == 0)
		service->sessions++;
	(void)kv_connected_respond(ctx, &connection);
}

static void
end_if_done(struct hm_ctx *ctx, const struct service *service)
{
	if (service->is_closing && service->sessions == 0)
		hm_stop(ctx, hm_self(ctx));
}

/* Its children are sessions, and the router, without which it can do nothing. */
static void
on_terminated(struct hm_ctx *ctx, struct service *service, const struct hm_terminated *terminated)
{
	if (hm_pid_equal(terminated->who, service->shards)) {
		hm_stop(ctx, hm_self(ctx));
		return;
	}
	service->sessions--;
	end_if_done(ctx, service);
}

/* Sessions end with their last answers. */
static void
on_close(struct hm_ctx *ctx, struct service *service)
{
	struct hm_child_iter iter = { 0 };
	struct hm_pid child;

	service->is_closing = true;
	while (hm_child_next(ctx, &iter, &child))
		if (!hm_pid_equal(child, service->shards))
			(void)kv_close_send(ctx, child);
	end_if_done(ctx, service);
}

/* clang-format off */
HM_RECEIVE(receive, struct service,
	HM_ON_EMPTY(HM_STARTED, on_started)
	HM_ON(kv_connect, on_connect)
	HM_ON_EMPTY(kv_close, on_close)
	HM_ON(HM_TERMINATED, on_terminated));
/* clang-format on */

/* ---- The stop of the system ---------------------------------------------------------------------- */

static void
drain_started(struct hm_ctx *ctx, const struct hm_pid *service)
{
	(void)hm_watch(ctx, *service);
	(void)kv_close_send(ctx, *service);
}

static void
drain_terminated(struct hm_ctx *ctx, const struct hm_pid *service, const struct hm_terminated *terminated)
{
	(void)service;
	(void)terminated;
	hm_stop(ctx, hm_self(ctx));
}

HM_RECEIVE(drain_receive, struct hm_pid,
	   HM_ON_EMPTY(HM_STARTED, drain_started) HM_ON(HM_TERMINATED, drain_terminated));

/* The phase ends with this actor. */
static int
drain_add(struct hm_system *sys, struct hm_pid service)
{
	static const struct hm_props props = { .receive = drain_receive,
					       .state_size = sizeof(struct hm_pid),
					       .args_size = sizeof(struct hm_pid) };
	struct hm_shutdown_task task = {
		.phase = HM_SHUTDOWN_DRAIN, .name = "kv-drain", .spawn = &props, .args = &service
	};

	return hm_shutdown_add(sys, &task, NULL);
}

int
service_start(struct hm_system *sys, const struct service_config *config, struct hm_pid *service)
{
	/* The client of a session that fails finds the end of its stream, and may open another one. */
	static const struct hm_supervisor supervisor = { .directive = HM_DIRECTIVE_STOP };
	static const struct hm_props props = {
		.receive = receive,
		.state_size = sizeof(struct service),
		.args_size = sizeof(struct service_config),
		.supervisor = &supervisor,
	};
	int rc = kv_register(sys);

	if (rc == 0)
		rc = hm_system_spawn(sys, &props, "kv", config, service);
	return rc == 0 ? drain_add(sys, *service) : rc;
}
