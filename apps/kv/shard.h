/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHARD_H
#define SHARD_H

/*
 * A shard: the actor that has a part of all keys, on its lcore. It answers who asks, and knows no client.
 */
#include <hermod.h>

/* The arguments of a shard. */
struct shard_args {
	uint64_t bytes_max; /* of its keys and values */
};

/* One on each lcore in turn. */
extern const struct hm_props shard_props;

/*
 * What becomes of a shard that fails. By hm_fail it has noticed something while all that it holds was whole, so it goes on with that.
 * A signal can have come in the middle of a change: the shard begins anew, and its part of the keys is gone.
 */
extern const struct hm_supervisor shard_supervisor;

#endif /* SHARD_H */
