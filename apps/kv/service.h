/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVICE_H
#define SERVICE_H

/*
 * The service: the parent of all its actors, who brings clients and shards together.
 *
 *     /user/kv
 *       ├── shards       a router, by the hash of the key
 *       │     ├── 1      shards
 *       │     └── 2
 *       └── (sessions)   one for each client
 */
#include <hermod.h>

struct service_config {
	uint32_t shards;       /* up to KV_SHARDS_MAX; 0: one for each lcore */
	uint64_t bytes_max;    /* of all keys and values */
	uint64_t timeout_us;   /* until a shard has to answer */
	uint32_t sessions_max; /* clients at once */
};

/*
 * Register its messages, spawn it, and have the stop of the system wait until what clients have asked before is answered. Before
 * the system runs.
 */
int service_start(struct hm_system *sys, const struct service_config *config, struct hm_pid *service);

#endif /* SERVICE_H */
