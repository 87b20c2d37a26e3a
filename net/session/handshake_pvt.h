/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HANDSHAKE_PVT_H
#define HANDSHAKE_PVT_H

/*
 * The handshake: how a session is established.
 *
 *     caller                                   called
 *     CALLING   ── HELLO(my id) ──────────▶
 *               ◀───── WELCOME(my id) ────     ANSWERED
 *     OPEN      ── DATA or ACK ───────────▶    OPEN
 *
 * Both sides may call at the same time: each answers the other's HELLO, and opens at the first packet
 * that carries its own id. HELLO and WELCOME may be duplicated, late, or from an incarnation that has
 * ended. A newer incarnation, or a newer attempt of the same one, ends the existing session.
 *
 * Pure functions of the session, the packet and the time. The caller sends the packets.
 */

#include <stdbool.h>
#include <stdint.h>

#include "handshake_body_pvt.h"
#include "session_pvt.h"

#define HMI_CALL_FIRST_NS 20000000ull  /* between the first HELLOs; doubles */
#define HMI_CALL_LAST_NS  500000000ull /* longest interval, also after a REJECT */

/* What the caller has to do for a handshake packet. */
enum hmi_handshake_action {
	HMI_HANDSHAKE_IGNORE,  /* nothing: the packet is late or a duplicate */
	HMI_HANDSHAKE_ANSWER,  /* send WELCOME */
	HMI_HANDSHAKE_REPLACE, /* end the present session, then call the function again for this packet */
	HMI_HANDSHAKE_OPENED,  /* the session is open; an acknowledgement is due at once */
};

/* Start to send HELLOs, under a new id. */
void hmi_handshake_call(struct hmi_session *s, uint32_t local_id, uint64_t now);

/* Whether a HELLO is due; if so, the time of the next one is set. */
bool hmi_handshake_call_is_due(struct hmi_session *s, uint64_t now);

/* A HELLO was received. `local_id`: used if the session has no id yet. */
enum hmi_handshake_action hmi_handshake_hello(struct hmi_session *s, const struct hmi_handshake *hello,
					      uint32_t local_id, uint64_t now);

/* A WELCOME was received that carries this session's id. */
enum hmi_handshake_action hmi_handshake_welcome(struct hmi_session *s, const struct hmi_handshake *welcome,
						uint64_t now);

/* A REJECT was received that carries this session's id: send HELLO less often. Returns whether it applied. */
bool hmi_handshake_reject(struct hmi_session *s, uint64_t now);

/* DATA, ACK or BYE was received that carries this session's id. Returns whether it opened the session. */
bool hmi_handshake_confirm(struct hmi_session *s, uint64_t now);

#endif /* HANDSHAKE_PVT_H */
