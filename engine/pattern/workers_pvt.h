/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKERS_PVT_H
#define WORKERS_PVT_H

#include "hm_workers.h"

struct hmi_types;

/* Messages of pools to themselves; those from HM_TYPE_RESERVED on are routers'. */
enum hmi_workers_msg_type {
	HMI_WORKERS_LOOK = HM_TYPE_RESERVED + 64, /* for holds whose time is over */
	HMI_WORKERS_AFRESH,                       /* the sender, a worker, has failed */
};

/* Returns 0 or -ENOMEM. */
int hmi_workers_types_add(struct hmi_types *types);

#endif /* WORKERS_PVT_H */
