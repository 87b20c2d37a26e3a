/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fan-out and fan-in: a batch of requests for each message.
 */
#include "hm_fan.h"

#include <errno.h>
#include <string.h>

#include "check_pvt.h"
#include "mark_pvt.h"
#include "receive_pvt.h"

struct args {
	struct hm_fan config;
	struct hm_pid to[HM_FAN_MAX];
};

struct state {
	struct args args;
	uint32_t open; /* messages that wait for answers */
};

static void
on_end(struct hm_ctx *ctx, void *state, enum hm_future_result result, const struct hm_msg *replies, void *arg)
{
	struct state *s = state;

	(void)arg;
	s->open--;
	s->args.config.join(ctx, s->args.config.arg, result, replies);
}

static enum hm_result
fan_out(struct hm_ctx *ctx, const struct state *s, const struct hm_msg *msg)
{
	struct hm_batch_request requests[HM_FAN_MAX];
	struct hm_batch batch = { .requests = requests,
				  .count = s->args.config.count,
				  .enough = s->args.config.enough,
				  .timeout_us = s->args.config.timeout_us,
				  .on_end = on_end };

	for (uint32_t i = 0; i < batch.count; i++)
		requests[i] =
			(struct hm_batch_request){ .to = s->args.to[i],
						   .type = hm_msg_type(msg),
						   .body = hm_msg_length(msg) > 0 ? hm_msg_body(msg) : NULL };
	return hm_ask_batch(ctx, &batch);
}

static void
refuse(struct hm_ctx *ctx, enum hm_dead_reason reason)
{
	HMI_MARKED(ctx);

	hmi_received_refuse(ctx, reason);
}

static void
fan_receive(struct hm_ctx *ctx, void *state, const struct hm_msg *msg)
{
	struct state *s = state;
	enum hm_result result;

	if (hm_msg_type(msg) < HM_TYPE_USER)
		return;
	if (s->open == s->args.config.in_flight) {
		refuse(ctx, HM_DEAD_REJECTED);
		return;
	}
	result = fan_out(ctx, s, msg);
	if (result == HM_OK)
		s->open++;
	else
		refuse(ctx, result == HM_NO_MEMORY ? HM_DEAD_NO_MEMORY : HM_DEAD_UNEXPECTED);
}

static bool
is_right(const struct hm_fan *fan)
{
	if (fan == NULL || fan->to == NULL || fan->count == 0 || fan->count > HM_FAN_MAX ||
	    fan->enough > fan->count || fan->timeout_us == 0 || fan->join == NULL)
		return false;
	for (uint32_t i = 0; i < fan->count; i++)
		if (hm_pid_is_none(fan->to[i]))
			return false;
	return true;
}

int
hm_fan_spawn(struct hm_ctx *ctx, const struct hm_fan *fan, const char *name, struct hm_pid *pid)
{
	static const struct hm_props props = {
		.receive = fan_receive,
		.state_size = sizeof(struct state),
		.args_size = sizeof(struct args),
	};
	struct args args;

	hmi_check_ctx(ctx, "hm_fan_spawn");
	if (!is_right(fan))
		return -EINVAL;
	args = (struct args){ .config = *fan };
	memcpy(args.to, fan->to, fan->count * sizeof(args.to[0]));
	if (args.config.in_flight == 0)
		args.config.in_flight = HM_FAN_IN_FLIGHT;
	return hm_spawn(ctx, &props, name, &args, pid);
}
