/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SESSION_OWN_PVT_H
#define SESSION_OWN_PVT_H

/* What the files of a session share. */

#include "session_pvt.h"

/* The number closest to `near` with these low bits. Below 0 it wraps to a huge one, which is refused. */
static inline uint64_t
hmi_number_near(uint64_t near, uint32_t low)
{
	return near + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)near);
}

/* Have memory for data under way. Returns whether there is. */
bool hmi_session_window_get(struct hmi_session *s, uint64_t now);

/* Give it back, if nothing is under way. */
void hmi_session_window_rest(struct hmi_session *s);

/* Have packets sent again that are lost by now. */
void hmi_session_losses(struct hmi_session *s, uint64_t now);

/* A packet is lost: its data is to be sent again, unless it has been. */
void hmi_session_lost(struct hmi_session *s, uint64_t number, uint64_t now);

/* Set the time of the next probe: what is in flight is expected to be acknowledged before. */
void hmi_session_probe_set(struct hmi_session *s, uint64_t now);

/* What the policy of congestion control is told to do. */
static inline const struct hmi_congestion_ops *
hmi_session_policy(const struct hmi_session *s)
{
	return hmi_congestion_ops[s->congestion.kind];
}

#endif /* SESSION_OWN_PVT_H */
