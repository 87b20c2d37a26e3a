/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SESSION_H
#define SESSION_H

/*
 * A session: the actor between one client and the shards. Each request of the client's gets one answer, which is the shard's, or
 * the session's own when there is none.
 *
 *     client ── stream ──▶ session ── ask ──▶ router ──▶ shard of the key
 *            ◀─ stream ──          ◀─ answer, time-out, dead letter ─┘
 */
#include <hermod.h>

/* The arguments of a session. */
struct session_args {
	struct hm_pid answers; /* the client's stream, with whose end the session ends */
	struct hm_pid shards;  /* their router */
	uint64_t timeout_us;   /* until a shard has to answer */
};

extern const struct hm_props session_props;

#endif /* SESSION_H */
