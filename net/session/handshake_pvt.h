/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HANDSHAKE_PVT_H
#define HANDSHAKE_PVT_H

/*
 * The handshake: how a session comes to be.
 *
 *     caller                                   called
 *     CALLING   ── HELLO(my id) ──────────▶
 *               ◀───── WELCOME(my id) ────     ANSWERED
 *     OPEN      ── DATA or ACK ───────────▶    OPEN
 *
 * Both may call at once: each answers the other's HELLO and opens at the first packet that
 * carries its own id. HELLO and WELCOME may come twice, late, or from an incarnation that is
 * gone; a newer incarnation, or a newer attempt of the same, ends the session there is.
 *
 * Pure functions of the session, the packet and the time; the caller sends what they ask for.
 */

#include <stdbool.h>
#include <stdint.h>

#include "handshake_body_pvt.h"
#include "session_pvt.h"

#define HMI_CALL_FIRST_NS 20000000ull  /* between the first HELLOs; doubles */
#define HMI_CALL_LAST_NS  500000000ull /* between later ones, and after a refusal */

/* What the caller is to do about a handshake packet. */
enum hmi_handshake_action {
	HMI_HANDSHAKE_IGNORE,  /* nothing: late, or double */
	HMI_HANDSHAKE_ANSWER,  /* send WELCOME */
	HMI_HANDSHAKE_REPLACE, /* the present session is over: end it, then call again with this packet */
	HMI_HANDSHAKE_OPENED,  /* the session is open from now on; acknowledge at once */
};

/* Start calling, under a new id. */
void hmi_handshake_call(struct hmi_session *s, uint32_t local_id, uint64_t now);

/* Whether it is time for a HELLO; if so, the time of the next one is set. */
bool hmi_handshake_call_is_due(struct hmi_session *s, uint64_t now);

/* A HELLO came. `local_id`: for a session that does not exist yet. */
enum hmi_handshake_action hmi_handshake_hello(struct hmi_session *s, const struct hmi_handshake *hello,
					      uint32_t local_id, uint64_t now);

/* A WELCOME came that carries this session's id. */
enum hmi_handshake_action hmi_handshake_welcome(struct hmi_session *s, const struct hmi_handshake *welcome,
						uint64_t now);

/* A REJECT came that carries this session's id: call less often. Returns whether it mattered. */
bool hmi_handshake_reject(struct hmi_session *s, uint64_t now);

/* A DATA or ACK came that carries this session's id. Returns whether the session was opened by it. */
bool hmi_handshake_confirm(struct hmi_session *s, uint64_t now);

#endif /* HANDSHAKE_PVT_H */
