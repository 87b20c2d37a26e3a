/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_pvt.h"

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "memory_pvt.h"

static int
lanes_create(struct hmi_worker *w, const struct hmi_worker_config *config)
{
	uint32_t n = config->lcores_count;

	w->lanes_out = hmi_zalloc_near(n * sizeof(*w->lanes_out), config->socket);
	w->lanes_in = hmi_zalloc_near(n * sizeof(*w->lanes_in), config->socket);
	w->lanes_dirty = hmi_zalloc_near(n * sizeof(struct hmi_lane *), config->socket);
	w->lanes_unchecked = hmi_zalloc_near(n * sizeof(struct hmi_lane *), config->socket);
	w->wakes = hmi_zalloc_near(n * sizeof(struct hmi_wake *), config->socket);
	if (w->lanes_out == NULL || w->lanes_in == NULL || w->lanes_dirty == NULL ||
	    w->lanes_unchecked == NULL || w->wakes == NULL)
		return -ENOMEM;
	for (uint32_t to = 0; to < n; to++) {
		if (to == config->index)
			continue;

		int rc = hmi_lane_create(&w->lanes_out[to], config->lane_size, config->socket);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
parts_create(struct hmi_worker *w, const struct hmi_worker_config *config)
{
	int rc = hmi_runq_create(&w->runq);

	if (rc == 0)
		rc = hmi_runq_create(&w->urgent);
	if (rc == 0)
		rc = hmi_runq_create(&w->unstarted);
	for (uint32_t c = 0; rc == 0 && c < HMI_CLASSES; c++)
		rc = hmi_runq_create(&w->classes.queues[c]);
	if (rc == 0)
		rc = hmi_recovery_create(&w->recovery, w->ops->recovery);
	if (rc == 0)
		rc = hmi_inject_create(&w->inject, config->inject_size, config->socket);
	return rc == 0 ? lanes_create(w, config) : rc;
}

static void
tsc_init(struct hmi_tsc *tsc)
{
	uint64_t ticks, ns;

	hmi_tsc_read_pair(&ticks, &ns);
	hmi_tsc_init(tsc, ticks, ns, rte_get_tsc_hz());
}

int
hmi_worker_create(struct hmi_worker *w, const struct hmi_worker_config *config,
		  const struct hmi_worker_ops *ops)
{
	memset(w, 0, sizeof(*w));
	w->ops = ops;
	w->index = config->index;
	w->lcores_count = config->lcores_count;
	w->clock = config->clock;
	tsc_init(&w->tsc);
	(void)hmi_worker_clock(w);
	hmi_deadline_init(&w->deadline, config->quantum);
	if (config->quantum_us != 0)
		w->deadline.look_us = config->quantum_us;
	hmi_deadline_init(&w->polling, HMI_DEADLINE_STEPS);
	w->polling.even = true;
	hmi_wake_init(&w->wake);
	hmi_idle_init(&w->idle, config->idle, config->crowded);
	hmi_wheel_init(&w->wheel, w->now_ns);

	int rc = parts_create(w, config);

	if (rc != 0)
		hmi_worker_destroy(w);
	return rc;
}

void
hmi_worker_connect(struct hmi_worker **workers, uint32_t count)
{
	for (uint32_t to = 0; to < count; to++) {
		struct hmi_worker *w = workers[to];

		w->lanes_in_count = 0;
		for (uint32_t from = 0; from < count; from++) {
			if (from == to)
				continue;
			w->lanes_in[w->lanes_in_count++] = hmi_lane_receiver(&workers[from]->lanes_out[to]);
			if (w->idle.policy == HM_IDLE_ADAPTIVE)
				workers[from]->wakes[to] = &w->wake;
		}
	}
}

struct hm_msg *
hmi_worker_drain(struct hmi_worker *w)
{
	struct hm_msg *msg;

	for (uint32_t to = 0; to < w->lcores_count; to++) {
		msg = hmi_lane_drain(&w->lanes_out[to]);
		if (msg != NULL)
			return msg;
	}
	return hmi_inject_pop_burst(&w->inject, &msg, 1) == 1 ? msg : NULL;
}

void
hmi_worker_destroy(struct hmi_worker *w)
{
	for (uint32_t to = 0; w->lanes_out != NULL && to < w->lcores_count; to++)
		hmi_lane_destroy(&w->lanes_out[to]);
	rte_free(w->lanes_out);
	rte_free(w->lanes_in);
	rte_free(w->lanes_dirty);
	rte_free(w->lanes_unchecked);
	rte_free(w->wakes);
	hmi_wake_fini(&w->wake);
	w->lanes_out = NULL;
	w->lanes_in = NULL;
	w->lanes_dirty = NULL;
	w->lanes_unchecked = NULL;
	w->wakes = NULL;
	hmi_recovery_destroy(&w->recovery);
	hmi_inject_destroy(&w->inject);
	if (w->runq.ring != NULL)
		hmi_runq_destroy(&w->runq);
	if (w->urgent.ring != NULL)
		hmi_runq_destroy(&w->urgent);
	if (w->unstarted.ring != NULL)
		hmi_runq_destroy(&w->unstarted);
	for (uint32_t c = 0; c < HMI_CLASSES; c++) {
		if (w->classes.queues[c].ring != NULL)
			hmi_runq_destroy(&w->classes.queues[c]);
	}
}
