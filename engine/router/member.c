/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routees, as a router's home knows them: in the order in which they came.
 */
#include "router_pvt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 8u

uint32_t
hmi_router_member_find(const struct hmi_router *router, struct hm_pid pid)
{
	uint32_t i = 0;

	while (i < router->count && !hm_pid_equal(router->members[i].pid, pid))
		i++;
	return i;
}

/* The lowest number that no own routee has: the one of the one that has ended. */
static uint64_t
id_free(const struct hmi_router *router)
{
	bool is_taken[HM_ROUTEES_MAX] = { false };
	uint64_t id = 0;

	for (uint32_t i = 0; i < router->count; i++) {
		if (router->members[i].is_own)
			is_taken[router->members[i].id] = true;
	}
	while (is_taken[id])
		id++;
	return id;
}

/* Of one that is no child: of its PID. Above all numbers. */
static uint64_t
id_of(struct hm_pid pid)
{
	return (pid.node * 0x9e3779b97f4a7c15u ^ pid.local) | UINT64_C(1) << 63;
}

static int
room_make(struct hmi_router *router)
{
	uint32_t capacity = router->capacity == 0 ? CAPACITY_FIRST : 2 * router->capacity;
	struct hmi_router_member *members;

	if (router->count == HM_ROUTEES_MAX)
		return -ENOSPC;
	if (router->count < router->capacity)
		return 0;
	members = realloc(router->members, capacity * sizeof(*members));
	if (members == NULL)
		return -ENOMEM;
	router->members = members;
	router->capacity = capacity;
	return 0;
}

int
hmi_router_member_add(struct hmi_router *router, struct hm_pid pid, bool is_own)
{
	int rc = room_make(router);

	if (rc != 0)
		return rc;
	router->members[router->count] = (struct hmi_router_member){
		.pid = pid, .id = is_own ? id_free(router) : id_of(pid), .is_own = is_own
	};
	router->count++;
	router->own += is_own;
	return 0;
}

void
hmi_router_member_remove(struct hmi_router *router, uint32_t index)
{
	router->own -= router->members[index].is_own;
	router->count--;
	memmove(&router->members[index], &router->members[index + 1],
		(router->count - index) * sizeof(router->members[0]));
}
