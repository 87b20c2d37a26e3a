/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a path names: on this node by the path table, on another one by asking the provider.
 */
#include <errno.h>

#include "ask_pvt.h"
#include "check_pvt.h"
#include "mark_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

static void
identity_post(struct hm_ctx *ctx, struct hm_pid to, const char *path)
{
	struct hm_msg *msg = hmi_control(&ctx->cache, HM_IDENTITY, sizeof(struct hm_identity));
	struct hm_identity *body = hm_msg_body_mut(msg);

	msg->flags = 0;
	if (hmi_path_find(&ctx->sys->paths, path, &body->pid) != 0)
		body->pid = hm_pid_none();
	(void)hmi_post(ctx, to, msg);
}

static int
resolve_remote(struct hm_ctx *ctx, const char *address, struct hm_pid reply_to)
{
	struct hm_system *sys = ctx->sys;
	size_t length = strlen(address) + 1;
	struct hm_msg *msg;

	if (sys->provider_ops == NULL || sys->provider_ops->resolve == NULL)
		return -ENETUNREACH;
	msg = hmi_control(&ctx->cache, HMI_COMMAND_RESOLVE, length);
	msg->sender = reply_to;
	memcpy(msg->body, address, length);
	(void)hmi_post(ctx, hmi_lcore_process(sys, sys->provider_lcore), msg);
	return 0;
}

/* "node/path" behind the scheme, both not empty and not too long. */
static bool
address_valid(const char *rest)
{
	const char *slash = strchr(rest, '/');

	return slash != NULL && slash > rest && slash - rest <= HM_NAME_MAX && slash[1] != '\0' &&
	       strlen(slash) < HM_PATH_MAX;
}

/* Whether "node/path" names this node. */
static bool
is_own(const struct hm_system *sys, const char *rest)
{
	size_t length = strlen(sys->options.node);

	return strncmp(rest, sys->options.node, length) == 0 && rest[length] == '/';
}

int
hm_resolve(struct hm_ctx *ctx, const char *address, uint64_t timeout_us, hm_reply_fn *on_reply, void *arg)
{
	size_t scheme = strlen(HMI_SCHEME);
	bool remote = address != NULL && strncmp(address, HMI_SCHEME, scheme) == 0;
	struct hmi_cell *cell;
	int rc = 0;

	if (ctx == NULL)
		return -EINVAL;
	hmi_check_ctx(ctx, "hm_resolve");
	if (address == NULL || on_reply == NULL || timeout_us == 0 ||
	    (remote ? !address_valid(address + scheme) : address[0] != '/' || strlen(address) >= HM_PATH_MAX))
		return -EINVAL;
	if (remote && is_own(ctx->sys, address + scheme)) {
		address = strchr(address + scheme, '/');
		remote = false;
	}
	HMI_MARKED(ctx);
	cell = hmi_future_ask(ctx, timeout_us, on_reply, arg);
	if (cell == NULL)
		return -ENOMEM;
	cell->future.expects = HM_IDENTITY;
	if (remote)
		rc = resolve_remote(ctx, address + scheme, hmi_pid_of(ctx, cell));
	else
		identity_post(ctx, hmi_pid_of(ctx, cell), address);
	if (rc != 0)
		hmi_future_undo(ctx, cell);
	return rc;
}

void
hmi_resolve_run(struct hm_ctx *ctx, const struct hm_msg *msg)
{
	const char *address = hm_msg_body(msg), *slash = strchr(address, '/');
	char node[HM_NAME_MAX + 1];

	memcpy(node, address, (size_t)(slash - address));
	node[slash - address] = '\0';
	if (ctx->sys->provider_ops->resolve(ctx->sys->provider, ctx, node, slash, msg->sender) != 0)
		hmi_control_post(ctx, msg->sender, hm_pid_none(), HM_SYS_UNDELIVERED);
}
