/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMT_MSG_H
#define HMT_MSG_H

/**
 * @file
 * Messages for tests that need no pool: from the heap, so that a sanitizer watches their edges.
 */

#include <stdint.h>
#include <stdlib.h>

#include "hm_msg.h"

/** Bytes of body of each of them, as in the smallest size class. */
#define HMT_MSG_BODY 24u

/** Fill @p msgs with @p count zeroed messages, numbered in `to`; they last until the end of the process. */
static inline void
hmt_msgs_make(struct hm_msg **msgs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		msgs[i] = calloc(1, sizeof(struct hm_msg) + HMT_MSG_BODY);
		if (msgs[i] == NULL)
			abort();
		msgs[i]->to = i;
	}
}

#endif /* HMT_MSG_H */
