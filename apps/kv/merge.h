/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MERGE_H
#define MERGE_H

/*
 * One answer made of those of all shards. replies: of hm_ask_batch, all of them answered.
 */
#include <hermod.h>

#include "messages.h"

/* The first keys of all pages, in order. */
enum hm_result pages_send(struct hm_ctx *ctx, struct hm_pid to, const Kv__Scan *scan,
			  const struct hm_msg *replies);

/* The sum of what all shards count. */
enum hm_result stats_send(struct hm_ctx *ctx, struct hm_pid to, const Kv__Inspect *inspect,
			  const struct hm_msg *replies);

#endif /* MERGE_H */
