/* SPDX-License-Identifier: Apache-2.0 */
#include "hm_breaker.h"

#include <stddef.h>

#define FAILURES_DEFAULT 5u
#define PROBES_DEFAULT   1u
#define OPEN_US_DEFAULT  1000000u

void
hm_breaker_init(struct hm_breaker *breaker, const struct hm_breaker_config *config)
{
	*breaker = (struct hm_breaker){ 0 };
	if (config != NULL)
		breaker->config = *config;
	if (breaker->config.failures == 0)
		breaker->config.failures = FAILURES_DEFAULT;
	if (breaker->config.probes == 0)
		breaker->config.probes = PROBES_DEFAULT;
	if (breaker->config.open_us == 0)
		breaker->config.open_us = OPEN_US_DEFAULT;
}

static uint64_t
open_end(const struct hm_breaker *breaker, uint64_t now_ns)
{
	uint64_t us = breaker->config.open_us;

	return us > (UINT64_MAX - now_ns) / 1000 ? UINT64_MAX : now_ns + us * 1000;
}

/* Results of calls that began before are of no use any more. */
static void
enter(struct hm_breaker *breaker, enum hm_breaker_state state, uint64_t now_ns)
{
	breaker->state = state;
	breaker->ticket++;
	breaker->failures = breaker->begun = breaker->succeeded = 0;
	breaker->until_ns = open_end(breaker, now_ns);
}

bool
hm_breaker_allow(struct hm_breaker *breaker, uint64_t now_ns, uint32_t *ticket)
{
	/* Or the results of the probes have not come. */
	if (breaker->state != HM_BREAKER_CLOSED && now_ns >= breaker->until_ns)
		enter(breaker, HM_BREAKER_HALF_OPEN, now_ns);
	if (breaker->state == HM_BREAKER_OPEN ||
	    (breaker->state == HM_BREAKER_HALF_OPEN && breaker->begun == breaker->config.probes))
		return false;
	breaker->begun += breaker->state == HM_BREAKER_HALF_OPEN;
	*ticket = breaker->ticket;
	return true;
}

void
hm_breaker_report(struct hm_breaker *breaker, uint32_t ticket, bool is_success, uint64_t now_ns)
{
	if (ticket != breaker->ticket || breaker->state == HM_BREAKER_OPEN)
		return;
	if (breaker->state == HM_BREAKER_HALF_OPEN) {
		if (!is_success)
			enter(breaker, HM_BREAKER_OPEN, now_ns);
		else if (++breaker->succeeded == breaker->config.probes)
			enter(breaker, HM_BREAKER_CLOSED, now_ns);
	} else if (is_success) {
		breaker->failures = 0;
	} else if (++breaker->failures == breaker->config.failures) {
		enter(breaker, HM_BREAKER_OPEN, now_ns);
	}
}

enum hm_breaker_state
hm_breaker_state_at(const struct hm_breaker *breaker, uint64_t now_ns)
{
	if (breaker->state == HM_BREAKER_OPEN && now_ns >= breaker->until_ns)
		return HM_BREAKER_HALF_OPEN;
	return (enum hm_breaker_state)breaker->state;
}
