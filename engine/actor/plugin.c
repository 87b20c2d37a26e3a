/* SPDX-License-Identifier: Apache-2.0 */
#include "hm_plugin.h"

#include "check_pvt.h"
#include "lcore_pvt.h"

/* The plugin's part of the state; NULL: it has none. An actor whose state has no room for it fails, rather than others. */
static void *
mixin_of(struct hm_ctx *ctx, void *state, const struct hm_plugin *plugin)
{
	uint64_t end = (uint64_t)plugin->mixin_at + plugin->mixin_size;

	if (plugin->mixin_size == 0)
		return NULL;
	if (end > ctx->cell->actor.props->state_size)
		hm_fail(ctx, "the state has no room for what a plugin mixes in");
	return (char *)state + plugin->mixin_at;
}

void
hm_plugin_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg,
		  const struct hm_receive_next *next, void *arg)
{
	const struct hm_plugin *plugin = arg;
	void *mixin;

	hmi_check_ctx(ctx, "hm_plugin_receive");
	mixin = mixin_of(ctx, state, plugin);
	if (hm_msg_type(msg) != HM_STARTED) {
		if (plugin->on_message != NULL)
			plugin->on_message(ctx, mixin, msg, plugin->arg);
	} else if (plugin->on_start != NULL) {
		plugin->on_start(ctx, mixin, plugin->arg);
	}
	hm_receive_next(ctx, state, msg, next);
}
