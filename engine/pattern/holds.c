/* SPDX-License-Identifier: Apache-2.0 */
#include "holds_pvt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hmi_hold {
	uint64_t number, until_ns;
};

int
hmi_holds_create(struct hmi_holds *holds, uint32_t workers, uint32_t each)
{
	*holds = (struct hmi_holds){ .each = each };
	holds->holds = calloc((size_t)workers * each, sizeof(*holds->holds));
	holds->counts = calloc(workers, sizeof(*holds->counts));
	if (holds->holds != NULL && holds->counts != NULL)
		return 0;
	hmi_holds_destroy(holds);
	return -ENOMEM;
}

void
hmi_holds_destroy(struct hmi_holds *holds)
{
	free(holds->holds);
	free(holds->counts);
	*holds = (struct hmi_holds){ 0 };
}

static struct hmi_hold *
of(const struct hmi_holds *holds, uint32_t worker)
{
	return &holds->holds[(size_t)worker * holds->each];
}

bool
hmi_holds_add(struct hmi_holds *holds, uint32_t worker, uint64_t number, uint64_t until_ns)
{
	uint32_t *count = &holds->counts[worker];

	if (*count == holds->each)
		return false;
	of(holds, worker)[(*count)++] = (struct hmi_hold){ number, until_ns };
	holds->total++;
	return true;
}

/* Take out some that stand together. */
static void
take_out(struct hmi_holds *holds, uint32_t worker, uint32_t at, uint32_t n)
{
	struct hmi_hold *own = of(holds, worker);

	holds->counts[worker] -= n;
	holds->total -= n;
	memmove(&own[at], &own[at + n], (holds->counts[worker] - at) * sizeof(*own));
}

bool
hmi_holds_remove(struct hmi_holds *holds, uint32_t worker, uint64_t number)
{
	const struct hmi_hold *own = of(holds, worker);

	for (uint32_t i = 0; i < holds->counts[worker]; i++) {
		if (own[i].number == number) {
			take_out(holds, worker, i, 1);
			return true;
		}
	}
	return false;
}

uint32_t
hmi_holds_expire(struct hmi_holds *holds, uint32_t worker, uint64_t now_ns)
{
	const struct hmi_hold *own = of(holds, worker);
	uint32_t n = 0;

	while (n < holds->counts[worker] && own[n].until_ns <= now_ns)
		n++;
	if (n > 0)
		take_out(holds, worker, 0, n);
	return n;
}
