/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_PVT_H
#define KEY_PVT_H

/*
 * Keys of deployment settings: which values each has, and which member of props it is for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hm_actor.h"
#include "hm_mailbox.h"
#include "hm_supervisor.h"

/* In the order in which they are applied: what is set by a later one is not reset by an earlier one. */
enum hmi_key {
	HMI_KEY_LCORE,
	HMI_KEY_PRIORITY,
	HMI_KEY_QUANTUM,
	HMI_KEY_QUANTUM_TIME,
	HMI_KEY_FAULTS,
	HMI_KEY_BALANCE,
	HMI_KEY_STASH,
	HMI_KEY_ROUTER,
	HMI_KEY_ROUTER_SIZE,
	HMI_KEY_MAILBOX_ORDER,
	HMI_KEY_MAILBOX_OVERFLOW,
	HMI_KEY_MAILBOX_CAPACITY,
	HMI_KEY_MAILBOX_LOW,
	HMI_KEY_SUPERVISOR,
	HMI_KEY_SUPERVISOR_SCOPE,
	HMI_KEY_SUPERVISOR_RESTARTS,
	HMI_KEY_SUPERVISOR_WINDOW,
	HMI_KEY_BACKOFF_MIN,
	HMI_KEY_BACKOFF_MAX,
	HMI_KEY_BACKOFF_JITTER,
	HMI_KEY_BACKOFF_RESET,
	HMI_KEYS,
};

/* Props of an actor with what settings override, and what those props point to. */
struct hmi_deployed {
	struct hm_props props; /* first */
	struct hm_supervisor supervisor;
	struct hm_mailbox mailbox;
	uint32_t router;      /* enum hm_router_kind, and 1 more; 0: as the program has it */
	uint32_t router_size; /* routees of a pool; 0: as the program has it, or HM_ROUTER_SIZE */
};

/* The key of a name; HMI_KEYS: none. */
enum hmi_key hmi_key_find(const char *name);

const char *hmi_key_name(enum hmi_key key);

/* Say why a name is no key, and which one may have been meant. */
void hmi_key_explain(const char *name, char *text, size_t size);

/* Read a value. Returns whether it is one; *form: what values of this key look like. */
bool hmi_key_read(enum hmi_key key, const char *text, uint64_t *value, const char **form);

static inline bool
hmi_key_is_of_mailbox(enum hmi_key key)
{
	return key >= HMI_KEY_MAILBOX_ORDER && key <= HMI_KEY_MAILBOX_LOW;
}

static inline bool
hmi_key_is_of_supervisor(enum hmi_key key)
{
	return key >= HMI_KEY_SUPERVISOR;
}

/* Put a value into props, whose supervisor or mailbox is its own if the key is for one. */
void hmi_key_apply(enum hmi_key key, uint64_t value, struct hmi_deployed *deployed);

#endif /* KEY_PVT_H */
