/* SPDX-License-Identifier: Apache-2.0 */
#include "cron_wait_pvt.h"

#include <stdlib.h>
#include <time.h>

#include "cron_pvt.h"

#define SECOND_NS UINT64_C(1000000000)
/* So long a clock that was set may go unnoticed. */
#define LOOK_NS (60 * SECOND_NS)
/* A clock that is put back by more has been wrong: the schedule begins anew. */
#define BACK_S 3600

struct hmi_cron_wait {
	struct hm_cron *cron;
	int64_t due_s;  /* since 1970 */
	int64_t seen_s; /* the latest time of the clock so far */
};

/* Nanoseconds since 1970. A clock that a test or a simulation gives is that of the day, too. */
static uint64_t
wall_ns(struct hmi_worker *worker)
{
	struct timespec now;

	if (worker->clock->read != NULL)
		return hmi_worker_clock(worker);
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static uint64_t
look_ns(struct hmi_worker *worker, const struct hmi_cron_wait *wait, uint64_t wall)
{
	int64_t left_s = wait->due_s - (int64_t)(wall / SECOND_NS);
	uint64_t ns = LOOK_NS;

	if (left_s <= 0)
		ns = 0;
	else if ((uint64_t)left_s <= LOOK_NS / SECOND_NS)
		ns = (uint64_t)left_s * SECOND_NS - wall % SECOND_NS;
	return hmi_worker_clock(worker) + ns;
}

enum hm_result
hmi_cron_wait_begin(struct hmi_worker *worker, struct hm_cron *cron, struct hmi_cron_wait **out,
		    uint64_t *at_ns)
{
	uint64_t wall = wall_ns(worker);
	struct hmi_cron_wait *wait;
	int64_t due_s;

	if (hm_cron_next(cron, (int64_t)(wall / SECOND_NS), &due_s) != 0)
		return HM_INVALID;
	wait = malloc(sizeof(*wait));
	if (wait == NULL)
		return HM_NO_MEMORY;
	*wait = (struct hmi_cron_wait){ cron, due_s, (int64_t)(wall / SECOND_NS) };
	hmi_cron_get(cron);
	*at_ns = look_ns(worker, wait, wall);
	*out = wait;
	return HM_OK;
}

bool
hmi_cron_wait_is_over(struct hmi_worker *worker, struct hmi_cron_wait *wait, uint64_t *at_ns)
{
	uint64_t wall = wall_ns(worker);
	int64_t now_s = (int64_t)(wall / SECOND_NS);

	/* Without an answer it stays as it is; but there was one later. */
	if (now_s < wait->seen_s - BACK_S && hm_cron_next(wait->cron, now_s, &wait->due_s) == 0)
		wait->seen_s = now_s;
	if (now_s > wait->seen_s)
		wait->seen_s = now_s;
	if (now_s >= wait->due_s)
		return true;
	*at_ns = look_ns(worker, wait, wall);
	return false;
}

uint64_t
hmi_cron_wait_next(struct hmi_worker *worker, struct hmi_cron_wait *wait)
{
	uint64_t wall = wall_ns(worker);
	int64_t now_s = (int64_t)(wall / SECOND_NS);

	if (hm_cron_next(wait->cron, now_s > wait->due_s ? now_s : wait->due_s, &wait->due_s) != 0)
		return 0;
	return look_ns(worker, wait, wall);
}

void
hmi_cron_wait_end(struct hmi_cron_wait *wait)
{
	hm_cron_destroy(wait->cron);
	free(wait);
}
