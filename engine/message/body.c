/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies by their type, for what HM_MESSAGES makes.
 */
#include "hm_messages.h"

#include "assert_pvt.h"

const void *
hm_msg_body_checked(const struct hm_msg *msg, uint16_t type, size_t bytes, const char *name)
{
	if (msg == NULL)
		hmi_misuse("hm_msg_body_checked", "no message, where a %s is expected", name);
	if (hm_msg_type(msg) != type)
		hmi_misuse("hm_msg_body_checked", "a message of type %u is no %s, which is %u",
			   (unsigned int)hm_msg_type(msg), name, (unsigned int)type);
	if (hm_msg_length(msg) < bytes)
		hmi_misuse("hm_msg_body_checked",
			   "a %s has %zu bytes, this one has %zu; was it registered with another size?", name,
			   bytes, hm_msg_length(msg));
	return hm_msg_body(msg);
}
