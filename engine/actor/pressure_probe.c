/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Circles of actors that wait for each other: questions that are passed on to those that have muted, and come back.
 */
#include "pressure_record_pvt.h"

#include "actor_pvt.h"
#include "counter_pvt.h"
#include "msg_pvt.h"
#include "post_pvt.h"

/* Actors that a question passes. */
#define HOPS_MAX 1000u

/* Body of HMI_SYS_PROBE. */
struct probe {
	struct hm_pid initiator;
	uint64_t wave;
	uint32_t hops;
};

static void
probe_send(struct hm_ctx *ctx, const struct hmi_pressure *pressure, const struct probe *probe)
{
	for (const struct hmi_owned *owned = pressure->muters; owned != NULL; owned = owned->next) {
		struct hm_msg *msg = hmi_control(&ctx->cache, HMI_SYS_PROBE, sizeof(*probe));

		*(struct probe *)hm_msg_body_mut(msg) = *probe;
		(void)hmi_post(ctx, ((const struct hmi_link *)owned)->pid, msg);
	}
}

void
hmi_probe_start(struct hm_ctx *ctx, const struct hmi_cell *cell, const struct hmi_pressure *pressure)
{
	struct probe probe = {
		.initiator = hmi_pid_of(ctx, cell),
		.wave = hmi_local(hmi_index(ctx), 0, 0) | ++ctx->probe_serial,
	};

	probe_send(ctx, pressure, &probe);
}

/* Whether the actor sees a question for the first time, as far as it remembers. */
static bool
wave_is_new(struct hmi_pressure *pressure, uint64_t wave)
{
	for (uint32_t i = 0; i < HMI_PROBE_WAVES; i++) {
		if (pressure->waves[i] == wave)
			return false;
	}
	pressure->waves[pressure->waves_next++ % HMI_PROBE_WAVES] = wave;
	return true;
}

void
hmi_pressure_probe(struct hm_ctx *ctx, struct hmi_cell *cell, const struct hm_msg *msg)
{
	struct probe probe = *(const struct probe *)hm_msg_body(msg);
	struct hmi_pressure *pressure = hmi_pressure_of(cell);

	if (pressure == NULL || (cell->pending & HMI_PENDING_MUTED) == 0)
		return;
	if (hm_pid_equal(probe.initiator, hmi_pid_of(ctx, cell))) {
		hmi_muters_release(ctx, cell, pressure);
		hmi_count(&ctx->stats.circles, 1);
		hmi_sender_unmute(ctx, cell);
	} else if (++probe.hops <= HOPS_MAX && wave_is_new(pressure, probe.wave)) {
		probe_send(ctx, pressure, &probe);
	}
}
