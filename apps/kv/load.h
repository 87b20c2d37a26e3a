/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOAD_H
#define LOAD_H

/*
 * Clients that ask as fast as they are answered, each a thread of its own.
 */
#include "client.h"

#define LOAD_CLIENTS_MAX 64u

struct load_result {
	uint64_t puts, found; /* answered by OK */
	uint64_t others;      /* answered otherwise, or not at all */
};

/*
 * Each client puts so many keys, and then gets them. Blocks. 0; -EINVAL: no clients, or too many; or another errno of a client
 * that could not be opened, when all others have ended.
 */
int load_run(const struct client_config *config, uint32_t clients, uint32_t keys, struct load_result *result);

#endif /* LOAD_H */
